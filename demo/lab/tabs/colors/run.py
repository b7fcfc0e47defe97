"""What the tab computes: colors, matches, the strip over the blocks; and the answers to questions about a patch."""

import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from cachetools import LRUCache
from torch import Tensor

from demo.lab import texts
from demo.lab.components.colors import Answer, Block, ColorsValue
from demo.lab.tab import Shown, View
from demo.lab.tabs.colors import show
from demo.lab.tabs.colors.asked import SHIFTS, Asked, Options
from demo.shared.errors import told_kindly
from demo.shared.service import Service
from segcore.cluster.colors import (
    Figure,
    PatchColors,
    check_differing,
    eigenvector_colors,
    figure_ground,
    joint_eigenvectors,
    one_color,
    pca_colors,
)
from segcore.cluster.place import without_place
from segcore.errors import InputError, SegcoreError
from segcore.graph.neighbors import cell_index, cosines
from segcore.runtime.stopping import stoppable
from segcore.settings import Settings
from segcore.show.feature_colors import (
    ENDINGS,
    colors_png,
    features_npz,
    match_grids,
)
from segcore.show.files import pack_floats
from segcore.types import FeatureGrid

_REMEMBERED = 4096  # results that may be asked about


class Colors:
    """What the tab computes of a result, and what is asked about its patches afterwards."""

    def __init__(self, service: Service):
        """Nothing was shown yet."""
        self._service = service
        self._shown: LRUCache[str, Asked] = LRUCache(_REMEMBERED)
        self._lock = threading.Lock()

    def values(self, view: View, second: str | None, options: Options) -> Iterator[ColorsValue | dict[str, str]]:
        """The value of the panel: first without the strip, then with one block more each time."""
        settings = view.shown.settings
        try:
            second, problem = self._usable(second, settings)
            found = self.colored(view.shown.picture, second, settings, options, view.check)
            value = show.value(self._service, found, settings, options, problem)
        except SegcoreError as error:
            yield {"message": str(error)}
            return
        asked = Asked(found.pictures, settings, options.place == "kept")
        with self._lock:
            self._shown[asked.token] = asked
        value["token"] = asked.token
        yield value
        if options.strip:
            yield from self._with_strip(value, found, settings, options, view.check)

    def _usable(self, second: str | None, settings: Settings) -> tuple[str | None, str]:
        """The second picture where it can be read; else why not."""
        try:
            if second:
                self._service.pipeline.features(second, settings)
        except SegcoreError as error:
            return None, str(error)
        return second, ""

    def colored(
        self, picture: str, second: str | None, settings: Settings, options: Options, check: Callable[[], None]
    ) -> show.Colored:
        """Colors and matches of one or two pictures.

        Raises:
            InputError: nothing differs in them, or the options ask for what is not there.
        """
        pipeline, pictures = self._service.pipeline, (picture, second) if second else (picture,)
        if options.view == "field" and not second:
            raise InputError(texts.COLORS_FIELD_ALONE)
        patches = tuple(pipeline.features(p, settings, check=check) for p in pictures)
        check_differing([one_color(g.pixels) for g in patches])
        with stoppable(check):
            shifts = 1 if options.view == "field" else SHIFTS[options.detail]
            grids = tuple(pipeline.features(p, settings, shifts=shifts, check=check) for p in pictures)
            figure = self._figure(patches, options) if options.figure_only and second else None
            masks = None if figure is None else (figure.masks[0], figure.masks[1])
            place = options.place == "kept"
            matched = match_grids(*patches, n_pairs=max(1, options.pairs), place=place, figures=masks) if second else None
            if options.view == "field" and matched is not None:
                return show.Colored(pictures, grids, patches, show.field_colors(matched), figure, matched)
            fs = self._prepared(grids, options)
            return show.Colored(pictures, grids, patches, *self._painted(fs, options, settings.seed), matched)

    def _prepared(self, grids: tuple[FeatureGrid, ...], options: Options) -> tuple[Tensor, ...]:
        fs = tuple(g.f.cpu() for g in grids)
        return without_place(fs) if options.place == "out" else fs

    def _figure(self, grids: tuple[FeatureGrid, ...], options: Options) -> Figure:
        threshold = None if options.auto else options.threshold
        return figure_ground(self._prepared(grids, options), threshold=threshold, other=options.other)

    def _painted(self, fs: tuple[Tensor, ...], options: Options, seed: int) -> tuple[PatchColors, Figure | None]:
        components = (options.red - 1, options.green - 1, options.blue - 1)
        if options.view == "eigenvectors":
            vs, _ = joint_eigenvectors(fs, n_vectors=options.vectors, seed=seed)
            return eigenvector_colors(vs, reduction=options.reduction, seed=seed), None
        if options.view == "figure":
            threshold = None if options.auto else options.threshold
            figure = figure_ground(fs, threshold=threshold, other=options.other)
            return pca_colors(fs, components=components, masks=figure.masks), figure
        return pca_colors(fs, components=components), None

    def _with_strip(
        self, value: ColorsValue, found: show.Colored, settings: Settings, options: Options, check: Callable[[], None]
    ) -> Iterator[ColorsValue]:
        """The same for every block of the backbone, the first one first."""
        depth = getattr(self._service.pipeline.reader(settings).model, "depth", 0)
        if not depth:
            yield {**value, "strip_said": texts.COLORS_NO_BLOCKS.format(origin=found.patches[0].origin)}
            return
        blocks: list[Block] = []
        for i in range(1, depth + 1):
            at = settings.replace(block=i - depth - 1)
            grids = tuple(self._service.pipeline.features(p, at, check=check) for p in found.pictures)
            colors, _ = self._painted(self._prepared(grids, options), options, settings.seed)
            shares = colors.shares
            blocks.append(show.block(grids[0], colors.colors[0], i, depth, sum(shares), pressed=at.block == settings.block))
            yield {**value, "strip": list(blocks), "strip_said": texts.COLORS_STRIP_SAID.format(done=i, depth=depth)}

    def probe(self, question: Any) -> Answer | dict[str, str]:
        """Answer the browser, which may send anything: cosines of a patch of a result that was shown, or one sentence."""
        try:
            with told_kindly():
                if not isinstance(question, dict):
                    raise InputError("Ask for a patch by token, side, row and column.")
                with self._lock:
                    shown = self._shown.get(str(question.get("token")))
                if shown is None:
                    raise InputError(texts.PATCH_FORGOTTEN)
                return self._answer(shown, question)
        except gr.Error as error:
            return {"problem": error.message}

    def _answer(self, shown: Asked, question: dict[str, Any]) -> Answer:
        side = question.get("side")
        if not isinstance(side, int) or not 0 <= side < len(shown.pictures):
            raise InputError(f"The pictures are numbered 0 to {len(shown.pictures) - 1}; got another one.")
        grids = [self._service.pipeline.features(p, shown.settings) for p in shown.pictures]
        key = ("without place", *(self._service.pipeline.picture(p)[1] for p in shown.pictures), shown.settings)
        make = partial(without_place, [g.f.cpu() for g in grids])
        fs = [g.f for g in grids] if shown.placed else self._service.pipeline.cache.get(key, make)[0]
        g = grids[side].geometry
        i = cell_index(question.get("row"), question.get("column"), h=g.h, w=g.w)
        x = fs[side].flatten(0, 1)[i]
        maps = [pack_floats(cosines(f.flatten(0, 1), x).cpu()) for f in fs]
        return {"side": side, "row": i // g.w, "column": i % g.w, "maps": maps}

    def files(self, shown: Shown, second: str | None, options: Options, ending: str) -> tuple[bytes, str]:
        """A file of what is on view, and its name; a zip where there are two pictures."""
        settings = shown.settings
        second, _ = self._usable(second, settings)
        found = self.colored(shown.picture, second, settings, options, lambda: None)
        made = {}
        for number, (path, grid, colors) in enumerate(zip(found.pictures, found.grids, found.colors.colors, strict=True), 1):
            stem = Path(path).stem if len({Path(p).stem for p in found.pictures}) == len(found.pictures) else f"{number}"
            upsampling = show.upsampling_of(options, settings)
            made[stem + ending] = (
                features_npz(grid.f, grid.geometry)
                if ending == ENDINGS[0]
                else colors_png(colors, grid.pixels, grid.geometry, upsampling=upsampling)
            )
        if len(made) == 1:
            ((name, content),) = made.items()
            return content, name
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in made.items():
                archive.writestr(name, content)
        return buffer.getvalue(), f"pictures{ending.rpartition('.')[0]}.zip"
