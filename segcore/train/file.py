"""The file of what was trained: safetensors, whose metadata say as JSON what it is, and carry a digest of all of it.

There are three kinds: a `net` labels pictures, a `head` labels patches by the features of a backbone, a `tracker` joins
detections. Weights of transformers stay as timm writes them, and are none of these. Files of earlier versions said the same
under other keys, and are read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from segcore.train.digest import DIGEST, is_whole, signed

NET, HEAD, TRACKER = "net", "head", "tracker"
_KEY = "trained"  # of the metadata
_EARLIER_NET, _EARLIER_HEAD = "learned", "segcore linear head 1"  # a key, and a format, of earlier versions


@dataclass(frozen=True, eq=False, slots=True)
class TrainedFile:
    """What such a file holds."""

    kind: str  # NET, HEAD or TRACKER; "" where it is something else
    tensors: Mapping[str, Tensor]
    about: Mapping[str, Any]
    whole: bool  # its digest is that of its contents; files of earlier versions may have none, and count as whole
    digest: str  # "" where there is none


def trained_bytes(kind: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> bytes:
    """The contents of a file.

    Args:
        kind: NET, HEAD or TRACKER.
        tensors: by name, on any device.
        about: all else that must be known, as JSON can hold it.
    """
    from safetensors.torch import save

    state = {name: x.detach().cpu().contiguous() for name, x in tensors.items()}
    words = json.dumps({"kind": kind, **about}, ensure_ascii=False)
    return save(state, signed(state, {"format": "pt", _KEY: words}))


def read_trained(source: Path | bytes) -> TrainedFile:
    """Read a file, or its contents.

    Raises:
        OSError: it cannot be read.
        SafetensorError, ValueError, KeyError: it is no safetensors file, or its metadata are not as they should be.
    """
    from safetensors.torch import load

    data = source if isinstance(source, bytes) else source.read_bytes()
    tensors = load(data)
    metadata = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]).get("__metadata__") or {}
    kind, about = _said(metadata)
    return TrainedFile(kind, tensors, about, is_whole(tensors, metadata), metadata.get(DIGEST, ""))


def kind_of(path: Path | str) -> str:
    """NET, HEAD, TRACKER, or "" for any other file, by its metadata alone; also where there is no file."""
    return said_of(path)[0]


def said_of(path: Path | str) -> tuple[str, Mapping[str, Any]]:
    """The kind as of `kind_of`, and all else that the metadata say; ("", {}) where they cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return _said(file.metadata() or {})
    except (OSError, SafetensorError, ValueError, KeyError):
        return "", {}


def _said(metadata: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The kind, and what the metadata say about it."""
    if _KEY in metadata:
        about = _read(metadata[_KEY])
        return str(about.pop("kind", "")), about
    if _EARLIER_NET in metadata:
        return NET, _read(metadata[_EARLIER_NET])
    return (HEAD, _read(metadata[HEAD])) if metadata.get("format") == _EARLIER_HEAD else ("", {})


def _read(words: str) -> dict[str, Any]:
    about = json.loads(words)
    if not isinstance(about, dict):
        raise ValueError(f"the metadata hold {type(about).__name__}, no names and values")
    return about
