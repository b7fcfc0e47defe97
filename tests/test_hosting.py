"""The recipe for several processes behind a proxy, as docs/hosting.md has it, with a real nginx."""

import os
import re
import shutil
import subprocess
import time
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from segcore.bench import hall
from segcore.runtime.places import EXAMPLES, ROOT
from tests.server import free_port, serving

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
PATIENCE = 120
FEW = {"backbone": "color", "max_side": 64, "upsampling": "nearest"}


def recipe():
    """The configuration in the document."""
    return re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8"), re.S)[1]


def around(text, folder):
    """A whole configuration of nginx, which writes to this folder only."""
    kept = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    alone = f"pid {folder}/pid;\ndaemon off;\nmaster_process off;\nerror_log stderr;\nevents {{}}\n"
    return f"{alone}http {{\naccess_log off;\n{kept}{text}\n}}\n"


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """The address of an nginx, before two servers that share their folder of uploads."""
    if NGINX is None:
        missing = "nginx is not installed"
        pytest.fail(missing) if os.environ.get("SEGCORE_NEED_NGINX") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("nginx")
    with ExitStack() as stack:
        servers = [stack.enter_context(serving()) for _ in range(2)]
        ports = {"7860": f"127.0.0.1:{free_port()}"}
        for port, server in zip(("7861", "7862"), servers, strict=True):
            ports[port] = server.address.rstrip("/").rpartition(":")[2]
        text = re.sub("|".join(ports), lambda found: ports[found[0]], recipe())
        (folder / "nginx.conf").write_text(around(text, folder))
        nginx = subprocess.Popen([NGINX, "-p", str(folder), "-e", "stderr", "-c", str(folder / "nginx.conf")])
        stack.callback(nginx.wait)
        stack.callback(nginx.terminate)
        address = f"http://{ports['7860']}/"
        _wait_for(address, nginx)
        yield address, servers


def _wait_for(address, nginx):
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends and nginx.poll() is None:
        try:
            httpx.get(f"{address}gradio_api/app_id", timeout=PATIENCE)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("nginx does not answer")


def visitor_of(address, server):
    """A visitor whom the proxy sends to this server: each new one is sent anywhere."""
    for _ in range(200):
        client = httpx.Client(base_url=address, timeout=PATIENCE)
        client.get("")
        if server_of(client) == server.demo.app_id:
            return client
        client.close()
    raise AssertionError("no visitor was sent to one of the servers")


def server_of(client):
    return client.get("gradio_api/app_id").json()["app_id"]


def test_a_visitor_stays_at_one_server_from_the_first_request_on(proxied):
    address, servers = proxied
    for server in servers:
        with closing(visitor_of(address, server)) as client:
            assert {server_of(client) for _ in range(8)} == {server.demo.app_id}
    with httpx.Client(base_url=address, timeout=PATIENCE) as new:
        first = server_of(new)
        assert server_of(new) == first


def test_visitors_get_their_answers_through_the_proxy(proxied):
    address, _ = proxied
    told = hall.summary(hall.hall(address, 3, looks=0, settings=FEW))
    assert (told["lost"], told["untold"]) == (0, 0)


def test_pages_name_the_address_of_the_proxy(proxied):
    address, _ = proxied
    html = httpx.get(address, timeout=PATIENCE).text
    assert f'"root":"{address.rstrip("/")}"' in html.replace('": "', '":"')


def test_a_link_to_an_uploaded_picture_works_at_the_other_server(proxied):
    address, (one, other) = proxied
    with closing(visitor_of(address, one)) as client, closing(visitor_of(address, other)) as reader:
        picture = next(EXAMPLES.glob("*.jpg"))
        sent = client.post("gradio_api/upload", files={"files": ("mine.jpg", picture.read_bytes())})
        path = sent.json()[0]
        one.service.keep_upload("0123", path)
        assert other.service.upload_of("0123") == path
        assert reader.get(f"gradio_api/file={path}").content == picture.read_bytes()
        assert Path(path).is_file()
