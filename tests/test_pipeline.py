"""The stages together: what is recomputed, what matters, what a result says, and what happens when things go wrong."""

import math
import os
import sys
import threading

import pytest
import torch

from segcore import InputError, Pipeline, Settings
from segcore.cluster.choose import MOST
from segcore.features import BACKBONES
from segcore.image import cells_to_pixels
from segcore.pipeline.criteria import CRITERIA
from segcore.pipeline.methods import METHODS
from segcore.pipeline.stages import MOST_SOFT_SEGMENTS, plan, settings_read, signature
from segcore.runtime import device
from segcore.settings import params
from tests.asserts import assert_same_partition
from tests.scenes import checker, one_color, two_discs, vertical_stripes

BASE = Settings(backbone="color", max_side=128, n_segments=3, n_init=3, n_superpixels=20, pixel_side=80)
# DINO-seg needs attention, and a trained network its file; see tests/test_dino_seg.py and tests/test_own_labels.py.
WITHOUT_WEIGHTS = [name for name, method in METHODS.items() if name != "dino_seg" and not method.of_network]


@pytest.fixture(scope="module")
def pipeline():
    return Pipeline(device="cpu", cache_bytes=64 << 20)


def computed(result):
    return [stage.name for stage in result.stages if not stage.cached]


# What a method is to find in a picture of two discs, beside those that part both discs from the ground.
FINDS = {
    "ncut_pixels": "each disc",
    "mean_shift": "each disc",
    "maskcut": "each disc",
    "tokencut": "one disc",
    "lost": "one disc",
    "slic": "pieces of one color",
    "min_cut": "a few patches",
}


def right_share(label_map, truth, finds):
    """Share of the pixels that are as they should be."""
    found, n = label_map.long(), int(label_map.max()) + 1
    counts = torch.zeros(n, 3).index_put_((found.flatten(), truth.flatten()), torch.tensor(1.0), accumulate=True)
    match finds:
        case "both discs":
            agree = float(((found > 0) == (truth > 0)).float().mean())
            return max(agree, 1 - agree)
        case "each disc":
            return float(counts.max(0).values.sum() / counts.sum()) if n == 3 else 0.0
        case "one disc":
            return max(float(((found == 1) == (truth == disc)).float().mean()) for disc in (1, 2))
        case "pieces of one color":
            return float(counts.max(1).values.sum() / counts.sum())
        case "a few patches":
            return float((found == 0).float().mean())


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
@pytest.mark.parametrize("crf", [False, True])
def test_every_method_finds_the_plain_scene(method, crf, pipeline):
    image, truth = two_discs()
    finds = FINDS.get(method, "both discs")
    settings = BASE.replace(method=method, crf=crf, n_segments=3 if finds == "each disc" else 2, knn_weight=0.0)
    result = pipeline.run(image, settings)
    assert result.label_map.shape == truth.shape
    assert right_share(result.label_map, truth, finds) > 0.9
    assert result.settings == settings
    assert sum(s.area_fraction for s in result.segments) == pytest.approx(1)
    assert (result.stages[0].name == "weights") == ("backbone" in settings_read(settings))
    assert result.has_background == (method in ("fiedler", "min_cut", "tokencut", "maskcut", "lost"))


def test_values_are_those_of_the_run_and_nothing_behind_them_is_computed(monkeypatch):
    pipeline, (image, _) = Pipeline(device="cpu"), two_discs()
    settings = BASE.replace(method="spectral", crf=True)
    made = []
    get = pipeline.cache.get
    monkeypatch.setattr(pipeline.cache, "get", lambda key, make: made.append(key[0]) or get(key, make))
    values = pipeline.values(image, settings, "features", "w_knn", "affinity")
    assert set(values) == {"features", "w_knn", "affinity"}
    needed = plan(settings)
    assert set(made) <= {needed[name] for name in ("features", "w_feat", "w_knn", "affinity")}
    result = pipeline.run(image, settings)
    assert values["features"] is result.features
    assert values["affinity"] is result.affinity
    kmeans = pipeline.values(image, settings.replace(method="kmeans"), "affinity")["affinity"]
    assert kmeans is pipeline.values(image, settings, "affinity")["affinity"]  # also of a method that does not need it


def test_a_setting_recomputes_only_what_stands_behind_it():
    pipeline, (image, _) = Pipeline(device="cpu"), two_discs()
    spectral = BASE.replace(method="spectral")
    stages = ["features", "w_feat", "w_knn", "affinity", "spectrum", "partition", "cells", "upsampled", "label_map"]
    first = computed(pipeline.run(image, spectral))
    assert [name for name in first if name != "upsampling_weights"] == stages
    assert computed(pipeline.run(image, spectral)) == []
    for change, first in [
        ({"n_segments": 4}, "partition"),
        ({"laplacian": "plain"}, "spectrum"),
        ({"knn_weight": 3.0}, "affinity"),
        ({"seed": 1}, "partition"),
    ]:
        assert computed(pipeline.run(image, spectral.replace(**change))) == stages[stages.index(first) :], change
    smooth = computed(pipeline.run(image, spectral.replace(upsampling="bilinear")))
    assert smooth == ["upsampling_weights", "upsampled", "label_map"]
    assert computed(pipeline.run(image, spectral.replace(knn_neighbors=5)))[0] == "w_knn"
    assert computed(pipeline.run(image, spectral.replace(crf=True))) == ["crf_kernels", "label_map"]
    assert computed(pipeline.run(image, spectral.replace(crf=True, crf_steps=3))) == ["label_map"]
    assert "crf_kernels" not in computed(pipeline.run(image, spectral.replace(crf=True, n_segments=3)))
    assert computed(pipeline.run(image, spectral.replace(upsampling="nearest"))) == ["label_map"]
    other = image.clone()
    other[0, 0] += 1
    assert "features" in computed(pipeline.run(other, spectral))


# For each setting a second value that must matter, and what must be on for it to matter.
OTHER_VALUES = {
    "max_side": ({"max_side": 96}, {}),
    "knn_weight": ({"knn_weight": 100.0}, {}),
    "knn_neighbors": ({"knn_neighbors": 2}, {}),
    "pixel_space": ({"pixel_space": "rgb_xy"}, {}),
    "laplacian": ({"laplacian": "plain"}, {}),
    "n_vectors": ({"n_vectors": 7}, {}),
    "n_segments": ({"n_segments": 5}, {}),
    "auto_k": ({"auto_k": True}, {"n_segments": 7}),
    "n_init": ({"n_init": 20}, {"n_init": 1, "n_segments": 12}),
    "covariance": ({"covariance": "spherical"}, {}),
    "pca_dims": ({"pca_dims": 1}, {}),
    "bandwidth": ({"bandwidth": 0.4}, {}),
    "max_ncut": ({"max_ncut": 0.0}, {}),
    "max_smoothness": ({"max_smoothness": 0.0}, {}),
    "pixel_side": ({"pixel_side": 64}, {}),
    "sigma_features": ({"sigma_features": 0.05}, {}),
    "sigma_space": ({"sigma_space": 2.0}, {}),
    "radius": ({"radius": 2.0}, {}),
    "n_superpixels": ({"n_superpixels": 40}, {}),
    "compactness": ({"compactness": 60.0}, {}),
    "tau": ({"tau": 0.6}, {}),
    "mask_tau": ({"mask_tau": 0.6}, {}),
    "n_objects": ({"n_objects": 1}, {}),
    "n_potentials": ({"n_potentials": 2}, {}),
    "threshold": ({"threshold": "best_ncut"}, {}),
    "cut_at": ({"cut_at": 0.4}, {"threshold": "value"}),
    "object_rule": ({"object_rule": "corners"}, {}),
    "flip": ({"flip": True}, {}),
    "upsampling": ({"upsampling": "nearest"}, {}),
    "crf_steps": ({"crf_steps": 1}, {"crf": True}),
    "sigma_xy": ({"sigma_xy": 5.0}, {"crf": True}),
    "sigma_rgb": ({"sigma_rgb": 60.0}, {"crf": True}),
    "compat_bilateral": ({"compat_bilateral": 0.5}, {"crf": True}),
    "sigma_smooth": ({"sigma_smooth": 12.0}, {"crf": True}),
    "compat_smooth": ({"compat_smooth": 0.0}, {"crf": True}),
    "label_confidence": ({"label_confidence": 0.95}, {"crf": True}),
    "seed": ({"seed": 4}, {"n_init": 1, "n_segments": 12}),
}
# Of a transformer; tests/test_vit.py and tests/test_dino_seg.py vary them.
WEIGHTS_ONLY = {"facet", "block", "attention_head", "attention_mass"}
CHOICES = {"backbone", "method", "crf"}


def test_the_table_of_other_values_is_complete():
    assert OTHER_VALUES.keys() | WEIGHTS_ONLY | CHOICES == params().keys()


def differs(a, b):
    return (
        not torch.equal(a.label_map, b.label_map)
        or not torch.equal(a.cell_labels, b.cell_labels)
        or (a.spectrum is not None and a.spectrum.V.shape != b.spectrum.V.shape)
        # The minimum cut often takes the same patch from another graph, but not at the same cost.
        or a.partition.facts.get("cut") != b.partition.facts.get("cut")
    )


@pytest.fixture(scope="module")
def busy_picture():
    """A photograph's worth of texture, so that nothing is too plain to change."""
    generator = torch.Generator().manual_seed(7)
    low = torch.rand(1, 3, 7, 9, generator=generator)
    smooth = torch.nn.functional.interpolate(low, (90, 120), mode="bicubic")[0].permute(1, 2, 0)
    noise = 0.15 * torch.rand(90, 120, 3, generator=generator)
    return (255 * (0.85 * smooth + noise).clamp(0, 1)).byte()


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_settings_matter_exactly_where_they_are_read(method, pipeline, busy_picture):
    """Changing what a method reads changes something; changing what it does not read changes nothing."""
    for name, (change, needed) in OTHER_VALUES.items():
        if name == "object_rule":
            continue  # picks a side of the same cut; see the test below
        before = BASE.replace(method=method, **needed)
        a, b = pipeline.run(busy_picture, before), pipeline.run(busy_picture, before.replace(**change))
        assert differs(a, b) == (name in settings_read(before)), f"{method}: {name}"


def test_the_object_rule_matters(pipeline):
    """A disc that fills two thirds of the picture is no minority, but it holds no corner."""
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(64.0), indexing="ij")
    disc = (y - 29.5).square() + (x - 31.5).square() < 28**2
    image = torch.where(disc[..., None], torch.tensor([220, 60, 40]), torch.tensor([30, 80, 200])).byte()
    cut = BASE.replace(method="fiedler", knn_weight=0.0)
    share = {
        rule: float(pipeline.run(image, cut.replace(object_rule=rule)).label_map[disc].float().mean())
        for rule in ("minority", "corners")
    }
    assert share["corners"] > 0.9
    assert share["minority"] < 0.1


@pytest.mark.parametrize("how", params()["upsampling"].choices)
def test_upsampling_is_a_step_between_patches_and_pixels(how, pipeline):
    """Borders of the discs lie inside patches: what follows edges finds them, whatever the patches are."""
    image, truth = two_discs(96, 128)
    settings = BASE.replace(method="kmeans", upsampling=how, seed=1)
    result = pipeline.run(image, settings)
    facts = {stage.name: stage.facts for stage in result.stages}
    assert facts.get("upsampled", {"upsampling": "nearest"})["upsampling"] == how
    blocks = cells_to_pixels(result.cell_labels, result.features.geometry)
    assert torch.equal(result.label_map, blocks) == (how == "nearest")
    object_ = truth.bool()

    def wrong(name):
        found = pipeline.run(image, settings.replace(upsampling=name)).label_map.bool()
        return float((found != object_).float().mean())

    assert wrong(how) <= wrong("nearest")
    if how in ("joint_bilateral", "guided", "pac"):
        assert wrong(how) < 0.5 * wrong("nearest")


def test_a_segment_of_one_patch_keeps_it(pipeline, busy_picture):
    """The minimum cut takes a patch in a corner: neighbors of the same color would outvote it everywhere."""
    for how in params()["upsampling"].choices:
        result = pipeline.run(busy_picture, BASE.replace(method="min_cut", upsampling=how))
        assert result.n_segments == 2
        assert int((result.cell_labels == 1).sum()) < 5


def test_many_segments_are_not_blended_but_told(pipeline):
    """Each has a few numbers per pixel; beyond a bound each pixel takes the label of its patch."""
    generator = torch.Generator().manual_seed(3)
    colors = torch.randint(0, 256, (10, 10, 3), generator=generator, dtype=torch.uint8)
    image = colors.repeat_interleave(8, 0).repeat_interleave(8, 1)
    many = BASE.replace(method="mean_shift", bandwidth=0.05, max_side=80)
    result = pipeline.run(image, many)
    assert result.n_segments > MOST_SOFT_SEGMENTS
    assert any("too many to blend" in note for note in result.notes)
    assert torch.equal(result.label_map, cells_to_pixels(result.cell_labels, result.features.geometry))
    sharpened = pipeline.run(image, many.replace(crf=True))
    assert torch.equal(sharpened.label_map, result.label_map)
    told = f"The CRF was left out: it sharpens at most {MOST_SOFT_SEGMENTS} segments, and these are {result.n_segments}."
    assert told in sharpened.notes


def test_pixels_that_are_cells_are_not_upsampled(pipeline, busy_picture):
    settings = BASE.replace(method="slic")
    assert "upsampling" not in settings_read(settings)
    assert "upsampled" not in plan(settings)
    assert "upsampling" in settings_read(BASE)


def test_what_a_method_reads_follows_from_its_signature():
    assert "n_segments" in settings_read(BASE)
    assert "knn_weight" not in settings_read(BASE.replace(method="kmeans"))
    assert "covariance" in settings_read(BASE.replace(method="gmm"))
    assert "sigma_xy" not in settings_read(BASE)
    assert "sigma_xy" in settings_read(BASE.replace(crf=True))
    assert "facet" not in settings_read(BASE)
    assert "facet" in settings_read(BASE.replace(backbone="dino_vits16"))


@pytest.mark.parametrize("method", METHODS)
def test_signatures_name_stages_and_settings(method):
    stages = plan(BASE.replace(method=method, crf=True))
    known = {"picture", "weights"}
    for name, run in stages.items():
        inputs, tunables = signature(run)
        assert set(inputs) <= known, f"{name} takes a value that no stage before it makes"
        assert set(tunables) <= params().keys(), f"{name} reads what is no setting"
        known.add(name)


def test_segments_are_numbered_by_size(pipeline, busy_picture):
    labels = pipeline.run(busy_picture, BASE.replace(method="kmeans", n_segments=6)).cell_labels
    sizes = labels.flatten().bincount()
    assert bool((sizes.diff() <= 0).all())


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if method.auto])
def test_the_data_choose_k_by_the_curve_that_is_shown(method):
    """One computation, remembered once, behind the choice and behind the curve."""
    pipeline, (image, _) = Pipeline(device="cpu"), two_discs()
    auto = BASE.replace(method=method, auto_k=True, n_segments=7)
    criterion = METHODS[method].criterion
    chosen = pipeline.run(image, auto)
    assert criterion in computed(chosen)
    curve = pipeline.values(image, auto, criterion)[criterion]
    assert chosen.partition.facts["chosen_k"] == curve.k == len(chosen.cell_labels.unique())
    assert curve.scores[curve.candidates.index(curve.k)] == max(curve.scores)
    assert "n_segments" not in settings_read(auto)
    assert torch.equal(chosen.cell_labels, pipeline.run(image, auto.replace(auto_k=False, n_segments=curve.k)).cell_labels)
    assert computed(pipeline.run(image, auto.replace(n_segments=9))) == []
    assert pipeline.values(image, auto.replace(n_segments=9), criterion)[criterion] is curve


@pytest.mark.parametrize("criterion", CRITERIA)
def test_curves_are_there_for_every_k_and_whatever_the_method(criterion, pipeline):
    image, _ = two_discs()
    curve = pipeline.values(image, BASE, criterion)[criterion]
    last = BASE.n_vectors - 1 if criterion == "eigengap" else MOST
    assert curve.candidates == tuple(range(2, last + 1))
    assert len(curve.scores) == len(curve.candidates)
    assert pipeline.values(image, BASE.replace(method="tokencut"), criterion)[criterion] is curve


def test_too_little_to_choose_k_from_is_told(pipeline):
    image, _ = two_discs()
    with pytest.raises(InputError, match="at least 3 patches and 3 eigenvectors") as error:
        pipeline.run(image, BASE.replace(method="spectral", auto_k=True, n_vectors=2))
    assert error.value.field == "auto_k"


def test_same_seed_same_result_and_order_of_requests_is_forgotten(busy_picture):
    settings = BASE.replace(method="spectral", n_segments=4)
    fresh = Pipeline(device="cpu").run(busy_picture, settings)
    used = Pipeline(device="cpu")
    used.run(busy_picture, settings.replace(knn_weight=1.0))
    assert torch.equal(fresh.label_map, used.run(busy_picture, settings).label_map)


def test_one_color_gives_a_sensible_answer(pipeline):
    image, _ = one_color()
    for method in WITHOUT_WEIGHTS:
        result = pipeline.run(image, BASE.replace(method=method))
        assert result.label_map.shape == image.shape[:2]


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (400, 1), (9, 5)])
@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_tiny_and_long_pictures_are_segmented_or_refused_in_words(shape, method, pipeline):
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (*shape, 3), generator=generator, dtype=torch.uint8)
    for crf in (False, True):
        result = pipeline.run(image, BASE.replace(method=method, crf=crf, n_segments=2, max_side=64))
        assert result.label_map.shape == shape
        present = result.label_map.unique()
        assert result.has_background or torch.equal(present.long(), torch.arange(len(present)))
        assert any("no pixel" in note or "none for" in note for note in result.notes) == (
            len(present) < len(result.cell_labels.unique())
        )


def test_more_segments_than_patches_say_what_to_do(pipeline):
    image, _ = checker(60, 8)
    for method in ("kmeans", "gmm", "spectral"):
        with pytest.raises(InputError, match=r"Lower n_segments|Raise n_vectors") as error:
            pipeline.run(image, BASE.replace(method=method, n_segments=20, max_side=64))
        assert error.value.field in ("n_segments", "n_vectors")


def test_a_graph_that_does_not_fit_is_computed_row_by_row(monkeypatch):
    image, _ = two_discs()
    for method in ("spectral", "fiedler"):
        stored = Pipeline(device="cpu").run(image, BASE.replace(method=method))
        with monkeypatch.context() as patch:
            patch.setattr(device, "free_memory", lambda _device: 5e5)
            never = Pipeline(device="cpu").run(image, BASE.replace(method=method))
        assert any("does not fit" in note for note in never.notes)
        assert torch.equal(never.label_map, stored.label_map)
        assert never.affinity.knn_share == pytest.approx(stored.affinity.knn_share, rel=1e-4)


@pytest.mark.parametrize("method", ["ncut", "min_cut", "tokencut", "maskcut", "lost"])
def test_methods_that_need_all_of_w_say_so_where_it_does_not_fit(method, monkeypatch):
    monkeypatch.setattr(device, "free_memory", lambda _device: 5e5)
    image, _ = two_discs()
    with pytest.raises(InputError, match="Lower max_side") as error:
        Pipeline(device="cpu").run(image, BASE.replace(method=method))
    assert error.value.field == "max_side"


def test_memory_that_is_not_there_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr(device, "free_memory", lambda _device: 1e5)
    image, _ = two_discs()
    with pytest.raises(InputError, match=r"GiB.*Lower max_side"):
        Pipeline(device="cpu").run(image, BASE.replace(method="spectral"))


def test_a_container_leaves_what_its_bound_and_its_files_say(tmp_path):
    assert device._group_bytes(tmp_path) == math.inf
    for name, text in (("memory.current", "700"), ("memory.stat", "anon 5\ninactive_file 200\n"), ("memory.max", "max")):
        (tmp_path / name).write_text(text + "\n")
    assert device._group_bytes(tmp_path) == math.inf
    (tmp_path / "memory.max").write_text("1000\n")
    assert device._group_bytes(tmp_path) == 500


def test_files_that_the_system_keeps_in_memory_count_as_free():
    """Linux says how much it would give; of unused memory, a machine that has run for a while has next to none."""
    unused = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert device.free_memory(torch.device("cpu")) > 0
    if sys.platform == "linux":
        assert device._machine_bytes() > 0.5 * unused


def test_cache_stays_within_its_bound_over_many_pictures():
    pipeline = Pipeline(device="cpu", cache_bytes=8 << 20)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        image = torch.randint(0, 256, (48, 64, 3), generator=generator, dtype=torch.uint8)
        pipeline.run(image, BASE.replace(max_side=256, method="spectral"))
        assert pipeline.cache.used_bytes <= 8 << 20


def test_stages_can_be_watched_and_stopped(pipeline):
    image, _ = vertical_stripes()
    steps = Pipeline(device="cpu").steps(image, BASE.replace(method="spectral"))
    assert [next(steps).name for _ in range(3)] == ["weights", "features", "w_feat"]
    steps.close()

    class Enough(Exception):
        pass

    def stop(report):
        if report.name == "affinity":
            raise Enough

    with pytest.raises(Enough):
        pipeline.run(image, BASE.replace(method="spectral", knn_weight=7.0), on_stage=stop)


def test_two_users_at_once_get_their_own_results():
    pipeline = Pipeline(device="cpu")
    scenes = [two_discs(), vertical_stripes()]
    expected = [Pipeline(device="cpu").run(image, BASE).label_map for image, _ in scenes]
    wrong = []

    def use(i):
        for k in (2, 3, 3):
            result = pipeline.run(scenes[i % 2][0], BASE.replace(n_segments=k))
        if not torch.equal(result.label_map, expected[i % 2]):
            wrong.append(i)

    threads = [threading.Thread(target=use, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not wrong


def test_a_backbone_that_cannot_be_had_falls_back_in_words():
    image, _ = two_discs()
    result = Pipeline(device="cpu").run(image, BASE.replace(backbone="dino_vits8"))
    assert result.settings.backbone in ("color", "dino_tiny")
    line, _, details = result.notes[0].partition("\n")
    used = BACKBONES[result.settings.backbone]
    assert line == f"These are features of {used.name}, {used.title}; how to get DINO ViT-S/8:"
    assert "The weights of dino_vits8 are not here" in details


def test_stripes_are_parted_by_color(pipeline):
    image, truth = vertical_stripes()
    result = pipeline.run(image, BASE.replace(method="kmeans", n_segments=len(truth.unique())))
    rows = truth.shape[0] // 2
    assert len(result.label_map[rows].unique()) == len(truth.unique())
    assert_same_partition(result.label_map[0], result.label_map[rows])
