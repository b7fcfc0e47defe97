"""What the tab "One patch" answers: rows of the very graph that was cut, nothing computed again, a sentence for nonsense."""

import base64

import numpy as np
import pytest
import torch
from PIL import Image

from demo.lab import texts
from demo.lab.tab import Shown, View
from demo.lab.tabs.patch.run import MOST_NEIGHBORS, Answers
from demo.shared.service import EXAMPLES, Service
from segcore.graph.affinity import cosine_affinity
from segcore.numerics import normalize_rows
from segcore.pipeline import stages
from segcore.settings import Settings
from tests.asserts import assert_close
from tests.checkpoints import make_family, write_folder
from tests.scenes import two_discs
from tests.test_pipeline import WITHOUT_WEIGHTS

BASE = Settings(backbone="color", max_side=96, n_segments=3, knn_neighbors=6, n_superpixels=20, pixel_side=48)
CAT = str(EXAMPLES / "cat.jpg")


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "discs.png"
    Image.fromarray(two_discs(51, 68)[0].numpy()).save(path)
    return str(path)


@pytest.fixture(scope="module")
def tab():
    return make_tab()


def make_tab(**options):
    return Answers(Service(device="cpu", **options))


def show(tab, picture, settings, second=None):
    result = tab._service.pipeline.run(picture, settings)
    return tab.first(View(Shown(picture, settings), result, lambda: None), second)


def ask(tab, value, row, column):
    answer = tab.probe({"token": value["token"], "row": row, "column": column})
    assert "problem" not in answer, answer
    return answer


def unpacked(packed):
    return torch.from_numpy(np.frombuffer(base64.b64decode(packed), "<f4").copy())


@pytest.mark.parametrize(("row", "column"), [(0, 0), (4, 7), (8, 11)])
def test_the_maps_are_rows_of_the_graph_that_is_cut(tab, picture, row, column):
    value = show(tab, picture, BASE)
    answer = ask(tab, value, row, column)
    result = tab._service.pipeline.run(picture, BASE)
    W, X = result.affinity.W, result.features.X
    i, F = row * value["w"] + column, normalize_rows(X)
    maps = {key: unpacked(packed) for key, packed in answer["maps"].items()}
    assert list(maps) == [m["key"] for m in value["maps"]] == ["cosine", "w_feat", "w_knn", "w"]
    assert_close(maps["w"], W[i])
    assert_close(maps["w_feat"], cosine_affinity(X)[i], atol=1e-6)
    assert_close(maps["w_feat"] + maps["w_knn"], W[i], atol=1e-5)
    assert_close(maps["cosine"], F @ F[i], atol=1e-6)
    assert maps["cosine"].min() < 0 == maps["w_feat"].min()
    others = [j for j in np.argsort(-maps["cosine"].numpy(), kind="stable") if j != i]
    assert answer["nearest"] == others[:MOST_NEIGHBORS]
    assert {j: pytest.approx(w * BASE.knn_weight, rel=1e-4) for j, w in answer["edges"]} == {
        int(j): float(maps["w_knn"][j]) for j in maps["w_knn"].nonzero()[:, 0] if j != i
    }
    n_rows, n_columns = value["h"], value["w"]
    own, others = torch.tensor(answer["psi"]["own"]), torch.tensor(answer["psi"]["others"])
    assert own[4:].tolist() == pytest.approx([column / (n_columns - 1), row / (n_rows - 1)], abs=1e-5)
    assert_close(own[:2].norm(), torch.tensor(1.0))
    assert_close(1 - (own - others).norm(dim=1), torch.tensor([w for _, w in answer["edges"]]), atol=1e-5)
    assert answer["degree"][0] == pytest.approx(float(W[i].sum()), rel=1e-5)
    assert answer["degree"][1] == pytest.approx(float(maps["w_knn"].sum() / W[i].sum()), rel=1e-4)
    assert answer["label"] == result.cell_labels[row, column]
    for index, eigenvalue, entry, largest in answer["vectors"]:
        assert eigenvalue == float(result.spectrum.eigenvalues[index])
        assert entry == float(result.spectrum.V[i, index])
        assert largest == float(result.spectrum.V[:, index].abs().max())


def test_a_graph_that_is_never_stored_gives_the_same_rows(tab, picture, monkeypatch):
    stored = ask(tab, show(tab, picture, BASE), 3, 5)
    monkeypatch.setattr(stages, "graph_fits", lambda *_: False)
    other = make_tab()
    never = ask(other, show(other, picture, BASE), 3, 5)
    assert not isinstance(other._service.pipeline.run(picture, BASE).affinity.W, torch.Tensor)
    for key in ("cosine", "w_feat", "w_knn", "w"):
        assert_close(unpacked(never["maps"][key]), unpacked(stored["maps"][key]), atol=1e-6)
    assert never["nearest"] == stored["nearest"]


def test_a_click_computes_no_stage(picture, monkeypatch):
    tab = make_tab()
    value = show(tab, picture, BASE.replace(crf=True), second=CAT)
    cache, missing = tab._service.pipeline.cache, []
    get = cache.get

    def watched(key, make):
        found, cached = get(key, make)
        if not cached:
            missing.append(key)
        return found, cached

    monkeypatch.setattr(cache, "get", watched)
    ask(tab, value, 5, 5)
    assert not missing


def test_weights_that_do_not_follow_from_psi_come_without_it(tab, picture):
    assert ask(tab, show(tab, picture, BASE.replace(pixel_space="rgb_xy")), 3, 5)["psi"] is None


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_every_method_shows_what_it_has_and_says_what_not(tab, picture, method):
    settings = BASE.replace(method=method)
    value = show(tab, picture, settings)
    answer = ask(tab, value, value["h"] - 1, value["w"] - 1)  # in the border extension, where the grid has one
    result = tab._service.pipeline.run(picture, settings)
    assert list(answer["maps"]) == [m["key"] for m in value["maps"]]
    assert all(len(unpacked(m)) == value["h"] * value["w"] for m in answer["maps"].values())
    assert ("w" in answer["maps"]) == (result.affinity is not None) == (texts.PATCH_NO_W not in value["note"])
    assert ("w_pixels" in answer["maps"]) == (method == "ncut_pixels")
    assert bool(answer["vectors"]) == (result.spectrum is not None) == (texts.PATCH_NO_VECTORS not in value["note"])
    assert len(value["names"]) == len(value["palette"]) > answer["label"] == result.cell_labels[-1, -1]


def test_the_same_picture_finds_every_patch_in_itself(tab, picture):
    """Distinct places make features distinct, so the best match is the patch, with cosine 1."""
    value = show(tab, picture, BASE, second=picture)
    for cell in ([0, 0], [4, 7], [8, 11]):
        found = ask(tab, value, *cell)["second"]
        assert found["best"] == cell
        assert found["cosine"] == pytest.approx(1, abs=1e-6)


def test_features_of_the_second_picture_are_of_the_same_facet(picture, tmp_path):
    _, state, config = make_family("dino")
    tab = make_tab(weights=str(write_folder(tmp_path, state, config)))
    seen = {}
    for facet in ("key", "value"):
        settings = Settings(facet=facet, block=-2, max_side=64, method="kmeans", n_segments=2)
        value = show(tab, picture, settings, second=CAT)
        seen[facet] = unpacked(ask(tab, value, 1, 2)["second"]["values"])
        here, there = (tab._service.pipeline.values(p, settings, "features")["features"] for p in (picture, CAT))
        assert here.origin == there.origin
        F, f = normalize_rows(there.X), normalize_rows(here.f[1, 2][None])[0]
        assert_close(seen[facet], F @ f, atol=1e-5)
        assert len(seen[facet]) == value["second"]["h"] * value["second"]["w"]
    assert not torch.allclose(seen["key"], seen["value"], atol=1e-3)


def test_a_damaged_second_picture_is_one_sentence_and_spoils_nothing(tab, picture, tmp_path):
    path = tmp_path / "words.png"
    path.write_bytes(b"only words")
    value = show(tab, picture, BASE, second=str(path))
    assert "not a picture" in value["second"]["problem"]
    assert ask(tab, value, 1, 1)["second"] is None


def test_colors_are_said_to_be_relative(tab, picture):
    assert show(tab, picture, BASE, second=CAT)["second"]["note"] == texts.PATCH_CENTERED
    assert show(tab, picture, BASE.replace(method="slic"), second=CAT)["second"]["note"] == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"row": 9}, "rows 1 to 9 and columns 1 to 12; got row 10"),
        ({"column": -1}, "got row 1, column 0"),
        ({"row": 1e300}, "whole numbers"),
        ({"row": float("nan")}, "whole numbers"),
        ({"row": None}, "whole numbers"),
        ({"row": [1]}, "whole numbers"),
        ({"token": "another"}, "no longer remembers"),
        ({"token": None}, "no longer remembers"),
        ({"token": ["x"]}, "no longer remembers"),
    ],
)
def test_nonsense_is_one_sentence(tab, picture, change, words):
    question = {"token": show(tab, picture, BASE)["token"], "row": 0, "column": 0}
    assert words in tab.probe(question | change)["problem"]


@pytest.mark.parametrize("question", [None, [], "row 1", 7])
def test_a_question_of_another_shape_is_one_sentence(tab, question):
    assert "token" in tab.probe(question)["problem"]


def test_the_browser_can_name_no_file(tab, picture):
    """A question holds a token; a path in its place opens nothing."""
    assert tab.probe({"token": picture, "row": 0, "column": 0})["problem"] == texts.PATCH_FORGOTTEN
    assert tab.probe({"picture": picture, "row": 0, "column": 0})["problem"] == texts.PATCH_FORGOTTEN
