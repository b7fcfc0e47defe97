"""Environment variables that a program sets before it imports torch or serves a page; a library leaves them alone."""

import os
from importlib.util import find_spec
from urllib.parse import urlsplit

_SET = {
    "GOMP_SPINCOUNT": "1000",  # threads that spin long for work make a shared machine ten times slower
    "OPENCV_LOG_LEVEL": "ERROR",  # a video that cannot be opened is one sentence of ours
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
}
_LOCAL = ("localhost", "127.0.0.1", "::1")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")
_SCHEMES = ("http", "https")
_SOCKS = ("socks5", "socks5h")  # with the package socksio only


def prepare() -> None:
    """Set what is not set yet. Has no effect once torch is imported."""
    for name, value in _SET.items():
        os.environ.setdefault(name, value)


def prepare_page() -> list[str]:
    """Keep proxies away from the page's own address, and those that HTTP clients refuse away from everything.

    Gradio calls its own address when it starts, and makes a client at import, which fails where it cannot use a proxy.

    Returns:
        What was changed, in sentences. Where no proxy is left, the Hub is not asked: whoever names a proxy may not want
        connections without one.
    """
    for name in ("no_proxy", "NO_PROXY"):
        named = [part for part in os.environ.get(name, "").split(",") if part]
        os.environ[name] = ",".join(dict.fromkeys([*named, *_LOCAL]))
    given = {name: os.environ[name] for lower in _PROXIES for name in (lower, lower.upper()) if os.environ.get(name)}
    refused = {name: value for name, value in given.items() if not _is_usable(value)}
    for name in refused:
        del os.environ[name]
    if refused and not any(name.lower() != "http_proxy" for name in given.keys() - refused.keys()):
        os.environ["HF_HUB_OFFLINE"] = "1"
    return [
        f"{name}={value} is a proxy that cannot be used here, so nothing is downloaded. Name one of http, or install "
        "httpx[socks] and name one of socks5."
        for name, value in refused.items()
    ]


def _is_usable(proxy: str) -> bool:
    scheme = urlsplit(proxy).scheme if "://" in proxy else "http"
    return scheme in _SCHEMES or (scheme in _SOCKS and find_spec("socksio") is not None)
