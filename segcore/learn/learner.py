"""What the systems share: a learner that finds clusters, and what one turn of it asks for."""

from dataclasses import dataclass

from torch import Tensor

from segcore.learn.pictures import Source
from segcore.nets.net import Net
from segcore.train.learner import Learner, Loss, Turn


@dataclass(frozen=True, eq=False, slots=True)
class ClusterLoss(Loss):
    """What one turn asks for, and how it uses the clusters."""

    use: Tensor  # (K,) share of the turn's pixels that each cluster has, sums to 1
    P: Tensor | None = None  # (K, K) joint table of the labels of the two views, sums to 1; None where the system has none


class ClusterLearner(Learner):
    """A network that finds clusters, in training on pictures without labels."""

    round: int = 0  # from 0, of a system that learns in rounds

    def __init__(self, net: Net, source: Source, learning_rate: float):
        super().__init__()
        self.net, self.source, self.learning_rate = net, source, learning_rate
        self.advice = f"Go on from there with a smaller learning rate than {learning_rate:g}."

    def marks(self, number: int) -> Tensor | None:  # noqa: ARG002
        """(h, w) int64 for a picture that is learned from: what the system tells apart in it, by `LearningSystem.marks`."""
        return None

    def taught(self, number: int) -> Tensor | None:  # noqa: ARG002
        """(m, h, w) bool for a picture that is learned from: the masks of objects that round one learned, if any."""
        return None

    def losses(self, turn: Turn) -> ClusterLoss:
        """Look at some pictures, and say what is to be made small."""
        raise NotImplementedError
