"""The HTTP endpoint and the wiring of the page, without a browser."""

import inspect
import io
import json
import urllib.request

import gradio as gr
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from demo.build import build_demo
from demo.lab import asked, run
from demo.lab.tab import Shown
from demo.shared.endpoint import make_segment
from demo.shared.picture import PictureInput
from demo.shared.service import EXAMPLES, Service
from segcore.pipeline import segment
from segcore.pipeline.methods import METHODS
from segcore.pipeline.stages import settings_read
from segcore.settings import DEFAULTS, Settings, params
from segcore.show.files import FILES
from tests import pictures
from tests.server import running_page
from tests.test_pipeline import WITHOUT_WEIGHTS

QUICK = {"backbone": "color", "max_side": 96, "n_segments": 3, "n_superpixels": 20}
COFFEE = EXAMPLES / "coffee.jpg"


@pytest.fixture(scope="module")
def address():
    with running_page() as address:
        yield address


@pytest.fixture(scope="module")
def client(address):
    return Client(address, verbose=False, analytics_enabled=False)


def call(client, image=COFFEE, **settings):
    return client.predict(image=handle_file(str(image)), **{**QUICK, **settings}, api_name="/segment")


def test_the_endpoint_has_every_setting_with_its_default(client):
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(endpoints) == ["/segment"]
    parameters = {p["parameter_name"]: p for p in endpoints["/segment"]["parameters"]}
    assert list(parameters) == ["image", *params()]
    assert not parameters["image"]["parameter_has_default"]
    for name, default in DEFAULTS.to_dict().items():
        assert parameters[name]["parameter_has_default"]
        assert parameters[name]["parameter_default"] == default, name


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
@pytest.mark.parametrize("crf", [False, True])
def test_the_endpoint_gives_what_python_gives(client, method, crf):
    overlay, labels, summary = call(client, method=method, crf=crf)
    expected = segment(COFFEE, method=method, crf=crf, **QUICK)
    with Image.open(labels) as image:
        assert np.array_equal(np.asarray(image), expected.label_map.numpy())
    with Image.open(overlay) as image:
        assert image.size == (expected.image.shape[1], expected.image.shape[0])
    assert summary["n_segments"] == expected.n_segments
    assert Settings.from_values(summary["settings"]) == expected.settings


def test_plain_http_works_with_nothing_but_json(address):
    boundary = "cut"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="coffee.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode() + COFFEE.read_bytes() + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip

    def post(path, data, kind):
        request = urllib.request.Request(address + path, data, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    (path,) = json.loads(post("gradio_api/upload", body, f"multipart/form-data; boundary={boundary}"))
    picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    asked = post("gradio_api/call/v2/segment", json.dumps({"image": picture, **QUICK}).encode(), "application/json")
    event = json.loads(asked)["event_id"]
    with urllib.request.urlopen(f"{address}gradio_api/call/segment/{event}", timeout=120) as answer:
        told = answer.read().decode()
    assert "event: complete" in told
    overlay, _, summary = json.loads(told.split("event: complete\ndata: ")[1].splitlines()[0])
    assert summary["n_segments"] == 3
    with urllib.request.urlopen(overlay["url"], timeout=60) as answer:
        assert Image.open(io.BytesIO(answer.read())).size[0] > 100


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"n_segments": 0}, "n_segments must be a whole number from 2 to 20; got 0"),
        ({"n_segments": 3.7}, "whole number"),
        ({"method": "magic"}, "magic"),
        ({"knn_weight": -1.0}, "knn_weight must be a number from 0 to 100"),
        ({"knn_weight": "many"}, "knn_weight must be a number"),
        ({"backbone": "/etc/passwd.safetensors"}, "backbone must be one of auto"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"n_segments": 20, "max_side": 64, "n_vectors": 4}, "Raise n_vectors"),
    ],
)
def test_bad_settings_are_one_sentence(client, settings, words):
    with pytest.raises((AppError, ValueError), match=r".") as error:
        call(client, **settings)
    assert words in str(error.value)
    assert "Traceback" not in str(error.value)


@pytest.mark.parametrize("name", pictures.bad_files())
def test_bad_pictures_are_one_sentence_and_the_app_stays_up(client, name, tmp_path):
    content = pictures.bad_files()[name]
    content = content[0] if isinstance(content, tuple) else content
    path = tmp_path / "picture.png"
    path.write_bytes(content)
    with pytest.raises((AppError, ValueError)) as error:
        call(client, path)
    told = str(error.value)
    assert len(told) > 20
    assert "Traceback" not in told
    assert "entry" not in told, "nobody foresaw this failure"
    assert call(client)[2]["n_segments"] == 3


def test_a_failure_nobody_foresaw_is_an_id_on_the_page_and_a_trace_in_the_log(monkeypatch, caplog):
    service = Service(device="cpu")

    def broken(*_args):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(service.pipeline, "run", broken)
    with pytest.raises(gr.Error, match=r"log entry \w{8}") as error:
        make_segment(service, PictureInput())({"path": str(COFFEE)}, *DEFAULTS.to_dict().values())
    assert "secret" not in str(error.value)
    assert "secret detail" in caplog.text


def test_handlers_take_the_controls_in_the_order_of_the_settings():
    demo = build_demo(Service(device="cpu"))
    (endpoint,) = (fn for fn in demo.fns.values() if fn.api_name == "segment")
    ids = [component.elem_id for component in endpoint.inputs]
    assert ids == ["picture", *(f"setting-{name}" for name in params())]
    assert list(inspect.signature(endpoint.fn).parameters) == ["image", *params()]
    for component, default in zip(endpoint.inputs[1:], DEFAULTS.to_dict().values(), strict=True):
        assert component.value == default


@pytest.mark.parametrize("method", METHODS)
def test_controls_are_shown_where_they_are_read(method):
    settings = DEFAULTS.replace(method=method, backbone="color", crf=True)
    updates = asked.make_shown_controls(Service(device="cpu"))(*settings.to_dict().values())
    shown = {name for name, update in zip(params(), updates, strict=False) if update["visible"]}
    assert shown == settings_read(settings) - {"cut_at"}


def test_save_buttons_write_the_files_of_the_command_line():
    service = Service(device="cpu")
    result = service.pipeline.run(COFFEE, DEFAULTS.replace(**QUICK))
    for ending, make in FILES.items():
        path = run.make_save(service, ending)(Shown(str(COFFEE), DEFAULTS.replace(**QUICK)))
        assert path.endswith("coffee" + ending)
        if ending != ".json":  # holds seconds
            with open(path, "rb") as file:  # noqa: PTH123 - a path of Gradio's
                assert file.read() == make(result)


def test_two_clients_at_once(address):
    jobs = [
        Client(address, verbose=False, analytics_enabled=False).submit(
            image=handle_file(str(EXAMPLES / name)), **QUICK, api_name="/segment"
        )
        for name in ("coffee.jpg", "cat.jpg")
    ]
    sizes = [job.result(timeout=120)[2]["image_size"] for job in jobs]
    assert sizes[0] != sizes[1]


def test_files_of_the_server_are_not_handed_out(address):
    for path in ("/etc/passwd", str(EXAMPLES.parents[1] / "app.py")):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(f"{address}gradio_api/file={path}", timeout=30)
