"""The event behind the pad and all controls: strokes become labels."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import gradio as gr

from demo.scribble import show, texts
from demo.scribble.asked import Asked, link_of, python_lines, read_asked
from demo.scribble.pad import Drawn, PadValue, ScribblePad
from demo.shared.errors import told_kindly
from demo.shared.service import Service
from segcore.errors import InputError
from segcore.runtime.stopping import Stopped
from segcore.runtime.worker import TooLong, Worker
from segcore.scribble.scribble import Scribbled, scribble
from segcore.scribble.strokes import strokes_json
from segcore.settings import Settings
from segcore.show.paint import shrunk_size

DEADLINE = 5.0  # seconds of one flow; a cut of many labels is several


@dataclass(frozen=True, eq=False, slots=True)
class Outputs:
    """What a run fills."""

    newest: gr.State  # number of the newest run
    shown: gr.State  # a `Shown`, or None before the first result
    status: gr.Markdown
    pad: ScribblePad
    proof: gr.HTML
    maps: gr.HTML
    python: gr.Code
    address: gr.Textbox  # the query string that restores what is shown
    link_note: gr.Markdown


OUTPUTS = tuple(f.name for f in fields(Outputs))


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on view: from this and the caches everything follows again."""

    asked: Asked
    digest: str

    def with_method(self, method: str) -> "Shown":
        """The same by another method."""
        return replace(self, asked=replace(self.asked, options=replace(self.asked.options, method=method)))


class Run:
    """The event, and what saving and applying need of it."""

    def __init__(self, service: Service):
        """Nothing has been shown yet."""
        self._service = service
        self._flows = Worker("segcore.scribble.max_flow:max_flow")

    def warm(self) -> None:
        """Start the process that cuts."""
        self._flows.warm()

    def solve(self, *problem: Any) -> Any:
        """A maximum flow, found by another process, so that this one goes on answering."""
        try:
            return self._flows.call(*problem, deadline=DEADLINE)
        except TooLong:
            raise InputError(texts.TOO_LONG.format(seconds=DEADLINE, everywhere=texts.EVERYWHERE), field="weight") from None

    def result(self, asked: Asked) -> Scribbled:
        """The labels that somebody asks for."""
        return scribble(
            self._service.pipeline,
            asked.picture,
            asked.settings,
            asked.strokes,
            asked.options,
            solve=self.solve,
            names=asked.names,
        )

    def show(
        self,
        number: float,
        newest: float,
        picture: str | None,
        drawn: Drawn,
        names: str,
        linked: Settings,
        request: gr.Request,
        *values: Any,
    ) -> tuple[Any, ...]:
        """Compute what is asked for and show it; a run that is not the newest is left out.

        Outputs: OUTPUTS. A rule that the strokes break is said in the status line, and nothing is lost.
        """
        with told_kindly():
            if number <= newest:
                return _answer()
            if picture is None:
                return _answer(
                    newest=number, shown=None, status=texts.EMPTY, pad=_no_picture(), proof="", maps="", python=""
                )
            try:
                self._service.stops.check(number, request)()
                return self._shown(number, picture, drawn, names, linked, values)
            except Stopped:
                return _answer(newest=number)

    def _shown(
        self, number: float, picture: str, drawn: Drawn, names: str, linked: Settings, values: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        image, digest = self._service.pipeline.picture(picture)
        view = self.view(picture, image.shape, digest)
        try:
            asked = read_asked(picture, drawn, digest, names, linked, *values)
        except InputError as error:
            return _answer(newest=number, status=str(error), pad=view)
        view["names"] = {str(label): name for label, name in asked.names.items()}
        answer = {"newest": number, "shown": Shown(asked, digest), **self._addressed(asked, names, digest)}
        try:
            if not asked.strokes:
                raise InputError(texts.HINT, field="strokes")
            result = self.result(asked)
        except InputError as error:
            if error.field != "strokes":
                return _answer(**answer, status=str(error), pad=view)  # the earlier result stays
            view["result"] = None
            return _answer(**answer, status=str(error), pad=view, proof="", maps="", python="")
        view["result"] = show.layers(result)
        return _answer(
            **answer,
            status=show.status(result, asked.options.method, asked.names),
            pad=view,
            proof=show.proof(result),
            maps=show.maps(result, asked.names),
            python=python_lines(asked, self._file_name(picture)),
        )

    def view(self, picture: str, shape: tuple[int, ...], digest: str) -> PadValue:
        """The picture as the pad shows it."""
        image, _ = self._service.pipeline.picture(picture)
        height, width = shrunk_size(shape)
        shown = self._service.display_picture(image, digest)
        return {
            "picture": shown,
            "picture_key": digest,
            "width": width,
            "height": height,
            "alt": self._service.title_of(picture),
        }

    def _addressed(self, asked: Asked, names: str, digest: str) -> Mapping[str, Any]:
        example = self._service.example_of(asked.picture)
        if example is None:
            self._service.keep_upload(digest, asked.picture)
        kept: list[str] = []

        def keep(text: str) -> str:
            kept.append(self._service.keep_file(self._service.publish(text.encode(), "strokes.txt")))
            return kept[0]

        link = link_of(asked, names, example, digest, keep)
        return {"address": link, "link_note": texts.LINK_LONG if kept else ""}

    def _file_name(self, picture: str) -> str:
        example = self._service.example_of(picture)
        return example.path.name if example else picture.rsplit("/", 1)[-1]


def strokes_file(asked: Asked) -> dict[str, Any]:
    """The small file that keeps strokes and names."""
    return {"strokes": strokes_json(asked.strokes), "names": {str(k): v for k, v in asked.names.items()}}


def _no_picture() -> dict[str, Any]:
    return {"picture": None, "picture_key": ""}


def _answer(**outputs: Any) -> tuple[Any, ...]:
    return tuple(outputs.get(name, gr.skip()) for name in OUTPUTS)
