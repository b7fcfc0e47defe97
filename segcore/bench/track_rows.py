"""The rows of the bench for tracking: message passing, network flow, and the scores."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch

from segcore.bench.measure import Row
from segcore.metrics.tracking import tracking_scores
from segcore.track.finish import score_costs
from segcore.track.flow import cheapest_paths
from segcore.track.graph import make_graph
from segcore.track.message_net import NetInput, net_input
from segcore.track.message_training import load_net
from segcore.track.run import track
from segcore.track.scenes import make_scene
from segcore.track.settings import FlowSettings
from segcore.track.trackers.flow import link_costs

_NODES, _EDGES, _STEPS = 200, 5000, 12
_DETECTIONS = 1200


def track_rows(_device: torch.device) -> Iterator[Row]:
    """A graph of 200 nodes and 5,000 edges through the network; the flow of 1,200 detections; scores of its result."""
    net, given = load_net(), _small_graph()
    yield Row(
        f"tracking: message passing, {_NODES} nodes, {_EDGES:,} edges, {_STEPS} steps",
        torch.no_grad()(partial(net, given, _STEPS)),
        target="≤ 120 ms",
    )
    scene = make_scene("crowd", 0, n_frames=90, n_objects=22)
    found = scene.detections.only(np.arange(min(_DETECTIONS, len(scene.detections))))
    graph, settings = make_graph(found), FlowSettings()
    link, node = link_costs(graph, settings), settings.sure * score_costs(found.score)
    border = np.full(len(found), settings.enter)
    yield Row(
        f"tracking: flow, {len(found):,} detections, {len(graph.edges):,} edges",
        lambda: cheapest_paths(len(found), graph.edges, link, node, border, border).cost,
        target="≤ 150 ms",
        repetitions=3,
    )
    yield Row(f"tracking: the graph of {len(found):,} detections", partial(make_graph, found))
    result = track(found, "byte").boxes
    yield Row(f"tracking: all scores of {len(result):,} boxes", lambda: tracking_scores(scene.truth, result)["hota"])


def _small_graph() -> NetInput:
    """A crowd's graph, cut down to the size that the target names."""
    found = make_scene("crowd", 0, n_frames=40).detections.only(np.arange(_NODES))
    graph = make_graph(found, reach=8, neighbors=8)
    given = net_input(found, graph)
    return NetInput(given.nodes, given.edges[:_EDGES], given.ends[:, :_EDGES])
