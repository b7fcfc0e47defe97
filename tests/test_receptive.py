"""Receptive fields against the gradient of real networks, and costs against counted ones."""

import pytest
import torch

from segcore import InputError
from segcore.taught.receptive import Layer, input_gradient, receptive_fields, touched

STACKS = {
    "one": [Layer()],
    "dilated": [Layer(dilation=3)],
    "strided": [Layer(stride=2), Layer(kernel=5, stride=2), Layer()],
    "pooled": [Layer(), Layer("max_pool", 2, 2, padding=0), Layer(), Layer("avg_pool", 3, 2), Layer(dilation=2)],
    "gridding": [Layer(dilation=2), Layer(dilation=2), Layer(dilation=2)],
    "even": [Layer(kernel=4, stride=2, padding=1), Layer(kernel=2, padding=0)],
}


@pytest.mark.parametrize("name", STACKS)
def test_the_field_is_the_extent_of_the_gradient(name):
    """In the middle of a large picture the gradient spans exactly r pixels, on exactly the touched ones."""
    layers, size = STACKS[name], 64
    last = receptive_fields(layers, size=size)[-1]
    at = last.size // 2
    gradient = input_gradient(layers, size=size, at=(at, at))
    rows = (gradient > 0).any(1).nonzero()[:, 0]
    assert int(rows[-1] - rows[0]) + 1 == last.field
    pixels = touched(layers, size=size, at=at)
    assert rows.tolist() == pixels
    assert (gradient > 0).sum() == len(pixels) ** 2
    assert last.first + at * last.stride == (pixels[0] + pixels[-1]) / 2


@pytest.mark.parametrize("name", STACKS)
def test_at_the_border_only_pixels_of_the_picture_count(name):
    layers = STACKS[name]
    last = receptive_fields(layers, size=20)[-1]
    for at in (0, last.size - 1):
        gradient = input_gradient(layers, size=20, at=(at, 0))
        assert (gradient > 0).any(1).nonzero()[:, 0].tolist() == touched(layers, size=20, at=at)


def test_one_dilated_layer_has_the_lecture_s_formula():
    for k in (2, 3, 5):
        for d in (1, 2, 3):
            assert receptive_fields([Layer(kernel=k, dilation=d)], size=99)[0].field == d * (k - 1) + 1


def test_dilated_layers_in_a_row_leave_holes():
    assert touched(STACKS["gridding"], size=40, at=20) == list(range(14, 27, 2))
    mixed = [Layer(dilation=1), Layer(dilation=2), Layer(dilation=3)]
    assert touched(mixed, size=40, at=20) == list(range(14, 27))


def test_a_stride_replaced_by_dilation_keeps_the_field():
    """What follows the removed stride must be dilated; then r stays and the output stride halves."""
    strided = receptive_fields([Layer(), Layer(stride=2), Layer()], size=64)
    dilated = receptive_fields([Layer(), Layer(stride=1), Layer(dilation=2)], size=64)
    assert strided[-1].field == dilated[-1].field
    assert strided[-1].stride == 2 * dilated[-1].stride
    assert dilated[-1].multiply_adds == 4 * strided[-1].multiply_adds
    assert dilated[-1].bytes == 4 * strided[-1].bytes


@pytest.mark.parametrize("name", STACKS)
def test_costs_are_those_of_a_real_network(name):
    x, weights, adds, kept = torch.zeros(1, 3, 32, 32), [], [], []
    for layer in STACKS[name]:
        options = {"stride": layer.stride, "padding": layer.pad}
        if layer.kind == "conv":
            net = torch.nn.Conv2d(x.shape[1], layer.channels, layer.kernel, dilation=layer.dilation, bias=False, **options)
        else:
            kind = torch.nn.MaxPool2d if layer.kind == "max_pool" else torch.nn.AvgPool2d
            net = kind(layer.kernel, **options)
        x = net(x)
        learned = sum(p.numel() for p in net.parameters())
        weights.append(learned)
        adds.append(learned * x.shape[2] * x.shape[3])
        kept.append(x.numel() * x.element_size())
    seen = receptive_fields(STACKS[name], size=32)
    assert [s.parameters for s in seen] == weights
    assert [s.multiply_adds for s in seen] == adds
    assert [s.bytes for s in seen] == kept


def test_bad_layers_are_sentences_with_their_number():
    with pytest.raises(InputError, match="Layer 2: There is no output"):
        receptive_fields([Layer(stride=4), Layer(kernel=9, padding=0)], size=16)
    with pytest.raises(InputError, match="kind must be one of"):
        receptive_fields([Layer(kind="softmax")], size=16)
    with pytest.raises(InputError, match="at must be between 0 and 15"):
        touched([Layer()], size=16, at=16)
    with pytest.raises(InputError, match="row must be between"):
        input_gradient([Layer()], size=16, at=(-1, 0))
