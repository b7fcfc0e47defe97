"""Maximum flow by a library, on graphs whose links carry the same capacity both ways.

SciPy is always there. OR-tools is several times faster and is taken where it is installed (the extra `flow`). Both hold
Python's lock while they solve, so a server calls this in a process of its own (`segcore.runtime.worker`); for that, nothing
here imports torch.
"""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

MOST_CAPACITY = 2**30 - 1  # SciPy computes in 32 bits and wraps silently; a residual may reach twice a capacity

Ints = NDArray[np.int64]
MaxFlow = Callable[[Ints, Ints, Ints, Ints], tuple[int, NDArray[np.bool_]]]


def scipy_flow(terminal: Ints, tails: Ints, heads: Ints, capacity: Ints) -> tuple[int, NDArray[np.bool_]]:
    """Maximum flow by SciPy's Dinic; see `max_flow`."""
    n = len(terminal)
    source, sink = n, n + 1
    rich, poor = np.flatnonzero(terminal > 0), np.flatnonzero(terminal < 0)
    rows = np.concatenate([tails, heads, np.full(len(rich), source), poor])
    columns = np.concatenate([heads, tails, rich, np.full(len(poor), sink)])
    values = np.concatenate([capacity, capacity, terminal[rich], -terminal[poor]]).astype(np.int32)
    graph = coo_array((values, (rows.astype(np.int32), columns.astype(np.int32))), shape=(n + 2, n + 2)).tocsr()
    found = maximum_flow(graph, source, sink, method="dinic")
    residual: Any = graph - found.flow
    residual.eliminate_zeros()
    return int(found.flow_value), _marked(breadth_first_order(residual, source, return_predecessors=False), n)


def ortools_flow(terminal: Ints, tails: Ints, heads: Ints, capacity: Ints) -> tuple[int, NDArray[np.bool_]]:
    """Maximum flow by OR-tools' push-relabel; see `max_flow`."""
    from ortools.graph.python.max_flow import SimpleMaxFlow

    n = len(terminal)
    source, sink = n, n + 1
    rich, poor = np.flatnonzero(terminal > 0), np.flatnonzero(terminal < 0)
    solver = SimpleMaxFlow()
    solver.add_arcs_with_capacity(
        np.concatenate([tails, heads, np.full(len(rich), source), poor]).astype(np.int32),
        np.concatenate([heads, tails, rich, np.full(len(poor), sink)]).astype(np.int32),
        np.concatenate([capacity, capacity, terminal[rich], -terminal[poor]]),
    )
    if not len(rich) or not len(poor):  # OR-tools knows only nodes that have an arc
        return 0, _marked(rich, n) if not len(tails) else scipy_flow(terminal, tails, heads, capacity)[1]
    status = solver.solve(source, sink)
    if status != solver.OPTIMAL:
        raise RuntimeError(f"OR-tools found no maximum flow: status {status}")
    return int(solver.optimal_flow()), _marked(solver.get_source_side_min_cut(), n)


SOLVERS: dict[str, MaxFlow] = {"scipy": scipy_flow, "ortools": ortools_flow}


def best_solver() -> str:
    """The fastest solver that is installed."""
    return "ortools" if find_spec("ortools") else "scipy"


def max_flow(
    terminal: Ints, tails: Ints, heads: Ints, capacity: Ints, *, solver: str = "auto"
) -> tuple[int, NDArray[np.bool_]]:
    """Send as much as possible from a source to a sink.

    Args:
        terminal: (n,) above 0: what the source can send to this node; below 0: what this node can send to the sink.
        tails: (m,) one end of each link.
        heads: (m,) its other end; no link twice.
        capacity: (m,) ≥ 0, the same both ways.
        solver: a key of SOLVERS, or "auto".

    Returns:
        Value of the flow, and (n,) the nodes that the source can still reach: the smallest source side of all minimum cuts.

    Raises:
        ValueError: a number is larger than MOST_CAPACITY.

    Cost: seconds for 10⁵ nodes in the worst case.
    """
    largest = max(np.abs(terminal).max(initial=0), capacity.max(initial=0))
    if largest > MOST_CAPACITY:
        raise ValueError(f"capacities must stay within {MOST_CAPACITY}; got {largest}")
    return SOLVERS[best_solver() if solver == "auto" else solver](terminal, tails, heads, capacity)


def solver_named(name: str) -> MaxFlow:
    """`max_flow` by one solver."""
    return partial(max_flow, solver=name)


def _marked(nodes: NDArray[np.integer], n: int) -> NDArray[np.bool_]:
    side = np.zeros(n + 2, dtype=bool)
    side[nodes] = True
    return side[:n]
