"""The sheet holds every picture, pixel by pixel, and room for every line."""

import io

import numpy as np
import pytest
from PIL import Image

from demo.shared.contact_sheet import Captioned, contact_sheet


def drawn(cells, heading="A heading", lines=("a line",)):
    return np.asarray(Image.open(io.BytesIO(contact_sheet(heading, lines, cells))))


def plain(i, height=90, width=400):
    return np.full((height, width, 3), (200, 10, 15 * i), np.uint8)


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (6, 3), (9, 3), (13, 4)])
def test_every_picture_is_there_once(n, columns):
    sheet = drawn([Captioned(f"Method {i}", ("3 segments",), plain(i)) for i in range(n)])
    places = [np.argwhere((sheet == (200, 10, 15 * i)).all(-1)) for i in range(n)]
    for place in places:
        assert len(place) == 90 * 400
        assert (np.ptp(place, axis=0) == (89, 399)).all()
    corners = [tuple(place[0]) for place in places]
    assert corners == sorted(corners)  # row by row, from left to right
    assert len({x for _, x in corners}) == columns


def test_small_pictures_are_enlarged_by_a_whole_factor():
    picture = np.random.default_rng(0).integers(0, 256, (5, 100, 3), dtype=np.uint8)
    sheet = drawn([Captioned("Small", (), picture)])
    large = picture.repeat(4, axis=0).repeat(4, axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(sheet[:, :, 0], large.shape[:2])
    assert (windows == large[..., 0]).all(axis=(-1, -2)).any()


def test_a_long_sentence_is_wrapped_not_cut():
    short = drawn([Captioned("Fails", ("word",))])
    long = drawn([Captioned("Fails", ("word " * 40,))])
    assert long.shape[1] == short.shape[1]
    assert long.shape[0] > short.shape[0] + 100
    assert (long[:, -20:] == 255).all()  # nothing reaches into the margin


def test_a_failure_stands_beside_pictures():
    sheet = drawn([Captioned("Works", ("3 segments",), plain(1)), Captioned("Fails", ("The reason.",))])
    right = sheet[:, sheet.shape[1] // 2 + 20 :]
    assert (right.min(axis=-1) < 128).any()
