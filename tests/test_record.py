"""Recorded runs: they say what the training said, and a file that is none is refused with a sentence."""

import io
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from PIL import Image

from segcore.cli.commands import main
from segcore.drawn.stuff import draw_stuff
from segcore.errors import InputError
from segcore.evaluate.record import MOST_BYTES, N_SCORES, N_SHOWN, Recorder, load_record, record_ablation, save_record
from segcore.learn import CATALOG, train
from segcore.learn.ablations import ABLATIONS, SEEDS, STREET
from segcore.learn.pictures import scaled
from segcore.learn.score import score_classes

QUICK = {"side": 64, "crop": 32, "batch": 2}
STEPS = 24


@pytest.fixture(scope="module")
def run():
    """A run, and the network it left."""
    pictures, scored = draw_stuff(STREET, n=6), draw_stuff(STREET, n=8, seed=1)
    settings = CATALOG["fcn32"].settings(**QUICK)
    recorder = Recorder(scored, "fcn32", settings, seed=3, learned_from="drawn", scored_on="others")
    losses = []
    for state in train("fcn32", pictures, n_segments=4, settings=settings, steps=STEPS, seed=3):
        recorder.watch(state)
        losses.append(state.loss)
        last = state
    return recorder.record(), last.learned(), scored, losses


def test_scores_are_those_of_the_network(run):
    record, learned, scored, _ = run
    expected = score_classes(learned.label, scored, n_segments=4, known=True)
    last = record.scores[-1]
    assert (last.miou, last.global_accuracy) == pytest.approx((expected.miou, expected.accuracy), abs=1e-4)
    assert np.mean(last.iou) == pytest.approx(last.miou, abs=1e-3)  # all classes occur
    assert [row.step for row in record.scores] == [0, *range(STEPS // N_SCORES, STEPS + 1, STEPS // N_SCORES)]


def test_first_row_is_the_network_before_its_first_step(run):
    """Which the seed alone decides: another number of steps begins with the same scores."""
    record, _, scored, _ = run
    settings = CATALOG["fcn32"].settings(**QUICK)
    again = Recorder(scored, "fcn32", settings, seed=3, learned_from="", scored_on="")
    for state in train("fcn32", draw_stuff(STREET, n=6), n_segments=4, settings=settings, steps=2, seed=3):
        again.watch(state)
    assert again.record().scores[0] == record.scores[0]
    assert again.record().scores[-1].step == 2


def test_losses_are_those_of_the_steps(run):
    record, _, _, losses = run
    assert record.losses == tuple((i, pytest.approx(loss, rel=1e-3)) for i, loss in enumerate(losses, 1))


def test_answers_are_shown_beside_their_truth(run):
    """As the network sees the picture: at the size it was scaled to."""
    record, learned, scored, _ = run
    assert len(record.shown) == N_SHOWN
    for shown, image in zip(record.shown, scored.images, strict=True):
        found, truth = (np.asarray(Image.open(io.BytesIO(file))) for file in (shown.found, shown.truth))
        assert found.shape == truth.shape == (64, 64)
        assert np.array_equal(found, learned.label(scaled(image, 64)).numpy())
        assert truth.max() < 4


def test_file_brings_back_all_of_it(run, tmp_path):
    record = run[0]
    save_record(record, tmp_path / "one.run.json")
    assert load_record(tmp_path / "one.run.json") == record
    assert (tmp_path / "one.run.json").stat().st_size < MOST_BYTES


def test_pictures_can_be_left_out():
    """Where they may not be passed on, the file holds neither them nor their truth, but what the network makes of them."""
    settings = CATALOG["fcn32"].settings(**QUICK)
    scored = draw_stuff(STREET, n=2, seed=1)
    recorder = Recorder(scored, "fcn32", settings, seed=3, learned_from="", scored_on="", shows=False)
    for state in train("fcn32", draw_stuff(STREET, n=6), n_segments=4, settings=settings, steps=1):
        recorder.watch(state)
    shown = recorder.record().shown
    assert [(one.picture, one.truth) for one in shown] == [(b"", b"")] * 2
    assert all(Image.open(io.BytesIO(one.found)).size == (64, 64) for one in shown)


def _changed(**more):
    return lambda told: {**told, **more}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_changed(version=2), "version 2"),
        (_changed(system="none"), "system"),
        (_changed(scores=[]), "scores"),
        (_changed(classes=["sky"]), "do not fit"),
        (_changed(losses=[[1, "much"]]), "no recorded run"),
        (_changed(shown=[{"picture": "%", "truth": "", "found": ""}]), "no recorded run"),
        (lambda told: {k: v for k, v in told.items() if k != "facts"}, "facts"),
        (lambda told: [told], "no recorded run"),
    ],
)
def test_damaged_files_are_refused(run, tmp_path, change, words):
    path = tmp_path / "one.run.json"
    save_record(run[0], path)
    path.write_text(json.dumps(change(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    with pytest.raises(InputError, match=words):
        load_record(path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b" " * (MOST_BYTES + 1)], ids=["empty", "cut", "no text", "long"]
)
def test_what_is_no_json_is_refused(tmp_path, content):
    path = tmp_path / "one.run.json"
    path.write_bytes(content)
    with pytest.raises(InputError):
        load_record(path)
    with pytest.raises(InputError, match="damaged"):
        load_record(tmp_path / "none.run.json")


def test_runs_without_labels_are_not_recorded():
    scored = draw_stuff(STREET, n=2)
    with pytest.raises(InputError, match="with labels"):
        Recorder(scored, "iic", CATALOG["iic"].settings(), seed=0, learned_from="", scored_on="")
    with pytest.raises(InputError, match="score"):
        Recorder(replace(scored, truth=()), "fcn32", CATALOG["fcn32"].settings(), seed=0, learned_from="", scored_on="")


@pytest.mark.parametrize("name", ABLATIONS)
def test_rows_differ_in_one_choice(name):
    """All runs have settings of their systems, and no two of a row are the same."""
    row = ABLATIONS[name].runs
    full = [CATALOG[c.system].settings(**c.settings) for c in row]
    assert len({(c.system, *asdict(s).values()) for c, s in zip(row, full, strict=True)}) == len(row)
    assert len({s.side for s in full}) == len({s.batch for s in full}) == 1


def test_recorded_from_the_command_line(tmp_path, capsys):
    for part, seed in (("train", 0), ("val", 1)):
        street = draw_stuff(STREET, n=3, side=64, seed=seed)
        for kind, arrays in (("images", street.images), ("labels", street.truth)):
            (tmp_path / part / kind).mkdir(parents=True)
            for name, array in zip(street.names, arrays, strict=True):
                Image.fromarray(array.numpy().astype(np.uint8)).save(tmp_path / part / kind / f"{name}.png")
    out, record = tmp_path / "net.safetensors", tmp_path / "one.run.json"
    flags = ["--labels", str(tmp_path / "train/labels"), "--side", "64", "--crop", "32", "--steps", "2", "--out", str(out)]
    command = ["learn", "fcn32", str(tmp_path / "train/images"), *flags, "--record", str(record)]
    assert main(command) == 2
    assert "--score-images" in capsys.readouterr().err
    scoring = ["--score-images", str(tmp_path / "val/images"), "--score-labels", str(tmp_path / "val/labels")]
    assert main([*command, *scoring, "--resume"]) == 2
    assert "from its start" in capsys.readouterr().err
    others = [flag.replace("val/labels", "others") for flag in scoring]
    (tmp_path / "others").mkdir()
    for path in (tmp_path / "val/labels").iterdir():
        Image.fromarray(np.asarray(Image.open(path)) + 1).save(tmp_path / "others" / path.name)
    assert main([*command, *others]) == 2
    assert "hold other labels than those to learn from" in capsys.readouterr().err
    assert main([*command, *scoring, "--no-pictures"]) == 0
    told = load_record(record)
    assert (told.steps, told.scored_on) == (2, "3 of images")
    assert [(one.picture, one.truth) for one in told.shown] == [(b"", b"")] * 3


def test_a_run_of_two_rows_is_trained_once(run, tmp_path, monkeypatch):
    """FCN-32s at stride 32 without a CRF stands in two rows: the second takes what the first left."""
    settings = CATALOG["fcn32"].settings(**ABLATIONS["crf"].runs[0].settings)
    left = replace(run[0], settings=settings.to_dict())
    save_record(left, tmp_path / ABLATIONS["stride"].file("stride", 0))
    monkeypatch.setattr("segcore.evaluate.record.train", None)
    assert left.seed != SEEDS[0]
    path = next(record_ablation("crf", tmp_path, seed=left.seed, steps=left.steps))
    assert path.name == f"crf-0.seed{left.seed}.run.json"
    assert load_record(path) == replace(left, shown=())  # of other seeds than the first, numbers only
