"""Semantic, instance, panoptic, part: one picture labeled in four ways, and the scores of a prediction that one paints."""

import itertools

import numpy as np

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Choice, Number, Painted, State
from demo.playgrounds.games.flavours import scene
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.metrics import match, overlap
from segcore.metrics.panoptic import MATCH_IOU, PanopticQuality, Segment, panoptic_quality
from segcore.metrics.semantic import SemanticScores, semantic_scores
from segcore.show.palette import NEUTRAL, PALETTE, hex_to_rgb

HEIGHT, WIDTH = scene.SHAPE
ORDERS = tuple(itertools.permutations(range(4)))
# Segments share the hue of their class; car and person have three each.
SEGMENT_COLORS = ("#8ecdf0", "#8c8c8c", "#009e73", "#0072b2", "#5aa2d8", "#d55e00", "#f0a060", "#0b3c6d", "#8a3200")
CLASS_COLORS = ("#8ecdf0", "#8c8c8c", "#009e73", "#0072b2", "#d55e00")


def view(state: State, _source: Source) -> View:
    """The four ways, and the prediction with its scores."""
    if state["show"] == "quiz":
        return _quiz(state)
    pred = np.array(state["painted"], np.int64)
    truth = scene.TRUTH
    semantic = semantic_scores(scene.CLASS_OF[pred], scene.CLASS_OF[truth])
    panoptic = panoptic_quality(
        scene.CLASS_OF[pred], scene.INSTANCE_OF[pred], scene.CLASS_OF[truth], scene.INSTANCE_OF[truth], things=scene.THINGS
    )
    board = {
        **_grid("painted", texts.TITLES["prediction"], pred, list(zip(scene.SEGMENTS, SEGMENT_COLORS, strict=True))),
        "edit": "painted",
        "note": texts.PAINT_NOTE,
        "wrong": np.flatnonzero(pred != truth).tolist(),
    }
    return {
        "rows": [
            [_picture(texts.TITLES["street"]), *_ways()],
            [board, show.facts(*_facts(pred, semantic, panoptic))],
            [show.result(_class_table(semantic, panoptic))],
            [show.facts(*_pairs(panoptic), title=texts.TITLES["pairs"]),
             show.facts(*_unnamed(pred), title=texts.TITLES["unnamed"])],
        ],
        "hide": ["order"],
    }  # fmt: skip


def _quiz(state: State) -> View:
    order = ORDERS[state["order"] - 1]
    ways = _ways()
    asked = [
        {**ways[i], "title": texts.QUIZ.format(number=place + 1), "quiz": {"options": texts.WAYS_TO_LABEL, "answer": i}}
        for place, i in enumerate(order)
    ]
    return {"rows": [[_picture(texts.TITLES["street"]), *asked], [show.words(texts.QUIZ_HINT)]], "hide": ["painted"]}


def _ways() -> list[show.Block]:
    """The picture labeled in four ways, in the order of `texts.WAYS_TO_LABEL`."""
    things = np.isin(scene.CLASS_OF[scene.TRUTH], scene.THINGS)
    names = [(scene.SEGMENTS[i], SEGMENT_COLORS[i]) for i in range(7)]
    instances = [("background", NEUTRAL), *zip(scene.SEGMENTS[3:7], PALETTE.hex(4), strict=True)]
    parts = [(scene.PARTS[0], NEUTRAL), *zip(scene.PARTS[1:], PALETTE.hex(8), strict=True)]
    classes = list(zip(scene.CLASSES, CLASS_COLORS, strict=True))
    titles = texts.WAYS_TO_LABEL
    return [
        _grid("semantic", titles[0], scene.CLASS_OF[scene.TRUTH], classes),
        _grid("instance", titles[1], np.where(things, scene.TRUTH - 2, 0), instances),
        _grid("panoptic", titles[2], scene.TRUTH, names),
        _grid("part", titles[3], np.where(things, scene.PART, 0), parts),
    ]


def _grid(key: str, title: str, values: np.ndarray, labels: list[tuple[str, str]]) -> show.Block:
    named = [{"title": name, "color": color} for name, color in labels]
    return {"block": "paint", "id": key, "title": title, "values": values.tolist(), "labels": named, "edit": None}


def _picture(title: str) -> show.Block:
    return show.picture("street", title, hex_to_rgb(tuple(scene.COLORS.ravel())).reshape(*scene.SHAPE, 3))


def _facts(pred: np.ndarray, semantic: SemanticScores, panoptic: PanopticQuality) -> list[tuple[str, str, str]]:
    n, wrong = pred.size, np.count_nonzero(pred != scene.TRUTH)
    right = round(semantic.accuracy * n)
    sums = {name: sum(getattr(c, name) for c in panoptic.classes) for name in ("tp", "fp", "fn")}
    return [
        (texts.ACCURACY, number(semantic.accuracy), texts.ACCURACY_FROM.format(right=right, n=n)),
        ("mIoU", number(semantic.miou), texts.MIOU_FROM.format(k=len(semantic.iou))),
        ("PQ", number(panoptic.pq), texts.PQ_FROM),
        ("SQ, RQ", f"{number(panoptic.mean('sq'))}, {number(panoptic.mean('rq'))}", texts.SQ_RQ_FROM),
        (texts.PQ_THINGS, number(panoptic.mean("pq", things=True)), texts.OVER_CLASSES),
        (texts.PQ_STUFF, number(panoptic.mean("pq", things=False)), texts.OVER_CLASSES),
        ("TP, FP, FN", "{tp}, {fp}, {fn}".format(**sums), texts.SEGMENTS_COUNTED),
        (texts.WRONG, str(wrong), texts.WRONG_FROM),
    ]


def _class_table(semantic: SemanticScores, panoptic: PanopticQuality) -> show.Block:
    rows = [[semantic.iou[c.label], c.pq, c.sq, c.rq, c.tp, c.fp, c.fn] for c in panoptic.classes]
    names = [scene.CLASSES[c.label] for c in panoptic.classes]
    columns = ["IoU", "PQ", "SQ", "RQ", "TP", "FP", "FN"]
    return show.table("classes", texts.TITLES["classes"], rows, rows=names, columns=columns, plain=True)


def _pairs(panoptic: PanopticQuality) -> list[tuple[str, str, str]]:
    matched = [(_name(m.true), number(m.iou), texts.MATCHED.format(found=_name(m.found))) for m in panoptic.matches]
    missed = [(_name(s), "FN", texts.MISSED.format(iou=MATCH_IOU)) for s in panoptic.false_negatives]
    extra = [(_name(s), "FP", texts.EXTRA.format(iou=MATCH_IOU)) for s in panoptic.false_positives]
    return matched + missed + extra


def _name(segment: Segment) -> str:
    label, instance = segment
    return f"{scene.CLASSES[label]} {instance}" if label in scene.THINGS else scene.CLASSES[label]


def _unnamed(pred: np.ndarray) -> list[tuple[str, str, str]]:
    """The same painting as clusters without names, each given the class that fits best."""
    o = overlap(pred, scene.CLASS_OF[scene.TRUTH])
    matching = match(o.table)
    pairs = [
        (scene.SEGMENTS[row], scene.CLASSES[o.regions[column]] if column >= 0 else texts.NOBODY, "")
        for row, column in zip(o.segments, matching.partner.tolist(), strict=True)
    ]
    return [*pairs, ("mIoU", number(matching.miou), texts.HUNGARIAN), (texts.ACCURACY, number(matching.accuracy), "")]


def _rows(labels: np.ndarray) -> list[list[int]]:
    rows: list[list[int]] = labels.tolist()
    return rows


def _changed(*changes: tuple[int, int]) -> list[list[int]]:
    """The truth with segments renamed."""
    pred = scene.TRUTH.copy()
    for old, new in changes:
        pred[np.equal(scene.TRUTH, old)] = new
    return _rows(pred)


def _shifted() -> list[list[int]]:
    return _rows(np.roll(scene.TRUTH, 1, axis=1))


def _split() -> list[list[int]]:
    pred = scene.TRUTH.copy()
    pred[(scene.TRUTH == 3) & (np.arange(scene.SHAPE[1]) >= 12)] = 7
    return _rows(pred)


def _thin_away() -> list[list[int]]:
    """Without the legs: few pixels."""
    return _rows(np.where(np.equal(scene.PART, 6), 1, scene.TRUTH))


PLAYGROUND = Playground(
    "flavours",
    "Semantic, instance, panoptic, part",
    texts.LEADS["flavours"],
    r"$\text{PQ} = \frac{\sum \text{IoU}}{|\text{TP}| + \frac{1}{2} |\text{FP}| + \frac{1}{2} |\text{FN}|}"
    r" = \text{SQ} \cdot \text{RQ}$"
    r" of each class; a match has $\text{IoU} > \frac{1}{2}$ and the same class",
    (
        Choice("show", "Show", "scores", {"scores": "the four ways, and a prediction", "quiz": "which is which?"}),
        Number("order", "Order", 9, 1, len(ORDERS)),
        Painted(
            "painted", "Prediction", tuple(map(tuple, _changed((4, 3)))), HEIGHT, WIDTH, lo=0, hi=len(scene.SEGMENTS) - 1
        ),
    ),
    (
        Preset("Two cars as one: semantics perfect, a car lost", "004.9", {}),
        Preset("Everything right", "004.9", {"painted": scene.TRUTH.tolist()}),
        Preset("Shifted by one pixel", "003.14", {"painted": _shifted()}),
        Preset("One car in two pieces", "004.9", {"painted": _split()}),
        Preset("A person missed", "004.9", {"painted": _changed((5, 0))}),
        Preset("Persons taken for cars", "004.9", {"painted": _changed((5, 7), (6, 7))}),
        Preset("Without legs", "004.9", {"painted": _thin_away()}),
        Preset("All sky", "004.9", {"painted": np.zeros(scene.SHAPE, int).tolist()}),
        Preset("Quiz: instance, semantic or panoptic?", "001.2", {"show": "quiz"}),
    ),
    view,
)  # fmt: skip
