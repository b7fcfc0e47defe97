"""The README keeps what it promises: tables as the code has them, examples that run, front matter that Spaces accept."""

import os
import re
import shlex
from pathlib import Path

import pytest
from huggingface_hub import SpaceCard
from packaging.version import Version

from segcore.cli import build_parser
from segcore.features import BACKBONES
from segcore.flags import settings_from
from segcore.registry import METHODS
from segcore.settings import CRF_PRESETS, DEFAULTS, params

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text(encoding="utf-8")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def methods():
    rows = [(f"`{key}`", m.title, f"${m.formula}$", m.source) for key, m in METHODS.items()]
    return table(("method", "", "formula", "source"), rows)


def settings():
    def rule(p):
        unit = f" {p.unit}" if p.unit else ""
        return ", ".join(f"`{c}`" for c in p.choices) if p.choices else "" if p.lo is None else f"{p.lo:g} … {p.hi:g}{unit}"

    rows = [
        (f"`{name}`", p.symbol, p.stage, f"`{getattr(DEFAULTS, name)}`", rule(p), p.info) for name, p in params().items()
    ]
    return table(("setting", "symbol", "stage", "default", "range or choices", "meaning"), rows)


def presets():
    names = list(next(iter(CRF_PRESETS.values())))
    rows = [(f"`{preset}`", *(f"{values[name]:g}" for name in names)) for preset, values in CRF_PRESETS.items()]
    return table(("preset", *(f"`{name}`" for name in names)), rows)


def backbones():
    rows = [(f"`{name}`", b.title, b.patch, b.licence, b.help) for name, b in BACKBONES.items()]
    return table(("backbone", "", "patch", "licence", ""), rows)


TABLES = {"methods": methods, "settings": settings, "presets": presets, "backbones": backbones}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_current(name):
    pattern = rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)"
    expected = f"\n{TABLES[name]()}\n\n"
    found = re.search(pattern, TEXT, re.DOTALL)
    if os.environ.get("SEGCORE_UPDATE") and found[2] != expected:
        now = README.read_text(encoding="utf-8")
        README.write_text(re.sub(pattern, lambda m: m[1] + expected + m[3], now, flags=re.DOTALL), encoding="utf-8")
        return
    assert found[2] == expected, "run SEGCORE_UPDATE=1 python -m pytest tests/test_readme.py"


def test_python_example_runs():
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL) if "import segcore" in block)
    scope = {}
    exec(code.replace("assets/", f"{README.parent}/assets/"), scope)
    assert scope["result"].n_segments >= 2


@pytest.mark.parametrize("line", re.findall(r"^python -m segcore (evaluate .*)$", TEXT, re.MULTILINE))
def test_commands_of_the_evaluation_are_understood(line):
    parsed = build_parser().parse_args(shlex.split(line))
    settings = settings_from(parsed)
    assert settings.backbone in BACKBONES or settings.backbone == "auto"


def test_front_matter_is_a_space():
    card = SpaceCard(TEXT)
    assert (card.data.sdk, card.data.app_file, card.data.license) == ("gradio", "app.py", "apache-2.0")
    requirement = re.search(r"gradio>=([\d.]+),<(\d+)", (README.parent / "requirements.txt").read_text())
    assert Version(requirement[1]) <= Version(card.data.sdk_version) < Version(requirement[2])
    assert len(card.data.short_description) <= 60
    (preload,) = card.data.to_dict()["preload_from_hub"]
    assert preload.split()[0] == BACKBONES["dino_vits16"].repo


def test_everything_it_names_is_there():
    for path in re.findall(r"\]\((assets/[^)]+)\)", TEXT) + re.findall(r"`((?:assets|segcore|demo|tests)/[\w./]+)`", TEXT):
        assert (README.parent / path).exists(), path
