"""The event behind every control: a new result, and what the open tab shows of it. And what the page opens with."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from demo.lab import show, texts
from demo.lab.tab import Panel, Shown, View
from demo.shared.controls import FIELDS, settings_of
from demo.shared.errors import told_kindly
from demo.shared.link import write_link
from demo.shared.opening import Opening, opening
from demo.shared.picture import PictureInput
from demo.shared.service import Service
from demo.shared.texts import READY, STOPPED
from segcore.runtime.steps import Steps, mapped
from segcore.runtime.stopping import Stopped
from segcore.show import files
from segcore.types import Segmentation, StageReport

_PATIENCE = 0.25  # seconds of work after which the status line tells the stages


@dataclass(frozen=True, eq=False, slots=True)
class Outputs:
    """What a run fills beside the tabs."""

    newest: gr.State  # number of the newest run
    shown: gr.State  # a `Shown`, or None before the first result
    status: gr.Markdown
    notes: gr.Markdown
    formula: gr.Markdown
    address: gr.Textbox  # the query string that restores what is shown


FIXED = tuple(f.name for f in fields(Outputs))


class Run:
    """The event, for the tabs of a page."""

    def __init__(self, service: Service, panels: Mapping[str, Panel]):
        """Nothing has been shown yet."""
        self._service, self._panels = service, panels
        reads = [(name, i) for name, panel in panels.items() for i in range(len(panel.inputs))]
        self._names = (*FIELDS, *reads)  # of the values: controls, and inputs by tab and place

    def show(
        self,
        number: float,
        tab: str,
        newest: float,
        shown: Shown | None,
        picture: str | None,
        request: gr.Request,
        *values: Any,
    ) -> Iterator[tuple[Any, ...]]:
        """Compute what the controls ask for, and show it.

        Inputs: the number of this run, the name of the open tab, the number of the newest run so far, what is shown, the
        picture, the controls, and the inputs of all tabs. Outputs: those of FIXED and those of all tabs; what did not change
        and what nobody sees is left as it is. A run that is not newer is left out, as its values are old, and one that asks
        for what is shown already changes nothing.
        """
        given = dict(zip(self._names, values, strict=True))
        with told_kindly():
            if number <= newest:
                yield self._answer()
            elif picture is None:
                yield self._answer(newest=number, shown=None, status=READY, notes="", formula="", address="")
            elif (now := Shown(picture, settings_of(tuple(given[name] for name in FIELDS)))) == shown:
                yield self._answer(newest=number)
            else:
                check = self._service.stops.check(number, request)
                inputs = self._inputs(tab, given, new=shown is None or shown.picture != picture)
                try:
                    yield from self._shown(number, tab, now, check, inputs)
                except Stopped:
                    yield self._answer(newest=number, status=STOPPED, shown=shown and replace(shown, stopped=True))

    def _inputs(self, tab: str, given: Mapping[Any, Any], *, new: bool) -> tuple[Any, ...]:
        """What the tab reads beside; what belonged to another picture is not for a new one."""
        panel = self._panels[tab]
        return panel.fresh if new and panel.fresh is not None else tuple(given[tab, i] for i in range(len(panel.inputs)))

    def _shown(
        self, number: float, tab: str, now: Shown, check: Callable[[], None], inputs: tuple[Any, ...]
    ) -> Iterator[tuple[Any, ...]]:
        result = yield from self._computed(now, check)
        fixed: dict[str, Any] = {"newest": number, "shown": now, **around(self._service, now, result)}
        for part in self._panels[tab].fill(View(now, result, check), *inputs):
            yield self._answer(tab, part, **fixed)
            fixed = {}
            check()

    def _computed(self, now: Shown, check: Callable[[], None]) -> Steps[tuple[Any, ...], Segmentation]:
        """Run the stages, and tell those that take long."""
        told_at = time.monotonic()

        def tell(report: StageReport) -> tuple[Any, ...] | None:
            nonlocal told_at
            if report.cached or time.monotonic() - told_at <= _PATIENCE:
                return None
            told_at = time.monotonic()
            return self._answer(status=f"{texts.STAGES[report.name]} · {show.seconds(report.seconds)}")

        return (yield from mapped(self._service.pipeline.steps(now.picture, now.settings, check=check), tell))

    def _answer(self, tab: str = "", part: tuple[Any, ...] = (), **fixed: Any) -> tuple[Any, ...]:
        outputs = [fixed.get(name, gr.skip()) for name in FIXED]
        for name, panel in self._panels.items():
            outputs += part if name == tab else [gr.skip() for _ in panel.outputs]
        return tuple(outputs)


def around(service: Service, now: Shown, result: Segmentation) -> dict[str, str]:
    """What stands around the tabs, whichever is open: status, notes, formula and address."""
    example = service.example_of(now.picture)
    if example is None:
        service.keep_upload(result.digest, now.picture)
    return {
        "status": show.status_line(result),
        "notes": show.notes_markdown(result),
        "formula": show.formula_markdown(result),
        "address": write_link(now.settings, example, result.digest),
    }


def make_save(service: Service, ending: str) -> Callable[[Shown | None], str]:
    """The event behind a Save button: writes the file with this ending of what is shown, and returns its path."""

    def save(shown: Shown | None) -> str:
        with told_kindly():
            if shown is None:
                raise gr.Error(READY, print_exception=False)
            content = files.FILES[ending](service.pipeline.run(shown.picture, shown.settings))
            if content is None:
                raise gr.Error(texts.NO_SPECTRUM.format(method="This method"), print_exception=False)
            return service.publish(content, Path(shown.picture).stem + ending)

    return save


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """A page that is opened, and nothing asked for."""

    shown: Shown
    first: Opening


def make_opened(
    service: Service,
    picture: PictureInput,
    restored: Sequence[Any],
    restore: Callable[[Mapping[str, str]], Sequence[Any]],
    outputs: Outputs,
    panel: Panel,
) -> Callable[[], Opened]:
    """What says what the page opens with: the first example and its result, as the events would show them.

    It computes once.

    Args:
        service: of the server.
        picture: that is segmented.
        restored: the components that a link restores.
        restore: their values, for the names and values of a link.
        outputs: around the tabs.
        panel: the first tab.
    """

    @cache
    def opened() -> Opened:
        held = dict(zip(restored, restore({}), strict=True))
        path = opening("", {picture: held[picture]}).props[picture._id]["value"]["path"]
        shown = Shown(path, service.first.of_defaults())
        result = service.pipeline.run(shown.picture, shown.settings)
        told = around(service, shown, result)
        held |= {getattr(outputs, name): value for name, value in told.items()}
        for values in panel.fill(View(shown, result, lambda: None)):
            held |= dict(zip(panel.outputs, values, strict=True))
        return Opened(shown, opening(told["address"], held))

    return opened


def make_load(
    restore: Callable[[Mapping[str, str]], list[Any]], n_restored: int, opened: Callable[[], Opened]
) -> Callable[..., list[Any]]:
    """The event at page load: what the link says, where the page does not hold it already; then, what is shown.

    Input: whether the page holds what it opens with.

    Args:
        restore: the values of the components that a link restores.
        n_restored: how many these are.
        opened: what the page opens with.
    """

    def load(holds: float, request: gr.Request) -> list[Any]:
        return [gr.skip()] * n_restored + [opened().shown] if holds else [*restore(request.query_params), gr.skip()]

    return load
