"""A network that `learn` trained, applied to a collection: the file is the system."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.system import Grouping, GroupSteps
from segcore.learn import Learned, load_learned
from segcore.learn.pictures import scaled
from segcore.runtime.steps import Progress
from segcore.runtime.stopping import stop_if_asked


def run_learned(collection: Collection, file: Path | Learned) -> GroupSteps:
    """Label every picture by a trained network; its clusters are the groups.

    Args:
        collection: the pictures; their features are not read, only how their grids lie.
        file: of `learn`, or what it holds.

    Raises:
        ModelError: the file cannot be read.
    """
    learned = file if isinstance(file, Learned) else load_learned(file)

    def on_grid(values: Tensor, collection: Collection, i: int) -> Tensor:
        g = collection.geometry(i)
        return F.interpolate(values[None], (g.h, g.w), mode="area")[0].permute(1, 2, 0).contiguous()

    def scores(collection: Collection, i: int) -> Tensor:
        return on_grid(learned.scores(collection.image(i)), collection, i)

    def codes(collection: Collection, i: int) -> Tensor:
        seen = learned.features(scaled(collection.image(i), learned.settings.side))
        return on_grid(seen.permute(2, 0, 1), collection, i)

    labels = []
    for i in range(len(collection)):
        stop_if_asked()
        labels.append(scores(collection, i).argmax(2).to(torch.uint8).cpu())
        yield Progress("labels", i + 1, len(collection), labels={i: labels[-1]})
    return Grouping(learned.system, learned.n_segments, tuple(labels), scores, codes, names=learned.names)
