"""Checkpoints of a training, to go on from.

A kill at any moment leaves either the old file or the new one, never half of one.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segcore.errors import InputError
from segcore.train.digest import DIGEST, digest_of

FORMAT = 2
_KEPT = ("identity", "step", "seconds", "learner", "optimizer")


@dataclass(frozen=True, eq=False, slots=True)
class Checkpoint:
    """A training that can go on; copies, so nothing changes it."""

    identity: Mapping[str, Any]  # what must be the same for it to go on, such as settings, seed and pictures
    step: int
    seconds: float
    learner: Mapping[str, Any]
    optimizer: Mapping[str, Any]
    path: Path | None = None  # of the file that it was read from

    @property
    def name(self) -> str:
        """What errors call it."""
        return str(self.path or "The checkpoint")


def checkpoint_path(out: Path) -> Path:
    """OUT.checkpoint, beside the weights."""
    return out.with_name(out.name + ".checkpoint")


def check_out(out: Path, *, resume: bool) -> None:
    """Refuse, before anything is computed, a place that cannot be written, and a checkpoint that would be lost.

    Raises:
        InputError: the name has another ending, its folder cannot be written, a checkpoint is there and not asked for, or a
            finished training is asked to go on.
    """
    if out.suffix != ".safetensors":
        raise InputError(f"The weights go into a file that ends in .safetensors; got {out}.", field="out")
    if out.is_dir():
        raise InputError(f"{out} is a folder; name a file in it.", field="out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"The folder {out.parent} cannot be made: {error.strerror}.", field="out") from error
    if not os.access(out.parent, os.W_OK):
        raise InputError(f"The folder {out.parent} cannot be written. Use another --out.", field="out")
    if not resume and checkpoint_path(out).exists():
        raise InputError(
            f"{checkpoint_path(out)} is of a training that was cut off. Go on with --resume, or delete it.", field="resume"
        )
    if resume and out.exists() and not checkpoint_path(out).exists():
        raise InputError(f"The training of {out} is done. Leave --resume out to train anew.", field="resume")


def save_checkpoint(out: Path, checkpoint: Checkpoint) -> None:
    """Replace the file, atomically; it carries a digest of the rest."""
    content = {"format": FORMAT, **{name: getattr(checkpoint, name) for name in _KEPT}}
    replace_file(checkpoint_path(out), lambda path: torch.save({**content, DIGEST: digest_of(content)}, path))


def load_checkpoint(out: Path) -> Checkpoint | None:
    """Read the checkpoint, if there is one.

    Args:
        out: where the weights go.

    Raises:
        InputError: it cannot be read, is damaged, or was left by a training of another kind.
    """
    path = checkpoint_path(out)
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        known = state["format"] == FORMAT
    except Exception as error:  # damaged bytes make torch.load raise almost anything
        raise _refusal(f"{path} cannot be read as a checkpoint.") from error
    if not known:
        raise _refusal(f"{path} was written by another version.")
    if state.pop(DIGEST, None) != digest_of(state):
        raise _refusal(f"{path} is damaged: it holds other numbers than those whose digest it carries.")
    try:
        return Checkpoint(**{name: state[name] for name in _KEPT}, path=path)
    except KeyError as error:
        raise _refusal(f"{path} is of another kind of training.") from error


def check_identity(checkpoint: Checkpoint, identity: Mapping[str, Any]) -> None:
    """Raise InputError where a checkpoint is of another training than the one of this identity."""
    known = checkpoint.identity
    changed = [name for name in identity if known.get(name) != identity[name]]
    if changed:
        raise InputError(
            f"{checkpoint.name} is of a training with another {' and '.join(changed)}: {known.get(changed[0])!r}, and now "
            f"{identity[changed[0]]!r}. Use the same again, or {'delete it to ' if checkpoint.path else ''}begin anew.",
            field="resume",
        )


def copied(value: Any) -> Any:
    """The same nest of mappings, lists and tensors, with tensors of its own on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, Mapping):
        return {key: copied(x) for key, x in value.items()}
    return [copied(x) for x in value] if isinstance(value, list | tuple) else value


def _refusal(sentence: str) -> InputError:
    return InputError(f"{sentence} Delete it to begin anew.", field="resume")


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside `path`, make sure that the bytes are on the disk, and only then take its place."""
    fresh = path.with_name(path.name + ".part")
    try:
        write(fresh)
        with fresh.open("rb") as file:
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror or error}. Free space, or use another --out.") from error
