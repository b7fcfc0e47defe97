"""Values of the board: pictures, groups with galleries, a scatter of patches, scores."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo.collections import texts
from demo.collections.board import GroupShown, PictureShown, Result, Scatter, ScoresShown
from demo.collections.show.gallery import patches_shown, segments_shown
from demo.collections.show.parts import graph_shown
from segcore.cluster.embed import embed
from segcore.cluster.gmm import principal_components
from segcore.collection import Collection, Grouping
from segcore.collection.export import group_palette
from segcore.evaluate.collection import Scores
from segcore.numerics import normalize_rows
from segcore.show.files import data_uri, display_label_png, jpeg, pack_floats, png
from segcore.show.paint import to_bytes
from segcore.types import Geometry

THUMB = 240  # px
POINTS = 1500


def thumbnail(image: Tensor, name: str) -> PictureShown:
    """A picture in the grid."""
    small = _small(image.numpy(), cv2.INTER_AREA)
    return {"name": name, "w": small.shape[1], "h": small.shape[0], "image": data_uri(jpeg(small, quality=82))}


def label_thumbnail(labels: NDArray[np.integer], like: tuple[int, int]) -> str:
    """Labels (any h, w) at the size of the thumbnail of a picture (height, width)."""
    scale = THUMB / max(like)
    size = max(1, round(like[1] * min(1, scale))), max(1, round(like[0] * min(1, scale)))
    small = np.asarray(cv2.resize(labels.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return data_uri(display_label_png(small))


def colors_thumbnail(colors: Tensor, geometry: Geometry) -> str:
    """Colors (h, w, 3) of patches as a picture with one pixel for each that the picture covers."""
    rows, columns = (-(-side // geometry.patch) for side in geometry.scaled_size)
    return data_uri(png(to_bytes(255 * colors[:rows, :columns].numpy())))


def cells_shown(labels: Tensor, collection: Collection, i: int) -> str:
    """Labels of patches as a first result, without the border extension."""
    g = collection.geometry(i)
    height, width = g.scaled_size
    blocks = labels.numpy().repeat(g.patch, 0).repeat(g.patch, 1)[:height, :width]
    return label_thumbnail(blocks, g.image_size)


def _small(image: NDArray[np.uint8], how: int) -> NDArray[np.uint8]:
    scale = THUMB / max(image.shape[:2])
    if scale >= 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def groups_shown(collection: Collection, grouping: Grouping, *, seed: int, plane: str) -> Result:
    """Groups with shares, galleries and what makes them alike; and the scatter in a plane of texts.PLANES."""
    sample = collection.sample(20 * POINTS, seed=seed)
    X = normalize_rows(sample.X)
    labels = torch.empty(len(X), dtype=torch.int64)
    for i, part in enumerate(grouping.labels):
        mine = sample.picture == i
        labels[mine] = part.flatten().long()[sample.cell[mine]]
    k = grouping.n_groups
    counts = torch.bincount(labels, minlength=k)
    colors = group_palette(grouping).hex(k)
    total, sums = X.sum(0), torch.zeros(k, X.shape[1]).index_add_(0, labels, X)
    rows: list[GroupShown] = []
    for g in range(k):
        n, rest = int(counts[g]), len(X) - int(counts[g])
        mean = sums[g] / max(n, 1)
        seen = sum(bool((part == g).any()) for part in grouping.labels)
        rows.append(
            {
                "name": grouping.name(g),
                "color": colors[g],
                "background": g == grouping.background,
                "share": round(100 * n / len(X), 1),
                "pictures": seen,
                "inside": round(float(mean @ mean), 2),
                "outside": round(float(mean @ (total - sums[g]) / max(rest, 1)), 2),
                "gallery": patches_shown(collection, sample, X @ mean, labels == g),
                "segments": segments_shown(collection, grouping, g, sample.picture, X @ mean, labels == g),
            }
        )
    palette, parts = group_palette(grouping), grouping.parts
    return {
        "groups": rows,
        "scatter": _scatter(collection, sample.picture, sample.cell, X, labels, seed=seed, plane=plane),
        "bars": [{"title": bars.title, "rows": list(bars.values.items())} for bars in grouping.bars],
        "graph": None if parts is None else graph_shown(collection, sample, X, parts, palette, seed=seed),
        "notes": list(grouping.notes),
    }


def _scatter(
    collection: Collection, picture: Tensor, cell: Tensor, X: Tensor, labels: Tensor, *, seed: int, plane: str
) -> Scatter:
    """Some patches in a plane: x, y in [0, 1], their group, picture, and place in it."""
    kept = torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))[:POINTS].sort().values
    points = principal_components(X[kept], n_dims=2)[0] if plane == "pca" else embed(X[kept], plane, n_dims=2, seed=seed)
    if points.shape[1] < 2:
        points = torch.cat([points, torch.zeros(len(points), 2 - points.shape[1])], 1)
    low, high = points.min(0).values, points.max(0).values
    unit = (points - low) / (high - low).clamp_min(1e-9)
    places = []
    for i, c in zip(picture[kept].tolist(), cell[kept].tolist(), strict=True):
        g = collection.geometry(i)
        y, x = divmod(c, g.w)
        places.append(((x + 0.5) * g.patch / g.scaled_size[1], (y + 0.5) * g.patch / g.scaled_size[0]))
    return {
        "xy": pack_floats(unit.numpy()),
        "group": labels[kept].tolist(),
        "picture": picture[kept].tolist(),
        "place": pack_floats(np.array(places)),
        "plane": texts.PLANES[plane],
    }


def scores_shown(title: str, scores: Scores, beside: Mapping[str, Scores], name: Callable[[int], str]) -> ScoresShown:
    """Scores of a system and the confusion matrix, in shares of each true class; and what plainer ways reach."""
    table = scores.confusion / scores.confusion.sum(0).clip(1)
    return {
        "miou": f"{scores.miou:.3f}",
        "accuracy": f"{scores.accuracy:.3f}",
        "beside": " ".join(_beside(title, scores, way, of_way) for way, of_way in beside.items()),
        "classes": [name(c) for c in scores.classes],
        "iou": [round(iou, 3) for iou in scores.ious],
        "table": np.round(table, 3).tolist(),
    }


def _beside(title: str, scores: Scores, way: str, of_way: Scores) -> str:
    """What a plainer way reaches, and whether it is beaten; the same to three digits is not."""
    said = texts.WAYS[way].format(miou=f"{of_way.miou:.3f}", accuracy=f"{of_way.accuracy:.3f}")
    beaten = round(scores.miou, 3) > round(of_way.miou, 3)
    return said if beaten else f"{said} {texts.NOT_BEATEN.format(title=title)}"
