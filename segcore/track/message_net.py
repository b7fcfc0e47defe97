"""The network of neural message passing: detections and edges tell each other what they know, again and again.

    h_ij ← MLP[h_i, h_j, h_ij, h_ij⁰]                                      of each edge, i before j
    h_j  ← MLP[Σ_{i before} MLP_past[h_i, h_ij], Σ_{k after} MLP_future[h_k, h_jk]]
    ŷ_ij = σ(MLP h_ij)                                                     after each step

Sums over past and future stay apart (time-aware), so that a detection can ask for one neighbor in each. Widths are those of
the published code, every layer ends in a ReLU, and the first encoding of an edge is given to it again at every step.

Nothing depends on the length of an appearance: an edge knows a cosine only, and whether there is one.

Source: Brasó and Leal-Taixé 2020.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from segcore.track.detections import Detections
from segcore.track.graph import N_FEATURES, TrackGraph

NODE_FEATURES = 6  # score, ln(w / h), distances from the four borders
EDGE_FEATURES = (
    N_FEATURES + 4
)  # those of the graph, speeds, what the cosine lacks to the best one, whether there is a cosine
STEPS = 12
_FAR = 3.0  # heights from which a border is far
_NODE, _EDGE = 32, 16  # widths


@dataclass(frozen=True, eq=False, slots=True)
class NetInput:
    """A graph as the network takes it."""

    nodes: Tensor  # (n, NODE_FEATURES) float32
    edges: Tensor  # (e, EDGE_FEATURES) float32
    ends: Tensor  # (2, e) int64: i, j


def net_input(detections: Detections, graph: TrackGraph) -> NetInput:
    """Bring what nodes and edges know to the scale that the network was trained with."""
    x, y, w, h = detections.boxes.T
    width, height = detections.size
    borders = np.stack([x + w / 2, width - x - w / 2, y + h, height - y - h], 1) / h[:, None]
    nodes = np.concatenate([detections.score[:, None], np.log(w / h)[:, None], borders.clip(0, _FAR) / _FAR], 1)
    f = graph.features
    speed = f[:, :2] / f[:, 4:5]
    known = detections.appearance is not None
    edges = np.column_stack(
        [
            f[:, :2].clip(-8, 8) / 2,
            f[:, 2:4].clip(-2, 2) * 4,
            f[:, 4] / 4,
            f[:, 5],
            speed.clip(-4, 4) * 4,
            _beyond_best(graph) if known else np.zeros(len(f)),
            np.full(len(f), float(known)),
        ]
    )
    ends = torch.from_numpy(np.ascontiguousarray(graph.edges.T))
    return NetInput(torch.from_numpy(nodes).float(), torch.from_numpy(edges).float(), ends)


def _beyond_best(graph: TrackGraph) -> "np.ndarray":
    """(e,) ≥ 0: how much farther the appearance is than that of the best edge out of the same detection."""
    best = np.full(graph.n, np.inf)
    np.minimum.at(best, graph.edges[:, 0], graph.features[:, 5])
    beyond: np.ndarray = graph.features[:, 5] - best[graph.edges[:, 0]]
    return beyond


class _Pair(nn.Module):
    """An MLP of two layers on [node, edge, …], whose first layer is computed per node, not per edge."""

    def __init__(self, ends: int, edge: int, hidden: int, out: int):
        super().__init__()
        self.of_nodes = nn.ModuleList(nn.Linear(_NODE, hidden, bias=False) for _ in range(ends))
        self.of_edge = nn.Linear(edge, hidden)
        self.last = nn.Linear(hidden, out)

    def forward(self, h: Tensor, ends: tuple[Tensor, ...], e: Tensor) -> Tensor:
        """(e, out) of nodes (n, 32), which of them, and edges (e, …)."""
        x = self.of_edge(e)
        for layer, end in zip(self.of_nodes, ends, strict=True):
            x = x + layer(h)[end]
        out: Tensor = self.last(x.relu()).relu()
        return out


class MessageNet(nn.Module):
    """The network; some 20,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.node_encoder = nn.Sequential(nn.Linear(NODE_FEATURES, 32), nn.ReLU(), nn.Linear(32, _NODE), nn.ReLU())
        self.edge_encoder = nn.Sequential(
            nn.Linear(EDGE_FEATURES, 18), nn.ReLU(), nn.Linear(18, 18), nn.ReLU(), nn.Linear(18, _EDGE), nn.ReLU()
        )
        self.edge_update = _Pair(2, 2 * _EDGE, 80, _EDGE)
        self.past, self.future = _Pair(1, _EDGE, 56, _NODE), _Pair(1, _EDGE, 56, _NODE)
        self.node_update = nn.Sequential(nn.Linear(2 * _NODE, _NODE), nn.ReLU())
        self.classifier = nn.Sequential(nn.Linear(_EDGE, 8), nn.ReLU(), nn.Linear(8, 1))

    def passes(self, given: NetInput, steps: int = STEPS) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Pass messages.

        Args:
            given: of n nodes and e edges.
            steps: how often.

        Yields:
            After each step logits of ŷ (e,), and the messages (e, 32) along each edge to its later and its earlier end.
        """
        i, j = given.ends
        h, e0 = self.node_encoder(given.nodes), self.edge_encoder(given.edges)
        e = e0
        for _ in range(steps):
            e = self.edge_update(h, (i, j), torch.cat([e, e0], 1))
            to_later, to_earlier = self.past(h, (i,), e), self.future(h, (j,), e)
            yield self.classifier(e)[:, 0], to_later, to_earlier
            nothing = torch.zeros(len(h), _NODE, dtype=to_later.dtype)
            past, future = nothing.index_add(0, j, to_later), nothing.index_add(0, i, to_earlier)
            h = self.node_update(torch.cat([past, future], 1))

    def forward(self, given: NetInput, steps: int = STEPS) -> Tensor:
        """(steps, e): logits of ŷ after each step."""
        return torch.stack([logits for logits, _, _ in self.passes(given, steps)])
