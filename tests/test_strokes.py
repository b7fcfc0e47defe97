"""Strokes: read, written, drawn, and refused."""

import json

import numpy as np
import pytest
import torch

from segcore.errors import InputError
from segcore.scribble.strokes import (
    MOST_LABELS,
    MOST_POINTS,
    MOST_STROKES,
    Stroke,
    marked_labels,
    rasterize,
    read_strokes,
    strokes_json,
    strokes_of_text,
    strokes_text,
)

LINE = {"label": 1, "width": 0.1, "points": [[0.25, 0.5], [0.75, 0.5]]}


def some_strokes(rng, n):
    return tuple(
        Stroke(
            int(rng.integers(0, MOST_LABELS + 1)),
            float(rng.integers(1, 100) / 1000),
            tuple((float(x), float(y)) for x, y in rng.uniform(-0.2, 1.2, (int(rng.integers(1, 30)), 2))),
        )
        for _ in range(n)
    )


def test_a_text_keeps_strokes_to_a_quarter_of_a_pixel():
    rng = np.random.default_rng(0)
    for n in (0, 1, 2, 40):
        strokes = some_strokes(rng, n)
        again = strokes_of_text(strokes_text(strokes))
        assert [s.label for s in again] == [s.label for s in strokes]
        for a, b in zip(again, strokes, strict=True):
            assert a.width == pytest.approx(b.width, abs=6e-4)
            assert np.allclose(a.points, b.points, atol=0.5 / 4095 + 1e-9)
        assert strokes_of_text(strokes_text(again)) == again  # what a link restores writes the same link


def test_json_comes_back():
    strokes = some_strokes(np.random.default_rng(1), 5)
    again = read_strokes(json.dumps({"strokes": strokes_json(strokes)}))
    assert [s.label for s in again] == [s.label for s in strokes]
    assert np.allclose(again[0].points, strokes[0].points, atol=1e-4)


def test_six_strokes_fit_into_an_address():
    t = np.linspace(0, 1, 12)
    strokes = tuple(
        Stroke(1 + i % 2, 0.02, tuple(zip(t.tolist(), (0.1 * i + 0.05 * np.sin(6 * t)).tolist(), strict=True)))
        for i in range(6)
    )
    assert len(strokes_text(strokes)) < 500


def test_a_line_is_drawn_where_it_is():
    seeds = rasterize(read_strokes([LINE]), (40, 80))
    rows, columns = torch.nonzero(seeds == 1, as_tuple=True)
    assert rows.float().mean() == pytest.approx(19.5, abs=0.6)
    assert columns.float().mean() == pytest.approx(39.5, abs=0.6)
    assert int((seeds[:, 40] == 1).sum()) == pytest.approx(8, abs=1)  # a tenth of the longer side
    assert set(seeds.unique().tolist()) == {0, 1}


def test_later_strokes_lie_on_top_and_the_eraser_takes_away():
    across = {"label": 2, "width": 0.1, "points": [[0.5, 0.0], [0.5, 1.0]]}
    seeds = rasterize(read_strokes([LINE, across]), (60, 60))
    assert seeds[30, 30] == 2
    gone = rasterize(read_strokes([LINE, {**across, "label": 0}]), (60, 60))
    assert gone[30, 30] == 0
    assert gone[30, 20] == 1


def test_a_point_marks_a_pixel_even_of_the_smallest_picture():
    dot = [{"label": label, "width": 0.001, "points": [[0.5, 0.5]]} for label in range(1, 9)]
    assert int(rasterize(read_strokes(dot[:1]), (30, 30)).sum()) >= 1
    seeds = rasterize(read_strokes(dot), (1, 1))
    assert seeds.tolist() == [[8]]
    with pytest.raises(InputError, match="No pixel of label 1 is left"):
        marked_labels(seeds, read_strokes(dot))


def test_strokes_outside_are_clipped():
    far = [{"label": 1, "width": 0.05, "points": [[-3e9, 0.5], [0.5, 0.5], [1e300, 0.5]]}]
    seeds = rasterize(read_strokes(far), (21, 41))
    assert bool((seeds[10] == 1).all())
    assert int((seeds[0] == 1).sum()) == 0


@pytest.mark.parametrize(
    ("strokes", "words"),
    [
        ([], "There are no strokes yet"),
        ([LINE], "Only label 1 is drawn"),
        ([{**LINE, "points": [[3, 3], [3.5, 3]]}], "There are no strokes yet"),
        ([LINE, {**LINE, "label": 2}], "No pixel of label 1 is left"),
        ([LINE, {**LINE, "label": 0}], "There are no strokes yet"),
    ],
)
def test_what_is_missing_is_one_sentence(strokes, words):
    read = read_strokes(strokes)
    with pytest.raises(InputError, match=words) as error:
        marked_labels(rasterize(read, (40, 40)), read)
    assert error.value.field == "strokes"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "Strokes are a list"),
        (3, "Strokes are a list"),
        ("{", "no JSON"),
        ("nonsense", "no JSON"),
        ({"lines": []}, "Strokes are a list"),
        ([1], "Stroke 1 must have"),
        ([{"label": 1}], "Stroke 1 must have"),
        ([LINE, {**LINE, "label": 9}], "label of stroke 2"),
        ([{**LINE, "label": -1}], "label of stroke 1"),
        ([{**LINE, "label": 1.5}], "label of stroke 1"),
        ([{**LINE, "label": True}], "label of stroke 1"),
        ([{**LINE, "label": [1]}], "label of stroke 1"),
        ([{**LINE, "width": 0}], "width of stroke 1"),
        ([{**LINE, "width": "thick"}], "width of stroke 1"),
        ([{**LINE, "width": float("nan")}], "width of stroke 1"),
        ([{**LINE, "width": 2}], "width of stroke 1"),
        ([{**LINE, "points": []}], f"from 1 to {MOST_POINTS} points"),
        ([{**LINE, "points": "ab"}], f"from 1 to {MOST_POINTS} points"),
        ([{**LINE, "points": [[0, 0]] * (MOST_POINTS + 1)}], f"from 1 to {MOST_POINTS} points"),
        ([{**LINE, "points": [[0, float("inf")]]}], "finite numbers"),
        ([{**LINE, "points": [[0, 0, 0]]}], "finite numbers"),
        ([{**LINE, "points": [[0, "1"]]}], "finite numbers"),
        ([LINE] * (MOST_STROKES + 1), f"{MOST_STROKES} strokes"),
    ],
)
def test_bad_strokes_are_one_sentence(value, words):
    with pytest.raises(InputError, match=words) as error:
        read_strokes(value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    "text", ["!", "AAAA", "Zm9v", "%00", "é", "-" * 5000, strokes_text(some_strokes(np.random.default_rng(2), 3))[:-4]]
)
def test_damaged_texts_are_one_sentence(text):
    with pytest.raises(InputError, match=r"damaged|must"):
        strokes_of_text(text)


def test_a_small_text_cannot_unpack_to_much():
    import base64
    import zlib

    bomb = base64.urlsafe_b64encode(zlib.compress(b"\0" * 50_000_000, 9, wbits=-15)).decode()
    with pytest.raises(InputError):
        strokes_of_text(bomb)
