"""Questions to the hall: one vote of each browser, counted for the one who asks, bounded, and nothing says whose it was."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.testclient import TestClient

from demo.lectures.run import votes
from demo.lectures.run.votes import MOST_ROOMS, MOST_VOTERS, Votes, student_page
from segcore.errors import InputError
from tests.server import serving

CHOICES = ["red", "blue", "none"]


def voter(i):
    return f"{i:016}"


def sent(i, choice, number=1):
    return {"number": number, "choice": choice, "voter": voter(i)}


@pytest.fixture
def hall():
    return Votes()


@pytest.fixture
def asked(hall):
    return hall.ask("Which?", CHOICES)


def counts(hall, asked):
    return hall.counts(asked["room"], asked["key"])


def test_each_browser_has_one_vote_and_its_first_one_stands(hall, asked):
    for i in range(20):
        hall.vote(asked["room"], sent(i, i % 2))
    for i in range(20):
        hall.vote(asked["room"], sent(i, 2))
    assert counts(hall, asked) == [10, 10, 0]


def test_votes_at_once_are_all_counted(hall, asked):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: hall.vote(asked["room"], sent(i % 200, i % 3)), range(600)))
    assert sum(counts(hall, asked)) == 200


def test_a_new_question_forgets_the_votes_and_keeps_the_room(hall, asked):
    hall.vote(asked["room"], sent(1, 0))
    again = hall.ask("And now?", ["yes", "no"], room=asked["room"], key=asked["key"])
    assert (again["room"], again["key"], again["number"]) == (asked["room"], asked["key"], 2)
    assert hall.state(asked["room"]) == {"number": 2, "ask": "And now?", "choices": ["yes", "no"]}
    assert counts(hall, again) == [0, 0]
    with pytest.raises(InputError, match="question is over"):
        hall.vote(asked["room"], sent(2, 0))
    hall.vote(asked["room"], sent(1, 1, number=2))
    assert counts(hall, again) == [0, 1]


def test_a_question_takes_so_many_votes_and_no_more(hall, asked):
    for i in range(MOST_VOTERS):
        hall.vote(asked["room"], sent(i, 0))
    with pytest.raises(InputError, match="as many as a question takes"):
        hall.vote(asked["room"], sent(MOST_VOTERS, 0))
    hall.vote(asked["room"], sent(0, 1))  # who voted is told the same as before
    assert counts(hall, asked) == [MOST_VOTERS, 0, 0]


def test_a_server_holds_so_many_rooms_and_forgets_old_ones(hall, monkeypatch):
    rooms = {hall.ask("?", CHOICES)["room"] for _ in range(MOST_ROOMS)}
    assert len(rooms) == MOST_ROOMS
    with pytest.raises(InputError, match="as many as it holds"):
        hall.ask("?", CHOICES)
    later = time.monotonic() + votes._SECONDS + 1
    monkeypatch.setattr(votes.time, "monotonic", lambda: later)
    hall.ask("?", CHOICES)
    with pytest.raises(InputError, match="no such vote"):
        hall.state(rooms.pop())


@pytest.mark.parametrize(
    "bad",
    [sent(1, 3), sent(1, -1), sent(1, True), sent(1, "0"), sent(1, None), {**sent(1, 0), "voter": "short"},
     {**sent(1, 0), "voter": "x" * 65}, {**sent(1, 0), "voter": 7}, {**sent(1, 0), "number": 2}, {}],
    ids=str,
)  # fmt: skip
def test_what_is_no_vote_is_one_sentence_and_counts_nothing(bad, hall, asked):
    with pytest.raises(InputError) as refused:
        hall.vote(asked["room"], bad)
    assert str(refused.value).endswith(".")
    assert counts(hall, asked) == [0, 0, 0]


@pytest.mark.parametrize("n", [0, 1, 7])
def test_a_vote_has_two_to_six_choices(n, hall):
    with pytest.raises(InputError, match="2 to 6 choices"):
        hall.ask("?", ["x"] * n)


def test_the_one_who_asks_alone_counts_and_asks_on(hall, asked):
    for key in ("", "0" * 32):
        with pytest.raises(InputError, match="another window"):
            hall.counts(asked["room"], key)
        with pytest.raises(InputError, match="another window"):
            hall.ask("Mine", CHOICES, room=asked["room"], key=key)


def test_nothing_says_whose_a_vote_was(hall, asked):
    hall.vote(asked["room"], sent(5, 2))
    assert voter(5) not in str(hall.state(asked["room"])) + str(counts(hall, asked))
    assert set(hall.state(asked["room"])) == {"number", "ask", "choices"}


@pytest.fixture(scope="module")
def server():
    with serving(votes=True) as served:
        yield served


@pytest.fixture
def client(server):
    return TestClient(server.demo.app, base_url=server.address)


def test_over_http(client, server):
    told = client.post("/vote", json={"ask": "<b>$x^2$", "choices": ["<i>", "b"], "base": "http://hall:7860/"}).json()
    room = told["room"]
    assert told["address"] == f"http://hall:7860/vote/{room}"
    assert told["code"].startswith("<svg")
    state = client.get(f"/vote/{room}/state").json()
    assert state["ask"].startswith("&lt;b&gt;<math")
    assert state["choices"] == ["&lt;i&gt;", "b"]
    assert client.post(f"/vote/{room}/vote", json=sent(1, 1)).json() == {}
    assert client.post(f"/vote/{room}/counts", json={"key": told["key"]}).json() == {"counts": [0, 1]}
    assert client.post(f"/vote/{room}/counts", json={"key": ""}).status_code == 422
    page = client.get(f"/vote/{room}")
    assert page.text == student_page()
    assert "set-cookie" not in page.headers
    for bad in (b"", b"[]", b"{", b'{"choices": 3}'):
        refused = client.post("/vote", content=bad)
        assert refused.status_code == 422
        assert refused.json()["error"].endswith(".")
    assert client.get("/vote/none/state").status_code == 422
    foreign = client.post("/vote", json={"choices": CHOICES, "base": "javascript:alert(1)//"}).json()
    assert foreign["address"].startswith(f"{server.address}vote/")


def test_without_the_flag_there_are_no_votes(client, server, monkeypatch):
    monkeypatch.setattr(server.service, "votes", None)
    for answer in (
        client.post("/vote", json={"choices": CHOICES}),
        client.get("/vote/abc"),
        client.get("/vote/abc/state"),
        client.post("/vote/abc/vote", json=sent(1, 0)),
        client.post("/vote/abc/counts", json={}),
    ):
        assert answer.status_code == 422
        assert "--votes" in answer.json()["error"]
