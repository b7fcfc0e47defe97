"""How the network of message passing learns: on drawn scenes, which of the edges join two detections in a row.

    loss = Σ_{l=2}^{L} mean over edges of −(w y ln ŷ^(l) + (1 − y) ln(1 − ŷ^(l))),     w = #negative / #positive

An edge counts as true where it joins a detection with the next one of the same identity: paths, not cliques.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segcore.errors import InputError
from segcore.runtime.places import ASSETS
from segcore.track.detections import Bools, Detections
from segcore.track.graph import TrackGraph, make_graph
from segcore.track.message_net import STEPS, MessageNet, NetInput, net_input
from segcore.track.scenes import SCENES, make_scene
from segcore.track.settings import MessageTrainingSettings
from segcore.train.budget import Budget
from segcore.train.checkpoint import Checkpoint
from segcore.train.file import TRACKER, read_trained, trained_bytes
from segcore.train.learner import Learner, Loss, Turn
from segcore.train.run import State, train
from segcore.train.seeds import seeded

WEIGHTS = ASSETS / "tracking" / "message_passing.safetensors"
MINUTES = 1.0
_CROWDS = 0.7  # share of the scenes that are crowds
_BLIND = 0.3  # share of the graphs without appearances


def edge_labels(detections: Detections, graph: TrackGraph) -> Bools:
    """(e,): whether an edge joins a detection with the next one of the same identity.

    Raises:
        InputError: nobody knows the identities.
    """
    if detections.identity is None:
        raise InputError("Edges have labels where the identities of the detections are known.", field="detections")
    follower = np.full(graph.n, -1)
    latest: dict[int, int] = {}
    for k, identity in enumerate(detections.identity.tolist()):
        if identity:
            if identity in latest:
                follower[latest[identity]] = k
            latest[identity] = k
    labels: Bools = follower[graph.edges[:, 0]] == graph.edges[:, 1]
    return labels


def drawn_graph(seed: int, i: int) -> tuple[NetInput, Tensor]:
    """The i-th graph of a training, and the label of each of its edges (e,)."""
    rng = np.random.default_rng([seed, i])
    others = [name for name in SCENES if name != "crowd"]
    crowd = rng.uniform() < _CROWDS
    stride, frames = int(rng.choice([1, 1, 2])), int(rng.integers(10, 19))
    scene = make_scene(
        "crowd" if crowd else str(rng.choice(others)),
        seed=int(rng.integers(2**31)),
        n_frames=stride * frames,
        n_objects=int(rng.integers(5, 21) if crowd else rng.integers(3, 9)),
        misses=float(rng.uniform(0, 0.25)),
        false_alarms=float(rng.uniform(0, 2)),
        occlusion=float(rng.uniform(0.2, 0.6)),
        noise=float(rng.uniform(0.1, 1.2)),
        jitter=float(rng.uniform(0.01, 0.06)),
    )
    found = _thinned(scene.detections, stride, blind=bool(rng.uniform() < _BLIND))
    reach = int(rng.integers(3, 9))
    graph = make_graph(found, reach=reach, neighbors=int(rng.integers(3, 1 + max(3, 32 // reach))))
    return net_input(found, graph), torch.from_numpy(edge_labels(found, graph)).float()


def _thinned(detections: Detections, stride: int, *, blind: bool) -> Detections:
    """Every so many-th frame only."""
    found = detections.only(detections.frame % stride == 0)
    return Detections(
        found.frame // stride, found.boxes, found.score, -(-found.n_frames // stride), found.size,
        None if blind else found.appearance, found.identity,
    )  # fmt: skip


class MessageLearner(Learner):
    """The training of a network."""

    clip = 5.0

    def __init__(self, net: MessageNet, settings: MessageTrainingSettings, seed: int):
        super().__init__()
        self.net, self.settings = net, settings
        self.learning_rate = settings.learning_rate
        self._graph = lru_cache(maxsize=None)(lambda i: drawn_graph(seed, i))

    def losses(self, turn: Turn) -> Loss:
        """The loss of a few scenes, in one graph of several parts; and how many edges the last step gets right."""
        chosen = torch.randint(self.settings.scenes, (self.settings.batch,), generator=turn.generator).tolist()
        given, y = _joined([self._graph(i) for i in chosen])
        logits = self.net(given)
        weight = (len(y) - y.sum()) / y.sum().clamp_min(1)
        each = torch.nn.functional.binary_cross_entropy_with_logits(
            logits[1:].float(), y.expand(len(logits) - 1, -1), pos_weight=weight, reduction="none"
        )
        said = logits[-1].detach() > 0
        right, true = float((said & (y > 0)).sum()), float(y.sum())
        parts = {"precision": right / max(1.0, float(said.sum())), "recall": right / max(1.0, true)}
        return Loss(each.mean(1).sum() / (len(logits) - 1), parts)


def _joined(graphs: list[tuple[NetInput, Tensor]]) -> tuple[NetInput, Tensor]:
    first = np.cumsum([0, *(len(given.nodes) for given, _ in graphs)]).tolist()
    return (
        NetInput(
            torch.cat([given.nodes for given, _ in graphs]),
            torch.cat([given.edges for given, _ in graphs]),
            torch.cat([given.ends + k for k, (given, _) in zip(first, graphs, strict=False)], 1),
        ),
        torch.cat([y for _, y in graphs]),
    )


def train_net(
    settings: MessageTrainingSettings | None = None,
    *,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    start: Checkpoint | None = None,
) -> Iterator[tuple[State, MessageNet]]:
    """Train a network on drawn scenes.

    Args:
        settings: the defaults if None.
        minutes: how long; MINUTES if neither is given.
        steps: train for so many steps instead: the same to the bit each time.
        seed: of scenes, first weights and all else.
        start: go on from there; minutes and steps are those of all runs together.

    Yields:
        After each step its state, with `loss` and the parts `precision` and `recall` of edges at ŷ ≥ ½, and the network,
        which goes on learning.

    Raises:
        InputError: a number is out of range, or the checkpoint is of another training.
        NumericalError: the loss is no longer finite.

    Cost: some 0.3 s a step on one core.
    """
    settings = settings or MessageTrainingSettings()
    with seeded(seed):
        net = MessageNet()
    budget = Budget(minutes=MINUTES if minutes is None and steps is None else minutes, steps=steps)
    identity = {"net": "message_passing", "seed": seed, **settings.to_dict()}
    learner = MessageLearner(net, settings, seed)
    for state in train(
        learner,
        budget=budget,
        seed=seed,
        device=torch.device("cpu"),
        identity=identity,
        stage="message passing",
        start=start,
    ):
        yield state, net


def net_bytes(net: MessageNet, about: Mapping[str, Any]) -> bytes:
    """A network as the contents of a file (`segcore.train.file`)."""
    return trained_bytes(TRACKER, net.state_dict(), {"net": "message_passing", "steps": STEPS, **about})


def load_net(path: Path | str = "") -> MessageNet:
    """Read a network; that which comes along if nothing is named.

    Raises:
        InputError: the file is missing, damaged, or holds something else.
    """
    where = Path(path) if path else WEIGHTS
    try:
        stat = where.stat()
        return _load(where, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise InputError(
            f"{where.name} cannot be read: {error.strerror}. Name a file that `train-tracker` wrote.", field="weights"
        ) from error


@lru_cache(maxsize=4)
def _load(path: Path, _time: int, _size: int) -> MessageNet:
    from safetensors import SafetensorError

    try:
        found = read_trained(path)
        if found.kind != TRACKER or not found.whole:
            raise ValueError("it is no network of message passing, or was changed")
        net = MessageNet()
        net.load_state_dict(dict(found.tensors))
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(
            f"{path.name} does not hold a network of message passing. Name a file that `train-tracker` wrote.",
            field="weights",
        ) from error
    return net.eval()
