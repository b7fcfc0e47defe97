"""Events: values of controls in, a call of `segcore`, what the components show out."""

import inspect
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from demo import texts, views
from demo.service import Service
from segcore import export
from segcore.errors import SegcoreError
from segcore.settings import CRF_PRESETS, DEFAULTS, STAGES, Settings, is_weight_file, params
from segcore.stages import settings_read
from segcore.types import Segmentation

log = logging.getLogger(__name__)
FIELDS = tuple(params())


@contextmanager
def told_kindly() -> Iterator[None]:
    """Turn every failure into one sentence on the page; what nobody foresaw goes to the log with an id."""
    try:
        yield
    except SegcoreError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except gr.Error:
        raise
    except Exception as error:
        entry = uuid.uuid4().hex[:8]
        log.exception("entry %s", entry)
        raise gr.Error(texts.UNEXPECTED.format(id=entry), print_exception=False) from error


def make_show(service: Service) -> Callable[..., Iterator[tuple[Any, ...]]]:
    """The event behind every control: runs the stages and fills all tabs.

    Yields after each stage that had to be computed, so that a stop or a newer value ends the work there. Inputs: the number
    of this run, that of the newest so far, picture, controls. A run that is not newer is left out, as its values are old.
    Outputs: the newest number, status, viewer, eigenvectors, spectrum, numbers, notes, formula, Python, command line, link.
    """

    def show(number: float, newest: float, picture: str | None, *values: Any) -> Iterator[tuple[Any, ...]]:
        with told_kindly():
            if number <= newest:
                yield tuple(gr.skip() for _ in range(11))
                return
            if picture is None:
                yield (number, texts.READY, None, None, None, "", "", "", "", "", "")
                return
            settings = settings_of(values)
            steps = service.pipeline.steps(picture, settings)
            while True:
                try:
                    report = next(steps)
                except StopIteration as done:
                    yield (number, *_shown(service, done.value, picture, settings))
                    return
                if not report.cached:
                    line = f"{texts.STAGES[report.name]} · {views.seconds(report.seconds)}"
                    yield (number, line, *(gr.skip() for _ in range(9)))

    return show


def _shown(service: Service, result: Segmentation, picture: str, asked: Settings) -> tuple[Any, ...]:
    example = service.example_of(picture)
    name = example.path.name if example else Path(picture).name
    shown = service.display_file(result)
    return (
        views.status_line(result),
        views.viewer_value(result, shown, key=result.digest, alt=example.title if example else texts.OWN_PICTURE),
        views.fiedler_value(result, shown, service.ncut_curve(result)),
        views.spectrum_figure(result),
        views.numbers_html(result),
        views.notes_markdown(result),
        views.formula_markdown(result),
        export.python_call(result.settings, name),
        export.command_line(result.settings, name),
        export.permalink(asked, example.id if example else None),
    )


def make_segment(service: Service) -> Callable[..., tuple[Any, ...]]:
    """The function behind the HTTP endpoint `/segment`: picture and settings by name; overlay, label file and summary."""

    def segment(image: str | None, *values: Any) -> tuple[Any, ...]:
        with told_kindly():
            if image is None:
                raise gr.Error("Send a picture as `image`.", print_exception=False)
            result = service.pipeline.run(image, Settings.from_values(dict(zip(FIELDS, values, strict=True))))
            labels = service.publish(export.FILES[".labels.png"](result), "labels.png")
            return export.overlay(result), labels, export.summary(result)

    # Gradio names the parameters of an endpoint after those of its function.
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    segment.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in ("image", *FIELDS)])
    segment.__doc__ = "Segment a picture. Every setting may be given by name and has the default of the page."
    return segment


def make_save(service: Service, ending: str) -> Callable[..., str]:
    """The event behind a Save button: writes the file with this ending and returns its path."""

    def save(picture: str | None, *values: Any) -> str:
        with told_kindly():
            if picture is None:
                raise gr.Error(texts.READY, print_exception=False)
            content = export.FILES[ending](service.pipeline.run(picture, settings_of(values)))
            if content is None:
                raise gr.Error(texts.NO_SPECTRUM.format(method="This method"), print_exception=False)
            return service.publish(content, Path(picture).stem + ending)

    return save


def make_shown_controls(service: Service) -> Callable[..., list[Any]]:
    """The event that shows the controls that the chosen method and backbone read, and hides the others.

    Outputs: the controls in the order of the fields, the headings of the groups in the order of the stages, the CRF preset.
    """

    def shown_controls(*values: Any) -> list[Any]:
        try:
            settings = service.pipeline.resolve(settings_of(values))
        except SegcoreError:
            return [gr.skip() for _ in (*FIELDS, *STAGES, "preset")]
        read = settings_read(settings)
        if settings.threshold != "value":
            read.discard("cut_at")
        groups = {p.stage for name, p in params().items() if p.advanced and name in read}
        shown = [*(name in read for name in FIELDS), *(stage in groups for stage in STAGES), settings.crf]
        return [gr.update(visible=visible) for visible in shown]

    return shown_controls


def make_restore(service: Service) -> Callable[..., list[Any]]:
    """The event at page load: the picture and settings that a link names, or the first example with the defaults."""

    def restore(request: gr.Request) -> list[Any]:
        query = {k: v for k, v in request.query_params.items() if k in {"example", *FIELDS}}
        if is_weight_file(query.get("backbone", "")):
            del query["backbone"]  # a link must not make the server open files
        wanted = query.pop("example", None)
        examples = service.examples
        if wanted is not None and wanted not in examples:
            gr.Warning(f"There is no example named {wanted}; here is another one.")
        example = examples.get(wanted) or next(iter(examples.values()))
        settings = DEFAULTS
        try:
            settings = Settings.from_values(query)
        except SegcoreError as error:
            gr.Warning(f"The link holds a setting that cannot be: {error}")
        return [str(example.path), _caption(example), *settings.to_dict().values()]

    return restore


def make_choose(service: Service) -> Callable[..., list[Any]]:
    """The event behind the example pictures: shows one with the settings that suit it."""

    def choose(event: gr.SelectData) -> list[Any]:
        example = list(service.examples.values())[event.index]
        settings = DEFAULTS.replace(**example.settings)
        return [str(example.path), _caption(example), *settings.to_dict().values()]

    return choose


def _caption(example: Any) -> str:
    return f"**{example.title}.** {example.look_at} *({example.credit})*"


def caption_of_upload() -> str:
    """Empty the caption when the picture is no example any more."""
    return ""


def preset_values(preset: str | None) -> list[Any]:
    """The values of a CRF preset, for the controls it sets."""
    if preset is None:
        return [gr.skip() for _ in PRESET_FIELDS]
    return [CRF_PRESETS[preset][name] for name in PRESET_FIELDS]


PRESET_FIELDS = tuple(next(iter(CRF_PRESETS.values())))


def default_values() -> list[Any]:
    """The defaults, for all controls, and no CRF preset."""
    return [*DEFAULTS.to_dict().values(), None]


def cut_here(event: gr.EventData) -> tuple[str, str, float]:
    """Cut the Fiedler vector where the panel's threshold stands: method, threshold rule, and its place."""
    return "fiedler", "value", max(-1.0, min(1.0, float(event.fraction)))


def settings_of(values: tuple[Any, ...]) -> Settings:
    """The settings that the controls show, their values in the order of the fields.

    A number that is half typed, and so out of its range, counts as the nearest one that may be.
    """
    return Settings.from_values({name: _allowed(name, value) for name, value in zip(FIELDS, values, strict=True)})


def _allowed(name: str, value: Any) -> Any:
    """The value of a control within the range of its setting; an empty box counts as the default."""
    p, default = params()[name], getattr(DEFAULTS, name)
    if p.lo is None or p.hi is None:
        return value
    value = default if value is None else min(max(value, p.lo), p.hi)
    return round(value) if isinstance(default, int) else value
