"""The server's side of the tab "Live": whatever a browser sends, the answer is a frame or one sentence."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from demo.lab.components.live import LivePanel
from demo.lab.tabs.live import make_frames
from demo.shared.service import Service
from segcore.pipeline.live import VIEWS
from tests.scenes import two_discs

QUERY = "?example=discs&backbone=color&n_segments=3"


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


@pytest.fixture(scope="module")
def frame(service):
    return make_frames(service)


def uri(pixels, kind="jpeg"):
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, kind)
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"


SCENE = two_discs()[0].numpy()
ASKED = {"picture": uri(SCENE), "side": 96, "view": "kmeans", "query": QUERY, "visitor": "one"}


@pytest.mark.parametrize("view", [view for view in VIEWS if view != "attention"])
def test_a_frame_is_what_the_script_draws(frame, view):
    answer = frame({**ASKED, "view": view, "visitor": view})
    values = base64.b64decode(answer["values"])
    n = answer["h"] * answer["w"]
    assert len(values) == n * {"labels": 1, "colors": 3, "signed": 4, "positive": 4}[answer["kind"]]
    assert all(0 < share <= 1 for share in answer["covered"])
    assert answer["notes"] == []


def test_visitors_are_followed_apart(frame):
    turned = np.ascontiguousarray(SCENE[:, ::-1])
    alone = frame({**ASKED, "visitor": "alone"})
    for name in ("a", "b"):
        frame({**ASKED, "picture": uri(turned), "visitor": name})
    assert frame({**ASKED, "visitor": "new"}) == alone
    first, again = frame({**ASKED, "visitor": "still"}), frame({**ASKED, "visitor": "still"})
    assert first == again == alone


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (None, "data: URI"),
        ({"picture": None}, "data: URI"),
        ({"picture": "data:image/jpeg;base64,%%%"}, "data: URI"),
        ({"picture": "data:image/jpeg;base64," + "A" * (2 << 20)}, "data: URI"),
        ({"picture": "data:image/jpeg;base64," + base64.b64encode(b"no picture").decode()}, "picture"),
        ({"picture": "file:///etc/passwd"}, "data: URI"),
        ({"view": "magic"}, "view"),
        ({"view": "attention"}, "no class token"),
        ({"side": 1e9}, ""),
        ({"query": "?n_segments=many"}, "n_segments"),
        ({"query": "?backbone=/etc/weights.safetensors"}, ""),
        ({"picture": uri(np.full((96, 96, 3), 7, np.uint8)), "view": "colors"}, "one color"),
    ],
)
def test_whatever_is_sent_is_answered_by_a_frame_or_one_sentence(frame, change, told):
    answer = frame(change and {**ASKED, **change})
    assert told in answer.get("problem", "")
    assert bool(told) == ("problem" in answer)


def test_weights_that_were_learned_here_are_those_of_the_frames(frame, service, tmp_path):
    name = "mine.safetensors"
    asked = {**ASKED, "query": f"?backbone={name}", "visitor": name}
    assert "problem" not in frame(asked)  # not known here: the default
    (tmp_path / name).write_bytes(b"no weights")
    service.keep_upload(name, str(tmp_path / name))
    assert name in frame(asked)["problem"]


def test_the_panel_knows_every_label_and_view():
    assert len(LivePanel.told["palette"]) == 20
    assert LivePanel.told["start"] in LivePanel.told["views"]
    assert LivePanel.told["side"] in LivePanel.told["sides"]
