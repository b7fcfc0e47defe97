"""Pictures are named one way in every command, and paired with what was drawn on them by their paths."""

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segcore import InputError
from segcore.cli.commands import main
from segcore.evaluate import label_cases
from segcore.image.listing import SUFFIXES, pairs_of, pictures_of
from segcore.learn import load_pictures
from segcore.pretrain.pictures import load_store

QUICK = ["--backbone", "color", "--max-side", "64", "--n-segments", "2", "--device", "cpu"]
LATIN = os.fsdecode(b"caf\xe9")


def save(path, level=90, side=48):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.full((side, side, 3), level, np.uint8)
    image[:, : side // 3] = (200, 20, 20)
    Image.fromarray(image).save(path, **({"format": "PNG"} if path.suffix == ".png" else {}))
    return path


def draw(path, label, side=48):
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.zeros((side, side), np.uint8)
    labels[:, : side // 3] = label
    Image.fromarray(labels).save(path, "PNG")
    return path


def packed(path, folder):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def run(*words):
    return main([str(word) for word in words])


@pytest.fixture
def folder(tmp_path):
    """Two pictures of one name in two folders, each with its own class, and truths laid out alike."""
    for name, level, label in (("a", 60, 1), ("b", 160, 2)):
        save(tmp_path / "in" / name / "0001.png", level)
        draw(tmp_path / "truth" / name / "0001.png", label)
    return tmp_path / "in"


@pytest.fixture
def sources(folder, tmp_path):
    """The same pictures as a folder, a zip and a list."""
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"in/{name}/0001.png\n" for name in ("a", "b")))
    return folder, packed(tmp_path / "in.zip", folder), listed


def names(*given, **how):
    return [picture.name for picture in pictures_of(*given, **how)]


def test_folder_zip_and_list_have_the_same_names(sources):
    assert [names(source) for source in sources] == [["a/0001", "b/0001"]] * 3


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_every_command_takes_every_source(kind, sources, tmp_path):
    source, out = sources[kind], tmp_path / "out"
    assert run("segment", source, "--out", out / "s", *QUICK) == 0
    assert run("collection", "segment", source, "--out", out / "c", *QUICK) == 0
    truth = tmp_path / "truth" if kind != 2 else tmp_path / "truth.txt"
    if kind == 2:
        truth.write_text("truth/a/0001.png\ntruth/b/0001.png\n")
    words = ["--images", source, "--labels", truth, "--backbone", "color", "--max-side", "64", "--device", "cpu"]
    for protocol, more in (("labels", ["--n-segments", "2"]), ("collection", ["--n-segments", "2", "--system", "kmeans"])):
        assert run("evaluate", protocol, *words, *more, "--json", tmp_path / f"{protocol}.json") == 0
    assert len(json.loads((tmp_path / "labels.json").read_bytes())["pictures"]) == 2
    assert run("evaluate", "objects", "--images", source, "--masks", truth, *QUICK[:4], "--device", "cpu") == 0
    head = tmp_path / "head.safetensors"
    assert run("head", "train", *words, "--out", head) == 0
    assert run("head", "apply", "--images", source, "--head", head, "--out", out / "h") == 0
    for command in ("s", "c", "h"):
        assert {"a/0001.labels.png", "b/0001.labels.png"} <= {
            path.relative_to(out / command).as_posix() for path in (out / command).rglob("*.png")
        }
    pictures, failed = load_pictures(source, side=48, labels=truth)
    assert (len(pictures), failed, pictures.classes) == (2, (), ("0", "1", "2"))
    assert len(load_store([source], seed=0)) == 2


def test_truth_is_that_of_the_same_folder(folder, tmp_path):
    pictures, _ = load_pictures(folder, side=48, labels=tmp_path / "truth")
    assert [int(truth[0, 0]) for truth in pictures.truth] == [1, 2]
    assert [(c.name, c.truth.path.parent.name) for c in label_cases(folder, tmp_path / "truth")] == [
        ("a/0001", "a"),
        ("b/0001", "b"),
    ]


def test_zips_are_paired_below_the_folders_around_their_files(folder, tmp_path):
    for name in ("in", "truth"):
        (tmp_path / f"packed_{name}" / name).mkdir(parents=True)
        (tmp_path / name).rename(tmp_path / f"packed_{name}" / name / "x")
    images, truths = (packed(tmp_path / f"{name}.zip", tmp_path / f"packed_{name}") for name in ("in", "truth"))
    pairs, alone = pairs_of(images, truths)
    assert [(p.member, t.member) for p, t in pairs] == [(f"in/x/{n}/0001.png", f"truth/x/{n}/0001.png") for n in "ab"]
    assert alone == []


def test_truth_in_a_folder_below_the_pictures_is_no_picture(tmp_path):
    save(tmp_path / "d" / "a.png")
    draw(tmp_path / "d" / "masks" / "a.png", 1)
    pairs, alone = pairs_of(tmp_path / "d", tmp_path / "d" / "masks")
    assert (len(pairs), alone) == (1, [])


def test_all_endings_count_in_every_command(tmp_path):
    for i, ending in enumerate(SUFFIXES):
        save(tmp_path / "d" / f"p{i}{ending.upper()}")
    assert len(pictures_of(tmp_path / "d")) == len(load_pictures(tmp_path / "d", side=48)[0]) == len(SUFFIXES)


def test_links_to_folders_are_followed_and_loops_are_not(tmp_path):
    save(tmp_path / "else" / "a.png")
    (tmp_path / "d" / "deep").mkdir(parents=True)
    (tmp_path / "d" / "cats").symlink_to(tmp_path / "else")
    (tmp_path / "d" / "again").symlink_to(tmp_path / "else")
    (tmp_path / "d" / "deep" / "up").symlink_to(tmp_path / "d")
    (tmp_path / "else" / "self").symlink_to(tmp_path / "else")
    assert names(tmp_path / "d") == ["again/a", "cats/a"]
    assert len(load_pictures(tmp_path / "d", side=48)[0]) == 2


@pytest.mark.parametrize("text", [b"\xef\xbb\xbfa.png\r\nb.png\r\n", b"./a.png\n\n  b.png  \n", b"d/../a.png\nb.png"])
def test_lists_as_editors_save_them(tmp_path, text):
    for name in ("a", "b"):
        save(tmp_path / f"{name}.png")
    (tmp_path / "list.txt").write_bytes(text)
    pictures = pictures_of(tmp_path / "list.txt")
    assert [picture.name for picture in pictures] == ["a", "b"]
    assert all(picture.data().startswith(b"\x89PNG") for picture in pictures)


def test_a_list_in_utf_16_is_refused(tmp_path):
    (tmp_path / "list.txt").write_text("a.png\n", "utf-16")
    with pytest.raises(InputError, match="UTF-16"):
        pictures_of(tmp_path / "list.txt")


@pytest.mark.parametrize("method", ["STORED", "DEFLATED", "BZIP2", "LZMA"])
def test_a_damaged_member_costs_itself_only(method, tmp_path, capsys):
    path = tmp_path / "z.zip"
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w", getattr(zipfile, f"ZIP_{method}")) as archive:
        for name in ("a", "b", "c"):
            Image.fromarray(rng.integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(tmp_path / "one.png")
            archive.write(tmp_path / "one.png", f"{name}.png")
        start = archive.getinfo("b.png").header_offset + 200
    data = bytearray(path.read_bytes())
    for i in range(start, start + 60):
        data[i] ^= 0xFF
    path.write_bytes(data)
    assert run("collection", "segment", path, "--out", tmp_path / "out", *QUICK) == 2
    told = capsys.readouterr()
    assert "2 pictures, 2 groups" in told.out
    assert told.err.count("error: b") == told.err.count("error: ") == 1
    assert run("segment", path, "--out", tmp_path / "s", *QUICK) == 2
    assert len(list((tmp_path / "s").glob("*.json"))) == 2


def test_names_that_are_no_utf_8(tmp_path, capsys):
    try:
        save(tmp_path / "in" / f"{LATIN}.png")
    except (OSError, UnicodeError):
        pytest.skip("this file system holds UTF-8 only")
    save(tmp_path / "in" / "b.png", 200)
    draw(tmp_path / "truth" / f"{LATIN}.png", 1)
    words = ["--images", tmp_path / "in", "--labels", tmp_path / "truth", *QUICK]
    assert run("evaluate", "labels", *words, "--json", tmp_path / "s.json") == 0
    assert "color" in capsys.readouterr().out
    assert json.loads((tmp_path / "s.json").read_bytes())["pictures"][0]["picture"] == LATIN
    assert run("collection", "segment", tmp_path / "in", "--out", tmp_path / "c", *QUICK) == 0
    assert LATIN in json.loads((tmp_path / "c" / "clusters.json").read_bytes())["pictures"]
    (tmp_path / "list.txt").write_bytes(b"in/caf\xe9.png\nin/b.png")
    assert run("segment", tmp_path / "list.txt", "--out", tmp_path / "s", *QUICK) == 0
    assert (tmp_path / "s" / f"{LATIN}.labels.png").exists()


def test_scores_are_printed_whatever_happens_to_the_file(folder, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("segcore.cli.flags.write_whole", full)
    for protocol, flag in (("labels", "--labels"), ("retrieval", "--labels"), ("objects", "--masks")):
        more = QUICK if protocol != "objects" else [*QUICK[:4], "--device", "cpu"]
        status = run(
            "evaluate", protocol, "--images", folder, flag, tmp_path / "truth", *more, "--json", tmp_path / "s.json"
        )
        told = capsys.readouterr()
        assert status == 2
        assert "No space left" in told.err
        assert "backbone" in told.out


def test_a_source_that_is_missing_costs_the_others_nothing(folder, tmp_path, capsys):
    assert run("segment", tmp_path / "none", folder, "--out", tmp_path / "out", *QUICK) == 2
    told = capsys.readouterr()
    assert told.err.count("error: There is no folder or file") == told.err.count("\n") == 1
    assert len(list((tmp_path / "out").rglob("*.json"))) == 2


@pytest.mark.parametrize("words", [[""], ["p.png", "--out", ""], ["p.png", "--out", "o", "--weights", " "]])
def test_an_empty_name_is_a_mistake_and_not_the_folder_where_one_stands(words, tmp_path, capsys, monkeypatch):
    """As the shell leaves it where a variable is unset."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "p.png")
    with pytest.raises(SystemExit) as ended:
        run("segment", *words, *([] if "--out" in words else ["--out", "o"]), *QUICK)
    assert ended.value.code == 2
    assert "names nothing" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["p.png"]


def test_a_picture_that_is_named_twice_is_one(tmp_path):
    """By a list, by a folder and by itself; its name is the first one."""
    for name in ("a", "b"):
        save(tmp_path / "d" / f"{name}.png")
    (tmp_path / "l.txt").write_text("d/a.png\n./d/a.png\nd/b.png\n")
    assert [p.name for p in pictures_of(tmp_path / "l.txt")] == ["a", "b"]
    found = pictures_of([tmp_path / "d", tmp_path / "d" / ".." / "d" / "b.png", tmp_path / "l.txt"])
    assert [p.name for p in found] == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes of this kind here")
@pytest.mark.parametrize("name", ["list.txt", "pictures.zip", "pipe"])
def test_what_may_never_end_is_not_read(name, tmp_path):
    os.mkfifo(tmp_path / name)
    for path in (tmp_path / name, Path("/dev/zero")):
        with pytest.raises(InputError, match="is a device or a pipe"):
            pictures_of(path)


def test_a_name_too_long_for_a_result_is_told_as_that(tmp_path, capsys):
    save(tmp_path / ("a" * 248 + ".png"))
    assert run("segment", tmp_path / ("a" * 248 + ".png"), "--out", tmp_path / "o", *QUICK) == 2
    assert "Rename the picture" in capsys.readouterr().err
