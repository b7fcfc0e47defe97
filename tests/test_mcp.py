"""The page as a server of tools for agents: `python app.py --mcp`, asked by a real MCP client.

Gradio's extra pins pydantic, so it may be missing here; `.ci/run` lays an environment with it over this one.
"""

import asyncio
import base64
import os
import subprocess
import sys
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segcore.settings import DEFAULTS, params
from tests.server import free_port

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page as its user starts it."""
    port, folder = free_port(), tmp_path_factory.mktemp("page")
    environment = os.environ | {"NO_PROXY": "localhost,127.0.0.1", "GRADIO_TEMP_DIR": str(folder / "gradio")}
    command = [sys.executable, "app.py", "--mcp", "--port", str(port)]
    with (folder / "log").open("w") as log:
        page = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            while not (line := page.stdout.readline()).startswith("* Running"):
                assert line, (folder / "log").read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            page.terminate()
            page.wait()
            page.stdout.close()


def ask(address, question):
    """Connect, let the coroutine `question` talk, and return what it does."""
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def talk():
        async with (
            streamable_http_client(f"{address}/gradio_api/mcp/") as (reading, writing, _),
            ClientSession(reading, writing) as session,
        ):
            await session.initialize()
            return await question(session)

    return asyncio.run(talk())


def call(address, **given):
    """Call the tool. Gradio's own client, between tool and queue, gives up after seconds; a busy machine needs more."""

    async def segment(session):
        for _ in range(10):
            answer = await session.call_tool("segment", {"image": picture(), "backbone": "color", "max_side": 96, **given})
            if not answer.isError or answer.content[0].text != "timed out":
                break
        return answer

    return ask(address, segment)


def picture():
    """Two halves, red and blue, as a data: URI."""
    pixels = np.zeros((48, 96, 3), np.uint8)
    pixels[:, :48, 0] = pixels[:, 48:, 2] = 255
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


@pytest.mark.extra("mcp")
def test_the_endpoint_is_the_only_tool_and_says_what_its_parameters_are(address):
    async def list_tools(session):
        return (await session.list_tools()).tools

    (tool,) = ask(address, list_tools)
    assert tool.name == "segment"
    assert tool.description.startswith("Segment a picture")
    properties = tool.inputSchema["properties"]
    assert list(properties) == ["image", *params()]
    for name, p in params().items():
        assert p.info in properties[name]["description"]
        assert properties[name].get("default", getattr(DEFAULTS, name)) == getattr(DEFAULTS, name)  # Gradio omits 0
    assert properties["n_segments"]["description"].endswith("From 2 to 20.")


@pytest.mark.extra("mcp")
def test_a_client_segments_a_picture(address):
    answer = call(address, n_segments=2, method="kmeans")
    assert not answer.isError, answer.content
    told = " ".join(content.text for content in answer.content if content.type == "text")
    for fact in ("'method': 'kmeans'", "'n_segments': 2", "labels.png"):
        assert fact in told


@pytest.mark.extra("mcp")
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"image": "https://example.org/a.png"}, "image must be a file that was sent to /gradio_api/upload"),
        ({"n_segments": 300}, "n_segments must be a whole number from 2 to 20"),
        ({"method": "none"}, "'none' is not one of"),
    ],
)
def test_a_mistake_is_a_sentence(address, wrong, sentence):
    answer = call(address, **wrong)
    assert answer.isError
    (content,) = answer.content
    assert sentence in content.text
    assert "Traceback" not in content.text


@pytest.mark.skipif(find_spec("mcp") is not None, reason="the extra is installed")
def test_without_the_extra_one_sentence_says_what_to_install():
    done = subprocess.run([sys.executable, "app.py", "--mcp"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: --mcp needs an extra of Gradio, which is not installed: run pip install 'gradio[mcp]'.\n"
