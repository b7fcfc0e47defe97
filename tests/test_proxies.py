"""Proxies of every scheme, dead or alive: the page starts, and the command line goes on with what is here."""

import os
import subprocess
import sys

import pytest

from segcore.runtime import environment

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def clean(monkeypatch):
    for name in (*NAMES, *(name.upper() for name in NAMES), "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(name, "")  # so that what is set is taken back
        monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "socks://127.0.0.1:7890/", "gopher://x", "socks5h://h:1"])
@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
def test_a_proxy_that_nothing_can_use_is_named_and_nothing_goes_past_it(clean, name, proxy):
    clean.setattr(environment, "find_spec", lambda _: None)
    clean.setenv(name, proxy)
    (note,) = environment.prepare_page()
    assert f"{name}={proxy}" in note
    assert name not in os.environ
    assert os.environ["HF_HUB_OFFLINE"] == "1"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "https://127.0.0.1:9", "127.0.0.1:9"])
def test_other_proxies_stay_but_not_for_this_machine(clean, proxy):
    clean.setenv("HTTPS_PROXY", proxy)
    clean.setenv("NO_PROXY", "intern.example")
    assert environment.prepare_page() == []
    assert os.environ["HTTPS_PROXY"] == proxy
    assert os.environ["NO_PROXY"] == "intern.example,localhost,127.0.0.1,::1"
    assert "HF_HUB_OFFLINE" not in os.environ


def test_socks_is_left_alone_where_its_package_is(clean):
    clean.setattr(environment, "find_spec", lambda _: object())
    clean.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    assert environment.prepare_page() == []
    assert os.environ["ALL_PROXY"] == "socks5://127.0.0.1:1080"


def test_a_usable_proxy_beside_it_keeps_the_network(clean):
    clean.setenv("ALL_PROXY", "socks://127.0.0.1:1")
    clean.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert len(environment.prepare_page()) == 1
    assert "HF_HUB_OFFLINE" not in os.environ


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "socks://127.0.0.1:7890/", "http://127.0.0.1:9"])
def test_the_command_line_says_so_and_stands_in(proxy, tmp_path):
    """Whatever the clients of the Hub raise, "auto" is a backbone that is here."""
    code = "from segcore.pipeline.backbones import resolve_backbone; print(resolve_backbone('auto'))"
    hidden = dict.fromkeys((*NAMES, *(name.upper() for name in NAMES)), "")
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **hidden, "ALL_PROXY": proxy, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "dino_tiny" in ran.stdout
    assert "cannot be reached" in ran.stdout or "proxy" in ran.stdout
