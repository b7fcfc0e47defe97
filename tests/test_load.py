"""Many clients at once: none is lost, none gets another one's answer, and what is too much is refused at once."""

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from demo.build import build_demo, launch_options
from demo.shared.service import Service
from segcore.bench import hall
from tests.scenes import two_discs
from tests.server import close

CLIENTS, REQUESTS = 100, 2
WAITING, TOO_MANY = 30, 12  # places in the queue of the second test, and how many come beyond them
ENDPOINT = "gradio_api/call/v2/segment"
PATIENCE = httpx.Timeout(600)


@pytest.fixture(scope="module")
def served():
    service = Service(device="cpu")
    demo = build_demo(service)
    _, address, _ = demo.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options())
    yield address, demo, service
    close(demo)


@pytest.fixture(scope="module")
def picture(served, tmp_path_factory):
    path = tmp_path_factory.mktemp("load") / "discs.png"
    Image.fromarray(two_discs()[0].numpy()).save(path)
    answer = httpx.post(f"{served[0]}gradio_api/upload", files={"files": path.open("rb")}, timeout=PATIENCE)
    return {"path": answer.json()[0]}


def played(scene):
    """What the coroutine `scene` returns; in a thread of its own, as the driver of the browser keeps a loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, scene).result()


async def ask(client, picture, k):
    """The status of one request, and how many segments its answer has; None where it was refused or ended in an error."""
    asked = {"image": picture, "backbone": "color", "max_side": 64, "method": "kmeans", "n_segments": k}
    answer = await client.post(ENDPOINT, json=asked)
    if answer.status_code != 200:
        return answer.status_code, answer.json()["detail"]
    told = (await client.get(f"gradio_api/call/segment/{answer.json()['event_id']}")).text
    if "event: complete" not in told:
        return 200, told
    return 200, json.loads(told.split("event: complete\ndata: ")[1].splitlines()[0])[2]["settings"]["n_segments"]


def test_a_lecture_hall_loses_nothing(served, picture):
    async def one_of_many(i):
        async with httpx.AsyncClient(base_url=served[0], timeout=PATIENCE, verify=False) as client:
            return [(await ask(client, picture, 2 + (i + turn) % 6), 2 + (i + turn) % 6) for turn in range(REQUESTS)]

    async def all_of_them():
        return await asyncio.gather(*map(one_of_many, range(CLIENTS)))

    answers = [answer for client in played(all_of_them()) for answer in client]
    assert len(answers) == CLIENTS * REQUESTS
    assert [got for got, k in answers if got != (200, k)] == []


def test_visitors_of_the_bench_get_what_they_asked_for_and_only_their_own(served):
    few = {"backbone": "color", "max_side": 64, "upsampling": "nearest"}
    told = hall.summary(hall.hall(served[0], 3, looks=0, settings=few))
    assert (told["visitors"], told["lost"], told["untold"]) == (3, 0, 0)
    assert all(0 < told[what][0] <= told[what][1] for what in ("page", "first", "change"))


def test_what_the_queue_cannot_hold_is_refused_at_once(served, picture, monkeypatch):
    address, demo, service = served
    monkeypatch.setattr(demo._queue, "max_size", WAITING)
    begun, gate, run = threading.Event(), threading.Event(), service.pipeline.run

    def held(*args, **kwargs):
        begun.set()
        gate.wait(600)
        return run(*args, **kwargs)

    monkeypatch.setattr(service.pipeline, "run", held)

    async def scene():
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE, limits=limits) as client:
            first = asyncio.create_task(ask(client, picture, 3))
            await asyncio.to_thread(begun.wait, 600)  # one is computed, and nobody waits
            others = [asyncio.create_task(ask(client, picture, 3)) for _ in range(WAITING + TOO_MANY)]
            refused = []
            for answer in asyncio.as_completed(others):
                refused.append(await answer)
                if len(refused) == TOO_MANY:
                    break
            gate.set()
            return refused, await asyncio.gather(first, *others)

    refused, answers = played(scene())
    assert {status for status, _ in refused} == {503}
    assert all("Queue is full" in told for _, told in refused)
    assert sum(answer == (200, 3) for answer in answers) == 1 + WAITING
    assert sum(status == 503 for status, _ in answers) == TOO_MANY
