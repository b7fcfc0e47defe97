"""The command line as a user meets it."""

import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from segcore.cli import commands as cli
from segcore.cli.flags import settings_from
from segcore.features import BACKBONES
from segcore.pipeline.methods import METHODS
from segcore.pipeline.stages import needs_backbone, plan, settings_read
from segcore.runtime.places import ROOT
from segcore.settings import DEFAULTS, Settings, params
from tests.scenes import two_discs
from tests.test_pipeline import WITHOUT_WEIGHTS

QUICK = ["--backbone", "color", "--max-side", "96"]
WITH_SPECTRUM = ("spectral", "fiedler", "ncut_pixels", "tokencut", "maskcut")


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "two discs.png"
    Image.fromarray(two_discs()[0].numpy()).save(path)
    return path


def parse(*flags):
    return settings_from(cli.build_parser().parse_args(["segment", "x.png", "--out", "o", *flags]))


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_segment_writes_its_files(method, picture, tmp_path, capsys):
    status = cli.main(["segment", str(picture), "--out", str(tmp_path / "out"), "--method", method, *QUICK])
    assert status == 0
    written = {p.name for p in (tmp_path / "out").iterdir()}
    assert {"two discs.labels.png", "two discs.overlay.png", "two discs.json"} <= written
    assert ("two discs.spectrum.npz" in written) == (method in WITH_SPECTRUM)
    assert json.loads((tmp_path / "out" / "two discs.json").read_text())["settings"]["method"] == method
    assert "segments" in capsys.readouterr().out


def test_every_setting_is_a_flag():
    for name, p in params().items():
        flag, default = "--" + name.replace("_", "-"), getattr(DEFAULTS, name)
        if isinstance(default, bool):
            assert getattr(parse(flag), name) is True
            assert getattr(parse("--no" + flag[1:]), name) is False
        else:
            value = p.choices[-1] if p.choices else p.hi
            assert getattr(parse(flag, str(value)), name) == value
    assert parse() == DEFAULTS


def test_presets_come_first_and_flags_over_them():
    settings = parse("--crf-preset", "stego", "--sigma-xy", "11")
    assert (settings.sigma_xy, settings.sigma_rgb, settings.compat_bilateral) == (11.0, 3.0, 4.0)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--n-segments", "0"], "n_segments must be a whole number from 2 to 20; got 0"),
        (["--knn-weight", "nan"], "knn_weight must be a number"),
        (["--method", "magic"], "method must be a name out of kmeans"),
        (["--gamma", "1"], "unrecognized arguments: --gamma"),
        (["--device", "abacus"], "device must be one of auto, cpu, cuda; got 'abacus'"),
    ],
)
def test_mistakes_end_with_status_2_and_one_line(flags, words, picture, tmp_path, capsys):
    try:
        status = cli.main(["segment", str(picture), "--out", str(tmp_path / "out"), *QUICK, *flags])
    except SystemExit as end:
        status = end.code
    told = capsys.readouterr().err
    assert status == 2
    assert told.startswith("error: ")
    assert words in told
    assert told.count("\n") == 1


def test_one_bad_picture_does_not_cost_the_others(picture, tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    status = cli.main(["segment", str(bad), str(picture), "--out", str(tmp_path / "out"), *QUICK])
    assert status == 2
    assert (tmp_path / "out" / "two discs.labels.png").exists()
    assert "bad.png" in capsys.readouterr().err


def test_two_pictures_of_one_name_are_refused(picture, tmp_path, capsys):
    other = tmp_path / "two discs.jpg"
    other.write_bytes(b"")
    assert cli.main(["segment", str(picture), str(other), "--out", str(tmp_path / "out"), *QUICK]) == 2
    assert "both write" in capsys.readouterr().err


def test_lists_are_complete(capsys):
    assert cli.main(["methods", "--json"]) == 0
    methods = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in methods] == list(METHODS)
    assert all(row["formula"] and row["source"] and row["settings"] for row in methods)
    assert cli.main(["backbones", "--json"]) == 0
    backbones = json.loads(capsys.readouterr().out)
    assert [row["backbone"] for row in backbones] == list(BACKBONES)
    assert cli.main(["methods"]) == 0
    assert "formula:" in capsys.readouterr().out


def test_stages_are_those_that_run_and_lie_where_it_says(capsys):
    """Of every method: what `plan` runs, in an order in which each finds what it takes, at the line of its function."""
    assert cli.main(["methods", "--stages", "--json"]) == 0
    told = {row["method"]: row["stages"] for row in json.loads(capsys.readouterr().out)}
    assert list(told) == list(METHODS)
    for method, stages in told.items():
        settings = DEFAULTS.replace(method=method)
        plain = {stage["stage"]: stage for stage in stages if not stage["switch"]}
        assert [name for name in plain if name != "weights"] == list(plan(settings))
        assert ("weights" in plain) == needs_backbone(settings)
        known = {"picture"}
        for stage in stages:
            assert known >= set(stage["takes"])
            known.add(stage["stage"])
            path, line = stage["place"].split(":")
            code = (ROOT / path).read_text().splitlines()[int(line) - 1 :]
            assert code[0].startswith(("def ", "@stage("))
        read = {name for stage in plain.values() for name in stage["settings"]}
        assert read <= settings_read(settings)
        assert {"label_map", "crf_kernels"} <= {stage["stage"] for stage in stages if stage["switch"] == "crf"}
        chosen = {stage["stage"] for stage in stages if stage["switch"] == "auto_k"}
        assert chosen == ({"partition", METHODS[method].criterion} if METHODS[method].auto else set())


def test_stages_in_words(capsys):
    assert cli.main(["methods", "--stages", "spectral"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "spectral"
    (features,) = (line for line in lines if line.split()[0] == "features")
    assert "segcore/pipeline/stages.py:" in features
    assert features.endswith("takes picture, weights; reads facet, block, max_side")
    assert any(line.split()[:2] == ["eigengap", "(--auto-k)"] for line in lines)
    assert cli.main(["methods", "--stages", "witchcraft"]) == 2
    assert "witchcraft" in capsys.readouterr().err


def test_help_names_every_setting_and_starts_without_torch():
    code = "import sys; from segcore.cli.commands import build_parser; build_parser(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    told = subprocess.run([sys.executable, "-m", "segcore", "segment", "--help"], check=True, capture_output=True, text=True)
    assert all("--" + name.replace("_", "-") in told.stdout for name in params())


def test_no_traceback_reaches_the_user(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "segcore", "segment", "missing.jpg", "--out", str(tmp_path)], capture_output=True, text=True
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("long_name", ["x" * 300 + ".png", "x" * 5000])
def test_a_name_that_no_file_can_have_costs_the_others_nothing(long_name, picture, tmp_path, capsys):
    assert cli.main(["segment", long_name, str(picture), "--out", str(tmp_path / "out"), *QUICK]) == 2
    told = capsys.readouterr()
    assert told.err.count("error: ") == told.err.count("\n") == 1
    assert "two discs.labels.png" in told.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["segment", "a.png", "b.png", "--out", "{file}"], "Use another --out"),
        (["segment", "a.png", "b.png", "--out", "o", "--weights", "none.safetensors"], "no file none.safetensors"),
        (["bench", "--json", "{file}/b.json"], "folder is missing"),
        (["bench", "--json", "{folder}"], "is a folder"),
        (["bench", "--sweep", "--only", "crf"], "leave --only and --json out"),
        (["evaluate", "objects", "--images", "{folder}", "--masks", "y" * 300], "y"),
        (["pretrain", "z" * 300, "--out", "{folder}/w.safetensors"], "z"),
    ],
)
def test_what_cannot_work_is_said_once_and_first(flags, words, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    flags = [flag.format(file=tmp_path / "file", folder=tmp_path) for flag in flags]
    assert cli.main(flags) == 2
    told = capsys.readouterr()
    assert told.err.startswith("error: ")
    assert words in told.err
    assert told.err.count("\n") == 1
    assert "ms" not in told.out


def test_a_reader_that_leaves_and_a_console_without_greek():
    ran = subprocess.run(
        f"{sys.executable} -m segcore methods | head -1", shell=True, check=True, capture_output=True, text=True
    )
    assert (ran.stdout, ran.stderr) == ("kmeans\n", "")
    told = subprocess.run(
        [sys.executable, "-m", "segcore", "segment", "--help"],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    assert b"--knn-weight" in told.stdout


def test_defaults_are_those_of_the_schema():
    assert parse() == Settings()
