"""Upsampling against loops in double precision, torch's own convolutions, and what a mean of cells must keep."""

import itertools
import math

import cv2
import pytest
import torch
import torch.nn.functional as F

from segcore.errors import InputError
from segcore.upsample import (
    UPSAMPLERS,
    adaptive_kernel,
    guided_filter,
    joint_bilateral,
    pac_upsample,
    pixel_adaptive_convolution,
    pixel_adaptive_convolution_transposed,
    upsample,
)
from segcore.upsample.blend import blend, blend_weights, cell_means, gaussian_log_weight
from tests.asserts import assert_close

# What holds for all methods that take means with weights ≥ 0; the guided filter's linear functions may leave the range.
MEANS = ("nearest", "bilinear", "joint_bilateral", "pac")


def doubles(*shape, generator, scale=1.0):
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def edge_scene(h=6, w=9, factor=8, column=37):
    """Dark left of a column of pixels, bright from it on; and the share of each cell that is bright, as two soft labels."""
    image = torch.full((h * factor, w * factor, 3), 40, dtype=torch.uint8)
    image[:, column:] = 200
    bright = cell_means((image[..., 0] > 100).float()[None], factor)
    return image, torch.cat([1 - bright, bright]), (torch.arange(w * factor) >= column).expand(h * factor, -1)


# ---- Pixel-adaptive convolution ----


def slow_pac(x, guide, weight, bias, *, stride, padding, dilation):
    """v'_i = Σ_j K(f_i, f_j) W[p_i − p_j] v_j + b, sum by sum."""
    b, _, h, w = x.shape
    c_out, _, k, _ = weight.shape
    reach = dilation * (k - 1) + 1
    rows, columns = ((side + 2 * padding - reach) // stride + 1 for side in (h, w))
    out = torch.zeros(b, c_out, rows, columns, dtype=torch.float64)
    for n, o, i, j in itertools.product(range(b), range(c_out), range(rows), range(columns)):
        middle = [start * stride - padding + (k // 2) * dilation for start in (i, j)]
        total = 0.0 if bias is None else float(bias[o])
        for a, d in itertools.product(range(k), repeat=2):
            y, x_ = (start * stride - padding + tap * dilation for start, tap in ((i, a), (j, d)))
            if 0 <= y < h and 0 <= x_ < w:
                inside = all(0 <= m < side for m, side in zip(middle, (h, w), strict=True))
                own = guide[n, :, middle[0], middle[1]] if inside else torch.zeros_like(guide[n, :, 0, 0])
                likeness = math.exp(-0.5 * float((own - guide[n, :, y, x_]).square().sum()))
                total += likeness * float(weight[o, :, a, d] @ x[n, :, y, x_])
        out[n, o, i, j] = total
    return out


@pytest.mark.parametrize(
    ("k", "stride", "padding", "dilation"),
    [
        (3, 1, 0, 1),
        (3, 1, 1, 1),
        (3, 2, 1, 1),
        (3, 1, 2, 2),
        (5, 1, 2, 1),
        (1, 1, 0, 1),
        (1, 2, 1, 3),
        (3, 3, 0, 2),
        (5, 2, 3, 1),
    ],
)
def test_adaptive_convolution_is_its_definition(k, stride, padding, dilation, generator):
    x, guide = doubles(2, 2, 6, 7, generator=generator), doubles(2, 3, 6, 7, generator=generator)
    weight, bias = doubles(3, 2, k, k, generator=generator), doubles(3, generator=generator)
    how = {"stride": stride, "padding": padding, "dilation": dilation}
    expected = slow_pac(x, guide, weight, bias, **how)
    assert_close(pixel_adaptive_convolution(x, guide, weight, bias, **how), expected, atol=1e-12)
    flat = torch.full_like(guide, 0.3 if padding == 0 else 0.0)
    assert_close(pixel_adaptive_convolution(x, flat, weight, bias, **how), F.conv2d(x, weight, bias, **how), atol=1e-12)


def test_a_flat_guide_adapts_nothing_also_at_the_border(generator):
    """Beyond the border the values are 0, so it does not matter what the guide is there."""
    x, weight = doubles(1, 2, 5, 6, generator=generator), doubles(2, 2, 3, 3, generator=generator)
    flat = torch.full((1, 4, 5, 6), 7.0, dtype=torch.float64)
    assert_close(pixel_adaptive_convolution(x, flat, weight, padding=1), F.conv2d(x, weight, padding=1), atol=1e-12)


def test_it_is_the_unfolded_picture_times_the_kernel_times_the_weights(generator):
    x, guide = doubles(1, 2, 7, 8, generator=generator), doubles(1, 3, 7, 8, generator=generator)
    weight = doubles(4, 2, 3, 3, generator=generator)
    columns = F.unfold(x, 3).reshape(1, 2, 9, -1)
    K = adaptive_kernel(guide, size=3).reshape(1, 1, 9, -1)
    expected = (weight.reshape(4, 18) @ (columns * K).reshape(1, 18, -1)).reshape(1, 4, 5, 6)
    assert_close(pixel_adaptive_convolution(x, guide, weight), expected, atol=1e-12)
    middle = adaptive_kernel(guide, size=3)[:, 1, 1]
    assert_close(middle, torch.ones_like(middle))


def test_the_lecture_s_convolution_and_its_unfolded_rows():
    """The 5 × 5 picture and 3 × 3 kernel of the slides: 12, 35, −18, … and the first unfolded rows."""
    picture = torch.tensor(
        [[-5, 3, 2, -5, 3], [4, 3, 2, 1, -3], [1, 0, 3, 3, 5], [-2, 0, 1, 4, 4], [5, 6, 7, 9, -1]], dtype=torch.float64
    )
    kernel = torch.tensor([[2, 4, -2], [3, 1, 0], [-1, 0, 0]], dtype=torch.float64)
    flat = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    out = pixel_adaptive_convolution(picture[None, None], flat, kernel[None, None])[0, 0]
    assert out.tolist() == [[12, 35, -18], [21, 15, 25], [-15, 1, 8]]
    rows = F.unfold(picture[None, None], 3)[0].T
    assert rows[0].tolist() == [-5, 3, 2, 4, 3, 2, 1, 0, 3]
    assert rows[1].tolist() == [3, 2, -5, 3, 2, 1, 0, 3, 3]


def test_the_order_of_the_guide_s_channels_does_not_matter(generator):
    x, guide = doubles(1, 1, 6, 6, generator=generator), doubles(1, 4, 6, 6, generator=generator)
    weight = doubles(1, 1, 3, 3, generator=generator)
    one, other = (pixel_adaptive_convolution(x, g, weight, padding=1) for g in (guide, guide[:, [2, 0, 3, 1]]))
    assert_close(one, other, atol=1e-12)
    scaled = pixel_adaptive_convolution(x, 2 * guide, weight, padding=1)
    assert float((one - scaled).abs().max()) > 1e-3


def test_blocks_of_rows_change_nothing(generator, monkeypatch):
    x, guide = doubles(1, 2, 20, 9, generator=generator), doubles(1, 3, 20, 9, generator=generator)
    weight = doubles(2, 2, 3, 3, generator=generator)
    whole = pixel_adaptive_convolution(x, guide, weight, padding=1, stride=2)
    monkeypatch.setattr("segcore.numerics.ROW_BLOCK_BYTES", 2000)
    assert_close(pixel_adaptive_convolution(x, guide, weight, padding=1, stride=2), whole, atol=1e-13)


@pytest.mark.parametrize(
    ("k", "stride", "padding", "extra"), [(3, 1, 1, 0), (3, 2, 1, 1), (5, 2, 2, 1), (5, 4, 1, 2), (1, 3, 0, 0)]
)
def test_the_transposed_form(k, stride, padding, extra, generator):
    how = {"stride": stride, "padding": padding, "output_padding": extra}
    x, weight = doubles(2, 3, 4, 5, generator=generator), doubles(3, 2, k, k, generator=generator)
    bias = doubles(2, generator=generator)
    size = [(side - 1) * stride - 2 * padding + k + extra for side in (4, 5)]
    flat = torch.full((2, 1, *size), -2.0, dtype=torch.float64)
    plain = F.conv_transpose2d(x, weight, bias, **how)
    assert_close(pixel_adaptive_convolution_transposed(x, flat, weight, bias, **how), plain, atol=1e-12)
    guide = doubles(2, 3, *size, generator=generator)
    spread = torch.zeros(2, 3, *size, dtype=torch.float64)
    start = k // 2 - padding
    for i, j in itertools.product(range(4), range(5)):
        spread[:, :, start + i * stride, start + j * stride] = x[:, :, i, j]
    turned = weight.flip(2, 3).transpose(0, 1)
    expected = slow_pac(spread, guide, turned, bias, stride=1, padding=k // 2, dilation=1)
    assert_close(pixel_adaptive_convolution_transposed(x, guide, weight, bias, **how), expected, atol=1e-12)


def test_weights_of_the_authors_layer_go_in_flipped(generator):
    """Their layer by loops: values with zeros between, and at each output a window times K times the taps as they lie."""
    x, guide = torch.rand(1, 2, 2, 3, generator=generator), torch.rand(1, 1, 4, 6, generator=generator)
    weight = torch.rand(2, 3, 3, 3, generator=generator)
    spread = torch.zeros(2, 6, 8)
    spread[:, 1:-1:2, 1:-1:2] = x[0]  # stride 2, padding 1, output padding 1; one more row and column of zeros around
    f = F.pad(guide[0, 0], (1, 1, 1, 1))
    expected = torch.zeros(3, 4, 6)
    for v, u, dv, du in itertools.product(range(4), range(6), range(3), range(3)):
        K = math.exp(-0.5 * float(f[v + dv, u + du] - f[v + 1, u + 1]) ** 2)
        expected[:, v, u] += K * spread[:, v + dv, u + du] @ weight[:, :, dv, du]
    found = pixel_adaptive_convolution_transposed(x, guide, weight.flip(2, 3), stride=2, padding=1, output_padding=1)
    assert_close(found[0], expected, atol=1e-5)
    turned = pixel_adaptive_convolution_transposed(x, guide, weight, stride=2, padding=1, output_padding=1)
    assert float((turned[0] - expected).abs().max()) > 0.1


def test_the_transposed_form_is_the_adjoint(generator):
    """⟨A x, y⟩ = ⟨x, Aᵀ y⟩, with the same guide, since K is symmetric."""
    guide = doubles(1, 2, 6, 7, generator=generator)
    weight = doubles(3, 2, 3, 3, generator=generator)
    x, y = doubles(1, 2, 6, 7, generator=generator), doubles(1, 3, 6, 7, generator=generator)
    there = pixel_adaptive_convolution(x, guide, weight, padding=1)
    back = pixel_adaptive_convolution_transposed(y, guide, weight, padding=1)
    assert float((there * y).sum()) == pytest.approx(float((x * back).sum()), rel=1e-12)


def test_gradients(generator):
    x, guide = doubles(1, 2, 4, 5, generator=generator), doubles(1, 2, 4, 5, generator=generator)
    weight, bias = doubles(2, 2, 3, 3, generator=generator), doubles(2, generator=generator)
    inputs = [tensor.requires_grad_() for tensor in (x, guide, weight, bias)]
    assert torch.autograd.gradcheck(lambda *t: pixel_adaptive_convolution(*t, padding=1), inputs)
    small = doubles(1, 2, 2, 3, generator=generator).requires_grad_()
    how = {"stride": 2, "padding": 1, "output_padding": 0}
    fine = doubles(1, 2, 3, 5, generator=generator).requires_grad_()
    assert torch.autograd.gradcheck(lambda *t: pixel_adaptive_convolution_transposed(*t, **how), [small, fine, weight, bias])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"guide": torch.zeros(1, 1, 4, 6)}, r"guide must have shape \(1, g, 5, 6\); got \(1, 1, 4, 6\)"),
        ({"weight": torch.zeros(1, 1, 2, 2)}, "a pixel in its middle.*got 2"),
        ({"weight": torch.zeros(1, 2, 3, 3)}, "weight must have shape"),
        ({"weight": torch.zeros(1, 1, 7, 7)}, "no output: a window of 7 × 7 pixels does not fit into 5 × 6"),
        ({"weight": torch.zeros(1, 1, 3, 3, dtype=torch.float64)}, "floats of one type"),
        ({"bias": torch.zeros(2)}, "bias must have shape"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"padding": -1}, "padding must be at least 0"),
        ({"dilation": 0}, "dilation must be at least 1"),
        ({"x": torch.full((1, 1, 5, 6), math.nan)}, "x holds NaN"),
    ],
)
def test_what_does_not_fit_is_said(change, sentence):
    given = {"x": torch.zeros(1, 1, 5, 6), "guide": torch.zeros(1, 2, 5, 6), "weight": torch.zeros(1, 1, 3, 3)} | change
    with pytest.raises(InputError, match=sentence):
        pixel_adaptive_convolution(**given)


def test_the_transposed_form_names_the_size_of_its_guide():
    x, weight = torch.zeros(1, 1, 3, 4), torch.zeros(1, 1, 3, 3)
    with pytest.raises(InputError, match=r"guide must have shape \(1, g, 6, 8\); got \(1, 1, 5, 8\)"):
        pixel_adaptive_convolution_transposed(x, torch.zeros(1, 1, 5, 8), weight, stride=2, padding=1, output_padding=1)
    with pytest.raises(InputError, match="output_padding"):
        pixel_adaptive_convolution_transposed(x, torch.zeros(1, 1, 6, 8), weight, stride=2, output_padding=2)


# ---- Means of cells ----


def slow_blend(P, fine, coarse, sigma, size):
    """y_p = Σ_q w_pq P_q / Σ_q w_pq with a Gaussian of the places and one of the guides, sum by sum."""
    k, h, w = P.shape
    factor = fine.shape[1] // h
    out = torch.zeros(k, *fine.shape[1:], dtype=torch.float64)
    for y, x in itertools.product(range(fine.shape[1]), range(fine.shape[2])):
        mass = 0.0
        for u, v in itertools.product(range(-(size // 2), size // 2 + 1), repeat=2):
            cell = y // factor + u, x // factor + v
            if 0 <= cell[0] < h and 0 <= cell[1] < w:
                place = [(p + 0.5) / factor - (q + 0.5) for p, q in zip((y, x), cell, strict=True)]
                likeness = float((fine[:, y, x] - coarse[:, cell[0], cell[1]]).square().sum())
                weight = math.exp(-0.5 * (sum(d * d for d in place) / sigma**2 + likeness))
                mass += weight
                out[:, y, x] += weight * P[:, cell[0], cell[1]]
        out[:, y, x] /= mass
    return out


def blend_cells(P, fine, coarse, log_weight):
    return blend(P, blend_weights(fine, coarse, log_weight))


@pytest.mark.parametrize(("factor", "size"), [(2, 3), (3, 5), (1, 3), (4, 1)])
def test_a_blend_is_its_definition(factor, size, generator):
    P, coarse = doubles(2, 3, 4, generator=generator), doubles(3, 3, 4, generator=generator)
    fine = doubles(3, 3 * factor, 4 * factor, generator=generator)
    log_weight = gaussian_log_weight(factor, sigma=0.8, size=size)
    assert_close(blend_cells(P, fine, coarse, log_weight), slow_blend(P, fine, coarse, 0.8, size), atol=1e-12)


def test_joint_bilateral_is_its_definition(generator):
    P, guide = doubles(2, 3, 4, generator=generator), doubles(3, 12, 16, generator=generator, scale=40)
    fine = guide / 25
    coarse = fine.unflatten(2, (4, 4)).unflatten(1, (3, 4)).mean((2, 4))
    actual = joint_bilateral(P, guide, sigma_cells=0.9, sigma_rgb=25, size=5)
    assert_close(actual, slow_blend(P, fine, coarse, 0.9, 5), atol=1e-12)


def test_a_blend_is_two_transposed_adaptive_convolutions(generator):
    """Where all pixels of a cell have one color, it is Σ K W v / Σ K W with K and W of the transposed form."""
    P, colors = doubles(1, 4, 5, generator=generator), doubles(3, 4, 5, generator=generator)
    fine = colors.repeat_interleave(3, 1).repeat_interleave(3, 2)
    taps = torch.exp(-0.5 * (torch.arange(-4, 5, dtype=torch.float64) / 3 / 0.7).square())
    weight = (taps[:, None] * taps)[None, None]
    how = {"stride": 3, "padding": 3, "output_padding": 0}
    both = torch.stack([P, torch.ones_like(P)])
    above, below = pixel_adaptive_convolution_transposed(both, fine.expand(2, -1, -1, -1), weight, **how)
    actual = blend_cells(P, fine, colors, gaussian_log_weight(3, sigma=0.7, size=3))
    assert_close(actual[:, 0:12, 0:15], (above / below), atol=1e-12)


def test_gradients_of_a_blend(generator):
    P, fine = doubles(1, 2, 3, generator=generator), doubles(2, 4, 6, generator=generator)
    inputs = [P, fine, doubles(2, 2, 3, generator=generator), doubles(4, 9, generator=generator)]
    assert torch.autograd.gradcheck(blend_cells, [tensor.requires_grad_() for tensor in inputs])


# ---- Guided filter ----


def slow_guided(p, guide, radius, eps):
    """Ridge regression of p on the guide in each window; then the mean over all windows that hold a pixel."""
    _, height, width = p.shape
    fits = {}
    for y, x in itertools.product(range(height), range(width)):
        rows, columns = (slice(max(0, at - radius), at + radius + 1) for at in (y, x))
        colors, v = guide[:, rows, columns].flatten(1), p[:, rows, columns].flatten(1)
        n, centered = colors.shape[1], colors - colors.mean(1, keepdim=True)
        covariance = centered @ centered.T / n + eps * torch.eye(len(colors), dtype=p.dtype)
        a = torch.linalg.solve(covariance, centered @ (v - v.mean(1, keepdim=True)).T / n)
        fits[y, x] = a, v.mean(1) - a.T @ colors.mean(1)
    out = torch.zeros_like(p)
    for y, x in itertools.product(range(height), range(width)):
        window = [fits[i, j] for i, j in fits if max(abs(i - y), abs(j - x)) <= radius]
        a, b = (torch.stack(part).mean(0) for part in zip(*window, strict=True))
        out[:, y, x] = a.T @ guide[:, y, x] + b
    return out


@pytest.mark.parametrize(("g", "radius"), [(3, 2), (1, 1), (3, 20)])
def test_the_guided_filter_is_its_definition(g, radius, generator):
    p, guide = doubles(2, 7, 9, generator=generator), doubles(g, 7, 9, generator=generator, scale=30) + 100
    expected = slow_guided(p, guide, radius, 4.0)
    assert_close(guided_filter(p, guide, radius=radius, eps=4.0), expected, atol=1e-10)


def test_the_guided_filter_copies_or_smooths(generator):
    """Filtered by itself: a small ε leaves a picture, a large one gives the mean of the means of the windows."""
    guide = doubles(1, 12, 10, generator=generator, scale=20)
    assert float((guided_filter(guide, guide, radius=3, eps=1e-9) - guide).abs().max()) < 1e-6
    smooth = guided_filter(guide, guide, radius=3, eps=1e12)
    assert float(smooth.std()) < 0.3 * float(guide.std())


# ---- What all of them keep ----


@pytest.mark.parametrize("how", UPSAMPLERS)
def test_constants_and_sums_stay(how, generator):
    image = torch.randint(0, 256, (24, 40, 3), generator=generator, dtype=torch.uint8)
    P = torch.rand(4, 3, 5, generator=generator).softmax(0)
    y = upsample(P, image, upsampling=how)
    assert y.shape == (4, 24, 40)
    assert_close(y.sum(0), torch.ones(24, 40), atol=1e-4)
    flat = upsample(torch.full((1, 3, 5), 0.7), image, upsampling=how)
    assert_close(flat, torch.full((1, 24, 40), 0.7), atol=1e-4)
    if how in MEANS:
        assert float(y.min()) >= float(P.min()) - 1e-5
        assert float(y.max()) <= float(P.max()) + 1e-5


@pytest.mark.parametrize(("how", "flag"), [("nearest", cv2.INTER_NEAREST), ("bilinear", cv2.INTER_LINEAR)])
def test_the_plain_ones_are_opencv_s(how, flag, generator):
    P = torch.rand(1, 5, 7, generator=generator)
    image = torch.zeros(40, 56, 3, dtype=torch.uint8)
    expected = cv2.resize(P[0].numpy(), (56, 40), interpolation=flag)
    assert_close(upsample(P, image, upsampling=how)[0], torch.from_numpy(expected), atol=1e-6)


@pytest.mark.parametrize("how", UPSAMPLERS)
@pytest.mark.parametrize("factor", [1, 2, 3, 8, 14])
def test_turning_the_picture_turns_the_result(how, factor, generator):
    image = torch.randint(0, 256, (2 * factor, 3 * factor, 3), generator=generator, dtype=torch.uint8)
    P = torch.rand(2, 2, 3, generator=generator, dtype=torch.float64)
    y = upsample(P, image, upsampling=how)
    turned = upsample(P.flip(1, 2), image.flip(0, 1), upsampling=how)
    assert_close(turned.flip(1, 2), y, atol=1e-9)


@pytest.mark.parametrize("how", ["joint_bilateral", "guided", "pac"])
def test_edges_of_the_picture_are_followed(how):
    """The border lies inside a column of cells: the plain methods cannot know where, these must."""
    image, P, truth = edge_scene()
    wrong = {
        name: float(((upsample(P, image, upsampling=name).argmax(0) == 1) != truth).float().mean()) for name in UPSAMPLERS
    }
    assert wrong[how] == 0
    assert min(wrong["nearest"], wrong["bilinear"]) > 0.01


@pytest.mark.parametrize("upsampler", [joint_bilateral, pac_upsample])
def test_without_an_edge_it_is_an_interpolation(upsampler):
    """One color everywhere: nothing depends on the width in color."""
    P = torch.arange(6.0).reshape(1, 2, 3)
    flat = torch.full((3, 8, 12), 90.0)
    assert_close(upsampler(P, flat, sigma_rgb=1.0), upsampler(P, flat, sigma_rgb=1e6), atol=1e-5)


@pytest.mark.parametrize(
    ("P", "image", "how", "sentence"),
    [
        (torch.zeros(2, 3, 4), torch.zeros(25, 32, 3, dtype=torch.uint8), "pac", "25 × 32 pixels for 3 × 4 cells"),
        (torch.zeros(2, 3, 4), torch.zeros(24, 36, 3, dtype=torch.uint8), "pac", "24 × 36 pixels for 3 × 4 cells"),
        (torch.zeros(2, 3, 4), torch.zeros(24, 32, 3), "pac", "image uint8"),
        (torch.zeros(2, 3, 4, dtype=torch.int64), torch.zeros(24, 32, 3, dtype=torch.uint8), "pac", "P must be floats"),
        (torch.zeros(3, 4), torch.zeros(24, 32, 3, dtype=torch.uint8), "pac", "P must have shape"),
        (torch.zeros(2, 3, 4), torch.zeros(24, 32, 3, dtype=torch.uint8), "bicubic", "upsampling must be one of nearest"),
        (torch.zeros(2, 0, 4), torch.zeros(0, 32, 3, dtype=torch.uint8), "nearest", "whole multiple"),
    ],
)
def test_what_cannot_be_lifted_is_said(P, image, how, sentence):
    with pytest.raises(InputError, match=sentence):
        upsample(P, image, upsampling=how)


@pytest.mark.parametrize("how", UPSAMPLERS)
def test_one_cell_and_one_pixel(how):
    assert upsample(torch.ones(1, 1, 1), torch.zeros(1, 1, 3, dtype=torch.uint8), upsampling=how).tolist() == [[[1.0]]]
    assert_close(upsample(torch.ones(2, 1, 1), torch.zeros(8, 8, 3, dtype=torch.uint8), upsampling=how), torch.ones(2, 8, 8))
