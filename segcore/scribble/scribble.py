"""From strokes on a picture to its labels: four methods on the same strokes."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from segcore.checks import check_choice, check_range
from segcore.errors import InputError
from segcore.heads.apply import (
    MOST_BLOCKS,
    UPSAMPLING,
    cell_counts,
    entropy,
    head_probabilities,
    last_blocks,
    named,
    on_pixels,
    read_features,
    weights_of,
)
from segcore.heads.file import Head
from segcore.heads.linear import train_head
from segcore.image import scaled_picture, scaled_to_pixels
from segcore.pipeline import Pipeline
from segcore.scribble.coarse_cut import Cut, Links, banded_cut, links_of
from segcore.scribble.energy import COLOR_MODELS, Shades, bound_costs, color_costs, contrast_links, shades_of
from segcore.scribble.max_flow import MaxFlow, max_flow
from segcore.scribble.nearest import nearest_labels
from segcore.scribble.strokes import Strokes, marked_labels, rasterize
from segcore.scribble.walker import random_walker
from segcore.settings import Settings
from segcore.types import FeatureGrid
from segcore.upsample import UPSAMPLERS

METHODS = ("graph_cut", "random_walker", "head", "nearest")
COSTS = (*COLOR_MODELS, "head", "none")
LARGEST_WEIGHT = 200.0
_LEAST_P = 1e-3  # what a head's probability counts as at least, as a cost of the cut


@dataclass(frozen=True, kw_only=True)
class Options:
    """How strokes become labels; checked when made.

    Raises:
        InputError: a value breaks its rule.
    """

    method: str = "graph_cut"  # of METHODS
    costs: str = "mixture"  # of COSTS: what a label costs at a pixel; "none": the strokes alone
    weight: float = 20.0  # λ of the links, 0 … LARGEST_WEIGHT
    n_blocks: int = 1  # how many of the last blocks the head and the nearest patch read
    upsampling: str = UPSAMPLING  # between patches and pixels
    everywhere: bool = False  # cut all pixels at once, instead of blocks and then a band

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        check_choice("costs", self.costs, COSTS)
        check_choice("upsampling", self.upsampling, tuple(UPSAMPLERS))
        check_range("weight", self.weight, lo=0, hi=LARGEST_WEIGHT)
        check_range("n_blocks", self.n_blocks, lo=1, hi=MOST_BLOCKS)

    @property
    def reads_patches(self) -> bool:
        """Whether patch features count."""
        return self.method in ("head", "nearest") or (self.method == "graph_cut" and self.costs == "head")


@dataclass(frozen=True, eq=False, slots=True)
class Scribbled:
    """What the strokes gave."""

    labels: tuple[int, ...]  # (k) those that were drawn, ascending
    label_map: Tensor  # (height, width) of the picture itself: values of `labels`
    scaled: Tensor  # (scaled height, scaled width) the same on the scaled picture
    P: Tensor | None  # (k, scaled height, scaled width) probabilities, where the method has them
    seeds: Tensor  # (scaled height, scaled width) uint8: the strokes
    grid: FeatureGrid  # the patches of the picture, and the scaled picture
    cut: Cut | None
    costs: Tensor | None  # (k, …) of the cut, without the strokes' bounds
    head: Head | None
    seconds: Mapping[str, float]

    @property
    def uncertain(self) -> Tensor | None:
        """(scaled height, scaled width) entropy in [0, 1], where there are probabilities."""
        return None if self.P is None else entropy(self.P, 0)


def scribble(
    pipeline: Pipeline,
    picture: Any,
    settings: Settings,
    strokes: Strokes,
    options: Options,
    *,
    solve: MaxFlow = max_flow,
    names: Mapping[int, str] | None = None,
) -> Scribbled:
    """Label a picture from strokes.

    Args:
        pipeline: computes features and remembers them.
        picture: as `read_image` takes it.
        settings: backbone, facet and max_side count.
        strokes: on the picture.
        options: method and what it reads.
        solve: finds maximum flows.
        names: of labels, in words.

    Raises:
        InputError: no strokes, one label only, or a setting breaks a rule; one sentence.
        ModelError: the backbone cannot be had.

    Cost: tens to hundreds of milliseconds at 480 px once the features are there.
    """
    work = _Work(pipeline, picture, settings, strokes, options, solve, names or {})
    began = time.perf_counter()
    rows, P = {"graph_cut": work.graph_cut, "random_walker": work.walker, "head": work.head, "nearest": work.nearest}[
        options.method
    ]()
    work.lap(began, options.method)
    g = work.grid.geometry
    soft = torch.nn.functional.one_hot(rows, len(work.labels)).permute(2, 0, 1).float() if P is None or work.cut else P
    return Scribbled(
        labels=work.labels,
        label_map=named(scaled_to_pixels(soft, g).cpu(), work.labels),
        scaled=named(rows, work.labels),
        P=P,
        seeds=work.seeds,
        grid=work.grid,
        cut=work.cut,
        costs=work.costs,
        head=work.made,
        seconds=work.seconds,
    )


class _Work:
    """The pieces that the methods share, for one picture and its strokes."""

    def __init__(
        self,
        pipeline: Pipeline,
        picture: Any,
        settings: Settings,
        strokes: Strokes,
        options: Options,
        solve: MaxFlow,
        names: Mapping[int, str],
    ):
        self.options, self._pipeline, self._solve, self._names = options, pipeline, solve, names
        self.seconds: dict[str, float] = {}
        began = time.perf_counter()
        # Colors alone need no transformer; their grid is the same scaled picture.
        base = settings if options.reads_patches else settings.replace(backbone="color")
        self.blocks = last_blocks(options.n_blocks)
        self.grid = read_features(pipeline, picture, base, blocks=self.blocks)
        self._settings, self._picture = base, picture
        self.lap(began, "features")
        self.image = scaled_picture(self.grid.pixels, self.grid.geometry).cpu()
        self.seeds = rasterize(strokes, (self.image.shape[0], self.image.shape[1]))
        self.labels = marked_labels(self.seeds, strokes)
        self.cut: Cut | None = None
        self.costs: Tensor | None = None
        self.made: Head | None = None

    def lap(self, began: float, name: str) -> None:
        self.seconds[name] = time.perf_counter() - began

    def graph_cut(self) -> tuple[Tensor, Tensor | None]:
        links = self._links(self.options.weight)
        links = links.pixels_only if self.options.everywhere else links
        k = len(self.labels)
        if self.options.costs == "none":
            costs = torch.zeros(k, *self.image.shape[:2])
        elif self.options.costs == "head":
            costs = -self._head_on_pixels().clamp_min(_LEAST_P).log()
            costs = (costs - costs.amin(0)).clamp_min(0).cpu()
        else:
            shades: Shades = self._of_picture("shades", shades_of)
            costs = color_costs(self.image, self.seeds, self.labels, model=self.options.costs, shades=shades)
        self.costs = costs
        bound = bound_costs(costs, links.pairwise, self.seeds, self.labels)
        self.cut = banded_cut(bound, links, solve=self._solve)
        P = None if self.options.costs == "none" else self._certain_on_strokes(torch.softmax(-costs, 0))
        return self.cut.labels, P

    def walker(self) -> tuple[Tensor, Tensor | None]:
        _, P = random_walker(self.seeds, self._links(1.0).pairwise)
        return P.argmax(0), P

    def head(self) -> tuple[Tensor, Tensor | None]:
        P = self._head_on_pixels().cpu()
        return P.argmax(0), P

    def nearest(self) -> tuple[Tensor, Tensor | None]:
        counts, marked = self._marked_cells()
        known = counts[marked].argmax(1)
        self._need_all(known.unique().numel())
        P = nearest_labels(self.grid.X, self.grid.X[marked], known.to(self.grid.X.device), k=len(self.labels))
        P = self._lifted(P)
        return P.argmax(0), P

    def _head_on_pixels(self) -> Tensor:
        counts, marked = self._marked_cells()
        self._need_all(int(marked.sum()))
        linear = train_head(self.grid.X[marked].cpu(), counts[marked])
        name, weights = weights_of(self._pipeline, self._settings)
        self.made = Head(
            linear,
            self.labels,
            tuple(self._names.get(label) or f"label {label}" for label in self.labels),
            name,
            self._settings.facet,
            self.blocks,
            self._settings.max_side,
            weights,
        )
        return self._lifted(head_probabilities(self.made, self.grid))

    def _marked_cells(self) -> tuple[Tensor, Tensor]:
        """(n, k) pixels of each label under strokes per cell, and (n,) bool the cells that have any."""
        counts = cell_counts(self.seeds, self.grid.geometry, self.labels)
        return counts, counts.sum(1) > 0

    def _need_all(self, n: int) -> None:
        if n < len(self.labels):
            raise InputError(
                "There are fewer marked patches than labels: strokes of different labels share all their patches. Draw them "
                "further apart, or raise the longer side.",
                field="strokes",
            )

    def _lifted(self, P: Tensor) -> Tensor:
        P = on_pixels(P, self.grid, upsampling=self.options.upsampling).cpu().clamp_min(0)
        shares: Tensor = P / P.sum(0)
        return shares  # the guided filter may leave [0, 1]

    def _links(self, weight: float) -> Links:
        links: Links = self._of_picture("links", lambda image: links_of(contrast_links(image, weight=1.0)))
        return links.times(weight)

    def _of_picture(self, name: str, make: Callable[[Tensor], Any]) -> Any:
        """What follows from the scaled picture alone, remembered."""
        digest = self._pipeline.picture(self._picture)[1]
        return self._pipeline.cache.get((name, digest, self.grid.geometry), lambda: make(self.image))[0]

    def _certain_on_strokes(self, P: Tensor) -> Tensor:
        for row, label in enumerate(self.labels):
            P[:, self.seeds == label] = 0.0
            P[row, self.seeds == label] = 1.0
        return P
