"""A run as a movie: all its steps, or the last step for each value of a setting."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from demo.shared.errors import told_kindly
from demo.shared.film.pen import INKS
from demo.shared.sequence import Frame, kept
from demo.shared.service import Service
from demo.shared.texts import FILM_NUMBER
from demo.steps import texts
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import OWN, PICTURE, Asked, Inputs
from demo.steps.data import Data, load
from demo.steps.run import asked_with
from demo.steps.run.restore import default_points
from demo.steps.show.film import film_frame
from segcore.checks import check_choice
from segcore.errors import InputError, shortened
from segcore.runtime.outputs import check_outputs
from segcore.runtime.stopping import stop_if_asked, stoppable
from segcore.settings import Settings, params
from segcore.show.files import make_folder, png, write_file
from segcore.show.moving import MOVING_SUFFIXES, check_suffix, small_enough
from segcore.show.paint import Picture

MOST_STEPS = 120  # of a movie; of more, the first, the last, and ever fewer between
SECONDS = (0.1, 10.0, 1.0)  # of a step: lowest, highest, default
_Shown = tuple[Frame, Data, str]  # a step, what it ran on, which of how many


@dataclass(frozen=True, slots=True)
class Film:
    """How a movie is to be.

    Attributes:
        seconds: each step stands still.
        theme: a key of INKS.
        sweep: a setting, and the values that it takes; without one the steps of one run are shown.
    """

    seconds: float = SECONDS[2]
    theme: str = "light"
    sweep: tuple[str, tuple[str, ...]] | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        lo, hi, _ = SECONDS
        if not lo <= self.seconds <= hi:
            raise InputError(f"A step is shown for {lo:g} to {hi:g} seconds; got {self.seconds:g}.", field="seconds")
        check_choice("theme", self.theme, tuple(INKS))


def film_pictures(service: Service, asked: Asked, film: Film) -> Iterator[Picture]:
    """The pictures of a movie, drawn one at a time.

    Raises:
        InputError: the algorithm runs on pictures alone, does not read the setting that is swept, or has no step.
    """
    algorithm = ALGORITHMS[asked.algorithm]
    if asked.data != PICTURE and "points" not in algorithm.on:
        raise InputError(f"{algorithm.title} runs on pictures alone; name one.", field="data")
    shown = _steps(service, asked) if film.sweep is None else _sweep(service, asked, *film.sweep)
    credit = credit_of(service, asked)
    for frame, data, number in shown:
        stop_if_asked()
        yield film_frame(frame, data, formula=algorithm.formula, number=number, credit=credit, theme=film.theme)


def _steps(service: Service, asked: Asked) -> Iterator[_Shown]:
    data = load(service, asked)
    frames = ALGORITHMS[asked.algorithm].make(data).frames
    if not frames:
        raise InputError("This run has no step that could be shown.", field="algorithm")
    for at in kept(len(frames), MOST_STEPS):
        yield frames[at], data, FILM_NUMBER.format(number=at + 1, total=len(frames))


def _sweep(service: Service, asked: Asked, name: str, values: tuple[str, ...]) -> Iterator[_Shown]:
    algorithm = ALGORITHMS[asked.algorithm]
    check_choice("sweep", name, algorithm.reads)
    label = params(Settings)[name].label
    settings = [Settings.from_values(asked.settings.to_dict() | {name: value}) for value in values]  # all, before any work
    for at, one in enumerate(settings):
        data = load(service, dataclasses.replace(asked, settings=one))
        last = algorithm.make(data).frames[-1]
        title = f"{label}: {values[at]}"
        yield dataclasses.replace(last, title=title), data, FILM_NUMBER.format(number=at + 1, total=len(values))


def credit_of(service: Service, asked: Asked) -> str:
    """Whose picture it is, where that is known."""
    example = service.example_of(asked.picture) if asked.data == PICTURE else None
    return f"{example.title}: {example.credit}" if example else ""


def film_file(service: Service, asked: Asked, film: Film, suffix: str) -> tuple[bytes, str]:
    """A movie as a file of at most 10 MB, and a sentence on what was lowered for it, or ""."""
    check_suffix(suffix)
    return small_enough(list(film_pictures(service, asked, film)), suffix, fps=1 / film.seconds)


def make_film(service: Service) -> Callable[..., str]:
    """The event behind the button that saves a movie."""

    def save(
        number: float,
        theme: str,
        suffix: str,
        seconds: float | None,
        request: gr.Request,
        *values: Any,
    ) -> str:
        with told_kindly(), stoppable(service.stops.check(number, request)):
            asked = asked_with(Inputs.of(values))
            film = Film(SECONDS[2] if seconds is None else float(seconds), theme)
            made, told = film_file(service, asked, film, suffix)
            if told:
                gr.Info(told)
            return service.publish(made, f"{asked.algorithm}{suffix}")

    return save


def main(
    algorithm: str,
    source: str,
    out: Path,
    settings: Settings,
    film: Film,
    *,
    numbers: Mapping[str, float],
    device: str,
    overwrite: bool,
) -> int:
    """The command `steps`: write a movie, or a folder with a PNG for each step; prints what was written."""
    check_choice("algorithm", algorithm, tuple(ALGORITHMS))
    suffix = out.suffix.lower()
    if suffix and suffix not in MOVING_SUFFIXES:
        raise InputError(
            f"--out must end in {', '.join(MOVING_SUFFIXES)}, or be a folder for a PNG of each step; got "
            f"{shortened(out.name)}.",
            field="out",
        )
    service = Service(device=device)
    asked = _asked(service, algorithm, source, settings, numbers)
    if suffix:
        check_outputs([out], [Path(source)], overwrite=overwrite)
        made, told = film_file(service, asked, film, suffix)
        write_file(out, made)
        print(f"{out}: {len(made) / 1e6:.1f} MB{'. ' + told if told else ''}")  # noqa: T201 – a command line prints
        return 0
    make_folder(out)
    n = 0
    for n, picture in enumerate(film_pictures(service, asked, film), 1):
        path = out / f"step-{n:03d}.png"
        check_outputs([path], overwrite=overwrite)
        write_file(path, png(picture))
    print(f"{out}: {n} steps")  # noqa: T201
    return 0


def _asked(service: Service, algorithm: str, source: str, settings: Settings, numbers: Mapping[str, float]) -> Asked:
    example = service.examples.get(source)
    on_points = source in texts.DATA and source not in (PICTURE, OWN)
    path = "" if on_points else str(example.path) if example else source
    on = source if on_points else PICTURE
    return Asked(algorithm, on, settings, path, default_points(), int(numbers["n_points"]), float(numbers["gamma"]))
