"""What long commands say while they run: a bar on a terminal, a line a minute elsewhere."""

import io

import pytest
import tqdm

from segcore.runtime import progress


@pytest.fixture
def clock(monkeypatch):
    """The time, as the bars see it."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_log_gets_a_line_a_minute(clock, capsys):
    bar = progress.make_bar(total=500, label="color")
    assert isinstance(bar, progress.PlainBar)  # standard error is no terminal here
    for second in range(150):
        clock[0] = float(second)
        bar.update(1)
    bar.close()
    assert capsys.readouterr().err.splitlines() == [
        "color: 61 of 500 pictures",
        "color: 121 of 500 pictures",
        "color: 150 of 500 pictures",
    ]


def test_a_bar_moves_to_where_it_should_be(clock, capsys):
    bar = progress.make_bar(total=100, label="learning", unit="%")
    for percent in (10, 20.5, 30):
        clock[0] += 61
        bar.update(percent - bar.n)
    assert capsys.readouterr().err.splitlines()[-1] == "learning: 30 of 100 %"


def test_what_is_done_within_a_minute_says_nothing(clock, capsys):
    bar = progress.make_bar(total=3, label="color")
    for _ in range(3):
        clock[0] += 15
        bar.update(1)
    bar.close()
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_a_bar_that_lines_do_not_tear(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("sys.stdout", terminal)
    bar = progress.make_bar(total=2, label="color")
    assert isinstance(bar, tqdm.tqdm)
    bar.update(1)
    progress.say("a.png: 3 segments")
    bar.update(1)
    bar.close()
    shown = terminal.getvalue()
    assert "color: 100%" in shown
    assert "\ra.png: 3 segments\n" in shown  # at the start of a line
