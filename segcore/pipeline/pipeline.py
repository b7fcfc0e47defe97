"""Runs the stages from picture to segmentation and remembers their values in one bounded cache.

The key of a value is the stage, the keys of the values it was made from, and the settings it read; the chain ends at the
digest of the picture. So a new K clusters again, a new λ solves again, and only a new picture or backbone runs the
transformer.
"""

import os
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segcore.errors import ModelError
from segcore.features import BACKBONES, Backbone, Extract, extract_features, stand_in_note, weights_status
from segcore.image import PictureFile, digest, levels_note, read_image, segments_of
from segcore.pipeline.backbones import load_model, resolve_backbone
from segcore.pipeline.methods import METHODS
from segcore.pipeline.reader import Reader
from segcore.pipeline.stages import Run, Warmth, needs_backbone, plan, signature, warmth_of
from segcore.runtime.cache import StageCache
from segcore.runtime.cores import Cores
from segcore.runtime.device import pick_device
from segcore.runtime.steps import Steps, finish
from segcore.runtime.stopping import never, stoppable
from segcore.settings import DEFAULTS, Settings, is_weight_file
from segcore.types import FeatureGrid, Segmentation, StageReport

CACHE_BYTES = 1 << 30


def segment(
    image: Any,
    settings: Settings | None = None,
    *,
    on_stage: Callable[[StageReport], None] | None = None,
    **overrides: Any,
) -> Segmentation:
    """Segment one picture.

    Args:
        image: path, bytes, PIL image, array or tensor, as `read_image` takes it.
        settings: all tunables; the defaults if None.
        on_stage: called after each stage with its report; what it raises stops the work there.
        **overrides: single settings by name, e.g. `n_segments=8`.

    Returns:
        Segmentation with a label map of the picture's own size.

    Raises:
        InputError: the picture or a setting breaks a rule.
        ModelError: a file of weights cannot be used. A registered backbone that cannot be had is replaced by the best one
            that is here, with a note.

    Cost: results of stages are remembered between calls, in up to 1 GiB.
    """
    return default_pipeline().run(image, make_settings(settings, **overrides), on_stage=on_stage)


def make_settings(settings: Settings | None = None, **overrides: Any) -> Settings:
    """The given settings, or the defaults, with single values replaced."""
    base = settings or DEFAULTS
    return Settings.from_values({**base.to_dict(), **overrides}) if overrides else base


@cache
def default_pipeline() -> "Pipeline":
    """The pipeline behind `segment`, made at its first call."""
    return Pipeline()


class Pipeline:
    """Runs the stages on one device and remembers their values, for any number of threads."""

    def __init__(
        self,
        *,
        device: str = "auto",
        cache_bytes: int = CACHE_BYTES,
        extract: Extract = extract_features,
        weights: str | None = None,
        cores: Cores | None = None,
    ):
        """Prepare; nothing is loaded or computed yet.

        Args:
            device: "auto", "cpu" or "cuda".
            cache_bytes: bound on all remembered values together, loaded weights included.
            extract: runs the model; a host may pass one that borrows a GPU for the call.
            weights: a file of weights that the backbone "auto" stands for.
            cores: what stages that are computed at the same moment share; each takes what torch has if None.

        Raises:
            InputError: the device is unknown or not here.
            ModelError: the file of weights is missing, damaged or holds no vision transformer.
        """
        self._made_again = partial(Pipeline, device=device, cache_bytes=cache_bytes, extract=extract, weights=weights)
        self._share: Callable[[], AbstractContextManager[None]] = cores.share if cores else nullcontext
        self.device = pick_device(device)
        self.cache = StageCache(cache_bytes)
        self._extract = extract
        self._auto = resolve_backbone(weights)[0].name if weights else "auto"
        self._latest: dict[Run, tuple[Any, Any]] = {}  # of stages that may start warm: what it was like, and the start

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets one that is made alike, and that remembers nothing yet."""
        return self._made_again, ()

    def run(
        self,
        image: Any,
        settings: Settings,
        *,
        on_stage: Callable[[StageReport], None] | None = None,
        check: Callable[[], None] = never,
    ) -> Segmentation:
        """Segment one picture; see `segment`."""
        return finish(self.steps(image, settings, check=check), on_stage)

    def steps(
        self, image: Any, settings: Settings, *, check: Callable[[], None] = never
    ) -> Steps[StageReport, Segmentation]:
        """Segment one picture stage by stage: yields a report after each, returns the result.

        Closing the generator cancels the stages that are still to come. `check` is asked before each stage and in the loops
        inside; what it raises, such as `Stopped`, ends the work there, and nothing of an unfinished stage is remembered.
        """
        values, keys, reports, settings = yield from self._stages(image, settings, ("label_map",), check)
        return _segmentation(values, keys, tuple(reports), settings)

    def values(
        self,
        image: Any,
        settings: Settings,
        *names: str,
        of_patches: bool = False,
        check: Callable[[], None] = never,
    ) -> dict[str, Any]:
        """Values of single stages, the very ones that `run` works with; what these do not need is not computed.

        Args:
            image: as `read_image` takes it.
            settings: all tunables.
            names: of the stages, which need not be those of the method; see `segcore.pipeline.stages`.
            of_patches: of the patches of the backbone, also where the method cuts pixels.
            check: see `steps`.

        Returns:
            Value by name.

        Raises:
            InputError, ModelError: as `run`.

        Cost: a few look-ups once the stages were run.
        """
        found, *_ = finish(self._stages(image, settings, names, check, of_patches=of_patches))
        return {name: found[name] for name in names}

    def features(self, image: Any, settings: Settings, *, shifts: int = 1, check: Callable[[], None] = never) -> FeatureGrid:
        """Features of a picture, remembered; for those of a frame that never returns, `open_reader` remembers nothing.

        Args:
            image: as `read_image` takes it.
            settings: backbone, facet, block and max_side count.
            shifts: s > 1 gives a grid that is s times as fine; see `shifted_features`.
            check: see `steps`.

        Returns:
            One vector per patch of the backbone, whatever the method.

        Raises:
            InputError, ModelError: as `run`.

        Cost: a few look-ups once they were computed.
        """
        grid: FeatureGrid
        if shifts == 1:
            grid = self.values(image, settings, "features", of_patches=True, check=check)["features"]
            return grid
        (picture, picture_digest), reader = self.picture(image), self.reader(settings)

        def read() -> FeatureGrid:
            with stoppable(check):
                return reader.read(picture, shifts=shifts)

        check()
        grid, _ = self.cache.get(("shifted", picture_digest, reader.recipe, shifts), read)
        return grid

    def reader(self, settings: Settings) -> Reader:
        """The backbone of these settings ready to run; where it cannot be had, the best one here, and a note says why.

        Raises:
            InputError: there is no backbone of this name.
            ModelError: a file of weights cannot be used.
        """
        return self._weights(settings)[0]

    def check(self, settings: Settings) -> None:
        """Refuse, before any picture is read, what is no picture's fault.

        Raises:
            InputError: the method shows a network's own labels, and the backbone has none.
            ModelError: a file of weights cannot be used.
        """
        of_network = METHODS[settings.method].of_network
        if of_network or is_weight_file(settings.backbone):
            reader = self.reader(settings)
            if of_network:
                from segcore.pipeline.learned_model import network_of

                network_of(reader.model)

    def _stages(
        self,
        image: Any,
        settings: Settings,
        goals: Collection[str],
        check: Callable[[], None],
        *,
        of_patches: bool = False,
    ) -> Steps[StageReport, tuple[dict[str, Any], dict[str, Any], list[StageReport], Settings]]:
        """Run the stages behind the goals; returns values and keys by name, the reports, and the settings as used."""
        picture, picture_digest = self.picture(image)
        values: dict[str, Any] = {"picture": picture}
        keys: dict[str, Any] = {"picture": picture_digest}
        reports = []
        if needs_backbone(settings, goals, of_patches=of_patches):
            reader, report = self._weights(settings)
            values["weights"], keys["weights"] = reader, reader.model.backbone
            settings = reader.settings
            reports.append(report)
            yield report
        for name, run in plan(settings, goals, of_patches=of_patches).items():
            check()
            inputs, tunables = signature(run)
            chosen = {t: getattr(settings, t) for t in tunables}
            keys[name] = (run, *(keys[i] for i in inputs), *chosen.values())
            make = partial(_timed, run, [values[i] for i in inputs], chosen, check, self._share)
            if warmth := warmth_of(run):
                like = (*(keys[i] for i in warmth.like), *chosen.values())
                make = partial(self._warm, make, run, warmth, like)
            (values[name], seconds), cached = self.cache.get(keys[name], make)
            value = values[name]
            notes = (*getattr(value, "notes", ()), *(levels_note(picture) if name == "features" else ()))
            report = StageReport(name, seconds, cached, getattr(value, "facts", {}), notes)
            reports.append(report)
            yield report
        return values, keys, reports, settings

    def _warm(
        self, make: Callable[..., tuple[Any, float]], run: Run, warmth: Warmth, like: tuple[Any, ...]
    ) -> tuple[Any, float]:
        """Run a stage from its latest value if that is of the like; as the answer is the same, it is not part of a key."""
        latest, start = self._latest.get(run, (None, None))
        value, seconds = make(start=start if latest == like else None)
        self._latest[run] = (like, getattr(value, warmth.start))
        return value, seconds

    def picture(self, image: Any) -> tuple[Tensor, str]:
        """The decoded picture and its digest; a file is read again only when it changes."""

        def read() -> tuple[Tensor, str]:
            picture = read_image(image)
            return picture, digest(picture)

        file = PictureFile("", Path(image)) if isinstance(image, str | os.PathLike) else image
        if not isinstance(file, PictureFile) or not file.path.is_file():
            return read()
        stat = file.path.stat()
        key = "file", file.path.resolve(), file.member, stat.st_mtime_ns, stat.st_size
        found: tuple[Tensor, str] = self.cache.get(key, read)[0]
        return found

    def resolve(self, settings: Settings) -> Settings:
        """The same settings with the backbone that "auto" means here and now."""
        return settings.replace(backbone=self._resolve(settings.backbone)[0].name)

    def _resolve(self, name: str) -> tuple[Backbone, str | None]:
        return resolve_backbone(self._auto if name == "auto" else name)

    def _weights(self, settings: Settings) -> tuple[Reader, StageReport]:
        """See `reader`; and what the loading took."""
        backbone, note = self._resolve(settings.backbone)
        wanted, reason = backbone, ""
        bundled = ("dino_tiny",) if weights_status(BACKBONES["dino_tiny"]) != "missing" else ()
        for fallback in ("auto", *bundled, "color"):
            try:
                return self._load(backbone, note, settings)
            except ModelError as error:
                if is_weight_file(backbone.name):
                    raise  # somebody asked for this very file
                reason = reason or str(error)
                backbone, _ = resolve_backbone(fallback)
                note = stand_in_note(backbone, wanted, reason)
        return self._load(backbone, note, settings)

    def _load(self, backbone: Backbone, note: str | None, settings: Settings) -> tuple[Reader, StageReport]:
        if backbone.needs_weights:
            make = partial(_timed, load_model, [backbone], {"device": self.device}, never, self._share)
            (model, seconds), cached = self.cache.get(("weights", backbone), make)
        else:
            model, seconds, cached = load_model(backbone, device=self.device), 0.0, True
        notes = (note,) if note else ()
        reader = Reader(model, settings.replace(backbone=backbone.name), extract=self._extract, notes=notes)
        return reader, StageReport("weights", seconds, cached, {"backbone": backbone.name}, notes)


def _timed(
    run: Callable[..., Any],
    inputs: list[Any],
    tunables: Mapping[str, Any],
    check: Callable[[], None],
    share: Callable[[], AbstractContextManager[None]],
    **extra: Any,
) -> tuple[Any, float]:
    began = time.perf_counter()
    with stoppable(check), share():
        value = run(*inputs, **tunables, **extra)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return value, time.perf_counter() - began


def _segmentation(
    values: Mapping[str, Any], keys: Mapping[str, Any], reports: tuple[StageReport, ...], settings: Settings
) -> Segmentation:
    label_map: Tensor = values["label_map"].label_map
    cells, features = values["cells"], values["features"]
    return Segmentation(
        image=values["picture"],
        digest=keys["picture"],
        spectrum_key=keys.get("spectrum"),
        label_map=label_map,
        cell_labels=cells.labels.reshape(features.geometry.h, features.geometry.w).cpu(),
        segments=segments_of(label_map),
        features=features,
        affinity=values.get("affinity"),
        spectrum=cells.spectrum or values.get("spectrum"),
        partition=cells,
        stages=reports,
        settings=settings,
    )
