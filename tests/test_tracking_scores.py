"""CLEAR, Identity and HOTA: TrackEval's own answers, and what must hold of any scores."""

import json
from pathlib import Path

import numpy as np
import pytest

from segcore.errors import InputError
from segcore.metrics.tracking import TrackingScores, check_one_sequence, tracking_events, tracking_scores
from segcore.types import Boxes

CASES = json.loads((Path(__file__).parent / "tracking_oracle.json").read_text())  # TrackEval 1.3.0 on random sequences
TUD = {  # of `cem_result.txt`, as TrackEval prints it
    "TUD-Campus": (0.5265, 0.7228, 13, 150, 7, 7, 1, 6, 1, 0.5577, 0.7297, 0.4513, 0.3914, 0.4180, 0.3691, 0.7701),
    "TUD-Stadtmitte": (0.5640, 0.6541, 45, 452, 7, 6, 5, 4, 1, 0.6446, 0.8198, 0.5311, 0.3978, 0.3923, 0.4088, 0.7375),
}
NAMES = ("mota", "motp", "fp", "fn", "switches", "fragmentations", "mt", "pt", "ml", "idf1", "idp", "idr", "hota", "deta",
         "assa", "loca")  # fmt: skip


def boxes(rows):
    """Of rows frame, identity, x, with boxes of 10 × 10."""
    rows = np.array(rows, float).reshape(-1, 3)
    return Boxes.sorted(rows[:, 0], rows[:, 1], [(x, 0, 10, 10) for x in rows[:, 2]])


def renamed(b, names):
    return Boxes.sorted(b.frame, [names[i] for i in b.identity.tolist()], b.box)


def case(i):
    """The i-th sequence as boxes."""
    return tuple(
        Boxes.sorted(rows[:, 0] - 1, rows[:, 1], rows[:, 2:])
        for rows in (np.array(CASES[i][name], float).reshape(-1, 6) for name in ("truth", "result"))
    )


@pytest.mark.parametrize("i", range(len(CASES)))
def test_scores_are_those_of_trackeval(i):
    found = tracking_scores(CASES[i]["truth"], CASES[i]["result"])
    assert found == pytest.approx(CASES[i]["scores"], abs=1e-12)


@pytest.mark.parametrize("name", TUD)
def test_scores_of_published_results(data, name):
    folder = data / "tracking" / "mot15" / name
    truth, result = (np.loadtxt(folder / file, delimiter=",") for file in ("gt.txt", "cem_result.txt"))
    found = tracking_scores(truth, result)
    assert [found[key] for key in NAMES] == pytest.approx(TUD[name], abs=5e-5)


@pytest.mark.parametrize("i", range(0, 20, 3))
def test_what_holds_of_all_scores(i):
    truth, result = case(i)
    s = tracking_scores(truth, result)
    assert s["hota"] <= np.sqrt(s["deta"] * s["assa"]) + 1e-12  # Cauchy and Schwarz, over the thresholds
    assert s["hota"] <= np.sqrt(s["deta"]) + 1e-12
    assert s["mt"] + s["pt"] + s["ml"] == len(np.unique(truth.identity))
    assert s["fn"] - s["fp"] == len(truth) - len(result)
    assert s["mota"] == pytest.approx(1 - (s["fn"] + s["fp"] + s["switches"]) / len(truth))
    assert s["idf1"] == pytest.approx(2 / (1 / s["idp"] + 1 / s["idr"]))


@pytest.mark.parametrize("i", range(0, 20, 3))
def test_names_of_tracks_count_for_nothing(i):
    truth, result = case(i)
    names = {k: 1000 - 7 * k for k in range(100)}
    assert tracking_scores(renamed(truth, names), renamed(result, names)) == pytest.approx(tracking_scores(truth, result))


@pytest.mark.parametrize("i", range(0, 20, 3))
def test_identity_and_hota_do_not_know_the_direction_of_time(i):
    pair = case(i)
    last = max(b.frame.max() for b in pair)
    there, back = tracking_scores(*pair), tracking_scores(*(Boxes.sorted(last - b.frame, b.identity, b.box) for b in pair))
    for name in ("idf1", "idp", "idr", "hota", "deta", "assa", "loca"):
        assert there[name] == pytest.approx(back[name], abs=1e-12)


def test_a_perfect_result():
    truth, _ = case(0)
    s = tracking_scores(truth, renamed(truth, {k: k + 40 for k in range(100)}))
    assert (s["mota"], s["motp"], s["idf1"], s["hota"], s["assa"], s["loca"]) == pytest.approx((1,) * 6)
    assert (s["switches"], s["fp"], s["fn"], s["ml"]) == (0, 0, 0, 0)


def test_two_that_swap_their_names():
    """Of 12 frames the names are right in 6: IDF1 ½, two switches; association falls most."""
    truth = boxes([(t, i, 50 * i) for t in range(12) for i in (1, 2)])
    result = boxes([(t, i if t < 6 else 3 - i, 50 * i) for t in range(12) for i in (1, 2)])
    s = tracking_scores(truth, result)
    assert (s["switches"], s["fragmentations"], s["idf1"]) == (2, 0, 0.5)
    assert s["mota"] == pytest.approx(1 - 2 / 24)
    assert s["deta"] == pytest.approx(1)
    assert s["assa"] == pytest.approx(6 / 18)  # each half shares 6 frames, of 12 + 12 − 6


def test_switches_over_a_gap_count_once_and_fragment():
    truth = boxes([(t, 1, 0) for t in range(6)])
    result = boxes([(0, 5, 0), (1, 5, 0), (4, 6, 0), (5, 6, 0)])
    s, events = tracking_scores(truth, result), tracking_events(truth, result)
    assert (s["switches"], s["fn"]) == (1, 2)
    assert events.switches.tolist() == [[4, 1, 5, 6]]
    assert events.misses.tolist() == [[2, 1], [3, 1]]
    assert s["fragmentations"] == 0  # frames without any result leave "the frame before" as it was, as in TrackEval


@pytest.mark.parametrize("i", range(0, 20, 4))
def test_events_are_what_the_counts_count(i):
    truth, result = case(i)
    s, e = tracking_scores(truth, result), tracking_events(truth, result)
    assert (len(e.switches), len(e.fragmentations), len(e.misses), len(e.false_positives)) == (
        s["switches"], s["fragmentations"], s["fn"], s["fp"],
    )  # fmt: skip
    assert ((e.partner == 0).sum(), len(e.partner)) == (s["fn"], len(truth))


def test_nothing_against_nothing_is_defined():
    s = tracking_scores([], [])
    assert set(s) == set(TrackingScores.__annotations__)
    assert all(np.isfinite(list(s.values())))


def test_bad_input_is_told():
    with pytest.raises(InputError, match="Identity 1 occurs twice in frame 3 of the truth"):
        tracking_scores([(3, 1, 0, 0, 1, 1), (3, 1, 5, 5, 1, 1)], [])
    with pytest.raises(InputError, match="Rows of the result must be"):
        tracking_scores([], [(1, 2, 3)])
    with pytest.raises(InputError, match="both are of one sequence"):
        check_one_sequence(boxes([(0, 1, 0)]), boxes([(7, 1, 0)]))
