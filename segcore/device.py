"""Where work happens and where randomness comes from. Nothing global is seeded or set."""

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
