"""Requests that cannot be met: each ends in one sentence that names what is at fault, and does no harm."""

import asyncio
import http.client
import json
import logging
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlparse

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from PIL import Image

from demo.shared.endpoint import PARAMETERS
from demo.shared.requests import NO_EVENT, Pages
from demo.shared.service import EXAMPLES
from tests.scenes import two_discs
from tests.server import running_page

QUICK = {"backbone": "color", "max_side": 96, "n_segments": 3}
META = {"meta": {"_type": "gradio.FileData"}}  # what clients put beside a path; the rules hold without it
ENDPOINT = "/gradio_api/call/v2/segment"


class Talk:
    """One connection that is kept, as a program keeps it, and what came over it."""

    def __init__(self, address: str):
        self.connection = http.client.HTTPConnection(urlparse(address).netloc, timeout=120)
        self.connection.connect()
        self.socket = self.connection.sock

    def send(self, method, path, body=None, kind="application/json"):
        self.connection.request(method, path, body, {"Content-Type": kind})
        answer = self.connection.getresponse()
        told = answer.read().decode()
        assert self.connection.sock is self.socket, "the server has closed the connection"
        return answer.status, told

    def upload(self, content: bytes, name: str) -> str:
        head = f'--cut\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + b"\r\n--cut--\r\n"
        status, told = self.send("POST", "/gradio_api/upload", body, "multipart/form-data; boundary=cut")
        assert status == 200
        return json.loads(told)[0]

    def ask(self, body, path=ENDPOINT) -> tuple[str, str]:
        """How the request ended: the status or the event, and what was said."""
        status, told = self.send("POST", path, body if isinstance(body, bytes) else json.dumps(body))
        if status != 200:
            return str(status), json.loads(told)["detail"]
        # The events of a run end with their connection, so they are heard on another one.
        events = http.client.HTTPConnection(self.connection.host, self.connection.port, timeout=120)
        events.request("GET", f"/gradio_api/call/segment/{json.loads(told)['event_id']}")
        lines = events.getresponse().read().decode().splitlines()
        events.close()
        event, data = (line.partition(": ")[2] for line in lines[-3:-1])
        return event, json.loads(data)["error"] if event == "error" else json.loads(data)


@pytest.fixture(scope="module")
def address():
    with running_page() as address:
        yield address


@pytest.fixture(scope="module")
def talk(address):
    return Talk(address)


@pytest.fixture(scope="module")
def uploaded(talk):
    return talk.upload((EXAMPLES / "coffee.jpg").read_bytes(), "coffee.jpg")


@pytest.fixture(scope="module")
def secret(tmp_path_factory):
    """A picture on the server's disk that nobody uploaded."""
    path = tmp_path_factory.mktemp("private") / "secret.png"
    Image.fromarray(two_discs()[0].numpy()).save(path)
    return str(path)


@pytest.fixture(scope="module")
def elsewhere():
    """A server with a picture that must not be fetched; the paths that were asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write((EXAMPLES / "coffee.jpg").read_bytes())

        def log_message(self, *_args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/coffee.jpg", asked
    server.shutdown()


@pytest.fixture(autouse=True)
def clean_log(caplog, capfd):
    """No traceback in the log or on the console, whatever was sent."""
    with caplog.at_level(logging.INFO):
        yield
    told = capfd.readouterr()
    assert "Traceback" not in told.err + told.out + caplog.text


def _image(value):
    return lambda places: {**QUICK, "image": value(places)}


def _setting(**values):
    return lambda places: {**QUICK, "image": {"path": places["uploaded"], **META}, **values}


BAD = {
    "no picture": (lambda _: QUICK, "image is missing"),
    "the picture is null": (_image(lambda _: None), "image is missing"),
    "an unknown parameter": (_setting(gamma=1), "There is no parameter gamma"),
    "a path outside": (_image(lambda p: {"path": p["secret"], **META}), "image must be a file that was sent"),
    "a path outside, unmarked": (_image(lambda p: {"path": p["secret"]}), "image must be a file that was sent"),
    "a way out of the folder": (
        _image(lambda p: {"path": os.path.relpath(p["secret"], p["uploaded"]), **META}),
        "image must be a file that was sent",
    ),
    "a path that no file has": (_image(lambda _: {"path": "a\0b" * 2000, **META}), "image must be a file that was sent"),
    "an upload that is gone": (_image(lambda p: {"path": p["uploaded"] + "x", **META}), "image: There is no file"),
    "an address": (_image(lambda p: {"path": p["elsewhere"], **META}), "image must be a file that was sent"),
    "an address as url": (_image(lambda p: {"path": None, "url": p["elsewhere"]}), "image must be a file that was sent"),
    "a string": (_image(lambda p: p["uploaded"]), "image must be a file that was sent"),
    "a list": (_image(lambda p: [{"path": p["uploaded"], **META}]), "image must be a file that was sent"),
    "a number": (_image(lambda _: 7), "image must be a file that was sent"),
    "damaged base64": (_image(lambda _: {"path": None, "url": "data:image/png;base64,xx"}), "image cannot be read"),
    "no picture in the file": (_image(lambda p: {"path": p["text"], **META}), "image: The file"),
    "a number out of range": (_setting(n_segments=0), "n_segments must be a whole number from 2 to 20; got 0"),
    "a fraction": (_setting(n_segments=3.7), "n_segments must be a whole number"),
    "a word for a number": (_setting(knn_weight="many"), "knn_weight must be a number"),
    "a file for a number": (lambda p: _setting(knn_weight={"path": p["secret"], **META})(p), "knn_weight must be"),
    "a list for a word": (_setting(method=["kmeans"]), "method must be a name out of"),
    "a method that is none": (_setting(method="magic"), "method must be a name out of"),
    "a word without end": (_setting(method="x" * 100_000), "method must be a name out of"),
    "a file of weights": (lambda p: _setting(backbone=p["weights"])(p), "backbone must be one of auto"),
    "a seed below 0": (_setting(seed=-1), "seed must be a whole number"),
    "neither yes nor no": (_setting(crf="maybe"), "crf must be true or false"),
    "settings that contradict": (_setting(n_segments=20, n_vectors=4, max_side=64), "Raise n_vectors"),
    "a list for a body": (lambda _: [1], "body: Input should be a valid dictionary"),
    "no JSON": (lambda _: b"hello", "body: JSON decode error"),
    "nothing": (lambda _: b"", "body: Field required"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_is_one_sentence_and_the_connection_stays(case, talk, uploaded, secret, elsewhere):
    make, words = BAD[case]
    places = {
        "uploaded": uploaded,
        "secret": secret,
        "elsewhere": elsewhere[0],
        "text": talk.upload(b"only words", "words.png"),
        "weights": str(EXAMPLES.parent / "dino_tiny" / "model.safetensors"),
    }
    end, told = talk.ask(make(places))
    assert end in ("422", "error")
    assert told.startswith(words) or words in told
    assert len(told) < 1200
    assert "\n" not in told
    assert "entry" not in told, "nobody foresaw this failure"
    assert elsewhere[1] == []
    assert talk.ask(_setting()(places))[0] == "complete"


def test_values_in_order_are_counted_and_wrong_names_of_endpoints_are_told(talk, uploaded):
    end, told = talk.ask({"data": [{"path": uploaded, **META}, 3]}, path="/gradio_api/call/segment")
    assert (end, told.partition(", ")[0]) == ("error", f"segment takes {len(PARAMETERS)} values")
    for path in ("/gradio_api/call/v2/nothing", "/gradio_api/call/nothing"):
        assert talk.ask({"data": []}, path=path) == ("404", NO_EVENT)


def test_events_of_the_page_keep_the_same_door(address, talk, secret):
    """They have no names for other programs, but programs can guess their numbers."""
    config = json.loads(talk.send("GET", "/config")[1])
    ids = {c["id"]: c["props"].get("elem_id") for c in config["components"]}
    reading = [d for d in config["dependencies"] if "truth-file" in [ids[i] for i in d["inputs"]]]
    assert reading
    for event in reading:
        data = [{"path": secret} if ids[i] in ("truth-file", "picture") else None for i in event["inputs"]]
        asked = {"data": data, "fn_index": event["id"], "session_hash": "guess"}
        status, _ = talk.send("POST", "/gradio_api/queue/join", json.dumps(asked))
        assert status == 200
    events = http.client.HTTPConnection(urlparse(address).netloc, timeout=120)
    events.request("GET", "/gradio_api/queue/data?session_hash=guess")
    answer, told = events.getresponse(), []
    while len(told) < len(reading):
        message = json.loads(answer.readline().decode().partition(": ")[2] or "{}")
        if message.get("msg") == "process_completed":
            told.append(message)
    events.close()
    assert all(not message["success"] and "must be a file" in message["output"]["error"] for message in told)


@pytest.mark.parametrize("told", [(), (0,), (0, 2), (0, 1, 2, 3)], ids=str)
def test_sent_is_what_gradio_would_send(told):
    """What a handler leaves as it is costs nothing, and the browser is sent the same."""
    with Pages() as demo:
        outputs = [gr.Textbox(), gr.State(1), gr.Slider(0, 9), gr.Markdown()]
        gr.Button().click(lambda: None, None, outputs)
    block_fn = next(iter(demo.fns.values()))

    def sent(kind):
        values = ("text", 2, gr.update(value=5, visible=False), "**text**")
        predictions = [values[i] if i in told else gr.skip() for i in range(4)]
        state = SessionState(demo)
        return asyncio.run(kind.postprocess_data(demo, block_fn, predictions, state)), state[outputs[1]._id]

    assert sent(Pages) == sent(gr.Blocks)


def test_nothing_is_made_for_what_stays(monkeypatch):
    with Pages() as demo:
        outputs = [gr.Textbox(), gr.Slider(0, 9), gr.HTML()]
        gr.Button().click(lambda: None, None, outputs)
    made = []
    monkeypatch.setattr(gr.Slider, "__init__", lambda *_args, **_options: made.append(1))
    block_fn = next(iter(demo.fns.values()))
    sent = asyncio.run(demo.postprocess_data(block_fn, ["text", gr.skip(), gr.skip()], SessionState(demo)))
    assert (sent[0], made) == ("text", [])
