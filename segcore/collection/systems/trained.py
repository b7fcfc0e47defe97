"""What was trained, applied to a collection: the file is the system, whose groups are what it learned to tell apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.label import label_by
from segcore.collection.system import MOST_GROUPS, CollectionSystem, Grouping, GroupSteps
from segcore.errors import InputError
from segcore.features.model import UNTRAINED
from segcore.heads.apply import check_head, head_probabilities, read_features, settings_of_head
from segcore.heads.file import Head, read_head
from segcore.learn import CATALOG, Learned, load_learned
from segcore.learn.pictures import scaled
from segcore.pipeline import Pipeline
from segcore.settings import Schema
from segcore.train.file import HEAD, kind_of


@dataclass(frozen=True, kw_only=True)
class NoSettings(Schema):
    """The tunables of what has none."""


def system_of_file(path: Path | str) -> CollectionSystem:
    """The system that a file of `learn`, or of `head train`, is.

    Raises:
        ModelError, InputError: the file cannot be read, is neither, or is a head that no collection can use.
    """
    path = Path(path)
    return _system_of_head(read_head(path)) if kind_of(path) == HEAD else _system_of_net(load_learned(path))


def _system_of_net(learned: Learned) -> CollectionSystem:
    card = CATALOG[learned.system]

    def scores(collection: Collection, i: int) -> Tensor:
        return _on_grid(learned.scores(collection.image(i)), collection, i)

    def codes(collection: Collection, i: int) -> Tensor:
        seen = learned.features(scaled(collection.image(i), learned.settings.side))
        return _on_grid(seen.permute(2, 0, 1), collection, i)

    def run(collection: Collection, **_asked: Any) -> GroupSteps:
        labels = yield from label_by(collection, scores)
        return Grouping(card.name, learned.n_segments, labels, scores, codes, names=learned.names)

    return CollectionSystem(
        card.name, card.title, card.summary, card.formula, card.source, NoSettings, run, chooses_k=True, own_k=True
    )


def _system_of_head(head: Head) -> CollectionSystem:
    k = len(head.labels)
    if k > MOST_GROUPS:
        raise InputError(f"A collection has at most {MOST_GROUPS} groups, and this head has {k} labels.", field="weights")
    if head.weights == UNTRAINED:
        raise InputError(
            "This head was trained on random weights, for comparison; `head apply` labels pictures with it.", field="weights"
        )
    settings, pipelines = settings_of_head(head), dict[str, Pipeline]()

    def scores(collection: Collection, i: int) -> Tensor:
        device = str(collection.reader.model.device)
        pipeline = pipelines.setdefault(device, Pipeline(device=device))
        grid = read_features(pipeline, collection.pictures[i].data(), settings, blocks=head.blocks)
        P = head_probabilities(head, grid).T.reshape(k, grid.geometry.h, grid.geometry.w)
        return _on_grid(P, collection, i)

    def run(collection: Collection, **_asked: Any) -> GroupSteps:
        check_head(Pipeline(device=str(collection.reader.model.device)), head)
        labels = yield from label_by(collection, scores)
        return Grouping("head", k, labels, scores, names=head.names)

    return CollectionSystem(
        "head",
        f"A head on {head.backbone}",
        "A linear layer on features that stay as they are, trained on pictures with labels.",
        r"\operatorname{softmax}(W x + b)",
        "multinomial logistic regression",
        NoSettings,
        run,
        chooses_k=True,
        own_k=True,
        reads={"backbone": head.backbone, "facet": head.facet, "max_side": head.max_side},
    )


def _on_grid(values: Tensor, collection: Collection, i: int) -> Tensor:
    """(h, w, c) means of values (c, height, width) over the cells of picture i."""
    g = collection.geometry(i)
    return F.interpolate(values[None], (g.h, g.w), mode="area")[0].permute(1, 2, 0).contiguous()
