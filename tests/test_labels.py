"""Files of ground truth: every kind of label map keeps its labels to the last bit, and what is none is refused in words."""

import io

import numpy as np
import pytest
from PIL import Image

from segcore import InputError
from segcore.image import parse_label, read_labels, read_mask
from tests.scenes import EXAMPLES

SPOTS = np.kron(np.array([[0, 1, 2], [3, 3, 1]]), np.ones((8, 9), int))  # four regions, every one with flat spots


def encoded(picture, kind="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def read(picture, kind="PNG", **options):
    found = read_labels(encoded(picture, kind, **options))
    return found.labels.numpy(), found


@pytest.mark.parametrize("values", [[0, 1, 2, 3], [0, 3, 77, 255], [9, 200, 201, 254]])
def test_gray_values_are_the_labels(values):
    drawn = np.array(values, np.uint8)[SPOTS]
    labels, found = read(Image.fromarray(drawn))
    np.testing.assert_array_equal(labels, drawn)
    assert [found.name(v) for v in values] == [str(v) for v in values]


def test_16_bits_are_kept():
    drawn = np.array([0, 256, 257, 65535], np.uint16)[SPOTS]
    np.testing.assert_array_equal(read(Image.fromarray(drawn))[0], drawn)


def test_palette_indices_are_the_labels_whatever_their_colors():
    picture = Image.fromarray(SPOTS.astype(np.uint8))
    picture.putpalette([7, 7, 7] * 256)
    np.testing.assert_array_equal(read(picture)[0], SPOTS)
    np.testing.assert_array_equal(read(Image.fromarray(SPOTS > 0))[0], SPOTS > 0)


def test_each_color_is_a_label():
    colors = np.array([[0, 0, 0], [224, 224, 192], [128, 0, 0], [128, 0, 1]], np.uint8)
    labels, found = read(Image.fromarray(colors[SPOTS]))
    np.testing.assert_array_equal(labels, np.array([0, 0x1E0E0C0, 0x1800000, 0x1800001])[SPOTS])
    assert [found.name(v) for v in (0, 0x1E0E0C0)] == ["#000000", "#e0e0c0"]
    assert parse_label("#e0e0c0") == 0x1E0E0C0


def test_one_color_has_one_label_in_all_files():
    """Whether a file holds colors beside its grays must not change what the grays are called."""
    with_red = np.array([[255, 255, 255], [255, 0, 0], [0, 0, 0], [0, 0, 255]], np.uint8)[SPOTS]
    without = np.array([[255, 255, 255], [9, 9, 9], [0, 0, 0], [0, 0, 0]], np.uint8)[SPOTS]
    files = [read(Image.fromarray(pixels))[0] for pixels in (with_red, without)]
    files.append(read(Image.fromarray(without[..., 0]))[0])
    for labels in files:
        np.testing.assert_array_equal(labels == parse_label("#ffffff"), SPOTS == 0)
        assert set(labels[SPOTS == 2]) == {parse_label("#000000")}
    assert set(files[0][SPOTS == 3]) == {parse_label("#0000ff")} != {255}


def test_gray_stored_as_color_is_gray():
    drawn = np.array([0, 50, 100, 255], np.uint8)[SPOTS]
    labels, found = read(Image.fromarray(drawn).convert("RGB"))
    np.testing.assert_array_equal(labels, drawn)
    assert not found.colors
    np.testing.assert_array_equal(read(Image.fromarray(drawn).convert("LA"))[0], drawn)


def test_transparent_pixels_are_the_background_whatever_lies_under_them():
    rgba = np.zeros((*SPOTS.shape, 4), np.uint8)
    rgba[..., :3] = np.random.default_rng(0).integers(0, 256, rgba[..., :3].shape)
    rgba[SPOTS == 1] = (0, 0, 0, 255)
    rgba[SPOTS == 2] = (255, 0, 0, 255)
    labels, found = read(Image.fromarray(rgba))
    np.testing.assert_array_equal(labels == 0, ~np.isin(SPOTS, [1, 2]))
    assert sorted(found.name(v) for v in np.unique(labels).tolist()) == ["#000000", "#ff0000", "transparent"]


def test_orientation_is_applied_as_to_the_picture():
    exif = Image.Exif()
    exif[0x0112] = 6
    drawn = SPOTS.astype(np.uint8)
    np.testing.assert_array_equal(read(Image.fromarray(drawn), exif=exif.tobytes())[0], np.rot90(drawn, -1))


def disc(side=96):
    y, x = np.mgrid[:side, :side]
    return np.hypot(y - side / 2, x - side / 2) < side / 3


@pytest.mark.parametrize(
    "data",
    [
        encoded(Image.fromarray(255 * disc(384).astype(np.uint8)).resize((96, 96), Image.Resampling.LANCZOS)),
        encoded(Image.fromarray(255 * disc().astype(np.uint8)), "JPEG", quality=90),
        (EXAMPLES / "coffee.jpg").read_bytes(),
    ],
    ids=["anti-aliased", "jpeg", "photograph"],
)
def test_values_between_labels_are_refused(data):
    with pytest.raises(InputError, match="no flat spot") as error:
        read_labels(data)
    assert "without anti-aliasing" in str(error.value)


def test_hundreds_of_true_labels_are_no_fault():
    drawn = np.kron(np.arange(20 * 30).reshape(20, 30), np.ones((4, 4), int)).astype(np.uint16)
    assert len(read_labels(encoded(Image.fromarray(drawn))).labels.unique()) == 600


def test_thin_lines_are_no_fault():
    drawn = SPOTS.astype(np.uint8)
    drawn[:, 5], drawn[3] = 100, 101
    assert {100, 101} <= set(np.unique(read_labels(encoded(Image.fromarray(drawn))).labels))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"no picture", "not a picture"),
        (encoded(Image.fromarray(SPOTS.astype(np.uint8)))[:60], "damaged"),
        (encoded(Image.fromarray((SPOTS / 7).astype(np.float32)), "TIFF"), "fractions"),
    ],
)
def test_what_is_no_label_map_is_refused(data, words):
    with pytest.raises(InputError, match=words) as error:
        read_labels(data)
    assert error.value.field == "image"


@pytest.mark.parametrize("values", [(0, 1), (300, 301), (7, 60_000)])
def test_the_brighter_of_two_values_is_the_object_in_16_bits_too(values):
    mask = read_mask(encoded(Image.fromarray(np.array(values, np.uint16)[(SPOTS > 1).astype(int)])))
    np.testing.assert_array_equal(mask, SPOTS > 1)


@pytest.mark.parametrize("text", ["red", "#abc", "#12345g", "1.5"])
def test_what_names_no_label_is_refused(text):
    with pytest.raises(InputError, match="whole number"):
        parse_label(text)


@pytest.mark.parametrize(
    ("text", "label"), [("", None), (" 255 ", 255), ("-1", -1), ("#00ff00", 0x100FF00), ("#ffffff", 255)]
)
def test_labels_are_named(text, label):
    assert parse_label(text) == label


@pytest.mark.parametrize("text", ["void", "#zz", "2.5"])
def test_what_is_no_label_is_said(text):
    with pytest.raises(InputError, match="whole number"):
        parse_label(text)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (0, 1), (200, 201)])
def test_of_two_values_the_brighter_one_is_the_object(low, high):
    np.testing.assert_array_equal(read_mask(encoded(Image.fromarray(np.where(disc(), high, low).astype(np.uint8)))), disc())


def test_soft_edges_of_a_mask_are_cut_in_the_middle():
    soft = Image.fromarray(255 * disc(384).astype(np.uint8)).resize((96, 96), Image.Resampling.BOX)
    np.testing.assert_array_equal(read_mask(encoded(soft)), np.asarray(soft) > 127)


@pytest.mark.parametrize(("level", "words"), [(0, "no pixel is bright"), (255, "whole picture is object")])
def test_a_mask_of_one_value_parts_nothing(level, words):
    with pytest.raises(InputError, match=words):
        read_mask(encoded(Image.new("L", (20, 10), level)))


SHARP = 255 * disc().astype(np.uint8)
HIDDEN = np.where(disc(), 255, 0).astype(np.uint8)


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("under", [0, 255])
def test_what_is_transparent_is_background(level, under):
    """A black, gray or white object on nothing, whatever lies under the nothing."""
    gray = np.where(disc(), level, under).astype(np.uint8)
    for picture in (np.dstack([gray, gray, gray, HIDDEN]), np.dstack([gray, HIDDEN])):
        np.testing.assert_array_equal(read_mask(encoded(Image.fromarray(picture))), disc())


def test_a_cut_out_is_the_mask_of_what_it_shows():
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    np.testing.assert_array_equal(read_mask(encoded(Image.fromarray(np.dstack([noise, HIDDEN])))), disc())
    few = Image.fromarray(np.dstack([noise, HIDDEN])).quantize(16)
    np.testing.assert_array_equal(read_mask(encoded(few)), np.asarray(few.convert("RGBA"))[..., 3] > 127)


def test_of_an_opaque_part_in_two_grays_the_brighter_is_the_object():
    round_corners = np.full((96, 96), 255, np.uint8)
    round_corners[:6, :6] = 0
    picture = Image.fromarray(np.dstack([SHARP, SHARP, SHARP, round_corners]))
    np.testing.assert_array_equal(read_mask(encoded(picture)), disc())


@pytest.mark.parametrize("palette", [[255, 255, 255, 0, 0, 0], [0, 0, 0, 128, 0, 0], [9, 9, 9, 9, 9, 9]])
def test_in_a_palette_the_index_counts_and_not_its_color(palette):
    picture = Image.fromarray(disc().astype(np.uint8))
    picture.putpalette(palette)
    np.testing.assert_array_equal(read_mask(encoded(picture)), disc())


def test_soft_grays_in_a_palette_are_grays():
    soft = Image.fromarray(255 * disc(384).astype(np.uint8)).resize((96, 96), Image.Resampling.BOX)
    for kind in ("GIF", "PNG"):
        np.testing.assert_array_equal(read_mask(encoded(soft.convert("P"), kind)), np.asarray(soft) > 127)


@pytest.mark.parametrize("kind", ["P", "RGB"])
def test_a_label_map_is_no_mask(kind):
    """Class 8 of VOC is the dark red (64, 0, 0); only its void is bright."""
    colors = np.array([[0, 0, 0], [64, 0, 0], [224, 224, 192]], np.uint8)
    index = disc().astype(np.uint8)
    index[:4] = 2
    picture = Image.fromarray(index)
    picture.putpalette(colors.ravel().tolist())
    with pytest.raises(InputError, match="label map"):
        read_mask(encoded(picture.convert(kind)))
    with pytest.raises(InputError, match=r"0, 1, 2, as of a label map"):
        read_mask(encoded(Image.fromarray(index)))


def test_what_could_be_two_masks_is_refused():
    soft = Image.fromarray(SHARP).resize((96, 96)).rotate(20, Image.Resampling.BICUBIC)
    hidden = np.full((96, 96), 255, np.uint8)
    hidden[:9] = 0
    with pytest.raises(InputError, match="either could be the object"):
        read_mask(encoded(Image.fromarray(np.dstack([np.asarray(soft), hidden]))))
    with pytest.raises(InputError, match="all of it is transparent"):
        read_mask(encoded(Image.fromarray(np.dstack([SHARP, 0 * SHARP]))))


def test_masks_of_jpeg_have_soft_edges_in_color_too():
    red = np.dstack([SHARP, 0 * SHARP, 0 * SHARP])
    found = read_mask(encoded(Image.fromarray(red), "JPEG", quality=90))
    assert (found != disc()).mean() < 0.02
