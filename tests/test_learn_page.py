"""What /learn asks for and what it says of a run, without a browser."""

import dataclasses
import shlex
import zipfile

import numpy as np
import pytest
from PIL import Image

from demo.learn import texts
from demo.learn.asked import OPTIONS, asked_of, asked_of_link, default_k
from demo.learn.data import COLLECTIONS, OWN, others_of, own_pictures
from demo.learn.run import make_work
from demo.learn.show import about, percent, watch, watch_known
from demo.learn.show.objects import object_verdict
from demo.learn.show.slots import slot_functions
from demo.shared.asked import Own
from segcore.cli.commands import build_parser
from segcore.cli.flags import schema_from
from segcore.errors import InputError, NumericalError
from segcore.learn import CATALOG
from segcore.learn.baselines import BASELINES
from segcore.learn.systems.iic import IICLearner

TINY = {"width": 0.0625, "side": 32, "crop": 16, "batch": 2}


@pytest.mark.parametrize("system", CATALOG)
def test_a_link_asks_for_the_same(system):
    asked = asked_of({"system": system, "k": 4, "begin": 3, "minutes": 2.5}, TINY | ({"crop": 48} if system == "ac" else {}))
    query = {name: value for name, value in asked.query.items() if value is not None}
    assert asked_of_link(query) == asked


def test_what_is_left_empty_is_the_default():
    for collection in (*COLLECTIONS, OWN):
        asked = asked_of({"collection": collection, **dict.fromkeys(OPTIONS[1:])}, {"crop": None})
        assert asked.options.k == default_k(collection)
        assert asked.settings == CATALOG[asked.options.system].settings()


@pytest.mark.parametrize("values", [{"k": 1}, {"k": "many"}, {"system": "x"}, {"collection": "../etc"}, {"minutes": 0}])
def test_a_bad_value_is_a_sentence(values):
    with pytest.raises(InputError, match="must be"):
        asked_of_link({name: str(value) for name, value in values.items()})


def test_changed_settings_are_told():
    assert about(asked_of({"system": "iic", "k": 6}, {"entropy": False}))["details"][-1] == "Entropy term: off"


def test_the_command_line_understands_what_repeats_a_run():
    asked = asked_of({"system": "iic", "k": 4, "begin": 7, "minutes": 2.5}, {**TINY, "entropy": False})
    parsed = build_parser().parse_args(shlex.split(asked.command)[3:])
    assert (parsed.n_segments, parsed.minutes, parsed.seed) == (4, 2.5, 7)
    assert schema_from(parsed, type(asked.settings)) == asked.settings


def test_the_command_line_understands_what_repeats_a_run_with_labels():
    asked = asked_of({"system": "deeplab", "begin": 7}, {"output_stride": "8", "decoder": False})
    parsed = build_parser().parse_args(shlex.split(asked.command)[3:])
    assert (parsed.system, parsed.seed) == ("deeplab", 7)
    assert schema_from(parsed, type(asked.settings)) == asked.settings


def test_a_run_with_labels_shows_its_facts_and_what_is_taken_for_what():
    """K is the number of classes, whatever is asked for; nothing is matched; the majority class is what it must beat."""
    asked = asked_of({"system": "fcn8", "k": 4, "minutes": 1}, {"side": 32, "crop": 32, "batch": 2, "width": 0.125})
    seconds = iter(np.arange(0, 100, 0.2))
    reports = make_work(asked, most_minutes=10, clock=lambda: float(next(seconds)))(None)
    shown, left = {}, None
    while "baselines" not in shown:
        report = next(reports)
        shown |= report.show
        left = report.left or left
    reports.close()
    assert (shown["about"]["k"], shown["about"]["known"]) == (6, True)
    assert "sees 32 × 32 px" in shown["about"]["details"]
    classes = shown["pictures"]["classes"]
    assert shown["masks"]["names"] == left.learned.names == classes
    assert shown["masks"]["class_of"] == tuple(range(6))
    assert shown["baselines"].keys() == {texts.MAJORITY, texts.LINEAR_COLOR, texts.LINEAR_DINO}
    assert shown["point/0"]["scores"]["step"] == 0
    assert [stage["size"] for stage in shown["along"]][:4] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    truth = np.concatenate([t.numpy().ravel() for t in left.pictures.truth])
    share = (np.concatenate([t.numpy().ravel() for t in others_of("stuff6").truth]) == np.bincount(truth).argmax()).mean()
    assert shown["baselines"][texts.MAJORITY] == pytest.approx(share, abs=1e-3)
    assert shown["baseline_mious"][texts.MAJORITY] == pytest.approx(share / 6, abs=1e-3)
    assert "the best known class" in shown["table"]["watch"]


def test_the_best_and_the_least_known_class():
    P = np.array([[0.5, 0.1, 0], [0, 0.3, 0.1], [0, 0, 0]], np.float32)
    told = watch_known(P, ("sky", "road", "never"))
    assert told == texts.WATCH_KNOWN.format(best="sky", best_iou="83 %", least="road", least_iou="60 %")


def test_what_is_said_follows_the_numbers():
    k = 4
    fair, even = np.full(k, 1 / k, np.float32), np.full((k, k), 1 / k**2, np.float32)
    alone = np.array([0.97, 0.01, 0.01, 0.01], np.float32)
    assert watch(alone, np.diag(alone)) == texts.WATCH_ONE_TABLE.format(share="97 %")
    assert watch(alone, None) == texts.WATCH_ONE.format(share="97 %")
    assert watch(np.array([0.5, 0.5, 0, 0], np.float32), even) == texts.WATCH_EMPTY.format(n=2, k=k)
    assert watch(fair, np.diag(fair)) == texts.WATCH_DIAGONAL.format(diagonal="100 %")
    assert watch(fair, even) == texts.WATCH_BLURRED.format(diagonal="25 %")


def test_a_run_shows_everything_and_goes_on_from_what_it_left():
    asked = asked_of({"system": "iic", "minutes": 1}, TINY)
    seconds = iter(np.arange(0, 100, 0.2))
    work = make_work(asked, most_minutes=10, clock=lambda: float(next(seconds)))
    shown, left = {}, None
    reports = work(None)
    while "baselines" not in shown:
        report = next(reports)
        shown |= report.show
        left = report.left or left
    reports.close()
    assert all(1 / 6 <= accuracy < 0.5 for accuracy in shown["baselines"].values())
    assert shown["baselines"].keys() == shown["baseline_mious"].keys() == BASELINES.keys()
    assert all(0 < miou < 0.5 for miou in shown["baseline_mious"].values())
    assert 0 < shown["masks"]["miou"] <= 1
    assert len(shown["masks"]["images"]) == len(shown["pictures"]["images"]) == 6
    assert 0 < shown["masks"]["accuracy"] <= 1
    assert sum(shown["table"]["use"]) == pytest.approx(1, abs=1e-3)
    assert left.learned.label(left.pictures.images[0]).shape == left.pictures.truth[0].shape
    again = work(left)
    next(again)
    assert next(again).done == left.checkpoint.step + 1
    again.close()


class OneRun:
    """The jobs of a page whose only run left this."""

    def __init__(self, left):
        self._left = left

    def left(self, _id):
        return self._left


def shown_by(asked, part):
    """What a run tells until a part is there, and what it left last."""
    reports, shown, left = make_work(asked, most_minutes=10)(None), {}, None
    while part not in shown:
        report = next(reports)
        shown |= report.show
        left = report.left or left
    reports.close()
    return shown, left


TINY_OBJECTS = {"side": 64, "batch": 2}


# With places, where slots look in the end are their masks.
@pytest.mark.parametrize(
    ("near", "looks", "stages"), [(0, 2, ["1", "2", "end", "masks"]), (40, 2, ["1", "2", "masks"]), (40, 0, ["masks"])]
)
def test_slots_are_shown_look_by_look_for_any_number_of_them_and_any_noise(near, looks, stages):
    settings = {**TINY_OBJECTS, "slots": 3, "looks": looks, "points": 32, "slot_size": 16, "near": near}
    shown, left = shown_by(asked_of({"collection": "objects", "system": "dinosaur", "steps": 5}, settings), "masks")
    assert shown["about"]["slots"] == 3
    assert [view["title"] for name, view in shown.items() if name.startswith("view/")] == [
        "Slots",
        "Classes across pictures",
    ]
    assert shown["masks"]["view"] == "slots"
    assert set(shown["masks"]["class_of"]) <= {-1, *range(len(left.pictures.classes))}
    (shares,) = slot_functions(OneRun(left))
    asked = {"id": "x", "picture": 1, "slots": 0, "noise": 0}
    trained, two, other = shares(asked), shares(asked | {"slots": 2}), shares(asked | {"noise": 5})
    assert [stage["name"] for stage in trained["stages"]] == stages
    assert (trained["n"], two["n"], trained["size"]) == (3, 2, [8, 8])
    assert shares(asked | {"slots": 3})["stages"] == trained["stages"]
    assert other["stages"][0]["shares"] != trained["stages"][0]["shares"]
    assert "noise 5 with noise 0" in other["stages"][-1]["told"]
    assert "fits all objects together best" in trained["stages"][-1]["told"]
    for wrong in ({"picture": 6}, {"picture": -1}, {"slots": 33}, {"noise": -1}, {"slots": "x"}, {"noise": None}):
        assert shares(asked | wrong)["told"] == texts.NOT_SO


def test_a_run_in_rounds_shows_its_masks_by_round_and_says_nothing_of_clusters():
    settings = {**TINY_OBJECTS, "rounds": 2, "n_objects": 2, "places": 4}
    shown, left = shown_by(asked_of({"collection": "objects", "system": "cutler", "steps": 2}, settings), "view/round-2")
    assert shown["masks"]["view"] == "round-2"
    assert [shown[f"view/{name}"]["order"] for name in ("round-1", "round-2", "found")] == sorted(
        shown[f"view/{name}"]["order"] for name in ("round-1", "round-2", "found")
    )
    assert "table" not in shown
    assert {name for chart in shown["about"]["charts"] for name in chart["names"]} == shown["point/1"]["parts"].keys()
    assert shown["verdict"] == object_verdict(
        "cutler", (None, shown["masks"]["miou"]), shown["baseline_mious"][texts.MASKCUT]
    )
    (shares,) = slot_functions(OneRun(left))
    assert shares({"id": "x", "picture": 0, "slots": 2, "noise": 0})["told"] == texts.NO_SLOTS


def test_a_run_whose_loss_is_no_number_goes_on_more_slowly_from_its_last_good_step(monkeypatch):
    losses = IICLearner.losses

    def spoiled(self, turn):
        found = losses(self, turn)
        return dataclasses.replace(found, total=found.total * np.nan) if turn.step == 2 else found

    monkeypatch.setattr(IICLearner, "losses", spoiled)
    asked = asked_of({"system": "iic", "minutes": 1}, TINY)
    work, reports = make_work(asked, most_minutes=10), []
    with pytest.raises(NumericalError, match=r"loss of step 3 is nan.* Go on takes 0\.00025\."):
        reports.extend(work(None))
    left = reports[-1].left
    assert left.checkpoint.step == 2
    assert left.settings.learning_rate == pytest.approx(asked.settings.learning_rate / 4)
    monkeypatch.undo()
    again = work(left)
    next(again)
    assert next(again).done == 3
    again.close()


def test_too_few_own_pictures_are_a_sentence(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    work = make_work(asked_of({"collection": OWN, "files": [str(tmp_path / "broken.png")]}, {}), most_minutes=1)
    with pytest.raises(InputError, match=r"at least 2 .* got 0\. broken"):
        list(work(None))


def own(folder, n=3, size=(40, 32)):
    """A zip of pictures whose left half is class 0, and their label maps; the last column is of label 255."""
    folder.mkdir()
    labels = np.zeros((size[1], size[0]), np.uint8)
    labels[:, size[0] // 2 :] = 1
    labels[:, -1] = 255
    maps = []
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for i in range(n):
            image = np.random.default_rng(i).integers(0, 255, (*labels.shape, 3)).astype(np.uint8)
            image[labels == 1] //= 4
            Image.fromarray(image).save(folder / f"{i}.png")
            archive.write(folder / f"{i}.png", f"{i}.png")
            maps.append(folder / f"{i}.labels" / f"{i}.png")
            maps[-1].parent.mkdir()
            Image.fromarray(labels).save(maps[-1])
    return [str(folder / "all.zip")], [str(path) for path in maps]


def test_own_pictures_of_a_zip_are_scored_with_their_label_maps(tmp_path):
    files, maps = own(tmp_path / "own")
    asked = asked_of(
        {"collection": OWN, "system": "iic", "k": 2, "files": files, "labels": maps, "ignore": "255"}, {**TINY, "crop": 16}
    )
    shown = {}
    reports = make_work(asked, most_minutes=1)(None)
    while "masks" not in shown:
        shown |= next(reports).show
    reports.close()
    assert shown["pictures"]["classes"] == ("0", "1")
    assert shown["pictures"]["scored"] == 3
    assert 0.5 <= shown["masks"]["accuracy"] <= 1
    assert "--labels LABELS --ignore 255" in about(asked)["command"]
    few, _ = own_pictures(Own(tuple(files), tuple(maps[:2])), side=64)
    assert few.names == ("0", "1")
    assert few.classes == ("0", "1", "255")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(maps[0])
    with pytest.raises(InputError, match=r"0\.png must be as large as its picture, 40 × 32 px"):
        own_pictures(Own(tuple(files), tuple(maps)), side=64)


def test_a_share_in_a_sentence_is_that_of_the_table_below_it():
    """Those of tests/js/numbers.test.js, and two in the middle, which Python alone would round to even numbers."""
    shares = (0, 0.0004, 0.0007, 0.004, 0.0949, 0.095, 0.5, 1, 0.125, 0.625)
    told = ("0 %", "< 0.1 %", "0.1 %", "0.4 %", "9.5 %", "10 %", "50 %", "100 %", "13 %", "63 %")
    assert tuple(map(percent, shares)) == told
