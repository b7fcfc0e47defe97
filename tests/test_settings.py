"""One schema: ranges, choices, coercions and the sentences of what is refused."""

import dataclasses
import math

import pytest

from segcore.errors import InputError
from segcore.pipeline.methods import METHODS
from segcore.settings import CRF_PRESETS, DEFAULTS, STAGES, Schema, Settings, again, param, params

FIELDS = {f.name: f for f in dataclasses.fields(Settings)}


def bad_values(name):
    """Values that break the rule of a field, made from the rule."""
    p, kind = params()[name], FIELDS[name].type
    yield None
    yield [1]
    if p.choices:
        yield "no such choice"
        yield 3
    elif kind is bool:
        yield "perhaps"
        yield 2
    else:
        yield from (p.lo - 1, p.hi + 1, math.nan, math.inf, "many", True)
        if kind is int:
            yield p.lo + 0.5


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in FIELDS for value in bad_values(name)])
def test_bad_values_name_their_field(name, value):
    with pytest.raises(InputError, match=name) as error:
        Settings.from_values({name: value})
    assert error.value.field == name
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_fully_described(name):
    p = params()[name]
    assert p.label
    assert p.info.endswith((".", ")"))
    assert p.stage in STAGES
    if FIELDS[name].type in (int, float):
        assert p.lo < p.hi
        assert p.step > 0


@pytest.mark.parametrize("name", FIELDS)
def test_the_ends_of_every_range_and_every_choice_are_allowed(name):
    p = params()[name]
    for value in p.choices or ((p.lo, p.hi) if p.lo is not None else (False, True)):
        assert getattr(Settings.from_values({name: value}), name) == value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"n_segments": 6.0}, 6),
        ({"n_segments": "7"}, 7),
        ({"n_segments": "7.0"}, 7),
        ({"knn_weight": "2.5"}, 2.5),
        ({"knn_weight": 3}, 3.0),
        ({"crf": "true"}, True),
        ({"crf": "off"}, False),
        ({"crf": 1}, True),
    ],
)
def test_loose_values_become_the_type_of_the_field(given, expected):
    (name,) = given
    value = getattr(Settings.from_values(given), name)
    assert value == expected
    assert type(value) is type(expected)


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"no setting named gamma.*knn_weight"):
        Settings.from_values({"gamma": 1})


def test_settings_are_values():
    assert Settings() == DEFAULTS
    assert hash(Settings()) == hash(DEFAULTS)
    assert DEFAULTS.replace(n_segments=3).changed() == {"n_segments": 3}
    assert Settings.from_values(DEFAULTS.to_dict()) == DEFAULTS
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULTS.n_segments = 3
    with pytest.raises(InputError):
        DEFAULTS.replace(n_segments=0)


def test_a_file_of_weights_is_a_backbone():
    assert Settings(backbone="some/model.safetensors").backbone == "some/model.safetensors"


def test_methods_are_the_registry():
    assert set(params()["method"].choices) == set(METHODS)


@pytest.mark.parametrize("preset", CRF_PRESETS)
def test_presets_are_settings(preset):
    assert Settings(**CRF_PRESETS[preset])


def test_the_default_crf_is_that_of_maskcut():
    assert {name: getattr(DEFAULTS, name) for name in CRF_PRESETS["maskcut"]} == CRF_PRESETS["maskcut"]


def test_a_field_that_is_declared_again_changes_only_what_is_said():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class First(Schema):
        size: int = param(3, stage="a", label="Size", lo=1, hi=9, unit="px", info="How large.")
        other: int = param(1, stage="a", label="Other", lo=1, hi=9, info="Another.")

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Second(First):
        size: int = again(First, "size", 5, lo=2)

    assert (First().size, Second().size) == (3, 5)
    assert list(params(Second)) == ["size", "other"]
    assert params(Second)["size"] == dataclasses.replace(params(First)["size"], lo=2)
    with pytest.raises(InputError, match="from 2 to 9 px"):
        Second(size=1)
