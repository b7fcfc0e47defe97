"""The tab "Colors": what is asked of it comes from controls and links alike; colors, matches, answers, files; sentences."""

import base64
import io
import zipfile
from urllib.parse import parse_qs

import numpy as np
import pytest
from PIL import Image

from demo.lab import texts
from demo.lab.tab import Shown, View
from demo.lab.tabs.colors.asked import (
    IN_LINK,
    NAMES,
    Options,
    options_of,
    options_of_link,
    query_of,
    second_of_link,
    shown_options,
)
from demo.lab.tabs.colors.run import Colors
from demo.shared.service import EXAMPLES, Service
from segcore.cluster.colors import pca_colors
from segcore.cluster.place import without_place
from segcore.graph.neighbors import cosines
from segcore.settings import Settings

CAT, COFFEE = (str(EXAMPLES / f"{name}.jpg") for name in ("cat", "coffee"))
BASE = Settings(backbone="color", max_side=96, n_segments=3, method="kmeans")
CHANGED = Options(
    view="eigenvectors", red=4, auto=False, threshold=0.25, vectors=12, reduction="umap", strip=True, place="out", pairs=3
)


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


@pytest.fixture
def tab(service):
    return Colors(service)


def values(tab, picture=CAT, second=None, settings=BASE, **options):
    result = tab._service.pipeline.run(picture, settings)
    return list(tab.values(View(Shown(picture, settings), result, lambda: None), second, Options(**options)))


def decoded(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


@pytest.mark.parametrize("options", [Options(), CHANGED, Options(figure_only=True, other=True, detail="shifts2")])
@pytest.mark.parametrize("second", [None, COFFEE])
def test_an_address_restores_what_was_asked(service, options, second):
    query = {name: value for name, (value,) in parse_qs(query_of(service, second, options)).items()}
    assert query.keys() <= set(IN_LINK)
    assert options_of_link(query) == options
    assert second_of_link(service, query) == second


def test_an_upload_is_restored_by_its_digest(service, tmp_path):
    path = tmp_path / "mine.png"
    Image.fromarray(np.arange(30 * 40 * 3, dtype=np.uint8).reshape(30, 40, 3)).save(path)
    query = parse_qs(query_of(service, str(path), Options()))
    assert second_of_link(service, {name: value for name, (value,) in query.items()}) == str(path)


def test_what_an_address_cannot_mean_is_one_sentence(service, monkeypatch):
    told = []
    monkeypatch.setattr("demo.lab.tabs.colors.asked.gr.Warning", told.append)
    assert options_of_link({"colors_view": "magic"}) == Options()
    assert options_of_link({"colors_red": "99"}) == Options()
    assert second_of_link(service, {"colors_second": "../../etc/passwd"}) is None
    assert len(told) == 3
    assert second_of_link(service, {}) is None
    assert len(told) == 3


def test_half_typed_numbers_count_as_the_nearest_allowed():
    given = Options().to_dict() | {"red": 40, "threshold": None, "vectors": 0}
    assert options_of([given[name] for name in NAMES]) == Options(red=10, vectors=3)


def test_controls_are_shown_where_they_are_read():
    def on_view(view, second):
        return {name for name, update in zip(NAMES, shown_options(view, second), strict=True) if update["visible"]}

    always = {"view", "detail", "place", "strip"}
    assert on_view("pca", None) == always | {"red", "green", "blue"}
    assert "threshold" in on_view("figure", None)
    assert on_view("eigenvectors", COFFEE) == always | {"vectors", "reduction", "pairs", "figure_only"}


@pytest.mark.parametrize("detail", ["patches", "upsampled", "shifts2"])
@pytest.mark.parametrize("view", ["pca", "figure", "eigenvectors"])
def test_every_view_of_one_picture(tab, view, detail):
    (value,) = values(tab, view=view, detail=detail)
    (picture,) = value["pictures"]
    g = tab._service.pipeline.features(CAT, BASE).geometry
    assert decoded(picture["colors"]).shape == (*g.scaled_size, 3)
    assert (picture["h"], picture["w"]) == (g.h, g.w)
    assert value["matches"] is None
    assert (value["histogram"] is None) == (view != "figure")
    assert ("4 runs" in value["note"]) == (detail == "shifts2")


def test_two_pictures_have_one_coloring(tab):
    (value,) = values(tab, second=COFFEE)
    fs = [tab._service.pipeline.features(p, BASE).f for p in (CAT, COFFEE)]
    for picture, colors in zip(value["pictures"], pca_colors(fs).colors, strict=True):
        patch = tab._service.pipeline.features(CAT, BASE).geometry.patch
        cells = decoded(picture["colors"])[patch // 2 :: patch, patch // 2 :: patch] / 255
        assert abs(cells - colors[: len(cells), : cells.shape[1]].numpy()).max() < 0.003
    assert texts.COLORS_BOTH in value["lead"]
    assert len(value["matches"]["pairs"]) == Options().pairs
    nearest, back = value["matches"]["nearest"], value["matches"]["back"]
    assert all(nearest[i] == j and back[j] == i for i, j in value["matches"]["pairs"])


def test_pairs_on_the_figure_alone(tab):
    (value,) = values(tab, second=COFFEE, view="figure", figure_only=True, place="kept")
    colors = [decoded(picture["colors"]) for picture in value["pictures"]]
    patch = tab._service.pipeline.features(CAT, BASE).geometry.patch
    for pair in value["matches"]["pairs"]:
        for side, i in enumerate(pair):
            row, column = divmod(i, value["pictures"][side]["w"])
            assert colors[side][row * patch + 1, column * patch + 1].any()  # the ground is black


def test_the_field_shows_where_the_nearest_patch_lies(tab):
    (value,) = values(tab, picture=CAT, second=CAT, view="field")
    first, second = (decoded(picture["colors"]) for picture in value["pictures"])
    np.testing.assert_array_equal(first, second)  # every patch finds itself
    (alone,) = values(tab, view="field")
    assert alone["message"] == texts.COLORS_FIELD_ALONE


def test_a_backbone_without_blocks_has_no_strip(tab):
    *_, value = values(tab, strip=True)
    assert value["strip"] == []
    assert "no blocks" in value["strip_said"]


def test_the_strip_has_a_picture_for_each_block(tab):
    tiny = Settings(backbone="dino_tiny", max_side=64, method="kmeans")
    first, *others = values(tab, settings=tiny, strip=True)
    depth = tab._service.pipeline.reader(tiny).model.depth
    assert first["strip"] == []
    assert [len(value["strip"]) for value in others] == list(range(1, depth + 1))
    assert [block["block"] for block in others[-1]["strip"]] == list(range(-depth, 0))
    assert [block["pressed"] for block in others[-1]["strip"]] == [False] * (depth - 1) + [True]


@pytest.mark.parametrize("place", ["kept", "matches"])
def test_answers_are_cosines_of_what_is_matched(tab, place):
    (value,) = values(tab, second=COFFEE, place=place)
    answer = tab.probe({"token": value["token"], "side": 1, "row": 2, "column": 3})
    fs = [tab._service.pipeline.features(p, BASE).f for p in (CAT, COFFEE)]
    fs = fs if place == "kept" else without_place(fs)
    for packed, f in zip(answer["maps"], fs, strict=True):
        found = np.frombuffer(base64.b64decode(packed), "<f4")
        np.testing.assert_allclose(found, cosines(f.flatten(0, 1), fs[1][2, 3]), atol=1e-5)


@pytest.mark.parametrize(
    "change", [{"side": 2}, {"side": "0"}, {"side": None}, {"row": -1}, {"column": 10**9}, {"row": "x"}, {"token": "gone"}]
)
def test_nonsense_is_one_sentence(tab, change):
    (value,) = values(tab)
    answer = tab.probe({"token": value["token"], "side": 0, "row": 0, "column": 0} | change)
    assert list(answer) == ["problem"]
    assert tab.probe([1]) == {"problem": "Ask for a patch by token, side, row and column."}


def test_pictures_of_one_color_and_damaged_ones_are_one_sentence(tab, tmp_path):
    gray, broken = tmp_path / "gray.png", tmp_path / "broken.png"
    Image.new("RGB", (60, 40), (70, 80, 90)).save(gray)
    broken.write_bytes(b"nothing")
    (value,) = values(tab, picture=str(gray))
    assert "one color" in value["message"]
    (value,) = values(tab, second=str(broken))
    assert len(value["pictures"]) == 1
    assert "not a picture" in value["note"]
    (value,) = values(tab, second=str(gray))
    assert len(value["pictures"]) == 2


def test_files_of_one_picture_and_of_two(tab):
    shown = Shown(CAT, BASE)
    content, name = tab.files(shown, None, Options(), ".features.npz")
    assert name == "cat.features.npz"
    with np.load(io.BytesIO(content)) as arrays:
        assert arrays["f"].shape == tuple(tab._service.pipeline.features(CAT, BASE).f.shape)
    content, name = tab.files(shown, COFFEE, Options(detail="upsampled"), ".colors.png")
    assert name == "pictures.colors.zip"
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["cat.colors.png", "coffee.colors.png"]


def test_umap_that_is_not_here_is_a_sentence(tab, monkeypatch):
    monkeypatch.setattr("segcore.cluster.embed.is_there", lambda _name: False)
    (value,) = values(tab, view="eigenvectors", reduction="umap")
    assert "umap needs a package" in value["message"]


@pytest.mark.extra("umap")
def test_umap_is_named_beside_its_colors(tab):
    (value,) = values(tab, view="eigenvectors", reduction="umap")
    assert "UMAP" in value["lead"]
    assert "PCA" not in value["lead"]
