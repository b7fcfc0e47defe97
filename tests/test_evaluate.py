"""Evaluation of many pictures: protocols, comparisons, what cannot be read, and the command line."""

import json
import shutil

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from segcore import InputError, ModelError, Pipeline, Settings, evaluate
from segcore.cli import commands as cli
from segcore.features import BACKBONES, load_vit
from segcore.image import picture_size, read_image, read_mask
from segcore.metrics import boundary_benchmark, contingency, f_beta, mask_iou, match, region_benchmark, score_labels
from segcore.runtime.steps import finish
from tests.checkpoints import make_family, write_folder
from tests.scenes import two_discs, vertical_stripes

SETTINGS = Settings(backbone="color", max_side=96, knn_weight=0.0)
QUICK = ["--backbone", "color", "--max-side", "96", "--device", "cpu"]


def write_truth(path, maps):
    cells = np.empty((1, len(maps)), object)
    for i, label_map in enumerate(maps):
        cells[0, i] = {"Segmentation": np.asarray(label_map, np.uint16) + 1, "Boundaries": np.zeros(label_map.shape, bool)}
    scipy.io.savemat(path, {"groundTruth": cells})


@pytest.fixture
def bsds(tmp_path):
    """Two pictures as BSDS500 lays them out, with two annotators each, one of them coarser."""
    root = tmp_path / "BSDS500" / "data"
    images, truths = root / "images" / "val", root / "groundTruth" / "val"
    images.mkdir(parents=True)
    truths.mkdir(parents=True)
    for name, (image, truth) in {"discs": two_discs(), "stripes": vertical_stripes()}.items():
        Image.fromarray(image.numpy()).save(images / f"{name}.png")
        write_truth(truths / f"{name}.mat", [truth.numpy(), (truth > 0).numpy()])
    return tmp_path


@pytest.fixture
def masks(tmp_path):
    """One disc on a plain ground, and its mask."""
    for folder in ("pictures", "masks"):
        (tmp_path / folder).mkdir()
    y, x = np.mgrid[:64, :80]
    disc = (y - 30) ** 2 + (x - 44) ** 2 < 18**2
    Image.fromarray(np.where(disc[..., None], [220, 60, 40], [30, 80, 200]).astype(np.uint8)).save(
        tmp_path / "pictures" / "disc.png"
    )
    Image.fromarray((255 * disc).astype(np.uint8)).save(tmp_path / "masks" / "disc.png")
    return tmp_path


@pytest.fixture
def pipeline():
    return Pipeline(device="cpu", cache_bytes=64 << 20)


def test_regions_are_scored_level_by_level(bsds, pipeline):
    cases = evaluate.bsds_cases(bsds, "val")
    assert [case.name for case in cases] == ["discs", "stripes"]
    seen = []
    steps = evaluate.evaluate_regions(cases, SETTINGS, levels=[2, 3], pipeline=pipeline)
    report = finish(steps, lambda step: seen.append(step.name))
    assert (report.names, report.levels, report.skipped) == (("discs", "stripes"), (2, 3), {})
    assert seen == ["discs", "stripes"]
    maps = [[pipeline.run(c.picture, SETTINGS.replace(n_segments=k)).label_map for k in (2, 3)] for c in cases]
    truths = [[truth, truth > 0] for _, truth in (two_discs(), vertical_stripes())]
    assert report.benchmark == region_benchmark(maps, truths)
    assert report.boundaries == boundary_benchmark(maps, truths)
    assert report.seconds > 0
    assert report.benchmark.covering.best > 0.8


def test_only_the_clustering_repeats(bsds):
    pipeline, computed = Pipeline(device="cpu"), []
    run = pipeline.run

    def watched(image, settings):
        result = run(image, settings)
        computed.append([stage.name for stage in result.stages if not stage.cached])
        return result

    pipeline.run = watched
    finish(evaluate.evaluate_regions(evaluate.bsds_cases(bsds, "val")[:1], SETTINGS, levels=[2, 3, 4], pipeline=pipeline))
    assert "spectrum" in computed[0]
    assert computed[1:] == [["partition", "cells", "upsampled", "label_map"]] * 2


def test_a_method_without_k_has_one_level(bsds, pipeline):
    cases = evaluate.bsds_cases(bsds, "val")
    report = finish(
        evaluate.evaluate_regions(cases, SETTINGS.replace(method="fiedler"), levels=[2, 3, 4], pipeline=pipeline)
    )
    assert report.levels == ()
    assert all(len(row.pri) == 1 for row in report.benchmark.pictures)


def test_what_cannot_be_read_is_named_and_not_fatal(bsds, pipeline):
    images, truths = (bsds / "BSDS500" / "data" / part / "val" for part in ("images", "groundTruth"))
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    (truths / "broken.mat").write_bytes((truths / "discs.mat").read_bytes())
    (images / "lost.png").write_bytes((images / "discs.png").read_bytes())
    (truths / "lost.mat").write_bytes(b"no ground truth")
    (images / "turned.png").write_bytes((images / "discs.png").read_bytes())
    write_truth(truths / "turned.mat", [np.zeros((7, 9), int)])
    (images / "alone.png").write_bytes((images / "discs.png").read_bytes())  # nobody has drawn on it
    report = finish(evaluate.evaluate_regions(evaluate.bsds_cases(bsds, "val"), SETTINGS, levels=[2], pipeline=pipeline))
    assert report.names == ("discs", "stripes")
    assert set(report.skipped) == {"broken", "lost", "turned"}
    assert "9 × 7 px" in report.skipped["turned"]


def test_nothing_to_score_is_an_error(bsds, pipeline):
    with pytest.raises(InputError, match="no folders images/train"):
        evaluate.bsds_cases(bsds, "train")
    cases = evaluate.bsds_cases(bsds, "val")
    cases[0].picture.path.write_bytes(b"")
    with pytest.raises(InputError, match=r"None of 1 pictures.*empty"):
        finish(evaluate.evaluate_regions(cases[:1], SETTINGS, levels=[2], pipeline=pipeline))
    with pytest.raises(InputError, match="at least one K"):
        finish(evaluate.evaluate_regions(cases, SETTINGS, levels=[], pipeline=pipeline))


def test_a_wrong_setting_ends_the_work_at_once(bsds, pipeline):
    seen = []
    settings = SETTINGS.replace(n_vectors=2)
    steps = evaluate.evaluate_regions(evaluate.bsds_cases(bsds, "val"), settings, levels=[8], pipeline=pipeline)
    with pytest.raises(InputError, match="n_vectors"):
        finish(steps, seen.append)
    assert len(seen) <= 1


def test_a_picture_that_the_settings_do_not_suit_costs_the_others_nothing(bsds, pipeline):
    data = bsds / "BSDS500" / "data"
    Image.fromarray(np.zeros((8, 400, 3), np.uint8)).save(data / "images/val/a.png")
    write_truth(data / "groundTruth/val/a.mat", [np.zeros((8, 400), int)])
    cases = evaluate.bsds_cases(bsds, "val")
    report = finish(evaluate.evaluate_regions(cases, SETTINGS.replace(max_side=64), levels=[9], pipeline=pipeline))
    assert list(report.skipped) == ["a"]
    assert "at least 9 patches" in report.skipped["a"]
    assert len(report.names) == len(cases) - 1


def test_pictures_and_masks_are_told_apart(masks):
    with pytest.raises(InputError, match="named twice"):
        evaluate.mask_cases(masks / "pictures", masks / "pictures")
    shutil.copy(masks / "pictures/disc.png", masks / "pictures/disc.webp")
    with pytest.raises(InputError, match="have one name"):
        evaluate.mask_cases(masks / "pictures", masks / "masks")


def test_another_backbone_never_stands_in_silently(bsds, pipeline):
    with pytest.raises(ModelError, match="dino_vits8"):
        finish(
            evaluate.evaluate_regions(
                evaluate.bsds_cases(bsds, "val"), SETTINGS.replace(backbone="dino_vits8"), levels=[2], pipeline=pipeline
            )
        )


def test_objects_by_rule_and_by_better_side(masks, pipeline):
    cases = evaluate.mask_cases(masks / "pictures", masks / "masks")
    cut = SETTINGS.replace(method="fiedler")
    report = finish(evaluate.evaluate_objects(cases, cut, pipeline=pipeline))
    assert report.mean_by_rule > 0.75
    assert report.mean_by_better_side == report.mean_by_rule
    swapped = finish(evaluate.evaluate_objects(cases, cut.replace(flip=True), pipeline=pipeline))
    assert swapped.mean_by_rule < 0.1
    assert swapped.mean_by_better_side == report.mean_by_rule


def test_objects_need_a_two_way_method_and_pairs(masks, pipeline):
    cases = evaluate.mask_cases(masks / "pictures", masks / "masks")
    with pytest.raises(InputError, match="two-way") as error:
        finish(evaluate.evaluate_objects(cases, SETTINGS.replace(method="kmeans"), pipeline=pipeline))
    assert error.value.field == "method"
    with pytest.raises(InputError, match="no folder"):
        evaluate.mask_cases(masks / "pictures", masks / "nowhere")
    (masks / "masks" / "disc.png").rename(masks / "masks" / "other.png")
    with pytest.raises(InputError, match="same name"):
        evaluate.mask_cases(masks / "pictures", masks / "masks")


def test_objects_of_methods_with_several_objects_count_together(masks, pipeline):
    cases = evaluate.mask_cases(masks / "pictures", masks / "masks")
    several = finish(evaluate.evaluate_objects(cases, SETTINGS.replace(method="maskcut", mask_tau=0.9), pipeline=pipeline))
    truth = read_mask(cases[0].truth)
    labels = pipeline.run(cases[0].picture, SETTINGS.replace(method="maskcut", mask_tau=0.9)).label_map
    assert several.mean_by_rule == mask_iou(labels > 0, truth)
    assert several.f_beta == several.max_f_beta == f_beta(labels > 0, truth)  # there is no vector to cut elsewhere


def test_one_threshold_holds_for_all_pictures(masks, pipeline):
    (masks / "pictures" / "b.png").write_bytes((masks / "pictures" / "disc.png").read_bytes())
    upside_down = np.asarray(Image.open(masks / "masks" / "disc.png"))[::-1]
    Image.fromarray(upside_down).save(masks / "masks" / "b.png")
    cases = evaluate.mask_cases(masks / "pictures", masks / "masks")
    report = finish(evaluate.evaluate_objects(cases, SETTINGS.replace(method="fiedler"), pipeline=pipeline))
    assert report.max_f_beta == max((a + b) / 2 for a, b in zip(*(row.curve for row in report.scores), strict=True))
    assert report.max_f_beta <= np.mean([row.max_f_beta for row in report.scores])
    assert report.corloc == np.mean([row.box_iou >= 0.5 for row in report.scores])


@pytest.fixture
def labelled(tmp_path):
    """Two pictures with label maps, one of them with other names for its labels and a border that is left out."""
    for folder in ("pictures", "labels"):
        (tmp_path / folder).mkdir()
    for name, (image, truth) in {"discs": two_discs(), "stripes": vertical_stripes()}.items():
        Image.fromarray(image.numpy()).save(tmp_path / "pictures" / f"{name}.png")
        drawn = truth.numpy().astype(np.uint8)
        if name == "stripes":
            drawn = 50 + 10 * drawn
            drawn[:4] = 255
        Image.fromarray(drawn).save(tmp_path / "labels" / f"{name}.png")
    return tmp_path


def test_label_maps_are_scored_picture_by_picture_and_pooled(labelled, pipeline):
    cases = evaluate.label_cases(labelled / "pictures", labelled / "labels")
    report = finish(evaluate.evaluate_labels(cases, SETTINGS.replace(n_segments=4), pipeline=pipeline, ignore=255))
    assert (report.names, report.skipped) == (("discs", "stripes"), {})
    maps = [pipeline.run(case.picture, SETTINGS.replace(n_segments=4)).label_map.numpy() for case in cases]
    truths = [np.asarray(Image.open(case.truth.path)).astype(int) for case in cases]
    kept = [truth != 255 for truth in truths]
    tables = [contingency(m[k], t[k]) for m, t, k in zip(maps, truths, kept, strict=True)]
    assert report.scores == tuple(score_labels(table) for table in tables)
    assert report.mean("miou") == np.mean([match(table).miou for table in tables])
    whole = contingency(*(np.concatenate([x[k] for x, k in zip(xs, kept, strict=True)]) for xs in (maps, truths)))
    assert (report.pooled.miou, report.pooled.accuracy) == (match(whole).miou, match(whole).accuracy)
    assert len(report.pooled.ious) == 7


def test_label_maps_that_do_not_fit_are_named(labelled, pipeline):
    Image.new("L", (9, 7)).save(labelled / "labels" / "discs.png")
    cases = evaluate.label_cases(labelled / "pictures", labelled / "labels")
    report = finish(evaluate.evaluate_labels(cases, SETTINGS, pipeline=pipeline))
    assert report.names == ("stripes",)
    assert "9 × 7 px" in report.skipped["discs"]
    Image.fromarray(np.full((48, 64), 255, np.uint8)).save(labelled / "labels" / "discs.png")
    report = finish(evaluate.evaluate_labels(cases, SETTINGS, pipeline=pipeline, ignore=255))
    assert "left out" in report.skipped["discs"]


def test_files_without_a_partner_are_found_on_both_sides(labelled):
    (labelled / "pictures" / "discs.png").rename(labelled / "pictures" / "other.png")
    (labelled / "labels" / "readme.txt").write_text("no picture")
    assert evaluate.partnerless(labelled / "pictures", labelled / "labels") == ("labels/discs.png", "pictures/other.png")


@pytest.fixture
def weights(tmp_path):
    name, state, config = make_family("dino")
    return str(write_folder(tmp_path / name, state, config))


def test_color_and_position_stand_beside_what_was_learned(labelled, weights, capsys):
    """Unless other rows are named; what cannot be done without a network costs nothing but a note."""
    asked = ["evaluate", "labels", "--images", str(labelled / "pictures"), "--labels", str(labelled / "labels")]
    asked += ["--max-side", "64", "--weights", weights, "--upsampling", "nearest"]
    assert cli.main([*asked, "--method", "kmeans"]) == 0
    assert "\ncolor " in capsys.readouterr().out
    assert cli.main([*asked, "--method", "kmeans", "--compare", ""]) == 0
    assert "\ncolor " not in capsys.readouterr().out
    assert cli.main([*asked, "--method", "dino_seg"]) == 0
    assert "note: color: " in capsys.readouterr().err
    assert cli.main([*asked, "--method", "dino_seg", "--compare", "color"]) == 2


def test_an_untrained_twin_differs_in_its_weights_only(tmp_path, monkeypatch):
    for family in ("dino", "dinov2_reg", "dinov3"):
        name, state, config = make_family(family)
        monkeypatch.setenv("SEGCORE_WEIGHTS_DIR", str(tmp_path / family))
        write_folder(tmp_path / family / name, state, config)
        model, before = load_vit(BACKBONES[name]), torch.random.get_rng_state()
        twin, again, other = (model.untrained(seed=seed) for seed in (0, 0, 1))
        assert torch.equal(torch.random.get_rng_state(), before)
        own, drawn = model.net.state_dict(), twin.net.state_dict()
        assert {k: x.shape for k, x in own.items()} == {k: x.shape for k, x in drawn.items()}
        assert not any(torch.equal(own[key], drawn[key]) for key in own if own[key].numel() > 1 and "periods" not in key)
        assert all(torch.equal(drawn[key], x) for key, x in again.net.state_dict().items())
        assert not torch.equal(drawn["patch_embed.proj.weight"], other.net.state_dict()["patch_embed.proj.weight"])
        assert all(torch.equal(state[key], x) for key, x in own.items() if key in state)  # the original is untouched
        assert "random weights" in twin.source


def run(capsys, *arguments):
    try:
        status = cli.main(["evaluate", *map(str, arguments)])
    except SystemExit as end:
        status = end.code
    told = capsys.readouterr()
    return status, told.out, told.err


def test_the_table_has_a_row_for_each_contender(bsds, weights, tmp_path, capsys):
    status, out, err = run(
        capsys, "bsds", "--root", bsds, "--k", "2,3", "--max-side", "96", "--weights", weights, "--compare", "random, color",
        "--json", tmp_path / "scores.json",
    )  # fmt: skip
    assert status == 0, err
    rows = out.splitlines()
    assert rows[0].split()[:4] == ["backbone", "pictures", "covering", "ODS"]
    assert [row.split("  ")[0] for row in rows[1:4]] == ["model.safetensors", "model.safetensors, random weights", "color"]
    assert rows[0].split()[-4:] == ["F", "ODS", "OIS", "ms"]
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["k"] == [2, 3]
    assert set(written["covering"]) == {"ods", "ois", "best"}
    assert set(written["pri"]) == set(written["voi"]) == {"ods", "ois"}
    assert [row["picture"] for row in written["pictures"]] == ["discs", "stripes"]
    assert len(written["pictures"][0]["covering"]) == len(written["pictures"][0]["boundary"]) == 2
    assert 0 < written["boundary"]["ods"] <= 1
    random, color = written["compare"]
    assert color["backbone"] == "color"
    assert random["covering"] != written["covering"]
    assert f"{written['covering']['ods']:.3f}" in rows[1]


def test_rows_may_differ_in_settings(bsds, tmp_path, capsys):
    status, out, err = run(
        capsys, "bsds", "--root", bsds, "--k", "3", *QUICK, "--compare", "upsampling=pac,crf=true+upsampling=bilinear",
        "--json", tmp_path / "scores.json",
    )  # fmt: skip
    assert status == 0, err
    assert [row.split("  ")[0] for row in out.splitlines()[2:4]] == ["upsampling=pac", "crf=true+upsampling=bilinear"]
    written = json.loads((tmp_path / "scores.json").read_text())
    pac, both = (row["settings"] for row in written["compare"])
    assert (pac["upsampling"], pac["crf"]) == ("pac", False)
    assert (both["upsampling"], both["crf"]) == ("bilinear", True)
    assert pac["max_side"] == written["settings"]["max_side"]


def test_a_row_that_fails_costs_the_others_nothing(masks, weights, tmp_path, capsys):
    status, out, err = run(
        capsys, "objects", "--images", masks / "pictures", "--masks", masks / "masks", "--max-side", "64",
        "--method", "dino_seg", "--weights", weights, "--compare", "color,random", "--json", tmp_path / "o.json",
    )  # fmt: skip
    assert status == 2
    assert "error: color: This backbone has no attention" in err
    assert [row.split("  ")[0] for row in out.splitlines()[1:3]] == [
        "model.safetensors",
        "model.safetensors, random weights",
    ]
    assert len(json.loads((tmp_path / "o.json").read_text())["compare"]) == 1


def test_the_bar_does_not_need_tqdm(bsds, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    monkeypatch.setattr("segcore.runtime.progress.SECONDS_BETWEEN_LINES", 0.0)
    status, _, err = run(capsys, "bsds", "--root", bsds, "--k", "2", "--limit", "1", *QUICK)
    assert status == 0
    assert err.startswith("color: 1 of 1 pictures\n")


def test_objects_from_the_command_line(masks, tmp_path, capsys):
    folders = ("--images", masks / "pictures", "--masks", masks / "masks")
    status, out, err = run(capsys, "objects", *folders, *QUICK, "--json", tmp_path / "o.json")
    assert status == 0, err
    assert "fiedler (border)" in out
    written = json.loads((tmp_path / "o.json").read_text())
    assert written["iou"]["better_side"] >= written["iou"]["rule"] > 0.5
    assert written["settings"]["method"] == "fiedler"
    for name in ("f_beta", "max_f_beta", "accuracy", "corloc"):
        assert 0.5 < written[name] <= 1
    assert "CorLoc" in out
    assert written["no_partner"] == []


def test_objects_of_maskcut_from_the_command_line(masks, capsys):
    folders = ("--images", masks / "pictures", "--masks", masks / "masks")
    status, out, err = run(capsys, "objects", *folders, *QUICK, "--method", "maskcut", "--mask-tau", "0.9")
    assert status == 0, err
    assert "maskcut" in out


def test_all_methods_that_find_objects_share_one_table(masks, weights, tmp_path, capsys):
    """Each row is what its method gives alone; what a backbone cannot do is said, and costs the others nothing."""
    from segcore.pipeline.methods import METHODS

    folders = ("--images", masks / "pictures", "--masks", masks / "masks", *QUICK)
    written = {}
    for method in ("all", "lost"):
        status, out, err = run(capsys, "objects", *folders, "--method", method, "--json", tmp_path / f"{method}.json")
        assert status == 0, err
        first = json.loads((tmp_path / f"{method}.json").read_text())
        written[method] = {row["settings"]["method"]: row for row in (first, *first["compare"])}
        if method == "all":
            assert "Not possible: color, dino_seg: This backbone has no attention" in out
    assert set(written["all"]) == {name for name, method in METHODS.items() if method.finds_objects} - {"dino_seg"}
    assert written["all"]["lost"]["pictures"] == written["lost"]["lost"]["pictures"]
    status, out, err = run(capsys, "objects", *folders, "--method", "all", "--limit", "1", "--compare", weights)
    assert status == 0, err
    assert sum(line.startswith("model.safetensors") for line in out.splitlines()) == len(written["all"]) + 1


def test_the_registry_knows_which_methods_find_objects(pipeline):
    from segcore.pipeline.methods import METHODS

    for name, method in METHODS.items():
        settings = Settings(backbone="color", method=name, max_side=64, pixel_side=32)
        if name != "dino_seg" and not method.of_network:  # color has no attention, and no labels of its own
            assert pipeline.run(two_discs()[0], settings).has_background == method.finds_objects, name


@pytest.fixture
def streets(tmp_path):
    """Three pictures of colored squares; class 9 occurs in one of them only, and 7 is to be ignored."""
    rng, colors = np.random.default_rng(0), {1: (220, 40, 30), 2: (30, 60, 210), 7: (30, 60, 210), 9: (240, 240, 240)}
    for folder in ("pictures", "labels"):
        (tmp_path / folder).mkdir()
    for i, classes in enumerate(([1, 2, 9, 1], [2, 1, 1, 2], [7, 2, 1, 7])):
        truth = np.array(classes, np.uint8).reshape(2, 2).repeat(32, 0).repeat(32, 1)
        picture = np.array([colors[c] for c in truth.ravel()]).reshape(64, 64, 3) + rng.integers(-9, 10, (64, 64, 1))
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(tmp_path / "pictures" / f"{i}.png")
        Image.fromarray(truth).save(tmp_path / "labels" / f"{i}.png")
    return tmp_path


def test_patches_find_their_like_as_a_loop_finds_it(streets, pipeline):
    cases = evaluate.label_cases(streets / "pictures", streets / "labels")
    settings = Settings(backbone="color", max_side=64)
    report = finish(evaluate.evaluate_retrieval(cases, settings, pipeline=pipeline, ignore=7, n_nearest=5))
    rows = []
    for i, case in enumerate(cases):
        features = pipeline.features(case.picture, settings)
        truth = np.array(Image.open(case.truth.path))[4::8, 4::8].ravel()
        rows += [(i, c, x / x.norm()) for c, x in zip(truth.tolist(), features.X, strict=True) if c != 7]
    shares = {1: [], 2: []}
    for i, c, x in rows:
        others = [(float(x @ y), d) for j, d, y in rows if j != i]
        if c in shares:
            shares[c].append(sum(d == c for _, d in sorted(others, key=lambda o: -o[0])[:5]) / 5)
    assert set(report.precision) == {1, 2}  # 9 is nowhere else
    assert report.n_patches == len(rows)
    for c, values in shares.items():
        assert report.precision[c] == pytest.approx(np.mean(values), abs=1e-3)
        assert report.counts[c] == len(values)
    assert report.class_precision > 0.9 > 0.7 > report.class_chance
    assert report.mean_precision == pytest.approx(np.mean(shares[1] + shares[2]), abs=1e-3)


def test_retrieval_from_the_command_line(streets, tmp_path, capsys):
    folders = ("--images", streets / "pictures", "--labels", streets / "labels", "--ignore", "7")
    status, out, err = run(capsys, "retrieval", *folders, *QUICK, "--json", tmp_path / "r.json")
    assert status == 0, err
    assert "precision@10" in out
    written = json.loads((tmp_path / "r.json").read_text())
    assert written["precision"]["classes"] > written["precision"]["chance"]
    assert {row["class"] for row in written["classes"]} == {1, 2}
    status, _, err = run(capsys, "retrieval", *folders, *QUICK, "--limit", "1")
    assert status == 2
    assert "No class occurs in two pictures" in err


@pytest.fixture
def kinds(tmp_path):
    """Two red and two blue pictures in folders of their own, and a white one alone."""
    for name, color in {"red": (220, 40, 30), "blue": (30, 60, 210), "white": (240, 240, 240)}.items():
        (tmp_path / "kinds" / name).mkdir(parents=True)
        for i in range(1 if name == "white" else 2):
            picture = np.full((64, 80, 3), (90, 90, 90), np.uint8)
            picture[12:52, 15:65] = color
            Image.fromarray(picture).save(tmp_path / "kinds" / name / f"{i}.png")
    return tmp_path / "kinds"


def test_patches_of_the_middle_find_pictures_of_their_folder(kinds, pipeline):
    cases = evaluate.kind_cases(kinds)
    assert [case.name for case in cases] == ["blue/0", "blue/1", "red/0", "red/1", "white/0"]
    report = finish(evaluate.evaluate_kinds(cases, Settings(backbone="color", max_side=64), pipeline=pipeline, n_nearest=5))
    assert report.n_patches == 125
    assert report.precision == {0: pytest.approx(1), 1: pytest.approx(1)}  # white has no other picture
    assert report.chance == {0: pytest.approx(0.25), 1: pytest.approx(0.25)}


def test_kinds_from_the_command_line(kinds, tmp_path, capsys):
    status, out, err = run(capsys, "kinds", "--images", kinds, *QUICK, "--json", tmp_path / "k.json")
    assert status == 0, err
    assert "precision@10" in out
    assert json.loads((tmp_path / "k.json").read_text())["protocol"] == "kinds"
    status, _, err = run(capsys, "kinds", "--images", kinds / "red", *QUICK)
    assert status == 2
    assert "a folder of pictures for each kind" in err


def test_labels_from_the_command_line(labelled, tmp_path, capsys):
    (labelled / "pictures" / "alone.png").write_bytes((labelled / "pictures" / "discs.png").read_bytes())
    (labelled / "pictures" / "torn.png").write_bytes(b"")
    (labelled / "labels" / "torn.png").write_bytes((labelled / "labels" / "discs.png").read_bytes())
    folders = ("--images", labelled / "pictures", "--labels", labelled / "labels")
    status, out, err = run(
        capsys, "labels", *folders, *QUICK, "--n-segments", "4", "--ignore", "255", "--json", tmp_path / "l.json"
    )
    assert status == 0, err
    assert out.startswith("2 of 3 pairs fit")
    rows = out[out.index("backbone") :].splitlines()
    head = ["backbone", "pictures", "mIoU", "accuracy", "ARI", "covering", "PRI", "VoI", "pooled", "mIoU", "accuracy"]
    assert rows[0].split() == head
    assert rows[1].split()[:2] == ["color", "2"]
    assert "Not counted: 1" in out
    assert "torn: " in out
    assert "No label map" not in out
    assert "Without a file of the same name in the other folder: 1" in out
    assert "pictures/alone.png" in out
    written = json.loads((tmp_path / "l.json").read_text())
    assert (written["protocol"], written["ignore"], written["no_partner"]) == ("labels", 255, ["pictures/alone.png"])
    assert set(written["mean"]) == {"miou", "accuracy", "adjusted_rand", "covering", "rand", "voi"}
    assert f"{written['mean']['miou']:.3f}" in rows[1]
    assert [row["picture"] for row in written["pictures"]] == ["discs", "stripes"]
    assert list(written["skipped"]) == ["torn"]
    assert "No label map holds #00ff00" in run(capsys, "labels", *folders, *QUICK, "--ignore", "#00ff00")[1]


@pytest.mark.parametrize(
    ("flags", "words"),
    [(["--ignore", "void"], "whole number"), (["--limit", "0"], "at least 1"), (["--labels", "x"], "no folder")],
)
def test_mistakes_with_label_maps_end_with_one_line(labelled, flags, words, capsys):
    folders = ("--images", labelled / "pictures", "--labels", labelled / "labels")
    status, _, err = run(capsys, "labels", *folders, *QUICK, *flags)
    assert status == 2
    assert words in err.splitlines()[-1]


def test_skipped_pictures_are_printed(bsds, capsys):
    (bsds / "BSDS500" / "data" / "images" / "val" / "discs.png").write_bytes(b"")
    status, out, _ = run(capsys, "bsds", "--root", bsds, "--k", "2", *QUICK)
    assert status == 0
    assert "Not counted: 1" in out
    assert "discs: " in out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--k", "2,x"], "whole numbers"),
        (["--k", "1"], "n_segments"),
        (["--n-segments", "4"], "--k"),
        (["--limit", "0"], "at least 1"),
        (["--compare", "random"], "random weights"),
        (["--compare", "nobody"], "nobody"),
        (["--compare", "upsampling=bicubic"], "upsampling must be"),
        (["--compare", "upscaling=pac"], "no setting named upscaling"),
        (["--compare", "missing.safetensors"], "no file"),
        (["--json", "/nowhere/x.json"], "Cannot write"),
        (["--device", "abacus"], "device"),
    ],
)
def test_mistakes_end_with_one_line(bsds, flags, words, capsys):
    status, _, err = run(capsys, "bsds", "--root", bsds, *QUICK, *flags)
    assert status == 2
    line = err.splitlines()[-1]
    assert line.startswith("error: ")
    assert words in line
    assert "1/2" not in err  # it is said before anything is computed


@pytest.fixture
def pairs(masks):
    """Five pictures with masks, of which four masks have another size than their picture."""
    for i in range(4):
        shutil.copy(masks / "pictures" / "disc.png", masks / "pictures" / f"small{i}.png")
        Image.new("L", (40, 32), 255).save(masks / "masks" / f"small{i}.png")
    return masks


@pytest.mark.parametrize(("protocol", "truths"), [("objects", "--masks"), ("labels", "--labels")])
def test_pairs_are_checked_before_any_work(protocol, truths, pairs, monkeypatch, capsys):
    asked = []
    run = Pipeline.run

    def seen(self, picture, settings, **more):
        asked.append((picture.name, capsys.readouterr().out))
        return run(self, picture, settings, **more)

    monkeypatch.setattr(Pipeline, "run", seen)
    flags = ["evaluate", protocol, "--images", str(pairs / "pictures"), truths, str(pairs / "masks"), *QUICK]
    assert cli.main(flags) == 0
    assert [stem for stem, _ in asked] == ["disc"]  # the others are not segmented for nothing
    told = asked[0][1]
    assert "1 of 5 pairs fit" in told
    assert sum(f"small{i}:" in told for i in range(4)) == 3
    assert "small0.png is 40 × 32 px, but its picture 80 × 64 px" in told
    (pairs / "pictures" / "disc.png").unlink()
    assert cli.main(flags) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: None of 4 pairs of pictures fits. small0.png is 40 × 32 px")
    assert error.count("\n") == 1
    assert len(asked) == 1


def test_a_turned_picture_has_the_size_that_it_is_seen_in(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (50, 30)).save(tmp_path / "turned.jpg", exif=exif)
    assert picture_size(tmp_path / "turned.jpg") == tuple(read_image(tmp_path / "turned.jpg").shape[:2]) == (50, 30)
