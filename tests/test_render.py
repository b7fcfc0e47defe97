"""Arrays to pictures, without a browser."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from segcore.show.files import data_uri, display_label_png, jpeg, labels_png, pack_floats, png
from segcore.show.paint import borders, paint_errors, paint_labels, paint_ramp, shrink, shrink_labels, shrunk_size
from segcore.show.palette import ERRORS, OBJECT_PALETTE, PALETTE, Palette, hex_to_rgb


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


def test_errors_stand_out_of_a_dim_gray_picture(picture: np.ndarray, labels: np.ndarray) -> None:
    painted = paint_errors(picture, labels)
    right = painted[labels == 0].astype(int)
    assert (np.ptp(right, axis=1) == 0).all()  # gray
    assert right.mean() < 0.6 * picture[labels == 0].mean()
    for code in (1, 2):
        distance = np.abs(painted[labels == code].astype(int) - hex_to_rgb(ERRORS)[code])
        assert distance.max() <= 0.15 * 255 + 1
        assert np.abs(painted[labels == code].astype(int).mean(0) - right.mean(0)).max() > 60


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
    image = read(labels_png(labels))
    assert image.mode == "L"
    np.testing.assert_array_equal(np.asarray(image), labels)


@pytest.mark.parametrize(("n", "mode"), [(2, "L"), (255, "L"), (256, "I;16"), (60000, "I;16")])
def test_label_file_has_the_bits_it_needs(n: int, mode: str) -> None:
    labels = np.linspace(0, n - 1, 24).astype(np.int64).reshape(4, 6)
    image = read(labels_png(labels))
    assert image.mode == mode
    np.testing.assert_array_equal(np.asarray(image), labels)


def test_label_file_of_too_many() -> None:
    for encode in (labels_png, display_label_png):
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


def test_nothing_is_painted_in_place(picture: np.ndarray, labels: np.ndarray) -> None:
    picture.flags.writeable = labels.flags.writeable = False
    for result in (paint_labels(picture, labels), shrink(picture), shrink_labels(labels)):
        assert not np.shares_memory(result, picture)
        assert not np.shares_memory(result, labels)
        assert result.flags.writeable


def test_a_ramp_meets_its_stops_and_is_linear_between():
    stops = ("#000000", "#ff0000", "#ffff00")
    painted = paint_ramp(np.array([[0, 0.25, 0.5, 0.75, 1, -3, 7]]), stops)
    assert painted[0].tolist() == [
        [0, 0, 0],
        [128, 0, 0],
        [255, 0, 0],
        [255, 128, 0],
        [255, 255, 0],
        [0, 0, 0],
        [255, 255, 0],
    ]
