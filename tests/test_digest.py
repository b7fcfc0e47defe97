"""Weights and checkpoints that carry a digest: one changed bit is noticed, and what nobody signed is read as it is."""

import json

import pytest
import torch
from safetensors.torch import save_file

from segcore.errors import ModelError
from segcore.features.weights import read_state
from segcore.runtime.places import ASSETS
from segcore.train.digest import DIGEST, digest_of, is_whole, read_safetensors, sign, signed

BUNDLED = ASSETS / "dino_tiny" / "model.safetensors"
STATE = {"a.weight": torch.arange(12.0).reshape(3, 4), "b": torch.tensor(1.5), "c": torch.ones(5, dtype=torch.bfloat16)}


def test_the_bundled_weights_carry_their_digest():
    tensors, metadata = read_safetensors(BUNDLED)
    assert DIGEST in metadata, "segcore.train.digest.sign(path) writes a file anew with its digest"
    assert is_whole(tensors, metadata)


def test_every_bit_counts(tmp_path):
    """In the numbers, and in the words of the metadata."""
    path = tmp_path / "a.safetensors"
    save_file(STATE, path, metadata={"format": "pt", "config": json.dumps({"architecture": "some_vit"})})
    sign(path)
    assert read_state(path, name="a")["a.weight"].tolist() == STATE["a.weight"].tolist()
    whole = path.read_bytes()
    n_header = 8 + int.from_bytes(whole[:8], "little")
    places = [*range(n_header, len(whole)), whole.index(b"some_vit")]
    for at in places:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(ModelError, match=r"a\.safetensors is damaged: .*Get it again\."):
            read_state(path, name="a")


def test_what_nobody_signed_is_read(tmp_path):
    save_file(STATE, tmp_path / "a.safetensors")
    assert read_state(tmp_path / "a.safetensors", name="a").keys() == STATE.keys()


def test_signing_changes_nothing_else(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file(STATE, path, metadata={"format": "pt"})
    sign(path)
    sign(path)
    tensors, metadata = read_safetensors(path)
    assert metadata == signed(STATE, {"format": "pt"})
    assert all(torch.equal(tensors[name], x) for name, x in STATE.items())


@pytest.mark.parametrize(
    ("value", "other"),
    [
        (torch.zeros(2, 3), torch.zeros(3, 2)),
        (torch.zeros(4), torch.zeros(4, dtype=torch.int32)),
        (torch.tensor(0.0), torch.tensor(-0.0)),
        ([1, 2], (1, 2)),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ({"a": None}, {}),
        ([[1], 2], [[1, 2]]),
        (1, True),
        (1, "1"),
        (0.1, 0.1 + 1e-17 + 2e-17),
    ],
)
def test_values_that_differ_have_other_digests(value, other):
    assert digest_of(value) != digest_of(other)


def test_order_and_layout_do_not_count():
    x = torch.arange(6.0).reshape(2, 3)
    assert digest_of({"a": 1, "b": [x]}) == digest_of({"b": [x.T.contiguous().T], "a": 1})
