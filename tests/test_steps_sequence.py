"""What the page of steps sends: numbers that survive packing, sizes, questions and code that hold for the run at hand."""

import base64
import contextlib
import io
import json
import re
import zlib

import numpy as np
import pytest
import torch

from demo.shared.sequence import BUDGET, Table, html_number, kept, shown
from demo.shared.service import EXAMPLES, Service
from demo.steps.algorithm import OF_PICTURES
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import OWN, PICTURE, Asked, Opened
from demo.steps.data import load, packed_points, unpacked_points
from demo.steps.run import Sequences, sequence
from demo.steps.run.restore import default_points
from segcore.cluster.gmm import COVARIANCES
from segcore.errors import InputError
from segcore.settings import DEFAULTS, Settings

COFFEE = str(EXAMPLES / "coffee.jpg")
SMALL = Settings(backbone="color", max_side=128, n_segments=4, crf_steps=3, n_superpixels=60, n_init=3)
ON_POINTS = [name for name, algorithm in ALGORITHMS.items() if "points" in algorithm.on]


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


@pytest.fixture(scope="module")
def small(service):
    """Sequences on a small picture, each made once."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = sequence(service, Asked(name, PICTURE, SMALL, COFFEE))
        return made[name]

    return get


def decoded(entry):
    """What the browser makes of a packed array; see demo/shared/components/player/arrays.js."""
    raw = np.frombuffer(zlib.decompress(base64.b64decode(entry["d"])), np.uint8)
    match entry["t"]:
        case "u8":
            return raw
        case "s8":
            return raw.astype(int) - 1
        case "u16" | "s16":
            return raw.view("<u2").astype(int) - (entry["t"] == "s16")
        case "q8":
            return entry["lo"] + (entry["hi"] - entry["lo"]) * raw / 255
        case "f64":
            return raw.view("<f8")
        case "f24":
            planes = raw.reshape(3, -1).astype(np.uint32)
            return ((planes[0] << 24) | (planes[1] << 16) | (planes[2] << 8)).astype(np.uint32).view(np.float32)


# ---- Packing ----


def test_numbers_survive_packing():
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(1000, generator=generator) * 10 ** torch.linspace(-20, 20, 1000)
    table = Table()
    back = decoded(table.arrays[table.put(values)])
    assert np.allclose(back, values.numpy(), rtol=1.6e-5, atol=0)
    coarse = decoded(table.arrays[table.put(values[:500], coarse=True)])
    assert np.abs(coarse - values[:500].numpy()).max() <= float(values[:500].max() - values[:500].min()) / 255
    for whole in (torch.tensor([-1, 0, 5]), torch.tensor([0, 255]), torch.tensor([256, 3]), torch.tensor([-1, 700])):
        assert (decoded(table.arrays[table.put(whole)]) == whole.numpy()).all()


def test_equal_arrays_stand_once():
    table = Table()
    assert table.put(torch.ones(9)) == table.put(torch.ones(9))
    assert table.put(torch.ones(9)) != table.put(torch.zeros(9))
    assert len(table.arrays) == 2


@pytest.mark.parametrize(("n", "most"), [(5, 9), (9, 9), (100, 24), (300, 10), (40, 3)])
def test_thinning_keeps_the_ends_and_what_is_asked_about(n, most):
    chosen = kept(n, most, always=[n // 2])
    assert chosen[0] == 0
    assert chosen[-1] == n - 1
    assert n // 2 in chosen
    assert chosen == sorted(set(chosen))
    assert len(chosen) <= max(most + 1, min(n, most))


@pytest.mark.parametrize("value", [0, 1, -0.5, 412.7, 12345.6, 1e-7, -3.14159e9, 99999.99])
def test_numbers_on_the_page_are_those_that_python_prints(value):
    text = html_number(value).replace("−", "-").replace("·10<sup>", "e").replace("</sup>", "")
    assert float(text) == float(shown(value)) == float(f"{value:.4g}")


# ---- Own points ----


def test_points_survive_the_address():
    points = torch.rand(40, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    back = unpacked_points(packed_points(points))
    assert float((back - points).abs().max()) <= 0.5 / 127.5 + 1e-9
    assert packed_points(back) == packed_points(points)


@pytest.mark.parametrize("text", ["", "A", "AAAA", "ÄÖ", "<script>", "A" * 4000])
def test_points_that_cannot_be_are_one_sentence(text):
    with pytest.raises(InputError) as error:
        unpacked_points(text)
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("name", ON_POINTS)
def test_settings_that_are_hidden_on_points_change_nothing_there(service, name):
    other = {"pca_dims": 1, "knn_weight": 77.0}
    assert other.keys() == set(OF_PICTURES)
    first, second = (sequence(service, Asked(name, "blobs", s))["frames"] for s in (SMALL, SMALL.replace(**other)))
    shown = [[(frame["title"], frame["numbers"], frame["views"]) for frame in frames] for frames in (first, second)]
    assert shown[0] == shown[1]


@pytest.mark.parametrize("name", ON_POINTS)
def test_every_algorithm_runs_on_points_of_ones_own(service, name):
    value = sequence(service, Asked(name, OWN, SMALL, points=default_points()))
    assert value["n"] == 30
    assert value["editable"]


# ---- Sequences ----


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_sequence_refers_to_arrays_that_it_has(small, name):
    value = small(name)
    text = json.dumps({k: v for k, v in value.items() if k != "arrays"})
    assert all(key in text for key in value["arrays"])  # and sends none for nothing
    for frame in value["frames"]:
        for view in frame["views"]:
            for key in ("labels", "values", "lit", "out", "moved"):
                if view["kind"] in ("map", "scatter") and view.get(key) is not None:
                    assert view[key] in value["arrays"]
    names = [frame["step"] for frame in value["frames"]]
    assert value["start"] in names
    assert len(set(names)) == len(names)
    assert 0 <= value["point"] < value["n"]
    for frame in value["frames"]:
        assert frame["said"].endswith(".") or frame["said"].endswith(")."), frame["said"]
        assert "{" not in frame["said"] + frame["title"]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_questions_have_answers_in_the_states(small, name):
    value = small(name)
    names = [frame["step"] for frame in value["frames"]]
    assert 2 <= len(value["questions"]) <= 4
    for question in value["questions"]:
        assert names.index(question["before"]) < names.index(question["after"]), question["ask"]
        assert question["ask"][-1] in "?."
        assert "{" not in question["ask"] + question["why"]
        if question["options"]:
            assert 0 <= question["right"] < len(question["options"])
            assert len(set(question["options"])) == len(question["options"])
        else:
            hits = decoded(value["arrays"][question["right"]])
            assert len(hits) == value["n"]
            assert 0 < hits.sum() < value["n"]


def printed(code):
    """What Python prints for a step, by the name before the equals sign."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(code, "step", "exec"), {})
    return dict(line.rsplit(" = ", 1) for line in out.getvalue().splitlines())


def code_of(value, frame, variant=None, i=0):
    python = (variant or {}).get("python", frame["python"])
    return value["code"] + "\n" + python.replace("@i@", str(i))


def check_numbers(value, frame, variant=None):
    found = printed(code_of(value, frame, variant))
    numbers = (variant or {}).get("numbers", frame["numbers"])
    for number in numbers:
        shown_value = number["value"].replace("−", "-").replace("·10<sup>", "e").replace("</sup>", "")
        assert float(found[number["symbol"]]) == pytest.approx(float(shown_value), rel=2e-3, abs=1e-12), number
    assert len(found) >= len(numbers)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_python_of_a_step_prints_its_numbers(small, name, monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    value = small(name)
    frames = {id(f): f for f in (value["frames"][len(value["frames"]) // 2], value["frames"][-1])}
    for frame in frames.values():
        check_numbers(value, frame)
        for variant in frame.get("variants", [])[:2]:
            check_numbers(value, frame, variant)


@pytest.mark.parametrize("name", ON_POINTS)
def test_the_python_of_a_step_prints_its_numbers_on_points(service, name):
    for data, points in (("moons", ""), (OWN, default_points())):
        value = sequence(service, Asked(name, data, SMALL, points=points))
        check_numbers(value, value["frames"][-1])


def test_the_python_prints_what_the_formula_shows_at_a_patch(service):
    value = sequence(service, Asked("kmeans", "blobs", SMALL))
    frame = value["frames"][1]
    found = printed(code_of(value, frame, i=17))
    for line in frame["formula"][:4]:
        token = line[1]
        number = decoded(value["arrays"][token["a"]])[17 * token["w"] + token["k"]]
        assert float(found[f"d²_i{token['k'] + 1}"]) == pytest.approx(float(number), rel=1e-3)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_means_and_covariances_stand_in_an_m_step_as_python_prints_them(service, covariance):
    value = sequence(service, Asked("gmm", "stretched", SMALL.replace(n_segments=3, covariance=covariance)))
    frame = next(frame for frame in value["frames"] if frame["step"] == "m-2")
    found = printed(code_of(value, frame))
    for k in (1, 2, 3):
        line = frame["formula"][k][0]
        entries = [
            float(x.replace("−", "-").replace("·10<sup>", "e").replace("</sup>", ""))
            for x in re.findall("<mtext>(.*?)</mtext>", line)
        ]
        names = [f"μ_{k}[{a}]" for a in (0, 1)] + [f"Σ_{k}[{a}, {b}]" for a in (0, 1) for b in (0, 1)]
        assert entries == pytest.approx([float(found[name]) for name in names], rel=1e-3, abs=1e-12)
        assert entries[3] == entries[4]
        assert (entries[3] == 0) == (covariance != "full")


def test_ticks_are_read_from_the_run(service):
    value = sequence(service, Asked("gmm", "stretched", SMALL))
    claims = [n for frame in value["frames"] for n in frame["numbers"] if "holds" in n]
    assert len(claims) > 5
    assert all(claim["holds"] for claim in claims)


def test_does_kmeans_always_work(service):
    """The answer follows from the run: yes on blobs, no on moons and on unequal groups."""
    answers = {}
    for data, k in (("blobs", 3), ("moons", 2), ("unequal", 3)):
        settings = SMALL.replace(n_segments=k)
        value = sequence(service, Asked("kmeans", data, settings, n_points=200))
        answers[data] = next(q["right"] for q in value["questions"] if q["id"] == "groups")
    assert answers == {"blobs": 0, "moons": 1, "unequal": 1}


def test_the_min_cut_takes_the_outlier_and_the_normalized_cut_does_not(service):
    value = sequence(service, Asked("min_cut", "outlier", SMALL, n_points=80, gamma=6.0))
    size = next(q for q in value["questions"] if q["id"] == "size")
    assert size["right"] == 0
    numbers = {n["symbol"]: n["value"] for n in value["frames"][-1]["numbers"]}
    assert float(numbers["Ncut of the min cut"]) > float(numbers["Ncut of the normalized cut"])


def test_a_remembered_sequence_is_the_same_and_a_linked_step_is_kept(service):
    sequences = Sequences(service)
    asked = Asked("kmeans", "blobs", SMALL)
    first, cached = sequences.get(asked, Opened())
    again, cached_again = sequences.get(asked, Opened())
    assert (cached, cached_again) == (False, True)
    assert first is again
    opened, _ = sequences.get(asked, Opened("update-1", 5))
    assert opened["open"] == {"step": "update-1", "point": 5}
    assert sequences.get(asked, Opened("nowhere", 10**6))[0]["open"] == {"step": "", "point": None}


@pytest.mark.slow
@pytest.mark.parametrize("name", ALGORITHMS)
def test_sizes_at_480_pixels(service, name):
    for settings in (DEFAULTS, *([DEFAULTS.replace(n_segments=12)] if "n_segments" in ALGORITHMS[name].reads else [])):
        value = sequence(service, Asked(name, PICTURE, settings, COFFEE))
        assert value["n"] <= 2400
        assert len(json.dumps(value)) <= BUDGET <= 1_500_000


def test_data_of_a_picture_are_its_patches(service):
    data = load(service, Asked("kmeans", PICTURE, SMALL, COFFEE))
    assert data.n == data.h * data.w == len(data.xy)
    # The plane is that of the leading components: distances never grow, and as much variance as any plane can hold.
    assert bool((torch.cdist(data.xy, data.xy) <= torch.cdist(data.X.double(), data.X.double()) + 1e-4).all())
