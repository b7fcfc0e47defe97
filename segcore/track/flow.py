"""Paths through the graph of a sequence by linear programs whose solutions are whole numbers.

Both are network flows, so their matrices are totally unimodular: a vertex of the feasible set, which the simplex method
returns, is integral.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, vstack

from segcore.errors import NumericalError
from segcore.track.detections import Bools, Floats, Ints


@dataclass(frozen=True, eq=False, slots=True)
class Flow:
    """A cheapest set of disjoint paths."""

    kept: Bools  # (e,) edges on a path
    used: Bools  # (n,) detections on a path
    cost: float  # of all paths; ≤ 0, as having none costs nothing
    fraction: float  # the largest distance of a variable from a whole number, before rounding


def cheapest_paths(n: int, edges: Ints, link: Floats, node: Floats, enter: Floats, leave: Floats) -> Flow:
    """Disjoint paths of least cost: each pays for entering, for its detections, for its edges, and for leaving.

    Args:
        n: detections.
        edges: (e, 2) i, j; acyclic, as those to later frames are.
        link: (e,) cost of each edge.
        node: (n,) of each detection; below 0 where it had better be on a path.
        enter: (n,) of beginning there.
        leave: (n,) of ending there.

    Returns:
        Flow.

    Raises:
        NumericalError: the solver gives up.

    Cost: a linear program of 2 n + e variables and 2 n rows; 0.1 s for 1,200 detections and 37,000 edges.
    Source: Zhang, Li and Nevatia 2008; solved by HiGHS through SciPy.
    """
    if n == 0:
        return Flow(np.zeros(0, bool), np.zeros(0, bool), 0.0, 0.0)
    # An edge that costs as much as leaving here and entering there is never needed.
    hopeful = np.flatnonzero(link < leave[edges[:, 0]] + enter[edges[:, 1]])
    ends = edges[hopeful]
    into, out = _incidence(n, ends)
    one, none = eye_array(n, format="csr"), csr_array((n, n))
    # What enters a detection, by an edge or from outside, leaves it again; and it is at most one path.
    conserved = hstack([one, -one, into - out], format="csr")
    at_most = hstack([one, none, into], format="csr")
    costs = np.concatenate([enter + node, leave, link[hopeful] + node[ends[:, 1]]])
    x, cost = _solve(costs, A_ub=at_most, b_ub=np.ones(n), A_eq=conserved, b_eq=np.zeros(n))
    kept = np.zeros(len(edges), bool)
    kept[hopeful] = x[2 * n :] > 0.5
    used = x[:n] > 0.5
    used[edges[kept, 1]] = True
    return Flow(kept, used, cost, _fraction(x))


def nearest_paths(n: int, edges: Ints, yhat: Floats, threshold: float = 0.5) -> tuple[Bools, float]:
    """Of all sets of edges with at most one into and one out of each detection, the one of largest Σ (ŷ − threshold).

    At ½ that is the one nearest to ŷ: min Σ (1 − 2ŷ) x.

    Returns:
        (e,) the edges, and the largest distance of a variable from a whole number before rounding.

    Raises:
        NumericalError: the solver gives up.
    """
    kept = np.zeros(len(edges), bool)
    hopeful = np.flatnonzero(yhat > threshold)  # no other can gain
    if len(hopeful) == 0:
        return kept, 0.0
    x, _ = _solve(threshold - yhat[hopeful], A_ub=vstack(_incidence(n, edges[hopeful]), format="csr"), b_ub=np.ones(2 * n))
    kept[hopeful] = x > 0.5
    return kept, _fraction(x)


def _incidence(n: int, edges: Ints) -> tuple[csr_array, csr_array]:
    """Two (n, e): 1 where an edge leads into a detection, and where it leads out of one."""
    which, one = np.arange(len(edges)), np.ones(len(edges))
    into, out = (csr_array((one, (edges[:, side], which)), shape=(n, len(edges))) for side in (1, 0))
    return into, out


def _solve(costs: Floats, **rows: Any) -> tuple[Floats, float]:
    """Minimize over 0 ≤ x ≤ 1 by the simplex method, which ends at a vertex."""
    found = linprog(costs, bounds=(0, 1), method="highs-ds", **rows)
    if found.x is None:
        raise NumericalError(
            f"The linear program of the paths was not solved: {found.message} Use fewer frames per edge or fewer neighbors.",
            stage="track",
        )
    return found.x, float(found.fun or 0.0)


def _fraction(x: Floats) -> float:
    return float(np.abs(x - x.round()).max(initial=0))
