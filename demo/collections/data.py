"""The pictures of a run: drawn ones with their truth, the photographs of the lab, or a visitor's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from demo.collections import texts
from demo.collections.asked import OWN, Asked
from demo.shared.service import Service
from segcore.collection import PictureFile, pictures_of
from segcore.drawn.objects import draw_objects
from segcore.errors import InputError
from segcore.image.source import FILES
from segcore.show.files import png

MOST = 200  # pictures at once


def listed(
    asked: Asked, service: Service, folder: TemporaryDirectory[str]
) -> tuple[tuple[PictureFile, ...], Mapping[str, FILES]]:
    """The pictures of a run, and the label maps by their names.

    Raises:
        InputError: there are too few or too many, two have one name, or a zip is no good.
    """
    if asked.options.source == "drawn":
        return _drawn(Path(folder.name))
    if asked.options.source == "photos":
        return tuple(PictureFile(e.id, e.path) for e in service.examples.values()), {}
    pictures = pictures_of([Path(file) for file in asked.own.files])
    if len(pictures) > MOST:
        raise InputError(texts.TOO_MANY.format(most=MOST, n=len(pictures)), field="files")
    return pictures, asked.own.labels_of(pictures)


def _drawn(folder: Path) -> tuple[tuple[PictureFile, ...], Mapping[str, FILES]]:
    drawn = draw_objects()
    pictures: list[PictureFile] = []
    truths: dict[str, Path] = {}
    for name, image, truth in zip(drawn.names, drawn.images, drawn.truth, strict=True):
        path, labels = folder / f"{name}.png", folder / f"{name}.labels.png"
        path.write_bytes(png(image.numpy()))
        labels.write_bytes(png(truth.numpy().astype(np.uint8)))
        pictures.append(PictureFile(name, path))
        truths[name] = labels
    return tuple(pictures), truths


def check_files(files: Sequence[str] | None, source: str) -> None:
    """Refuse own pictures where there are none."""
    if source == OWN and not files:
        raise InputError(texts.NO_FILES.format(most=MOST), field="files")
