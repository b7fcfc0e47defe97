"""Checkpoints of a training, to go on from.

A kill at any moment leaves either the old file or the new one, never half of one.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from segcore.errors import InputError
from segcore.train.digest import DIGEST, digest_of

FORMAT = 2


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


def save_checkpoint(out: Path, state: Mapping[str, Any]) -> None:
    """Replace the checkpoint, atomically; it carries a digest of the rest."""
    content = {"format": FORMAT, **state}
    replace_file(checkpoint_path(out), lambda path: torch.save({**content, DIGEST: digest_of(content)}, path))


def load_checkpoint(out: Path, *, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Read the checkpoint, if there is one.

    Args:
        out: where the weights go.
        identity: what must be the same for the training to go on; compared with the checkpoint's own.

    Raises:
        InputError: it cannot be read, is damaged, or is of another training.
    """
    path = checkpoint_path(out)
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        known = dict(state["identity"]) if state["format"] == FORMAT else None
    except Exception as error:  # damaged bytes make torch.load raise almost anything
        raise InputError(f"{path} cannot be read as a checkpoint. Delete it to begin anew.", field="resume") from error
    if known is None:
        raise InputError(f"{path} was written by another version. Delete it to begin anew.", field="resume")
    if state.pop(DIGEST, None) != digest_of(state):
        raise InputError(
            f"{path} is damaged: it holds other numbers than those whose digest it carries. Delete it to begin anew.",
            field="resume",
        )
    known, given = _flat(known), _flat(identity)
    changed = [name for name in given if known.get(name) != given[name]]
    if changed:
        raise InputError(
            f"{path} is of a training with another {' and '.join(changed)}: {known.get(changed[0])!r}, and now "
            f"{given[changed[0]]!r}. Use the same again, or delete it to begin anew.",
            field="resume",
        )
    return state


def _flat(identity: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of the recipe beside all others."""
    rest = {name: value for name, value in identity.items() if name != "recipe"}
    recipe = identity.get("recipe")
    return {**rest, **(recipe if isinstance(recipe, Mapping) else {})}


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
