"""Claims: the language in which a line says what is true of its state, and that all lines of the app are right."""

import json
from dataclasses import replace

import pytest

from demo import claims
from demo.claims import BOOKS, check_line
from demo.lectures.data import sheets
from demo.shared.claims import judge, parse
from demo.shared.lecture.file import read_whole
from demo.shared.service import Service
from segcore.cli.commands import main
from segcore.errors import InputError
from segcore.runtime.places import DOCS

LINES = {f"{sheet.id}-{i}": line for sheet in sheets().values() for i, line in enumerate(sheet.lines, 1) if line.claim}


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


# ---- The language ----

FACTS = {"n": lambda state: state["n"], "sizes": lambda state, at=0: [state["n"] + at, 1], "name": lambda _: "iic"}


def verdict(claim):
    return judge(claim, {"": {"n": 3}, "other": {"n": 5}}, FACTS)


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("n == 3", True),
        ("n > 3", False),
        ("2 < n <= 3 and not n == 4", True),
        ("n == 4 or other.n == 5", True),
        ("sizes(1)[0] == 4 and sizes[-1] == 1 and sum(sizes) == 4", True),
        ("abs(n - other.n) == 2 and max(n, other.n) / 2 == 2.5", True),
        ("name == 'iic' and name in ['iic', 'ac']", True),
        ("other.sizes(2)[0] * -1 == -7", True),
    ],
)
def test_a_claim_is_what_it_reads_as(claim, holds):
    assert verdict(claim).holds is holds


def test_a_verdict_keeps_the_facts_that_were_named():
    assert verdict("n < 2 and name == 'x'").values == {"n": 3}
    assert verdict("sizes(1)[0] > 1").values == {"sizes(1)": [4, 1]}


@pytest.mark.parametrize(
    "claim",
    ["", "n ==", "__import__('os')", "n.__class__.x", "(lambda: 1)()", "[x for x in sizes]", "n := 4", "f'{n}'", "n ** 9",
     "{1: 2}", "sizes(at=1)", "n if n else n", "b'x' == n"],
)  # fmt: skip
def test_what_is_no_claim_is_refused(claim):
    with pytest.raises(InputError, match="claim"):
        verdict(claim)


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        ("segments > 2", "There are: n, name, sizes"),
        ("third.n > 2", "There are: other"),
        ("sizes[9] > 2", "cannot be answered"),
        ("sizes('a')[0] > 2", "cannot be answered"),
        ("n / 0 > 1", "cannot be answered"),
        ("name > 3", "cannot be answered"),
    ],
)
def test_what_a_claim_cannot_ask_is_one_sentence(claim, told):
    with pytest.raises(InputError, match=told):
        verdict(claim)


def test_every_fact_says_what_it_is():
    for book in BOOKS.values():
        assert all(fact.__doc__ and name == fact.__name__ for name, fact in book.facts.items())


# ---- The sheets ----


def marked(name):
    trains = LINES[name].page in {"learn", "collections"}
    return pytest.param(name, marks=pytest.mark.slow) if trains else name


@pytest.mark.parametrize("name", [*map(marked, LINES)])
def test_a_line_is_true_of_the_state_that_it_opens(name, service):
    found = check_line(service, LINES[name], name)
    assert found.holds, found.told


def test_a_wrong_claim_is_told_with_what_is_there(service):
    line = next(line for line in LINES.values() if "outlier" in line.query.values())
    found = check_line(service, replace(line, query={**line.query, "gamma": "25"}), "x")  # no edge to the outlier
    assert found.holds is False
    assert "sizes(1) = [148, 2]" in found.told
    assert check_line(service, replace(line, claim="found(1) < 0.5"), "x").holds is False


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"page": "nowhere"}, "no page"),
        ({"query": {"algorithm": "kmeans", "data": "blobs", "colour": "1"}}, "reads no colour"),
        ({"query": {"algorithm": "kmeens", "data": "blobs"}}, "kmeens"),
        ({"query": {"algorithm": "kmeans", "data": "blobs", "n_segments": "-3"}}, "n_segments"),
        ({"query": {"algorithm": "kmeans", "data": "blobs"}, "claim": "founds > 1"}, "There are: "),
    ],
)
def test_a_state_that_is_not_there_does_not_hold(service, change, told):
    line = next(line for line in LINES.values() if line.page == "steps")
    found = check_line(service, replace(line, **change), "x")
    assert found.holds is False
    assert told in found.told


# ---- The command ----


def sheet(tmp_path, **line):
    whole = {"slides": ["1"], "topic": "Three groups", "says": "s", "link": {"page": "steps", "query": {
        "algorithm": "kmeans", "data": "blobs", "n_segments": "3"}}} | line  # fmt: skip
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"id": "mine", "title": "t", "about": "a", "lines": [whole]}), encoding="utf-8")
    return str(path)


def test_the_command_tells_what_does_not_hold(tmp_path, capsys):
    assert main(["lecture", "check", sheet(tmp_path, claim="found > 0.95"), "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "1 claims hold, 0 do not, 0 lines make none.\n"
    assert main(["lecture", "check", sheet(tmp_path, claim="found < 0.5")]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == "mine, line 1, Three groups: found < 0.5; but found = 1"
    assert last == "0 claims hold, 1 do not, 0 lines make none."


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({}, "has a claim"),
        ({"claim": "found >"}, "cannot be read"),
        ({"claim": "found > 1", "look": "x"}, "has a claim"),
        ({"claim": "found > 1", "asks": "x"}, "asks"),
    ],
)
def test_a_sheet_that_is_not_whole_is_one_sentence(tmp_path, capsys, line, told):
    assert main(["lecture", "check", sheet(tmp_path, **line)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert told in error


def test_a_file_that_is_no_sheet_is_one_sentence(tmp_path):
    for content in ("[", "[]", "{}", '{"id": "x", "title": "", "about": "", "lines": [{}]}'):
        path = tmp_path / "x.json"
        path.write_text(content)
        with pytest.raises(InputError):
            read_whole(path)
    with pytest.raises(InputError):
        read_whole(tmp_path / "none.json")


def test_the_claims_of_the_app_can_be_read():
    for line in LINES.values():
        parse(line.claim)
    assert claims.BOOKS.keys() == {"", "steps", "playgrounds", "scribble", "collections", "learn", "tracking"}


def test_the_documents_list_every_fact():
    text = (DOCS / "lectures.md").read_text(encoding="utf-8")
    for book in BOOKS.values():
        for name in book.facts:
            assert f"- `{name}`" in text or f"- `{name}(" in text
