"""What the page shows of every method: names, vectors on their own grid, and words where there is nothing to draw."""

import base64

import numpy as np
import pytest

from demo.lab import show
from demo.lab.tabs.numbers import numbers_html
from demo.lab.tabs.segments import viewer_value
from demo.lab.tabs.spectrum import spectrum_figure
from demo.lab.tabs.vectors.show import fiedler_value, ncut_curve
from demo.lab.texts import FACTS, STAGES
from segcore import Pipeline, Settings
from segcore.pipeline.stages import plan
from tests.scenes import two_discs
from tests.test_pipeline import WITHOUT_WEIGHTS

BASE = Settings(backbone="color", max_side=96, n_segments=3, n_superpixels=20, pixel_side=48)


@pytest.fixture(scope="module")
def results():
    pipeline = Pipeline(device="cpu")
    return {method: pipeline.run(two_discs()[0], BASE.replace(method=method)) for method in WITHOUT_WEIGHTS}


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_every_method_can_be_shown(method, results):
    result = results[method]
    viewer = viewer_value(result, "picture.png", key="k", alt="two discs")
    assert len(viewer["names"]) == len(viewer["areas"]) == len(viewer["palette"]) >= 2
    assert (viewer["names"][0] == "Background") == (viewer["background"] == 0) == result.has_background
    assert spectrum_figure(result).to_dict()
    assert str(result.features.geometry.h) in show.status_line(result)
    assert set(plan(result.settings)) <= STAGES.keys()
    html = numbers_html(result)
    facts = {key for stage in result.stages for key in stage.facts}
    assert all(title.replace("'", "&#x27;") in html for key, title in FACTS.items() if key in facts)


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_vectors_fill_the_grid_they_say(method, results):
    value = fiedler_value(results[method], "picture.png", ncut_curve(results[method]))
    if results[method].spectrum is None:
        assert ("each round" if show.rounds_of(results[method]) else "no eigenvectors") in value["message"]
        return
    for vector in value["vectors"]:
        entries = np.frombuffer(base64.b64decode(vector["values"]), "<f4")
        assert entries.shape == (value["h"] * value["w"],)
        assert np.isfinite(entries).all()
    # Only vectors of W can be handed to the Fiedler cut.
    assert value["cuttable"] == ([1] if method in ("spectral", "fiedler") else [])
    assert (value["fiedler"] is None) == (method not in ("spectral", "fiedler"))


def test_pixels_have_a_grid_of_their_own(results):
    value = fiedler_value(results["ncut_pixels"], "picture.png", ncut_curve(results["ncut_pixels"]))
    assert (value["h"], value["w"], value["aspect"]) == (36, 48, [1.0, 1.0])
    assert "pixels" in show.status_line(results["ncut_pixels"])


def test_rounds_are_no_spectrum(results):
    figure = spectrum_figure(results["maskcut"])
    assert "each round" in figure.layout.annotations[0].text
    assert (
        len(fiedler_value(results["maskcut"], "picture.png", ncut_curve(results["maskcut"]))["vectors"])
        == len(results["maskcut"].spectrum.eigenvalues) - 1
    )


def test_the_rule_that_named_the_object_stands_by_the_result(results):
    named = {method: show.notes_markdown(result) for method, result in results.items()}
    for method, words in {
        "fiedler": "less of the picture's border",
        "min_cut": "less of the picture's border",
        "tokencut": "largest entry",
        "maskcut": "fewer corners",
        "lost": "seed patch",
    }.items():
        first, *others = named[method].splitlines()
        assert words in first
        assert ("Swap object" in first) == (method in ("fiedler", "min_cut", "tokencut"))
        assert "even a picture without any object" in others[0]  # color features hold the position
    assert not any("Object:" in named[method] for method in ("kmeans", "gmm", "spectral", "ncut", "slic", "mean_shift"))


@pytest.mark.parametrize("method", ["fiedler", "min_cut", "tokencut"])
def test_swapping_is_told_and_takes_another_side(method, results):
    before = results[method]
    swapped = Pipeline(device="cpu").run(two_discs()[0], before.settings.replace(flip=True))
    assert "since swapped" in show.notes_markdown(swapped)
    assert not bool((swapped.partition.side & before.partition.side).any())


def test_details_of_a_note_are_folded_and_shown_as_they_are():
    said = show._folded("Features of dino_tiny; how to get DINO:\nRun `hf x` <now>.")
    assert said == (
        "<details><summary>Features of dino_tiny; how to get DINO</summary>Run <code>hf x</code> &lt;now&gt;.</details>"
    )
    assert show._folded("One line, `as it is`.") == "One line, `as it is`."
