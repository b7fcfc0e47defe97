"""A recorded run: what a training with labels said on its way, to be shown where nobody waits for it.

The file is JSON, at most MOST_BYTES long. It holds the system, its settings, what is known of the network, the loss, scores
at a row of steps, the first of them before any learning, and what the network made of some pictures in the end: these
pictures, their label maps and its answers, as PNG or JPEG in base64; its answers alone where pictures may not be passed on.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from segcore.checks import check_range
from segcore.drawn.stuff import draw_stuff
from segcore.errors import InputError
from segcore.evaluate.classes import ClassReport, compared
from segcore.learn.ablations import ABLATIONS, SEEDS, STEPS, STREET
from segcore.learn.catalog import system_of
from segcore.learn.learned import Learned, pixels_of
from segcore.learn.pictures import scaled, under_centers
from segcore.learn.score import known_ious
from segcore.learn.settings import LearnSettings
from segcore.learn.training import LearnState, train
from segcore.nets.facts import NetFacts, facts_of
from segcore.nets.labelled import LabelledNet
from segcore.nets.spectrum import checkerboard_of
from segcore.show.files import jpeg, png
from segcore.train.checkpoint import replace_file
from segcore.train.seeds import seeded
from segcore.types import Pictures

VERSION = 1
MOST_BYTES = 1_000_000
N_SCORES = 12  # rows of scores, beside the one before the first step
N_SHOWN = 8  # pictures
N_DRAWN = 24  # pictures of a drawn collection that a run is scored on
_MOST_LOSSES = 240


@dataclass(frozen=True, slots=True)
class RunScores:
    """How well the network labels the pictures it is scored on, after some steps; scores in [0, 1]."""

    step: int
    miou: float
    global_accuracy: float
    class_accuracy: float
    boundary_f: float
    iou: tuple[float, ...]  # of each class; 0 where it is never found
    checkerboard: float  # of `segcore.nets.spectrum`, on the first of them


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that was not learned from: JPEG, and PNGs with the class of each pixel as its gray, 255 for none."""

    picture: bytes  # empty where it may not be passed on, like the truth
    truth: bytes
    found: bytes


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run from its start to its end."""

    system: str
    settings: Mapping[str, Any]
    seed: int
    classes: tuple[str, ...]
    learned_from: str  # what pictures, in words
    scored_on: str
    facts: NetFacts
    seconds: float  # of training
    losses: tuple[tuple[int, float], ...]  # step, and the mean since the row before
    scores: tuple[RunScores, ...]
    shown: tuple[Shown, ...] = ()

    @property
    def steps(self) -> int:
        """How many the run took."""
        return self.scores[-1].step


class Recorder:
    """Watches a training; hand `watch` to `segcore.learn.learn` as `on_state`."""

    def __init__(
        self,
        scored: Pictures,
        system: str,
        settings: LearnSettings,
        *,
        seed: int,
        learned_from: str,
        scored_on: str,
        shows: bool = True,
    ):
        """Score the network before its first step.

        Args:
            scored: pictures with truth that are not learned from.
            system: as of `learn`, like settings and seed.
            settings: of the system.
            seed: of all random numbers.
            learned_from: in words.
            scored_on: in words.
            shows: keep some of the pictures and their truth, too. Leave it off where they may not be passed on; what the
                network makes of them is kept all the same.

        Raises:
            InputError: the system learns without labels, or there is no truth to score on.
        """
        if not system_of(system).labelled:
            raise InputError("Only runs of networks with labels are recorded.", field="record")
        if not scored.truth:
            raise InputError("A recorded run needs label maps to score on. Give --score-labels.", field="score_labels")
        first = untrained(system, settings, scored.classes, seed=seed)
        self._scored, self._about = scored, {"learned_from": learned_from, "scored_on": scored_on}
        self._first, self._shows = first, shows
        self._losses: list[tuple[int, float]] = []
        self._scores = [run_scores(first, scored, 0)]

    def watch(self, state: LearnState) -> None:
        """Note a step, and score the network where it is time."""
        self._losses.append((state.step, state.loss))
        if state.progress * N_SCORES >= len(self._scores):
            self._last, self._seconds = state.learned(), state.seconds
            self._scores.append(run_scores(self._last, self._scored, state.step))

    def record(self) -> RunRecord:
        """The run, once it has ended."""
        first = self._first
        height, width = scaled(self._scored.images[0], first.settings.side).shape[:2]
        return RunRecord(
            system=first.system,
            settings=first.settings.to_dict(),
            seed=int(first.training["seed"]),
            classes=self._scored.classes,
            facts=facts_of(first.net, height, width),
            seconds=round(self._seconds, 1),
            losses=_thinned(self._losses),
            scores=tuple(self._scores),
            shown=shown_of(self._last, self._scored, pictures=self._shows),
            **self._about,
        )


def shown_of(learned: Learned, scored: Pictures, *, pictures: bool = True) -> tuple[Shown, ...]:
    """What a network makes of up to N_SHOWN pictures, evenly chosen, at the size at which it sees them.

    Args:
        learned: by a system with labels.
        scored: pictures with truth.
        pictures: with the pictures and their truth.
    """
    shown = []
    for i in range(0, len(scored), max(1, len(scored) // N_SHOWN))[:N_SHOWN]:
        image = scaled(scored.images[i], learned.settings.side)
        truth = under_centers(scored.truth[i], tuple(image.shape[:2]))
        given = (jpeg(image.numpy()), _classes_png(truth)) if pictures else (b"", b"")
        shown.append(Shown(*given, _classes_png(learned.label(image))))
    return tuple(shown)


def untrained(system: str, settings: LearnSettings, classes: tuple[str, ...], *, seed: int) -> Learned:
    """The network that a training of this seed begins with."""
    k = len(classes)
    with seeded(seed):  # as a training begins
        net = system_of(system).make_net(k, settings).eval().requires_grad_(False)
    return Learned(net, system, k, settings, classes, {"seed": seed}, tuple(range(k)))


def run_scores(learned: Learned, scored: Pictures, step: int) -> RunScores:
    """Score a network.

    Args:
        learned: by a system with labels.
        scored: pictures with truth.
        step: what was taken before.

    Cost: the pictures are labelled, and their outlines compared.
    """
    pixels = pixels_of(scaled(scored.images[0], learned.settings.side), learned.device)
    board = checkerboard_of(cast("LabelledNet", learned.net), pixels)
    return RunScores(step, checkerboard=float(f"{board:.3g}"), **scores_with(learned.label, scored))


def scores_with(label: Callable[[Tensor], Tensor], scored: Pictures) -> dict[str, Any]:
    """All of `RunScores` that needs labels alone, by name.

    Args:
        label: a picture (height, width, 3) uint8 → (height, width) classes.
        scored: pictures with truth.
    """
    pairs = zip(scored.images, scored.truth, strict=True)
    tables, outlines = zip(*(compared(label(x).numpy(), t.numpy(), len(scored.classes)) for x, t in pairs), strict=True)
    drawn = [f for f in outlines if not np.isnan(f)]
    report = ClassReport(scored.classes, np.sum(tables, 0), float(np.mean(drawn)) if drawn else 0.0, scored.names)
    return {
        **{name: round(getattr(report, name), 4) for name in ("miou", "global_accuracy", "class_accuracy", "boundary_f")},
        "iou": tuple(round(float(x), 4) for x in known_ious(report.table)),
    }


def record_ablation(name: str, out: Path, *, seed: int = 0, steps: int = STEPS) -> Iterator[Path]:
    """Train the runs of a row on the drawn street, and write their runs.

    Args:
        name: a key of ABLATIONS, of a row that is repeatable.
        out: an existing folder; a run that lies there already, also as part of another row, is not trained again.
        seed: of all of them. Those of the first of SEEDS are shown with pictures; the others hold numbers alone.
        steps: of each.

    Yields:
        The file of each run.
    """
    row = ABLATIONS[name]
    for i, one in enumerate(row.runs):
        path, settings = out / row.file(name, i, seed), system_of(one.system).settings(**one.settings)
        if not path.exists():
            same = _same_run(out, one.system, settings.to_dict(), seed, steps)
            run = same or _record_run(one.system, settings, *_street(), seed=seed, steps=steps)
            save_record(run if seed == SEEDS[0] else replace(run, shown=()), path)
        yield path


@lru_cache(maxsize=1)
def _street() -> tuple[Pictures, Pictures]:
    """What the rows learn from, and what they are scored on."""
    return draw_stuff(STREET), draw_stuff(STREET, n=N_DRAWN, seed=1)


def _same_run(out: Path, system: str, settings: Mapping[str, Any], seed: int, steps: int) -> RunRecord | None:
    """A run of these settings that lies in a folder already, as part of another row."""
    there = (load_record(path) for path in sorted(out.glob("*.run.json")))
    asked = (system, settings, seed, steps)
    return next((run for run in there if (run.system, run.settings, run.seed, run.steps) == asked), None)


def _record_run(
    system: str, settings: LearnSettings, pictures: Pictures, scored: Pictures, *, seed: int, steps: int
) -> RunRecord:
    learned_from, scored_on = f"{len(pictures)} drawn pictures, {STREET}", f"{len(scored)} others"
    recorder = Recorder(scored, system, settings, seed=seed, learned_from=learned_from, scored_on=scored_on)
    for state in train(system, pictures, n_segments=len(pictures.classes), settings=settings, steps=steps, seed=seed):
        recorder.watch(state)
    return recorder.record()


def _classes_png(labels: Tensor) -> bytes:
    return png(torch.where(labels < 0, 255, labels).to(torch.uint8).numpy())


def _thinned(losses: Sequence[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """Means over as many steps as it takes to have few rows."""
    each = -(-len(losses) // _MOST_LOSSES)
    rows = [losses[i : i + each] for i in range(0, len(losses), each)]
    return tuple((row[-1][0], float(f"{np.mean([loss for _, loss in row]):.4g}")) for row in rows)


def save_record(record: RunRecord, path: Path) -> None:
    """Write a recorded run; a kill at any moment leaves the old file or the new one.

    Raises:
        InputError: it cannot be written, or is longer than MOST_BYTES.
    """
    told = asdict(record) | {
        "shown": [{k: base64.b64encode(v).decode() for k, v in asdict(s).items()} for s in record.shown]
    }
    content = json.dumps({"version": VERSION, **told}, ensure_ascii=False, separators=(",", ":")).encode()
    if len(content) > MOST_BYTES:
        raise InputError(
            f"A recorded run must be at most {MOST_BYTES:,} bytes; this one has {len(content):,}. Lower side.",
            field="record",
        )
    replace_file(path, lambda fresh: fresh.write_bytes(content))


def load_record(path: Path | str) -> RunRecord:
    """Read a recorded run.

    Raises:
        InputError: it is missing, longer than MOST_BYTES, damaged, of another version, or holds something else.
    """
    path = Path(path)
    try:
        check_range("bytes", path.stat().st_size, lo=2, hi=MOST_BYTES)
        told = json.loads(path.read_text(encoding="utf-8"))
        version = told.pop("version")
        if version != VERSION:
            raise InputError(
                f"{path.name} is a recorded run of version {version}; this program reads version {VERSION}.", field="record"
            )
        scores = tuple(RunScores(**{**row, "iou": tuple(row["iou"])}) for row in told["scores"])
        shown = tuple(Shown(**{k: base64.b64decode(v, validate=True) for k, v in row.items()}) for row in told["shown"])
        losses = tuple((int(step), float(loss)) for step, loss in told["losses"])
        facts = NetFacts(**{**told["facts"], "field": tuple(told["facts"]["field"])})
        fixed = {"classes": tuple(told["classes"]), "facts": facts, "losses": losses, "scores": scores, "shown": shown}
        record = RunRecord(**{f.name: told[f.name] for f in fields(RunRecord)} | fixed)
        system_of(record.system)
        if not scores or any(len(row.iou) != len(record.classes) for row in scores):
            raise ValueError("its scores do not fit its classes")
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path.name} is no recorded run, or is damaged: {error}. Record it again.", field="record"
        ) from error
    return record
