"""Questions about a patch, and their answers."""

import threading
from typing import Any, cast

import gradio as gr
from cachetools import LRUCache
from torch import Tensor

from demo.lab import show, texts
from demo.lab.components.patch import Answer, PatchValue
from demo.lab.tab import View
from demo.lab.tabs.patch.asked import Asked
from demo.lab.tabs.patch.show import (
    degree_shown,
    edges_shown,
    entries_shown,
    maps_shown,
    note_shown,
    picture_shown,
    psi_shown,
    rows_of,
)
from demo.shared.errors import told_kindly
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError
from segcore.graph.neighbors import cell_index, cosines, nearest, row_of
from segcore.pipeline.stages import needs_backbone, plan
from segcore.settings import Settings
from segcore.show.files import pack_floats, palette_of
from segcore.types import Segmentation

MOST_NEIGHBORS = 50  # sent with an answer
_REMEMBERED = 4096  # results that may be asked about; the latest of each visitor in a full hall, many times over
_STAGES = ("features", "w_feat", "w_knn", "affinity", "spectrum", "pixel_graph", "cells")


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
        names = show.label_names(result, n_labels)
        return {
            **picture_shown(self._service.display_file(result), result.digest, result.features.geometry),
            "alt": self._service.title_of(picture),
            "maps": maps_shown(result),
            "names": [texts.PATCH_BEFORE_CRF.format(name=name) for name in names] if result.settings.crf else names,
            "palette": list(palette_of(result).hex(n_labels)),
            "cells": "patches" if result.features.geometry.patch > 1 else "pixels",
            "note": note_shown(result),
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
            **picture_shown(self._service.display_picture(image, digest), digest, geometry),
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
        maps = rows_of(values, i, cosines(features.X, x), w_knn, shown.settings)
        edges = edges_shown(w_knn, i)
        spectrum = cells.spectrum or values.get("spectrum")
        return {
            "row": i // features.geometry.w,
            "column": i % features.geometry.w,
            "maps": {key: pack_floats(entries.cpu()) for key, entries in maps.items()},
            "nearest": nearest(maps["cosine"], MOST_NEIGHBORS, without=[i]).tolist(),
            "edges": edges,
            "psi": psi_shown(features, i, edges, shown.settings),
            "vectors": entries_shown(spectrum, i) if spectrum else [],
            "label": int(cells.labels[i]),
            "degree": degree_shown(maps),
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
