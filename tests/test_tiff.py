"""TIFF of every kind: the picture, its size, the label map and the mask that a file holds agree, however it is packed."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from segcore import InputError, segment
from segcore.image import picture_size, read_image, read_labels, read_mask
from tests.pictures import colors

RGB = colors(24, 40)
GRAY = RGB[..., 0]
LABELS = np.kron(np.arange(6).reshape(2, 3), np.ones((12, 10), int)).astype(np.uint8)[:, :30]
ORDERS = ("<", ">")


def tiff(values, **how):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, **how)
    return buffer.getvalue()


def planes(values):
    return np.moveaxis(values, 2, 0)


def by_libtiff(values, compression, predictor=1, **how):
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "TIFF", compression=compression, tiffinfo={317: predictor}, **how)
    return buffer.getvalue()


def rgb_files(order):
    """Name → a file that holds RGB."""
    deep, how = RGB.astype(np.uint16) * 257, {"photometric": "rgb", "byteorder": order}
    real = (RGB / 255).astype(np.float32)
    return {
        "8 bits": tiff(RGB, **how),
        "8 bits, planes": tiff(planes(RGB), planarconfig="separate", **how),
        "8 bits, BigTIFF": tiff(RGB, bigtiff=True, **how),
        "8 bits, tiles": tiff(RGB, tile=(16, 16), **how),
        "8 bits, strips": tiff(RGB, rowsperstrip=5, **how),
        "8 bits, an unnamed channel": tiff(np.dstack([RGB, 0 * GRAY]), extrasamples=["unspecified"], **how),
        "16 bits": tiff(deep, **how),
        "16 bits, planes": tiff(planes(deep), planarconfig="separate", **how),
        "16 bits, planes, packed": tiff(planes(deep), planarconfig="separate", compression="zlib", **how),
        "16 bits, planes, tiles": tiff(planes(deep), planarconfig="separate", tile=(16, 32), **how),
        "16 bits, differences": tiff(deep, compression="zlib", predictor=True, rowsperstrip=7, **how),
        "floats": tiff(real, **how),
        "floats, planes": tiff(planes(real), planarconfig="separate", **how),
        "floats, BigTIFF": tiff(real, bigtiff=True, **how),
        "doubles": tiff(real.astype(np.float64), **how),
        "halves": tiff(real.astype(np.float16), **how),
        "floats, three bands of gray": tiff(real, photometric="minisblack", planarconfig="contig", byteorder=order),
    }


def gray_files(order):
    """Name → a file that holds gray."""
    deep, how = GRAY.astype(np.uint16) * 257, {"photometric": "minisblack", "byteorder": order}
    white = {"photometric": "miniswhite", "byteorder": order}
    return {
        "16 bits": tiff(deep, **how),
        "16 bits, alpha": tiff(np.dstack([deep, 0 * deep + 65535]), extrasamples=["unassalpha"], **how),
        "16 bits, BigTIFF": tiff(deep, bigtiff=True, **how),
        "floats": tiff((GRAY / 255).astype(np.float32), **how),
        "halves": tiff((GRAY / 255).astype(np.float16), **how),
        "doubles past 1": tiff(GRAY.astype(np.float64), **how),
        "signed": tiff(GRAY.astype(np.int16) * 100 - 9000, **how),
        "signed, 8 bits": tiff((GRAY.astype(np.int16) - 128).astype(np.int8), **how),
        "32 bits": tiff(GRAY.astype(np.uint32) << 16, **how),
        "0 is white": tiff(255 - GRAY, **white),
        "0 is white, 16 bits": tiff(65535 - deep, **white),
        "0 is white, floats": tiff((1 - GRAY / 255).astype(np.float32), **white),
        "0 is white, signed": tiff(127 - GRAY.astype(np.int16), **white),
    }


def difference(data, expected):
    found = read_image(data).numpy().astype(int)
    assert picture_size(data) == found.shape[:2] == expected.shape[:2]
    return np.abs(found - expected).max()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", rgb_files("<"))
def test_colors(name, order):
    assert difference(rgb_files(order)[name], RGB) <= 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", gray_files("<"))
def test_gray(name, order):
    assert difference(gray_files(order)[name], RGB[..., [0, 0, 0]]) <= 1


def patched(data, **values):
    """The file with other values of its tags."""
    out = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        for name, value in values.items():
            at = file.pages.first.tags[name].valueoffset
            out[at : at + 2] = value.to_bytes(2, "little")
    return bytes(out)


@pytest.mark.parametrize("bits", [1, 2, 4, 12])
def test_values_that_share_bytes(bits):
    values = np.rint(GRAY / 255 * (2**bits - 1)).astype(np.uint16)
    digits = (values[..., None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)
    data = tiff(np.packbits(digits.reshape(len(values), -1), axis=1), photometric="minisblack")
    data = patched(data, ImageWidth=GRAY.shape[1], BitsPerSample=bits)
    assert difference(data, np.repeat((values / (2**bits - 1) * 255)[..., None], 3, axis=2)) <= 0.6


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "zstd"])
@pytest.mark.parametrize("predictor", [1, 2])
def test_codecs_that_pack_bytes(compression, predictor):
    predictor = 1 if compression == "packbits" else predictor
    assert difference(by_libtiff(RGB, compression, predictor), RGB) == 0
    assert difference(by_libtiff(GRAY.astype(np.uint16) * 257, compression, predictor), RGB[..., [0, 0, 0]]) == 0


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_floats_as_differences_of_their_bytes(compression):
    assert difference(by_libtiff((GRAY / 255).astype(np.float32), compression, 3), RGB[..., [0, 0, 0]]) == 0


def test_codecs_that_pack_pixels():
    assert difference(by_libtiff(RGB, "jpeg", quality=98), RGB) <= 24
    assert difference(by_libtiff(GRAY > 99, "group4"), np.repeat((255 * (GRAY > 99))[..., None], 3, axis=2)) == 0


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("associated", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_is_laid_over_white_whether_multiplied_in_or_not(channels, associated, deep):
    share = np.linspace(0, 1, GRAY.size).reshape(GRAY.shape)[..., None]
    straight = RGB[..., :channels]
    top = 65535 if deep else 255
    values = np.concatenate([straight / 255 * (share if associated else 1), share], axis=2) * top
    kind = "rgb" if channels == 3 else "minisblack"
    data = tiff(
        np.rint(values).astype(np.uint16 if deep else np.uint8),
        photometric=kind,
        planarconfig="contig",
        extrasamples=["assocalpha" if associated else "unassalpha"],
    )
    over = straight * share + 255 * (1 - share)
    assert difference(data, np.broadcast_to(over, RGB.shape)) <= 1.6


def test_inks_and_palettes():
    ink = 255 - RGB
    four = np.dstack([ink, 0 * GRAY])
    for values in (four, four.astype(np.uint16) * 257):
        assert difference(tiff(values, photometric="separated"), RGB) <= 1
    table = np.stack([np.arange(256)[::-1], np.arange(256), np.arange(256) // 2]).astype(np.uint16)
    for scale in (257, 1):
        assert difference(tiff(GRAY, photometric="palette", colormap=table * scale), table.T[GRAY]) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_every_kind(orientation):
    tag = {"extratags": [(274, 3, 1, orientation, True)]}
    upright = read_image(tiff(RGB, photometric="rgb", **tag)).numpy()
    exif = Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    Image.fromarray(RGB).save(buffer, "PNG", exif=exif)
    np.testing.assert_array_equal(upright, read_image(buffer.getvalue()).numpy())
    files = [tiff((RGB / 255).astype(np.float32), photometric="rgb", **tag), tiff(GRAY, **tag), tiff(LABELS, **tag)]
    assert difference(files[0], upright) <= 1
    assert difference(files[1], upright[..., [0, 0, 0]]) == 0
    assert tuple(read_labels(files[2]).labels.shape) == picture_size(files[2])


@pytest.mark.parametrize("order", ORDERS)
def test_label_maps_and_masks_of_every_kind(order):
    how = {"photometric": "minisblack", "byteorder": order}
    for kind in (np.uint8, np.uint16, np.uint32, np.int16, np.int32, np.float16, np.float32, np.float64):
        found = read_labels(tiff(LABELS.astype(kind), **how)).labels.numpy()
        np.testing.assert_array_equal(found, LABELS)
        np.testing.assert_array_equal(read_mask(tiff((LABELS > 2).astype(kind), **how)), LABELS > 2)
    deep = LABELS.astype(np.uint16) * 300
    np.testing.assert_array_equal(read_labels(tiff(deep, compression="zlib", predictor=True, **how)).labels.numpy(), deep)
    np.testing.assert_array_equal(
        read_labels(tiff(LABELS, photometric="palette", colormap=np.zeros((3, 256), np.uint16))).labels.numpy(), LABELS
    )


def test_the_brighter_is_the_object_where_0_is_white_too():
    for kind in (np.uint8, np.uint16, np.int16, np.float32):
        drawn = (LABELS > 2).astype(kind)
        np.testing.assert_array_equal(read_mask(tiff(1 - drawn, photometric="miniswhite")), LABELS > 2)


def test_of_a_stack_the_first_page_counts():
    stack = np.stack([GRAY, 255 - GRAY])
    for metadata in ({"axes": "TYX"}, {"axes": "CYX", "mode": "grayscale"}):
        assert np.array_equal(read_image(tiff(stack, imagej=True, metadata=metadata))[..., 0], GRAY)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff(np.dstack([RGB, RGB])[..., :5], photometric="minisblack", planarconfig="contig"), "5 channels of gray"),
        (tiff(RGB[..., :2], photometric="minisblack", planarconfig="contig"), "2 channels of gray"),
        (tiff(planes(RGB), imagej=True, metadata={"axes": "CYX", "mode": "composite"}), "3 channels that make one"),
        (tiff(RGB, photometric="cielab"), "CIELAB"),
        (tiff(np.full(GRAY.shape, np.nan, np.float64)), "NaN"),
        (tiff(RGB.astype(np.complex64)[..., 0]), "damaged, cut short, or of a rare kind"),
        (tiff(RGB, photometric="rgb")[:-900], "cut short"),
        (tiff(RGB.astype(np.float32), photometric="rgb", bigtiff=True)[:400], "cut short"),
        (by_libtiff(RGB, "tiff_lzw")[:-400], "cut short"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(data, words, capfd):
    with pytest.raises(InputError, match=words) as caught:
        read_image(data)
    assert caught.value.field == "image"
    assert capfd.readouterr() == ("", "")


def test_strips_that_unpack_to_more_than_they_should_take_no_memory():
    """Deflate makes a gigabyte of zeros out of a megabyte."""
    data = tiff(np.zeros((4000, 9000), np.uint8), compression="zlib", rowsperstrip=4000)
    assert read_image(patched(data, ImageLength=10)).shape == (10, 9000, 3)


def test_12_bits_in_a_file_of_16_are_told():
    """They are dark, as v / 257 says; nothing is stretched unasked, so that pictures of a series stay alike."""
    flat = np.linspace(0, 3000, 600).reshape(20, 30)
    result = segment(tiff(flat.astype(np.uint16)), backbone="color", method="kmeans", max_side=64)
    assert any("uses 13 of 256 levels, 0 to 12" in note for note in result.notes)
    assert not any("levels" in note for note in segment(RGB, backbone="color", method="kmeans", max_side=64).notes)
