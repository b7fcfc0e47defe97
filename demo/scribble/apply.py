"""The head of the strokes, or one from a file, on more pictures: a contact sheet, and everything in one ZIP."""

import io
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo.scribble import texts
from demo.scribble.run import Run, Shown
from demo.scribble.views import milliseconds, name_of
from demo.shared.contact_sheet import Captioned, contact_sheet
from demo.shared.errors import told_kindly
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError
from segcore.heads.apply import check_head, label_picture
from segcore.heads.file import Head, head_bytes, read_head
from segcore.runtime.stopping import Stopped
from segcore.show.files import jpeg, labels_png
from segcore.show.paint import Picture, paint_labels, shrink, shrink_labels
from segcore.show.palette import PALETTE, Palette

MOST_PICTURES = 200
_THUMB = 360  # pixels
_ON_SHEET = 60  # pictures: more would make a sheet that nothing opens

OUTPUTS = ("status", "gallery", "archive")


@dataclass(frozen=True, eq=False, slots=True)
class _Labeled:
    name: str
    shares: str
    thumb: Picture
    labels: bytes  # PNG


class Apply:
    """The event behind the button."""

    def __init__(self, service: Service, run: Run):
        """Nothing was applied yet."""
        self._service, self._run = service, run

    def show(
        self, number: float, shown: Shown | None, files: list[str] | None, head_file: str | None, request: gr.Request
    ) -> Iterator[tuple[Any, ...]]:
        """Label picture after picture. Outputs: OUTPUTS; the archive is the path of a ZIP, once all is done."""
        with told_kindly():
            check = self._service.stops.check(number, request)
            paths = _checked(files)
            head = self.head(shown, head_file)
            check_head(self._service.pipeline, head)
            began, done, failed, told = time.monotonic(), [], [], ""
            for path in paths:
                try:
                    check()
                    done.append(self._labeled(head, path))
                except Stopped:
                    break
                except SegcoreError as error:
                    failed.append(texts.APPLY_FAILED.format(name=Path(path).name, reason=error))
                seconds = milliseconds(time.monotonic() - began)
                told = texts.APPLY_STATUS.format(done=len(done), n=len(paths), seconds=seconds)
                yield "  \n".join([told, *failed]), self._gallery(done), gr.skip()
            if done:
                archive = self._service.publish(_archive(head, done), "labels.zip")
                yield "  \n".join([texts.APPLY_READY.format(status=told), *failed]), gr.skip(), archive

    def head(self, shown: Shown | None, head_file: str | None) -> Head:
        """The head of the file, or that of the strokes on view, whatever method shows them.

        Raises:
            InputError: there are no strokes, or the file is no head.
        """
        if head_file:
            return read_head(Path(head_file))
        if shown is None or not shown.asked.strokes:
            raise InputError(texts.HINT, field="strokes")
        made = self._run.result(shown.with_method("head").asked).head
        if made is None:
            raise InputError(texts.HINT, field="strokes")
        return made

    def _labeled(self, head: Head, path: str) -> _Labeled:
        labels, _ = label_picture(self._service.pipeline, head, path)
        image, _ = self._service.pipeline.picture(path)
        small = shrink(image.numpy(), max_side=_THUMB)
        names = dict(zip(head.labels, head.names, strict=True))
        counts = {label: float((labels == label).float().mean()) for label in head.labels}
        shares = ", ".join(f"{name_of(label, names)} {share:.0%}" for label, share in counts.items() if share >= 0.005)
        thumb = paint_labels(small, _colors(head, shrink_labels(labels.numpy(), max_side=_THUMB)), palette=_palette(head))
        return _Labeled(Path(path).name, shares, thumb, labels_png(labels.numpy()))

    def _gallery(self, done: list[_Labeled]) -> list[tuple[str, str]]:
        return [
            (
                self._service.publish(jpeg(one.thumb), f"{Path(one.name).stem}.jpg"),
                texts.APPLY_CAPTION.format(name=one.name, shares=one.shares),
            )
            for one in done
        ]


def _palette(head: Head) -> Palette:
    """A color for each label: that of the pad where strokes gave the labels, else in their order."""
    if set(head.labels) <= set(range(1, 9)):
        return Palette(tuple(PALETTE.hex(max(head.labels))[label - 1] for label in head.labels))
    return PALETTE


def _colors(head: Head, labels: np.ndarray) -> np.ndarray:
    return np.searchsorted(head.labels, labels)


def _checked(files: list[str] | None) -> list[str]:
    if not files:
        raise InputError(texts.APPLY_NONE, field="image")
    if len(files) > MOST_PICTURES:
        raise InputError(texts.APPLY_TOO_MANY.format(most=MOST_PICTURES, n=len(files)), field="image")
    return list(files)


def _archive(head: Head, done: list[_Labeled]) -> bytes:
    """A ZIP of all labels, the head, and a contact sheet."""
    buffer = io.BytesIO()
    lines = [
        texts.SHEET_LINES.format(backbone=head.backbone, facet=head.facet, blocks=", ".join(map(str, head.blocks))),
    ]
    cells = [Captioned(one.name, (one.shares,), one.thumb) for one in done[:_ON_SHEET]]
    seen: dict[str, int] = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for one in done:
            stem = Path(one.name).stem
            seen[stem] = seen.get(stem, 0) + 1
            suffix = f"-{seen[stem]}" if seen[stem] > 1 else ""
            archive.writestr(f"{stem}{suffix}.labels.png", one.labels)
        archive.writestr("head.safetensors", head_bytes(head))
        archive.writestr("contact-sheet.png", contact_sheet(texts.SHEET_HEADING.format(n=len(done)), lines, cells))
    return buffer.getvalue()
