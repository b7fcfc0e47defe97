"""How much work goes on after a stop: whole runs of every method, stopped from outside halfway through."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from segcore.bench.scenes import scene
from segcore.errors import InputError
from segcore.pipeline import Pipeline
from segcore.pipeline.methods import METHODS
from segcore.runtime.stopping import Stopped
from segcore.settings import DEFAULTS, Settings

HEAD = "| method | stages | finished after the stop | looks for a stop | longest work between two |\n" + "| --- " * 5 + "|"


@dataclass(frozen=True, slots=True)
class StopRow:
    """What a stop in the middle of a run of one method left to do."""

    method: str
    n_stages: int
    n_after: int  # stages that were finished after the stop
    n_looks: int  # of the whole run
    longest: float  # seconds between two looks


def measure_stops(device: torch.device) -> Iterator[StopRow]:
    """Run every method twice on a picture of 480 × 360 pixels with the CRF, nothing remembered but the weights."""
    picture = scene(360, 480)
    for name, method in METHODS.items():
        settings = DEFAULTS.replace(method=name, crf=name != "slic")
        try:
            seconds, n_stages, looks = _watched(_fresh(device, settings, picture), settings, picture)
        except InputError:
            continue  # such as the attention of a backbone that has none
        gaps = [after - before for before, after in pairwise(looks)]
        after = _stopped(_fresh(device, settings, picture), settings, picture, at=seconds / 2)
        yield StopRow(method.title, n_stages, after, len(looks), max(gaps))


def line(row: StopRow) -> str:
    """One row of the Markdown table."""
    return f"| {row.method} | {row.n_stages} | {row.n_after} | {row.n_looks:,} | {row.longest * 1000:.0f} ms |"


def _fresh(device: torch.device, settings: Settings, picture: Tensor) -> Pipeline:
    """A pipeline that has nothing but the weights in its cache, run once on a tiny picture to load libraries."""
    pipeline = Pipeline(device=str(device))
    pipeline.run(picture[:64, :64], settings.replace(n_segments=2))
    return pipeline


def _watched(pipeline: Pipeline, settings: Settings, picture: Tensor) -> tuple[float, int, list[float]]:
    """Seconds and stages of a run, and the moments at which it looked for a stop, its beginning and end among them."""
    looks = [time.perf_counter()]
    result = pipeline.run(picture, settings, check=lambda: looks.append(time.perf_counter()))
    looks.append(time.perf_counter())
    return looks[-1] - looks[0], len(result.stages), looks


def _stopped(pipeline: Pipeline, settings: Settings, picture: Tensor, *, at: float) -> int:
    """How many stages are finished after a stop that comes so many seconds after the beginning."""
    stop, after = threading.Event(), 0

    def check() -> None:
        if stop.is_set():
            raise Stopped

    timer = threading.Timer(at, stop.set)
    timer.start()
    try:
        for _ in pipeline.steps(picture, settings, check=check):
            after += stop.is_set()
    except Stopped:
        pass
    finally:
        timer.cancel()
    return after
