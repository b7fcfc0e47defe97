"""What the page of many pictures computes, without a browser: a run as a generator of reports, and what it refuses."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from demo.collections import texts
from demo.collections.asked import asked_of
from demo.collections.data import MOST, check_files, listed
from demo.collections.run import make_work
from demo.shared.service import Service
from segcore.errors import InputError

ASKED = {
    "source": "own", "files": None, "labels": None, "ignore": "", "system": "kmeans", "k": 3, "auto": False,
    "backbone": "color", "plane": "pca",
}  # fmt: skip


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


def run(service, own=None, **changes):
    """All parts that a run shows, the newest of each name, and what it leaves; with the system's own settings."""
    parts, left = {}, None
    shares = []
    for report in make_work(asked_of({**ASKED, **changes}, own or {}), service)(None):
        parts |= report.show
        left = report.left or left
        shares.append(report.share or max(shares, default=0))
    assert shares == sorted(shares)
    return parts, left


def pictures(folder, n, size=(64, 48)):
    folder.mkdir(exist_ok=True)
    for i in range(n):
        image = np.full((size[1], size[0], 3), (200, 40, 40), np.uint8)
        image[:, 20 + i % 20 :] = (40, 40, 200)
        Image.fromarray(image).save(folder / f"p{i}.png")
    return [str(path) for path in sorted(folder.iterdir())]


def test_a_run_on_the_photographs_shows_every_picture_and_every_group(service):
    parts, left = run(service, source="photos")
    n = parts["count"]["n"]
    assert n == len(service.examples)
    assert {name for name in parts if name.startswith(("picture/", "labels/", "colors/"))} == {
        f"{kind}/{i}" for kind in ("picture", "labels", "colors") for i in range(n)
    }
    result = parts["result"]
    assert len(result["groups"]) == 3
    assert sum(g["share"] for g in result["groups"]) == pytest.approx(100, abs=0.2)
    assert all(g["inside"] > g["outside"] for g in result["groups"])
    for g in result["groups"]:
        assert 0 < len(g["segments"]) <= min(6, g["pictures"])
        assert len({segment["picture"] for segment in g["segments"]}) == len(g["segments"])
        assert 0 < len(g["gallery"]) <= 12
    with zipfile.ZipFile(io.BytesIO(left.saved(("sky", "b", "c")))) as archive:
        assert json.loads(archive.read("clusters.json"))["groups"][0]["name"] == "sky"


def test_own_pictures_with_label_maps_are_scored(service, tmp_path):
    files = pictures(tmp_path / "in", 4)
    for i, file in enumerate(files):
        labels = np.asarray(Image.open(file))[..., 0] > 100
        (tmp_path / "truth").mkdir(exist_ok=True)
        Image.fromarray(labels.astype(np.uint8)).save(tmp_path / "truth" / f"p{i}.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    files.insert(1, str(tmp_path / "in" / "broken.png"))
    truth = [str(path) for path in (tmp_path / "truth").iterdir()]
    parts, _ = run(service, files=files, labels=truth, k=2)
    without, _ = run(service, files=files, labels=_with_a_third(tmp_path / "more", truth), k=2, ignore="255")
    assert without["scores"]["classes"] == parts["scores"]["classes"] == ["0", "1"]
    assert "broken" in parts["count"]["left_out"][0]
    assert [parts[f"picture/{i}"]["name"] for i in range(4)] == ["p0", "p1", "p2", "p3"]
    assert 0 < float(parts["scores"]["miou"]) <= 1
    scores = parts["scores"]  # this run reads color and position itself, so it does not beat them
    assert f"{scores['miou']}, {scores['accuracy']}. k-means does not beat it" in scores["beside"]
    assert np.sum(parts["scores"]["table"], 0) == pytest.approx([1, 1], abs=0.01)


def _with_a_third(folder, truth):
    """The label maps with a row of 255 in each."""
    folder.mkdir()
    for path in truth:
        labels = np.array(Image.open(path))
        labels[0] = 255
        Image.fromarray(labels).save(folder / Path(path).name)
    return [str(path) for path in folder.iterdir()]


@pytest.mark.parametrize(("n", "told"), [(1, "At least 2 pictures"), (MOST + 1, f"At most {MOST} pictures")])
def test_too_few_and_too_many_uploads_are_refused(service, tmp_path, n, told):
    asked = asked_of({**ASKED, "files": pictures(tmp_path / "in", n, (8, 8))}, {})
    with pytest.raises(InputError, match=told):
        listed(asked, service, None)


def test_no_uploads_are_refused():
    with pytest.raises(InputError, match="Choose pictures of your own"):
        check_files(None, "own")
    check_files(None, "drawn")


def test_a_link_says_all_that_was_chosen_and_nothing_of_defaults():
    asked = asked_of({**ASKED, "source": "drawn", "backbone": "auto", "auto": True}, {"n_init": 3, "center": False})
    query = {name: value for name, value in asked.query.items() if value is not None}
    assert query == {
        "source": "drawn", "system": "kmeans", "groups": "auto", "set_n_init": "3", "set_center": "false"
    }  # fmt: skip
    assert asked.query["set_steps"] is None  # of another system: it leaves the address


@pytest.mark.extra("umap")
def test_the_scatter_may_be_of_umap(service, tmp_path):
    parts, _ = run(service, files=pictures(tmp_path / "in", 3), k=2, plane="umap")
    assert parts["result"]["scatter"]["plane"] == "UMAP"


def test_concepts_stand_beside_others_and_parts_are_a_graph(service, tmp_path):
    files = pictures(tmp_path / "in", 3)
    parts, _ = run(service, {"steps": 2, "concepts": 3}, files=files, k=2, system="acseg")
    beside, shares = parts["result"]["bars"]
    assert {"concepts", "Louvain"} <= {name for name, _ in beside["rows"]}
    assert sum(share for _, share in shares["rows"]) == pytest.approx(1)
    assert parts["result"]["graph"] is None
    assert any("modularity" in note for note in parts["result"]["notes"])
    assert parts["point/2"].keys() <= texts.BOARD["curves"].keys()
    parts, _ = run(service, {"steps": 2, "parts": 6}, files=files, k=2, system="leopart")
    graph = parts["result"]["graph"]
    assert len(graph["images"]) == len(graph["places"]) == len(graph["share"]) == 6
    assert all(len(row) == 6 and max(row) < len(graph["colors"]) for row in graph["groups"])
    assert all(0 <= a < 6 and 0 <= b < a and 0 < weight <= 1 for a, b, weight in graph["edges"])
    assert {f"part/{i}" for i in range(3)} <= parts.keys()
    assert parts["point/2"].keys() <= texts.BOARD["curves"].keys()
