"""What the page shows of the curves over K, of attention and of rounds, and what a click sends back."""

import base64
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from demo.lab import attention, count, rounds, texts
from segcore import Pipeline, Settings
from segcore.cluster.choose import Choice
from segcore.cut.dino_seg import dino_seg
from segcore.features import color_features
from segcore.image import fit_to_grid
from segcore.pipeline.criteria import CRITERIA
from tests.scenes import planted_features, two_discs

BASE = Settings(backbone="color", max_side=96, n_segments=3, pixel_side=48)


def unpack(text):
    return np.frombuffer(base64.b64decode(text), "<f4")


@pytest.fixture(scope="module")
def spectrum():
    return Pipeline(device="cpu").values(two_discs()[0], BASE, "spectrum")["spectrum"]


def choices(**ks):
    """Curves over 2 … 6 that choose what is said, and 4 where nothing is."""
    return {
        name: Choice(name, (2, 3, 4, 5, 6), tuple(float(k == ks.get(name, 4)) for k in range(2, 7)), ks.get(name, 4), 50, 50)
        for name in CRITERIA
    }


def test_agreement_and_disagreement_are_said(spectrum):
    assert count.curves_value(BASE, spectrum, choices())["verdict"] == texts.COUNT_AGREE.format(k=4)
    verdict = count.curves_value(BASE, spectrum, choices(bic=6))["verdict"]
    assert "disagree" in verdict
    assert all(f"{c.title} {'6 or more' if name == 'bic' else 4}" in verdict for name, c in CRITERIA.items())


def test_a_curve_that_still_rises_is_told(spectrum):
    curves = {c["key"]: c for c in count.curves_value(BASE, spectrum, choices(bic=6))["curves"]}
    assert "more may be better" in curves["bic"]["note"]
    assert "more may be better" not in curves["silhouette"]["note"]


def test_curves_come_one_by_one(spectrum):
    part = {k: v for k, v in choices().items() if k == "eigengap"}
    value = count.curves_value(BASE, spectrum, part)
    assert [bool(c["candidates"]) for c in value["curves"]] == [True, False, False, False]
    assert value["verdict"] == texts.COUNT_PENDING


def test_a_sample_is_told(spectrum):
    sampled = {name: dataclasses.replace(choice, n_rows=50, n=4000) for name, choice in choices().items()}
    assert all("50 of 4,000" in c["note"] for c in count.curves_value(BASE, spectrum, sampled)["curves"])


@pytest.mark.parametrize(
    ("changes", "k", "used"),
    [
        ({"method": "spectral"}, 3, "eigengap"),
        ({"method": "kmeans"}, 3, "silhouette"),
        ({"method": "gmm", "auto_k": True}, 5, "bic"),
        ({"method": "ncut", "auto_k": True}, 3, None),  # it takes K, and has no criterion
        ({"method": "tokencut"}, None, None),
    ],
)
def test_k_in_use_and_the_criterion_of_the_method_are_marked(changes, k, used, spectrum):
    value = count.curves_value(BASE.replace(**changes), spectrum, choices(bic=5))
    assert value["k"] == k
    assert [c["key"] for c in value["curves"] if c["in_use"]] == ([used] if used else [])
    assert ("takes no K" in value["aside"]) == (k is None)


def test_connected_components_are_told(spectrum):
    assert "connected: one" in count.curves_value(BASE, spectrum, {})["aside"]
    apart = dataclasses.replace(spectrum, n_components=3)
    assert "first 3 eigenvalues are 0" in count.curves_value(BASE, apart, {})["aside"]


def test_a_click_sets_k_and_the_head():
    assert count.take_k(SimpleNamespace(k=7)) == (False, 7)
    assert attention.take_head(SimpleNamespace(index=2)) == 2


@pytest.fixture
def looking(generator):
    """Color features with three heads beside them."""
    pixels, geometry = fit_to_grid(two_discs()[0], max_side=96, patch=8)
    maps = torch.rand(3, geometry.h, geometry.w, generator=generator)
    return dataclasses.replace(color_features(pixels, geometry), attention=maps)


def test_all_heads_their_mean_and_the_mask_of_the_head_in_use(looking):
    value = attention.attention_value(looking, BASE.replace(attention_head=1, attention_mass=0.4))
    heads, mask = value["rows"]
    assert [tile["title"] for tile in heads["tiles"]] == ["Head 0", "Head 1", "Head 2", texts.ATTENTION_MEAN]
    for tile, expected in zip(heads["tiles"], (*looking.attention, looking.attention.mean(0)), strict=True):
        assert np.array_equal(unpack(tile["values"]), expected.numpy().ravel())
    assert [tile.get("pressed") for tile in heads["tiles"]] == [False, True, False, None]
    assert [tile.get("choose") for tile in heads["tiles"]] == [0, 1, 2, None]
    found = dino_seg(looking.attention, head=1, mass=0.4)
    kept, piece = (unpack(tile["mask"]) > 0 for tile in mask["tiles"])
    assert kept.sum() == found.facts["patches_kept"]
    assert np.array_equal(piece, found.side.numpy())
    assert (value["h"] * value["w"], value["picture"][:10]) == (len(kept), "data:image")


def test_a_head_that_is_not_there_is_told_and_a_backbone_without_attention_too(looking):
    value = attention.attention_value(looking, BASE.replace(attention_head=4))
    assert "head 2 stands in for head 4" in value["lead"]
    assert [tile.get("pressed") for tile in value["rows"][0]["tiles"]] == [False, False, True, None]
    told = attention.attention_value(dataclasses.replace(looking, attention=None), BASE)
    assert "no [CLS] token" in told["message"]


def test_rounds_of_maskcut_show_what_was_left_out(monkeypatch, generator):
    f, _ = planted_features([(1, 1, 4, 5), (6, 3, 10, 7)], h=9, w=12, generator=generator)

    def planted(pixels, geometry):
        return dataclasses.replace(color_features(pixels, geometry), f=f)

    monkeypatch.setattr("segcore.features.color.color_features", planted)
    result = Pipeline(device="cpu").run(two_discs(72, 96)[0], BASE.replace(method="maskcut"))
    value = rounds.rounds_value(result)
    assert len(value["rows"]) == len(result.partition.rounds) == 3
    taken = np.zeros(9 * 12)
    for row, r in zip(value["rows"], result.partition.rounds, strict=True):
        graph, vector, found = row["tiles"]
        assert np.array_equal(unpack(graph["out"]), taken)
        assert np.array_equal(unpack(vector["mask"]) > 0, r.side.numpy())
        assert np.allclose(unpack(vector["values"]), (r.v - r.v.mean()).numpy())
        taken = np.maximum(taken, unpack(found["mask"]))
        assert f"{r.ncut:.3f}" in row["title"]
    assert np.array_equal(taken > 0, result.partition.labels.numpy() > 0)


@pytest.mark.parametrize("method", ["ncut", "ncut_pixels"])
def test_rounds_of_recursive_cuts(method):
    result = Pipeline(device="cpu").run(two_discs()[0], BASE.replace(method=method))
    value = rounds.rounds_value(result)
    assert len(value["rows"]) == 2
    assert "Cuts the whole picture." in value["rows"][0]["text"]
    assert "Cuts what cut 1" in value["rows"][1]["text"]
    assert all(len(tile["title"]) and "out" in row["tiles"][0] for row in value["rows"] for tile in row["tiles"])


def test_a_method_that_cuts_once_has_no_rounds():
    assert rounds.rounds_value(Pipeline(device="cpu").run(two_discs()[0], BASE.replace(method="fiedler"))) is None
