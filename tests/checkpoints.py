"""Tiny checkpoints in timm's layout, real architectures made narrow and shallow; and a Hub to serve them."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from segcore.features import weights
from segcore.features.published import BACKBONES

MEAN, STD = (0.3, 0.4, 0.5), (0.2, 0.25, 0.3)  # unlike those of any published model
COMMIT = "0123456789abcdef0123456789abcdef01234567"

# By family: the registry's backbone, and arguments that make its architecture tiny. Heads have 64 channels, as usual.
FAMILIES = {
    "dino": ("dino_vits16", {"img_size": 64, "embed_dim": 128, "depth": 2, "num_heads": 2}),
    "dinov2": ("dinov2_vits14", {"img_size": 56, "embed_dim": 64, "depth": 3, "num_heads": 1}),
    "dinov2_reg": ("dinov2_vits14_reg", {"img_size": 56, "embed_dim": 128, "depth": 2, "num_heads": 2}),
    "dinov3": ("dinov3_vits16", {"img_size": 64, "embed_dim": 128, "depth": 2, "num_heads": 2}),
}


def make_net(timm_name: str, *, seed: int = 0, **args: object) -> nn.Module:
    """A timm model whose every parameter is random: timm starts biases and layer scales near zero, which hides mistakes."""
    import timm

    net = timm.create_model(timm_name, pretrained=False, num_classes=0, dynamic_img_size=True, **args).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for x in net.parameters():
            x.copy_(torch.randn(x.shape, generator=generator) * 0.2 + (0.5 if x.ndim == 1 else 0.0))
    return net


def make_family(family: str, *, seed: int = 0) -> tuple[str, dict[str, Tensor], dict[str, object]]:
    """Name, state dict and config.json of a tiny checkpoint of one family."""
    name, args = FAMILIES[family]
    timm_name = BACKBONES[name].timm_name
    config = {
        "architecture": timm_name.partition(".")[0],
        "num_classes": 0,
        "model_args": args,
        "pretrained_cfg": {"mean": list(MEAN), "std": list(STD), "input_size": [3, 64, 64]},
    }
    return name, make_net(timm_name, seed=seed, **args).state_dict(), config


def write_folder(folder: Path, state: Mapping[str, Tensor], config: object | None = None) -> Path:
    """Write model.safetensors and config.json as a repository of the Hub holds them; return the path of the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.safetensors"
    save_file({key: x.contiguous() for key, x in state.items()}, path, metadata={"format": "pt"})
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    return path


def write_cache(cache: Path, repo: str, state: Mapping[str, Tensor], config: object) -> Path:
    """Lay a repository out as the Hub's client caches it; return the path of the weights."""
    home = cache / f"models--{repo.replace('/', '--')}"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMIT)
    return write_folder(home / "snapshots" / COMMIT, state, config)


def isolate(monkeypatch, tmp_path: Path, *, hub: str = "http://127.0.0.1:9") -> None:
    """Take away every source of weights: no assets, no cache, no variables, and a Hub whose port (discard) is closed."""
    from huggingface_hub import close_session, constants

    for name in (weights.WEIGHTS_DIR, "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    close_session()  # one that was made before may go through a proxy
    monkeypatch.setattr(weights, "ASSETS", tmp_path / "assets")
    monkeypatch.setattr(weights, "_answers", {})
    # The client has read its variables at import, so they are replaced where it keeps them.
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setattr(constants, "ENDPOINT", hub)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub + "/{repo_id}/resolve/{revision}/{filename}")


class FakeHub:
    """What a Hub on 127.0.0.1 holds and was asked.

    Attributes:
        address: its endpoint.
        files: contents by "repository/file name".
        refuse: by repository, the status and headers that every request gets instead.
        cut: repositories whose files end after half their length.
        headers: of every answer; without them it is no Hub.
        asked: "METHOD repository/file name" of each request, in order.
    """

    def __init__(self, address: str):
        self.address = address
        self.files: dict[str, bytes] = {}
        self.refuse: dict[str, tuple[int, dict[str, str]]] = {}
        self.cut: set[str] = set()
        self.headers = {"X-Repo-Commit": COMMIT}
        self.asked: list[str] = []

    def add(self, repo: str, folder: Path) -> None:
        """Publish the files of a folder."""
        self.files |= {f"{repo}/{path.name}": path.read_bytes() for path in folder.iterdir()}

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer HEAD and GET of /OWNER/NAME/resolve/REVISION/FILE as the Hub does."""
        owner, name, _, _, filename = request.path.strip("/").split("/")
        repo, body = f"{owner}/{name}", self.files.get(f"{owner}/{name}/{filename}")
        self.asked.append(f"{request.command} {repo}/{filename}")
        status, headers = (200, {}) if body is not None else (404, {"X-Error-Code": "EntryNotFound"})
        status, headers = self.refuse.get(repo, (status, headers))
        request.send_response(status)
        body = (body or b"") if status == 200 else b""
        headers = {**self.headers, "ETag": f'"{hashlib.sha1(body).hexdigest()}"', **headers}
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            request.send_header(key, value)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(body[: len(body) // 2] if repo in self.cut else body)


@contextmanager
def serve_hub() -> Iterator[FakeHub]:
    """Run a fake Hub, so that the real client of the Hub can be tested without network."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hub.answer(self)

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub = FakeHub(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()
