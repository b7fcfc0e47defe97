"""From strokes to labels: every method, every rule, and heads on folders and in a shell."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

from segcore.cli import commands as cli
from segcore.errors import InputError
from segcore.evaluate.cases import label_cases
from segcore.evaluate.heads import evaluate_head, train_on_cases
from segcore.heads.apply import cell_counts, check_head, entropy, label_picture, last_blocks, read_features
from segcore.heads.file import head_bytes, read_head
from segcore.image import cells_to_pixels, read_labels
from segcore.pipeline import Pipeline
from segcore.runtime.steps import finish
from segcore.scribble.scribble import COSTS, METHODS, Options, scribble
from segcore.scribble.strokes import read_strokes
from segcore.settings import Settings
from tests.scenes import two_discs, vertical_stripes

QUICK = Settings(backbone="color", max_side=96)
PIPELINE = Pipeline(device="cpu")


def halves(*labels):
    """A picture of colored stripes, its map of these labels, and a stroke down the middle of each stripe."""
    image, truth = vertical_stripes(96, 128, len(labels))
    middles = [(i + 0.5) / len(labels) for i in range(len(labels))]
    strokes = [
        {"label": label, "width": 0.03, "points": [[x, 0.1], [x, 0.9]]} for label, x in zip(labels, middles, strict=True)
    ]
    return image, np.array(labels)[np.asarray(truth)], read_strokes(strokes)


def iou(found, truth):
    found, truth = np.asarray(found, bool), np.asarray(truth, bool)
    return (found & truth).sum() / (found | truth).sum()


ALL = [Options(method=m) for m in METHODS] + [Options(costs=c) for c in COSTS] + [Options(everywhere=True)]


@pytest.mark.parametrize("options", ALL, ids=lambda o: f"{o.method}-{o.costs}-{o.everywhere}")
def test_every_method_follows_the_border_between_two_strokes(options):
    image, truth, strokes = halves(3, 7)
    result = scribble(PIPELINE, image, QUICK, strokes, options)
    assert result.labels == (3, 7)
    assert tuple(result.label_map.shape) == truth.shape
    assert torch.equal(result.scaled[result.seeds > 0], result.seeds[result.seeds > 0])
    assert (result.label_map.numpy() == truth).mean() > 0.97
    if result.P is not None:
        assert torch.allclose(result.P.sum(0), torch.ones(result.P.shape[1:]), atol=1e-4)
        assert 0 <= float(result.uncertain.min()) <= float(result.uncertain.max()) <= 1 + 1e-6
    if result.cut is not None:
        assert abs(result.cut.energy - result.cut.flow) <= result.cut.rounding


@pytest.mark.parametrize("method", METHODS)
def test_three_labels(method):
    image, truth, strokes = halves(1, 4, 2)
    result = scribble(PIPELINE, image, QUICK, strokes, Options(method=method))
    assert result.labels == (1, 2, 4)
    assert (result.label_map.numpy() == truth).mean() > 0.95
    if result.cut is not None:
        assert result.cut.flow is None  # exact for two labels only, and says so


def test_the_cut_is_the_same_by_another_process():
    from segcore.runtime.worker import Worker

    worker = Worker("segcore.scribble.max_flow:max_flow")
    image, _, strokes = halves(1, 2)
    here = scribble(PIPELINE, image, QUICK, strokes, Options())
    there = scribble(PIPELINE, image, QUICK, strokes, Options(), solve=lambda *p: worker.call(*p, deadline=60))
    worker.close()
    assert torch.equal(here.label_map, there.label_map)


@pytest.mark.parametrize("method", METHODS)
def test_eight_labels_on_one_pixel_are_one_sentence(method):
    image = torch.full((1, 1, 3), 120, dtype=torch.uint8)
    strokes = read_strokes([{"label": i, "width": 0.9, "points": [[0.5, 0.5]]} for i in range(1, 9)])
    with pytest.raises(InputError, match="No pixel of label 1 is left") as error:
        scribble(PIPELINE, image, QUICK, strokes, Options(method=method))
    assert error.value.field == "strokes"


@pytest.mark.parametrize("method", METHODS)
def test_a_picture_of_one_row(method):
    image = torch.full((1, 40, 3), 120, dtype=torch.uint8)
    strokes = read_strokes([{"label": i, "width": 0.05, "points": [[i / 3, 0.5]]} for i in (1, 2)])
    result = scribble(PIPELINE, image, QUICK, strokes, Options(method=method))
    assert tuple(result.label_map.shape) == (1, 40)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"method": "magic"}, "method must be one of"),
        ({"costs": "free"}, "costs must be one of"),
        ({"weight": -1.0}, "weight must be between"),
        ({"weight": float("nan")}, "weight must be between"),
        ({"n_blocks": 0}, "n_blocks must be between"),
        ({"upsampling": "magic"}, "upsampling must be one of"),
    ],
)
def test_bad_options_are_one_sentence(values, words):
    with pytest.raises(InputError, match=words):
        Options(**values)


@pytest.mark.parametrize("method", ["head", "nearest"])
def test_strokes_in_one_patch_are_one_sentence(method):
    image, _, _ = halves(1, 2)
    dots = read_strokes([{"label": i, "width": 0.001, "points": [[0.5 + 0.012 * i, 0.51]]} for i in (1, 2)])
    with pytest.raises(InputError, match="patch"):
        scribble(PIPELINE, image, QUICK, dots, Options(method=method))


def test_blocks_stand_side_by_side():
    """The bundled weights stand for any transformer."""
    image, _, strokes = halves(1, 2)
    settings = QUICK.replace(backbone="dino_tiny")
    one, two = (read_features(PIPELINE, image, settings, blocks=last_blocks(n)).f for n in (1, 2))
    assert two.shape[-1] == 2 * one.shape[-1]
    assert torch.equal(two[..., : one.shape[-1]], one)
    result = scribble(PIPELINE, image, settings, strokes, Options(method="head", n_blocks=2), names={1: "disc"})
    assert result.head.blocks == (-1, -2)
    assert result.head.names == ("disc", "label 2")
    assert result.head.linear.weight.shape[0] == two.shape[-1]


def test_counts_of_cells_follow_the_grid():
    image, _, _ = halves(1, 2)
    grid = read_features(PIPELINE, image, QUICK, blocks=(-1,))
    g = grid.geometry
    cells = cells_to_pixels(torch.arange(g.n), g).long()
    labels = torch.from_numpy(np.random.default_rng(0).integers(0, 3, g.image_size))
    counts = cell_counts(labels, g, (0, 2))
    for i in (0, g.n // 2, g.n - 1):
        assert counts[i].tolist() == [int(((cells == i) & (labels == v)).sum()) for v in (0, 2)]


def test_entropy_is_a_share_of_a_fair_draw():
    P = torch.tensor([[0.5, 1.0, 0.25], [0.5, 0.0, 0.25], [0.0, 0.0, 0.25], [0.0, 0.0, 0.25]])
    assert entropy(P, 0).tolist() == pytest.approx([0.5, 0.0, 1.0])


# ---- Folders ----


@pytest.fixture
def folders(tmp_path):
    """Six pictures of drawn scenes with their label maps, the object 5 and the background 2."""
    for part in ("images", "labels"):
        (tmp_path / part).mkdir()
    for i, make in enumerate((two_discs, vertical_stripes) * 3):
        image, truth = make(96, 128)
        Image.fromarray(image.numpy()).save(tmp_path / "images" / f"p{i}.png")
        labels = np.where(np.asarray(truth) > 0, 5, 2).astype(np.uint8)
        Image.fromarray(labels).save(tmp_path / "labels" / f"p{i}.png")
    return tmp_path


def run(*words):
    return cli.main([str(word) for word in words])


COLOR = ("--backbone", "color", "--max-side", "96")
TRAIN = "head train --images {}/images"


def test_train_apply_and_evaluate_agree(folders, capsys):
    images, labels, out = folders / "images", folders / "labels", folders / "h.safetensors"
    assert run("head", "train", "--images", images, "--labels", labels, "--out", out, "--names", "ground,thing", *COLOR) == 0
    assert "2 labels" in capsys.readouterr().out
    head = read_head(out)
    assert (head.labels, head.names, head.backbone, head.weights) == ((2, 5), ("ground", "thing"), "color", "none")
    assert run("head", "apply", "--images", images, "--head", out, "--out", folders / "found") == 0
    assert "thing" in capsys.readouterr().out
    scores = folders / "scores.json"
    assert run("head", "evaluate", "--images", images, "--labels", labels, "--head", out, "--json", scores) == 0
    said = capsys.readouterr().out
    told = json.loads(scores.read_text())
    assert f"mean IoU {told['miou']:.3f}" in said
    found = [read_labels(folders / "found" / f"p{i}.labels.png").labels.numpy() for i in range(6)]
    truth = [read_labels(labels / f"p{i}.png").labels.numpy() for i in range(6)]
    flat = np.concatenate([x.ravel() for x in found]), np.concatenate([x.ravel() for x in truth])
    assert told["accuracy"] == pytest.approx((flat[0] == flat[1]).mean())
    for label in (2, 5):
        assert told["iou"][str(label)] == pytest.approx(iou(flat[0] == label, flat[1] == label))
    assert told["miou"] == pytest.approx(np.mean(list(told["iou"].values())))


def test_sparse_labels_are_enough(folders):
    """Strokes as label maps: all but two lines is the ignored value."""
    for path in (folders / "labels").iterdir():
        labels = np.array(Image.open(path))
        sparse = np.full_like(labels, 255)
        sparse[::24] = labels[::24]
        Image.fromarray(sparse).save(path)
    cases = label_cases(folders / "images", folders / "labels")
    trained = finish(train_on_cases(cases, QUICK, pipeline=PIPELINE, ignore=255))
    assert trained.head.labels == (2, 5)
    assert trained.n_patches < 6 * 9 * 12


def test_patches_are_thinned_out_equally(folders):
    cases = label_cases(folders / "images", folders / "labels")
    trained = finish(train_on_cases(cases, QUICK, pipeline=PIPELINE, most_patches=60))
    again = finish(train_on_cases(cases, QUICK, pipeline=PIPELINE, most_patches=60))
    assert trained.n_patches == 60
    assert trained.n_marked == 6 * 9 * 12
    assert torch.equal(trained.head.linear.weight, again.head.linear.weight)


def test_random_weights_are_told_and_used_again(folders):
    images, labels, out = folders / "images", folders / "labels", folders / "r.safetensors"
    flags = ("--backbone", "dino_tiny", "--max-side", "64", "--untrained", "--limit", "2")
    assert run("head", "train", "--images", images, "--labels", labels, "--out", out, *flags) == 0
    assert read_head(out).weights == "random"
    assert run("head", "evaluate", "--images", images, "--labels", labels, "--head", out, "--limit", "2") == 0


def test_a_head_of_other_weights_is_one_sentence(folders):
    cases = label_cases(folders / "images", folders / "labels")
    head = finish(train_on_cases(cases, QUICK.replace(backbone="dino_tiny"), pipeline=PIPELINE)).head
    check_head(PIPELINE, head)
    assert tuple(label_picture(PIPELINE, head, cases[0].picture)[0].shape) == (96, 128)
    for other in (dataclasses.replace(head, weights="0" * 16), dataclasses.replace(head, backbone="color")):
        with pytest.raises(InputError, match="trained on other weights"):
            check_head(PIPELINE, other)
    with pytest.raises(InputError, match="numbers per patch"):
        label_picture(PIPELINE, dataclasses.replace(head, backbone="color", weights="none"), cases[0].picture)
    again = read_head(head_bytes(head))
    assert finish(evaluate_head(cases, again, pipeline=PIPELINE)).labels == (2, 5)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (TRAIN + " --labels {}/images --out {}/h", "named twice"),
        (TRAIN + " --labels {}/labels --out {}/no/h", "Cannot write"),
        (TRAIN + " --labels {}/labels --out {}/h --ignore 5", "only one label"),
        (TRAIN + " --labels {}/labels --out {}/h --c -1", "C must be"),
        (TRAIN + " --labels {}/labels --out {}/h --n-blocks 99", "n_blocks must be"),
        (TRAIN + " --labels {}/labels --out {}/h --max-patches 1", "at least 2"),
        ("head train --images {}/none --labels {}/labels --out {}/h", "There is no folder"),
        ("head apply --images {}/images --head {}/images/p0.png --out {}/o", "no head"),
        ("head apply --images {}/images --head {}/missing --out {}/o", "Cannot read"),
        ("head apply --images {}/labels --head {}/old --out {}/o --upsampling x", "must be one of"),
        ("head evaluate --images {}/images --labels {}/labels --head {}/old --limit 0", "at least 1"),
        ("head evaluate --images {}/images --labels {}/labels --head {}/old", "which this head does not know"),
    ],
)  # fmt: skip
def test_mistakes_in_a_shell_are_one_sentence(words, sentence, folders, capsys):
    cases = label_cases(folders / "images", folders / "labels")
    head = finish(train_on_cases(cases, QUICK, pipeline=PIPELINE)).head
    (folders / "old").write_bytes(head_bytes(dataclasses.replace(head, labels=(7, 9))))
    extra = COLOR if " train " in words else ()
    assert run(*words.replace("{}", str(folders)).split(), *extra) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


def test_label_maps_of_another_size_are_named_and_left_out(folders, capsys):
    Image.new("L", (10, 10)).save(folders / "labels" / "p0.png")
    cases = label_cases(folders / "images", folders / "labels")
    trained = finish(train_on_cases(cases, QUICK, pipeline=PIPELINE))
    assert "must have the same size" in trained.skipped["p0"]
    assert len(trained.names) == 5
