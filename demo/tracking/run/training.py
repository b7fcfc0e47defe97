"""The events of "Train it yourself": a job learns, its weights are used, and can be saved."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from demo.shared.errors import told_kindly
from demo.shared.jobs.report import LIVE
from demo.shared.service import Service
from demo.tracking import texts
from demo.tracking.asked import TRAINED, Controls
from demo.tracking.data.training import KIND, Trained, make_work, weights_of
from demo.tracking.run.restore import next_turn
from segcore.errors import InputError

_WIDTH, _HEIGHT = 300, 70  # of the curve
_POINTS = 150


def make_train(service: Service) -> Callable[[str], str]:
    """The event behind the button: a training is put in line; the bar shows it."""

    def train(visitor: str) -> str:
        with told_kindly():
            work = make_work(most_minutes=service.jobs.limits.minutes)
            return service.jobs.start(work, owner=visitor, kind=KIND)

    return train


def make_trained(service: Service, controls: Controls, watched: Any, turn: Any) -> Callable[..., dict[Any, Any]]:
    """The event behind news of the training: the curve grows; when it ends, what it learned tracks what is on view.

    One that had ended before the page was opened is shown, and its weights are used where they are asked for.
    """

    def trained(seen: str, event: gr.EventData) -> dict[Any, Any]:
        left: Any = service.jobs.left(event.id)
        said: dict[Any, Any] = {controls.training.curve: loss_curve(left) if isinstance(left, Trained) else ""}
        if event.state in LIVE:
            return said | {watched: event.id}
        said |= {watched: "", turn: next_turn()}
        ended_here = seen == event.id and isinstance(left, Trained)
        return said | ({controls.options["weights"]: TRAINED} if ended_here else {})

    return trained


def make_save_weights(service: Service) -> Callable[[str | None], str]:
    """The event behind "Save the weights"."""

    def save(job: str | None) -> str:
        with told_kindly():
            path = weights_of(service, job or "")
            if not path:
                raise InputError(texts.NO_WEIGHTS, field="weights")
            return path

    return save


def loss_curve(left: Trained) -> str:
    """The loss of all steps as a line, and a sentence."""
    losses = left.losses
    told = texts.CURVE.format(first=losses[0], last=losses[-1], steps=len(losses), **left.parts)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in _line(losses))
    return (
        f'<svg class="tk-loss" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{told}">'
        f'<polyline points="{points}"/></svg><p>{told}</p>'
    )


def _line(losses: Sequence[float]) -> list[tuple[float, float]]:
    """Where the line goes: means of neighboring steps, from 0 at the bottom to the largest at the top."""
    n = min(len(losses), _POINTS)
    parts = [losses[k * len(losses) // n : (k + 1) * len(losses) // n] for k in range(n)]
    means = [sum(part) / len(part) for part in parts]
    most = max(*means, 1e-9)
    return [(_WIDTH * k / max(n - 1, 1), 2 + (_HEIGHT - 4) * (1 - mean / most)) for k, mean in enumerate(means)]
