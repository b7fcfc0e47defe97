"""DINOSAUR and CutLER as trainings: what they make of pictures, numbers and files that do not suit them."""

from itertools import islice

import pytest
import torch

from segcore.drawn.objects import draw_objects
from segcore.errors import InputError, ModelError
from segcore.learn import load_learned, save_learned, train
from segcore.learn.fields import evenly
from segcore.learn.settings import CutlerSettings, DinosaurSettings
from segcore.types import Pictures

SMALL = {
    "dinosaur": DinosaurSettings(backbone="color", side=64, batch=2, points=32, slot_size=16),
    "cutler": CutlerSettings(backbone="color", side=64, batch=2, rounds=2),
}


@pytest.fixture(scope="module")
def objects():
    return draw_objects(n=3, side=64)


def plain():
    return Pictures(tuple(torch.full((64, 64, 3), level, dtype=torch.uint8) for level in (0, 90, 255)), ("a", "b", "c"))


def trained(system, pictures, *, steps=2, k=3, settings=None, stop=None, start=None):
    states = train(
        system, pictures, n_segments=k, settings=settings or SMALL[system], steps=steps, device="cpu", start=start
    )
    return list(islice(states, stop))[-1]


def assert_shared(masks):
    """Each pixel is in one mask."""
    assert torch.equal(masks.sum(0), torch.ones(masks.shape[1:], dtype=torch.int64))


@pytest.mark.parametrize("system", SMALL)
def test_one_picture_is_a_sentence(system):
    with pytest.raises(InputError, match="what many pictures share; got 1"):
        trained(system, draw_objects(n=1, side=64))


def test_pictures_without_objects_teach_slots_but_no_masks():
    with pytest.raises(InputError, match="MaskCut finds no object in any of the pictures"):
        trained("cutler", plain(), settings=SMALL["cutler"].replace(backbone="dino_tiny"))
    last = trained("dinosaur", plain())
    assert_shared(last.learned().instances(plain().images[1]).masks)


@pytest.mark.parametrize("slots", [1, 32])
def test_any_number_of_slots_shares_all_pixels_even_where_there_are_fewer_patches(objects, slots):
    few = Pictures(tuple(image[:16, :16].contiguous() for image in objects.images), objects.names)  # 16 patches
    last = trained("dinosaur", few, settings=SMALL["dinosaur"].replace(slots=slots))
    found = last.learned().instances(few.images[0])
    assert_shared(found.masks)
    assert len(found) <= min(slots, 16)
    assert last.loss < 10  # of features of variance 1


def test_sixty_classes_of_a_few_slots_are_some_and_one_is_a_sentence(objects):
    labels = trained("dinosaur", objects, k=60).label(objects.images[0])
    assert labels.shape == (64, 64)
    assert int(labels.max()) < 3 * SMALL["dinosaur"].slots  # as many as slots of all pictures at most
    with pytest.raises(InputError, match="n_segments must be between 2 and"):
        trained("dinosaur", objects, k=1)
    for slots in (0, 60):
        with pytest.raises(InputError, match="slots must be a whole number from 1 to 32"):
            DinosaurSettings(slots=slots)


def test_all_masks_hidden_is_a_sentence(objects):
    with pytest.raises(InputError, match="hide fewer masks"):
        trained("cutler", objects, settings=SMALL["cutler"].replace(hidden=0.9, n_objects=1))


def test_a_training_stopped_in_round_one_can_be_saved_and_goes_on_to_the_same_end(objects, tmp_path):
    settings = SMALL["cutler"].replace(sure=0.05)
    stopped = trained("cutler", objects, steps=6, stop=2, settings=settings)
    assert stopped.round == 0
    save_learned(stopped.learned(), tmp_path / "early.safetensors")
    early = load_learned(tmp_path / "early.safetensors").instances(objects.images[0])
    assert torch.equal(early.masks, stopped.learned().instances(objects.images[0]).masks)
    again = trained("cutler", objects, steps=6, settings=settings, start=stopped.checkpoint())
    whole = trained("cutler", objects, steps=6, settings=settings)
    assert again.round == whole.round == 1
    for name, tensor in whole.learned().net.state_dict().items():
        assert torch.equal(again.learned().net.state_dict()[name], tensor), name


@pytest.mark.parametrize("system", SMALL)
def test_a_file_taught_on_other_weights_of_the_backbone_is_refused_and_stays(objects, tmp_path, system):
    learned = trained(system, objects).learned()
    learned.net.backbone_digest += 1
    path = tmp_path / "other.safetensors"
    save_learned(learned, path)
    before = path.read_bytes()
    with pytest.raises(ModelError, match="trained on other weights of color than those here"):
        load_learned(path)
    assert path.read_bytes() == before


def test_a_file_from_before_slots_had_places_has_none():
    before = {name: value for name, value in DinosaurSettings().to_dict().items() if name != "near"}
    assert DinosaurSettings.from_file(before).near == 0
    assert DinosaurSettings().near > 0


def test_rows_of_a_sample_are_of_all_columns_of_a_grid():
    """A fixed stride would meet the same columns in each row of a grid whose width it divides."""
    X = torch.arange(32).repeat(32)[:, None]
    assert len(evenly(X, 163)) == 163
    assert set(evenly(X, 163)[:, 0].tolist()) == set(range(32))
    assert torch.equal(evenly(X, 5000), X)
