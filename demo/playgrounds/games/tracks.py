"""Switches, MOTA, IDF1, HOTA: a few true and found tracks whose boxes one drags, and every score of them."""

import math

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Number, State, Table
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.metrics.boxes import iou_matrix
from segcore.metrics.tracking import LEAST_IOU, TrackingEvents, TrackingScores, tracking_events, tracking_scores
from segcore.types import Boxes

TALL = 4  # of a box; two that are 1 apart have an IoU of 3/5, two that are 2 apart of 1/3
HIGHEST = 20  # where the middle of a box may be; 0 is no box
COLORS = ("#d6220f", "#1450dc", "#0f8a4a")  # of found tracks: the lecture's red and blue, and a green
NONE = 0


def view(state: State, _source: Source) -> View:
    """The tracks, the scores, and what they are made of."""
    truth, found = _boxes(state["truth"]), _boxes(state["found"])
    scores, events = tracking_scores(truth, found), tracking_events(truth, found)
    return {
        "rows": [
            [_tracks(state, truth, found, events)],
            [show.bars(texts.TRACK_TITLES["scores"], 1, _bars(scores))],
            [show.facts(*_facts(truth, found, scores))],
            [show.facts(*_told(events), title=texts.TRACK_TITLES["events"])],
        ]
    }


def _boxes(rows: list[list[float]]) -> Boxes:
    """Rows of middles by frame as boxes, each as wide as tall; identities count from 1."""
    there = [(t, i + 1, middle) for i, row in enumerate(rows) for t, middle in enumerate(row) if middle != NONE]
    boxes = [(0, middle - TALL / 2, TALL, TALL) for _, _, middle in there]
    return Boxes.sorted([t for t, _, _ in there], [i for _, i, _ in there], boxes)


def _tracks(state: State, truth: Boxes, found: Boxes, events: TrackingEvents) -> show.Block:
    pairs = [
        [int(t), int(i) - 1, int(j) - 1, number(_iou(truth, found, t, i, j), 3)]
        for t, i, j in zip(truth.frame, truth.identity, events.partner, strict=True)
        if j > 0
    ]
    names = [texts.TRUE_TRACK.format(k=i + 1) for i in range(state["n_true"])]
    found_names = [texts.FOUND_NAMES[i] for i in range(state["n_found"])]
    return {
        "block": "tracks",
        "id": "tracks",
        "title": texts.TRACK_TITLES["tracks"],
        "frames": state["frames"],
        "tall": TALL,
        "highest": HIGHEST,
        "layers": [
            {"edit": "truth", "names": names, "rows": state["truth"], "colors": None},
            {"edit": "found", "names": found_names, "rows": state["found"], "colors": list(COLORS[: state["n_found"]])},
        ],
        "pairs": pairs,
        "switches": events.switches[:, :2].tolist(),
        "note": texts.TRACKS_NOTE.format(iou=LEAST_IOU),
    }


def _iou(truth: Boxes, found: Boxes, t: int, i: int, j: int) -> float:
    a = truth.box[(truth.frame == t) & (truth.identity == i)]
    b = found.box[(found.frame == t) & (found.identity == j)]
    return float(iou_matrix(a, b)[0, 0])


def _bars(scores: TrackingScores) -> list[tuple[str, float, float, str]]:
    return [
        ("MOTA", 0.0, max(scores["mota"], 0.0), "x"),
        ("IDF1", 0.0, scores["idf1"], "y"),
        ("HOTA", 0.0, scores["hota"], "shared"),
    ]


def _facts(truth: Boxes, found: Boxes, s: TrackingScores) -> list[tuple[str, str, str]]:
    n, m = len(truth), len(found)
    matched = n - s["fn"]
    id_matched = round(s["idf1"] * (n + m) / 2)
    per_frame = 2 * matched / max(n + m, 1)
    counts = {"fn": s["fn"], "fp": s["fp"], "idsw": s["switches"], "gt": n}
    identity = {"tp": id_matched, "fp": m - id_matched, "fn": n - id_matched}
    return [
        ("MOTA", number(s["mota"]), texts.MOTA_FROM.format(**counts) if n else texts.NO_BOX),
        ("IDF1", number(s["idf1"]), texts.IDF1_FROM.format(**identity)),
        (texts.OTHER_IDF1, number(per_frame), texts.OTHER_FROM.format(tp=matched, fp=s["fp"], fn=s["fn"])),
        ("MOTP", number(s["motp"]), texts.MOTP_FROM.format(tp=matched)),
        ("HOTA", number(s["hota"]), texts.HOTA_FROM),
        ("DetA, AssA", f"{number(s['deta'])}, {number(s['assa'])}", texts.DETA_FROM),
        ("switches", number(s["switches"]), texts.SWITCHES_FROM),
        ("fragmentations", number(s["fragmentations"]), texts.FRAGMENTS_FROM),
        ("FN, FP", f"{s['fn']}, {s['fp']}", texts.MISSED_AND_ALARMS),
    ]


def _told(events: TrackingEvents) -> list[tuple[str, str, str]]:
    """Each error in words, frame by frame."""
    switches = [
        (t, texts.SWITCH, texts.SWITCH_TOLD.format(i=i, old=texts.FOUND_NAMES[old - 1], new=texts.FOUND_NAMES[new - 1]))
        for t, i, old, new in events.switches.tolist()
    ]
    fragments = [(t, texts.FRAGMENT, texts.FRAGMENT_TOLD.format(i=i)) for t, i in events.fragmentations.tolist()]
    misses = [(t, "FN", texts.MISS_TOLD.format(i=i)) for t, i in events.misses.tolist()]
    alarms = [(t, "FP", texts.ALARM_TOLD.format(name=texts.FOUND_NAMES[j - 1])) for t, j in events.false_positives.tolist()]
    told = sorted(switches + fragments + misses + alarms, key=lambda entry: entry[0])
    return [(texts.AT_FRAME.format(t=t + 1), kind, what) for t, kind, what in told] or [("–", texts.NO_ERROR, "")]


def _line(frames: int, first: int, last: int, middle: float) -> list[float]:
    """A track that stands still from a frame to another, counted from 1."""
    return [middle if first <= t <= last else NONE for t in range(1, frames + 1)]


def _preset(title: str, seed: str, truth: list[list[float]], found: list[list[float]]) -> Preset:
    sizes = {"frames": len(truth[0]), "n_true": len(truth), "n_found": len(found)}
    return Preset(title, seed, {**sizes, "truth": truth, "found": found})


def _swapped() -> tuple[list[list[float]], list[list[float]]]:
    """Two true tracks; the found ones change sides after frame 6 of 12."""
    low, high = _line(12, 1, 12, 5), _line(12, 1, 12, 15)
    return [low, high], [low[:6] + high[6:], high[:6] + low[6:]]


def _wave(frames: int) -> list[float]:
    return [round(10 + 3 * math.sin(t / 2), 1) for t in range(frames)]


_A = ([_line(6, 1, 6, 10)], [_line(6, 1, 3, 10.5), _line(6, 4, 6, 10.5)])
_B = (
    [_line(6, 1, 6, 10), _line(6, 1, 6, 16)],
    [_line(6, 1, 2, 10.5), _line(6, 5, 6, 10.5), _line(6, 1, 6, 16)],
)
_C = ([_line(6, 1, 6, 10)], [_line(6, 1, 6, 10.8), _line(6, 3, 6, 9.5)])
_HALVES = ([_line(12, 1, 12, 10)], [_line(12, 1, 6, 10), _line(12, 7, 12, 10)])

PLAYGROUND = Playground(
    "tracks",
    "Tracks: switches and scores",
    texts.LEADS["tracks"],
    r"$\text{MOTA} = 1 - \frac{\sum (\text{FN} + \text{FP} + \text{IDSW})}{\sum \text{GT}}$, "
    r"$\text{IDF1} = \frac{2\, \text{IDTP}}{2\, \text{IDTP} + \text{IDFP} + \text{IDFN}}$, "
    r"and HOTA, the mean of $\sqrt{\text{DetA} \cdot \text{AssA}}$",
    (
        Number("frames", "Frames", 6, 2, 24),
        Number("n_true", "True tracks", 1, 1, 3),
        Number("n_found", "Found tracks", 2, 1, 3),
        Table("truth", "True tracks", tuple(map(tuple, _A[0])), lambda s: s["n_true"], lambda s: s["frames"], 0, HIGHEST),
        Table("found", "Found tracks", tuple(map(tuple, _A[1])), lambda s: s["n_found"], lambda s: s["frames"], 0, HIGHEST),
    ),
    (
        Preset("(a) Red, then blue", "004.7", {}),
        _preset("(b) Red, a gap, then blue", "004.7", *_B),
        _preset("(c) Red all the time, and blue beside it", "004.7", *_C),
        _preset("Two identities swapped at frame 6 of 12", "004.8", *_swapped()),
        _preset("The slide's IDF1 is another score", "004.!", *_HALVES),
        _preset("MOTA below 0", "004.8", [_line(6, 1, 6, 4)], [_line(6, 1, 6, 12), _line(6, 1, 6, 17)]),
        _preset("All right", "004.8", [_wave(12)], [_wave(12)]),
    ),
    view,
)  # fmt: skip
