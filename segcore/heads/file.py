"""A head that travels: what was learned, and all that is needed to read the same features again, as one safetensors file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from segcore.errors import InputError, shortened
from segcore.heads.linear import LinearHead
from segcore.train.file import HEAD, read_trained, trained_bytes


@dataclass(frozen=True, eq=False, slots=True)
class Head:
    """A linear head with its labels and the features that it reads."""

    linear: LinearHead
    labels: tuple[int, ...]  # (k) what its columns are called in label maps
    names: tuple[str, ...]  # (k) in words
    backbone: str
    facet: str
    blocks: tuple[int, ...]  # counted from the end, in the order in which their features stand side by side
    max_side: int  # of the scaled picture, in pixels
    weights: str  # fingerprint of the backbone's weights, or what stands for it

    def check_labels(self, found: set[int], *, ignore: int | None, where: str) -> None:
        """Raise InputError where a label map holds what the head does not know."""
        unknown = sorted(found - set(self.labels) - {ignore})
        if unknown:
            raise InputError(
                f"{where} holds label {unknown[0]}, which this head does not know; it knows "
                f"{', '.join(map(str, self.labels))}. "
                f"Leave it out with --ignore {unknown[0]}, or train a head with it.",
                field="image",
            )


def head_bytes(head: Head) -> bytes:
    """The head as the contents of a file (`segcore.train.file`): `weight` (d, k) and `bias` (k), and all else about it."""
    about = {
        "labels": list(head.labels),
        "names": list(head.names),
        "backbone": head.backbone,
        "facet": head.facet,
        "blocks": list(head.blocks),
        "max_side": head.max_side,
        "weights": head.weights,
        "loss": head.linear.loss,
    }
    return trained_bytes(HEAD, {"weight": head.linear.weight, "bias": head.linear.bias}, about)


def read_head(source: Path | bytes) -> Head:
    """Read a head.

    Args:
        source: path of a file, or its contents.

    Raises:
        InputError: the file is missing, damaged, or no head.
    """
    from safetensors import SafetensorError

    name = "The file" if isinstance(source, bytes) else shortened(str(source))
    try:
        file = read_trained(source)
        if file.kind == HEAD and file.whole:
            return _head(file.tensors, file.about)
    except OSError as error:
        raise _refusal(f"Cannot read {name}: {error.strerror}. Name a head that `head train` wrote.") from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise _refusal(f"{name} is damaged, or no head: {error}. Name one that `head train` wrote.") from None
    if file.kind == HEAD:
        raise _refusal(f"{name} is damaged: its digest is of other contents. Train the head again.")
    raise _refusal(f"{name} is no head; name one that `head train` or the page's Save wrote.")


def _head(tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Head:
    weight, bias = tensors["weight"].float(), tensors["bias"].float()
    labels, names = tuple(map(int, about["labels"])), tuple(map(str, about["names"]))
    if weight.ndim != 2 or bias.shape != weight.shape[1:] or not len(labels) == len(names) == len(bias):
        raise ValueError(f"weight {tuple(weight.shape)}, bias {tuple(bias.shape)} and {len(labels)} labels do not fit")
    if not bool(weight.isfinite().all()) or not bool(bias.isfinite().all()):
        raise ValueError("a weight is NaN or infinite")
    return Head(
        LinearHead(weight, bias, float(about["loss"]), (), converged=True),
        labels,
        names,
        str(about["backbone"]),
        str(about["facet"]),
        tuple(map(int, about["blocks"])),
        int(about["max_side"]),
        str(about["weights"]),
    )


def _refusal(sentence: str) -> InputError:
    return InputError(sentence, field="head")
