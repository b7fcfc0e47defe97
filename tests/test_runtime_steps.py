"""Long work as generators: driven to the end, told in other words, ended early."""

import pytest

from segcore.cli.table import limited, print_table, shown
from segcore.errors import InputError
from segcore.runtime.steps import Progress, finish, mapped


def counted(n, log=None):
    """Yield 1 … n and return their sum; the log says how it ended."""
    try:
        yield from range(1, n + 1)
    finally:
        if log is not None:
            log.append("closed")
    return n * (n + 1) // 2


@pytest.mark.parametrize("n", [0, 1, 5])
def test_finish_returns_what_the_steps_return(n):
    seen = []
    assert finish(counted(n), seen.append) == n * (n + 1) // 2
    assert seen == list(range(1, n + 1))
    assert finish(counted(n)) == n * (n + 1) // 2


def test_mapped_yields_what_is_told_and_returns_what_the_steps_return():
    seen = []
    assert finish(mapped(counted(6), lambda i: f"{i}!" if i % 2 else None), seen.append) == 21
    assert seen == ["1!", "3!", "5!"]


def test_zero_and_the_empty_string_are_told():
    seen = []
    finish(mapped(counted(2), lambda i: 0 if i == 1 else ""), seen.append)
    assert seen == [0, ""]


@pytest.mark.parametrize("wrap", [lambda steps: steps, lambda steps: mapped(steps, lambda i: i)], ids=["plain", "mapped"])
def test_a_watcher_that_raises_ends_the_work(wrap):
    log = []

    def watch(i):
        if i == 2:
            raise KeyError(i)

    with pytest.raises(KeyError):
        finish(wrap(counted(5, log)), watch)
    assert log == ["closed"]


def test_closing_what_is_mapped_closes_the_work():
    log = []
    steps = mapped(counted(5, log), lambda i: i)
    next(steps)
    steps.close()
    assert log == ["closed"]


def test_what_the_work_raises_comes_through():
    def failing():
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        finish(mapped(failing(), lambda i: i))


def test_a_bar_for_each_stage(monkeypatch):
    bars = []

    class Bar:
        def __init__(self, **about):
            self.about, self.n, self.closed = about, 0, False
            bars.append(self)

        def update(self, n=1):
            self.n += n

        def close(self):
            self.closed = True

    monkeypatch.setattr("segcore.runtime.progress.make_bar", Bar)

    def work():
        yield Progress("looking", 0, 0)
        for i in (1, 2):
            yield Progress("reading", i, 2)
        for i in (1, 2, 3):
            yield Progress("grouping", i, 3, "groups")
        return "done"

    assert shown(work()) == "done"
    assert [(bar.about["label"], bar.about["unit"], bar.n, bar.closed) for bar in bars] == [
        ("reading", "pictures", 2, True),
        ("grouping", "groups", 3, True),
    ]
    bars.clear()
    shown(work(), label="mine")
    assert {bar.about["label"] for bar in bars} == {"mine"}


def test_a_table_has_its_numbers_to_the_right(capsys):
    print_table(("name", "score", "n"), [("a", 0.5, 3), ("longer", 0.25, 12)])
    assert capsys.readouterr().out.splitlines() == ["name    score   n", "a       0.500   3", "longer  0.250  12"]


def test_a_limit_below_one_is_refused():
    assert limited([1, 2, 3], 2) == [1, 2]
    assert limited([1, 2, 3], None) == [1, 2, 3]
    with pytest.raises(InputError, match="--limit must be at least 1; got 0"):
        limited([1], 0)
