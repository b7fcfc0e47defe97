"""What the panel shows of a patch: rows of the matrices, entries of the vectors, and what is missing."""

from typing import Any

from torch import Tensor

from demo.lab import texts
from demo.lab.components.patch import Map
from segcore.graph.affinity import color_and_place
from segcore.graph.neighbors import row_of
from segcore.pipeline.methods import METHODS
from segcore.pipeline.stages import plan
from segcore.settings import Settings
from segcore.show.paint import shrunk_size
from segcore.types import FeatureGrid, Geometry, Segmentation, Spectrum


def picture_shown(shown: str, digest: str, geometry: Geometry) -> dict[str, Any]:
    """A picture and its grid."""
    height, width = shrunk_size(geometry.image_size)
    return {
        "picture": shown,
        "picture_key": digest,
        "width": width,
        "height": height,
        "h": geometry.h,
        "w": geometry.w,
        "aspect": list(geometry.covered),
    }


def rows_of(values: dict[str, Any], i: int, cosine: Tensor, w_knn: Tensor | None, settings: Settings) -> dict[str, Tensor]:
    """The rows that the method has, each (n,), by key: those of the very matrices that it cuts."""
    rows = {"cosine": cosine}
    if w_knn is not None:
        w_feat = values["w_feat"]  # None where W is never stored
        rows["w_feat"] = cosine.clamp(min=0) if w_feat is None else row_of(w_feat, i)
        rows["w_knn"] = settings.knn_weight * w_knn
        rows["w"] = row_of(values["affinity"].W, i)
    if "pixel_graph" in values:
        rows["w_pixels"] = row_of(values["pixel_graph"].W, i)
    return rows


def edges_shown(row: Tensor | None, i: int) -> list[list[float]]:
    """Neighbors of row i among the entries of W_knn, with their weights."""
    return [] if row is None else [[j, float(row[j])] for j in row.nonzero()[:, 0].tolist() if j != i]


def psi_shown(features: FeatureGrid, i: int, edges: list[list[float]], settings: Settings) -> dict[str, Any] | None:
    """ψ of patch i and of each neighbor; None where weights do not follow from ψ."""
    if not edges or settings.pixel_space != "hsv_xy":
        return None
    psi = color_and_place(features.pixels, h=features.geometry.h, w=features.geometry.w)
    return {"own": psi[i].tolist(), "others": psi[[int(j) for j, _ in edges]].tolist()}


def entries_shown(spectrum: Spectrum, i: int) -> list[list[float]]:
    """Per eigenvector its number, eigenvalue, entry i, and largest entry."""
    largest = spectrum.V.abs().amax(0).tolist()
    entries, mu = spectrum.V[i].tolist(), spectrum.eigenvalues.tolist()
    return [[k, mu[k], entries[k], largest[k]] for k in range(1, len(entries))]


def degree_shown(maps: dict[str, Tensor]) -> list[float] | None:
    """The degree of a patch, and the share of it that comes from W_knn; None without W."""
    if "w" not in maps:
        return None
    degree = float(maps["w"].sum())
    return [degree, float(maps["w_knn"].sum()) / degree if degree > 0 else 0.0]


def maps_shown(result: Segmentation) -> list[Map]:
    """The maps that the panel offers."""
    keys = ["cosine"]
    if result.affinity is not None:
        keys += ["w_feat", "w_knn", "w"]
    if "pixel_graph" in plan(result.settings):
        keys.append("w_pixels")
    facts = {"knn_weight": result.settings.knn_weight}
    return [{"key": key, "title": texts.PATCH_MAPS[key].format(**facts)} for key in keys]


def note_shown(result: Segmentation) -> str:
    """One sentence about what the method does not have."""
    missing = [texts.PATCH_NO_VECTORS] * (result.spectrum is None) + [texts.PATCH_NO_W] * (result.affinity is None)
    if not missing:
        return ""
    method = METHODS[result.settings.method].title
    return texts.PATCH_MISSING.format(method=method, missing=" and ".join(missing))
