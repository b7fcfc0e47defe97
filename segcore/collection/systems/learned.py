"""A network that `learn` trained, applied to a collection: the file is the system."""

from pathlib import Path

import torch
import torch.nn.functional as F

from segcore.collection.collection import Collection
from segcore.collection.types import Grouping, Progress, Steps
from segcore.learn import Learned, load_learned
from segcore.stopping import stop_if_asked


def run_learned(collection: Collection, file: Path | Learned) -> Steps[Grouping]:
    """Label every picture by a trained network; its clusters are the groups.

    Args:
        collection: the pictures; their features are not read, only how their grids lie.
        file: of `learn`, or what it holds.

    Raises:
        ModelError: the file cannot be read.
    """
    learned = file if isinstance(file, Learned) else load_learned(file)

    def scores(i: int) -> torch.Tensor:
        g = collection.geometry(i)
        values = learned.scores(collection.image(i))[None]
        return F.interpolate(values, (g.h, g.w), mode="area")[0].permute(1, 2, 0).contiguous()

    labels = []
    for i in range(len(collection)):
        stop_if_asked()
        labels.append(scores(i).argmax(2).to(torch.uint8).cpu())
        yield Progress("labels", i + 1, len(collection), labels={i: labels[-1]})
    return Grouping(learned.system, learned.n_segments, tuple(labels), scores, names=learned.names)
