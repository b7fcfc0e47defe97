"""Arrays to pictures, without a browser."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from demo.palette import DIVERGING, OBJECT_PALETTE, PALETTE, Palette, hex_to_rgb
from demo.render import (
    borders,
    data_uri,
    display_label_png,
    diverging,
    jpeg,
    label_png,
    pack_floats,
    paint_labels,
    png,
    shrink,
    shrink_labels,
    shrunk_size,
)


def read(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.fixture
def labels() -> np.ndarray:
    labels = np.zeros((40, 60), dtype=np.int32)
    labels[:, 20:] = 1
    labels[25:, 40:] = 2
    return labels


# ---- Overlays ----


def test_overlay_mixes_color_and_picture(picture: np.ndarray, labels: np.ndarray) -> None:
    overlay = paint_labels(picture, labels, opacity=0.25, contours=False)
    expected = 0.75 * picture + 0.25 * PALETTE.rgb(3)[labels]
    assert overlay.shape == (40, 60, 3)
    assert overlay.dtype == np.uint8
    np.testing.assert_allclose(overlay, expected, atol=0.51)


def test_opacity_at_its_ends(picture: np.ndarray, labels: np.ndarray) -> None:
    np.testing.assert_array_equal(paint_labels(picture, labels, opacity=0, contours=False), picture)
    np.testing.assert_array_equal(paint_labels(picture, labels, opacity=1, contours=False), PALETTE.rgb(3)[labels])


def test_overlay_takes_another_palette(picture: np.ndarray, labels: np.ndarray) -> None:
    overlay = paint_labels(picture, labels, opacity=1, palette=OBJECT_PALETTE, contours=False)
    assert (overlay[0, 0] == overlay[0, 0, 0]).all()  # a gray
    red = Palette(segments=("#ff0000",))
    assert paint_labels(picture, np.zeros_like(labels), opacity=1, palette=red)[5, 5].tolist() == [255, 0, 0]


def test_contours_run_between_segments_only(picture: np.ndarray, labels: np.ndarray) -> None:
    plain = paint_labels(picture, labels, contours=False)
    drawn = paint_labels(picture, labels)
    changed = (plain != drawn).any(axis=-1)
    assert (drawn[borders(labels)] == 255).all()
    assert changed[10, 18:22].all()
    assert not changed[10, 24:].any()
    assert not changed[:, :17].any()


def test_one_segment_has_no_contour(picture: np.ndarray) -> None:
    alone = np.zeros((40, 60), dtype=np.uint8)
    np.testing.assert_array_equal(paint_labels(picture, alone), paint_labels(picture, alone, contours=False))


def test_nothing_is_painted_in_place(picture: np.ndarray, labels: np.ndarray) -> None:
    picture.flags.writeable = labels.flags.writeable = False
    for result in (paint_labels(picture, labels), shrink(picture), shrink_labels(labels), diverging(labels)):
        assert not np.shares_memory(result, picture)
        assert not np.shares_memory(result, labels)
        assert result.flags.writeable


@pytest.mark.parametrize(
    "labels", [np.zeros((3, 3), dtype=int), np.full((40, 60), -1), np.zeros((40, 60)), np.zeros((40, 60, 1), dtype=int)]
)
def test_labels_that_do_not_fit(picture: np.ndarray, labels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="label"):
        paint_labels(picture, labels)


def test_borders_of_a_checkerboard() -> None:
    assert borders(np.indices((4, 5)).sum(axis=0) % 2).all()
    assert not borders(np.zeros((1, 1), dtype=int)).any()


# ---- Files ----


def test_label_file_is_exact(labels: np.ndarray) -> None:
    image = read(label_png(labels))
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), labels)


@pytest.mark.parametrize(("n", "mode"), [(2, "L"), (255, "L"), (256, "I;16"), (60000, "I;16")])
def test_label_file_has_the_bits_it_needs(n: int, mode: str) -> None:
    labels = np.linspace(0, n - 1, 24).astype(np.int64).reshape(4, 6)
    image = read(label_png(labels))
    assert image.mode == mode
    np.testing.assert_array_equal(np.asarray(image), labels)


def test_label_file_of_too_many() -> None:
    for encode in (label_png, display_label_png):
        with pytest.raises(ValueError, match="65536"):
            encode(np.array([[70000]]))


@pytest.mark.parametrize(("n", "mode"), [(2, "L"), (256, "L"), (257, "RGB"), (60000, "RGB")])
def test_label_file_for_a_browser_has_8_bits_per_channel(n: int, mode: str) -> None:
    labels = np.linspace(0, n - 1, 24).astype(np.int64).reshape(4, 6)
    image = read(display_label_png(labels))
    assert image.mode == mode
    pixels = np.asarray(image).astype(int)
    decoded = pixels if mode == "L" else pixels[..., 0] + 256 * pixels[..., 1]
    np.testing.assert_array_equal(decoded, labels)


def test_label_file_says_nothing_about_color_spaces(labels: np.ndarray) -> None:
    """A browser would change gray values that come with a gamma or a profile."""
    for chunk in (b"gAMA", b"iCCP", b"sRGB", b"cHRM"):
        assert chunk not in display_label_png(labels)


def test_data_uris(picture: np.ndarray) -> None:
    uri = data_uri(png(picture))
    head, body = uri.split(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(read(base64.b64decode(body))), picture)
    assert data_uri(jpeg(picture)).startswith("data:image/jpeg;base64,")


def test_packed_floats() -> None:
    values = np.arange(6, dtype=np.float64).reshape(2, 3) / 7
    back = np.frombuffer(base64.b64decode(pack_floats(values)), dtype="<f4")
    np.testing.assert_array_equal(back, values.astype(np.float32).ravel())


# ---- Sizes ----


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((100, 200), (100, 200)),
        ((2000, 1000), (1280, 640)),
        ((3, 5000), (1, 1280)),
        ((1280, 1280), (1280, 1280)),
    ],
)
def test_display_size(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert shrunk_size(shape) == expected
    assert shrink(np.zeros((*shape, 3), dtype=np.uint8)).shape == (*expected, 3)
    assert shrink_labels(np.zeros(shape, dtype=np.uint8)).shape == expected


def test_shrinking_never_mixes_labels(labels: np.ndarray) -> None:
    small = shrink_labels(labels * 7, max_side=23)
    assert set(np.unique(small)) == {0, 7, 14}
    for label in (0, 7, 14):
        assert abs((small == label).mean() - (labels * 7 == label).mean()) < 0.06


# ---- Heat maps ----


def test_zero_is_the_middle_and_the_ends_are_symmetric() -> None:
    ramp = hex_to_rgb(DIVERGING)
    colors = diverging(np.array([[-2.0, 0.0, 1.0, 2.0]]))
    np.testing.assert_array_equal(colors[0, 0], ramp[0])
    np.testing.assert_array_equal(colors[0, 1], ramp[len(ramp) // 2])
    np.testing.assert_array_equal(colors[0, 3], ramp[-1])
    np.testing.assert_array_equal(colors[0, 2], ramp[6])


def test_scale_does_not_matter_but_the_sign_does() -> None:
    values = np.random.default_rng(0).normal(size=(5, 7))
    np.testing.assert_array_equal(diverging(values), diverging(1e-6 * values))
    mirrored = diverging(-values, stops=DIVERGING[::-1])
    np.testing.assert_allclose(diverging(values).astype(int), mirrored.astype(int), atol=1)


def test_one_sided_values_keep_zero_in_the_middle() -> None:
    colors = diverging(np.array([[0.0, 1.0]]))
    np.testing.assert_array_equal(colors[0, 0], hex_to_rgb(DIVERGING)[len(DIVERGING) // 2])


@pytest.mark.parametrize("values", [np.zeros((2, 3)), np.full((2, 3), np.nan), np.zeros((0, 3))])
def test_nothing_to_tell_apart_is_the_middle(values: np.ndarray) -> None:
    colors = diverging(values)
    assert colors.shape == (*values.shape, 3)
    assert (colors == hex_to_rgb(DIVERGING)[len(DIVERGING) // 2]).all()


def test_limit_and_infinity() -> None:
    ramp = hex_to_rgb(DIVERGING)
    colors = diverging(np.array([[-np.inf, 5.0, 0.5]]), limit=1.0)
    np.testing.assert_array_equal(colors[0, 0], ramp[0])
    np.testing.assert_array_equal(colors[0, 1], ramp[-1])
    np.testing.assert_array_equal(colors[0, 2], ramp[6])
    assert (diverging(np.array([[np.inf, 1.0]]))[0, 0] == ramp[-1]).all()
