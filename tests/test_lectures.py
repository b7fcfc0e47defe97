"""The sheets: every slide has its line, every link opens a state that its page knows, and the handout is one file."""

import importlib
import io
import json
import re
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from demo.lectures import asked, run
from demo.lectures import data as sheets
from demo.lectures.run import handout
from demo.pages import PAGES
from demo.shared.formula import typeset
from demo.shared.lecture.file import read_whole
from demo.shared.lecture.value import Line, Sheet
from demo.shared.link import CARRIED
from demo.shared.numbered import numbered, places
from demo.shared.service import Service
from segcore.learn.ablations import ABLATIONS
from segcore.settings import DEFAULTS, Settings

# How many rows the inventory of each lecture has, and whether its slips have one, too.
INVENTORY = {"000": (12, True), "001": (11, False), "002": (16, True), "003": (15, False), "004": (27, True)}
LINES = [(sheet.id, i, line) for sheet in sheets.sheets().values() for i, line in enumerate(sheet.lines, 1)]
LINKED = [pytest.param(line, id=f"{sheet}-{i}") for sheet, i, line in LINES if line.page is not None]


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


def inventory(seed):
    rows, has_slips = INVENTORY[seed]
    return [f"{seed}.{i}" for i in range(1, rows + 1)] + [f"{seed}.!"] * has_slips


@pytest.mark.parametrize("seed", INVENTORY)
def test_every_slide_has_its_line_in_the_order_of_the_lecture(seed):
    slides = [slide for line in sheets.sheets()[seed].lines for slide in line.slides]
    assert [*dict.fromkeys(slides)] == inventory(seed)  # a slide may have several lines


def test_tables_belong_to_slides_and_say_what_they_do_not_say():
    known = {slide for seed in INVENTORY for slide in inventory(seed)}
    for table in sheets.tables():
        assert set(table["slides"]) <= known
        assert table["source"]
        assert table["caveat"].endswith((".", "?"))
        assert table["unit"]
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
        assert bool(table.get("ask")) == bool(table.get("answer"))
    ids = [table["id"] for table in sheets.tables()]
    assert len(set(ids)) == len(ids)


# ---- Links ----


def lab(query, _service):
    assert set(query) <= {*CARRIED, "tab", "compare"}
    assert query.get("tab", "patch") in importlib.import_module("demo.lab.tabs").TABS


def steps(query, _service):
    asked = importlib.import_module("demo.steps.asked")
    algorithms = importlib.import_module("demo.steps.algorithms").ALGORITHMS
    texts = importlib.import_module("demo.steps.texts")
    assert query["algorithm"] in algorithms
    assert query["data"] in texts.DATA
    assert set(query) <= {*CARRIED, "algorithm", "data", "points", "step", "point", "cover", *asked.RANGES}
    read = algorithms[query["algorithm"]].reads
    assert set(query) & DEFAULTS.to_dict().keys() <= {*read, "seed"}, "a setting that the algorithm does not read"


def playgrounds(query, _service):
    asked = importlib.import_module("demo.playgrounds.asked")
    catalog = importlib.import_module("demo.playgrounds.games").PLAYGROUNDS
    fields = importlib.import_module("demo.playgrounds.fields")
    playground = catalog[query[asked.NAME]]
    own = {field.name for field in playground.fields}
    assert set(query) <= own | {asked.NAME, "cover", *CARRIED}
    _, problems = fields.read(playground.fields, query)
    assert not problems


def scribble(query, service):
    asked = importlib.import_module("demo.scribble.asked")
    own = {asked._IN_LINK.get(name, name) for name in asked.OPTIONS} | {"strokes", "names"}
    assert set(query) <= own | set(CARRIED)
    asked.options_of_link(query)
    asked.strokes_of_link(service, query)


def collections(query, _service):
    asked = importlib.import_module("demo.collections.asked")
    assert {name for name in query if not name.startswith(asked.SET)} <= {*CARRIED, *asked.OPTIONS, "groups", "start"}
    assert {"source", "system"} <= asked.options_of_link(query).keys()


def learn(query, _service):
    asked = importlib.import_module("demo.learn.asked")
    if "row" in query:
        assert query["row"] in ABLATIONS
        assert set(query) <= {*CARRIED, "row", "score", "at"}
    else:
        assert asked.asked_of_link(query).options.system == query["system"]


def tracking(query, _service):
    asked = importlib.import_module("demo.tracking.asked")
    found = asked.asked_of_link(query)
    assert found.is_scene
    assert found.options.source == query["source"]
    assert set(query) <= asked.names()


READERS = {
    "": lab, "steps": steps, "playgrounds": playgrounds, "scribble": scribble, "collections": collections, "learn": learn,
    "tracking": tracking,
}  # fmt: skip


@pytest.mark.parametrize("line", LINKED)
def test_a_link_opens_a_state_that_its_page_knows(line, service):
    assert line.page in {place.path for place in PAGES}
    READERS[line.page](line.query, service)
    assert len(line.address) < 2000
    if "example" in line.query:
        assert line.query["example"] in service.examples
    Settings.from_values({name: value for name, value in line.query.items() if name in DEFAULTS.to_dict()})


def test_pages_have_names_for_their_links():
    from demo.lectures import texts

    assert set(texts.PAGES) == set(READERS)
    titles = {place.path: place.title for place in PAGES}
    assert all(titles[path] == name for path, name in texts.PAGES.items())


# ---- Answers that are numbers of the lectures themselves ----


def answer(seed, topic):
    return next(line.answer for line in sheets.sheets()[seed].lines if line.topic == topic)


def test_answers_that_are_numbers_follow_from_their_inputs():
    picture = torch.tensor([[-5, 3, 2, -5, 3], [4, 3, 2, 1, -3], [1, 0, 3, 3, 5], [-2, 0, 1, 4, 4], [5, 6, 7, 9, -1.0]])
    kernel = torch.tensor([[2, 4, -2], [3, 1, 0], [-1, 0, 0.0]])
    adaptive = torch.tensor([[2, 1, -2], [0, -1, 1], [1, 0, 0.0]])
    plain = F.conv2d(picture[None, None], kernel[None, None])[0, 0, 0]
    assert plain[:2].tolist() == [12, 35]
    assert f"−{-int(plain[2])}" in answer("001", "Convolution")
    first = int((picture[:3, :3] * kernel * adaptive).sum())
    assert f"−{-first}" in answer("001", "Pixel-adaptive convolution")
    assert "27 × 25" in answer("001", "Unfold")
    assert F.unfold(torch.zeros(1, 3, 7, 7), 3).shape[1:] == (27, 25)
    assert f"{3 * 384 + 3:,}" in answer("001", "Features and a linear layer")
    joint = torch.tensor([[0.25, 0.25], [0.5, 0.0]], dtype=torch.float64)
    independent = joint.sum(1, keepdim=True) * joint.sum(0)
    bits = float((joint[joint > 0] * (joint / independent)[joint > 0].log2()).sum())
    assert f"{bits:.4f}" in answer("002", "Three tables")
    assert f"{torch.log2(torch.tensor(3.0)):.3f}" in answer("002", "IIC and overclustering")
    assert f"{3 * (3 - 1) + 1}" in answer("004", "Dilation and ASPP")


# ---- Handout ----


def small(monkeypatch, service):
    """Pictures in a moment: without weights, and small."""
    run = service.pipeline.run
    quick = {"backbone": "color", "max_side": 96, "n_superpixels": 20, "pixel_side": 48}
    monkeypatch.setattr(service.pipeline, "run", lambda image, settings: run(image, settings.replace(**quick)))


@pytest.mark.parametrize("with_answers", [False, True])
def test_a_handout_is_one_file(with_answers, service, monkeypatch):
    small(monkeypatch, service)
    sheet, base = sheets.sheets()["000"], "http://lab.example/"
    text = handout(service, sheet, base=base, with_answers=with_answers).decode()
    assert len(text) < 3_000_000
    assert "<script" not in text
    addresses = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert all(a.startswith((base, "data:image/jpeg;base64,")) for a in addresses)
    assert len(re.findall(r"https?:", text.replace(base, ""))) == 0
    assert text.count("<img ") >= sum(line.page == "" and line.query["method"] != "dino_seg" for line in sheet.lines)
    assert text.count('class="code"') == sum(line.address is not None for line in sheet.lines)
    assert text.count("<math") > 10
    assert text.count('class="room"') == sum(bool(line.ask) for line in sheet.lines)
    for line in sheet.lines:
        assert ("It can only lower" in text, line.answer.split(";")[0] in text) != (True, True) or with_answers
    assert ("Answers</h1>" in text) is with_answers


def test_numbers_lie_in_their_pieces():
    """Each piece that is large enough has the number of its label, in the middle of it; a thin one is passed over."""
    labels = np.zeros((100, 160), int)
    labels[:, 80:] = 1
    labels[40:60, 20:40] = 1  # a second piece of label 1
    labels[0, :3] = 2
    found = sorted(places(labels))
    assert [label for label, _ in found] == [0, 1, 1]
    assert all(labels[y, x] == label for label, (x, y) in found)
    x, y = found[-1][1]  # of the half on the right, as far as can be from its four sides
    assert min(x - 79, 160 - x, y + 1, 100 - y) == 40
    picture = np.full((50, 80, 3), 90, np.uint8)
    drawn = numbered(picture, labels)
    assert drawn.shape == picture.shape
    assert (drawn != picture).any(-1).mean() < 0.7
    assert (picture == 90).all()


def test_a_long_table_has_more_room():
    def still(width, height):
        file = io.BytesIO()
        Image.new("RGB", (width, height)).save(file, "JPEG")
        return file.getvalue()

    line = Line((), "t", "s", "playgrounds", {}, "", "?", "!", "", "", {}, "")
    sheet = Sheet("x", "X", "", (line, line, line))
    stills = {0: still(100, 300), 1: still(300, 100), 2: b"\xff\xd8\xff no picture"}
    text = handout(None, sheet, base="/", with_answers=False, stills=stills).decode()
    assert text.count("<img ") == 3
    assert text.count('<img class="tall"') == 1


def test_segments_are_drawn_with_numbers_also_where_a_still_is_there(service, monkeypatch):
    """The still of a line that was added is in color alone; it stands where the lab shows something else, or cannot."""
    small(monkeypatch, service)
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, "PNG")
    queries = {"example": "coffee"}, {"example": "coffee", "tab": "vectors"}, {"picture": "0" * 32}
    lines = tuple(Line((), "t", "s", "", query, "?a", "?", "!", "", "", {}, "") for query in queries)
    stills = dict.fromkeys(range(len(lines)), file.getvalue())
    text = handout(service, Sheet("x", "X", "", lines), base="/", with_answers=False, stills=stills).decode()
    assert re.findall(r'src="data:image/(\w+)', text) == ["jpeg", "png", "png"]


def test_a_handout_ends_where_it_is_told_to(service):
    def check():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        handout(service, sheets.sheets()["000"], base="/", with_answers=False, check=check)


def asked_for(**what):
    return SimpleNamespace(**{"paper": "A4", "form": False, "lecture": None, "stills": {}} | what)


def test_what_the_browser_asks_for_is_checked(service, monkeypatch):
    made = []
    monkeypatch.setattr(run, "handout", lambda _service, sheet, **how: made.append((sheet.id, how)) or b"<html>")
    make = run.make_handout(service)
    answer = make(asked_for(sheet="001", answers=True, base="http://127.0.0.1:7860/"))
    assert answer["file"].endswith("lecture-001.html")
    make(asked_for(sheet="001", answers=None, base='http://x/"><script>alert(1)</script>/'))
    assert [(sheet, how["base"], how["with_answers"]) for sheet, how in made] == [
        ("001", "http://127.0.0.1:7860/", True),
        ("001", "/", False),
    ]
    with pytest.raises(gr.Error, match="sheet"):
        make(asked_for(sheet="../etc", answers=True, base="http://x/"))


@pytest.mark.parametrize(
    ("query", "warns"),
    [
        ({}, False),
        ({"sheet": "003", "line": "4"}, False),
        ({"sheet": "tables"}, False),
        ({"sheet": "900"}, True),
        ({"sheet": "001", "line": "99"}, True),
        ({"line": "x"}, True),
    ],
)
def test_an_address_that_leads_nowhere_is_one_sentence(query, warns, service, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Warning", said.append)
    asked.make_opened(service)(SimpleNamespace(query_params=query))
    assert len(said) == warns


@pytest.mark.parametrize(
    "line",
    [
        {"slides": ["0"], "topic": "t", "says": "s"},
        {"slides": ["0"], "topic": "t", "says": "s", "told": "x", "link": {"page": "", "query": {}}},
        {"slides": ["0"], "topic": "t", "says": "s", "told": "x", "ask": "?"},
    ],
)
def test_a_line_without_link_or_answer_is_refused(line, tmp_path):
    path = tmp_path / "900.json"
    path.write_text(json.dumps({"id": "900", "title": "", "about": "", "lines": [line]}))
    with pytest.raises(ValueError, match="linked or told"):
        read_whole(path)


# ---- Formulas ----


def test_formulas_in_sentences_are_set_and_all_else_is_text():
    assert typeset("a < b & $x_i^2$") == (
        'a &lt; b &amp; <math display="inline"><mrow><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup></mrow></math>'
    )
    assert typeset(r"$\lVert x \rVert^2$").count('stretchy="false"') == 2  # else the second one hangs below the line
    assert "href" not in typeset(r"$\href{javascript:alert(1)}{x}$")


@pytest.mark.parametrize("text", ["one $ alone", r"$\nosuch{1}$", r"$x}$", r"$x^$", r"$\left( x$"])
def test_what_is_no_formula_is_named(text):
    with pytest.raises(ValueError, match=r"dollar sign|cannot be read as LaTeX"):
        typeset(text)
