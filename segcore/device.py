"""Where work happens and where randomness comes from. Nothing global is seeded or set."""

import math
import os

import torch

from segcore.errors import InputError

DEVICES = ("auto", "cpu", "cuda")


def pick_device(name: str = "auto") -> torch.device:
    """Turn a device name into a torch device.

    Args:
        name: "cpu", "cuda", or "auto": CUDA where a GPU is usable, else the CPU.

    Raises:
        InputError: the name is unknown, or "cuda" was asked for and no GPU is usable.
    """
    if name not in DEVICES:
        raise InputError(f"device must be one of {', '.join(DEVICES)}; got {name!r}.", field="device")
    usable = torch.cuda.is_available()
    if name == "cuda" and not usable:
        raise InputError("device is cuda, but torch finds no usable GPU here. Use --device auto or cpu.", field="device")
    return torch.device("cuda" if name != "cpu" and usable else "cpu")


def make_generator(seed: int) -> torch.Generator:
    """Make a CPU generator; draws happen on the CPU and then move, so that every device sees the same numbers."""
    return torch.Generator().manual_seed(seed)


def check_graph_fits(n: int, device: torch.device) -> None:
    """Refuse, before it starts, a graph of n patches that would not fit: W_feat, W and two working copies in float32.

    Raises:
        InputError: they would take most of the memory that is free.
    """
    need = 4 * 4 * n * n
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else _free_memory()
    if need > 0.8 * free:
        raise InputError(
            f"A graph of {n} patches needs about {need / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB are free. "
            "Lower max_side.",
            field="max_side",
        )


def _free_memory() -> float:
    """Bytes of main memory that a new allocation may take; infinite where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf
