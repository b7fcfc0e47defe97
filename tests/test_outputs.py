"""What the program writes: whole or not at all, never over an input, and never over what somebody else made."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segcore import InputError
from segcore.cli.commands import main
from segcore.runtime.outputs import check_outputs, is_ours, is_whole, json_bytes, write_whole
from tests.scenes import two_discs

QUICK = ["--backbone", "color", "--method", "kmeans", "--n-segments", "3", "--max-side", "64", "--device", "cpu"]
GROUPED = ["--backbone", "color", "--n-segments", "2", "--max-side", "64", "--device", "cpu"]


def save(path, image=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(two_discs()[0].numpy() if image is None else image).save(path)
    return path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def picture(tmp_path):
    return save(tmp_path / "in" / "a.png")


def run(*words):
    return main([str(word) for word in words])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", b'{"version": "5.4", "shapes": [{"label": "cell"}], "imagePath": "a.png"}'),
        ("a.json", b"{"),
        ("a.labels.png", None),
        ("a.overlay.png", None),
        ("a.spectrum.npz", b"somebody's"),
    ],
)
def test_what_somebody_else_made_is_kept_and_the_work_not_begun(picture, tmp_path, capsys, name, content):
    place = picture.with_name(name)
    if content is None:
        save(place, np.eye(40, dtype=np.uint8))
    else:
        place.write_bytes(content)
    before = contents(tmp_path)
    assert run("segment", picture, "--out", picture.parent, *QUICK) == 2
    told = capsys.readouterr()
    assert "was not written by this program" in told.err
    assert told.err.count("\n") == 1
    assert contents(tmp_path) == before
    assert run("segment", picture, "--out", picture.parent, "--overwrite", *QUICK) == 0
    assert json.loads(picture.with_name("a.json").read_bytes())["n_segments"] == 3


def test_an_input_is_never_written_over_whatever_is_asked(picture, tmp_path, capsys):
    other = save(picture.with_name("a.labels.png"), np.eye(40, dtype=np.uint8))
    linked = tmp_path / "linked"
    linked.symlink_to(picture.parent)
    before = contents(tmp_path)
    for flags in ([], ["--overwrite"]):
        for out in (picture.parent, linked):
            assert run("segment", picture, other, "--out", out, *flags, *QUICK) == 2
            assert "would take the place of a file that is to be read" in capsys.readouterr().err
    assert contents(tmp_path) == before


def test_own_results_are_replaced_without_asking(picture, tmp_path):
    for _ in range(2):
        assert run("segment", picture, "--out", tmp_path / "out", *QUICK) == 0
        assert run("collection", "segment", picture, save(tmp_path / "in" / "b.png"), "--out", tmp_path / "c", *GROUPED) == 0
    assert all(is_ours(path) for folder in ("out", "c") for path in (tmp_path / folder).iterdir())


def test_results_of_earlier_versions_are_known_by_the_summary_beside_them(picture, tmp_path):
    out = tmp_path / "out"
    assert run("segment", picture, "--out", out, *QUICK) == 0
    for name in ("a.labels.png", "a.overlay.png"):
        with Image.open(out / name) as image:
            image.load()
        image.save(out / name, pnginfo=None)
        assert b"segcore" not in (out / name).read_bytes()
        assert is_ours(out / name)
    (out / "a.json").unlink()
    assert not is_ours(out / "a.labels.png")


def test_a_collection_keeps_what_is_not_its_own(picture, tmp_path, capsys):
    other = save(picture.with_name("b.png"))
    truth = save(tmp_path / "out" / "b.labels.png", np.eye(40, dtype=np.uint8))
    before = truth.read_bytes()
    assert run("collection", "segment", picture.parent, "--out", truth.parent, *GROUPED) == 2
    assert "b.labels.png is there already" in capsys.readouterr().err
    assert truth.read_bytes() == before
    save(picture.with_name("a.labels.png"))
    assert (
        run("collection", "segment", picture, other, picture.with_name("a.labels.png"), "--out", picture.parent, *GROUPED)
        == 2
    )
    assert "is to be read" in capsys.readouterr().err


def test_scores_never_take_the_place_of_annotations(picture, tmp_path, capsys):
    save(tmp_path / "truth" / "a.png", (np.arange(96 * 128).reshape(96, 128) > 5000).astype(np.uint8))
    save(picture, np.zeros((96, 128, 3), np.uint8) + np.arange(128, dtype=np.uint8)[None, :, None])
    notes = picture.with_suffix(".json")
    notes.write_text('{"shapes": []}')
    words = ["evaluate", "labels", "--images", picture.parent, "--labels", tmp_path / "truth", *QUICK]
    assert run(*words, "--json", notes) == 2
    assert "Use another --json, or --overwrite" in capsys.readouterr().err
    assert notes.read_text() == '{"shapes": []}'
    for flags in (["--json", notes, "--overwrite"], ["--json", notes]):
        assert run(*words, *flags) == 0
        assert json.loads(notes.read_bytes())["protocol"] == "labels"
    out = tmp_path / "head.safetensors"
    out.write_bytes(b"somebody's weights")
    words = ["head", "train", "--images", picture.parent, "--labels", tmp_path / "truth", "--backbone", "color"]
    assert run(*words, "--out", out) == 2
    assert out.read_bytes() == b"somebody's weights"


def test_the_folder_of_results_is_not_read_again(picture, tmp_path, capsys):
    out = picture.parent / "out"
    for _ in range(2):
        assert run("segment", picture.parent, "--out", out, *QUICK) == 0
        assert capsys.readouterr().out.count("segments") == 1
    assert {path.name for path in out.iterdir()} == {"a.labels.png", "a.overlay.png", "a.json"}


def test_what_breaks_off_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write_whole(path, b"earlier")

    def full(self, data):
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"later and longer")
    assert contents(tmp_path) == {path: b"earlier"}


def test_links_modes_and_devices_are_respected(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"x")
    target.chmod(0o640)
    link.symlink_to(target)
    write_whole(link, b"y")
    assert link.is_symlink()
    assert target.read_bytes() == b"y"
    assert target.stat().st_mode & 0o777 == 0o640
    write_whole(Path(os.devnull), b"z")
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("name", ["a.labels.png", "a.overlay.png", "a.spectrum.npz", "a.json"])
@pytest.mark.parametrize("damage", ["cut", "gone", "empty"])
def test_resume_trusts_only_what_is_whole(picture, tmp_path, capsys, name, damage):
    words = ["segment", picture, "--out", tmp_path / "out", "--method", "spectral", *QUICK[:2], *QUICK[4:]]
    assert run(*words) == 0
    before = contents(tmp_path / "out")
    path = tmp_path / "out" / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 200 if damage == "cut" else 0])
    assert run(*words, "--resume", "--overwrite") == 0
    assert "already" not in capsys.readouterr().out.partition("segments")[2]
    after = contents(tmp_path / "out")
    assert after.keys() == before.keys()
    assert {p: b for p, b in after.items() if p.suffix == ".png"} == {p: b for p, b in before.items() if p.suffix == ".png"}
    assert all(is_whole(path) for path in after)
    assert run(*words, "--resume") == 0
    assert "1 of 1 pictures are there already" in capsys.readouterr().out


def test_a_run_that_a_full_disk_ends_is_made_up_for(picture, tmp_path):
    """A limit on the size of files stands in for the disk."""
    out = tmp_path / "out"
    assert run("segment", picture, "--out", out, *QUICK) == 0
    before = contents(out)
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)); "
        "from segcore.cli.commands import main; sys.exit(main(sys.argv[1:]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", limited, "segment", str(picture), "--out", str(out), *QUICK], capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert {p: b for p, b in contents(out).items() if p.suffix == ".png"} == {
        p: b for p, b in before.items() if p.suffix == ".png"
    }


def test_names_that_are_no_utf_8_are_escaped_in_json():
    name = os.fsdecode(b"caf\xe9.png")
    data = json_bytes({"ü": name})
    assert data.decode() == '{\n  "ü": "caf\\udce9.png"\n}\n'
    assert json.loads(data) == {"ü": name}


def test_files_that_say_nothing_are_foreign_and_empty_ones_are_free(tmp_path):
    (tmp_path / "empty.json").touch()
    (tmp_path / "text.json").write_text("[1, 2]")
    check_outputs([tmp_path / "empty.json", tmp_path / "none.json"])
    with pytest.raises(InputError, match=r"text.json is there already"):
        check_outputs([tmp_path / "text.json"])
