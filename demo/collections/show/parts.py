"""Parts as nodes of a graph, each with its most typical patch, and the groups that they make at each threshold."""

import torch
from torch import Tensor

from demo.collections.board import GraphShown
from demo.collections.show.gallery import around
from segcore.collection import Collection
from segcore.collection.collection import Sample
from segcore.collection.system import Parts
from segcore.show.palette import Palette

_LEAST = 0.005  # of an edge that is shown


def graph_shown(
    collection: Collection, sample: Sample, X: Tensor, parts: Parts, palette: Palette, *, seed: int
) -> GraphShown:
    """The graph of parts.

    Args:
        collection: the pictures.
        sample: its patches.
        X: (m, d) their features of length 1.
        parts: what is joined.
        palette: of the groups.
        seed: of the layout.
    """
    n = len(parts.beside)
    labels = torch.empty(len(X), dtype=torch.int64)
    for i, part in enumerate(parts.labels):
        mine = sample.picture == i
        labels[mine] = part.flatten().long()[sample.cell[mine]]
    sums, counts = torch.zeros(n, X.shape[1]).index_add_(0, labels, X), torch.bincount(labels, minlength=n)
    images = []
    for p in range(n):
        likeness = torch.where(labels == p, X @ sums[p], -torch.inf)
        row = int(likeness.argmax())
        images.append(around(collection, int(sample.picture[row]), int(sample.cell[row])) if int(counts[p]) else "")
    pairs = (parts.beside.tril(-1) >= _LEAST).nonzero().tolist()
    return {
        "images": images,
        "share": [round(100 * float(count) / len(X), 1) for count in counts],
        "places": _layout(parts, seed),
        "edges": [[i, j, round(float(parts.beside[i, j]), 4)] for i, j in pairs],
        "thresholds": list(parts.thresholds),
        "groups": parts.groups.tolist(),
        "chosen": parts.chosen,
        "colors": list(palette.hex(int(parts.groups.max()) + 1)),
    }


def _layout(parts: Parts, seed: int) -> list[list[float]]:
    """Places in [0, 1] × [0, 1] by springs along the edges of the threshold that was chosen."""
    import networkx

    least = parts.thresholds[parts.chosen]
    W = torch.where(parts.beside >= max(least, _LEAST), parts.beside, 0.0)
    graph = networkx.from_numpy_array(W.double().numpy())
    found = networkx.spring_layout(graph, seed=seed, k=1.5 / len(W) ** 0.5)
    places = torch.tensor([found[p].tolist() for p in range(len(W))])
    low, high = places.min(0).values, places.max(0).values
    unit: list[list[float]] = ((places - low) / (high - low).clamp_min(1e-9)).tolist()
    return [[round(value, 3) for value in place] for place in unit]
