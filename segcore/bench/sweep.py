"""How cost grows: seconds and peak memory of the graph and its eigenpairs against n, each size in a process of its own."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from segcore.bench.measure import timed
from segcore.bench.report import peak_memory_bytes
from segcore.bench.scenes import graph, graph_of, patch_features
from segcore.graph.eigen import smallest_eigenpairs

SIDES = (15, 30, 45, 60, 90, 120)
_FITTED_FROM = 900  # below, fixed costs rule


@dataclass(frozen=True, slots=True)
class Point:
    """One size."""

    n: int
    graph_seconds: float
    eigen_seconds: float
    peak_bytes: int  # beyond what the process held before


def sweep(device: torch.device, sides: Sequence[int] = SIDES) -> Iterator[Point]:
    """Measure size after size. A new process for each, since the system only tells the peak since the start."""
    for side in sides:
        command = [sys.executable, "-m", "segcore.bench.sweep", str(side), str(device)]
        yield Point(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def exponent(points: Sequence[Point], quantity: str) -> float:
    """The slope of log quantity over log n, by least squares, from n = 900 on."""
    pairs = [(math.log(p.n), math.log(getattr(p, quantity))) for p in points if p.n >= _FITTED_FROM]
    mean_x, mean_y = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    return float(covariance / sum((x - mean_x) ** 2 for x, _ in pairs))


def measure_here(side: int, device: torch.device) -> Point:
    """One size in this process: W of side² patches and its 16 smallest eigenpairs."""
    graph(8, device)  # libraries load before memory is counted
    before = _peak(device)
    image, X = patch_features(side, 384, device)
    graph_seconds = min(timed(lambda: graph_of(image, X, side)) for _ in range(3))
    W = graph_of(image, X, side)
    smallest_eigenpairs(W, n_vectors=16)
    eigen_seconds = min(timed(lambda: smallest_eigenpairs(W, n_vectors=16)) for _ in range(3))
    return Point(side * side, graph_seconds, eigen_seconds, max(_peak(device) - before, 1))


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory_bytes()


def line(point: Point) -> str:
    """One row of the Markdown table."""
    times = f"{point.graph_seconds * 1000:.0f} ms | {point.eigen_seconds * 1000:.0f} ms"
    return f"| {point.n} | {times} | {point.peak_bytes / 2**20:.0f} MiB | {point.n**2 * 4 / 2**20:.0f} MiB |"


HEAD = "| n | W | 16 eigenpairs | peak memory | one n × n matrix |\n| --- | --- | --- | --- | --- |"


if __name__ == "__main__":
    _point = measure_here(int(sys.argv[1]), torch.device(sys.argv[2]))
    sys.stdout.write(json.dumps({name: getattr(_point, name) for name in Point.__slots__}))
