"""A network of message passing that a visitor trains on drawn scenes: the work of a job, and what it leaves."""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from demo.shared.jobs import Report, Work
from demo.shared.service import Service
from demo.tracking import texts
from segcore.track.message_training import MINUTES, net_bytes, train_net
from segcore.track.settings import MessageTrainingSettings
from segcore.train.checkpoint import Checkpoint

KIND = "tracking-training"
_GRANTED = 0.9  # of the host's minutes; drawing the scenes takes the rest


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """What a training leaves.

    Attributes:
        file: what `train-tracker` would write.
        losses: after each step.
        parts: precision and recall of the edges of the last step.
        checkpoint: to go on from.
    """

    file: bytes
    losses: tuple[float, ...]
    parts: dict[str, float]
    checkpoint: Checkpoint


def make_work(*, most_minutes: float, steps: int | None = None) -> Work:
    """The work of a job.

    Args:
        most_minutes: what the host grants.
        steps: train for so many steps instead of a minute.
    """
    minutes = min(MINUTES, _GRANTED * most_minutes)

    def work(left: Trained | None) -> Generator[Report, None, None]:
        yield Report(texts.DRAWING)
        losses = left.losses if left else ()
        start = left.checkpoint if left else None
        for state, net in train_net(minutes=None if steps else minutes, steps=steps, start=start):
            losses = (*losses, state.loss)
            training = {**MessageTrainingSettings().to_dict(), "steps": state.step, "seconds": state.seconds}
            kept = Trained(net_bytes(net, {"training": training}), losses, dict(state.parts), state.checkpoint())
            said = texts.TRAINING.format(loss=state.loss)
            yield Report(
                said, state.step, unit=texts.TRAINING_STEPS, share=state.progress, show={"loss": state.loss}, left=kept
            )

    return work


def weights_of(service: Service, job: str) -> str:
    """Path of a file with what a training has learned so far; "" where this server has it no more."""
    left: Any = service.jobs.left(job)
    if not isinstance(left, Trained):
        return ""
    return service.publish(left.file, f"message_passing-{hashlib.sha256(left.file).hexdigest()[:8]}.safetensors")
