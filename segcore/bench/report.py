"""The bench's table and its JSON."""

import platform
import resource
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from segcore.bench.measure import OURS, Measured

_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "timm", "gradio")


def machine(device: torch.device) -> dict[str, Any]:
    """Where and with what was measured."""
    versions: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else _processor(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }


def machine_line(about: dict[str, Any]) -> str:
    """The same in one line."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items() if version)
    return f"{about['date']}, {about['device']}, {about['threads']} threads, Python {about['python']}, {versions}\n"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "CPU"


def peak_memory_bytes() -> int:
    """Most main memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def line(row: Measured) -> str:
    """One row of the Markdown table: work, our median, each opponent with the ratio, the target."""
    others = "; ".join(f"{who} {_ms(row.median(who))} (**{ratio:.1f}×**)" for who, ratio in row.ratios.items())
    notes = "; ".join(row.notes)
    return f"| {row.name} | {_ms(row.median(OURS))} | {'; '.join(filter(None, (others, notes)))} | {row.target} |"


HEAD = "| work | segcore | others (their time over ours) | target |\n| --- | --- | --- | --- |"


def as_json(about: dict[str, Any], rows: Iterable[Measured]) -> dict[str, Any]:
    """Everything measured, every repetition included."""
    told = [
        {"name": r.name, "seconds": dict(r.seconds), "ratios": r.ratios, "notes": list(r.notes), "target": r.target}
        for r in rows
    ]
    return {"machine": about, "peak_memory_bytes": peak_memory_bytes(), "rows": told}


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
