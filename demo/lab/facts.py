"""What claims can say of a result of the lab."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from demo.lab.asked import IN_LINK
from demo.lab.tabs.colors.asked import IN_LINK as OF_COLORS
from demo.shared.claims import Book
from demo.shared.link import CARRIED, read_link
from demo.shared.service import Service
from segcore.cluster.colors import pca_colors
from segcore.cut.dino_seg import dino_seg
from segcore.errors import InputError
from segcore.evaluate.compare import Comparison, compare
from segcore.graph.neighbors import cosines
from segcore.image import read_labels
from segcore.settings import Settings
from segcore.types import FeatureGrid, Segmentation


@dataclass(frozen=True, eq=False)
class _State:
    service: Service
    picture: str
    settings: Settings
    result: Segmentation

    @cached_property
    def features(self) -> FeatureGrid:
        return self.service.pipeline.features(self.picture, self.settings)

    @cached_property
    def labels(self) -> Tensor:
        return self.result.label_map.long()

    @cached_property
    def compared(self) -> Comparison:
        example = self.service.example_of(self.picture)
        if example is None or example.truth is None:
            raise InputError("This picture has no ground truth.")
        return compare(self.result, read_labels(example.truth))

    @cached_property
    def kept(self) -> list[Tensor]:
        """(n,) bool for each head: the patches that hold the mass in use."""
        attention = self.features.attention
        if attention is None:
            raise InputError("This backbone has no attention.")
        found = (dino_seg(attention, head=i, mass=self.settings.attention_mass) for i in range(len(attention)))
        return [one.v > one.threshold for one in found]


def _open(service: Service, query: Mapping[str, str]) -> _State:
    linked = read_link(service, query, own_weights=True)
    return _State(service, linked.picture, linked.settings, service.pipeline.run(linked.picture, linked.settings))


def n_segments(state: _State) -> int:
    """Number of segments."""
    return len(state.labels.unique())


def areas(state: _State) -> list[float]:
    """Share of the pixels in each segment, the largest first."""
    counts = torch.bincount(state.labels.flatten()).double() / state.labels.numel()
    return sorted((round(a, 6) for a in counts.tolist() if a > 0), reverse=True)


def segment(state: _State, row: float, column: float) -> int:
    """Number of the segment at a place, given as shares of height and width."""
    height, width = state.labels.shape
    return int(state.labels[int(row * height), int(column * width)])


def area(state: _State, row: float, column: float) -> float:
    """Share of the pixels in the segment at a place, given as shares of height and width."""
    return float((state.labels == segment(state, row, column)).double().mean())


def share(state: _State, top: float, left: float, bottom: float, right: float, row: float, column: float) -> float:
    """Share of a box that lies in the segment at a place; all given as shares of height and width."""
    height, width = state.labels.shape
    box = state.labels[int(top * height) : int(bottom * height), int(left * width) : int(right * width)]
    return float((box == segment(state, row, column)).double().mean())


def miou(state: _State) -> float:
    """Mean IoU with the drawn truth, under the best matching of segments to regions."""
    return float(state.compared.matching.miou)


def accuracy(state: _State) -> float:
    """Share of the pixels that are right against the drawn truth, under the best matching."""
    return float(state.compared.matching.accuracy)


def object_iou(state: _State) -> float:
    """IoU of the object that was found with the drawn one."""
    objects = state.compared.objects
    if objects is None:
        raise InputError("This method finds no objects, or the truth names none.")
    return float(objects.iou)


def n_heads(state: _State) -> int:
    """Number of attention heads of the backbone."""
    return len(state.kept)


def overlap(state: _State, a: int, b: int) -> float:
    """How alike two attention heads are: IoU of the patches that hold their mass, 0 … 1."""
    first, second = state.kept[a], state.kept[b]
    return float((first & second).sum() / (first | second).sum())


def cosine(state: _State, row: float, column: float, other_row: float, other_column: float) -> float:
    """Cosine of the features of two places, given as shares of height and width."""
    g = state.features.geometry
    rows, columns = (
        (int(r * g.scaled_size[0] / g.patch) for r in (row, other_row)),
        (int(c * g.scaled_size[1] / g.patch) for c in (column, other_column)),
    )
    first, second = (r * g.w + c for r, c in zip(rows, columns, strict=True))
    return float(cosines(state.features.X, state.features.X[first])[second])


def color_share(state: _State) -> float:
    """Share of the variance of the features that their first three components hold, as the tab Colors shows them."""
    return sum(pca_colors([state.features.f]).shares)


def on_edges(state: _State) -> float:
    """How sharp the picture is where segments meet: its gradient there over its mean gradient."""
    gray = state.result.image.double().mean(2)
    steps = (gray.diff(dim=1).abs(), state.labels.diff(dim=1) != 0), (gray.diff(dim=0).abs(), state.labels.diff(dim=0) != 0)
    at_borders = torch.cat([gradient[border] for gradient, border in steps])
    everywhere = torch.cat([gradient.flatten() for gradient, _ in steps])
    return float(at_borders.mean() / everywhere.mean()) if len(at_borders) else 0.0


_FACTS = (
    n_segments,
    areas,
    segment,
    area,
    share,
    miou,
    accuracy,
    object_iou,
    n_heads,
    overlap,
    cosine,
    color_share,
    on_edges,
)


def _names(_query: Mapping[str, str]) -> set[str]:
    return {*CARRIED, *IN_LINK, *OF_COLORS}


BOOK: Book = Book(_open, {fact.__name__: fact for fact in _FACTS}, _names)
