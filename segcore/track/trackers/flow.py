"""Network flow: of all sets of disjoint paths through the graph of a sequence, the cheapest.

    min Σ_i c_i x_i + Σ_ij c_ij f_ij + c_enter Σ (e_i + o_i),    e_i + Σ_j f_ji = x_i = o_i + Σ_j f_ij,    all in {0, 1}

with c_i = ln((1 − p_i) / p_i) of the score p_i, so that sure detections pay for a path, and c_ij = −ln P_link of motion,
appearance, and missed frames. The linear program without "in {0, 1}" has whole numbers as its solution all the same.

Source: Zhang, Li and Nevatia 2008.
"""

import numpy as np

from segcore.runtime.stopping import stop_if_asked
from segcore.track.detections import Detections, Floats
from segcore.track.finish import numbers, score_costs, tracks_of
from segcore.track.flow import cheapest_paths
from segcore.track.graph import TrackGraph, make_graph
from segcore.track.settings import FlowSettings
from segcore.track.state import GRAPH, INPUT, ROUNDED, TrackState, TrackSteps, no_edges


def run(detections: Detections, settings: FlowSettings) -> TrackSteps:
    """Track; states: the detections, the graph, the paths. Cost: that of `cheapest_paths`."""
    n = len(detections)
    off = np.zeros(n, np.int64)
    yield TrackState("input", INPUT, off, *no_edges())
    graph = make_graph(detections, reach=settings.reach, neighbors=settings.neighbors, appearance=settings.appearance)
    link = link_costs(graph, settings)
    yield TrackState("graph", GRAPH, off, graph.edges, np.exp(-link), np.zeros(len(link), bool))
    stop_if_asked()
    node = settings.sure * score_costs(detections.score)
    border = np.full(n, settings.enter)
    flow = cheapest_paths(n, graph.edges, link, node, border, border)
    ids = np.where(flow.used, numbers(n, graph.edges[flow.kept]), 0)
    yield TrackState("rounded", ROUNDED, ids, graph.edges, np.exp(-link), flow.kept)
    facts = (("cost", flow.cost), ("fraction", flow.fraction), ("edges", len(graph.edges)))
    return tracks_of(detections, ids, settings, tracker="flow", facts=facts)


def link_costs(graph: TrackGraph, settings: FlowSettings) -> Floats:
    """(e,) ≥ 0: −ln of the probability that both ends of an edge are neighbors on one path."""
    return settings.link * graph.cost + settings.gap * (graph.features[:, 4] - 1)
