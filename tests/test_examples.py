"""The example pictures: complete, credited, small, and with truths that fit."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from segcore.image import fit_to_grid, read_image
from segcore.settings import Settings
from tests import scenes
from tests.scenes import EXAMPLES

ROWS = json.loads((EXAMPLES / "examples.json").read_text(encoding="utf-8"))
CREDITS = (EXAMPLES / "CREDITS.md").read_text(encoding="utf-8")
KEYS = {"id", "file", "title", "credit", "licence", "source", "look_at", "truth", "settings"}
LICENCES = {"CC0-1.0", "public domain", "Apache-2.0"}
SMALL = {
    "two_discs": (scenes.two_discs, 3),
    "vertical_stripes": (scenes.vertical_stripes, 4),
    "one_color": (scenes.one_color, 1),
    "gradient": (scenes.gradient, 1),
    "checker": (scenes.checker, 2),
}

each_example = pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
each_drawing = pytest.mark.parametrize("name", scenes.DRAWN)


def read_truth(row):
    with Image.open(EXAMPLES / row["truth"]) as picture:
        assert picture.mode == "L"
        return torch.from_numpy(np.array(picture, dtype=np.int64))


@each_example
def test_rows_are_complete(row):
    assert set(row) == KEYS
    assert row["id"].isidentifier()
    assert row["licence"] in LICENCES
    assert row["source"].startswith("https://") or "tests/scenes.py" in row["source"]
    for key in ("title", "credit", "look_at"):
        assert row[key].strip() == row[key] != ""
    assert row["look_at"].endswith(".")


@each_example
def test_credits_agree(row):
    assert f"| {row['file']} | {row['credit']} | {row['licence']} | {row['source']} |" in CREDITS


def test_nothing_in_the_folder_is_uncredited():
    listed = {"examples.json", "CREDITS.md"} | {row["file"] for row in ROWS} | {row["truth"] for row in ROWS if row["truth"]}
    present = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*") if path.is_file()}
    assert present == listed
    assert len({row["id"] for row in ROWS}) == len(ROWS)
    assert 8 <= len(ROWS) <= 12


@each_example
def test_pictures_are_small(row):
    assert (EXAMPLES / row["file"]).stat().st_size <= 120_000
    assert max(read_image(EXAMPLES / row["file"]).shape) <= 640


def test_all_together_are_small():
    assert sum(path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()) <= 1_000_000


@each_example
def test_settings_are_valid(row):
    settings = Settings.from_values(row["settings"])
    if row["truth"]:
        assert settings.n_segments == len(read_truth(row).unique())


@pytest.mark.parametrize("row", [row for row in ROWS if row["truth"]], ids=lambda row: row["id"])
def test_truths_fit_and_have_no_gaps(row):
    truth = read_truth(row)
    assert truth.shape == read_image(EXAMPLES / row["file"]).shape[:2]
    labels = truth.unique().tolist()
    assert labels == list(range(len(labels)))
    assert len(labels) > 1


@each_drawing
def test_drawings_are_those_of_the_scenes(name):
    if name == "textures":
        pytest.importorskip("skimage", reason="its photographs come with scikit-image")
    row = next(row for row in ROWS if row["id"] == name)
    image, truth = scenes.DRAWN[name]()
    assert torch.equal(truth, read_truth(row))
    kept = read_image(EXAMPLES / row["file"])
    assert (kept.float() - image.float()).abs().mean() < 4  # a palette or JPEG rounds colors


# What the drawn examples claim


def test_the_hidden_fish_has_the_colors_of_its_ground():
    image, truth = scenes.camouflage()
    fish, ground = image[truth == 1].float(), image[truth == 0].float()
    assert (fish.mean(0) - ground.mean(0)).abs().max() < 1
    assert (fish.std(0) / ground.std(0) - 1).abs().max() < 0.03


def test_the_shadow_is_stronger_than_the_border_of_the_plate():
    image, truth = scenes.shadow()
    far_left, far_right = torch.zeros_like(truth, dtype=torch.bool), torch.zeros_like(truth, dtype=torch.bool)
    far_left[150:210, :200], far_right[150:210, 280:] = True, True
    lit_plate, lit_table, dark_plate, dark_table = (
        image[side & (truth == label)].float().mean(0) for side in (far_left, far_right) for label in (1, 0)
    )
    across_shadow = min((lit_plate - dark_plate).norm(), (lit_table - dark_table).norm())
    across_border = max((lit_plate - lit_table).norm(), (dark_plate - dark_table).norm())
    assert across_shadow > across_border


def test_the_textures_share_their_gray_levels():
    pytest.importorskip("skimage", reason="its photographs come with scikit-image")
    image, truth = scenes.textures()
    grays = [image[truth == label].float() for label in range(3)]
    for values in grays[1:]:
        assert abs(values.mean() - grays[0].mean()) < 0.5
        assert abs(values.std() - grays[0].std()) < 0.5


# The small scenes


@pytest.mark.parametrize("name", SMALL)
def test_small_scenes(name):
    scene, n_labels = SMALL[name]
    for sizes in ({}, {"height": 33, "width": 50}, {"height": 60, "width": 25}):
        image, truth = scene(**sizes)
        height, width = sizes.get("height", 48), sizes.get("width", 64)
        assert (image.dtype, image.shape) == (torch.uint8, (height, width, 3))
        assert (truth.dtype, truth.shape) == (torch.int64, (height, width))
        assert truth.unique().tolist() == list(range(n_labels))
        assert torch.equal(scene(**sizes)[0], image)
        fit_to_grid(image, max_side=64, patch=8)


def test_stripes_differ_in_color():
    for n in range(1, 9):
        image, truth = scenes.vertical_stripes(n=n)
        colors = torch.stack([image[truth == label][0].float() for label in range(n)])
        apart = torch.pdist(colors)
        assert n == 1 or apart.min() > 30
        assert truth[0].diff().min() >= 0
