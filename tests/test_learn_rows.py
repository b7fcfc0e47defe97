"""Recorded runs on /learn, and what networks with labels are compared with."""

import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from demo.learn.asked import asked_of_link
from demo.learn.data import own_pictures, recorded, seeds_of
from demo.learn.show.network import network_functions
from demo.learn.show.row import asked_again, row_shown, verdicts
from demo.learn.show.slots import slot_functions
from demo.shared.asked import Own
from segcore.errors import InputError
from segcore.heads.pictures import linear_label
from segcore.learn.ablations import ABLATIONS
from segcore.learn.catalog import CATALOG
from segcore.pipeline import Pipeline
from segcore.types import Pictures


@pytest.mark.parametrize("name", ABLATIONS)
def test_a_row_shows_what_was_recorded(name):
    """Every run is there, in JSON; what trains it again, where that can be done, asks for its settings, seed and steps."""
    row = row_shown(name)
    assert len(row["runs"]) == len(ABLATIONS[name].runs)
    assert len(json.dumps(row)) < 1_000_000
    for i, (run, shown) in enumerate(zip(recorded(name), row["runs"], strict=True)):
        assert shown["scores"][0]["step"] == 0
        assert len(shown["found"]) == len(row["pictures"]) == len(row["truth"]) == 8
        assert all(row["pictures"]) == all(row["truth"]) == ABLATIONS[name].repeatable
        assert [len(other["scores"]) for other in shown["others"]] == [len(shown["scores"])] * (len(seeds_of(name)) - 1)
        if not ABLATIONS[name].repeatable:
            assert shown["query"] is None
            continue
        asked = asked_again(name, i)
        assert asked_of_link(shown["query"]) == asked
        assert asked.settings == CATALOG[run.system].settings(**run.settings)
        assert (asked.options.begin, asked.options.steps) == (run.seed, run.steps)


@pytest.mark.parametrize("name", [name for name, row in ABLATIONS.items() if len(row.runs) > 1])
def test_the_best_run_is_named(name):
    """And with how many seeds it is the best."""
    best = []
    for seed in seeds_of(name):
        ends = {r.label: run.scores[-1].miou for r, run in zip(ABLATIONS[name].runs, recorded(name, seed), strict=True)}
        best.append(max(ends, key=ends.get))
    told = verdicts(name)[0]
    assert f"mIoU in the end: “{best[0]}”" in told
    assert (f"So it is with {best.count(best[0])} of {len(best)} seeds for mIoU" in told) == (len(best) > 1)


def test_a_run_that_is_alone_names_its_classes():
    (run,) = recorded("streets")
    end = dict(zip(run.classes, run.scores[-1].iou, strict=True))
    (told,) = verdicts("streets")
    assert f"Best known class: {max(end, key=end.get)}, IoU" in told
    assert f"least known: {min(end, key=end.get)}," in told


@pytest.mark.parametrize("name", ["", "../etc", "nothing"])
def test_there_is_no_other_row(name):
    assert row_shown(name) is None


def test_a_linear_head_on_colors_finds_what_colors_tell():
    """Two halves of two colors are found; the head needs two classes."""
    image = torch.zeros(64, 64, 3, dtype=torch.uint8)
    image[:, 32:] = torch.tensor([200, 40, 40], dtype=torch.uint8)
    truth = torch.zeros(64, 64, dtype=torch.long)
    truth[:, 32:] = 1
    pictures = Pictures((image, image), ("a", "b"), (truth, truth), ("left", "right"))
    label = linear_label(Pipeline(device="cpu"), pictures, backbone="color", side=64)
    assert float((label(image) == truth).float().mean()) > 0.95
    alone = Pictures((image,), ("a",), (torch.zeros_like(truth),), ("left", "right"))
    with pytest.raises(InputError, match="at least two labels"):
        linear_label(Pipeline(device="cpu"), alone, backbone="color", side=64)


def test_label_maps_may_come_as_a_zip(tmp_path):
    """They are matched by name, whatever folder they lie in; two of one name, or none that fits, is a sentence."""
    for name in "ab":
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / f"{name}.png")
    Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "labels.png")
    pictures = tuple(str(tmp_path / f"{name}.png") for name in "ab")

    def zipped(*members):
        with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
            for member in members:
                archive.write(tmp_path / "labels.png", member)
        return Own(pictures, (str(tmp_path / "labels.zip"),))

    found, _ = own_pictures(zipped("maps/a.labels.png", "maps/b.png"), side=64)
    assert (found.names, found.classes) == (("a", "b"), ("0", "1"))
    with pytest.raises(InputError, match="Two label maps are called a"):
        own_pictures(zipped("one/a.png", "two/a.png"), side=64)
    with pytest.raises(InputError, match="No label map has the name of a picture"):
        own_pictures(zipped("c.png"), side=64)


@pytest.mark.parametrize("asked", [None, 3, {}, {"id": 7}, {"id": "gone", "x": 0.5, "y": 0.5}])
def test_what_is_asked_of_no_network_is_a_sentence(asked):
    class Nothing:
        def left(self, _id):
            return None

    for function in (*network_functions(Nothing()), *slot_functions(Nothing())):
        assert function(asked)["told"].endswith(".")
