"""A run: features, groups, label maps; each step becomes what the page draws."""

import itertools
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import gradio as gr
import numpy as np
from torch import Tensor

from demo.collections import texts
from demo.collections.asked import Asked, Controls
from demo.collections.board import KIND, Parts
from demo.collections.data import check_files, listed
from demo.collections.show import cells_shown, colors_thumbnail, groups_shown, label_thumbnail, scores_shown, thumbnail
from demo.shared.errors import told_kindly
from demo.shared.jobs import Report, Work
from demo.shared.service import Service
from segcore.cluster.colors import pca_colors
from segcore.collection import Collection, Grouping, PictureFile, Store, collect, group, label_map, open_reader, system_of
from segcore.collection.export import clusters, zipped
from segcore.errors import InputError
from segcore.evaluate.collection import (
    Contender,
    Scores,
    Truth,
    count_pixels,
    evaluate_collection,
    matched_scores,
    truth_of,
)
from segcore.image import read_image
from segcore.runtime.steps import Progress, Steps, finish, mapped
from segcore.runtime.stopping import stop_if_asked

T = TypeVar("T")

_READ, _LEARNED, _GROUPED = 0.6, 0.3, 0.8  # of the bar, when features are read; the same of systems that learn; groups made


@dataclass(frozen=True, eq=False, slots=True)
class Left:
    """What a run leaves."""

    collection: Collection
    grouping: Grouping
    asked: Asked
    folder: TemporaryDirectory[str]  # of features; removed with the last one who knows it

    def saved(self, names: tuple[str, ...]) -> bytes:
        """Everything as a zip, with the names that the visitor gave the groups."""
        grouping = replace(self.grouping, names=names)
        settings = self.collection.settings
        about = clusters(self.collection, grouping, settings, self.asked.settings.to_dict(), settings.seed)
        return finish(zipped(self.collection, grouping, settings, about=about, command=self.asked.command))


def make_work(asked: Asked, service: Service) -> Work:
    """The work of a job."""

    def work(_left: Any) -> Generator[Report, None, None]:
        folder = TemporaryDirectory(prefix="segcore-collection-")
        yield Report(texts.LISTING, show=Parts(about={"command": asked.command, "query": asked.query}))
        pictures, truths = listed(asked, service, folder)
        pipeline = service.pipeline
        settings = pipeline.resolve(asked.reading)
        reader = open_reader(settings, device=str(pipeline.device), extract=service.extract)
        store = Store(Path(folder.name) / "features")
        yield _count(len(pictures), {})
        seen: list[str] = []
        read = _LEARNED if system_of(asked.options.system).learns else _READ
        steps: Steps[Progress, Any] = collect(pictures, reader, store)
        collection = yield from _through(steps, 0.0, read, partial(_as_read, pictures, seen))
        yield _count(len(collection), collection.failed)
        if tuple(seen) != collection.names:
            yield from _pictures(collection, read)
        yield from _colors(collection, read)
        steps = group(collection, asked.options.system, n_groups=asked.n_groups, seed=settings.seed, settings=asked.settings)
        grouping = yield from _through(steps, read, _GROUPED, partial(_first_labels, collection, itertools.count(1)))
        yield Report(texts.GROUPS, share=_GROUPED)
        result = groups_shown(collection, grouping, seed=settings.seed, plane=asked.options.plane)
        yield Report(texts.MAPS, show=Parts(result=result))
        if grouping.parts is not None:
            for i, labels in enumerate(grouping.parts.labels):
                yield Report(texts.MAPS, show={f"part/{i}": cells_shown(labels, collection, i)})
        yield from _maps(collection, grouping, truths, asked.own.ignore)
        yield Report(texts.MAPS, share=1.0, show=Parts(done=True), left=Left(collection, grouping, asked, folder))

    return work


def _through(
    steps: Steps[Progress, T], share: float, high: float, show: Callable[[Progress], dict[str, Any]]
) -> Steps[Report, T]:
    """Run steps as the part of the bar from one share to another; returns what they return.

    Nobody knows how many stages there will be, so each takes two thirds of what is left.
    """
    stage, low, reach = "", share, share

    def tell(p: Progress) -> Report:
        nonlocal stage, low, reach, share
        if p.stage != stage:
            stage, low, reach = p.stage, share, share + (high - share) * 2 / 3
        share = max(share, low + (reach - low) * (p.done / p.total if p.total else 0))
        return Report(p.stage, p.done, p.total, p.unit, share=share, show=show(p))

    return (yield from mapped(steps, tell))


def _count(n: int, failed: Mapping[str, str]) -> Report:
    left_out = [texts.LEFT_OUT.format(name=name, reason=reason) for name, reason in failed.items()]
    return Report(texts.LISTING, show=Parts(count={"n": n, "left_out": left_out}))


def _as_read(pictures: Sequence[PictureFile], seen: list[str], p: Progress) -> dict[str, Any]:
    """The picture whose features were just computed; those that cannot be read have no number."""
    picture = pictures[int(p.done) - 1]
    try:
        shown = thumbnail(read_image(picture.data()), picture.name)
    except InputError:
        return {}
    seen.append(picture.name)
    return {f"picture/{len(seen) - 1}": shown}


def _pictures(collection: Collection, share: float) -> Generator[Report, None, None]:
    for i, name in enumerate(collection.names):
        stop_if_asked()
        yield Report(texts.LISTING, share=share, show={f"picture/{i}": thumbnail(collection.image(i), name)})


def _colors(collection: Collection, share: float) -> Generator[Report, None, None]:
    """All pictures in the colors of one PCA of their features; nothing where no two patches differ."""
    yield Report(texts.COLORS, share=share)
    with suppress(InputError):
        for i, colors in enumerate(pca_colors(collection.fs).colors):
            stop_if_asked()
            yield Report(texts.COLORS, share=share, show={f"colors/{i}": colors_thumbnail(colors, collection.geometry(i))})


def _first_labels(collection: Collection, points: Iterator[int], p: Progress) -> dict[str, Any]:
    """Labels that can be shown already, and the next point of the loss, over all rounds of a training."""
    shown: dict[str, Any] = {f"labels/{i}": cells_shown(labels, collection, i) for i, labels in p.labels.items()}
    if p.curves:
        shown[f"point/{next(points)}"] = dict(p.curves)
    return shown


def _maps(
    collection: Collection, grouping: Grouping, truths: dict[str, Path], ignore: int | None
) -> Generator[Report, None, None]:
    """Label maps of the pixels, and scores where there is truth."""
    truth, at = _truth(collection, truths, ignore)
    table = None if truth is None else np.zeros((grouping.n_groups, len(truth.classes)), np.int64)
    settings = collection.settings
    for i in range(len(collection)):
        stop_if_asked()
        found: Tensor = label_map(grouping, collection, i, settings)
        if truth is not None and table is not None and i in at:
            count_pixels(table, found, truth.columns(at[i]))
        show = {f"labels/{i}": label_thumbnail(found.numpy(), collection.geometry(i).image_size)}
        done = (i + 1) / len(collection)
        yield Report(texts.MAPS, i + 1, len(collection), "pictures", share=_GROUPED + (0.99 - _GROUPED) * done, show=show)
    if truth is not None and table is not None:
        beside = yield from _beside(collection, grouping, truths, ignore)
        title = system_of(grouping.system).title
        scores = scores_shown(title, matched_scores(table, truth.classes), beside, str)
        yield Report(texts.MAPS, share=1.0, show=Parts(scores=scores))


def _beside(
    collection: Collection, grouping: Grouping, truths: Mapping[str, Path], ignore: int | None
) -> Steps[Report, dict[str, Scores]]:
    """What k-means reaches on the same pictures: on Lab color and position, and where a system learns on its features."""

    def tell(p: Progress) -> Report:
        return Report(texts.BESIDE, p.done, p.total, p.unit, share=0.99)

    settings = collection.settings.replace(backbone="color")
    collecting: Steps[Progress, Collection] = collect(collection.pictures, open_reader(settings), collection.store)
    plain = yield from mapped(collecting, tell)
    rows = [Contender("color", plain, system_of("kmeans"))]
    if system_of(grouping.system).learns:
        rows.append(Contender("kmeans", collection, system_of("kmeans")))
    k = max(2, grouping.n_groups)
    scoring = evaluate_collection(rows, truths, n_groups=k, ignore=ignore, settings=settings, over=0, probe=False)
    return {report.name: report.matched for report in (yield from mapped(scoring, tell))}


def _truth(collection: Collection, truths: dict[str, Path], ignore: int | None) -> tuple[Truth | None, dict[int, int]]:
    """The truth, and which of its pictures each picture is; None where there is none."""
    if not truths:
        return None, {}
    part, truth = truth_of(collection, truths, ignore=ignore)
    return truth, {collection.names.index(name): n for n, name in enumerate(part.names)}


def check_left(left: Any) -> Left:
    """What a job left, or a sentence."""
    if not isinstance(left, Left):
        raise InputError(texts.NOT_YET, field="job")
    return left


# ---- Events ----


def make_start(service: Service, controls: Controls) -> Callable[..., str]:
    """The event behind the button: a run is put in line; the board shows it."""

    def start(visitor: str, *values: Any) -> str:
        with told_kindly():
            asked = controls.asked(values)
            check_files(asked.own.files, asked.options.source)
            return service.jobs.start(make_work(asked, service), owner=visitor, kind=KIND)

    return start


def make_save(service: Service) -> Callable[..., str]:
    """The event behind Save: labels, groups, what was learned, and the command, as a zip."""

    def save(event: gr.EventData) -> str:
        with told_kindly():
            left = check_left(service.jobs.left(str(event.id)))
            names = tuple(str(name)[:60] for name in event.names or ())
            return service.publish(left.saved(names), "collection.zip")

    return save
