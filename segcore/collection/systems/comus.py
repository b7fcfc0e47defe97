"""COMUS on a collection: what is salient, grouped by spectral clustering, and two rounds of self-training."""

from dataclasses import dataclass

import cv2
import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from segcore.checks import check_tensor
from segcore.collection.collection import Collection
from segcore.collection.pieces import (
    Grouped,
    PieceSettings,
    by_class_token,
    by_patches,
    check_pieces,
    cluster_spectral,
    gathered,
    group_pieces,
)
from segcore.collection.system import CollectionSystem, GroupSteps, setting
from segcore.pretrain.cues import cut_up, draw_regions, draw_saliency, objectness

_CELL_PX = 4  # side of a cell in the picture that saliency is drawn on
_SALIENT = 0.5  # probability of being object

_REGIONS = -4  # of the levels of `draw_regions`: that with 32 regions


@dataclass(frozen=True, kw_only=True)
class ComusSettings(PieceSettings):
    """The tunables of COMUS."""

    # fmt: off
    confident: float = setting(
        0.95, "Confident share", lo=0.05, hi=1.0, step=0.05,
        info="In round two, only this share of the patches of each label teaches: those that the head is surest of.")
    neighbors: int = setting(
        30, "Nearest neighbors", lo=2, hi=200, step=1,
        info="Of each piece in the graph that is clustered.")
    most_nodes: int = setting(
        3000, "Pieces in the graph", lo=100, hi=10_000, step=100,
        info="Where there are more, the others join the group of their nearest.")
    core: float = setting(
        0.8, "Core", lo=0.05, hi=1.0, step=0.05,
        info="Share of each group, the pieces nearest to its center by the cosine in the embedding, that teaches in round "
             "one.")
    least_cells: int = setting(
        4, "Smallest piece", lo=1, hi=256, step=1, unit="patches",
        info="Smaller ones are left out.")
    # fmt: on


def salient_pieces(pixels: Tensor, *, h: int, w: int, least_cells: int = 1, rest: bool = False) -> Tensor:
    """Cut out what is salient, by cues without learning.

    Args:
        pixels: (height, width, 3) uint8 RGB of a grid.
        h: rows of the grid.
        w: columns of the grid.
        least_cells: of a piece; smaller ones are left out.
        rest: cut the rest into regions by color, texture and borders too, as scenes have no background.

    Returns:
        (h, w) int64: the connected parts of what is object with a probability above ½ as 1, 2, …, then, where wanted, the
        regions of the rest; 0 elsewhere.

    Cost: a third of a second for 60 × 45 cells.

    Reference: robust background detection and the other cues of `segcore.pretrain.cues`, which stand in for COMUS's
    network DeepUSPS, itself taught by such cues.
    """
    check_tensor("pixels", pixels, ("height", "width", 3))
    resized = cv2.resize(pixels.cpu().numpy(), (w * _CELL_PX, h * _CELL_PX), interpolation=cv2.INTER_AREA)
    picture = np.asarray(resized, np.uint8)
    pieces = cut_up(picture)
    g = objectness(draw_saliency(pieces), pieces.size)[pieces.labels]
    salient = g.reshape(h, _CELL_PX, w, _CELL_PX).mean((1, 3)) > _SALIENT
    found, n = scipy.ndimage.label(salient)
    if rest:
        middle = _CELL_PX // 2
        regions = draw_regions(picture)[middle::_CELL_PX, middle::_CELL_PX, _REGIONS].astype(np.int64)
        found = np.where(salient, found, n + 1 + regions)
    return _numbered(torch.from_numpy(found.astype(np.int64)), least_cells)


def _numbered(found: Tensor, least_cells: int) -> Tensor:
    """The pieces (h, w) that have so many cells as 1, 2, …, in their order."""
    counts = torch.bincount(found.flatten())
    kept = counts >= least_cells
    kept[0] = False
    return torch.where(kept, kept.cumsum(0), 0)[found]


def core_confidence(found: Grouped, likeness: Tensor, core: float) -> Tensor:
    """(M,) 1 for the share of each group that is most like its center, by likeness (M,), and 0 for the others."""
    sure = torch.zeros(len(likeness))
    for group in range(int(found.labels.max()) + 1):
        members = (found.labels == group).nonzero()[:, 0]
        n = max(1, round(core * len(members))) if len(members) else 0
        sure[members[likeness[members].argsort(descending=True, stable=True)[:n]]] = 1.0
    return sure


def run_comus(collection: Collection, *, n_groups: int, seed: int, settings: ComusSettings) -> GroupSteps:
    """Cut out what is salient in every picture, cluster it over the collection, and train on that in rounds."""
    s, own = settings, settings.background == "own"

    def cut(i: int) -> Tensor:
        grid = collection.grid(i)
        return salient_pieces(grid.pixels, h=grid.geometry.h, w=grid.geometry.w, least_cells=s.least_cells, rest=not own)

    describe = by_patches(collection) if s.describe == "patches" else by_class_token(collection)
    with gathered(collection, cut, describe, stage="saliency") as steps:
        pieces = yield from steps
        check_pieces(pieces, n_groups - own, what="salient piece")
        found = cluster_spectral(pieces, n_groups - own, s, neighbors=s.neighbors, most=s.most_nodes, seed=seed)
        found = Grouped(found.labels, core_confidence(found, found.confidence, s.core), found.centers, found.notes)
        return (yield from group_pieces("comus", collection, pieces, found, n_groups=n_groups, settings=s, seed=seed))


COMUS = CollectionSystem(
    name="comus",
    title="COMUS",
    summary="What is salient in each picture, grouped by spectral clustering, and two rounds of self-training.",
    formula=r"W = \tfrac{1}{2}(A + A^\top), \quad A_{ij} = [j \in \mathrm{NN}_{30}(i)], \quad L_{sym} u = \mu u",
    source="Zadaianchuk and others 2023",
    settings=ComusSettings,
    run=run_comus,
    learns=True,
    reads={"facet": "token"},
)
