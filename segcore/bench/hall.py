"""A hall full of visitors: many at once, each with a picture of its own, by the protocol that the page itself speaks.

Nobody has a browser, which would be the slowest part of it on one machine: a visitor sends what the page would send, waits
for what the page would show, looks at it for a while, and moves a control.
"""

import asyncio
import json
import random
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median, quantiles
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import numpy as np

from segcore.bench.page import server
from segcore.bench.scenes import scene
from segcore.checks import check_range
from segcore.errors import shortened
from segcore.show.files import png

MOVES: tuple[Mapping[str, Any], ...] = (
    {"n_segments": 3},
    {"n_segments": 4},
    {"knn_weight": 4.0},
    {"n_segments": 6},
    {"n_segments": 7},
    {"knn_weight": 25.0},
    {"n_segments": 8},
)
_LOOKS = 2.0  # seconds at each answer
_FULL = 503  # the status of a full queue; the page asks again
_PATIENCE = httpx.Timeout(1200)
_SIDES = (480, 360)
_ASKED = {"backbone": "dino_tiny"}  # the same network wherever it is measured
_CONFIG = "window.gradio_config = "


@dataclass(frozen=True, slots=True)
class Form:
    """How the first page asks for a result: the event behind its controls, and what they hold at first."""

    event: int
    trigger: int  # the component of K
    names: tuple[str, ...]  # ids of the inputs in the page, "" where they have none
    values: tuple[Any, ...]
    address: int  # place of the address among the outputs

    def asking(self, number: int, file: str, settings: Mapping[str, Any]) -> list[Any]:
        """The values of the inputs for this picture and these settings."""
        own = {f"setting-{name}": value for name, value in settings.items()}
        own |= {"run-number": number, "picture": {"path": file, "meta": {"_type": "gradio.FileData"}}}
        return [own.get(name, value) for name, value in zip(self.names, self.values, strict=True)]


@dataclass(slots=True)
class Visit:
    """What happened to one visitor; all times in seconds."""

    page: float = 0.0  # until the page was there
    first: float = 0.0  # from opening the page to the first result
    changes: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # why, for each answer that never came or was not what was asked for
    places: int = 0  # times that it was told its place in the queue
    untold: int = 0  # answers before which it was told none
    pictures: set[str] = field(default_factory=set)  # digests that its answers named


def measure_hall(visitors: int) -> Iterator[dict[str, Any]]:
    """Measure one visitor alone, and as many at once.

    Yields:
        Rows as of `summary`; the last one also has `peak_bytes`, the most memory that the server held, and `cpu`, the
        seconds of a core that it took for each visitor, its start included.

    Raises:
        InputError: there is no page to start, or `visitors` is below 1.
    """
    check_range("hall", visitors, lo=1)
    with server() as address:
        hall(address, 1, looks=0)  # whose picture finds the server as it started
        yield summary(hall(address, 1, first=1))
        crowd = summary(hall(address, visitors, first=2))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)  # known once the server has ended
    seconds = (used.ru_utime + used.ru_stime) / (visitors + 2)
    yield crowd | {"peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024), "cpu": seconds}


def hall(
    address: str, visitors: int, *, first: int = 0, looks: float = _LOOKS, settings: Mapping[str, Any] = _ASKED
) -> list[Visit]:
    """Let visitors come at the same moment; each opens the page, sends a picture and makes all MOVES.

    Args:
        address: of the page, with a slash at the end.
        visitors: how many.
        first: number of their first picture; the server knows those of others already.
        looks: seconds between an answer and the next move.
        settings: that all of them start with.
    """
    form = read_form(httpx.get(address, timeout=_PATIENCE).text)
    pictures = [_picture(i) for i in range(first, first + visitors)]

    async def all_of_them() -> list[Visit]:
        come = partial(_visit, address, form, looks=looks, settings=settings)
        return list(await asyncio.gather(*map(come, pictures)))

    return asyncio.run(all_of_them())


def read_form(html: str) -> Form:
    """Find the event behind the controls in the HTML of the first page."""
    config, _ = json.JSONDecoder().raw_decode(html, html.index(_CONFIG) + len(_CONFIG))
    components = {c["id"]: c for c in config["components"]}
    ids = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
    k = ids["setting-n_segments"]
    event = next(d for d in config["dependencies"] if [k, "change"] in d["targets"] and ids["status"] in d["outputs"])
    inputs = [components[i] for i in event["inputs"]]
    return Form(
        event["id"],
        k,
        tuple(c["props"].get("elem_id") or "" for c in inputs),
        tuple(None if c["type"] == "state" else c["props"].get("value") for c in inputs),
        event["outputs"].index(ids["address"]),
    )


def _picture(i: int) -> bytes:
    """A picture that nobody else has: the scene of the bench, its colors and its place turned."""
    image = scene(*_SIDES[::-1]).numpy()
    image = np.roll(np.roll(image, i % 3, axis=2), 7 * i, axis=1).copy()
    image[0, 0] = i % 256, i // 256, 0
    return png(image)


async def _visit(address: str, form: Form, picture: bytes, *, looks: float, settings: Mapping[str, Any]) -> Visit:
    visit, session, began = Visit(), uuid4().hex, time.perf_counter()
    async with httpx.AsyncClient(base_url=address, timeout=_PATIENCE, verify=False) as client:
        try:
            await _opened(address)
            visit.page = time.perf_counter() - began
            sent = await client.post("gradio_api/upload", files={"files": ("own.png", picture)})
            file = sent.raise_for_status().json()[0]
        except (httpx.HTTPError, OSError, ValueError) as error:
            visit.lost += [_told(error)] * (1 + len(MOVES))
            return visit
        now = dict(settings)
        for number, move in enumerate(({}, *MOVES), 1):
            asked = time.perf_counter() if move else began
            now |= move
            data = form.asking(number, file, now)
            if (why := await _answered(client, form, visit, session=session, data=data, asked=now)) is not None:
                visit.lost.append(why)
            elif move:
                visit.changes.append(time.perf_counter() - asked)
            else:
                visit.first = time.perf_counter() - asked
            await asyncio.sleep(looks)
    return visit


async def _opened(address: str) -> None:
    """Fetch the page as browsers ask for it, and leave it as it comes.

    By a plain socket: what a client makes of an answer (1.6 ms) is more work than what the server has with it, and all
    clients share one core here.
    """
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    asking = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nAccept-Encoding: gzip, br\r\nConnection: close\r\n\r\n"
    writer.write(asking.encode())
    answer = await reader.read()
    writer.close()
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise ValueError(f"GET / was answered by {answer[:40]!r}")


async def _answered(
    client: httpx.AsyncClient, form: Form, visit: Visit, *, session: str, data: list[Any], asked: Mapping[str, Any]
) -> str | None:
    """Ask, wait, and say why the answer is not the one to this question; None if it is."""
    body = {"data": data, "fn_index": form.event, "trigger_id": form.trigger, "session_hash": session, "event_data": None}
    told = False
    try:
        while (joined := await client.post("gradio_api/queue/join", json=body)).status_code == _FULL:
            await asyncio.sleep(1.5 + 1.5 * random.random())  # as the page waits
        mine = joined.raise_for_status().json()["event_id"]
        async with client.stream("GET", "gradio_api/queue/data", params={"session_hash": session}) as stream:
            async for text in stream.aiter_lines():
                message = json.loads(text.removeprefix("data: ")) if text else {}
                if message.get("event_id") != mine:
                    continue
                if message["msg"] == "estimation":
                    told = True
                    visit.places += 1
                if message["msg"] == "process_completed":
                    visit.untold += not told
                    if not message["success"]:
                        return f"answered with {message['output']}"
                    address = message["output"]["data"][form.address]
                    return None if _is_the_one(address, asked, visit) else f"answered with {address}"
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return _told(error)
    return "the stream of answers ended before this one"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _is_the_one(address: Any, asked: Mapping[str, Any], visit: Visit) -> bool:
    """Whether the address of a result names the settings that were asked for; notes whose picture it is."""
    if not isinstance(address, str):  # left as it was
        return False
    named = {name: values[0] for name, values in parse_qs(address.removeprefix("?")).items()}
    visit.pictures.add(named.get("picture", ""))
    moved = {name for move in MOVES for name in move}
    return all(float(named.get(name, "nan")) == asked[name] for name in moved & asked.keys())


def summary(visits: Sequence[Visit]) -> dict[str, Any]:
    """What became of them.

    Returns:
        `visitors`; medians and 95 % points in seconds of the page, the first result and a change; `lost` answers, those
        that named another one's picture included, and `why` the first ten different ones were; `untold`, the answers before
        which nobody was told a place.
    """
    told: dict[str, Any] = {"visitors": len(visits)}
    times = {
        "page": [v.page for v in visits if v.page],
        "first": [v.first for v in visits if v.first],
        "change": [seconds for v in visits for seconds in v.changes],
    }
    for what, seconds in times.items():
        told[what] = (median(seconds), _most(seconds)) if seconds else (float("nan"),) * 2
    told["slowest_first"] = max(times["first"], default=float("nan"))
    owners = sorted(tuple(v.pictures) for v in visits)
    strangers = sum(len(pictures) > 1 for pictures in owners) + sum(a == b and a != () for a, b in pairwise(owners))
    lost = [shortened(why) for v in visits for why in v.lost]
    untold = sum(v.untold for v in visits)
    return told | {"lost": len(lost) + strangers, "why": list(dict.fromkeys(lost))[:10], "untold": untold}


def _most(seconds: Sequence[float]) -> float:
    """The point below which 95 % lie."""
    return quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]


HEAD = (
    "| visitors | `GET /`: median, 95 % | first result: median, 95 %, last | change: median, 95 % | lost | untold place "
    "| memory | one core for a visit |\n" + "| --- " * 8 + "|"
)


def line(row: Mapping[str, Any]) -> str:
    """One row of the Markdown table."""
    page, first, change = (", ".join(f"{s:.2f} s" for s in row[what]) for what in ("page", "first", "change"))
    used = f"{row['peak_bytes'] / 2**30:.2f} GiB | {row['cpu']:.2f} s" if "cpu" in row else "|"
    first += f", {row['slowest_first']:.2f} s"
    return f"| {row['visitors']} | {page} | {first} | {change} | {row['lost']} | {row['untold']} | {used} |"
