"""What learns in a training on crops: a student, and the teacher that follows it and draws the objects anew."""

import copy
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from segcore.pretrain.networks import Network, follow, make_optimizer
from segcore.pretrain.objective import Batch, compute_losses, draw_batch
from segcore.pretrain.pictures import PictureStore
from segcore.pretrain.recipe import Rates, Recipe
from segcore.pretrain.redraw import redraw_objects
from segcore.train.learner import Learner, Loss, Turn

_REMEMBERED = 0.98  # of the running mean of the loss, per step
_MOMENTUM = 0.98  # of a teacher whose student only learns a few layers


class PretrainLearner(Learner):
    """Student and teacher in training, and the pictures, whose objects the teacher draws anew when it is time."""

    def __init__(
        self,
        store: PictureStore,
        networks: tuple[Network, Network],
        recipe: Recipe,
        *,
        batch: int,
        device: torch.device,
    ):
        super().__init__()
        self.student, self.teacher = networks
        self.store, self.recipe, self.batch, self.device = store, recipe, batch, device
        self.clip, self.cues = recipe.clip, store  # its objects are those of the cues
        self.n_redraws, self.n_seen, self.loss = 0, 0, math.nan  # pictures of this run; running mean
        self.artist: Mapping[str, torch.Tensor] | None = None  # the teacher as it was when it drew the objects anew
        self._batch: Batch | None = None
        self._now = math.nan  # loss of the step
        self.begin()

    def begin(self) -> None:
        """Do what comes before the first step, and before a checkpoint is read."""

    def get_extra_state(self) -> dict[str, Any]:
        """What a checkpoint holds beside the weights."""
        return {"n_redraws": self.n_redraws, "artist": self.artist, "loss": self.loss}

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Go on from such a state; objects that were drawn anew are drawn again."""
        self.n_redraws, self.loss = state["n_redraws"], state["loss"]
        if state["artist"] is not None:
            self._redraw(state["artist"])

    def make_optimizer(self) -> Optimizer:
        """Weights that decay, and weights that do not."""
        return make_optimizer(self.student)

    def set_rates(self, optimizer: Optimizer, progress: float) -> None:
        """As the recipe says."""
        rates = self._rates(progress)
        optimizer.param_groups[0]["weight_decay"] = rates.weight_decay
        for group in optimizer.param_groups:
            group["lr"] = rates.learning_rate

    def prepare(self, turn: Turn) -> None:
        """Draw the objects anew where it is time, and the crops of the step."""
        if self.n_redraws < self.recipe.drawn(turn.progress):
            self.n_redraws = self.recipe.drawn(turn.progress)
            self._redraw(copy.deepcopy(self.teacher.state_dict()))
        phase = self.recipe.phase(turn.progress, self.batch)
        self._batch = draw_batch(self.store, self.recipe, phase, generator=turn.generator, device=self.device)
        self.n_seen += phase.batch

    def losses(self, turn: Turn) -> Loss:
        """Compare student and teacher on the crops of the step."""
        assert self._batch is not None  # noqa: S101 - prepared
        temperature = self._rates(turn.progress).teacher_temperature
        found = compute_losses(self.student, self.teacher, self._batch, self.recipe, teacher_temperature=temperature)
        parts = {x.name: getattr(found, x.name) for x in dataclasses.fields(found)}
        total = sum(getattr(self.recipe, f"{name}_weight") * part for name, part in parts.items())
        self._now = float(total.detach())
        return Loss(total, {name: float(part.detach()) for name, part in parts.items()})

    def hold(self, progress: float) -> None:
        """Prototypes stay as they began for a while."""
        if not self._rates(progress).prototypes_learn:
            self.student.head.prototypes.grad = None

    def follow(self, progress: float) -> None:
        """Move the teacher towards the student."""
        follow(self.teacher, self.student, momentum=self.momentum(progress))
        self.loss = self._now if math.isnan(self.loss) else _REMEMBERED * self.loss + (1 - _REMEMBERED) * self._now

    def momentum(self, progress: float) -> float:
        """How much of the teacher stays at a step."""
        return self._rates(progress).momentum

    def _rates(self, progress: float) -> Rates:
        return self.recipe.rates(progress, self.batch)

    def _redraw(self, artist: Mapping[str, torch.Tensor]) -> None:
        """Let the teacher, in this state, draw the objects of all pictures."""
        self.artist = artist
        network = copy.deepcopy(self.teacher)
        network.load_state_dict(artist)
        self.store = redraw_objects(self.cues, network, self.recipe, device=self.device)


class KeptLearner(PretrainLearner):
    """Student and teacher of which only a few last layers learn, from what the rest made of whole pictures once."""

    warm = 0.05

    def make_optimizer(self) -> Optimizer:
        """Adam."""
        return torch.optim.Adam(self.weights, lr=0.0, betas=(0.9, 0.98))

    def set_rates(self, optimizer: Optimizer, progress: float) -> None:
        """Along half a cosine, after a short rise."""
        Learner.set_rates(self, optimizer, progress)

    def prepare(self, turn: Turn) -> None:  # noqa: ARG002
        """Count the pictures; nothing is drawn anew."""
        self.n_seen += self.batch

    def momentum(self, progress: float) -> float:  # noqa: ARG002
        """The same from beginning to end."""
        return _MOMENTUM

    def sum_of(self, weights: Mapping[str, float], parts: Sequence[torch.Tensor]) -> Loss:
        """The mean over pictures of what each asks for, in the order of the weights."""
        mean = torch.stack(list(parts)).mean(0)
        total = mean @ mean.new_tensor(list(weights.values()))
        self._now = float(total.detach())
        return Loss(total, dict(zip(weights, mean.tolist(), strict=True)))
