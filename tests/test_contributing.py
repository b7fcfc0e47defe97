"""The recipes of CONTRIBUTING.md, followed: what it says to write is run, and what should follow by itself does."""

import importlib
import json
import re
import shutil
import sys
import textwrap
import types
import urllib.request
from dataclasses import dataclass
from urllib.parse import parse_qsl

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

import demo.build
import demo.lab.tabs
from demo.build import build_demo
from demo.lab.tab import Shown, View
from demo.pages import PAGES, Page
from demo.playgrounds.games import PLAYGROUNDS
from demo.playgrounds.run import Answers
from demo.shared import components
from demo.shared.asked import SystemControls
from demo.shared.components import LogSlider
from demo.shared.components.scripts import name_of, script_routes
from demo.shared.controls import control_for
from demo.shared.service import Service
from demo.steps import run as steps_run
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import Asked
from segcore.cli.commands import build_parser, main
from segcore.cli.flags import schema_from
from segcore.collection import Store, collect, finish, group, open_reader, pictures_of
from segcore.collection import systems as collection_systems
from segcore.drawn.points import toy_points
from segcore.drawn.stuff import draw_stuff
from segcore.features import BACKBONES, published
from segcore.learn import catalog, train
from segcore.learn import settings as learn_settings
from segcore.learn.catalog import LearningSystem
from segcore.metrics.tracking import tracking_scores
from segcore.nets.registry import NetCard
from segcore.pipeline import Pipeline
from segcore.pipeline.methods import METHODS, Method
from segcore.pipeline.stages import settings_read
from segcore.runtime.device import make_generator
from segcore.runtime.places import EXAMPLES, ROOT
from segcore.settings import Settings, params
from segcore.track import settings as track_settings
from segcore.track.catalog import TRACKERS, Tracker
from segcore.track.run import track
from segcore.track.scenes import make_scene
from tests.checkpoints import make_net, write_folder
from tests.scenes import vertical_stripes
from tests.server import running_page

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PICTURE = str(EXAMPLES / "discs.png")
QUICK = {"backbone": "color", "max_side": 96, "n_segments": 3}


def recipe(heading, language="python"):
    """The blocks of one section."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    return [
        textwrap.dedent(block) for block in re.findall(rf"^ *```{language}\n(.*?)^ *```", section, re.DOTALL | re.MULTILINE)
    ]


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


def put(monkeypatch, name, registry, more):
    """Let every module that holds a registry hold one with more entries."""
    for holder in [m for m in sys.modules.values() if getattr(m, name, None) is registry]:
        monkeypatch.setattr(holder, name, {**registry, **more})


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
    put(monkeypatch, "BACKBONES", BACKBONES, {made.name: made})
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


def test_a_component(monkeypatch, tmp_path):
    folder = tmp_path / "shared" / "components" / "die"
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "demo" / "shared" / "js", tmp_path / "shared" / "js")
    (folder / "__init__.py").write_text(recipe("A component")[0])
    (folder / "die.html").write_text(recipe("A component", "html")[0])
    (folder / "die.js").write_text(recipe("A component", "js")[0])
    monkeypatch.syspath_prepend(folder.parent)
    made = importlib.import_module("die")
    with gr.Blocks() as blocks:
        die = made.Die(3, elem_id="die")
        die.thrown(lambda: None)
        LogSlider()
    (told,) = (c["props"] for c in blocks.config["components"] if c["props"].get("elem_id") == "die")
    assert told["value"] == 3
    assert 'class="di-throw"' in told["html_template"]
    assert '"sides": 6' in told["js_on_load"]
    address = re.search(r"scripts/\w+", told["js_on_load"])[0]
    with TestClient(Starlette(routes=script_routes())) as client:
        script = client.get(f"/{address}.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "immutable" in script.headers["cache-control"]
    for name in (name_of(folder / "die.js"), "shared_components_log_slider_log_slider"):
        assert re.search(rf"^const {name} = ", script.text, re.MULTILINE)
    assert name_of(folder / "die.js") in told["js_on_load"]
    assert "return { eyesOf, mount };" in script.text


def test_components_have_the_base_that_the_recipe_names():
    assert "`Component`" in TEXT
    made = [getattr(components, name) for name in components.__all__]
    classes = [x for x in made if isinstance(x, type)]
    assert len(classes) > 4
    assert all(issubclass(x, components.Component) for x in classes)


def test_a_collection_system(monkeypatch, tmp_path):
    (code,) = recipe("A collection system")
    system = module(code, "bands").BANDS
    put(monkeypatch, "SYSTEMS", collection_systems.SYSTEMS, {system.name: system})
    folder = tmp_path / "in"
    folder.mkdir()
    for i in range(2):
        ramp = np.linspace(0, 255, 64).astype(np.uint8)
        Image.fromarray(np.repeat(np.tile(np.roll(ramp, 9 * i), (48, 1))[..., None], 3, 2)).save(folder / f"{i}.png")
    reader = open_reader(Settings(backbone="color", max_side=64), device="cpu")
    collection = finish(collect(pictures_of(folder), reader, Store(tmp_path / "features")))
    found = finish(group(collection, system.name, n_groups=3, seed=0))
    sizes = torch.cat([part.flatten() for part in found.labels]).long().bincount(minlength=3)
    assert sizes.min() > 0.2 * sizes.sum()
    words = ["collection", "segment", str(folder), "--out", str(tmp_path / "out"), "--n-segments", "3"]
    assert main([*words, "--system", "bands", "--set", "sample=200", "--backbone", "color", "--max-side", "64"]) == 0
    assert len(list((tmp_path / "out").glob("*.labels.png"))) == 2
    with gr.Blocks():
        controls = SystemControls.laid_out("x", collection_systems.SYSTEMS, lambda *_: gr.Column())
    assert ("bands", "sample") in controls.controls


def test_a_learning_system(monkeypatch):
    entry_code, file_code = recipe("A learning system")
    settings_code, call = re.split(r"\n(?=LearningSystem\()", entry_code)
    scope = {"__name__": learn_settings.__name__, "dataclass": dataclass, "LearningSystem": LearningSystem}
    scope |= {name: getattr(learn_settings, name) for name in ("LearnSettings", "again", "param")}
    exec(settings_code, scope)
    system = eval(call, scope)
    put(monkeypatch, "CATALOG", catalog.CATALOG, {system.name: system})
    monkeypatch.setitem(sys.modules, "segcore.learn.systems.balance", module(file_code, "balance"))
    pictures = draw_stuff("stuff6", n=4, side=64)
    assert system.settings().crop == 32
    settings = system.settings(batch=2, width=0.0625)
    states = [
        (state.step, state.loss, list(state.parts))
        for state in train("balance", pictures, n_segments=3, settings=settings, steps=2, device="cpu")
    ]
    assert [step for step, _, _ in states] == [1, 2]
    assert all(-2 * np.log(3) <= loss <= np.log(3) and parts == ["H(z_u)", "H(z)"] for _, loss, parts in states)
    parsed = build_parser().parse_args(["learn", "balance", "in", "--out", "a.safetensors", "--steps", "2", "--weight", "3"])
    assert schema_from(parsed, system.settings).weight == 3


def test_a_network(monkeypatch):
    code, entry = recipe("A network")
    scope = {"NETS": (made := {}), "NetCard": NetCard, "PlainNet": module(code, "plain").PlainNet}
    exec(entry, scope)
    ((_, card),) = made.items()
    net, pixels = card.make(4), torch.rand(2, 3, 20, 30)
    assert net.features(pixels).shape == (2, 8, 20 // net.stride, 30 // net.stride)
    scores = net.scores(pixels)
    assert scores.shape == (2, 4, 20, 30)
    assert torch.allclose(scores.sum(1), torch.ones(2, 20, 30))


def test_a_tracker(monkeypatch):
    entry, code = recipe("A tracker")
    scope = {**vars(track_settings), "Tracker": Tracker}
    exec(entry.replace("\nTracker(", "\nmade = Tracker("), scope)
    monkeypatch.setitem(sys.modules, "segcore.track.trackers.nearest", module(code, "nearest"))
    monkeypatch.setattr("segcore.track.catalog.TRACKERS", {**TRACKERS, "nearest": scope["made"]})
    scene = make_scene("easy", 0, misses=0.0, false_alarms=0.0)
    scores = tracking_scores(scene.truth, track(scene.detections, "nearest", far=0.4).boxes)
    assert (scores["switches"], scores["fn"]) == (0, 0)


def test_a_playground(monkeypatch):
    (code,) = recipe("A playground")
    playground = module(code, "mean").PLAYGROUND
    monkeypatch.setitem(PLAYGROUNDS, playground.key, playground)
    answers = Answers(Service(device="cpu"))
    first = answers.answer({"query": {"play": "mean"}})
    assert first["view"]["rows"][0][1]["rows"] == [["mean", "3", "Σ x / n"]]
    assert first["preset"] == 0
    moved = answers.answer({"query": {"play": "mean"}, "given": playground.presets[1].state})
    assert moved["view"]["rows"][0][1]["rows"][0][1] == "0"
    again = answers.answer({"query": dict(parse_qsl(moved["link"].removeprefix("?")))})
    assert again["state"] == moved["state"]
    assert again["problems"] == []
    assert len(answers.answer({"query": {"play": "mean", "n": "99"}})["problems"]) == 1


def test_an_algorithm_of_step_by_step(monkeypatch):
    (code,) = recipe("An algorithm of Step by step")
    made = module(code, "mean")
    monkeypatch.setattr(steps_run, "ALGORITHMS", {**ALGORITHMS, "mean": made.MEAN})
    value = steps_run.sequence(Service(device="cpu"), Asked("mean", "blobs", Settings(), n_points=30))
    assert [frame["step"] for frame in value["frames"]] == ["rows-1", "rows-2", "rows-4", "rows-8", "rows-16", "rows-30"]
    X = toy_points("blobs", n=30, generator=make_generator(Settings().seed))[0]
    *_, last = made.mean_steps(X)
    assert torch.allclose(last.mean, X.mean(0))


def test_every_recipe_is_followed_here():
    headings = set(re.findall(r"^## (An? [\w ]+)$", TEXT, re.MULTILINE))
    with_code = {heading for heading in headings if recipe(heading)}
    assert with_code == {
        "A method", "A backbone", "A collection system", "A learning system", "A network", "A tracker", "A tab", "A page",
        "A playground", "An algorithm of Step by step", "A component",
    }  # fmt: skip
    assert headings - with_code == {"A setting", "A document"}


def test_the_example_method_is_what_it_says():
    scope = {}
    exec(recipe("A method")[0], scope)
    X = torch.tensor([[0.0, 9.0], [1.0, 9.0], [5.0, 9.0], [6.0, 9.0]])
    assert scope["halves"](X).labels.tolist() == [0, 0, 1, 1]
