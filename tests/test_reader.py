"""The door to features: one grid for a picture and a frame, of any model, whatever the method."""

import dataclasses
import sys
from types import SimpleNamespace

import pytest
import torch

from demo.shared.service import Service
from segcore import Pipeline, Settings
from segcore.errors import ModelError
from segcore.features import BACKBONES, extract_features
from segcore.features.model import NO_WEIGHTS
from segcore.image import fit_to_grid
from segcore.learn import CATALOG, Learned, save_learned
from segcore.learn.systems import system_of
from segcore.pipeline.backbones import load_model, resolve_backbone
from segcore.pipeline.reader import open_reader
from segcore.pipeline.stages import plan, settings_read, stage, warmth_of
from tests.scenes import two_discs

COLOR = Settings(backbone="color", max_side=96)
TINY = Settings(backbone="dino_tiny", max_side=64)


@pytest.fixture
def learned(tmp_path):
    """A file as `learn` writes them, of a network that has not learned yet."""
    settings = CATALOG["iic"].settings(width=0.0625)
    net = system_of("iic").make_net(3, settings).eval().requires_grad_(False)
    save_learned(Learned(net, "iic", 3, settings, ("a", "b", "c"), {}), tmp_path / "learned.safetensors")
    return str(tmp_path / "learned.safetensors")


@pytest.mark.parametrize("settings", [COLOR, TINY], ids=["color", "dino_tiny"])
def test_a_picture_and_a_frame_have_the_same_features(settings):
    frame = two_discs()[0]
    pipeline, reader = Pipeline(device="cpu"), open_reader(settings, device="cpu")
    grid, read = pipeline.features(frame, settings), reader.read(frame)
    assert torch.equal(grid.f, read.f)
    assert (grid.geometry, grid.origin) == (read.geometry, read.origin)
    assert pipeline.features(frame, settings) is grid  # remembered
    assert pipeline.run(frame, settings.replace(method="kmeans")).features is grid


@pytest.mark.parametrize("method", ["kmeans", "slic", "ncut_pixels"])
def test_the_method_does_not_matter(method):
    pipeline, frame = Pipeline(device="cpu"), two_discs()[0]
    assert pipeline.features(frame, COLOR.replace(method=method)).f.shape == (8, 12, 5)
    spectrum = pipeline.values(frame, COLOR.replace(method=method), "spectrum", of_patches=True)["spectrum"]
    assert len(spectrum.V) == 8 * 12


def test_every_kind_of_model_reads_and_has_a_twin(learned):
    frame = two_discs()[0]
    for name, d in (("color", 5), ("dino_tiny", 96), (learned, 32)):
        backbone, note = resolve_backbone(name)
        model = load_model(backbone)
        pixels, geometry = fit_to_grid(frame, max_side=64, patch=model.patch)
        grid, twin = extract_features(model, pixels, geometry), model.untrained(seed=3)
        assert grid.f.shape == (geometry.h, geometry.w, d)
        assert (grid.source, model.backbone, model.device.type, note) == (model.source, backbone, "cpu", None)
        assert torch.equal(extract_features(model.to("cpu"), pixels, geometry).f, grid.f)
        if model.fingerprint == NO_WEIGHTS:
            assert twin is model
            continue
        assert not torch.equal(extract_features(twin, pixels, geometry).f, grid.f)
        assert torch.equal(extract_features(model, pixels, geometry).f, grid.f)  # the original is untouched
        assert (len(model.fingerprint), twin.fingerprint) == (16, "random 3")


def test_a_file_that_was_learned_is_read_by_the_pipeline(learned):
    grid = Pipeline(device="cpu").features(two_discs()[0], Settings(backbone=learned, max_side=64))
    assert grid.origin == "features that iic learned"
    assert grid.source == "file learned.safetensors"


def test_recipes_tell_readers_apart_and_nothing_else(learned):
    with_token = open_reader(TINY, device="cpu", class_token=True)
    assert with_token.recipe == open_reader(TINY.replace(method="slic", seed=5), device="cpu").recipe
    readers = [with_token, *(with_token.having(**c) for c in ({"facet": "token"}, {"block": -2}, {"max_side": 80}))]
    readers += [open_reader(TINY, device="cpu", untrained=1), open_reader(COLOR, device="cpu")]
    readers += [open_reader(TINY.replace(backbone=learned), device="cpu")]
    assert len({reader.recipe for reader in readers}) == len(readers)
    color = open_reader(COLOR, device="cpu")
    assert color.recipe == color.having(facet="token", block=-3).recipe == "backbone=color weights=none max_side=96"


def test_the_class_token_comes_where_it_is_asked_for():
    frame = two_discs()[0]
    with_token, without = (open_reader(TINY, device="cpu", class_token=x).read(frame) for x in (True, False))
    assert with_token.class_token.shape == (96,)
    assert without.class_token is None
    assert torch.equal(with_token.f, without.f)


def test_a_host_runs_the_model():
    """What a host passes as `extract` is called once for each picture that is read, with what `extract_features` takes."""
    seen = []

    def lent(model, pixels, geometry, **how):
        seen.append((model.backbone.name, sorted(how)))
        return dataclasses.replace(extract_features(model, pixels, geometry, **how), origin="lent")

    pipeline, frame = Pipeline(device="cpu", extract=lent), two_discs()[0]
    assert pipeline.features(frame, TINY).origin == pipeline.features(frame, TINY).origin == "lent"
    assert open_reader(TINY, device="cpu", extract=lent).read(frame).origin == "lent"
    assert seen == [("dino_tiny", ["block", "class_token", "facet"])] * 2


def test_a_space_that_lends_gpus_lends_none_for_colors(monkeypatch):
    lent = []
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setattr("demo.shared.service._extract_on_borrowed_gpu", extract_features)
    borrow = lambda run: lambda model, *given, **how: lent.append(model.backbone.name) or run(model, *given, **how)  # noqa: E731
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=borrow))
    pipeline = Service().pipeline
    assert pipeline.device.type == "cpu"
    for settings in (COLOR, TINY):
        pipeline.features(two_discs()[0], settings)
    assert lent == ["dino_tiny"]


def test_colors_have_no_facet_and_files_are_no_standing_in(tmp_path):
    assert not {"facet", "block"} & settings_read(COLOR)
    assert {"facet", "block", "max_side"} <= settings_read(TINY)
    with pytest.raises(ModelError, match="There is no file"):
        Pipeline(device="cpu").reader(Settings(backbone=str(tmp_path / "none.safetensors")))
    assert BACKBONES["color"].name == Pipeline(device="cpu").reader(COLOR).settings.backbone


def test_a_stage_says_what_warms_it():
    @stage(warmed_by=("w_feat",), start="block")
    def solve(w_feat, *, start=None):
        return w_feat, start

    assert (warmth_of(solve).like, warmth_of(solve).start) == (("w_feat",), "block")
    warm = {name for name, run in plan(COLOR).items() if warmth_of(run)}
    assert warm == {"spectrum"}
