"""Neural message passing: a trained network says of each edge how likely it joins two detections of one identity.

States: the detections; the graph; after each message step l the edges with their ŷ^(l); the edges above the threshold, and
the detections where they break the rule of one edge into the past and one into the future; the rounded edges, which keep it.

    exact:      max Σ (ŷ − threshold) x  over the edges, at most one into and one out of each detection
    greedy:     the edge of largest ŷ first, then the next one whose two ends are free
    threshold:  no rounding; a detection with several edges into the past follows the largest

Source: Brasó and Leal-Taixé 2020.
"""

import numpy as np
import torch

from segcore.runtime.stopping import stop_if_asked
from segcore.track.detections import Bools, Detections, Floats, Ints
from segcore.track.finish import numbers, tracks_of
from segcore.track.flow import nearest_paths
from segcore.track.graph import make_graph
from segcore.track.message_net import net_input
from segcore.track.message_training import load_net
from segcore.track.settings import MessageSettings
from segcore.track.state import EDGES, GRAPH, INPUT, MESSAGES, ROUNDED, TrackState, TrackSteps, no_edges, violated


def run(detections: Detections, settings: MessageSettings) -> TrackSteps:
    """Track. Cost: some 8 ms a step for 5,000 edges."""
    off = np.zeros(len(detections), np.int64)
    net = load_net(settings.weights)
    yield TrackState("input", INPUT, off, *no_edges())
    graph = make_graph(detections, reach=settings.reach, neighbors=settings.neighbors, appearance=settings.appearance)
    edges, yhat = graph.edges, np.zeros(len(graph.edges))
    none = np.zeros(len(edges), bool)
    yield TrackState("graph", GRAPH, off, edges, np.exp(-graph.cost), none)
    if len(edges):
        passes = net.passes(net_input(detections, graph), settings.steps)
        for step in range(1, settings.steps + 1):
            stop_if_asked()
            with torch.no_grad():
                logits, to_later, to_earlier = next(passes)
            yhat = logits.sigmoid().double().numpy()
            lengths = torch.stack([to_earlier.norm(dim=1), to_later.norm(dim=1)], 1).numpy()
            yield TrackState(
                f"messages-{step}", MESSAGES, off, edges, yhat, yhat > settings.threshold, step=step, messages=lengths
            )
    return (yield from decided(detections, edges, yhat, settings))


def decided(detections: Detections, edges: Ints, yhat: Floats, settings: MessageSettings) -> TrackSteps:
    """What follows from ŷ: the edges above the threshold, the rounded ones, and the tracks.

    Args:
        detections: (n).
        edges: (e, 2) of the graph.
        yhat: (e,) after the last message step.
        settings: `threshold`, `rounding`, `least` and `fill` count.
    """
    n = len(detections)
    above = yhat > settings.threshold
    broken = violated(edges, above, n)
    ids = _ids(n, edges, _one_each(edges, yhat, above))
    yield TrackState("edges", EDGES, ids, edges, yhat, above, violated=broken)
    kept = rounded(n, edges, yhat, settings.threshold, settings.rounding)
    ids = _ids(n, edges, kept if settings.rounding != "threshold" else _one_each(edges, yhat, kept))
    yield TrackState("rounded", ROUNDED, ids, edges, yhat, kept, violated=violated(edges, kept, n))
    ends = len(np.unique(edges[above, 0])) + len(np.unique(edges[above, 1]))
    facts = (
        ("violations", len(broken)),
        ("kept constraints", 1 - _broken_constraints(edges, above, n) / max(1, ends)),
        ("edges", len(edges)),
    )
    return tracks_of(detections, ids, settings, tracker="message_passing", facts=facts)


def rounded(n: int, edges: Ints, yhat: Floats, threshold: float, rounding: str) -> Bools:
    """(e,): the edges that are kept.

    Args:
        n: detections.
        edges: (e, 2) i, j.
        yhat: (e,) in [0, 1].
        threshold: edges that are not above it are never kept.
        rounding: exact, greedy or threshold; see above.
    """
    if rounding == "exact":
        return nearest_paths(n, edges, yhat, threshold)[0]
    return greedy(n, edges, yhat, threshold) if rounding == "greedy" else yhat > threshold


def greedy(n: int, edges: Ints, yhat: Floats, threshold: float) -> Bools:
    """(e,): edges above the threshold by falling ŷ, each where both its ends are still free."""
    kept = np.zeros(len(edges), bool)
    free = np.ones((2, n), bool)
    for k in np.argsort(-yhat, kind="stable"):
        i, j = edges[k]
        if yhat[k] > threshold and free[0, i] and free[1, j]:
            kept[k], free[0, i], free[1, j] = True, False, False
    return kept


def _one_each(edges: Ints, yhat: Floats, kept: Bools) -> Bools:
    """What is left of edges where a path forks: the best one into each detection, then the best one out of each."""
    chosen = kept.copy()
    for side in (1, 0):
        order = np.flatnonzero(chosen)[np.argsort(-yhat[chosen], kind="stable")]
        chosen[order[np.setdiff1d(np.arange(len(order)), np.unique(edges[order, side], return_index=True)[1])]] = False
    return chosen


def _ids(n: int, edges: Ints, kept: Bools) -> Ints:
    """(n,): numbers along paths; a detection without an edge is a path of its own."""
    return numbers(n, edges[kept])


def _broken_constraints(edges: Ints, kept: Bools, n: int) -> int:
    """How often more than one edge leads into a detection, or out of one."""
    return sum(int((np.bincount(edges[kept, side], minlength=n) > 1).sum()) for side in (0, 1))
