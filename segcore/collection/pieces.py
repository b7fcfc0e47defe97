"""Pieces of all pictures: masks that some rule cuts out, one vector for each, and groups of them.

What Deep Spectral Methods, MaskDistill and COMUS share: they cut pieces out of every picture, describe each by what the
backbone says to its crop, cluster these descriptions over the whole collection, and teach a head the groups
(`segcore.collection.distil`).
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import torch
from torch import Tensor

from segcore.cluster.kmeans import kmeans
from segcore.cluster.spectral import spectral_clustering
from segcore.collection.collection import Collection
from segcore.collection.distil import DistilSettings, distil
from segcore.collection.label import label_all, scores_by
from segcore.collection.system import Grouping, GroupSteps, setting
from segcore.cut.components import bounding_box
from segcore.errors import InputError
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.neighbors import nearest_rows
from segcore.numerics import normalize_rows
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Schema
from segcore.types import FeatureGrid

MOST_PIECES = 255  # of a picture: their numbers are bytes
_RESTARTS = 20  # with 5, the same groups came out in few seeds
_VOTES = 10  # nearest clustered pieces that decide on one that was not
_REDRAWN = 8  # times that a piece may stand in the sample on average, where large pieces count more


@dataclass(frozen=True, kw_only=True)
class ClusterSettings(Schema):
    """How pieces are clustered."""

    # fmt: off
    background: str = setting(
        "clustered", "Background", choices=("clustered", "own"),
        info="clustered: it is grouped like all else, as scenes without one need it; own: it is group 0, as published for "
        "pictures of objects.")
    dims: int = setting(
        0, "Dimensions", lo=0, hi=256, step=1,
        info="Principal components of the descriptions that are clustered; 0 keeps them as they are.")
    n_sample: int = setting(
        20_000, "Pieces in the sample", lo=200, hi=200_000, step=100,
        info="Groups are found on about so many pieces; the others join the nearest.")
    by_area: bool = setting(
        True, "Large pieces count more",
        info="Cluster pieces by their area, so that groups are of patches; otherwise each piece counts once, as published.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class PieceSettings(ClusterSettings, DistilSettings):
    """How pieces are described and clustered, and their groups learned by a head."""

    # fmt: off
    describe: str = setting(
        "patches", "A piece is described by", choices=("patches", "class_token"),
        info="patches: the mean of its patches' features, each less the mean of its picture; class_token: what the backbone "
        "says to its crop, as published.")
    # fmt: on


@dataclass(frozen=True, eq=False, slots=True)
class Pieces:
    """The pieces of all pictures; piece j = 1, 2, … of picture i has number first[i] + j − 1."""

    maps: tuple[Tensor, ...]  # per picture (h, w) uint8: number j of the piece, 0 where there is none
    first: Tensor  # (N + 1,) int64
    vectors: np.ndarray  # (M, d) float16, of length 1, in a file
    area: Tensor  # (M,) float32: patches

    def __len__(self) -> int:
        return int(self.first[-1])

    def of(self, i: int, values: Tensor, nothing: float) -> Tensor:
        """(n,) values (M,) of the pieces of picture i, at its patches; `nothing` where there is no piece."""
        own = values[self.first[i] : self.first[i + 1]]
        return torch.cat([own.new_full((1,), nothing), own])[self.maps[i].flatten().long()]


Cut = Callable[[int], Tensor]  # number of a picture → (h, w) integers: pieces 1, 2, … without gaps, 0 where there is none
Describe = Callable[[int, Tensor], Tensor]  # number of a picture and its pieces → (m, d)


@contextmanager
def gathered(collection: Collection, cut: Cut, describe: Describe, *, stage: str) -> Iterator[Steps[Progress, Pieces]]:
    """The steps that cut and describe the pieces of all pictures, one picture at a time.

    The vectors are in a file that is gone after the `with`; memory: a byte per patch and a few per piece.
    """
    with tempfile.TemporaryFile() as file:

        def steps() -> Steps[Progress, Pieces]:
            maps, counts, areas, d = [], [0], [], 1
            for i in range(len(collection)):
                stop_if_asked()
                pieces = cut(i)
                m = int(pieces.max())
                if m:
                    vectors = normalize_rows(describe(i, pieces)).half().cpu().numpy()
                    d = vectors.shape[1]
                    file.write(vectors.tobytes())
                    areas.append(torch.bincount(pieces.flatten().long().cpu(), minlength=m + 1)[1:].float())
                maps.append(pieces.to(torch.uint8).cpu())
                counts.append(m)
                yield Progress(stage, i + 1, len(collection))
            file.flush()
            first = torch.tensor(counts).cumsum(0)
            n = int(first[-1])
            found = np.memmap(file, np.float16, "r", shape=(n, d)) if n else np.zeros((0, d), np.float16)
            return Pieces(tuple(maps), first, found, torch.cat(areas) if areas else torch.zeros(0))

        yield steps()


def by_patches(collection: Collection) -> Describe:
    """Describe a piece by the mean of its patches' features of length 1, each less the mean of its picture."""

    def describe(i: int, pieces: Tensor) -> Tensor:
        X = normalize_rows(collection.f(i).flatten(0, 1))
        numbers = pieces.flatten().long().cpu()
        members = torch.nn.functional.one_hot(numbers, int(numbers.max()) + 1)[:, 1:].to(X)
        return (members.T @ (X - X.mean(0))) / members.sum(0)[:, None]

    return describe


def by_class_token(collection: Collection, *, erode: int = 0, dilate: int = 0) -> Describe:
    """Describe a piece by the class token of its crop: of the box of all its cells, see `Collection.describe`.

    Args:
        collection: its backbone describes.
        erode: cells that are taken off first.
        dilate: cells that are added then.
    """

    def describe(i: int, pieces: Tensor) -> Tensor:
        grid, m = collection.grid(i), int(pieces.max())
        found = []
        for j in range(1, m + 1):
            stop_if_asked()
            crop = _crop(grid, widened(pieces.cpu() == j, erode=erode, dilate=dilate))
            found.append(collection.describe(crop))
        return torch.stack(found)

    return describe


def widened(mask: Tensor, *, erode: int, dilate: int) -> Tensor:
    """A mask (h, w) bool less cells at its borders, one step after the other while some are left, then with more.

    Reference: `erode_or_dilate_mask` of Deep Spectral Methods, whose squares of 3 or 4 cells lose one step, not none.
    """
    array = mask.numpy()
    for _ in range(erode):
        smaller = scipy.ndimage.binary_erosion(array, border_value=1)
        array = smaller if smaller.any() else array
    return torch.from_numpy(scipy.ndimage.binary_dilation(array, iterations=dilate) if dilate else array)


def _crop(grid: FeatureGrid, mask: Tensor) -> Tensor:
    """(height, width, 3) uint8: what the backbone saw in the box of a mask (h, w) of cells."""
    patch, pixels = grid.geometry.patch, grid.pixels.cpu()
    box = bounding_box(mask)
    if box is None:
        raise InputError("A piece must have a patch; got an empty mask.", field="pieces")
    x0, y0, x1, y1 = box
    return pixels[y0 * patch : y1 * patch, x0 * patch : x1 * patch]


@dataclass(frozen=True, eq=False, slots=True)
class Grouped:
    """Groups of pieces."""

    labels: Tensor  # (M,) int64, 0 … K' − 1
    confidence: Tensor  # (M,) float32 in [0, 1]
    centers: Tensor  # (K', d)
    notes: tuple[str, ...] = ()
    assign: Callable[[Tensor], Tensor] | None = None  # descriptions (m, d) of other pieces → (m,) their labels


def check_pieces(pieces: Pieces, n_groups: int, *, what: str) -> None:
    """Refuse what cannot be grouped.

    Raises:
        InputError: there is no piece, or there are fewer than groups.
    """
    if len(pieces) == 0:
        raise InputError(
            f"No {what} was found in any of the {len(pieces.maps)} pictures, so there is nothing to group. Choose another "
            "backbone, or the system kmeans.",
            field="images",
        )
    if len(pieces) < n_groups:
        raise InputError(
            f"{n_groups} groups of {what}s need at least as many, and the pictures hold {len(pieces)}. Lower n_segments, or "
            "give more pictures.",
            field="n_segments",
        )


def cluster_kmeans(pieces: Pieces, n_groups: int, settings: ClusterSettings, *, seed: int, whiten: bool = False) -> Grouped:
    """Group pieces by k-means of their vectors, on a seeded sample where there are many or where large ones count more.

    With `whiten`, each number of a vector is divided by its standard deviation first, and vectors then have length 1 again,
    as in MaskDistill's code.
    """
    rows = _sampled(pieces, settings, seed)
    to_space = _space(_vectors(pieces, rows), settings.dims, whiten=whiten)
    X = to_space(_vectors(pieces, rows))
    found = kmeans(X, n_clusters=n_groups, n_init=_RESTARTS, generator=torch.Generator().manual_seed(seed))
    members = torch.nn.functional.one_hot(found.labels, n_groups).to(X)
    centers = (members.T @ X) / members.sum(0)[:, None].clamp_min(1)

    def near(vectors: Tensor) -> tuple[Tensor, Tensor]:
        distances, numbers = torch.cdist(to_space(vectors), centers).topk(min(2, n_groups), 1, largest=False)
        return distances, numbers

    labels, confidence = [], []
    for block in _blocks(pieces):
        nearest, numbers = near(block)
        labels.append(numbers[:, 0])
        confidence.append(1 - nearest[:, 0] / nearest[:, -1].clamp_min(1e-12) if n_groups > 1 else torch.ones(len(block)))
    distinct = len(X.unique(dim=0)) if len(X) < 10 * n_groups else n_groups
    if distinct < n_groups:
        raise InputError(
            f"{n_groups} groups need as many different pieces, and the pictures hold {distinct}. Lower n_segments.",
            field="n_segments",
        )
    return Grouped(torch.cat(labels), torch.cat(confidence), centers, found.notes, lambda vectors: near(vectors)[1][:, 0])


def cluster_spectral(
    pieces: Pieces, n_groups: int, settings: PieceSettings, *, neighbors: int, most: int, seed: int, n_init: int = 10
) -> Grouped:
    """Group pieces by spectral clustering of the graph of their nearest neighbors, W = ½ (A + Aᵀ).

    The rows of the first K vectors of L v = μ D v are clustered by k-means as they are: the maps D^−½ u of scikit-learn, of
    which COMUS takes these. A piece outside of the sample of at most `most` joins the group of most of its nearest in the
    sample, and has their mean for a row. The confidence of a piece is ½ + ½ cos(its row, the center of its group).

    Reference: comus/clustering/cluster.py of COMUS; Shi and Malik 2000 for the vectors.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(pieces), generator=generator)[:most].sort().values
    to_space = _reduced(_vectors(pieces, rows), settings.dims)
    X = normalize_rows(to_space(_vectors(pieces, rows)))
    k = min(neighbors, len(X))
    _, near = nearest_rows(X, X, k)  # each among its own neighbors, as in scikit-learn's graph
    A = torch.zeros(len(X), len(X)).scatter_(1, near, 1.0)
    spectrum = smallest_eigenpairs((A + A.T) / 2, n_vectors=n_groups)
    found = spectral_clustering(spectrum, n_clusters=n_groups, n_init=n_init, generator=generator)
    maps = spectrum.V[:, :n_groups].float()
    votes = torch.nn.functional.one_hot(found.labels, n_groups).float()
    labels, places = [], []
    for block in _blocks(pieces):
        _, around = nearest_rows(normalize_rows(to_space(block)), X, min(_VOTES, len(X)))
        labels.append(votes[around].mean(1).argmax(1))
        places.append(maps[around].mean(1))
    joined, at = torch.cat(labels), torch.cat(places)
    joined[rows], at[rows] = found.labels, maps
    centers = (votes.T @ maps) / votes.sum(0)[:, None].clamp_min(1)
    sure = (1 + torch.cosine_similarity(at, centers[joined])) / 2
    return Grouped(joined, sure, normalize_rows(votes.T @ X), (*spectrum.notes, *found.notes))


def _sampled(pieces: Pieces, settings: ClusterSettings, seed: int) -> Tensor:
    """Numbers of the pieces that are clustered; by area they may repeat."""
    generator, most = torch.Generator().manual_seed(seed), settings.n_sample
    if not settings.by_area:
        return torch.randperm(len(pieces), generator=generator)[:most].sort().values
    drawn = torch.rand(min(most, _REDRAWN * len(pieces)), generator=generator, dtype=torch.float64)
    cumulated = pieces.area.double().cumsum(0)
    return torch.searchsorted(cumulated, drawn * cumulated[-1], right=True).clamp_max(len(pieces) - 1).sort().values


def _vectors(pieces: Pieces, rows: Tensor) -> Tensor:
    return torch.from_numpy(pieces.vectors[rows.numpy()].astype(np.float32))


def _blocks(pieces: Pieces, size: int = 16_384) -> Iterator[Tensor]:
    for start in range(0, len(pieces), size):
        yield torch.from_numpy(np.asarray(pieces.vectors[start : start + size], np.float32))


def _space(X: Tensor, dims: int, *, whiten: bool) -> Callable[[Tensor], Tensor]:
    """The map of vectors to what is clustered, found on X (m, d)."""
    if not whiten:
        return _reduced(X, dims)
    std = X.std(0, correction=0)
    std[std == 0] = 1.0
    reduce = _reduced(normalize_rows(X / std), dims)
    return lambda rows: reduce(normalize_rows(rows / std))


def _reduced(X: Tensor, dims: int) -> Callable[[Tensor], Tensor]:
    """The map to the first principal components of X (m, d), or the identity where they would be no fewer."""
    if not 0 < dims < min(X.shape):
        return lambda rows: rows
    mean = X.mean(0)
    _, _, axes = torch.linalg.svd(X - mean, full_matrices=False)
    return lambda rows: (rows - mean) @ axes[:dims].T


def group_pieces(
    system: str,
    collection: Collection,
    pieces: Pieces,
    found: Grouped,
    *,
    n_groups: int,
    settings: PieceSettings,
    seed: int,
    notes: Sequence[str] = (),
) -> GroupSteps:
    """From groups of pieces to labels of all patches, through a head that learns them.

    Where the background has its own group, that is group 0 and those of the pieces follow; otherwise patches without a piece
    teach nothing, and the head says what they are.
    """
    own = settings.background == "own"
    labels, nothing = found.labels + own, 0.0
    sure = 1.0 if own else 0.0

    def targets(i: int, _: Tensor) -> tuple[Tensor, Tensor]:
        return pieces.of(i, labels, nothing), pieces.of(i, found.confidence, sure)

    facts: dict[str, float | int | str] = {"pieces": len(pieces)}
    all_notes = (*notes, *found.notes)
    background = 0 if own else None
    if settings.rounds == 0:
        maps = tuple(_filled(pieces, i, labels, own=own).to(torch.uint8) for i in range(len(pieces.maps)))
        return Grouping(
            system, n_groups, maps, background=background, facts=facts, tensors={"centers": found.centers}, notes=all_notes
        )
    learned = yield from distil(collection, targets, n_groups=n_groups, settings=settings, seed=seed)
    maps = yield from label_all(collection, learned.head.scores)
    return Grouping(
        system,
        n_groups,
        maps,
        scores_by(learned.head.scores),
        background=background,
        curves={"loss": learned.losses},
        facts={**facts, "sure": ", ".join(f"{share:.0%}" for share in learned.sure)},
        tensors={"centers": found.centers, **{f"head.{name}": x for name, x in learned.head.state_dict().items()}},
        notes=all_notes,
    )


def _filled(pieces: Pieces, i: int, labels: Tensor, *, own: bool) -> Tensor:
    """(h, w) labels of a picture; where the background is no group, patches without a piece take that of the nearest."""
    grid = pieces.maps[i]
    found = pieces.of(i, labels, 0).reshape(grid.shape)
    if own or not bool((grid == 0).any()) or not bool(grid.any()):
        return found
    _, (y, x) = scipy.ndimage.distance_transform_edt(grid.numpy() == 0, return_indices=True)
    return found[torch.from_numpy(y).long(), torch.from_numpy(x).long()]
