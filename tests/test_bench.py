"""The bench compares answers before it times them, names what is missing, and never hides a wrong answer."""

import json
import math

import pytest
import torch

from segcore.bench import report
from segcore.bench.measure import OURS, Missing, Row, measure
from segcore.bench.rows import GROUPS
from segcore.bench.scenes import graph, scene
from segcore.bench.sweep import Point, exponent
from segcore.cli import commands as cli


def missing():
    raise Missing("pip install nothing")


def broken():
    raise ValueError("no convergence\ndetails")


def test_contenders_take_turns():
    order = []
    measure(Row("work", lambda: order.append("a"), {"other": lambda: order.append("b")}, repetitions=3))
    assert order == ["a", "b"] + ["a", "a", "b", "b"] * 3  # of each turn the first run is to settle


def test_wrong_missing_and_failing_are_named():
    row = Row(
        "work",
        lambda: 1,
        {"same": lambda: 1, "different": lambda: 2, "absent": missing, "broken": broken},
        lambda ours, theirs: None if ours == theirs else f"{ours} is not {theirs}",
        repetitions=1,
    )
    measured = measure(row)
    assert set(measured.seconds) == {OURS, "same", "different"}
    assert "WRONG: against different, 1 is not 2" in measured.notes
    assert "absent is not here: pip install nothing" in measured.notes
    assert "broken fails: no convergence" in measured.notes
    assert "absent is not here" in report.line(measured)


def test_our_own_failure_is_an_error():
    with pytest.raises(ValueError, match="no convergence"):
        measure(Row("work", broken))


def test_every_group_makes_rows_with_names():
    names = [
        next(iter(rows(torch.device("cpu")))).name for group, rows in GROUPS.items() if group in ("affinity", "startup")
    ]
    assert all(names)


def test_scene_and_graph_are_what_they_say():
    assert torch.equal(scene(20, 30), scene(20, 30))
    W = graph(6, torch.device("cpu"))
    assert W.shape == (36, 36)
    assert torch.equal(W, W.T)


def test_exponent_is_the_slope():
    points = [Point(n, 1e-9 * n**2, 3e-7 * n**1.5, 16 * n * n) for n in (225, 900, 3600, 14400)]
    assert exponent(points, "graph_seconds") == pytest.approx(2)
    assert exponent(points, "eigen_seconds") == pytest.approx(1.5)


def test_command_writes_json_and_status(tmp_path, capsys, monkeypatch):
    rows = [
        Row("fine", lambda: 1, {"other": lambda: 1}),
        Row("wrong", lambda: 1, {"other": lambda: 2}, lambda a, b: f"{a}, {b}" * (a != b)),
    ]
    monkeypatch.setattr("segcore.bench.rows.GROUPS", {"few": lambda _device: iter(rows)})
    assert cli.main(["bench", "--device", "cpu", "--only", "fine", "--json", str(tmp_path / "b.json")]) == 0
    told = json.loads((tmp_path / "b.json").read_text())
    assert [row["name"] for row in told["rows"]] == ["fine"]
    assert math.isfinite(told["rows"][0]["ratios"]["other"])
    assert told["machine"]["versions"]["torch"] == torch.__version__.split("+")[0] or told["machine"]["versions"]["torch"]
    assert cli.main(["bench", "--device", "cpu"]) == 1
    assert "wrong answers in wrong" in capsys.readouterr().err
    assert cli.main(["bench", "--device", "cpu", "--only", "nothing"]) == 2
    assert "the groups are few" in capsys.readouterr().err
