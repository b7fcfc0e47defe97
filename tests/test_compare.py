"""Several methods side by side: they come one by one, in colors that agree, and say when they are out of date."""

from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from demo.lab.tab import Shown
from demo.lab.tabs.compare.asked import CHANGED, CONTENDERS, WAY_KEYS, Comparison, choose, is_stale
from demo.lab.tabs.compare.run import make_compare, make_save, painted
from demo.lab.tabs.compare.show import Painted
from demo.shared.service import Service
from demo.shared.texts import UNEXPECTED
from segcore.pipeline.methods import METHODS
from segcore.settings import Settings
from segcore.show.color_match import BEHIND
from segcore.show.files import palette_of
from segcore.types import StageReport
from tests.scenes import two_discs

VISITOR = SimpleNamespace(session_hash="visitor")
BASE = Settings(backbone="color", max_side=96, n_segments=3, n_superpixels=20, pixel_side=48)


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


@pytest.fixture(scope="module")
def scene():
    return two_discs()


@pytest.fixture
def picture(scene, tmp_path):
    path = tmp_path / "discs.png"
    Image.fromarray(np.asarray(scene[0])).save(path)
    return str(path)


def results(service, picture, settings, methods):
    """The last word on each method."""
    return dict(painted(service, picture, settings, methods, lambda: None))


def run(service, picture, settings, methods, ways=()):
    return list(make_compare(service)(1, methods, list(ways), picture, VISITOR, *settings.to_dict().values()))


def test_the_same_thing_has_the_same_color(service, picture, scene):
    _, truth = scene
    found = results(service, picture, BASE, ("kmeans", "gmm", "spectral", "ncut"))
    worn = []
    for what in found.values():
        label_map = what.result.label_map.numpy()
        worn.append([np.bincount(what.colors[label_map[np.asarray(truth) == thing]]).argmax() for thing in np.unique(truth)])
    assert len(set(worn[0])) == 3
    assert all(colors == worn[0] for colors in worn)


def test_the_main_result_keeps_its_colors_and_comes_first(service, picture):
    found = results(service, picture, BASE.replace(method="fiedler"), ("kmeans", "fiedler"))
    assert list(found) == ["fiedler", "kmeans"]
    main = found["fiedler"]
    n = len(main.colors)
    assert main.palette.hex(n) == palette_of(main.result).hex(n)
    assert main.colors[0] == BEHIND


def test_a_main_result_that_is_not_picked_lends_its_colors(service, picture):
    shown, value = run(service, picture, BASE.replace(method="spectral"), ["kmeans"])[-1]
    assert [cell["method"] for cell in value["cells"]] == ["kmeans"]
    assert shown.done == ("kmeans",)
    assert METHODS["spectral"].title in value["status"]


def test_ways_from_patches_to_pixels_share_everything_up_to_the_patches(service, picture):
    settings = BASE.replace(method="kmeans", upsampling="guided", seed=11)
    shown, value = run(service, picture, settings, [], WAY_KEYS)[-1]
    assert shown.done == WAY_KEYS
    assert [cell["title"] for cell in value["cells"]] == [CONTENDERS[key].title for key in WAY_KEYS]
    assert METHODS["kmeans"].title in value["status"]
    keys = tuple(key for key in WAY_KEYS if key != "color")
    found = results(service, picture, settings, keys)
    assert len({id(found[key].result.features) for key in keys}) == 1
    assert all(torch.equal(found[key].result.cell_labels, found["crf"].result.cell_labels) for key in keys)
    maps = [found[key].result.label_map for key in keys]
    assert len({tuple(map_.flatten().tolist()) for map_ in maps}) >= 3  # all that follow edges agree on so plain a scene
    assert found["crf"].result.settings.upsampling == "guided"


def test_color_stands_beside_the_features_of_a_backbone(service, picture):
    settings = BASE.replace(method="fiedler", backbone="dino_tiny")
    found = results(service, picture, settings, ("fiedler", "color"))
    assert [found[key].result.settings.backbone for key in ("fiedler", "color")] == ["dino_tiny", "color"]
    assert found["color"].result.settings.replace(backbone="dino_tiny") == found["fiedler"].result.settings


def test_a_click_sets_what_a_cell_differs_in():
    def chosen(key):
        return choose(SimpleNamespace(method=key))

    names = dict(zip(CHANGED, chosen("upsampling_pac"), strict=True))
    assert (names["upsampling"], names["crf"]) == ("pac", False)
    assert names["method"] == gr.skip()
    assert chosen("gmm")[0] == "gmm"
    assert chosen("gmm")[1:] == [gr.skip()] * 3
    assert {name for c in CONTENDERS.values() for name in c.changes} == set(CHANGED)


def test_a_failure_has_a_sentence_and_the_others_go_on(service, picture):
    shown, value = run(service, picture, BASE.replace(method="dino_seg"), ["dino_seg", "kmeans", "slic"])[-1]
    cells = {cell["method"]: cell for cell in value["cells"]}
    assert "attention" in cells["dino_seg"]["line"]
    assert {m: c["state"] for m, c in cells.items()} == {"dino_seg": "failed", "kmeans": "done", "slic": "done"}
    assert set(shown.done) == set(cells)
    assert METHODS["kmeans"].title in value["status"]  # the first that worked lends its colors


def test_what_nobody_foresaw_stays_in_its_cell(service, picture, monkeypatch):
    real = service.pipeline.steps

    def steps(image, settings, check):
        if settings.method == "gmm":
            raise ZeroDivisionError("secret")
        return real(image, settings, check=check)

    monkeypatch.setattr(service.pipeline, "steps", steps)
    cells = run(service, picture, BASE, ["gmm", "kmeans"])[-1][1]["cells"]
    assert [cell["state"] for cell in cells] == ["done", "failed"]
    assert "secret" not in cells[1]["line"]
    assert UNEXPECTED.split("{")[0] in cells[1]["line"]


def test_results_come_one_by_one(service, picture):
    picked = ["kmeans", "fiedler", "maskcut"]
    steps = run(service, picture, BASE.replace(seed=7), picked)
    counts = [len(shown.done) for shown, _ in steps]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3}
    assert [value["running"] for _, value in steps] == [True] * (len(steps) - 1) + [False]
    for shown, value in steps:
        assert {c["method"] for c in value["cells"] if c["state"] == "done"} == set(shown.done)
        assert sum(c["state"] == "running" for c in value["cells"]) <= 1
        assert [c["method"] for c in value["cells"]] == [m for m in METHODS if m in picked]


def test_features_are_computed_once_for_all(picture):
    reports = [
        (method, what.name)
        for method, what in painted(
            Service(device="cpu"), picture, BASE, ("kmeans", "gmm", "tokencut", "fiedler"), lambda: None
        )
        if isinstance(what, StageReport)
    ]
    assert [method for method, stage in reports if stage == "features"] == ["spectral"]
    assert [method for method, stage in reports if stage == "spectrum"] == ["spectral"]


def test_cells_tell_count_cost_and_areas(service, picture):
    run(service, picture, BASE, ["kmeans", "maskcut"])
    cells = {cell["method"]: cell for cell in run(service, picture, BASE, ["kmeans", "maskcut"])[-1][1]["cells"]}
    assert cells["kmeans"]["facts"][0] == "3 segments"
    assert all("remembered" in cell["facts"][1] for cell in cells.values())
    assert "object" in cells["maskcut"]["facts"][0]
    assert METHODS["kmeans"].title in cells["kmeans"]["alt"]
    numbers = {method: {n for n, _, _ in cell["numbers"]} for method, cell in cells.items()}
    assert numbers == {"kmeans": {1, 2, 3}, "maskcut": {2, 3}}  # those of the same things; what lies behind has none
    for cell in cells.values():
        assert sum(share for _, share in cell["areas"]) == pytest.approx(1)
        assert len({color for color, _ in cell["areas"]}) == len(cell["areas"])
        with Image.open(cell["picture"]) as overlay:
            assert overlay.size == Image.open(picture).size


@pytest.mark.parametrize(
    ("change", "stale"),
    [
        ({}, False),
        ({"method": "gmm"}, False),  # which of them is the main result changes nothing in the cells
        ({"n_superpixels": 77}, False),  # read by none of the methods on view
        ({"n_segments": 5}, True),
        ({"knn_weight": 1.0}, True),
        ({"crf": True}, True),
        ({"max_side": 128}, True),
    ],
)
def test_it_says_when_it_is_out_of_date(change, stale):
    shown = Comparison("a.png", BASE, ("kmeans", "spectral"), ("kmeans",))
    settings = BASE.replace(**change)
    assert is_stale(shown, Shown("a.png", settings)) is stale


@pytest.mark.parametrize(
    ("change", "stale"),
    [({"upsampling": "pac"}, False), ({"crf": True}, False), ({"method": "gmm"}, True), ({"seed": 5}, True)],
)
def test_ways_are_those_of_the_main_method(change, stale):
    shown = Comparison("a.png", BASE, ("upsampling_pac", "upsampling_nearest"), ())
    assert is_stale(shown, Shown("a.png", BASE.replace(**change))) is stale


def test_another_picture_is_out_of_date():
    assert is_stale(Comparison("a.png", BASE, ("kmeans",), ()), Shown("b.png", BASE))


def test_a_stop_ends_it_and_what_is_done_stays(service, picture):
    hasty, values = SimpleNamespace(session_hash="hasty"), BASE.replace(seed=3).to_dict().values()
    steps = make_compare(service)(5, ["kmeans", "gmm"], [], picture, hasty, *values)
    half = next(shown for shown, _ in steps if shown.done)
    service.stops.stop(4, hasty)  # what was asked for before goes on meanwhile
    assert next(steps)
    service.stops.stop(5, hasty)
    assert list(steps) == []
    assert half.done == ("kmeans",)


def test_the_sheet_holds_what_is_on_view(service, picture):
    shown, _ = run(service, picture, BASE, ["kmeans", "dino_seg", "fiedler"])[-1]
    path = make_save(service)(shown)
    assert path.endswith("discs.comparison.png")
    with Image.open(path) as image:
        sheet = np.asarray(image)
    for what in results(service, picture, BASE, shown.done).values():
        if not isinstance(what, Painted) or what.result.settings.method not in shown.done:
            continue
        height, width = what.overlay.shape[:2]
        factor = -(-320 // width)
        wanted = what.overlay.repeat(factor, 0).repeat(factor, 1)
        rows, columns = np.nonzero((sheet[: -wanted.shape[0], : -wanted.shape[1]] == wanted[0, 0]).all(-1))
        assert any(
            np.array_equal(sheet[y : y + factor * height, x : x + factor * width], wanted)
            for y, x in zip(rows, columns, strict=True)
        )


def test_half_a_comparison_can_be_saved_and_none_is_refused(service, picture):
    steps = make_compare(service)(1, ["kmeans", "gmm"], [], picture, VISITOR, *BASE.to_dict().values())
    half = next(shown for shown, _ in steps if shown.done)
    with Image.open(make_save(service)(half)) as sheet:
        assert sheet.width < 600  # one picture
    for nothing in (None, Comparison(picture, BASE, ("kmeans",), ())):
        with pytest.raises(gr.Error, match="no comparison"):
            make_save(service)(nothing)


def test_nothing_to_compare_is_told(service, picture):
    values = BASE.to_dict().values()
    with pytest.raises(gr.Error, match="Drop a picture"):
        next(make_compare(service)(1, ["kmeans"], [], None, VISITOR, *values))
    with pytest.raises(gr.Error, match="at least one"):
        next(make_compare(service)(1, [], [], picture, VISITOR, *values))


def test_a_method_of_many_segments_says_that_the_crf_was_left_out(service, picture):
    settings = BASE.replace(crf=True, max_side=160, n_superpixels=200)
    *_, (_, value) = run(service, picture, settings, ["kmeans", "slic"])
    cells = {cell["method"]: cell for cell in value["cells"]}
    assert {cell["state"] for cell in cells.values()} == {"done"}
    assert any("CRF was left out" in note for note in cells["slic"]["notes"])
    assert not any("CRF" in note for note in cells["kmeans"]["notes"])
