"""The event behind every control: what it sends, what it leaves out, and how a stop ends it."""

from types import SimpleNamespace
from urllib.parse import parse_qsl

import gradio as gr
import pytest

from demo.lab.run import FIXED, Run
from demo.lab.tab import Panel, Shown
from demo.lab.tabs.compare.asked import all_methods
from demo.lab.tabs.segments import viewer_value
from demo.shared.controls import FIELDS
from demo.shared.link import read_link, write_link
from demo.shared.service import EXAMPLES, Service
from demo.shared.texts import READY, STOPPED
from segcore.settings import DEFAULTS, Settings, params
from segcore.show.palette import PALETTE
from tests.test_own_labels import file_of

VISITOR = SimpleNamespace(session_hash="visitor")
COFFEE = str(EXAMPLES / "coffee.jpg")
QUICK = DEFAULTS.replace(backbone="color", max_side=96, n_segments=3)
SKIPPED = gr.skip()


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


def panel(name, calls, **options):
    def fill(view, *inputs):
        calls.append((name, view.shown, inputs))
        yield (f"{name}: {view.result.n_segments} segments",)

    return Panel((None,), fill, **options)


def make_run(service):
    calls = []
    panels = {
        "one": panel("one", calls),
        "two": panel("two", calls, inputs=(None, None), fresh=("none", "of them")),
        "three": panel("three", calls, inputs=(None,)),
    }
    return Run(service, panels), calls


def ask(run, settings=QUICK, *, number=1, newest=0, tab="one", shown=None, picture=COFFEE, visitor=VISITOR):
    values = (*settings.to_dict().values(), "a", "b", "c")
    return [
        (dict(zip(FIXED, answer, strict=False)), answer[len(FIXED) :])
        for answer in run.show(number, tab, newest, shown, picture, visitor, *values)
    ]


def sent(fixed):
    return {name: value for name, value in fixed.items() if value != SKIPPED}


def test_only_the_open_tab_is_filled(service):
    run, calls = make_run(service)
    fixed, tabs = ask(run, tab="three")[-1]
    assert tabs == (SKIPPED, SKIPPED, "three: 3 segments")
    assert calls == [("three", Shown(COFFEE, QUICK), ("c",))]
    assert set(sent(fixed)) == set(FIXED)
    assert "3 segments on" in fixed["status"]
    assert fixed["address"].startswith("?example=coffee&")


def test_a_run_that_a_newer_one_overtook_changes_nothing(service):
    run, calls = make_run(service)
    for number in (0, 2, 3):  # superseded before it was sent; older; the same again
        assert [(sent(fixed), set(map(str, tabs))) for fixed, tabs in ask(run, number=number, newest=3)] == [
            ({}, {str(SKIPPED)})
        ]
    assert not calls


def test_what_is_shown_already_is_not_shown_again(service):
    """So an example that sets picture and controls one after the other is computed once, and its seconds stay."""
    run, calls = make_run(service)
    shown = Shown(COFFEE, QUICK)
    assert [sent(fixed) for fixed, _ in ask(run, shown=shown, number=7)] == [{"newest": 7}]
    assert not calls


def test_what_a_tab_reads_of_one_picture_is_not_for_another(service):
    run, calls = make_run(service)
    ask(run, tab="two", shown=Shown(COFFEE, QUICK.replace(n_segments=4)))
    ask(run, tab="two", shown=Shown(str(EXAMPLES / "cat.jpg"), QUICK))
    assert [inputs for _, _, inputs in calls] == [("a", "b"), ("none", "of them")]


def test_without_a_picture_it_says_what_to_do(service):
    run, calls = make_run(service)
    ((fixed, _),) = ask(run, picture=None, shown=Shown(COFFEE, QUICK))
    assert fixed["status"] == READY
    assert fixed["shown"] is None
    assert not calls


def test_a_stop_is_by_value(service):
    """Everything up to its number ends, what is shown stays, and the next change of a control computes."""
    run, calls = make_run(service)
    hasty, shown = SimpleNamespace(session_hash="hasty"), Shown(COFFEE, QUICK.replace(n_segments=6))
    service.stops.stop(10, hasty)
    ((fixed, tabs),) = ask(run, number=10, newest=4, shown=shown, visitor=hasty)
    assert sent(fixed) == {"newest": 10, "status": STOPPED, "shown": Shown(COFFEE, shown.settings, stopped=True)}
    assert tabs == (SKIPPED,) * 3
    assert not calls
    fixed, tabs = ask(run, number=11, newest=10, shown=fixed["shown"], settings=shown.settings, visitor=hasty)[-1]
    assert "6 segments on" in fixed["status"]
    assert fixed["shown"] == shown
    assert "6 segments on" in ask(run, number=3, settings=shown.settings)[-1][0]["status"], "somebody else did not stop"


def test_a_link_restores_an_upload_by_its_digest(service, tmp_path):
    upload = tmp_path / "mine.jpg"
    upload.write_bytes((EXAMPLES / "cat.jpg").read_bytes()[:-2] + b"\xff\xd9")
    upload.write_bytes((EXAMPLES / "retina.jpg").read_bytes() + b" ")  # not the example's file any more
    run, _ = make_run(service)
    address = ask(run, picture=str(upload))[-1][0]["address"]
    query = dict(parse_qsl(address.removeprefix("?")))
    assert "example" not in query
    assert str(upload) not in address
    linked = read_link(service, query)
    assert (linked.picture, linked.example) == (str(upload), None)
    assert linked.settings == QUICK
    upload.unlink()
    with pytest.warns(UserWarning, match="no longer here"):
        gone = read_link(service, query)
    assert gone.example is not None
    assert gone.settings == QUICK


def test_the_address_of_an_example_restores_it_and_its_settings(service):
    run, _ = make_run(service)
    address = ask(run)[-1][0]["address"]
    query = dict(parse_qsl(address.removeprefix("?")))
    assert read_link(service, query).settings == QUICK
    assert read_link(service, {"example": "cat"}).settings == Settings()
    assert set(FIELDS) == set(QUICK.to_dict())


def test_a_link_restores_the_labels_of_a_network_while_its_weights_are_here(service, tmp_path):
    """By the name of the file, never by a path; on pages that take no weights, and when they are gone, by neither."""
    weights = file_of("deeplab", tmp_path)
    settings = Settings(method="network", backbone=str(weights), crf=True)
    query = dict(parse_qsl(write_link(settings, service.examples["cat"], "").removeprefix("?")))
    assert query["backbone"] == weights.name
    service.keep_upload(weights.name, str(weights))
    assert read_link(service, query, own_weights=True).settings == settings
    result = service.pipeline.run(COFFEE, settings)
    shown = viewer_value(result, "", key="", alt="")
    assert shown["names"] == ["sky", "ground", "post", "sign"]
    assert shown["palette"] == list(PALETTE.hex(4))
    assert sum(shown["areas"]) == pytest.approx(1)
    assert read_link(service, query).settings == Settings(crf=True)
    weights.unlink()
    with pytest.warns(UserWarning, match="no longer here"):
        gone = read_link(service, query, own_weights=True)
    assert gone.settings == Settings(crf=True)
    assert read_link(service, query | {"method": "kmeans"}).settings == Settings(crf=True, method="kmeans")


def test_all_are_compared_that_the_backbone_allows():
    """A network's own labels need its file; every other method takes any backbone."""
    assert set(all_methods("weights.safetensors")) - set(all_methods("dino_tiny")) == {"network"}
    assert set(all_methods("weights.safetensors")) == set(params()["method"].choices)
