"""Convolution taken apart, against torch on every small setting and against the numbers of the lectures."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from segcore import InputError
from segcore.taught import convolution as c
from segcore.taught.linear import matrix_of
from segcore.taught.pyramid import atrous_pyramid
from segcore.upsample import adaptive_kernel, pixel_adaptive_convolution

IMAGE = torch.tensor([[-5, 3, 2, -5, 3], [4, 3, 2, 1, -3], [1, 0, 3, 3, 5], [-2, 0, 1, 4, 4], [5, 6, 7, 9, -1]]).double()
WEIGHT = torch.tensor([[2, 4, -2], [3, 1, 0], [-1, 0, 0]]).double()
ADAPTIVE = torch.tensor([[2, 1, -2], [0, -1, 1], [1, 0, 0]]).double()
SETTINGS = [
    dict(zip(("stride", "padding", "dilation"), values, strict=True))
    for values in itertools.product((1, 2, 3), (0, 1, 2), (1, 2, 3))
]


def drawn(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def all_cases():
    for n, k, setting in itertools.product((1, 4, 7), (1, 2, 3, 4), SETTINGS):
        yield n, k, setting, n + 2 * setting["padding"] >= setting["dilation"] * (k - 1) + 1


def test_the_lecture_s_numbers():
    y = c.convolve(IMAGE[None], WEIGHT[None, None])[0]
    assert y.tolist() == [[12, 35, -18], [21, 15, 25], [-15, 1, 8]]
    columns = c.unfold(IMAGE[None], kernel=(3, 3)).columns
    assert columns[0].tolist() == [-5, 3, 2, 4, 3, 2, 1, 0, 3]
    assert columns[1].tolist() == [3, 2, -5, 3, 2, 1, 0, 3, 3]
    assert columns[3].tolist() == [4, 3, 2, 1, 0, 3, -2, 0, 1]
    adapted = c.convolve(IMAGE[None], WEIGHT[None, None], adaptive=ADAPTIVE.reshape(1, 9))[0]
    assert float(adapted[0, 0]) == -4
    assert (c.unfold(torch.zeros(3, 7, 7), kernel=(3, 3)).columns.shape) == (25, 27)


def test_equals_torch_on_all_small_settings(generator):
    """1 to 7 pixels, kernels 1 to 4, strides, paddings and dilations up to 3: numbers, columns, matrix, and who has none."""
    for n, k, setting, has_output in all_cases():
        x, weight = drawn(generator, 2, n, n + 1), drawn(generator, 3, 2, k, k)
        if not has_output:
            with pytest.raises(InputError, match="no output"):
                c.convolve(x, weight, **setting)
            continue
        y = F.conv2d(x[None], weight, **setting)[0]
        torch.testing.assert_close(c.convolve(x, weight, **setting), y)
        assert c.output_size(n, kernel=k, **setting) == y.shape[1]
        unfolded = c.unfold(x, kernel=(k, k), **setting)
        assert unfolded.size == tuple(y.shape[1:])
        assert torch.equal(unfolded.columns.T, F.unfold(x[None], k, **setting)[0])
        M = c.convolution_matrix(weight, (n, n + 1), **setting)
        torch.testing.assert_close(M @ x.flatten(), y.flatten())


def test_the_matrix_has_two_roads(generator):
    for setting in SETTINGS:
        weight = drawn(generator, 1, 1, 3, 3)
        asked = matrix_of(lambda x, weight=weight, setting=setting: F.conv2d(x, weight, **setting), (7, 8))
        torch.testing.assert_close(c.convolution_matrix(weight, (7, 8), **setting), asked)


def test_the_transpose_is_the_adjoint(generator):
    """⟨M x, y⟩ = ⟨x, Mᵀ y⟩, and Mᵀ y is torch's transposed convolution."""
    for stride, padding in itertools.product((1, 2, 3), (0, 1)):
        weight = drawn(generator, 1, 1, 3, 3)
        out = c.output_size(7, kernel=3, stride=stride, padding=padding)
        size = c.transposed_size(out, kernel=3, stride=stride, padding=padding)
        M = c.convolution_matrix(weight, (size, size), stride=stride, padding=padding)
        y = drawn(generator, 1, 1, out, out)
        back = F.conv_transpose2d(y, weight, stride=stride, padding=padding)
        torch.testing.assert_close((M.T @ y.flatten()).reshape(size, size), back[0, 0])


@pytest.mark.parametrize("setting", SETTINGS[::4], ids=str)
def test_adaptive_weights_are_pixel_adaptive_convolution(generator, setting):
    x, guide, weight = drawn(generator, 1, 7, 7), drawn(generator, 2, 7, 7), drawn(generator, 1, 1, 3, 3)
    K = adaptive_kernel(guide[None], size=3, **setting)[0]
    adapted = c.convolve(x, weight, adaptive=K.flatten(2).flatten(0, 1).T.contiguous(), **setting)
    torch.testing.assert_close(adapted[None], pixel_adaptive_convolution(x[None], guide[None], weight, **setting))


def test_pointwise_is_a_1x1_convolution(generator):
    x, W = drawn(generator, 5, 3, 4), drawn(generator, 2, 5)
    expected = F.conv2d(x[None], W[..., None, None])[0]
    torch.testing.assert_close(c.pointwise(x.flatten(1), W), expected.flatten(1))


def test_parameters_are_those_of_real_layers():
    for size, k, channels, out_channels in ((5, 3, 1, 1), (7, 7, 3, 4)):
        out = c.output_size(size, kernel=k)
        counted = c.parameters((size, size), (out, out), kernel=(k, k), channels=channels, out_channels=out_channels)
        conv = torch.nn.Conv2d(channels, out_channels, k, bias=False)
        full = torch.nn.Linear(channels * size**2, out_channels * out**2, bias=False)
        assert (counted.convolution, counted.fully_connected) == (conv.weight.numel(), full.weight.numel())


def test_a_map_that_is_not_linear_has_no_matrix():
    with pytest.raises(InputError, match="not linear"):
        matrix_of(torch.relu, (3, 3))
    with pytest.raises(InputError, match="not linear"):
        matrix_of(lambda x: x + 1, (3, 3))


def test_bad_input_is_a_sentence():
    with pytest.raises(InputError, match="5 \\+ 0 = 5 wide"):
        c.output_size(5, kernel=7)
    with pytest.raises(InputError, match="stride must be at least 1"):
        c.output_size(5, kernel=3, stride=0)
    with pytest.raises(InputError, match="no output"):
        c.transposed_size(1, kernel=1, padding=2)
    with pytest.raises(InputError, match="weight must have shape"):
        c.convolve(IMAGE[None], WEIGHT[None])
    with pytest.raises(InputError, match="odd"):
        atrous_pyramid(IMAGE, torch.ones(2, 2).double(), rates=[1])
    with pytest.raises(InputError, match="at least one rate"):
        atrous_pyramid(IMAGE, WEIGHT, rates=[])


def test_a_pyramid_is_dilated_convolutions_side_by_side(generator):
    x, weight = drawn(generator, 9, 11), drawn(generator, 3, 3)
    pyramid = atrous_pyramid(x, weight, rates=[1, 2, 6, 20])
    for branch in pyramid.branches:
        d = branch.rate
        torch.testing.assert_close(branch.output, F.conv2d(x[None, None], weight[None, None], padding=d, dilation=d)[0, 0])
        ones = F.conv2d(torch.ones(1, 1, 9, 11), torch.ones(1, 1, 3, 3), padding=d, dilation=d)[0, 0]
        assert torch.equal(branch.inside, ones.long())
        assert branch.full == max(9 - 2 * d, 0) * max(11 - 2 * d, 0) / 99
        assert branch.field == 2 * d + 1
    torch.testing.assert_close(pyramid.fused, torch.stack([b.output for b in pyramid.branches]).mean(0))
    torch.testing.assert_close(pyramid.branches[-1].output, weight[1, 1] * x)  # a rate beyond the map leaves a 1 × 1
