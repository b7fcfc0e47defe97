"""The playgrounds without a browser: the lectures' numbers, links that restore, true sums, and any question answered."""

import math
import random
import re
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from demo.playgrounds import fields, show
from demo.playgrounds.asked import NAME
from demo.playgrounds.fields import Choice, Number, Painted, Table
from demo.playgrounds.games import PLAYGROUNDS
from demo.playgrounds.games.flavours import scene
from demo.playgrounds.run import Answers
from demo.shared.link import CARRIED
from demo.shared.service import Service
from segcore.metrics.information import mutual_information
from segcore.taught.receptive import Layer, receptive_fields

FAST = {"backbone": "color", "method": "kmeans", "n_segments": "3", "max_side": "96"}
PRESETS = [(key, i) for key, p in PLAYGROUNDS.items() for i in range(len(p.presets))]
MOST_BYTES = 700_000
DOCUMENT = Path(__file__).parents[1] / "docs" / "playgrounds.md"


@pytest.fixture(scope="module")
def answers():
    return Answers(Service(device="cpu"))


def ask(answers, play, **given):
    reply = answers.answer({"query": {NAME: play, "example": "discs", **FAST}, "given": given})
    assert "problem" not in reply, reply
    return reply


def blocks(reply, kind="table"):
    return {b["id"]: b for row in reply["view"]["rows"] for b in row if b["block"] == kind}


def values(reply, key):
    return np.array(blocks(reply)[key]["values"], float)


def facts(reply):
    told = [row for r in reply["view"]["rows"] for b in r if b["block"] == "facts" for row in b["rows"]]
    return {symbol: value for symbol, value, _ in reversed(told)}  # the first of a name counts


def checks(reply):
    return [row for r in reply["view"]["rows"] for b in r if b["block"] == "checks" for row in b["rows"]]


def sums(reply):
    """Every output of the links, from its factors."""
    view = reply["view"]
    flat = {key: np.array(b["values"]).ravel() for key, b in blocks(reply).items() if b.get("values")}
    flat |= {key: np.array(b["values"]) for key, b in view.get("hidden", {}).items()}
    links = view["links"]
    out = flat[links["out"]]
    for o in range(len(out)):
        rows = [flat[f["table"]][f["cells"][o]] if f["cells"] else flat[f["table"]] for f in links["factors"]]
        yield float(np.prod(rows, axis=0).sum()), float(out[o])


# ---- The lectures' numbers ----


def test_the_convolution_of_the_lecture(answers):
    assert values(ask(answers, "convolution"), "y").tolist() == [[12, 35, -18], [21, 15, 25], [-15, 1, 8]]
    unfolded = values(ask(answers, "convolution", form="unfold"), "U")
    assert unfolded[1].tolist() == [3, 2, -5, 3, 2, 1, 0, 3, 3]


def test_the_adaptive_kernel_of_the_lecture(answers):
    assert values(ask(answers, "adaptive"), "y")[0, 0] == -4
    reply = ask(answers, "adaptive", k_from="guide")
    K = np.array(reply["view"]["hidden"]["K"]["values"]).reshape(9, 9)
    np.testing.assert_allclose(K[0, :2], [math.exp(-1), math.exp(-3)], rtol=1e-8)
    assert K[0, 4] == 1


@pytest.mark.parametrize(("index", "bits"), [(1, "0 bits"), (2, "1 bits"), (0, "0.3113 bits")])
def test_the_tables_of_the_lecture(answers, index, bits):
    preset = PLAYGROUNDS["information"].presets[index]
    assert preset.seed == "002.8"
    assert facts(ask(answers, "information", **preset.state))["I(X; Y)"] == bits


def test_the_checkerboard_of_the_lecture(answers):
    uneven = values(ask(answers, "upsampling", x=[[1] * 3] * 3), "y")
    assert sorted(set(uneven[1:-1, 1:-1].ravel())) == [1, 2, 4]
    even = values(ask(answers, "upsampling", kernel=4, x=[[1] * 3] * 3), "y")
    assert set(even[2:-2, 2:-2].ravel()) == {4}


def test_dilation_of_the_lecture(answers):
    for d in (1, 2, 3):
        reply = ask(answers, "receptive", size=32, row=16, column=16, layers=[[0, 3, 1, d, 64]])
        assert facts(reply)["r"] == f"{d * 2 + 1} px"
        assert all(ok for ok, _ in checks(reply))


def test_two_cars_as_one(answers):
    told = facts(ask(answers, "flavours"))
    assert told["pixel accuracy"] == "1"
    assert told["TP, FP, FN"] == "6, 0, 1"
    perfect = facts(ask(answers, "flavours", painted=scene.TRUTH.tolist()))
    assert perfect["PQ"] == "1"


# ---- Every preset ----


@pytest.mark.parametrize(("key", "index"), PRESETS, ids=[f"{k}-{i}" for k, i in PRESETS])
def test_every_preset_shows_something_and_its_link_restores_it(answers, key, index):
    preset = PLAYGROUNDS[key].presets[index]
    reply = ask(answers, key, **preset.state)
    if reply["view"].get("wait"):
        answers.segment({"query": {NAME: key, "example": "discs", **FAST}})
        reply = ask(answers, key, **preset.state)
    assert "stopped" not in reply["view"]
    assert reply["problems"] == []
    assert reply["view"]["rows"]
    assert reply["preset"] == index
    assert len(str(reply)) < MOST_BYTES
    assert len(reply["link"]) < 2048
    query = dict(parse_qsl(reply["link"].lstrip("?")))
    again = answers.answer({"query": query, "given": {}})
    assert again["state"] == reply["state"]
    assert again["view"] == reply["view"]
    assert again["link"] == reply["link"]


@pytest.mark.parametrize("key", [k for k, p in PLAYGROUNDS.items() if k != "flavours"])
def test_the_first_preset_is_the_beginning(key):
    assert dict(PLAYGROUNDS[key].presets[0].state) == {}


@pytest.mark.parametrize(("key", "index"), PRESETS, ids=[f"{k}-{i}" for k, i in PRESETS])
def test_every_sum_that_is_spelled_out_is_true(answers, key, index):
    reply = ask(answers, key, **PLAYGROUNDS[key].presets[index].state)
    links = reply["view"].get("links")
    if not links or links["said"]:
        pytest.skip("nothing is spelled out as a sum of products")
    for total, shown in sums(reply):
        assert total == pytest.approx(shown, abs=1e-6)


# ---- Random states ----


def random_state(playground, rng):
    state = {}
    for field in playground.fields:
        if isinstance(field, Number):
            steps = round((min(field.hi, field.lo + 8 * field.step) - field.lo) / field.step)
            state[field.name] = field.lo + field.step * rng.randint(0, steps)
        elif isinstance(field, Choice):
            state[field.name] = rng.choice(list(field.choices))
        elif not isinstance(field, Painted) and field.rows is not None:
            low, high = max(field.lo, -9), min(field.hi, 9)
            state[field.name] = [[round(rng.uniform(low, high), rng.choice([0, 2])) for _ in range(9)] for _ in range(9)]
    return state


@pytest.mark.parametrize("key", PLAYGROUNDS)
def test_random_states_are_answered_and_their_links_restore_them(answers, key):
    """Whatever is set, there is a view or one sentence, and the address leads back to the same state."""
    rng = random.Random(0)
    playground = PLAYGROUNDS[key]
    for _ in range(12):
        given = random_state(playground, rng) | {"on": "numbers", "show": "scores"}
        reply = ask(answers, key, **{name: v for name, v in given.items() if any(f.name == name for f in playground.fields)})
        view = reply["view"]
        assert "stopped" in view or view["rows"]
        query = dict(parse_qsl(reply["link"].lstrip("?")))
        assert fields.read(playground.fields, query) == (reply["state"], [])
        if view.get("links") and not view["links"]["said"] and "stopped" not in view:
            assert all(total == pytest.approx(shown, abs=1e-5) for total, shown in sums(reply))


def test_random_convolutions_are_torch_s(answers):
    rng = random.Random(1)
    for _ in range(40):
        state = random_state(PLAYGROUNDS["convolution"], rng)
        reply = ask(answers, "convolution", **state)
        state = reply["state"]
        x, w = (torch.tensor(state[name], dtype=torch.float64)[None, None] for name in ("x", "w"))
        options = {name: state[name] for name in ("stride", "padding", "dilation")}
        if "stopped" in reply["view"]:
            with pytest.raises(RuntimeError):
                F.conv2d(x, w, **options)
            continue
        np.testing.assert_allclose(values(reply, "y"), F.conv2d(x, w, **options)[0, 0], atol=1e-6)


def test_random_tables_are_segcore_s(answers):
    rng = random.Random(2)
    for _ in range(20):
        reply = ask(answers, "information", **random_state(PLAYGROUNDS["information"], rng) | {"of": "table"})
        if "stopped" not in reply["view"]:
            value = mutual_information(reply["state"]["P"])
            assert float(facts(reply)["I(X; Y)"].split()[0]) == pytest.approx(value.I, rel=1e-3, abs=1e-9)
            np.testing.assert_allclose(values(reply, "terms"), value.terms, atol=1e-8)


def test_layers_are_those_of_segcore(answers):
    state = ask(answers, "receptive")["state"]["layers"]
    seen = receptive_fields([Layer("conv", k, s, d, None, c) for _, k, s, d, c in state], size=224)
    known = blocks(ask(answers, "receptive"), "stack")["layers"]["known"]
    assert [row[:3] for row in known] == [[str(s.size), str(s.stride), str(s.field)] for s in seen]


# ---- Whatever is sent ----

BAD = [
    None, 7, "x", [], {}, {"query": 3}, {"query": {NAME: "nothing"}}, {"query": {NAME: "convolution", "x": "a_b*c"}},
    {"query": {NAME: "convolution", "rows": "99", "stride": "nan", "form": "' OR 1"}},
    {"query": {NAME: "convolution"}, "given": {"x": [[math.nan]]}},
    {"query": {NAME: "convolution"}, "given": {"x": [[1e400, True, None, {}]]}},
    {"query": {NAME: "convolution"}, "given": {"x": [[1] * 1000] * 1000}},
    {"query": {NAME: "convolution"}, "given": {"x": [[]], "w": "", "kernel": [], "rows": {}}},
    {"query": {NAME: "convolution", "kernel": "9"}},
    {"query": {NAME: "information", "P": "0_0*0_0"}}, {"query": {NAME: "information", "P": "-1_0*0_1"}},
    {"query": {NAME: "flavours", "painted": "z.999."}}, {"query": {NAME: "flavours", "painted": "0.9999.0.9999."}},
    {"query": {NAME: "receptive", "layers": "0_999_1_1_1"}}, {"query": {NAME: "receptive", "layers": "9_3_1_1_1"}},
    {"query": {NAME: "receptive", "layers": "0_3_0_0_0"}}, {"query": {NAME: "pyramid", "rates": "0_0_0_0"}},
    {"query": {NAME: "upsampling", "padding": "3", "kernel": "1", "rows": "1"}},
    {"query": {NAME: "adaptive", "k_from": "guide", "kernel": "2"}},
    {"query": {NAME: "adaptive", "on": "picture", "window": "4", "example": "../../etc/passwd", "picture": "/etc/passwd"}},
    {"query": {NAME: "pointwise", "backbone": "/etc/passwd.safetensors"}},
]  # fmt: skip


@pytest.mark.parametrize("question", BAD, ids=lambda q: str(q)[:60])
def test_any_question_is_answered_by_a_view_or_a_sentence(answers, question):
    reply = answers.answer(question)
    told = [reply["problem"]] if "problem" in reply else [*reply["problems"], reply["view"].get("stopped", "")]
    for sentence in filter(None, told):
        assert sentence.rstrip().endswith(".")
        assert "Traceback" not in sentence
        assert "log entry" not in sentence, sentence
    assert "problem" in reply or reply["view"]["rows"]


def test_what_breaks_a_rule_is_told(answers):
    reply = answers.answer({"query": {NAME: "convolution", "rows": "99", "form": "box"}})
    assert len(reply["problems"]) == 2
    assert reply["state"]["rows"] == 9
    assert reply["state"]["form"] == "window"
    too_large = ask(answers, "convolution", kernel=7)
    assert "There is no output: the kernel spans 7" in too_large["view"]["stopped"]
    assert blocks(too_large)["x"]["edit"] == "x"  # and can be mended
    empty = ask(answers, "information", P=[[0, 0], [0, 0]])
    assert "must have a positive sum" in empty["view"]["stopped"]


def test_names_in_addresses_do_not_meet():
    for playground in PLAYGROUNDS.values():
        names = [field.name for field in playground.fields]
        assert len(set(names)) == len(names)
        assert not set(names) & {*CARRIED, NAME, "doc"}


def test_fields_come_before_the_tables_that_they_size():
    for playground in PLAYGROUNDS.values():
        state, problems = fields.read(playground.fields, {})
        assert not problems
        assert set(state) == {field.name for field in playground.fields}
        assert fields.write(playground.fields, state) == {}


def test_painted_labels_are_short_in_an_address():
    field = next(f for f in PLAYGROUNDS["flavours"].fields if isinstance(f, Painted))
    rng = random.Random(0)
    for _ in range(20):
        painted = [[rng.randint(0, 8) for _ in range(24)] for _ in range(16)]
        assert field.read(field.write(painted), {}) == painted
    assert len(field.write(scene.TRUTH.tolist())) < 700


def test_a_table_keeps_its_cells_when_it_grows_and_shrinks():
    field = Table("t", "t", ((1, 2), (3, 4)), lambda s: s["n"], lambda s: s["n"])
    assert field.read([[1, 2], [3, 4]], {"n": 3}) == [[1, 2, 0], [3, 4, 0], [0, 0, 0]]
    assert field.read([[1, 2], [3, 4]], {"n": 1}) == [[1]]


def test_labels_of_a_picture_come_through_the_queue(answers):
    query = {NAME: "upsampling", "on": "labels", "how": "bilinear", "example": "ellipses", **FAST}
    assert answers.answer({"query": query})["view"]["wait"]
    answers.segment({"query": query})
    reply = answers.answer({"query": query})
    assert set(blocks(reply, "picture")) == {"coarse", "fine", "soft"}
    assert "mIoU" in facts(reply)  # the picture was drawn with its labels


@pytest.mark.parametrize("how", PLAYGROUNDS["upsampling"].fields[0].choices)
def test_every_way_to_enlarge_labels_has_the_picture_s_size(answers, how):
    query = {NAME: "upsampling", "on": "labels", "how": how, "example": "discs", **FAST}
    answers.segment({"query": query})
    for spread in (0.25, 1.0, 1.5, 3):
        reply = answers.answer({"query": query, "given": {"on": "labels", "how": how, "spread": spread}})
        assert "stopped" not in reply["view"], reply["view"]["stopped"]
        shapes = {tuple(b["shape"]) for b in blocks(reply, "picture").values()}
        assert len(shapes) == 1


def test_the_document_lists_every_playground_and_its_example_prints_what_it_says(capsys):
    text = DOCUMENT.read_text(encoding="utf-8")
    listed = re.findall(r"^\| (.+?) \|.*\| `play=(\w+)` \|$", text, re.M)
    assert dict(listed) == {p.title.split(":")[0]: key for key, p in PLAYGROUNDS.items()}
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    exec(code, {})
    said = re.findall(r"# (.+)$", code, re.M)
    assert capsys.readouterr().out.splitlines() == said


def test_a_stride_between_two_whole_ones_is_named_and_the_nearest_one_is_shown(answers):
    reply = ask(answers, "receptive", layers=[[0, 3, 3.6, 1, 64]])
    assert reply["state"]["layers"] == [[0, 3, 4, 1, 64]]
    assert reply["problems"] == ["Layers: s must be a whole number; got 3.6. The nearest one is shown."]


def test_rounding_noise_is_shown_as_0_and_what_is_typed_stays():
    assert show.rounded([[1e-17, -2e-16, 0.5]]) == [[0, 0, 0.5]]
    assert show.number(-3e-17) == "0"
    assert show.table("x", "x", [[1e-14]], edit="x")["values"] == [[1e-14]]


def test_what_gives_an_answer_away_is_marked_in_the_playgrounds_without_outputs(answers):
    results = {
        name: {b.get("id", b["block"]) for row in ask(answers, name)["view"]["rows"] for b in row if b.get("result")}
        for name in ("receptive", "pyramid", "flavours")
    }
    assert results == {
        "receptive": {"field", "gradient"},
        "pyramid": {"b0", "b1", "b2", "b3", "fused"},
        "flavours": {"classes"},
    }
