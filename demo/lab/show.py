"""Results as what the components of the page show."""

import html
import re
from typing import Any

from demo.lab import texts
from demo.shared.texts import plural
from segcore.features import BACKBONES
from segcore.image import scaled_picture
from segcore.pipeline.methods import METHODS
from segcore.pipeline.stages import settings_read
from segcore.settings import params
from segcore.show.files import data_uri, jpeg
from segcore.types import FeatureGrid, Round, Segmentation


def label_names(result: Segmentation, n: int) -> list[str]:
    """What the legend calls the labels 0 … n − 1."""
    if result.names:
        return list(result.names[:n])
    if not result.has_background:
        return [f"Segment {i + 1}" for i in range(n)]
    objects = ["Object"] if result.cut else [f"Object {i}" for i in range(1, n)]
    return ["Background", *objects][:n]


def no_spectrum(result: Segmentation) -> str:
    """Why there is no spectrum to show."""
    says = texts.MANY_GRAPHS if rounds_of(result) else texts.NO_SPECTRUM
    return says.format(method=METHODS[result.settings.method].title)


def rounds_of(result: Segmentation) -> tuple[Round, ...]:
    """The cuts of a method that cuts again and again; empty for the others."""
    return getattr(result.partition, "rounds", ())


def covered(result: Segmentation) -> list[float]:
    """Share of the grid's width and height that the picture covers; the rest is border extension."""
    return list(result.features.geometry.covered)


def map_ground(features: FeatureGrid) -> dict[str, Any]:
    """What lies under maps on the patches: the grid, and the picture as the backbone saw it."""
    g = features.geometry
    return {"h": g.h, "w": g.w, "aspect": list(g.covered), "picture": _seen(features)}


def _seen(features: FeatureGrid) -> str:
    return data_uri(jpeg(scaled_picture(features.pixels, features.geometry).cpu().numpy()))


def status_line(result: Segmentation) -> str:
    """What was done and how long it took, in one line."""
    g, fresh = result.features.geometry, [s.seconds for s in result.stages if not s.cached]
    spent = seconds(sum(fresh)) if fresh else "remembered"
    cells = "patches" if g.patch > 1 else "pixels"
    return f"{plural(result.n_segments, 'segment')} on {g.h} × {g.w} {cells} · {result.features.origin} · {spent}"


def formula_markdown(result: Segmentation) -> str:
    """The formula of the method and where it comes from."""
    method = METHODS[result.settings.method]
    return f"$${method.formula}$$\n{method.title}: {method.source}"


def notes_markdown(result: Segmentation) -> str:
    """Which side is the object, and the remarks of all stages, as a list; empty without any. Details are folded."""
    return "\n".join(f"- {_folded(note)}" for note in (*_object_notes(result), *result.notes))


def _folded(note: str) -> str:
    line, _, details = note.partition("\n")
    if not details:
        return note
    code = re.sub("`(.+?)`", r"<code>\1</code>", html.escape(details).replace("\n", " "))
    return f"<details><summary>{html.escape(line.removesuffix(':'))}</summary>{code}</details>"


def _object_notes(result: Segmentation) -> list[str]:
    """The rule that named the object, how to take the other side, and where the Ncut says nothing; [] without an object."""
    rule, _, swapped = str(result.partition.facts.get("object", "")).partition(", ")
    if not rule:
        return []
    line = (texts.OBJECT_SWAPPED if swapped else texts.OBJECT_LINE).format(rule=texts.OBJECT_IS[rule])
    if "flip" in settings_read(result.settings):
        line = f"{line} {texts.OBJECT_FLIP.format(label=params()['flip'].label)}"
    backbone = BACKBONES.get(result.settings.backbone)
    return [line, texts.OBJECT_COLOR] if backbone and not backbone.needs_weights else [line]


def seconds(value: float) -> str:
    """A duration in words: ms below a second."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
