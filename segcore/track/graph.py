"""The graph of a sequence: a node for each detection, an edge for each pair that may show the same.

An edge leads to one of the likeliest detections of the next frames. What it knows of its two ends i (earlier) and j:

    (Δx / h̄, Δy / h̄, ln h_j / h_i, ln w_j / w_i, Δt, 1 − cos(a_i, a_j))

of the middle of the lower sides, h̄ the mean of both heights, Δt in frames.
"""

from dataclasses import dataclass

import numpy as np

from segcore.errors import InputError
from segcore.track.detections import Detections, Floats, Ints
from segcore.track.overlap import cosines

N_FEATURES = 6
MOST_EDGES = 1_000_000
_SPEED = 0.25  # heights per frame that are no surprise, as a standard deviation
_GROWTH = 0.2  # the same of ln h


@dataclass(frozen=True, eq=False, slots=True)
class TrackGraph:
    """Who may be whom."""

    n: int  # nodes
    edges: Ints  # (e, 2) i, j with the frame of i before that of j; by i, then j
    features: Floats  # (e, 6) as above; 1 − cos is 0 where there are no appearances
    cost: Floats  # (e,) ≥ 0, how unlikely the pair is by hand: squared distances in standard deviations, 1 − cos


def make_graph(detections: Detections, *, reach: int = 4, neighbors: int = 8, appearance: float = 0.5) -> TrackGraph:
    """Join each detection with the likeliest ones of each of the next frames.

    Args:
        detections: (n).
        reach: how many frames an edge may span.
        neighbors: how many edges a detection has at most to one of these frames.
        appearance: λ in [0, 1], what counts how much when the likeliest are chosen; see `edge_cost`.

    Returns:
        The graph, at most n · reach · neighbors edges.

    Raises:
        InputError: these would be more than `MOST_EDGES`.

    Cost: for each frame the pairs with the next `reach` frames; some 40 ms for 1,200 detections.
    """
    if len(detections) * reach * neighbors > MOST_EDGES:
        raise InputError(
            f"{len(detections):,} detections with {neighbors} edges to each of {reach} frames make a graph of more than "
            f"{MOST_EDGES:,} edges. Take fewer of both, cut the sequence into parts, or use ByteTrack, which needs none.",
            field="reach",
        )
    lam = appearance if detections.appearance is not None else 0.0
    edges, features, costs = [], [], []
    rows = [detections.of_frame(t) for t in range(detections.n_frames)]
    for t, here in enumerate(rows):
        for later in range(t + 1, min(t + reach + 1, detections.n_frames)):
            there = rows[later]
            if len(here) == 0 or len(there) == 0:
                continue
            facts = pair_features(detections, here, there)
            cost = edge_cost(facts, lam)
            near = np.argsort(cost, axis=1, kind="stable")[:, :neighbors]
            i = np.repeat(np.arange(len(here)), near.shape[1])
            j = near.ravel()
            edges.append(np.stack([here[i], there[j]], 1))
            features.append(facts[i, j])
            costs.append(cost[i, j])
    if not edges:
        return TrackGraph(len(detections), np.zeros((0, 2), np.int64), np.zeros((0, N_FEATURES)), np.zeros(0))
    all_edges = np.concatenate(edges)
    order = np.lexsort((all_edges[:, 1], all_edges[:, 0]))
    return TrackGraph(len(detections), all_edges[order], np.concatenate(features)[order], np.concatenate(costs)[order])


def pair_features(detections: Detections, here: Ints, there: Ints) -> Floats:
    """(len(here), len(there), 6): what an edge between each pair would know."""
    a, b = detections.boxes[here], detections.boxes[there]
    height = (a[:, None, 3] + b[None, :, 3]) / 2
    moved = (detections.feet[there][None] - detections.feet[here][:, None]) / height[..., None]
    grown = np.log(b[None, :, [3, 2]] / a[:, None, [3, 2]])
    time = (detections.frame[there][None] - detections.frame[here][:, None]).astype(np.float64)[..., None]
    looks = np.zeros((len(here), len(there), 1))
    if detections.appearance is not None:
        looks = 1 - cosines(detections.appearance[here], detections.appearance[there])[..., None]
    return np.concatenate([moved, grown, time, looks], 2)


def edge_cost(features: Floats, appearance: float) -> Floats:
    """How unlikely edges are: (1 − λ) · motion + λ · 4 (1 − cos), motion = ½ (|Δ| / (h̄ σ_v Δt))² + ½ (Δ ln h / σ_h)².

    Args:
        features: (…, 6) of edges.
        appearance: λ.

    Returns:
        (…) ≥ 0.
    """
    speed = np.hypot(features[..., 0], features[..., 1]) / features[..., 4]
    motion = 0.5 * (speed / _SPEED) ** 2 + 0.5 * (features[..., 2] / _GROWTH) ** 2
    cost: Floats = (1 - appearance) * motion + appearance * 4.0 * features[..., 5]
    return cost
