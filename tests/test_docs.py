"""README, docs and the papers beside them keep what they promise.

Tables are those of the code, examples run, commands are understood, links lead somewhere.
"""

import dataclasses
import os
import re
import shlex
import tomllib
from collections import Counter

import numpy as np
import pytest
import yaml
from huggingface_hub import SpaceCard
from packaging.version import Version
from PIL import Image

import segcore
from demo.learn.data import recorded, seeds_of
from demo.shared.jobs.limits import JobLimits, flag_of, variable_of
from segcore.cli.commands import build_parser
from segcore.cli.evaluate import ALL
from segcore.cli.flags import schema_from, settings_from
from segcore.features import BACKBONES
from segcore.learn.ablations import ABLATIONS
from segcore.learn.catalog import CATALOG
from segcore.metrics.matching import matched_iou
from segcore.pipeline.methods import METHODS
from segcore.runtime.places import DOCS, EXAMPLES, ROOT
from segcore.settings import CRF_PRESETS, DEFAULTS, params
from segcore.track.catalog import TRACKERS

README = ROOT / "README.md"
PAPERS = {path.relative_to(ROOT).as_posix(): path for path in (*ROOT.glob("*.md"), *DOCS.glob("*.md"))}
TEXTS = {name: path.read_text(encoding="utf-8") for name, path in PAPERS.items()}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


# Tables


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def methods():
    rows = [(f"`{key}`", m.title, f"${m.formula}$", m.source) for key, m in METHODS.items()]
    return table(("method", "", "formula", "source"), rows)


def settings():
    def rule(p):
        unit = f" {p.unit}" if p.unit else ""
        return (
            ", ".join(f"`{c}`" for c in p.choices)
            if p.choices
            else ""
            if p.lo is None
            else f"{p.lo:.10g} … {p.hi:.10g}{unit}"
        )

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


def jobs():
    rows = [
        (f"`{flag_of(f.name)}`", f"`{variable_of(f.name)}`", f"{f.default:g}", f.metadata["help"])
        for f in dataclasses.fields(JobLimits)
    ]
    return table(("flag", "variable", "default", ""), rows)


def trackers():
    rows = [
        (f"`{key}`", t.title, t.summary, "each frame" if t.online else "all frames", t.source) for key, t in TRACKERS.items()
    ]
    return table(("tracker", "", "", "looks at", "source"), rows)


def tracker_settings():
    def rule(p):
        return ", ".join(f"`{c}`" for c in p.choices) if p.choices else "" if p.lo is None else f"{p.lo:g} … {p.hi:g}"

    rows = []
    for key, t in TRACKERS.items():
        defaults = t.settings()
        rows += [(f"`{key}`", f"`{name}`", f"`{getattr(defaults, name)}`", rule(p), p.info)
                 for name, p in params(t.settings).items()]  # fmt: skip
    return table(("tracker", "setting", "default", "range or choices", "meaning"), rows)


def ablations():
    """Recorded runs: values of the first seed, and where there are several the lowest and the highest."""
    scores = ("miou", "global_accuracy", "class_accuracy", "boundary_f")

    def told(values):
        more = f" ({min(values):.3f} … {max(values):.3f})" if len(values) > 1 else ""
        return f"{values[0]:.3f}{more}"

    rows = []
    for name, row in ABLATIONS.items():
        seeds = seeds_of(name) if row.repeatable else ()
        for i, one in enumerate(row.runs if seeds else ()):
            runs = [recorded(name, seed)[i] for seed in seeds]
            ends, post = [run.scores[-1] for run in runs], runs[0].classes.index("post")
            values = [[getattr(end, score) for end in ends] for score in scores] + [[end.iou[post] for end in ends]]
            board = " → ".join(f"{100 * runs[0].scores[at].checkerboard:.1f}" for at in (0, -1))
            cost = f"{runs[0].facts.multiply_adds / 1e9:.2f} G"
            rows.append(("" if i else row.title, one.label, len(seeds), cost, *map(told, values), f"{board} %"))
    titles = ("mIoU", "global accuracy", "class accuracy", "boundary F", "post", "checkerboard")
    return table(("", "", "seeds", "multiply-adds", *titles), rows)


def documents():
    """Title and first sentence of every document but the index."""
    lines = []
    for path in sorted(DOCS.glob("*.md")):
        if path.name != "README.md":
            title, first = path.read_text(encoding="utf-8").split("\n\n")[:2]
            sentence = " ".join(first.split()).split(". ")[0].removesuffix(".")
            lines.append(f"* [{title.removeprefix('# ')}]({path.name}): {sentence}.")
    return "\n".join(lines)


TABLES = {
    "methods": methods,
    "ablations": ablations,
    "settings": settings,
    "presets": presets,
    "backbones": backbones,
    "documents": documents,
    "jobs": jobs,
    "trackers": trackers,
    "tracker settings": tracker_settings,
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_current(name):
    pattern = rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)"
    (paper,) = (paper for paper, text in TEXTS.items() if f"<!-- {name} -->" in text)
    expected = f"\n{TABLES[name]()}\n\n"
    found = re.search(pattern, TEXTS[paper], re.DOTALL)
    if os.environ.get("SEGCORE_UPDATE") and found[2] != expected:
        now = PAPERS[paper].read_text(encoding="utf-8")
        PAPERS[paper].write_text(re.sub(pattern, lambda m: m[1] + expected + m[3], now, flags=re.DOTALL), encoding="utf-8")
        return
    assert found[2] == expected, "run SEGCORE_UPDATE=1 python -m pytest tests/test_docs.py"


# Examples and commands


def blocks(language):
    pattern = rf"^```{language}\n(.*?)^```"
    return {name: found for name, text in TEXTS.items() if (found := re.findall(pattern, text, re.DOTALL | re.MULTILINE))}


PYTHON = {name: [b for b in found if "Client(" not in b] for name, found in blocks("python").items()}


@pytest.mark.parametrize("name", [name for name, found in PYTHON.items() if found and name != "CONTRIBUTING.md"])
def test_python_examples_run(name, monkeypatch):
    """One after the other, as a reader would type them."""
    monkeypatch.chdir(ROOT)
    scope = {}
    for code in PYTHON[name]:
        exec(code, scope)
    assert name != "docs/python.md" or scope["result"].n_segments >= 2


def commands():
    """Every line of a block that calls the command line."""
    for name, found in blocks("").items():
        for line in "\n".join(found).splitlines():
            if match := re.match(r"(?:python -m )?segcore ([a-z]+ ?.*)$", line):
                yield pytest.param(match[1], id=f"{name}: {match[1][:60]}")


@pytest.mark.parametrize("line", list(commands()))
def test_commands_are_understood(line):
    parsed = build_parser().parse_args(shlex.split(line))
    if line.startswith("learn "):
        schema_from(parsed, CATALOG[parsed.system].settings)
    elif hasattr(parsed, "backbone"):
        if getattr(parsed, "method", None) == ALL:
            parsed.method = None
        settings = settings_from(parsed)
        assert settings.backbone in BACKBONES or settings.backbone in ("auto", "weights.safetensors")


def test_flags_of_the_page_are_those_of_the_app():
    source = (ROOT / "app.py").read_text(encoding="utf-8")
    lines = re.findall(r"(?:python app\.py|segcore-page)( --[^`\n]*)", "\n".join(TEXTS.values()))
    told = set(re.findall(r"--[a-z-]+", " ".join(lines)))
    assert told >= {"--host", "--port", "--mcp"}
    assert all(f'"{flag}"' in source for flag in told)


def test_settings_of_the_http_example_are_settings():
    (code,) = (b for found in blocks("python").values() for b in found if "Client(" in b)
    assert set(re.findall(r"(\w+)=", code)) - {"image", "api_name", "overlay"} <= params().keys()


@pytest.mark.slow
def test_the_readme_is_right_about_the_eggs():
    """Color alone lumps what is equally brown together, and edges between neighbors part it."""

    def score(knn_weight):
        picture = EXAMPLES / "ellipses.png"
        result = segcore.segment(picture, backbone="color", n_segments=4, knn_weight=knn_weight)
        truth = np.asarray(Image.open(EXAMPLES / "truth" / "ellipses.png"))
        return matched_iou(result.label_map.numpy(), truth)

    assert score(0) < 0.5
    assert score(100) > 0.8


# Links


def anchors(text):
    """The anchors that GitHub gives the headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_somewhere(name):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", TEXTS[name]):
        path = (PAPERS[name].parent / target).resolve() if target else PAPERS[name]
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{target}#{anchor}"


@pytest.mark.parametrize("name", TEXTS)
def test_everything_they_name_is_there(name):
    for path in re.findall(r"`((?:assets|segcore|demo|tests|docs)/[\w./-]+)`", TEXTS[name]):
        assert (ROOT / path).exists() or "NAME" in path, path


def test_no_word_is_said_about_what_is_not_there():
    """Settings, methods and backbones in code spans of the documents that are about them."""
    known = {*params(), *METHODS, *BACKBONES, *CRF_PRESETS}
    for name in ("docs/methods.md", "docs/backbones.md"):
        for word in re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", TEXTS[name]):
            assert word in known, f"{name}: {word}"


# The papers


def test_the_readme_is_short_and_leads_on():
    assert len(TEXTS["README.md"].splitlines()) <= 150
    named = set(re.findall(r"\]\((docs/[\w.]+)\)", TEXTS["README.md"]))
    assert named >= {f"docs/{name}.md" for name in ("README", "methods", "settings", "evaluation", "speed", "hosting")}


def test_two_commands_set_everything_up_and_the_checks_run_the_second():
    """Each alone on a line, from nothing to the page and to the tests; `.ci/run` takes its own from the README."""
    start = r"^(python3 -m venv (\S+) && \2/bin/pip install -r (\S+) && \2/bin/python (.+))$"
    page, tests = re.findall(start, TEXTS["README.md"], re.MULTILINE)
    assert page[1:] == (".venv", "requirements.txt", "app.py")
    assert tests[1:] == (".venv", "tests/requirements.txt", "-m pytest -n 2")
    assert [line for line in TEXTS["README.md"].splitlines() if "-m pytest" in line] == [tests[0]]
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert """bash -ec "$(grep -- '-m pytest' README.md)\"""" in checks
    assert "pip install -r" not in checks


def test_documents_have_one_title_and_say_first_what_they_are_about():
    for name, text in TEXTS.items():
        if name.startswith("docs/"):
            assert Counter(re.findall(r"^# ", text, re.MULTILINE)) == {"# ": 1}, name
            title, first, *_ = text.split("\n\n")
            assert title.startswith("# "), name
            assert re.match(r"[A-Z].*\.( |$)", " ".join(first.split())), f"{name}: the index repeats the first sentence"


def test_front_matter_is_a_space():
    card = SpaceCard(TEXTS["README.md"])
    assert (card.data.sdk, card.data.app_file, card.data.license) == ("gradio", "app.py", "apache-2.0")
    requirement = re.search(r"gradio>=([\d.]+),<(\d+)", (ROOT / "requirements.txt").read_text())
    assert Version(requirement[1]) <= Version(card.data.sdk_version) < Version(requirement[2])
    assert len(card.data.short_description) <= 60
    (preload,) = card.data.to_dict()["preload_from_hub"]
    assert preload.split()[0] == BACKBONES["dino_vits16"].repo


def test_the_citation_follows_the_format():
    """The required fields of CFF 1.2.0, and what tools read of the others; the package's version and licence."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    known = {"cff-version", "message", "type", "title", "abstract", "authors", "version", "date-released", "license",
             "keywords", "url", "repository-code", "doi", "references", "preferred-citation"}  # fmt: skip
    assert cited.keys() <= known
    assert (cited["cff-version"], cited["type"], cited["license"]) == ("1.2.0", "software", "Apache-2.0")
    assert cited["version"] == VERSION
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", cited["date-released"])
    assert all(author.get("name") or author.get("family-names") for author in cited["authors"])


def test_the_changes_know_the_version():
    versions = re.findall(r"^## (.+)$", TEXTS["CHANGELOG.md"], re.MULTILINE)
    assert VERSION in versions
    numbers = [Version(v) for v in versions if v != "Unreleased"]
    assert numbers == sorted(numbers, reverse=True)
    assert "Unreleased" not in versions[1:]
