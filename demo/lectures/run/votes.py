"""Questions to the hall: rooms in memory, one vote of each browser, nothing that says who."""

import html
import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.lectures import texts
from demo.shared.lecture.sheet import MOST_CHOICES
from segcore.errors import InputError

MOST_ROOMS = 64
MOST_VOTERS = 1000  # of a question
_SECONDS = 4 * 3600  # after which a room that nobody asked in is taken away
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # that are not mistaken for each other
_MOST_TEXT = 2000


@dataclass(slots=True)
class _Room:
    key: str  # of the one who asks
    asked: float  # when, in seconds
    number: int = 0  # of the question
    ask: str = ""
    choices: tuple[str, ...] = ()
    votes: dict[str, int] = field(default_factory=dict)  # by a secret of the browser, for this question only


class Votes:
    """All rooms of a server. Safe for threads."""

    def __init__(self) -> None:
        """No room yet."""
        self._rooms: dict[str, _Room] = {}
        self._lock = threading.Lock()

    def ask(self, ask: str, choices: Sequence[str], *, room: str = "", key: str = "") -> dict[str, Any]:
        """Ask a question, in a new room or in one's own; the votes of the one before are forgotten.

        Raises:
            InputError: there are not 2 to 6 choices, the room belongs to another, or no more may be opened.
        """
        if not 2 <= len(choices) <= MOST_CHOICES:
            raise InputError(f"A vote takes 2 to {MOST_CHOICES} choices; got {len(choices)}.")
        now = time.monotonic()
        with self._lock:
            self._rooms = {name: one for name, one in self._rooms.items() if now - one.asked < _SECONDS}
            mine = self._rooms.get(room)
            if mine is None:
                if len(self._rooms) >= MOST_ROOMS:
                    raise InputError(f"{MOST_ROOMS} votes are open on this server, which is as many as it holds.")
                room, mine = "".join(secrets.choice(_LETTERS) for _ in range(6)), _Room(secrets.token_hex(16), now)
                self._rooms[room] = mine
            elif not secrets.compare_digest(mine.key, key):
                raise InputError("This vote belongs to another window.")
            mine.number, mine.asked, mine.votes = mine.number + 1, now, {}
            mine.ask, mine.choices = ask[:_MOST_TEXT], tuple(choice[:_MOST_TEXT] for choice in choices)
            return {"room": room, "key": mine.key, "number": mine.number}

    def state(self, room: str) -> dict[str, Any]:
        """What a student sees: number, question and choices.

        Raises:
            InputError: there is no such room.
        """
        with self._lock:
            one = self._of(room)
            return {"number": one.number, "ask": one.ask, "choices": list(one.choices)}

    def vote(self, room: str, sent: Mapping[str, Any]) -> None:
        """Count a vote; the first one of a browser stands.

        Raises:
            InputError: the question is over, there is no such choice, or it has as many votes as are counted.
        """
        number, choice, voter = sent.get("number"), sent.get("choice"), sent.get("voter")
        with self._lock:
            one = self._of(room)
            if number != one.number:
                raise InputError("This question is over; the next one is here.")
            if type(choice) is not int or not 0 <= choice < len(one.choices):
                raise InputError("There is no such choice.")
            if not isinstance(voter, str) or not 16 <= len(voter) <= 64:
                raise InputError("A vote names a secret of its browser, of 16 to 64 signs.")
            if voter not in one.votes and len(one.votes) >= MOST_VOTERS:
                raise InputError(f"{MOST_VOTERS} votes are counted, which is as many as a question takes.")
            one.votes.setdefault(voter, choice)

    def counts(self, room: str, key: str) -> list[int]:
        """Votes for each choice, for the one who asked.

        Raises:
            InputError: there is no such room, or the key is not its own.
        """
        with self._lock:
            one = self._of(room)
            if not secrets.compare_digest(one.key, key):
                raise InputError("This vote belongs to another window.")
            chosen = list(one.votes.values())
            return [chosen.count(i) for i in range(len(one.choices))]

    def _of(self, room: str) -> _Room:
        if room not in self._rooms:
            raise InputError("There is no such vote here; scan the code on the slide again.")
        return self._rooms[room]


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>TITLE</title>
<style>
:root { color-scheme: light dark; }
body { margin: 0 auto; max-width: 34rem; padding: 1.2rem; font: 1.15rem/1.4 system-ui, "DejaVu Sans", sans-serif; }
button { display: block; width: 100%; margin: .7rem 0; padding: .9rem; border: 2px solid; border-radius: .6rem;
  background: none; color: inherit; font: inherit; text-align: left; }
button[aria-pressed=true] { outline: 4px solid #0072b2; font-weight: 700; }
</style></head><body><h1 id="ask"></h1><div id="choices"></div><p id="told" role="status"></p>
<script>
const words = WORDS;
const here = location.pathname.replace(/[/]$/, "");
const find = (id) => document.getElementById(id);
let number = 0;
let voter = null;
try { voter = localStorage.getItem("segcore-voter"); } catch { /* a browser that keeps nothing */ }
voter ??= Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
try { localStorage.setItem("segcore-voter", voter); } catch { /* as above */ }
async function vote(choice, button) {
  const answer = await fetch(`${here}/vote`, { method: "POST", body: JSON.stringify({ number, choice, voter }) });
  if (answer.ok) {
    button.setAttribute("aria-pressed", "true");
    for (const one of find("choices").children) one.disabled = true;
  }
  find("told").textContent = answer.ok ? words.counted : (await answer.json()).error;
}
async function look() {
  try {
    const answer = await fetch(`${here}/state`);
    const state = await answer.json();
    if (!answer.ok) find("told").textContent = state.error;
    else if (state.number !== number) {
      number = state.number;
      find("ask").innerHTML = state.ask; // set by the server, with markup as text
      find("told").textContent = words.tap;
      find("choices").replaceChildren(...state.choices.map((text, i) => {
        const button = document.createElement("button");
        button.type = "button";
        button.innerHTML = text;
        button.addEventListener("click", () => vote(i, button));
        return button;
      }));
    }
  } catch { /* the server is gone for a moment */ }
  setTimeout(look, 2000);
}
look();
</script></body></html>
"""


def student_page() -> str:
    """What students open: it asks what is asked, every two seconds."""
    return _PAGE.replace("TITLE", html.escape(texts.VOTE_TITLE)).replace("WORDS", json.dumps(texts.VOTE_WORDS))
