"""The attention of a head as an object: the smallest set that holds the mass, its largest piece; who has no attention."""

import dataclasses
import itertools

import pytest
import torch

from segcore import InputError, Pipeline, Settings
from segcore.cut.dino_seg import dino_seg
from segcore.features import color_features
from segcore.pipeline.stages import settings_read
from tests.scenes import two_discs


def smallest_set_size(a, mass):
    """How few patches hold the mass, by trying all sets."""
    total = sum(a)
    sizes = range(1, len(a) + 1)
    return next(k for k in sizes if max(map(sum, itertools.combinations(a, k))) >= mass * total - 1e-12)


@pytest.mark.parametrize("mass", [0.1, 0.6, 0.9])
def test_kept_patches_are_the_smallest_set_that_holds_the_mass(mass, generator):
    a = torch.rand(1, 3, 4, generator=generator).double()
    found = dino_seg(a, head=0, mass=mass)
    assert found.facts["patches_kept"] == smallest_set_size(a.flatten().tolist(), mass)
    above = a.flatten() / a.sum() > found.threshold
    assert int(above.sum()) == found.facts["patches_kept"]
    assert bool((found.side <= above).all())


def two_lights(generator):
    """A large faint light, a small strong one, and a second head that looks elsewhere."""
    attention = 1e-3 * torch.rand(2, 8, 10, generator=generator)
    attention[0, 1:5, 1:5] += 1.0
    attention[0, 6:8, 7:9] += 2.0
    attention[1, 0:2, 8:10] += 1.0
    return attention


def test_the_largest_piece_is_the_object_wherever_it_stands(generator):
    found = dino_seg(two_lights(generator), head=0, mass=0.99)
    assert found.box == (1, 1, 5, 5)
    assert int(found.side.sum()) == 16
    turned = two_lights(generator).flip(1, 2)  # now it is the last piece in the order of the grid
    assert int(dino_seg(turned, head=0, mass=0.99).side.sum()) == 16
    assert dino_seg(two_lights(generator), head=0, mass=0.3).box == (7, 6, 9, 8)


def test_a_single_piece_is_the_object_and_not_the_background(generator):
    assert dino_seg(two_lights(generator), head=1).box == (8, 0, 10, 2)


def test_heads_are_counted_from_0_and_no_graph_is_cut(generator):
    found = dino_seg(two_lights(generator), head=1)
    assert found.cut_value is None
    assert float(found.v.sum()) == pytest.approx(1)


def test_uniform_attention_and_one_patch():
    assert bool(dino_seg(torch.ones(1, 3, 4), head=0).side.any())
    assert dino_seg(torch.ones(1, 1, 1), head=0).box == (0, 0, 1, 1)


@pytest.mark.parametrize(
    ("attention", "arguments", "field"),
    [
        (torch.ones(4, 4), {}, "attention"),
        (torch.full((6, 4, 4), torch.nan), {}, "attention"),
        (-torch.ones(6, 4, 4), {}, "attention"),
        (torch.zeros(6, 4, 4), {}, "attention"),
        (torch.ones(3, 4, 4), {}, "attention_head"),
        (torch.ones(6, 4, 4), {"head": -1}, "attention_head"),
        (torch.ones(6, 4, 4), {"mass": 1.0}, "attention_mass"),
    ],
)
def test_bad_arguments_are_named(attention, arguments, field):
    with pytest.raises(InputError, match=rf"^{field} .*[.]$") as error:
        dino_seg(attention, **arguments)
    assert error.value.field == field


def test_a_backbone_without_attention_says_so():
    with pytest.raises(InputError, match=r"no attention.*Choose one of the DINO") as error:
        Pipeline(device="cpu").run(two_discs()[0], Settings(method="dino_seg", backbone="color"))
    assert error.value.field == "backbone"


def test_the_pipeline_hands_it_the_attention(monkeypatch, generator):
    """Color features with an attention beside them stand in for a transformer."""

    def with_attention(pixels, geometry):
        features = color_features(pixels, geometry)
        red = features.f[..., 1].clamp_min(0)
        return dataclasses.replace(features, attention=torch.stack([red, red.flip(0)]))

    monkeypatch.setattr("segcore.features.color.color_features", with_attention)
    settings = Settings(method="dino_seg", backbone="color", attention_head=0, max_side=128)
    image, truth = two_discs()
    pipeline = Pipeline(device="cpu")
    found = pipeline.run(image, settings)
    assert float(((found.label_map > 0) == (truth == 1)).float().mean()) > 0.9
    assert found.has_background
    assert found.spectrum is None
    last, default = (pipeline.run(image, settings.replace(attention_head=head)) for head in (1, 4))
    assert torch.equal(default.label_map, last.label_map)
    assert "head 1 stands in for head 4" in default.notes[-1]
    for change in ({"attention_head": 1}, {"attention_mass": 0.2}):
        assert next(iter(change)) in settings_read(settings)
        assert not torch.equal(pipeline.run(image, settings.replace(**change)).label_map, found.label_map)
