"""Scores of separate masks: by hand, against pycocotools, and against scikit-learn."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from segcore.cli.commands import main
from segcore.drawn.objects import draw_objects, instance_map
from segcore.errors import InputError
from segcore.learn import Learned, save_learned
from segcore.learn.catalog import system_of
from segcore.metrics.instances import MOST_MASKS, count_instances, instance_scores

SIDE = 24


def blob(rng, side=SIDE):
    y, x = np.mgrid[:side, :side]
    (cy, cx), r = rng.uniform(4, side - 4, 2), rng.uniform(2, 7)
    return np.hypot(y - cy, x - cx) < r


def picture(rng, n_objects, n_masks):
    """Objects as a label map, and masks of which some are objects a little off, with scores that often tie."""
    truth = np.zeros((SIDE, SIDE), np.int64)
    for label in range(n_objects):
        truth[blob(rng)] = 3 * label + 2
    masks = []
    for _ in range(n_masks):
        label = 3 * int(rng.integers(max(n_objects, 1))) + 2
        mask = np.roll(truth == label, tuple(rng.integers(-2, 3, 2)), (0, 1))
        masks.append(mask if rng.random() < 0.7 and mask.any() else blob(rng))
    return np.array(masks, bool).reshape(n_masks, SIDE, SIDE), rng.integers(0, 5, n_masks) / 5, truth


@pytest.fixture(params=range(5))
def pictures(request):
    rng = np.random.default_rng(request.param)
    sizes = [(int(rng.integers(0, 4)), int(rng.integers(0, 9))) for _ in range(6)]
    return [picture(rng, *size) for size in [(2, 3), *sizes, (1, MOST_MASKS + 20)]]


def scored(pictures):
    return instance_scores([count_instances(*p) for p in pictures])


def test_precision_and_recall_are_those_of_pycocotools(pictures):
    mask_api = pytest.importorskip("pycocotools.mask")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def coded(mask):
        return mask_api.encode(np.asfortranarray(mask.astype(np.uint8)))

    truths, found = [], []
    for i, (masks, scores, truth) in enumerate(pictures, 1):
        common = {"image_id": i, "category_id": 1}
        for label in np.unique(truth[truth > 0]):
            mask = truth == label
            area = int(mask.sum())
            truths.append({**common, "id": len(truths) + 1, "segmentation": coded(mask), "area": area, "iscrowd": 0})
        found += [{**common, "segmentation": coded(m), "score": float(s)} for m, s in zip(masks, scores, strict=True)]
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i + 1, "height": SIDE, "width": SIDE} for i in range(len(pictures))],
        "categories": [{"id": 1}], "annotations": truths, "info": {},
    }  # fmt: skip
    coco.createIndex()
    official = COCOeval(coco, coco.loadRes(found), "segm")
    official.evaluate()
    official.accumulate()
    official.summarize()
    ours = scored(pictures)
    assert (ours.ap, ours.ap50, ours.ar) == pytest.approx(official.stats[[0, 1, 8]], abs=1e-9)


def test_the_index_of_the_objects_is_that_of_scikit_learn(pictures):
    metrics = pytest.importorskip("sklearn.metrics")
    for masks, scores, truth in pictures:
        if not truth.any():
            continue
        labels = np.zeros(truth.shape, int)
        for number in np.argsort(-scores, kind="stable")[::-1]:
            labels[masks[number]] = number + 1
        inside = truth > 0
        expected = metrics.adjusted_rand_score(truth[inside], labels[inside])
        assert count_instances(masks, scores, truth).fg_ari == pytest.approx(expected)


def test_what_is_there_has_all_scores_one_whatever_its_number_and_place():
    truth = torch.zeros(8, 8, dtype=torch.int64)
    truth[1:4, 1:4], truth[5:8, 5:8] = 7, 300
    masks = torch.stack([truth == 300, truth == 7])
    scores = scored([(masks, [0.1, 0.9], truth)])
    assert (scores.ap50, scores.ap, scores.ar, scores.mbo, scores.fg_ari, scores.surest, scores.corloc) == (1,) * 7


def test_a_picture_without_objects_costs_precision_only():
    truth = np.zeros((8, 8), int)
    truth[2:5, 2:5] = 1
    right = ((truth > 0)[None], [0.5], truth)
    wrong = ((truth > 0)[None], [0.9], np.zeros_like(truth))
    alone, both = scored([right]), scored([wrong, right])
    assert both.ap50 == pytest.approx(0.5)
    assert alone.ap50 == 1
    assert replace(both, ap50=1, ap=1) == alone


def test_one_object_for_two_is_no_better_than_chance_and_blocks_that_part_them_are_right():
    """FG-ARI does not see how the ground is cut, mBO does."""
    truth = np.zeros((8, 8), int)
    truth[2:6, 1:3], truth[2:6, 5:7] = 1, 2
    halves = np.zeros((2, 8, 8), bool)
    halves[0, :, :4], halves[1, :, 4:] = True, True
    merged = count_instances((truth > 0)[None], [1.0], truth)
    assert merged.fg_ari == pytest.approx(0)
    assert merged.mbo == pytest.approx(0.5)
    parted = count_instances(halves, [1.0, 1.0], truth)
    assert parted.fg_ari == 1
    assert parted.mbo == pytest.approx(0.25)


def test_the_surest_mask_alone_is_asked_and_fits_the_object_that_it_fits_best():
    truth = np.zeros((8, 8), int)
    truth[2:6, 1:3], truth[2:6, 5:7] = 1, 2
    half = (truth == 2) & (np.arange(8) < 6)
    masks = np.stack([truth == 1, half])
    assert count_instances(masks, [0.2, 0.9], truth).surest == pytest.approx(0.5)
    assert count_instances(masks, [0.9, 0.2], truth).surest == 1


def test_what_is_left_out_counts_for_nothing():
    truth = np.zeros((8, 8), int)
    truth[2:5, 2:5], truth[:, 7] = 1, 255
    masks = (truth > 0)[None]
    assert count_instances(masks, [1.0], truth, ignore=255).mbo == 1
    assert count_instances(masks, [1.0], truth).mbo < 1


def test_no_mask_found_is_no_error_and_no_object_at_all_is_one():
    truth = np.zeros((8, 8), int)
    nothing = np.zeros((0, 8, 8), bool)
    with pytest.raises(InputError, match="None of the pictures has an object"):
        scored([(nothing, [], truth)])
    truth[2:5, 2:5] = 1
    scores = scored([(nothing, [], truth)])
    assert (scores.ap50, scores.ap, scores.ar, scores.mbo, scores.surest, scores.corloc) == (0,) * 6


@pytest.mark.parametrize(
    ("masks", "scores", "said"),
    [
        (np.zeros((1, 4, 5), bool), [1.0], "must be"),
        (np.zeros((2, 4, 4), bool), [1.0], "finite score"),
        (np.zeros((1, 4, 4), bool), [float("nan")], "finite score"),
    ],
)
def test_what_does_not_fit_is_said(masks, scores, said):
    with pytest.raises(InputError, match=said):
        count_instances(masks, scores, np.ones((4, 4), int))


# ---- evaluate instances ----


@pytest.fixture
def folders(tmp_path):
    """Two drawn pictures, and label maps of their objects."""
    drawn = draw_objects(n=2, side=96)
    for name, image, truth in zip(drawn.names, drawn.images, drawn.truth, strict=True):
        for folder, pixels in (("images", image.numpy()), ("masks", instance_map(truth).numpy().astype(np.uint8))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / folder / f"{name}.png")
    return tmp_path


def evaluated(folders, *more):
    where = ["--images", str(folders / "images"), "--masks", str(folders / "masks"), "--json", str(folders / "scores.json")]
    status = main(["evaluate", "instances", *where, "--overwrite", "--max-side", "96", *more])
    return status, json.loads((folders / "scores.json").read_text()) if status == 0 else None


def test_a_method_is_scored_by_the_objects_that_it_tells_apart(folders, capsys):
    status, scores = evaluated(folders, "--method", "maskcut", "--backbone", "color")
    assert status == 0
    assert {"ap50", "ap", "ar", "mbo", "fg_ari", "surest", "corloc"} <= scores.keys()
    assert all(-1 <= scores[key] <= 1 for key in ("ap50", "ap", "ar", "mbo", "fg_ari", "surest", "corloc"))
    assert "AP50" in capsys.readouterr().out
    again, same = evaluated(folders, "--backbone", "color")
    assert (again, same) == (0, scores)  # MaskCut is meant where nothing is named


def test_weights_and_a_method_are_one_too_many_and_an_empty_truth_is_said(folders, capsys):
    assert evaluated(folders, "--method", "maskcut", "--weights", "x.safetensors")[0] == 2
    assert "leave one of them out" in capsys.readouterr().err
    for path in (folders / "masks").iterdir():
        Image.fromarray(np.zeros((96, 96), np.uint8)).save(path)
    assert evaluated(folders, "--backbone", "color")[0] == 2
    assert "None of the pictures has an object" in capsys.readouterr().err


def test_weights_that_find_no_objects_are_said(folders, capsys):
    settings = system_of("iic").settings()
    net = system_of("iic").make_net(3, settings)
    save_learned(Learned(net, "iic", 3, settings, ("0", "1", "2"), {}), folders / "iic.safetensors")
    assert evaluated(folders, "--weights", str(folders / "iic.safetensors"))[0] == 2
    assert "find no separate objects" in capsys.readouterr().err


def test_as_many_slots_are_scored_as_are_asked_for(folders):
    settings = system_of("dinosaur").settings(backbone="color", side=96, slots=5)
    net = system_of("dinosaur").make_net(2, settings)
    save_learned(Learned(net.eval(), "dinosaur", 2, settings, ("0", "1"), {}), folders / "slots.safetensors")
    weights = "--weights", str(folders / "slots.safetensors")
    assert evaluated(folders, *weights, "--n-segments", "2")[1]["masks"] == 4  # of two pictures
    assert 4 < evaluated(folders, *weights)[1]["masks"] <= 10


def test_drawn_objects_never_touch_so_that_their_parts_are_the_objects():
    drawn = draw_objects(n=3, side=96)
    for truth in drawn.truth:
        objects = instance_map(truth)
        assert torch.equal(objects > 0, truth > 0)
        assert all(len(truth[objects == i].unique()) == 1 for i in range(1, int(objects.max()) + 1))
