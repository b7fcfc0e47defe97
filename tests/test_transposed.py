"""Transposed convolution, unpooling and what stands beside them, against torch and each other."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from segcore import InputError
from segcore.taught.convolution import convolution_matrix, transposed_size
from segcore.taught.linear import matrix_of
from segcore.upsample.transposed import (
    has_even_overlap,
    overlap_counts,
    resize_convolution,
    transposed_convolution,
    zero_inserted,
)
from segcore.upsample.unpooling import bed_of_nails, max_pool, max_unpool

CASES = [
    (k, s, p) for k, s, p in itertools.product((1, 2, 3, 4, 5), (1, 2, 3), (0, 1, 2)) if 2 * s - 2 * p + k >= 1 and p < k
]


def drawn(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("k", "s", "p"), CASES)
def test_equals_torch_the_matrix_and_the_zero_padded_view(generator, k, s, p):
    x, weight = drawn(generator, 2, 1, 3, 4), drawn(generator, k, k)
    y = transposed_convolution(x, weight, stride=s, padding=p)
    torch.testing.assert_close(y, F.conv_transpose2d(x, weight[None, None], stride=s, padding=p))
    size = tuple(transposed_size(n, kernel=k, stride=s, padding=p) for n in (3, 4))
    assert y.shape[2:] == size
    W = convolution_matrix(weight[None, None], size, stride=s, padding=p)
    torch.testing.assert_close((x.flatten(1) @ W).reshape(y.shape), y)  # X = Wᵀ X'
    spread = zero_inserted(x, kernel=(k, k), stride=s, padding=p)
    torch.testing.assert_close(F.conv2d(spread, weight.flip(0, 1)[None, None]), y)


@pytest.mark.parametrize(("k", "s"), [(3, 2), (4, 2), (2, 2), (5, 3), (6, 3), (3, 1), (5, 2)])
def test_the_overlap_is_even_exactly_where_the_stride_divides_the_kernel(k, s):
    counts = overlap_counts((12, 12), kernel=(k, k), stride=s)
    middle = counts[k:-k, k:-k]
    assert (middle.unique().numel() == 1) is has_even_overlap(k, s)
    one = overlap_counts((12, 1), kernel=(k, 1), stride=s)
    assert torch.equal(counts, one * one.T)  # in two dimensions it multiplies


def test_bed_of_nails_is_a_transposed_convolution_with_a_delta(generator):
    x = drawn(generator, 1, 1, 3, 4)
    delta = torch.zeros(2, 2, dtype=torch.float64)
    delta[0, 0] = 1
    assert torch.equal(bed_of_nails(x), transposed_convolution(x, delta, stride=2))


def test_unpooling_is_torch_s_and_keeps_the_maxima(generator):
    x = drawn(generator, 2, 3, 6, 8).abs()
    for factor in (1, 2):
        pooled = max_pool(x, factor=factor)
        back = max_unpool(pooled.values, pooled)
        assert torch.equal(back, F.max_unpool2d(pooled.values, pooled.indices, factor))
        assert torch.equal(max_pool(back, factor=factor).values, pooled.values)
        assert torch.equal(back[back > 0], x[back > 0])


def test_foreign_indices_put_values_elsewhere(generator):
    x, other = drawn(generator, 1, 1, 6, 6).abs(), drawn(generator, 1, 1, 6, 6).abs()
    mine, foreign = max_pool(x), max_pool(other)
    y = max_unpool(mine.values, foreign)
    assert torch.equal(y != 0, max_unpool(foreign.values, foreign) != 0)
    assert torch.equal(y.sum(), mine.values.sum())


def test_resize_convolution_has_no_checkerboard():
    """Ones stay ones inside, whatever the kernel: a constant is even, as it is for the interpolation."""
    for k, mode in itertools.product((1, 2, 3, 5), ("nearest", "bilinear")):
        weight = torch.rand(k, k, dtype=torch.float64)
        y = resize_convolution(torch.ones(1, 1, 4, 5, dtype=torch.float64), weight, mode=mode)
        assert y.shape == (1, 1, 8, 10)
        torch.testing.assert_close(y, torch.full_like(y, float(weight.sum())))


def test_every_one_is_linear_and_has_its_matrix(generator):
    x, weight = drawn(generator, 1, 1, 3, 3), drawn(generator, 3, 3)
    pooled = max_pool(drawn(generator, 1, 1, 6, 6))
    batched = pooled.indices
    for op in (
        lambda z: transposed_convolution(z, weight),
        lambda z: resize_convolution(z, weight),
        bed_of_nails,
        lambda z: F.interpolate(z, scale_factor=2, mode="bicubic", align_corners=False),
        lambda z: max_unpool(z, type(pooled)(z, batched.expand(len(z), -1, -1, -1), pooled.size)),
    ):
        torch.testing.assert_close((matrix_of(op, (3, 3)) @ x.flatten()).reshape(op(x).shape[2:]), op(x)[0, 0])


def test_bad_input_is_a_sentence(generator):
    with pytest.raises(InputError, match="multiples of the factor 2; got 5 × 4"):
        max_pool(torch.zeros(1, 1, 5, 4))
    with pytest.raises(InputError, match="no output"):
        transposed_convolution(torch.zeros(1, 1, 1, 1), torch.zeros(1, 1), padding=1)
    with pytest.raises(InputError, match="x must have shape"):
        max_unpool(torch.zeros(1, 1, 2, 2), max_pool(torch.zeros(1, 1, 6, 6)))
