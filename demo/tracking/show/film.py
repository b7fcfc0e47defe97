"""A tracked sequence as a movie: each frame with its boxes, beside how many identities there are so far."""

from collections.abc import Sequence
from typing import Any, overload

import cv2
import numpy as np
from numpy.typing import NDArray

from demo.shared.film.curve import draw_curve
from demo.shared.film.page import columns, draw_words
from demo.shared.film.pen import INKS, Pen, fitted
from demo.shared.formula import flat
from demo.shared.sequence import html_number
from demo.shared.texts import FILM_NUMBER
from demo.tracking import texts
from demo.tracking.data import Source
from demo.tracking.show import Done
from segcore.runtime.stopping import stop_if_asked
from segcore.show.paint import Picture
from segcore.track.show import tracked_frame
from segcore.types import Boxes

_MOST = 240  # pictures: as many as the page plays of a video


class TrackedFilm(Sequence[Picture]):
    """The pictures of the movie, (720, 1280, 3) uint8 each, drawn when they are asked for.

    Cost: some 60 ms a picture, and one picture of memory.
    """

    def __init__(self, source: Source, done: Done, *, theme: str = "light"):
        """Make the movie of a run.

        Args:
            source: what was tracked.
            done: the run.
            theme: a key of INKS.
        """
        self._source, self._done, self._ink = source, done, INKS[theme]
        self._formula = flat(done.tracker.formula)
        n = source.detections.n_frames
        self._frames = range(0, n, max(1, -(-n // _MOST)))
        self._sofar = _seen_first(done.tracks.boxes, n)
        self._true = None if source.truth is None else len(np.unique(source.truth.identity))

    def __len__(self) -> int:
        return len(self._frames)

    @overload
    def __getitem__(self, at: int) -> Picture: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Picture]: ...

    def __getitem__(self, at: int | slice) -> Picture | Sequence[Picture]:
        if isinstance(at, slice):
            return [self[i] for i in range(*at.indices(len(self)))]
        stop_if_asked()
        t = self._frames[at]
        pen = Pen(self._ink)
        draw_words(
            pen,
            title=f"{self._done.tracker.title} · {self._source.title}",
            number=FILM_NUMBER.format(number=t + 1, total=len(self._sofar)),
            said=self._done.tracker.summary,
            formula=self._formula,
            numbers=self._numbers(t),
        )
        picture, course = columns([2, 1])
        painted = self._painted(t)
        pen.paste(painted, fitted(picture, painted.shape[1] / painted.shape[0]))
        pen.text(course[:2], texts.FILM_TRACKS, 17, pen.ink.ink)
        draw_curve(pen, self._course(t), (course[0], course[1] + 26, course[2], 300))
        return pen.picture()

    def _painted(self, t: int) -> NDArray[np.uint8]:
        source, done = self._source, self._done
        size = source.detections.size
        shown = None if source.draw is None else np.asarray(cv2.resize(source.draw(t), size), np.uint8)
        return tracked_frame(shown, source.detections, done.tracks, t)

    def _numbers(self, t: int) -> list[str]:
        scores: dict[str, Any] = dict(self._done.scores or {})
        there = len(self._source.detections.of_frame(t))
        found = [f"{texts.FILM_FRAME} = {t + 1}", f"{texts.FILM_FOUND} = {there}", f"{texts.FILM_TRACKS} = {self._sofar[t]}"]
        return found + [
            f"{texts.SCORES[name]} = {html_number(float(scores[name]))}" for name in texts.FILM_SCORES if name in scores
        ]

    def _course(self, t: int) -> dict[str, Any]:
        whole = list(range(1, len(self._sofar) + 1))
        series = [{"x": whole, "y": self._sofar, "faint": True}, {"x": whole[: t + 1], "y": self._sofar[: t + 1]}]
        level = {} if self._true is None else {"level": self._true, "level_name": texts.FILM_TRUE}
        return {"series": series, "xlabel": texts.FILM_FRAME, "zero": True, **level}


def _seen_first(boxes: Boxes, n: int) -> list[int]:
    """How many identities there are up to each of n frames."""
    _, first = np.unique(boxes.identity, return_index=True)
    begun = np.bincount([boxes.frame[boxes.identity == boxes.identity[i]].min() for i in first], minlength=n)
    sofar: list[int] = begun.cumsum().tolist()
    return sofar
