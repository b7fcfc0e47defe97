"""Where work happens and where randomness comes from. Nothing global is seeded or set."""

import math
import os
from contextlib import suppress
from pathlib import Path

import torch

from segcore.errors import InputError

DEVICES = ("auto", "cpu", "cuda")
SHARE_OF_MEMORY = 0.8  # of what is free may be taken


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


def graph_fits(n: int, device: torch.device) -> bool:
    """Whether a dense graph of n patches fits: W_feat, W and two working copies in float32."""
    return _graph_bytes(n) <= SHARE_OF_MEMORY * free_memory(device)


def check_graph_fits(n: int, device: torch.device) -> None:
    """Refuse, before it starts, a dense graph of n patches that would not fit.

    Raises:
        InputError: it would take most of the memory that is free.
    """
    check_memory(f"A graph of {n:,} patches", _graph_bytes(n), device)


def check_memory(what: str, need: float, device: torch.device) -> None:
    """Refuse, before it starts, what would take `need` bytes that are not there.

    Raises:
        InputError: it would take most of the memory that is free.
    """
    free = free_memory(device)
    if need > SHARE_OF_MEMORY * free:
        raise InputError(
            f"{what} needs about {need / 2**30:.3g} GiB, more than {SHARE_OF_MEMORY:.0%} of the {free / 2**30:.3g} GiB that "
            "are free. Lower max_side.",
            field="max_side",
        )


def free_memory(device: torch.device) -> float:
    """Bytes that a new allocation may take; infinite where the system does not say."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(_machine_bytes(), _group_bytes())


def _machine_bytes() -> float:
    """What the system would give; files that it keeps in memory make room, so they count as free."""
    with suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:")))
    with suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return math.inf


def _group_bytes(group: Path = Path("/sys/fs/cgroup")) -> float:
    """What a container's bound leaves, likewise."""
    with suppress(OSError, StopIteration, ValueError):
        bound, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))  # "max" is no number
        lines = (group / "memory.stat").read_text().splitlines()
        return bound - used + int(next(line.split()[1] for line in lines if line.startswith("inactive_file ")))
    return math.inf


def _graph_bytes(n: int) -> int:
    return 4 * 4 * n * n


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16 matrices, several times as fast as float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    known: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()  # not in every torch
    return any(known.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
