"""The tab "One patch": what one patch has to do with all others, and where it is in a second picture."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import gradio as gr
from cachetools import LRUCache
from torch import Tensor

from demo.lab import texts, views
from demo.lab.components.patch import Answer, Map, PatchPanel, PatchValue
from demo.lab.tab import Lab, Panel, View, fill_again
from demo.shared.errors import told_kindly
from demo.shared.events import LIGHT
from demo.shared.picture import PictureInput, chosen_example, example_strip
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError
from segcore.export import pack_floats, palette_of
from segcore.graph.neighbors import cell_index, cosines, nearest, row_of
from segcore.registry import METHODS
from segcore.render import shrunk_size
from segcore.settings import Settings
from segcore.stages import needs_backbone, plan
from segcore.types import Geometry, Segmentation, Spectrum

MOST_NEIGHBORS = 50  # sent with an answer
_REMEMBERED = 4096  # results that may be asked about; the latest of each visitor in a full hall, many times over
_STAGES = ("features", "w_feat", "w_knn", "affinity", "spectrum", "pixel_graph", "cells")


@dataclass(frozen=True, slots=True)
class Asked:
    """What may be asked about: from this, and the cache of the pipeline, every question about a patch is answered."""

    picture: str  # path
    second: str | None
    settings: Settings

    @property
    def token(self) -> str:
        """Stands for it in the browser, which never sees a path and can name none."""
        return hashlib.blake2b(repr(self).encode(), digest_size=16).hexdigest()


TITLE = "One patch"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    answers = Answers(service)
    patch = PatchPanel(probe=answers.probe, most_neighbors=MOST_NEIGHBORS, empty=texts.PATCH_EMPTY, elem_id="patch")
    gr.Markdown(texts.PATCH_SECOND_INFO, elem_id="second-info")
    with gr.Row(elem_id="second-row"):
        with gr.Column(scale=1, min_width=200):
            second = PictureInput(label=texts.PATCH_SECOND, elem_id="second", height=170)
        with gr.Column(scale=2, min_width=240):
            examples = example_strip(service, elem_id="second-examples")

    def fill(view: View, other: str | None) -> Iterator[tuple[Any, ...]]:
        yield (answers.first(view, other),)

    def choose(event: gr.SelectData) -> str:
        return str(chosen_example(service, event).path)

    def wire(lab: Lab) -> None:
        fill_again(lab, panel, second.change)
        examples.select(choose, None, second, **LIGHT)

    panel = Panel((patch,), fill, inputs=(second,), wire=wire)
    return panel


class Answers:
    """What the panel is told of a result, and what it asks about its patches afterwards."""

    def __init__(self, service: Service):
        """Nothing was shown yet."""
        self._service = service
        self._shown: LRUCache[str, Asked] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def first(self, view: View, second: str | None) -> PatchValue:
        """What the panel shows of a result, and of a second picture; the maps follow when the browser asks about a patch."""
        result = view.result
        other = self._second(second, result.settings)
        usable = second if other and "problem" not in other else None
        token = self._remember(Asked(view.shown.picture, usable, result.settings))
        return cast(PatchValue, {**self._first(view.shown.picture, result), "token": token, "second": other})

    def probe(self, question: Any) -> Answer | dict[str, str]:
        """Answer the browser, which may send anything: a patch of a result that was shown, or one sentence."""
        try:
            with told_kindly():
                if not isinstance(question, dict):
                    raise InputError("Ask for a patch by token, row and column.")
                with self._lock:
                    shown = self._shown.get(str(question.get("token")))
                if shown is None:
                    raise InputError(texts.PATCH_FORGOTTEN)
                return self._answer(shown, question.get("row"), question.get("column"))
        except gr.Error as error:
            return {"problem": error.message}

    def _remember(self, shown: Asked) -> str:
        with self._lock:
            self._shown[shown.token] = shown
        return shown.token

    def _first(self, picture: str, result: Segmentation) -> dict[str, Any]:
        n_labels = int(result.cell_labels.max()) + 1
        names = views.label_names(result, n_labels)
        return {
            **_picture(self._service.display_file(result), result.digest, result.features.geometry),
            "alt": self._service.title_of(picture),
            "maps": _maps(result),
            "names": [texts.PATCH_BEFORE_CRF.format(name=name) for name in names] if result.settings.crf else names,
            "palette": list(palette_of(result).hex(n_labels)),
            "cells": "patches" if result.features.geometry.patch > 1 else "pixels",
            "note": _note(result),
        }

    def _second(self, second: str | None, settings: Settings) -> dict[str, Any] | None:
        if second is None:
            return None
        try:
            image, digest = self._service.pipeline.picture(second)
            geometry = self._service.pipeline.values(second, settings, "features")["features"].geometry
        except SegcoreError as error:
            return {"problem": str(error)}
        example = self._service.example_of(second)
        return {
            **_picture(self._service.display_picture(image, digest), digest, geometry),
            "alt": example.title if example else texts.PATCH_SECOND,
            "note": texts.PATCH_CENTERED if needs_backbone(settings) and settings.backbone == "color" else "",
        }

    def _answer(self, shown: Asked, row: object, column: object) -> Answer:
        stages = plan(shown.settings).keys() & _STAGES  # those of the method
        values = self._service.pipeline.values(shown.picture, shown.settings, *stages)
        features, cells = values["features"], values["cells"]
        i = cell_index(row, column, h=features.geometry.h, w=features.geometry.w)
        x = features.X[i]
        w_knn = row_of(values["w_knn"], i) if "w_knn" in values else None
        maps = _rows(values, i, cosines(features.X, x), w_knn, shown.settings)
        spectrum = cells.spectrum or values.get("spectrum")
        return {
            "row": i // features.geometry.w,
            "column": i % features.geometry.w,
            "maps": {key: pack_floats(entries.cpu()) for key, entries in maps.items()},
            "nearest": nearest(maps["cosine"], MOST_NEIGHBORS, without=[i]).tolist(),
            "edges": [] if w_knn is None else _edges(w_knn, i),
            "vectors": _entries(spectrum, i) if spectrum else [],
            "label": int(cells.labels[i]),
            "degree": _degree(maps),
            "second": self._in_second(shown, x),
        }

    def _in_second(self, shown: Asked, x: Tensor) -> dict[str, Any] | None:
        if shown.second is None:
            return None
        features = self._service.pipeline.values(shown.second, shown.settings, "features")["features"]
        cosine = cosines(features.X, x)
        best = int(nearest(cosine, 1))
        return {
            "values": pack_floats(cosine.cpu()),
            "best": list(divmod(best, features.geometry.w)),
            "cosine": float(cosine[best]),
        }


def _picture(shown: str, digest: str, geometry: Geometry) -> dict[str, Any]:
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


def _rows(values: dict[str, Any], i: int, cosine: Tensor, w_knn: Tensor | None, settings: Settings) -> dict[str, Tensor]:
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


def _edges(row: Tensor, i: int) -> list[list[float]]:
    return [[j, float(row[j])] for j in row.nonzero()[:, 0].tolist() if j != i]


def _entries(spectrum: Spectrum, i: int) -> list[list[float]]:
    largest = spectrum.V.abs().amax(0).tolist()
    entries, mu = spectrum.V[i].tolist(), spectrum.eigenvalues.tolist()
    return [[k, mu[k], entries[k], largest[k]] for k in range(1, len(entries))]


def _degree(maps: dict[str, Tensor]) -> list[float] | None:
    if "w" not in maps:
        return None
    degree = float(maps["w"].sum())
    return [degree, float(maps["w_knn"].sum()) / degree if degree > 0 else 0.0]


def _maps(result: Segmentation) -> list[Map]:
    keys = ["cosine"]
    if result.affinity is not None:
        keys += ["w_feat", "w_knn", "w"]
    if "pixel_graph" in plan(result.settings):
        keys.append("w_pixels")
    facts = {"knn_weight": result.settings.knn_weight}
    return [{"key": key, "title": texts.PATCH_MAPS[key].format(**facts)} for key in keys]


def _note(result: Segmentation) -> str:
    """One sentence about what the method does not have."""
    missing = [texts.PATCH_NO_VECTORS] * (result.spectrum is None) + [texts.PATCH_NO_W] * (result.affinity is None)
    if not missing:
        return ""
    method = METHODS[result.settings.method].title
    return texts.PATCH_MISSING.format(method=method, missing=" and ".join(missing))
