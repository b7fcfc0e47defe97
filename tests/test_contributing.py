"""The recipes of CONTRIBUTING.md, followed: what it says to write is run, and what should follow by itself does."""

import json
import re
import sys
import textwrap
import types
import urllib.request

import gradio as gr
import pytest
import torch

import demo.build
import demo.lab.tabs
from demo.build import build_demo
from demo.lab.tab import Shown, View
from demo.pages import PAGES, Page
from demo.shared.controls import control_for
from demo.shared.service import Service
from segcore.cli.commands import build_parser
from segcore.features import BACKBONES, published
from segcore.pipeline import Pipeline
from segcore.pipeline.methods import METHODS, Method
from segcore.pipeline.stages import settings_read
from segcore.runtime.places import EXAMPLES, ROOT
from segcore.settings import Settings, params
from tests.checkpoints import make_net, write_folder
from tests.scenes import vertical_stripes
from tests.server import running_page

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PICTURE = str(EXAMPLES / "discs.png")
QUICK = {"backbone": "color", "max_side": 96, "n_segments": 3}


def recipe(heading):
    """The Python blocks of one section."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in re.findall(r"^ *```python\n(.*?)^ *```", section, re.DOTALL | re.MULTILINE)]


def module(code, name):
    made = types.ModuleType(name)
    exec(compile(code, name, "exec"), made.__dict__)
    return made


@pytest.fixture
def choice():
    """Adds choices of settings, and takes them away again."""
    before = {}

    def add(setting, name):
        facts = params()[setting]
        before.setdefault(setting, facts.choices)
        object.__setattr__(facts, "choices", (*facts.choices, name))

    yield add
    for setting, choices in before.items():
        object.__setattr__(params()[setting], "choices", choices)


def test_a_method(monkeypatch, choice):
    function, entry = recipe("A method")
    scope = {"METHODS": (made := {}), "Method": Method}
    exec(function, scope)
    exec(entry, scope)
    ((name, method),) = made.items()
    monkeypatch.setitem(METHODS, name, method)
    choice("method", name)
    result = Pipeline().run(vertical_stripes(n=2)[0], Settings(method=name, backbone="color"))
    assert result.n_segments == 2
    assert len(set(result.label_map[:, 0].tolist())) == len(set(result.label_map[:, -1].tolist())) == 1
    read = settings_read(result.settings)
    assert "max_side" in read
    assert not {"n_segments", "knn_weight"} & read
    assert (method.title, name) in control_for("method").choices
    parsed = build_parser().parse_args(["segment", "a.png", "--out", "out", "--method", name])
    assert parsed.method == name
    api = build_demo(Service(device="cpu")).get_api_info()["named_endpoints"]["/segment"]["parameters"]
    (parameter,) = (p for p in api if p["parameter_name"] == "method")
    assert name in json.dumps(parameter)


def test_a_backbone(monkeypatch, choice, tmp_path):
    (entry,) = recipe("A backbone")
    made = eval(entry, {"_on_hub": published._on_hub})
    more = BACKBONES | {made.name: made}
    for holder in [m for m in sys.modules.values() if getattr(m, "BACKBONES", None) is BACKBONES]:
        monkeypatch.setattr(holder, "BACKBONES", more)
    choice("backbone", made.name)
    args = {"img_size": 64, "embed_dim": 64, "depth": 2, "num_heads": 1}
    net = make_net(made.timm_name, **args)
    config = {"architecture": made.timm_name.partition(".")[0], "model_args": args}
    write_folder(tmp_path / made.name, net.state_dict(), config)
    monkeypatch.setenv("SEGCORE_WEIGHTS_DIR", str(tmp_path))
    result = Pipeline().run(PICTURE, Settings(backbone=made.name, max_side=96, n_segments=2, block=-1))
    assert result.features.f.shape[-1] == 64
    assert result.features.geometry.patch == made.patch
    assert made.title in [title for title, _ in control_for("backbone").choices]


def test_a_tab(monkeypatch):
    tab = module(recipe("A tab")[0], "areas")
    monkeypatch.setitem(demo.lab.tabs.TABS, "areas", tab)
    service = Service(device="cpu")
    built = build_demo(service)
    tabs = [c["props"]["label"] for c in built.config["components"] if c["type"] == "tabitem"]
    assert tabs[-1] == "Areas"
    with gr.Blocks():
        panel = tab.make(service)
    settings = Settings(**QUICK)
    view = View(Shown(PICTURE, settings), service.pipeline.run(PICTURE, settings), lambda: None)
    (answer,) = panel.fill(view)
    assert len(answer) == len(panel.outputs)
    assert re.fullmatch(r"\d+%(, \d+%)+", answer[0])


def test_a_page(monkeypatch):
    page, line = recipe("A page")
    hello = module(page, "hello")
    place = eval(line, {"Page": Page, "hello": hello})
    monkeypatch.setattr(demo.build, "PAGES", (*PAGES, place))
    with running_page() as address:
        text = urllib.request.urlopen(f"{address}hello").read().decode()
        config = json.loads(urllib.request.urlopen(f"{address}config").read())
    assert [path for path, *_ in config["pages"]] == [p.path for p in (*PAGES, place)]
    assert place.intro in text
    assert '"told"' in text


def test_a_page_gets_its_values_from_the_service():
    with gr.Blocks() as blocks:
        module(recipe("A page")[0], "hello").build(blocks, Service(device="cpu"))
    (event,) = blocks.fns.values()
    assert event.fn() == f"There are {len(Service(device='cpu').examples)} examples."


def test_a_component_has_the_base_that_the_recipe_names():
    from demo.shared import components

    assert "`JsonHTML`" in TEXT
    made = [getattr(components, name) for name in components.__all__]
    classes = [x for x in made if isinstance(x, type)]
    assert len(classes) > 5
    assert all(issubclass(x, components.JsonHTML) for x in classes)


def test_every_recipe_is_followed_here():
    headings = set(re.findall(r"^## (A \w+)$", TEXT, re.MULTILINE))
    with_code = {heading for heading in headings if recipe(heading)}
    assert with_code == {"A method", "A backbone", "A tab", "A page"}
    assert headings - with_code == {"A setting", "A component", "A document"}


def test_the_example_method_is_what_it_says():
    scope = {}
    exec(recipe("A method")[0], scope)
    X = torch.tensor([[0.0, 9.0], [1.0, 9.0], [5.0, 9.0], [6.0, 9.0]])
    assert scope["halves"](X).labels.tolist() == [0, 0, 1, 1]
