"""What was computed as the value of the panel."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from demo.lab import texts
from demo.lab.components.colors import Block, ColorsValue, Histogram, MatchesShown, PictureShown
from demo.lab.tabs.colors.asked import Options
from demo.shared.service import Service
from segcore.cluster.colors import Figure, PatchColors
from segcore.settings import Settings
from segcore.show.feature_colors import MatchedPictures, painted
from segcore.show.files import data_uri, pack_floats, png
from segcore.show.paint import shrink, shrunk_size
from segcore.types import FeatureGrid

_BINS = 40
_TILE = 180  # px of a picture of the strip


@dataclass(frozen=True, eq=False, slots=True)
class Colored:
    """Everything that the tab shows of its pictures, but for the strip."""

    pictures: tuple[str, ...]  # paths
    grids: tuple[FeatureGrid, ...]  # as fine as asked for
    patches: tuple[FeatureGrid, ...]  # the patches themselves
    colors: PatchColors
    figure: Figure | None
    matched: MatchedPictures | None


def value(service: Service, found: Colored, settings: Settings, options: Options, problem: str) -> ColorsValue:
    """The value of the panel, without token and strip."""
    upsampling = upsampling_of(options, settings)
    pictures = [
        _picture(service, path, patches, data_uri(png(painted(c, grid.pixels, grid.geometry, upsampling=upsampling))))
        for path, patches, grid, c in zip(found.pictures, found.patches, found.grids, found.colors.colors, strict=True)
    ]
    return {
        "token": "",
        "lead": _lead(found, options),
        "note": " ".join(filter(None, (problem, _detail_note(options)))),
        "pictures": pictures,
        "histogram": None if options.view != "figure" or found.figure is None else _histogram(found.figure),
        "matches": None if found.matched is None else _matches(found.matched, options),
        "strip": [],
        "strip_said": texts.COLORS_STRIP_WAIT if options.strip else "",
    }


def upsampling_of(options: Options, settings: Settings) -> str:
    """How colors of patches are carried to pixels."""
    return settings.upsampling if options.detail == "upsampled" else "nearest"


def _picture(service: Service, path: str, grid: FeatureGrid, colors: str) -> PictureShown:
    g = grid.geometry
    image, digest = service.pipeline.picture(path)
    height, width = shrunk_size(g.image_size)
    return {
        "title": service.title_of(path),
        "key": digest,
        "picture": service.display_picture(image, digest),
        "colors": colors,
        "width": width,
        "height": height,
        "h": g.h,
        "w": g.w,
        "aspect": list(g.covered),
    }


def _lead(found: Colored, options: Options) -> str:
    """What the colors are, in one or two sentences."""
    if options.view == "field":
        return texts.COLORS_FIELD_LEAD
    shares = [f"{share:.0%}" for share in found.colors.shares]
    together = f"{sum(found.colors.shares):.0%}"
    facts: dict[str, Any] = {"shares": ", ".join(shares), "together": together, "m": options.vectors}
    facts["origin"] = found.grids[0].origin
    if options.view == "figure" and found.figure is not None:
        n = sum(mask.numel() for mask in found.figure.masks)
        facts |= {"threshold": f"{found.figure.threshold:.2f}", "first": f"{found.figure.share:.0%}"}
        facts["figure"] = f"{sum(int(mask.sum()) for mask in found.figure.masks) / n:.0%}"
    umap = options.view == "eigenvectors" and options.reduction == "umap"
    said = texts.COLORS_LEADS["umap" if umap else options.view].format(**facts)
    return f"{said} {texts.COLORS_BOTH}" if len(found.pictures) > 1 else said


def _detail_note(options: Options) -> str:
    if options.view == "field" or options.detail in ("patches", "upsampled"):
        return ""
    s = int(options.detail.removeprefix("shifts"))
    return texts.COLORS_SHIFTS_COST.format(s=s, runs=s * s)


def _histogram(figure: Figure) -> Histogram:
    values = torch.cat([scores.flatten() for scores in figure.scores])
    counts = torch.histc(values, _BINS, 0, 1)
    return {"counts": [int(n) for n in counts], "threshold": figure.threshold}


def _matches(matched: MatchedPictures, options: Options) -> MatchesShown:
    found = matched.matches
    pairs = matched.pairs[: options.pairs].tolist()
    buddies = found.buddies.tolist()
    said = texts.COLORS_MATCHES_SAID.format(n=len(buddies), total=len(found.nearest), shown=len(pairs))
    if not buddies:
        said = texts.COLORS_NO_MATCHES
    return {
        "nearest": found.nearest.tolist(),
        "cosine": pack_floats(found.cosine.cpu()),
        "back": found.back.tolist(),
        "back_cosine": pack_floats(found.back_cosine.cpu()),
        "pairs": pairs,
        "said": f"{said} {texts.COLORS_PLACE_SAID}" if options.place != "kept" else said,
    }


def field_colors(matched: MatchedPictures) -> PatchColors:
    """The second picture colored by place, and each patch of the first in the color of its nearest patch there."""
    h, w = matched.second.f.shape[:2]
    y, x = torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")
    corners = torch.tensor([[[0.90, 0.25, 0.20], [0.98, 0.85, 0.25]], [[0.20, 0.20, 0.75], [0.20, 0.80, 0.75]]])
    top = corners[0, 0] * (1 - x)[..., None] + corners[0, 1] * x[..., None]
    bottom = corners[1, 0] * (1 - x)[..., None] + corners[1, 1] * x[..., None]
    places = top * (1 - y)[..., None] + bottom * y[..., None]
    taken = places.flatten(0, 1)[matched.matches.nearest.cpu()].reshape(*matched.first.f.shape[:2], 3)
    return PatchColors((taken, places), ())


def block(grid: FeatureGrid, colors: Tensor, number: int, depth: int, share: float, *, pressed: bool) -> Block:
    """A picture of the strip."""
    picture = painted(colors, grid.pixels, grid.geometry, upsampling="nearest")
    return {
        "title": texts.COLORS_BLOCK.format(i=number),
        "image": data_uri(png(shrink(picture, max_side=_TILE))),
        "caption": f"{share:.0%}",
        "block": number - depth - 1,
        "pressed": pressed,
    }
