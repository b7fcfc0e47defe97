"""How well tracks agree with the true ones: CLEAR, Identity and HOTA, equal to TrackEval, the benchmarks' own code.

    MOTA = 1 − (FN + FP + IDSW) / GT               MOTP = mean IoU of the matches
    IDF1 = 2 IDTP / (2 IDTP + IDFP + IDFN)         under the one matching of whole tracks of most frames in common
    HOTA = mean over α of √(DetA_α · AssA_α)       α = .05, .10, … .95

with DetA_α = TP / (TP + FN + FP), and AssA_α the mean over the matches c of TPA(c) / (TPA(c) + FNA(c) + FPA(c)), which asks
how much the two tracks of a match have in common.

Reference: Bernardin and Stiefelhagen 2008 (CLEAR); Ristani and others 2016 (IDF1); Luiten and others 2021 (HOTA).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from segcore.errors import InputError
from segcore.metrics.boxes import Floats, iou_matrix
from segcore.types import Boxes

LEAST_IOU = 0.5  # of a match of CLEAR and Identity
ALPHAS = np.arange(0.05, 0.99, 0.05)  # of HOTA
_EPS = float(np.finfo(np.float64).eps)

Ints = NDArray[np.int64]


class TrackingScores(TypedDict):
    """Shares are fractions in [0, 1], MOTA in (−∞, 1]; the others are counts."""

    mota: float
    motp: float  # mean IoU of the matches; 0 without one
    idf1: float
    idp: float
    idr: float
    switches: int  # matches with another track than the last one of the same identity, however long ago
    fragmentations: int  # how often an identity is found again after it was lost
    fp: int
    fn: int
    mt: int  # identities found in more than 80 % of their frames
    pt: int  # the others
    ml: int  # in less than 20 %
    hota: float
    deta: float
    assa: float
    loca: float  # mean IoU of the matches of HOTA; 1 without one


@dataclass(frozen=True, eq=False, slots=True)
class TrackingEvents:
    """What CLEAR counts, one by one: frames, from 0, and identities."""

    partner: Ints  # (n,) per box of the truth: identity of the box that it is matched with; 0 where it is missed
    misses: Ints  # (fn, 2) frame, identity of the truth
    false_positives: Ints  # (fp, 2) frame, identity of the result
    switches: Ints  # (switches, 4) frame, identity of the truth, identity of the result before and now
    fragmentations: Ints  # (fragmentations, 2) frame, identity of the truth that is found again


def tracking_scores(truth: Any, result: Any) -> TrackingScores:
    """All scores of a result.

    Args:
        truth: `Boxes`, or rows (n, 6 or more) of MOTChallenge text: frame, identity, x, y, width, height, …
        result: the same of a tracker.

    Returns:
        The scores. Without a box on either side shares are 0 and LocA is 1, as TrackEval has it; so a result without boxes
        misses all of the truth, and MOTA is 0.

    Raises:
        InputError: an identity occurs twice in a frame, or a row is too short.

    Cost: some 1 ms for a frame of 20 boxes.
    """
    pair = _Pair.of(as_boxes(truth, "truth"), as_boxes(result, "result"))
    found: dict[str, Any] = {**_clear(pair)[0], **_identity(pair), **_hota(pair)}
    scores: TrackingScores = {name: found[name] for name in TrackingScores.__annotations__}  # type: ignore[assignment]
    return scores


def tracking_events(truth: Any, result: Any) -> TrackingEvents:
    """What the counts of `tracking_scores` consist of; arguments and errors as there."""
    return _clear(_Pair.of(as_boxes(truth, "truth"), as_boxes(result, "result")))[1]


def check_one_sequence(truth: Boxes, result: Boxes) -> None:
    """Refuse a truth and a result that cannot be of one sequence.

    Raises:
        InputError: no box of the one touches a box of the other, though both have some.
    """
    pair = _Pair.of(truth, result)
    if not pair.is_empty and not any(iou.any() for _, _, _, iou in pair.frames()):
        raise InputError(
            f"No box of the result touches one of the truth: the truth has frames {truth.frame[0] + 1} to "
            f"{truth.frame[-1] + 1}, the result {result.frame[0] + 1} to {result.frame[-1] + 1}. Check that both are of one "
            "sequence, and count frames from 1.",
            field="result",
        )


def as_boxes(given: Any, name: str) -> Boxes:
    """Boxes as they are, or of rows of MOTChallenge text, whose frames count from 1.

    Raises:
        InputError: an identity occurs twice in a frame, or a row is too short.
    """
    if isinstance(given, Boxes):
        boxes = given
    else:
        rows = np.asarray(given, np.float64)
        rows = rows.reshape(0, 6) if rows.size == 0 else np.atleast_2d(rows)
        if rows.ndim != 2 or rows.shape[1] < 6 or not np.isfinite(rows[:, :6]).all():
            raise InputError(
                f"Rows of the {name} must be frame, identity, x, y, width, height, all finite; got shape {rows.shape}.",
                field=name,
            )
        boxes = Boxes.sorted(rows[:, 0] - 1, rows[:, 1], rows[:, 2:6])
    keys = np.stack([boxes.frame, boxes.identity], 1)
    found, counts = np.unique(keys, axis=0, return_counts=True)
    if (counts > 1).any():
        frame, identity = found[np.argmax(counts > 1)].tolist()
        raise InputError(
            f"Identity {identity} occurs twice in frame {frame + 1} of the {name}; in one frame each has one box.",
            field=name,
        )
    return boxes


@dataclass(frozen=True, eq=False, slots=True)
class _Pair:
    """Truth and result with their identities numbered from 0."""

    truth: Boxes
    result: Boxes
    true_ids: Ints  # identities, ascending
    ids: Ints
    of_truth: Ints  # (n,) number of the identity of each box
    of_result: Ints

    @classmethod
    def of(cls, truth: Boxes, result: Boxes) -> "_Pair":
        true_ids, of_truth = np.unique(truth.identity, return_inverse=True)
        ids, of_result = np.unique(result.identity, return_inverse=True)
        return cls(truth, result, true_ids, ids, of_truth.ravel(), of_result.ravel())

    def frames(self) -> Iterator[tuple[int, Ints, Ints, Floats]]:
        """Each frame with a box: its number, rows of the truth, rows of the result, their IoU."""
        for frame in np.union1d(self.truth.frame, self.result.frame):
            rows, columns = (
                np.arange(*np.searchsorted(boxes.frame, (frame, frame + 1))) for boxes in (self.truth, self.result)
            )
            yield int(frame), rows, columns, iou_matrix(self.truth.box[rows], self.result.box[columns])

    @property
    def is_empty(self) -> bool:
        """Whether one side has no box."""
        return len(self.truth) == 0 or len(self.result) == 0

    @property
    def counts(self) -> tuple[Ints, Ints]:
        """Boxes of each identity."""
        return np.bincount(self.of_truth, minlength=len(self.true_ids)), np.bincount(self.of_result, minlength=len(self.ids))


def _clear(pair: _Pair) -> tuple[dict[str, float | int], TrackingEvents]:
    """Match frame by frame; matches of the frame before go first."""
    truth = pair.truth
    partner = np.full(len(truth), -1)  # number of an identity of the result
    ever, before, found = (np.full(len(pair.true_ids), v) for v in (-1, -1, 0))
    switches, fragments, alarms, total = [], [], [], 0.0
    for frame, rows, columns, iou in pair.frames():
        if len(rows) == 0 or len(columns) == 0:  # as TrackEval, such a frame leaves "the frame before" as it was
            alarms += [(frame, i) for i in pair.of_result[columns]]
            continue
        who, what = pair.of_truth[rows], pair.of_result[columns]
        score = np.where(iou < LEAST_IOU - _EPS, 0.0, 1000.0 * (what[None] == before[who][:, None]) + iou)
        r, c = linear_sum_assignment(score, maximize=True)
        good = score[r, c] > _EPS
        r, c = r[good], c[good]
        total += float(sum(iou[r, c]))
        partner[rows[r]] = what[c]
        alarms += [(frame, i) for i in np.delete(what, c)]
        for i, j in zip(who[r], what[c], strict=True):
            if ever[i] not in (-1, j):
                switches.append((frame, i, ever[i], j))
            if before[i] == -1 and found[i]:
                fragments.append((frame, i))
        found[who[r]] += 1
        before[:] = -1
        before[who[r]] = ever[who[r]] = what[c]
    events = _events(pair, partner, switches, fragments, alarms)
    tp, n_true = len(truth) - len(events.misses), len(truth)
    share = found / np.maximum(pair.counts[0], 1)
    mt = int((share > 0.8).sum())
    pt = int((share >= 0.2).sum()) - mt
    mota = 0.0 if pair.is_empty else (tp - len(events.false_positives) - len(switches)) / n_true
    scores = {
        "mota": mota,
        "motp": total / max(1, tp),
        "switches": len(switches),
        "fragmentations": len(fragments),
        "fp": len(events.false_positives),
        "fn": len(events.misses),
        "mt": mt,
        "pt": pt,
        "ml": len(pair.true_ids) - mt - pt,
    }
    return scores, events


def _events(
    pair: _Pair,
    partner: Ints,
    switches: list[tuple[int, int, int, int]],
    fragments: list[tuple[int, int]],
    alarms: list[tuple[int, int]],
) -> TrackingEvents:
    """The same with the identities that were given."""
    missed = partner < 0
    s, f, a = (np.array(x, np.int64).reshape(-1, n) for x, n in ((switches, 4), (fragments, 2), (alarms, 2)))
    s[:, 1], f[:, 1], a[:, 1] = pair.true_ids[s[:, 1]], pair.true_ids[f[:, 1]], pair.ids[a[:, 1]]
    s[:, 2:] = pair.ids[s[:, 2:]]
    named = np.zeros(len(partner), np.int64)
    named[~missed] = pair.ids[partner[~missed]]
    return TrackingEvents(
        partner=named,
        misses=np.stack([pair.truth.frame[missed], pair.truth.identity[missed]], 1),
        false_positives=a,
        switches=s,
        fragmentations=f,
    )


def _identity(pair: _Pair) -> dict[str, float]:
    """Match whole tracks, once."""
    common = np.zeros((len(pair.true_ids), len(pair.ids)))
    for _, rows, columns, iou in pair.frames():
        r, c = np.nonzero(iou >= LEAST_IOU)
        common[pair.of_truth[rows[r]], pair.of_result[columns[c]]] += 1
    tp = float(common[linear_sum_assignment(common, maximize=True)].sum())
    n, m = len(pair.truth), len(pair.result)
    return {"idf1": 2 * tp / max(1, n + m), "idp": tp / max(1, m), "idr": tp / max(1, n)}


def _hota(pair: _Pair) -> dict[str, float]:
    """Match each frame so that tracks with much in common go first; then ask for IoU ≥ α."""
    n, m = len(pair.truth), len(pair.result)
    if pair.is_empty:
        return {"hota": 0.0, "deta": 0.0, "assa": 0.0, "loca": 1.0}
    frames = list(pair.frames())
    common = np.zeros((len(pair.true_ids), len(pair.ids)))
    for _, rows, columns, iou in frames:
        around = iou.sum(0)[None] + iou.sum(1)[:, None] - iou
        share = np.divide(iou, around, out=np.zeros_like(iou), where=around > _EPS)
        common[np.ix_(pair.of_truth[rows], pair.of_result[columns])] += share
    true_counts, counts = pair.counts
    either = true_counts[:, None] + counts[None]
    alike = common / (either - common)
    who, what, ious = [], [], []
    for _, rows, columns, iou in frames:
        i, j = pair.of_truth[rows], pair.of_result[columns]
        r, c = linear_sum_assignment(alike[np.ix_(i, j)] * iou, maximize=True)
        who.append(i[r])
        what.append(j[c])
        ious.append(iou[r, c])
    return _over_alphas(np.concatenate(who), np.concatenate(what), np.concatenate(ious), either, n, m)


def _over_alphas(who: Ints, what: Ints, iou: Floats, either: Ints, n: int, m: int) -> dict[str, float]:
    """Means over α of what the matches are worth."""
    rows = []
    for alpha in ALPHAS:
        on = iou >= alpha - _EPS
        tp = int(on.sum())
        shared = np.zeros(either.shape)
        np.add.at(shared, (who[on], what[on]), 1)
        assa = float((shared * (shared / np.maximum(1, either - shared))).sum()) / max(1, tp)
        deta = tp / max(1, n + m - tp)
        loca = max(1e-10, float(iou[on].sum())) / max(1e-10, tp)
        rows.append((np.sqrt(deta * assa), deta, assa, loca))
    return dict(zip(("hota", "deta", "assa", "loca"), np.mean(rows, 0).tolist(), strict=True))
