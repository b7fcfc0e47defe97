"""A row of recorded runs as the board shows it: networks that differ in one choice, on the same axes."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from threading import Lock
from typing import Any

from demo.learn import texts
from demo.learn.asked import TITLES, Asked, asked_of
from demo.learn.board import RecordedRun, Row
from demo.learn.data import drawn, others_of, recorded, seeds_of
from demo.learn.show import percent
from demo.shared.service import Service
from segcore.evaluate.record import RunRecord, RunScores, scores_with
from segcore.heads.pictures import linear_label
from segcore.learn.ablations import ABLATIONS, SEEDS, STREET
from segcore.learn.baselines import majority_label
from segcore.pipeline import Pipeline
from segcore.show.files import data_uri
from segcore.show.palette import PALETTE
from segcore.types import Pictures

_REFERENCE = ("labels", 5)  # row and number of the recorded run of a linear head on all labelled pictures
_SIDE = 128  # px, of the recorded runs
HEADS = ("linear", "pac")  # networks with labels that are such heads themselves
LINEAR = {"color": texts.LINEAR_COLOR, "dino_tiny": texts.LINEAR_DINO}  # by backbone


def asked_again(row: str, i: int) -> Asked:
    """What trains a run of a repeatable row anew."""
    run, record = ABLATIONS[row].runs[i], recorded(row)[i]
    told = {} if record is None else {"begin": record.seed, "steps": record.steps}
    return asked_of({"collection": STREET, "system": run.system, **told}, run.settings)


def row_shown(name: str) -> Row | None:
    """A row, or None where none of its runs lies here."""
    row = ABLATIONS.get(name)
    runs = [] if row is None else recorded(name)
    there = [run for run in runs if run is not None]
    if row is None or not there:
        return None
    first = there[0]
    about = (texts.ROW_ABOUT if len(row.runs) > 1 else texts.ROW_ABOUT_ONE).format(
        n=len(there), seed=first.seed, steps=first.steps, on=first.learned_from, scored=first.scored_on
    )
    return {
        "name": name,
        "title": row.title,
        "question": row.question,
        "about": " ".join([about, _seeds(name), *([] if row.repeatable else [texts.ROW_ELSEWHERE])]),
        "told": " ".join([*verdicts(name), *_missing(name)]),
        "classes": first.classes,
        "palette": PALETTE.hex(len(first.classes)),
        "pictures": [data_uri(shown.picture) if shown.picture else "" for shown in first.shown],
        "truth": [data_uri(shown.truth) if shown.truth else "" for shown in first.shown],
        "runs": [_recorded(name, i, run) for i, run in enumerate(runs) if run is not None],
    }


def _seeds(name: str) -> str:
    others = [str(seed) for seed in _other_seeds(name)]
    return texts.ROW_SEEDS.format(seeds=" and ".join(others)) if others else texts.ROW_ONE_SEED


def _other_seeds(name: str) -> list[int]:
    return [seed for seed in seeds_of(name) if seed != SEEDS[0]]


def _recorded(name: str, i: int, run: RunRecord) -> RecordedRun:
    facts = run.facts
    others = [run for run in (recorded(name, seed)[i] for seed in _other_seeds(name)) if run is not None]
    return {
        "label": ABLATIONS[name].runs[i].label,
        "system": TITLES["system"][run.system],
        "facts": [
            f"{facts.parameters:,}",
            f"{facts.multiply_adds / 1e9:.2f}",
            f"{facts.field[1]} × {facts.field[0]}",
            f"{1000 * facts.seconds:.0f}",
        ],
        "query": _query(name, i),
        "losses": list(run.losses),
        "scores": [scores_shown(scores) for scores in run.scores],
        "others": [
            {"losses": list(other.losses), "scores": [scores_shown(scores) for scores in other.scores]} for other in others
        ],
        "found": [data_uri(shown.found) for shown in run.shown],
    }


def _query(name: str, i: int) -> dict[str, str] | None:
    if not ABLATIONS[name].repeatable:
        return None
    return {key: value for key, value in asked_again(name, i).query.items() if value is not None}


def scores_shown(scores: Any) -> dict[str, Any]:
    """`RunScores` by name, for the charts."""
    return {name: getattr(scores, name) for name in scores.__slots__}


def verdicts(name: str) -> list[str]:
    """What the recorded runs of a row say in the end, in sentences.

    The best one, with how many seeds it is, and whether any beats a linear head; of a run that is alone, its classes.
    """
    row, runs = ABLATIONS[name], recorded(name)
    ends = _ends(name, SEEDS[0])
    if not ends:
        return []
    if len(row.runs) == 1:
        return [_alone(next(run for run in runs if run is not None))]
    told = [_best(name, ends)]
    reference = recorded(_REFERENCE[0])[_REFERENCE[1]]
    nets = [run for c, run in zip(row.runs, runs, strict=True) if run is not None and c.system not in HEADS]
    if reference is not None:
        level = reference.scores[-1].miou
        n = sum(run.scores[-1].miou > level for run in nets)
        told.append(beaten(n, len(nets), level))
    return told


def _ends(name: str, seed: int) -> dict[str, RunScores]:
    """The last scores of the runs of a row with a seed, by label."""
    pairs = zip(ABLATIONS[name].runs, recorded(name, seed), strict=True)
    return {c.label: run.scores[-1] for c, run in pairs if run is not None}


def _highest(ends: Mapping[str, RunScores], score: str) -> str:
    return max(ends, key=lambda label: float(getattr(ends[label], score)))


def _best(name: str, ends: Mapping[str, RunScores]) -> str:
    best, outline = _highest(ends, "miou"), _highest(ends, "boundary_f")
    told = texts.ROW_BEST.format(
        best=best, miou=percent(ends[best].miou), outline=outline, boundary=percent(ends[outline].boundary_f)
    )
    seeds = seeds_of(name)
    if len(seeds) < 2:
        return told
    winners = [(_highest(each, "miou"), _highest(each, "boundary_f")) for each in (_ends(name, seed) for seed in seeds)]
    so = {"n": sum(m == best for m, _ in winners), "m": sum(b == outline for _, b in winners)}
    return f"{told} {texts.ROW_AGREE.format(**so, of=len(seeds))}"


def _alone(run: RunRecord) -> str:
    end, by_iou = run.scores[-1], sorted(zip(run.scores[-1].iou, run.classes, strict=True))
    (least_iou, least), (best_iou, best) = by_iou[0], by_iou[-1]
    return texts.ROW_ALONE.format(
        miou=percent(end.miou), accuracy=percent(end.global_accuracy), boundary=percent(end.boundary_f), best=best,
        best_iou=percent(best_iou), least=least, least_iou=percent(least_iou),
    )  # fmt: skip


def beaten(n: int, of: int, level: float) -> str:
    """Whether networks beat the linear head on dino_tiny."""
    told = texts.BEATS_NONE if n == 0 else texts.BEATS_ALL if n == of else texts.BEATS_SOME
    return told.format(n=n, of=of, miou=percent(level))


def _missing(name: str) -> list[str]:
    row, runs = ABLATIONS[name], recorded(name)
    labels = [c.label for c, run in zip(row.runs, runs, strict=True) if run is None]
    return [texts.ROW_MISSING.format(labels=", ".join(labels))] if labels else []


# ---- What networks with labels are compared with ----

_lock = Lock()


def drawn_baselines(pipeline: Pipeline, collection: str, side: int) -> Mapping[str, Mapping[str, Any]]:
    """`baselines` of a drawn collection; whoever asks meanwhile waits for the same ones."""
    with _lock:
        return _drawn_baselines(pipeline, collection, side)


@lru_cache(maxsize=16)
def _drawn_baselines(pipeline: Pipeline, collection: str, side: int) -> Mapping[str, Mapping[str, Any]]:
    return baselines(pipeline, drawn(collection), others_of(collection), side=side)


def baselines(pipeline: Pipeline, pictures: Pictures, scored: Pictures, *, side: int) -> dict[str, Mapping[str, Any]]:
    """Scores by name of what is simpler than any network: one class everywhere, linear heads on colors and on dino_tiny."""
    labels = {texts.MAJORITY: majority_label(pictures)}
    labels |= {told: linear_label(pipeline, pictures, backbone=name, side=side) for name, told in LINEAR.items()}
    return {name: scores_with(label, scored) for name, label in labels.items()}


def row_functions(service: Service) -> list[Callable[[Any], Any]]:
    """What the board asks the server about rows. They take what a browser sends, which may be anything, and never raise."""

    def row(asked: Any) -> Row | None:
        return row_shown(str(asked))

    def baselines_of_row(asked: Any) -> Mapping[str, Mapping[str, Any]]:
        known = ABLATIONS.get(str(asked))
        return drawn_baselines(service.pipeline, STREET, _SIDE) if known is not None and known.repeatable else {}

    return [row, baselines_of_row]
