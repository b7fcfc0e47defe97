"""The frozen values that flow from stage to stage.

Conventions: sizes are (height, width); cells are numbered row by row, i = y·w + x; tensors live on the device of the work.
`eq=False` keeps identity comparison, since `==` of tensors has no single truth value.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segcore.settings import Settings

# Stands in the state of an algorithm for what its step does not know yet: None, and for the type checker what it will be,
# as whoever reads a state knows its phase.
NOT_YET: Any = None


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a grid of patches lies over a picture.

    The picture is scaled to `scaled_size`, then extended to the right and below to whole patches; nothing is squashed.
    """

    image_size: tuple[int, int]  # of the picture itself, in pixels
    scaled_size: tuple[int, int]  # of the scaled picture, in pixels
    patch: int  # side of a cell, in pixels of the scaled picture

    @property
    def h(self) -> int:
        """Rows of the grid."""
        return math.ceil(self.scaled_size[0] / self.patch)

    @property
    def w(self) -> int:
        """Columns of the grid."""
        return math.ceil(self.scaled_size[1] / self.patch)

    @property
    def n(self) -> int:
        """Number of cells."""
        return self.h * self.w

    @property
    def covered(self) -> tuple[float, float]:
        """Share of the grid's width and height that the picture covers; the rest is border extension."""
        return self.scaled_size[1] / (self.w * self.patch), self.scaled_size[0] / (self.h * self.patch)


@dataclass(frozen=True, eq=False, slots=True)
class FeatureGrid:
    """One feature vector per patch."""

    f: Tensor  # (h, w, d) float32, not normalized
    geometry: Geometry
    pixels: Tensor  # (h·patch, w·patch, 3) uint8: what the backbone saw, border extension included
    origin: str  # backbone, facet and block in words
    source: str  # where the weights came from, in words
    attention: Tensor | None = None  # (heads, h, w) float32: last block, from [CLS] to the patches
    class_token: Tensor | None = None  # (width,) float32: what leaves the model at [CLS], where it was asked for
    notes: tuple[str, ...] = ()

    @property
    def X(self) -> Tensor:
        """(n, d): the features as rows."""
        return self.f.reshape(-1, self.f.shape[-1])

    @property
    def facts(self) -> Mapping[str, float | int | str]:
        """Sizes, and what the features are."""
        h, w, d = self.f.shape
        return {"grid": f"{h}×{w}", "n": h * w, "d": d, "features": self.origin}


@dataclass(frozen=True, eq=False, slots=True)
class Affinity:
    """The graph that is cut."""

    W: Any  # (n, n) symmetric, nonnegative: a tensor, or an `ImplicitAffinity` where that would not fit
    knn_share: float  # share of the sum of W that comes from λ·W_knn, in [0, 1]
    notes: tuple[str, ...] = ()

    @property
    def facts(self) -> Mapping[str, float | int | str]:
        """Bytes of W, and the share of color."""
        return {"w_bytes": self.W.nbytes, "knn_share": self.knn_share}


@dataclass(frozen=True, eq=False, slots=True)
class Spectrum:
    """Smallest eigenpairs of a graph Laplacian, ascending."""

    eigenvalues: Tensor  # (m,) float64, ≥ 0
    V: Tensor  # (n, m): L v = μ D v with Vᵀ D V = I for random_walk, Vᵀ V = I for symmetric and plain
    residuals: Tensor  # (m,) float64: ‖A u − μ u‖ / ‖A‖ of the symmetric problem that is solved
    n_components: int  # connected components of W
    laplacian: str
    n_passes: int  # products of W with a block of vectors
    block: Tensor | None = None  # (n, b) what the iteration ended with; a start for a similar graph
    notes: tuple[str, ...] = ()
    one_graph: bool = True  # False: v_1, v_2, … are the second vectors of one graph each, and not ascending

    @property
    def fiedler(self) -> Tensor:
        """(n,): the second vector, which cuts the graph in two."""
        return self.V[:, 1]

    @property
    def gaps(self) -> Tensor:
        """(m − 1,): differences of neighboring eigenvalues; gaps[k − 1] = μ_k − μ_{k−1} speaks for k segments."""
        return self.eigenvalues.diff()

    @property
    def facts(self) -> Mapping[str, float | int | str]:
        """How many eigenpairs there are, what they cost, and how good the worst one is."""
        return {
            "eigenpairs": len(self.eigenvalues),
            "n_components": self.n_components,
            "passes": self.n_passes,
            "worst_residual": float(self.residuals.max()),
        }


@dataclass(frozen=True, eq=False, slots=True)
class Round:
    """One cut of a method that cuts again and again."""

    v: Tensor  # (n,) the vector that was cut, 0 where `out`
    side: Tensor  # (n,) bool, one side of the cut; that of the object, where the method looks for objects
    found: Tensor  # (n,) bool, what the round gave: an object or the side; empty where it gave nothing
    out: Tensor  # (n,) bool, cells without a part in the cut: taken before, or not in the segment that is cut
    ncut: float
    degree: Tensor | None = None  # (n,) of the round's own graph, where it has one of all cells
    remark: str = ""  # what was cut, or why nothing was found


@dataclass(frozen=True, eq=False, slots=True)
class Clustering:
    """A partition of the cells into K segments."""

    labels: Tensor  # (n,) int64, 0 … K − 1, none empty unless they have names
    objective: float  # what the method minimizes or maximizes
    n_iter: int
    converged: bool
    resp: Tensor | None = None  # (n, K) responsibilities, rows sum to 1, where the method has them
    facts: Mapping[str, float | int | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    has_background: bool = False  # label 0 is what lies behind the objects 1, 2, …, and may be empty
    spectrum: Spectrum | None = None  # of the method's own graph, where it has one
    rounds: tuple[Round, ...] = ()  # in order, where the method cuts more than once
    names: tuple[str, ...] = ()  # of the labels, where these mean the same in all pictures and so are never renumbered


@dataclass(frozen=True, eq=False, slots=True)
class Bipartition:
    """An object and its background."""

    side: Tensor  # (n,) bool, True on the object
    v: Tensor  # (n,) the vector that was cut
    threshold: float  # v > threshold is one side
    cut_value: float | None  # Ncut of the two sides, in [0, 2]; None where the method cuts no graph
    box: tuple[int, int, int, int] | None = None  # x0, y0, x1, y1 in cells, end exclusive, where the method has one
    facts: Mapping[str, float | int | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    spectrum: Spectrum | None = None  # of the method's own graph, where it has one

    @property
    def labels(self) -> Tensor:
        """(n,) int64: 1 on the object, 0 on the background."""
        return self.side.long()

    @property
    def resp(self) -> None:
        """A two-way cut is hard: there are no responsibilities."""
        return None

    @property
    def has_background(self) -> bool:
        """Label 0 is what lies behind the object."""
        return True

    @property
    def names(self) -> tuple[str, ...]:
        """Its labels mean something in this picture only."""
        return ()


@dataclass(frozen=True, slots=True)
class StageReport:
    """What one stage did, in numbers and words."""

    name: str
    seconds: float  # of the run that made the value
    cached: bool  # the value was remembered, so this time it cost nothing
    facts: Mapping[str, float | int | str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """One row of the legend."""

    label: int
    area_fraction: float  # of the picture, in [0, 1]
    bbox: tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels, end exclusive


@dataclass(frozen=True, eq=False, slots=True)
class Segmentation:
    """The whole result for one picture."""

    image: Tensor  # (height, width, 3) uint8, after EXIF orientation
    digest: str  # of the picture's contents
    spectrum_key: Hashable  # same key, same spectrum of W; None without one
    label_map: Tensor  # (height, width) uint8 or int32, 0 … K − 1; for object methods 0 is the background
    cell_labels: Tensor  # (h, w) int64: the labels on the grid, before the CRF
    segments: tuple[Segment, ...]
    features: FeatureGrid
    affinity: Affinity | None
    spectrum: Spectrum | None
    partition: Clustering | Bipartition  # of the cells, before the CRF
    stages: tuple[StageReport, ...]
    settings: Settings

    @property
    def cut(self) -> Bipartition | None:
        """The two-way cut, where the method makes one."""
        return self.partition if isinstance(self.partition, Bipartition) else None

    @property
    def has_background(self) -> bool:
        """Whether label 0 is the background of one or more objects instead of a segment."""
        return self.partition.has_background

    @property
    def names(self) -> tuple[str, ...]:
        """Of all labels, also of those that do not occur, where the method knows what they mean; else empty."""
        return self.partition.names

    @property
    def n_segments(self) -> int:
        """Number of labels that occur in the picture."""
        return len(self.segments)

    @property
    def notes(self) -> tuple[str, ...]:
        """All remarks of the stages, in order, each once: a line, and details in the lines below it if there are any."""
        return tuple(dict.fromkeys(note for stage in self.stages for note in stage.notes))


@dataclass(frozen=True, eq=False, slots=True)
class Instances:
    """Separate objects that were found in a picture."""

    masks: Tensor  # (m, height, width) bool; they may overlap
    scores: Tensor  # (m,) float32, descending: how sure each is

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def label_map(self) -> Tensor:
        """(height, width) int64: the number, from 1, of the surest mask that holds a pixel; 0 for none."""
        held = self.masks.any(0)
        return self.masks.long().argmax(0).add(1) * held if len(self) else held.long()


@dataclass(frozen=True, eq=False, slots=True)
class Pictures:
    """A collection in memory."""

    images: tuple[Tensor, ...]  # (height, width, 3) uint8 RGB each
    names: tuple[str, ...]
    truth: tuple[Tensor, ...] = ()  # (height, width) int64 each: classes 0 …, −1 where unlabelled; empty without truth
    classes: tuple[str, ...] = ()  # names of the classes of the truth
    values: tuple[int, ...] = ()  # their labels in the files; empty where there are no files, or a class has several

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True, eq=False, slots=True)
class Boxes:
    """Boxes that carry an identity: the truth of a sequence, or what a tracker makes of it."""

    frame: NDArray[np.int64]  # (n,) from 0, ascending
    identity: NDArray[np.int64]  # (n,) from 1; in one frame each at most once
    box: NDArray[np.float64]  # (n, 4) x, y, width, height in pixels; x, y is the upper left corner

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def sorted(cls, frame: Any, identity: Any, box: Any) -> "Boxes":
        """Boxes in the order of frames, and of identities within one, from three sequences of one length."""
        frames, identities = np.asarray(frame, np.int64), np.asarray(identity, np.int64)
        order = np.lexsort((identities, frames))
        return cls(frames[order], identities[order], np.asarray(box, np.float64).reshape(-1, 4)[order])
