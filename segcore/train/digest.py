"""The digest that weights and checkpoints carry, so that damage is noticed when they are read."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

DIGEST = "digest"  # its key, in the metadata of weights and in a checkpoint


def digest_of(value: Any) -> str:
    """Fingerprint tensors and plain values, nested in mappings, lists and tuples, in 32 hexadecimal digits.

    The same on every machine, and whatever the order of a mapping. Cost: about a second per gigabyte.
    """
    state = hashlib.blake2b(digest_size=16)
    _feed(state, value)
    return state.hexdigest()


def fingerprint(net: nn.Module) -> str:
    """16 hexadecimal digits of the weights of a network; other weights, other digits."""
    state = hashlib.blake2b(digest_size=8)
    for name, tensor in sorted(net.state_dict().items()):
        state.update(name.encode())
        state.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy())
    return state.hexdigest()


def _feed(state: hashlib.blake2b, value: Any) -> None:
    if isinstance(value, Tensor):
        state.update(f"<{value.dtype} {tuple(value.shape)}>".encode())
        state.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    elif isinstance(value, Mapping):
        state.update(f"<mapping of {len(value)}>".encode())
        for key in sorted(value, key=repr):
            state.update(f"<key {key!r}>".encode())
            _feed(state, value[key])
    elif isinstance(value, list | tuple):
        state.update(f"<{type(value).__name__} of {len(value)}>".encode())
        for item in value:
            _feed(state, item)
    else:
        state.update(f"<{value!r}>".encode())


def signed(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a safetensors file with the digest of its tensors and of all other metadata."""
    words = {key: text for key, text in metadata.items() if key != DIGEST}
    return {**words, DIGEST: digest_of([tensors, words])}


def is_whole(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bool:
    """Whether tensors and metadata are those that were signed; a file that nobody signed counts as whole."""
    return DIGEST not in metadata or signed(tensors, metadata) == metadata


def sign(path: Path) -> None:
    """Write a safetensors file anew, with its digest."""
    from safetensors.torch import save

    tensors, metadata = read_safetensors(path)
    path.write_bytes(save(tensors, metadata=signed(tensors, metadata)))


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file, and its metadata."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
