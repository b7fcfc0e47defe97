"""A training as a movie: what its masks were while it learned, beside its curves."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from demo.learn import texts
from demo.learn.asked import Asked
from demo.learn.board import Masks, View
from demo.learn.show import percent
from demo.shared.film.curve import draw_curve
from demo.shared.film.page import columns, draw_words
from demo.shared.film.pen import FINE, INKS, Box, Pen
from demo.shared.formula import flat
from demo.shared.sequence import html_number
from demo.shared.texts import FILM_NUMBER
from segcore.learn import CATALOG
from segcore.runtime.stopping import stop_if_asked
from segcore.show.paint import Picture, borders
from segcore.show.palette import PALETTE, hex_to_rgb

MOST_SHOTS = 120  # of a run; of more, every second one is left out
SECONDS = 0.5  # of a shot
_OPACITY = 0.6  # as the page begins with
_ROWS, _ACROSS = 2, 3
_LEGEND, _CHIP = 26, 14
_MOST_NAMES = 8


@dataclass(frozen=True, eq=False, slots=True)
class Shot:
    """What a run showed at a step."""

    step: int
    loss: float | None  # None before the first step
    images: tuple[str, ...]  # data: URIs of gray PNGs of labels
    colors: tuple[str | None, ...]  # "#rrggbb" per label; None for one without a color
    legend: tuple[tuple[str, str], ...]  # name and color
    accuracy: float | None
    miou: float | None


def shot_of(step: int, loss: float | None, masks: Masks, *, k: int, view: View | None = None) -> Shot:
    """What the board shows, as a shot.

    Args:
        step: of the run.
        loss: there.
        masks: on the board.
        k: clusters.
        view: what is seen where it is no clusters.
    """
    palette = PALETTE.hex(k)
    if view is not None:
        images, colors, legend = view["images"], view["colors"], view["legend"]
    else:
        images, colors, legend = masks["images"], list(palette), list(zip(masks["names"] or (), palette, strict=False))
    return Shot(step, loss, tuple(images), tuple(colors), tuple(legend), masks["accuracy"], masks["miou"])


@dataclass(frozen=True, eq=False, slots=True)
class Film:
    """What a run showed so far, the first first.

    Attributes:
        asked: of the run.
        pictures: that it shows, (height, width, 3) uint8 each.
        shots: at most 120.
    """

    asked: Asked
    pictures: tuple[Tensor, ...]
    shots: tuple[Shot, ...] = ()

    def then(self, shot: Shot) -> "Film":
        """The same with one more; a run that goes on begins at its last checkpoint, and what lies after that is dropped."""
        shots = (*(old for old in self.shots if old.step < shot.step), shot)
        return replace(self, shots=shots[::2] if len(shots) > MOST_SHOTS else shots)


def film_pictures(film: Film, *, theme: str = "light") -> Iterator[Picture]:
    """The pictures of the movie, drawn one at a time.

    Args:
        film: with at least one shot.
        theme: a key of INKS.

    Cost: some 100 ms a picture.
    """
    asked, formula = film.asked, flat(CATALOG[film.asked.options.system].formula)
    for at, shot in enumerate(film.shots):
        stop_if_asked()
        pen = Pen(INKS[theme])
        number = FILM_NUMBER.format(number=at + 1, total=len(film.shots))
        said = " · ".join(asked.details)
        draw_words(pen, title=asked.title, number=number, said=said, formula=formula, numbers=_numbers(film, shot))
        masks, curves = columns([2, 1])
        _draw_masks(pen, film, shot, masks)
        _draw_curves(pen, film, at, curves)
        yield pen.picture()


def _words(asked: Asked) -> dict[str, Any]:
    return texts.BOARD | texts.OBJECT_WORDS.get(asked.options.system, {})


def _numbers(film: Film, shot: Shot) -> list[str]:
    words = _words(film.asked)
    found = [f"{texts.FILM_STEP} = {shot.step}"]
    found += [] if shot.loss is None else [f"{words['loss']} = {html_number(shot.loss)}"]
    found += [] if shot.accuracy is None else [f"{words['accuracy']} = {percent(shot.accuracy)}"]
    return found + ([] if shot.miou is None else [f"{words['miou']} = {percent(shot.miou)}"])


def _draw_masks(pen: Pen, film: Film, shot: Shot, box: Box) -> None:
    """The pictures with their labels, and what the colors mean."""
    left, top, width, height = box
    wide, high = width / _ACROSS, (height - (_LEGEND if shot.legend else 0)) / _ROWS
    shown = list(zip(film.pictures, shot.images, strict=False))[: _ROWS * _ACROSS]
    for i, (picture, labels) in enumerate(shown):
        painted = _painted(picture.numpy(), _labels(labels), shot.colors)
        scale = min((wide - 8) / painted.shape[1], (high - 8) / painted.shape[0])
        x, y = left + i % _ACROSS * wide, top + i // _ACROSS * high
        pen.paste(painted, (x, y, scale * painted.shape[1], scale * painted.shape[0]))
    x, y = left, top + height - _LEGEND + 6
    for name, color in shot.legend[:_MOST_NAMES]:
        pen.fill((x, y, _CHIP, _CHIP), color)
        x += _CHIP + 6 + pen.text((x + _CHIP + 6, y - 2), name, 15, pen.ink.ink) + 18


def _labels(uri: str) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


def _painted(picture: NDArray[np.uint8], labels: NDArray[np.uint8], colors: Sequence[str | None]) -> NDArray[np.uint8]:
    """The picture under the colors of its labels, with lines where segments meet."""
    colors = (*colors, *([None] * (256 - len(colors))))
    rgb = hex_to_rgb(tuple(color or "#000000" for color in colors))[labels].astype(float)
    opacity = np.array([0.0 if color is None else _OPACITY for color in colors])[labels][..., None]
    painted = (picture * (1 - opacity) + rgb * opacity).round().astype(np.uint8)
    factor = max(1, round(240 * FINE / max(labels.shape)))
    large: NDArray[np.uint8] = painted.repeat(factor, 0).repeat(factor, 1)
    large[borders(labels.repeat(factor, 0).repeat(factor, 1))] = 255
    return large


def _draw_curves(pen: Pen, film: Film, at: int, box: Box) -> None:
    """Loss and accuracy up to this shot, over those of all."""
    words = _words(film.asked)
    losses = [(shot.step, shot.loss) for shot in film.shots]
    shares = [(shot.step, shot.accuracy) for shot in film.shots]
    known: list[tuple[str, Any, float | None]] = (
        [(words["loss"], losses, None)] if any(y is not None for _, y in losses) else []
    )
    known += [(words["accuracy"], shares, 1.0)] if any(y is not None for _, y in shares) else []
    left, top, width, height = box
    for i, (title, points, most) in enumerate(known):
        y = top + i * height / 2
        pen.text((left, y), title, 17, pen.ink.ink)
        now = film.shots[at].step
        drawn = [point for point in points if point[1] is not None]
        view = {
            "series": [_series(drawn, faint=True), _series([p for p in drawn if p[0] <= now])],
            "xlabel": texts.FILM_STEP, "top": most, "zero": most is not None,
        }  # fmt: skip
        draw_curve(pen, view, (left, y + 26, width, height / 2 - 40))


def _series(points: list[Any], **said: Any) -> dict[str, Any]:
    return {"x": [step for step, _ in points], "y": [value for _, value in points], **said}
