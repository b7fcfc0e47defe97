"""Files of a result say what they should, exactly."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

import segcore
from segcore import InputError, Settings
from segcore.pipeline import segment
from segcore.show.files import FILES, command_line, labels_png, permalink, python_call, summary, write_files
from tests.scenes import two_discs

BASE = {"backbone": "color", "max_side": 96, "n_segments": 3}


@pytest.fixture(scope="module")
def result():
    return segment(two_discs()[0], method="spectral", **BASE)


def test_all_files_are_written_and_read_back(result, tmp_path):
    paths = write_files(result, tmp_path / "new" / "folder", "disc.v2")
    assert [p.name for p in paths] == [f"disc.v2{ending}" for ending in FILES]
    with Image.open(paths[0]) as labels:
        assert labels.mode == "L"
        assert np.array_equal(np.asarray(labels), result.label_map.numpy())
    with Image.open(paths[1]) as overlay:
        assert overlay.size == (result.image.shape[1], result.image.shape[0])
    spectrum = np.load(paths[2])
    g = result.features.geometry
    assert spectrum["eigenvectors"].shape == (g.h, g.w, len(spectrum["eigenvalues"]))
    assert np.allclose(spectrum["eigenvectors"].reshape(g.n, -1), result.spectrum.V.numpy())
    told = json.loads(paths[3].read_text())
    assert told["n_segments"] == 3
    assert Settings.from_values(told["settings"]) == result.settings
    assert [row["label"] for row in told["segments"]] == [0, 1, 2]
    assert told["seconds"].keys() == {stage.name for stage in result.stages}


def test_methods_without_a_spectrum_write_three_files(tmp_path):
    result = segment(two_discs()[0], method="kmeans", **BASE)
    assert [p.suffix for p in write_files(result, tmp_path, "x")] == [".png", ".png", ".json"]
    assert summary(result)["eigenvalues"] is None


def test_labels_past_255_take_16_bits():
    many = torch.arange(400).reshape(20, 20).int()
    with Image.open(io.BytesIO(labels_png(many.numpy()))) as image:
        assert image.mode in ("I;16", "I")
        assert np.array_equal(np.asarray(image), many.numpy())


def test_a_folder_that_cannot_be_written_is_said(result, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(InputError, match="Cannot write"):
        write_files(result, blocked / "below", "x")


def test_python_call_repeats_the_result(result, tmp_path):
    picture = tmp_path / "picture.png"
    Image.fromarray(result.image.numpy()).save(picture)
    scope = {}
    exec(python_call(result.settings, str(picture)), scope)
    assert torch.equal(scope["result"].label_map, result.label_map)


def test_command_line_and_link_carry_every_changed_setting():
    settings = Settings(n_segments=7, crf=True, flip=False, knn_weight=2.5, method="fiedler")
    line = command_line(settings, "my picture.jpg")
    assert line == (
        "python -m segcore segment 'my picture.jpg' --out out --knn-weight 2.5 --method fiedler --n-segments 7 --crf"
    )
    assert permalink(settings, example="coffee") == "?example=coffee&knn_weight=2.5&method=fiedler&n_segments=7&crf=True"
    assert permalink(Settings()) == ""
    assert "x.safetensors" not in permalink(Settings(backbone="x.safetensors"))


def test_public_names():
    assert segcore.segment is segment
    with pytest.raises(AttributeError):
        _ = segcore.nothing
