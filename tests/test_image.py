"""Decoding, fitting to the grid, and the way back to pixels."""

import contextlib
import gc
import io
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageFile

from segcore.errors import InputError
from segcore.image import (
    MAX_PIXELS,
    cells_to_pixels,
    digest,
    fit_to_grid,
    read_image,
    relabel_by_size,
    scaled_picture,
    scaled_to_pixels,
    segments_of,
    soft_to_scaled,
)
from segcore.image.source import MAX_FILE_BYTES
from segcore.types import Geometry
from tests import pictures

GOOD, BAD = pictures.good_files(), pictures.bad_files()

# EXIF: on which side of the upright picture the stored row 0 and the stored column 0 lie.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


@pytest.fixture(autouse=True, scope="module")
def _no_garbage():
    """What earlier tests left, such as unclosed sockets, warns when it is collected: not while warnings are errors."""
    gc.collect()


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# Files


@pytest.mark.parametrize("name", GOOD)
def test_reads_every_format(name):
    data, expected, tolerance = GOOD[name]
    image = read_image(data)
    assert image.dtype == torch.uint8
    assert image.shape == expected.shape
    assert image.is_contiguous()
    assert np.abs(image.numpy().astype(int) - expected).max() <= tolerance


@pytest.mark.parametrize("name", BAD)
def test_says_what_is_wrong(name, tmp_path):
    data, fragment = BAD[name]
    path = tmp_path / "upload.png"
    path.write_bytes(data)
    for source, named in ((data, "The file"), (path, "'upload.png'")):
        with pytest.raises(InputError) as caught:
            read_image(source)
        sentence = str(caught.value)
        assert caught.value.field == "image"
        assert fragment in sentence
        assert named in sentence
        assert sentence.endswith(".")
        assert "\n" not in sentence
        assert "PIL" not in sentence


def test_bombs_are_refused_before_they_are_decoded():
    started = time.process_time()
    for name in BAD:
        if "pixels" in name:
            with pytest.raises(InputError):
                read_image(BAD[name][0])
    assert time.process_time() - started < 2


def _upright_by_table(stored, orientation):
    row_side, column_side = SIDES[orientation]
    rows, columns = stored.shape[:2]
    turned = row_side in ("left", "right")
    upright = np.zeros(((columns, rows) if turned else (rows, columns)) + (3,), np.uint8)
    for r in range(rows):
        for c in range(columns):
            place = {
                "top": ("y", r),
                "bottom": ("y", rows - 1 - r),
                "left": ("x", r),
                "right": ("x", rows - 1 - r),
            }[row_side]
            other = {
                "top": ("y", c),
                "bottom": ("y", columns - 1 - c),
                "left": ("x", c),
                "right": ("x", columns - 1 - c),
            }[column_side]
            where = dict([place, other])
            upright[where["y"], where["x"]] = stored[r, c]
    return upright


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_applies_exif_orientation(kind, orientation):
    stored = pictures.colors(6, 9)
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(kind, {})
    data = pictures.with_orientation(stored, orientation, kind, **options)
    expected = torch.from_numpy(_upright_by_table(stored, orientation))
    tolerance = 12 if kind == "JPEG" else 0
    for source in (data, Image.open(io.BytesIO(data))):
        image = read_image(source)
        assert image.shape == expected.shape
        assert (image.int() - expected.int()).abs().max() <= tolerance


def test_orientation_of_16_bit_color():
    exif = Image.Exif()
    exif[0x0112] = 6
    wide = pictures.deep()
    data = pictures.png(wide, pictures.PNG_RGB, extra=pictures.png_chunk(b"eXIf", exif.tobytes()[6:]))
    assert np.array_equal(read_image(data).numpy(), _upright_by_table(pictures.to_8_bit(wide), 6))


def test_16_bit_color_that_only_pillow_reads(monkeypatch):
    monkeypatch.setattr("cv2.imdecode", lambda *_: None)
    wide = pictures.deep()
    assert np.array_equal(read_image(pictures.png(wide, pictures.PNG_RGB)).numpy(), wide >> 8)


def test_16_bit_color_with_a_transparent_one():
    key = pictures.png_chunk(b"tRNS", b"\0\1\0\2\0\3")
    image = read_image(pictures.png(pictures.deep(), pictures.PNG_RGB, extra=key)).numpy()
    assert np.abs(image.astype(int) - pictures.to_8_bit(pictures.deep())).max() <= 1


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\2\0\0\0\5abcd\0"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_damaged_exif_does_not_stop_the_picture(kind, exif):
    assert read_image(pictures.saved(pictures.colors(), kind, exif=exif)).shape == (20, 30, 3)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_give_a_picture_or_a_sentence(seed):
    generator = np.random.default_rng(seed)
    for data, _, _ in GOOD.values():
        for _ in range(8):
            body = bytearray(data)
            for _ in range(generator.integers(1, 6)):
                body[generator.integers(0, len(body))] = generator.integers(0, 256)
            with contextlib.suppress(InputError):
                assert read_image(bytes(body[: generator.integers(1, 2 * len(body))])).shape[2] == 3


# Paths


def test_reads_paths_of_all_kinds(tmp_path):
    data, expected, _ = GOOD["png"]
    path = tmp_path / "löwe 1.png"
    path.write_bytes(data)
    for source in (path, str(path), data, bytearray(data), memoryview(data)):
        assert np.array_equal(read_image(source).numpy(), expected)


def test_path_errors(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="folder"):
        read_image(tmp_path)
    for missing in (tmp_path / "none.png", "", "a\0b.png"):
        with pytest.raises(InputError, match="There is no file"):
            read_image(missing)
    with pytest.raises(InputError) as caught:
        read_image("data:image/png;base64," + "A" * 100_000)
    assert len(str(caught.value)) < 400
    path = tmp_path / "large.png"
    path.touch()
    with path.open("r+b") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(InputError, match="512 MB"):
        read_image(path)
    monkeypatch.setattr("pathlib.Path.read_bytes", _refuse)
    path.write_bytes(b"x")
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        read_image(path)


def _refuse(_):
    raise PermissionError(13, "Permission denied")


# Arrays, tensors and Pillow images


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy], ids=["array", "tensor"])
def test_reads_arrays(make):
    rgb, wide = pictures.colors(), pictures.deep()
    gray, alpha = rgb[..., 0], np.full((20, 30, 1), 255, np.uint8)
    as_gray = np.repeat(gray[..., None], 3, axis=2)
    cases = [
        (rgb, rgb),
        (gray, as_gray),
        (gray[..., None], as_gray),
        (np.concatenate([rgb, alpha], axis=2), rgb),
        (np.concatenate([rgb, 0 * alpha], axis=2), np.full_like(rgb, 255)),
        (wide, pictures.to_8_bit(wide)),
        ((rgb / 255).astype(np.float32), rgb),
        (rgb / 255, rgb),
        ((rgb / 255).astype(np.float16), rgb),
        (np.asfortranarray(rgb), rgb),
    ]
    for array, expected in cases:
        image = read_image(make(array))
        assert np.array_equal(image.numpy(), expected)
        assert image.is_contiguous()


def test_reads_arrays_of_odd_layout():
    rgb = pictures.colors()
    assert np.array_equal(read_image(rgb[::-1, ::2]).numpy(), rgb[::-1, ::2])
    wide = pictures.deep()
    assert torch.equal(read_image(wide.astype(">u2")), read_image(wide))
    bright = torch.from_numpy(rgb / 255).requires_grad_().bfloat16()
    assert (read_image(bright).int() - torch.from_numpy(rgb)).abs().max() <= 1


def test_shares_no_memory_and_leaves_the_source_alone():
    rgb = pictures.colors()
    image = read_image(rgb)
    image.zero_()
    assert np.array_equal(rgb, pictures.colors())
    turned = Image.open(io.BytesIO(pictures.with_orientation(rgb, 6, "PNG")))
    read_image(turned)
    assert turned.size == (30, 20)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "I;16", "I", "F"]
)
def test_reads_pillow_images_of_any_mode(mode):
    assert read_image(Image.new(mode, (5, 4))).shape == (4, 5, 3)


BAD_ARRAYS = {
    "channels first": (np.zeros((3, 20, 30), np.uint8), "channels last"),
    "two channels": (np.zeros((20, 30, 2), np.uint8), "c = 1, 3 or 4"),
    "batch": (np.zeros((1, 20, 30, 3), np.uint8), "shape"),
    "vector": (np.zeros(20, np.uint8), "shape"),
    "integers": (np.zeros((20, 30), np.int64), "int64"),
    "booleans": (np.zeros((20, 30), bool), "bool"),
    "complex": (np.zeros((20, 30), complex), "complex"),
    "objects": (np.zeros((20, 30), object), "object"),
    "no rows": (np.zeros((0, 30, 3), np.uint8), "no pixels"),
    "no columns": (np.zeros((20, 0), np.float32), "no pixels"),
    "too many": (np.broadcast_to(np.uint8(0), (MAX_PIXELS // 1000 + 1, 1000)), "megapixels"),
    "NaN": (np.full((4, 5), np.nan), "nan"),
    "infinite": (np.full((4, 5), np.inf), "inf"),
    "levels as floats": (np.full((4, 5), 255.0), "uint8"),
    "negative": (np.full((4, 5), -0.1), "-0.1"),
    "not a picture at all": (7, "int"),
    "nothing": (None, "NoneType"),
    "tensor": (torch.zeros(3, 20, 30), "channels last"),
    "tensor of integers": (torch.zeros(20, 30, dtype=torch.int64), "int64"),
    "empty Pillow image": (Image.new("RGB", (0, 5)), "no pixels"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_refuses_other_arrays(name):
    source, fragment = BAD_ARRAYS[name]
    with pytest.raises(InputError, match=fragment) as caught:
        read_image(source)
    assert caught.value.field == "image"


def test_refuses_a_pillow_image_that_is_gone():
    for picture in (Image.open(io.BytesIO(GOOD["png"][0])), Image.open(io.BytesIO(BAD["PNG cut short"][0]))):
        picture.fp.truncate(60)
        with pytest.raises(InputError, match="cannot be decoded"):
            read_image(picture)


def test_many_threads_and_untouched_globals():
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    filters = list(warnings.filters)

    def work():
        for name in ("png", "jpeg cmyk", "png palette, transparency table", "tiff 16 bit color"):
            read_image(GOOD[name][0])
        with pytest.raises(InputError, match="megapixels"):
            read_image(BAD["png of 100 megapixels"][0])

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(16)]:
            future.result()
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    assert warnings.filters == filters


def test_digest_tells_pictures_apart():
    image = read_image(pictures.colors())
    assert digest(image) == digest(image.clone()) == digest(image.transpose(0, 1).contiguous().transpose(0, 1))
    changed = image.clone()
    changed[3, 4, 1] += 1
    other_shape = image.reshape(30, 20, 3)
    assert len({digest(x) for x in (image, changed, other_shape, image.float())}) == 4
    assert digest(torch.zeros(2, 3, 3, dtype=torch.uint8)) == "80d2c35080ef40ab61b93db869d25262"


# Onto the grid

SIZES = [(360, 480), (48, 64), (1, 1), (1, 4000), (4000, 1), (3, 5), (641, 17), (100, 100), (64, 64), (2, 4000)]


def _random_sizes(n):
    generator = np.random.default_rng(0)
    for _ in range(n):
        height, width = np.exp(generator.uniform(0, np.log(700), 2)).astype(int)
        yield int(height), int(width), int(generator.integers(16, 300)), int(generator.integers(1, 33))


def _geometries():
    for height, width in SIZES:
        for max_side, patch in ((64, 8), (480, 16), (100, 14), (7, 16)):
            yield height, width, max_side, patch
    yield from _random_sizes(20)


@pytest.mark.parametrize(("height", "width", "max_side", "patch"), list(_geometries()))
def test_fitting_keeps_the_aspect_and_repeats_the_border(height, width, max_side, patch):
    image = torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels, geometry = fit_to_grid(image, max_side=max_side, patch=patch)
    assert geometry.image_size == (height, width)
    scaled_height, scaled_width = geometry.scaled_size
    assert max(geometry.scaled_size) == max_side
    assert abs(scaled_height - max(1, height * max_side / max(height, width))) <= 0.5
    assert abs(scaled_width - max(1, width * max_side / max(height, width))) <= 0.5
    assert pixels.shape == (geometry.h * patch, geometry.w * patch, 3)
    assert geometry.h * patch - scaled_height < patch
    assert geometry.w * patch - scaled_width < patch
    assert pixels.dtype == torch.uint8
    assert pixels.is_contiguous()
    assert (pixels[scaled_height:] == pixels[scaled_height - 1]).all()
    assert (pixels[:, scaled_width:] == pixels[:, scaled_width - 1 : scaled_width]).all()
    assert torch.equal(scaled_picture(pixels, geometry), pixels[:scaled_height, :scaled_width])


def test_a_picture_of_the_right_size_is_left_alone():
    image = read_image(pictures.colors(48, 64))
    pixels, _ = fit_to_grid(image, max_side=64, patch=8)
    assert torch.equal(pixels, image)


@pytest.mark.parametrize("size", [(300, 451), (3, 5), (1, 4000), (90, 33)])
def test_scaling_is_that_of_pillow(size):
    image = read_image(pictures.colors(*size))
    pixels, geometry = fit_to_grid(image, max_side=96, patch=8)
    height, width = geometry.scaled_size
    expected = np.asarray(Image.fromarray(image.numpy()).resize((width, height), Image.Resampling.BICUBIC))
    # Both work with 8-bit steps in between and differ by 2 levels at most.
    assert np.abs(scaled_picture(pixels, geometry).numpy().astype(int) - expected).max() <= 2


def test_shrinking_is_antialiased():
    stripes = (torch.arange(800) % 2 * 255).to(torch.uint8)[None, :, None].expand(600, 800, 3)
    pixels, _ = fit_to_grid(stripes, max_side=80, patch=8)
    assert (pixels[:, 2:-2].int() - 128).abs().max() <= 4  # beside the border the filter is cut off


def test_fit_to_grid_checks_its_input():
    image = torch.zeros(4, 5, 3, dtype=torch.uint8)
    for wrong in (image.float(), image[..., 0], image[:0], image.numpy()):
        with pytest.raises(InputError):
            fit_to_grid(wrong, max_side=64, patch=8)
    for name, values in (("max_side", {"max_side": 0, "patch": 8}), ("patch", {"max_side": 64, "patch": 0})):
        with pytest.raises(InputError) as caught:
            fit_to_grid(image, **values)
        assert caught.value.field == name


# And back


@pytest.mark.parametrize(("height", "width", "max_side", "patch"), list(_geometries()))
def test_pixels_take_the_cell_of_their_center(height, width, max_side, patch):
    _, geometry = fit_to_grid(torch.zeros(height, width, 3, dtype=torch.uint8), max_side=max_side, patch=patch)
    index = cells_to_pixels(torch.arange(geometry.n), geometry)
    assert index.shape == (height, width)
    assert index.dtype == (torch.uint8 if geometry.n <= 256 else torch.int32)
    rows = [int((y + 0.5) * geometry.scaled_size[0] / height // patch) for y in range(height)]
    columns = [int((x + 0.5) * geometry.scaled_size[1] / width // patch) for x in range(width)]
    assert torch.equal(index.long(), torch.tensor(rows)[:, None] * geometry.w + torch.tensor(columns))
    if height >= geometry.scaled_size[0] and width >= geometry.scaled_size[1]:
        assert len(index.unique()) == geometry.n  # every cell is seen


def test_cells_tile_exactly():
    geometry = Geometry(image_size=(96, 160), scaled_size=(48, 80), patch=8)
    index = cells_to_pixels(torch.arange(geometry.n).reshape(6, 10), geometry)
    assert torch.equal(index.long(), torch.arange(60).reshape(6, 10).repeat_interleave(16, 0).repeat_interleave(16, 1))


@pytest.mark.parametrize("width", [37, 64, 100, 333, 640])
@pytest.mark.parametrize("border", [0.5, 0.37])
def test_a_border_comes_back_within_half_a_cell(width, border):
    column = round(width * border)
    image = torch.zeros(max(1, width * 2 // 3), width, 3, dtype=torch.uint8)
    image[:, column:] = 255
    pixels, geometry = fit_to_grid(image, max_side=160, patch=8)
    bright = pixels[..., 0].float().unfold(0, 8, 8).unfold(1, 8, 8).mean((2, 3)) > 127
    half_a_cell = 4 * width / 160
    hard = cells_to_pixels(bright, geometry)
    soft = scaled_to_pixels(soft_to_scaled(F.one_hot(bright.long().reshape(-1), 2), geometry), geometry)
    for label_map in (hard, soft):
        assert (label_map == label_map[0]).all()
        assert abs(int((label_map[0] == 0).sum()) - column) <= half_a_cell + 0.5


def test_label_types():
    geometry = Geometry(image_size=(20, 30), scaled_size=(20, 30), patch=10)
    for highest, dtype in ((1, torch.uint8), (255, torch.uint8), (256, torch.int32)):
        labels = torch.tensor([0, 1, 0, 1, 0, highest])
        label_map = cells_to_pixels(labels, geometry)
        assert label_map.dtype == dtype
        assert int(label_map[-1, -1]) == highest
    assert cells_to_pixels(torch.tensor([[True, False, True]] * 2), geometry).unique().tolist() == [0, 1]
    for wrong in (torch.zeros(5), torch.zeros(3, 2), torch.zeros(2, 3, 1), [0] * 6):
        with pytest.raises(InputError, match="labels"):
            cells_to_pixels(wrong, geometry)


@pytest.mark.parametrize("size", [(30, 45), (1, 1), (1, 400), (400, 1), (77, 50)])
@pytest.mark.parametrize("patch", [1, 5, 8, 9])
def test_soft_labels_sum_to_one_and_hold_at_the_centers(size, patch):
    _, geometry = fit_to_grid(torch.zeros(*size, 3, dtype=torch.uint8), max_side=64, patch=patch)
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(0, 3, (geometry.n,), generator=generator)
    values = soft_to_scaled(F.one_hot(labels, 3), geometry)
    assert values.shape == (3, *geometry.scaled_size)
    assert torch.allclose(values.sum(0), torch.ones(geometry.scaled_size), atol=1e-6)
    assert values.min() >= 0
    if patch % 2:  # then the center of a cell is that of a pixel
        at_centers = values[:, patch // 2 :: patch, patch // 2 :: patch]
        whole = F.one_hot(labels, 3).reshape(geometry.h, geometry.w, 3)
        inside = whole[: at_centers.shape[1], : at_centers.shape[2]].permute(2, 0, 1)
        assert torch.allclose(at_centers, inside.float(), atol=1e-6)


def test_soft_to_scaled_is_the_formula():
    geometry = Geometry(image_size=(20, 26), scaled_size=(20, 26), patch=8)  # 3 × 4 cells, the last ones cut off
    P = torch.rand(12, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values, grid = soft_to_scaled(P, geometry), P.reshape(3, 4, 2)
    for y in range(20):
        for x in range(26):
            v, u = min(max((y + 0.5) / 8 - 0.5, 0), 2), min(max((x + 0.5) / 8 - 0.5, 0), 3)
            a, b = min(int(v), 1), min(int(u), 2)
            top = grid[a, b] * (b + 1 - u) + grid[a, b + 1] * (u - b)
            bottom = grid[a + 1, b] * (b + 1 - u) + grid[a + 1, b + 1] * (u - b)
            assert torch.allclose(values[:, y, x], top * (a + 1 - v) + bottom * (v - a), atol=1e-12)
    with pytest.raises(InputError, match="P must have shape"):
        soft_to_scaled(P[:-1], geometry)


@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("size", [(61, 83), (300, 200), (5, 9), (1, 1), (1, 400), (400, 1)])
def test_scaled_to_pixels_is_interpolation_then_argmax(size, k, monkeypatch):
    monkeypatch.setattr("segcore.numerics.ROW_BLOCK_BYTES", 20_000)  # several blocks
    _, geometry = fit_to_grid(torch.zeros(*size, 3, dtype=torch.uint8), max_side=96, patch=8)
    Q = torch.rand(k, *geometry.scaled_size, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).softmax(0)
    label_map = scaled_to_pixels(Q, geometry)
    assert torch.equal(label_map.long(), F.interpolate(Q[None], size=size, mode="bilinear")[0].argmax(0))
    assert label_map.dtype == torch.uint8


def test_scaled_to_pixels_prefers_the_first_of_equals_and_counts_past_255():
    geometry = Geometry(image_size=(4, 6), scaled_size=(2, 3), patch=1)
    assert (scaled_to_pixels(torch.full((3, 2, 3), 0.5), geometry) == 0).all()
    Q = torch.zeros(300, 2, 3)
    Q[299] = 1
    assert scaled_to_pixels(Q, geometry).dtype == torch.int32
    assert (scaled_to_pixels(Q, geometry) == 299).all()
    with pytest.raises(InputError, match="Q must have shape"):
        scaled_to_pixels(Q[:, :1], geometry)


def test_a_picture_at_its_own_size_keeps_its_soft_labels():
    geometry = Geometry(image_size=(40, 64), scaled_size=(40, 64), patch=8)
    Q = torch.rand(4, 40, 64, generator=torch.Generator().manual_seed(3))
    assert torch.equal(scaled_to_pixels(Q, geometry).long(), Q.argmax(0))


# The legend


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_segments_of(dtype):
    generator = torch.Generator().manual_seed(4)
    label_map = torch.randint(0, 6, (13, 29), generator=generator).to(dtype)
    label_map[label_map == 4] = 2
    label_map[5:7, 20:23] = 200
    segments = segments_of(label_map)
    assert [segment.label for segment in segments] == [0, 1, 2, 3, 5, 200]
    assert sum(segment.area_fraction for segment in segments) == pytest.approx(1)
    for segment in segments:
        y, x = (label_map == segment.label).nonzero(as_tuple=True)
        assert segment.area_fraction == pytest.approx(len(y) / label_map.numel())
        assert segment.bbox == (int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1)
    assert segments[-1].bbox == (20, 5, 23, 7)


def test_segments_of_edges():
    assert segments_of(torch.full((3, 4), 255, dtype=torch.uint8))[0].bbox == (0, 0, 4, 3)
    for wrong in (torch.tensor([[0, -1]]), torch.zeros(0, 4, dtype=torch.uint8), torch.zeros(4)):
        with pytest.raises(InputError, match="label_map"):
            segments_of(wrong)


def test_relabel_by_size():
    assert relabel_by_size(torch.tensor([7, 7, 3, 3, 3, 9])).tolist() == [1, 1, 0, 0, 0, 2]
    assert relabel_by_size(torch.tensor([5, 2, 5, 2, 9, 1])).tolist() == [0, 1, 0, 1, 2, 3]
    assert relabel_by_size(torch.tensor([], dtype=torch.int64)).tolist() == []
    generator = torch.Generator().manual_seed(5)
    for k in (1, 3, 40):
        labels = torch.randint(0, k, (200,), generator=generator) * 3 - 4
        again = relabel_by_size(labels)
        counts = again.bincount()
        assert again.dtype == torch.int64
        assert (counts[:-1] >= counts[1:]).all()
        assert counts.min() > 0
        assert len(torch.stack([labels, again]).unique(dim=1).T) == len(counts)  # the same partition
        assert torch.equal(relabel_by_size(again), again)
