"""What is the same for all visitors is made once, and is to the byte what it would have been."""

import asyncio
import gzip
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import module_from_spec

import brotli
import gradio
import httpx
import pytest
from gradio.blocks import BlocksConfig
from gradio.state_holder import SessionState
from starlette.responses import FileResponse, PlainTextResponse

import demo
from demo.build import as_sent
from demo.pages import PAGES
from demo.shared.kept import Kept
from tests.server import serving

TEXT = "a page " * 100
PLAIN = {"br": brotli.decompress, "gzip": gzip.decompress, "identity": bytes}


class Counting:
    """Answers with its address, and counts how often it is asked."""

    def __init__(self, status=200):
        self.asked, self.status = 0, status

    async def __call__(self, scope, receive, send):
        self.asked += 1
        await asyncio.sleep(0.01)
        host = dict(scope["headers"]).get(b"host", b"").decode()
        await PlainTextResponse(f"{host}{scope['path']} {TEXT}", self.status)(scope, receive, send)


def answers(app, *requests):
    """What the app answers to (address, headers), all asked at once."""

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lab") as client:
            return await asyncio.gather(*(client.get(url, headers=headers) for url, headers in requests))

    with ThreadPoolExecutor(1) as thread:  # a loop of its own: a browser's may be running in this one
        return thread.submit(asyncio.run, ask()).result()


def test_many_at_once_ask_for_one():
    inner = Counting()
    found = answers(Kept(inner, ["", "steps"]), *[("/", {})] * 50, *[("/steps", {})] * 50)
    assert inner.asked == 2
    assert [answer.text for answer in found] == [f"lab/ {TEXT}"] * 50 + [f"lab/steps {TEXT}"] * 50


@pytest.mark.parametrize("encoding", PLAIN)
def test_it_is_compressed_as_the_browser_reads_it(encoding):
    app = Kept(Counting(), [""])
    for answer in answers(app, ("/", {"accept-encoding": encoding}), ("/", {"accept-encoding": encoding})):
        assert answer.text == f"lab/ {TEXT}"
        assert answer.headers.get("content-encoding", "identity") == encoding
        assert int(answer.headers["content-length"]) < len(answer.content) or encoding == "identity"


def test_a_page_knows_the_address_that_it_was_asked_at():
    app = Kept(Counting(), [""])
    found = answers(app, ("/", {"host": "one"}), ("/", {"host": "two"}), ("/", {"host": "one"}))
    assert [answer.text.split("/")[0] for answer in found] == ["one", "two", "one"]


@pytest.mark.parametrize(
    ("url", "headers", "status"),
    [
        ("/", {}, 404),
        ("/", {"range": "bytes=0-9"}, 200),
        ("/", {"cookie": "access-token-1=secret"}, 200),
        ("/?deep_link=x", {}, 200),
        ("/gradio_api/queue/data", {}, 200),
        ("/else", {}, 200),
    ],
)
def test_what_is_not_the_same_for_all_is_not_kept(url, headers, status):
    inner = Counting(status)
    app = Kept(inner, [""])
    for _ in range(2):
        assert answers(app, (url, headers))[0].status_code == status
    assert inner.asked == 2


def test_what_fails_is_asked_for_again():
    failing = [True]

    async def inner(scope, receive, send):
        if failing.pop() if failing else False:
            raise RuntimeError("the first time")
        await PlainTextResponse("well")(scope, receive, send)

    app = Kept(inner, [""])
    with pytest.raises(RuntimeError, match="the first time"):
        answers(app, ("/", {}))
    assert answers(app, ("/", {}))[0].text == "well"


def test_who_asks_first_and_leaves_does_not_take_the_answer_from_the_others(tmp_path):
    path = tmp_path / "a.js"
    path.write_text(TEXT * 1000)
    scope = {"type": "http", "method": "GET", "path": "/assets/a.js", "headers": []}
    sent = []

    async def ask():
        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        await Kept(FileResponse(path), [])(scope, receive, send)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, ask()).result()
    assert sent[-1]["body"].decode() == TEXT * 1000


def test_every_page_is_what_gradio_writes_but_for_bundle_and_opening():
    with serving() as served, httpx.Client(timeout=60) as client:
        for page in PAGES:
            address = served.address + page.path
            kept = [client.get(address, headers={"accept-encoding": encoding}) for encoding in (*PLAIN, *PLAIN)]
            written = client.get(address, headers={"accept-encoding": "identity", "range": "bytes=0-"})
            sent, _ = as_sent(written.text, {"path": f"/{page.path}", "app": served.demo.app})
            assert {answer.text for answer in kept} == {sent}
        script = served.address + written.text.split('src="./')[1].split('"')[0]
        assert "immutable" in client.get(script).headers["cache-control"]


def test_a_visit_begins_with_what_gradio_says_of_every_block(monkeypatch):
    def written(config):
        return json.dumps(config, default=lambda value: type(value).__name__)

    with serving() as served:
        theirs = {i: BlocksConfig.config_for_block(i, [], block) for i, block in served.demo.blocks.items()}
        SessionState(served.demo)
        monkeypatch.setattr(BlocksConfig, "config_for_block", None)  # nothing is asked again
        one, two = SessionState(served.demo), SessionState(served.demo)
        assert written(one.config_values) == written(theirs)
        slider = next(i for i, block in served.demo.blocks.items() if block.elem_id == "setting-n_segments")
        one._update_value_in_config(slider, 23)
        assert one.config_values[slider]["props"]["value"] == 23
        assert written(two.config_values) == written(theirs)


def test_no_stubs_are_written_at_start():
    """What makes the components of Gradio is found and loaded as ever, and leaves the files beside it alone."""
    (spec,) = [s for f in sys.meta_path if (s := f.find_spec("gradio.component_meta", gradio.__path__)) is not None][:1]
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.ComponentMeta.__name__ == "ComponentMeta"
    assert module.create_or_modify_pyi(gradio.Slider, "Slider", []) is None
    assert module.create_or_modify_pyi.__module__ == demo.__name__
