"""CutLER: a head that finds separate objects, taught by the masks of MaskCut, and then by itself.

Features of all pictures are computed once, at the first step, and so are the masks; see `segcore.learn.rounds` for the rest.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor

from segcore.cut.maskcut import maskcut
from segcore.errors import InputError
from segcore.learn.fields import FieldLearner, standardize
from segcore.learn.learner import ClusterLoss
from segcore.learn.pictures import Source
from segcore.learn.rounds import mask_losses, next_masks, pasted
from segcore.learn.settings import CutlerSettings
from segcore.nets.dense import DenseMaskNet
from segcore.nets.net import Net
from segcore.runtime.stopping import stop_if_asked
from segcore.train.learner import Turn

KEPT, NEW, DROPPED = 1, 2, 3  # of `marks`, beside 0 for the ground


class CutlerLearner(FieldLearner):
    """The training of the head."""

    net: DenseMaskNet

    def __init__(self, net: DenseMaskNet, settings: CutlerSettings, source: Source):
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings
        self._tally = (0, 0)  # masks of all pictures that are new in this round, and that it dropped
        self._masks: list[Tensor] = []  # per picture (m, h, w) bool that the round learns from
        self._before: list[Tensor] = []  # those that the round before learned from
        self._first: list[Tensor] = []  # those of round one

    def get_extra_state(self) -> dict[str, Any]:
        """The masks, and the number of the round."""
        return {
            "round": self.round,
            "masks": self._masks,
            "before": self._before,
            "first": self._first,
            "tally": self._tally,
        }

    def set_extra_state(self, state: Mapping[str, Any]) -> None:
        """Go on with them."""
        self.round, self._tally = state["round"], state.get("tally", (0, 0))
        self._masks, self._before, self._first = (list(state[name]) for name in ("masks", "before", "first"))

    def prepare(self, turn: Turn) -> None:
        """Find features and masks before the first step, and new masks where a round begins."""
        if not self.is_read:
            self.read()
            standardize(self.net.head, self.rows())
        if not self._masks:
            self._cut(turn.generator)
        now = min(int(turn.progress * self._settings.rounds), self._settings.rounds - 1)
        if now > self.round:
            self.round = now
            self._again()

    def _cut(self, generator: torch.Generator) -> None:
        s = self._settings
        for i in range(len(self.source)):
            stop_if_asked()
            found = maskcut(self.field(i), n_objects=s.n_objects, tau=s.tau)
            shown = torch.rand(len(found), generator=generator) >= s.hidden
            self._masks.append(found[shown.to(found.device)])
        self._before = self._first = list(self._masks)
        if not any(len(masks) for masks in self._masks):
            raise InputError(
                "MaskCut finds no object in any of the pictures, so there is nothing to learn from. Give pictures of "
                "objects, lower tau, or hide fewer masks.",
                field="pictures",
            )

    def _again(self) -> None:
        self._before = self._masks
        self._masks, n_new, n_dropped = [], 0, 0
        for i, before in enumerate(self._before):
            stop_if_asked()
            masks, scores = self.net.head.found(self.field(i))
            chosen = next_masks(before, masks > 0.5, scores, least=self._settings.sure)
            self._masks.append(chosen.masks)
            n_new, n_dropped = n_new + len(chosen.new), n_dropped + len(chosen.dropped)
        self._tally = (n_new, n_dropped)

    def marks(self, number: int) -> Tensor | None:
        """Patches of a picture: in a mask of this round and the one before, new ones, and dropped ones."""
        if not self._masks:
            return None
        now, before = (masks[number].any(0).cpu() for masks in (self._masks, self._before))
        marks = torch.zeros(now.shape, dtype=torch.int64)
        marks[now & before], marks[now & ~before], marks[~now & before] = KEPT, NEW, DROPPED
        return marks

    def taught(self, number: int) -> Tensor | None:
        """What MaskCut found in a picture, less what was hidden."""
        return self._first[number].cpu() if self._first else None

    def losses(self, turn: Turn) -> ClusterLoss:
        """Look at some pictures of one size."""
        s = self._settings
        chosen = self.draw(s.batch, turn.generator)
        f, masks = torch.stack([self.field(i) for i in chosen]), [self._masks[i] for i in chosen]
        if s.paste:
            f, masks = pasted(f, masks, turn.generator, smallest=s.smallest)
        with torch.autocast(self.source.device.type, enabled=False):
            total, parts = mask_losses(self.net.head, f, masks, drop=s.droploss and self.round == 0)
        inside = torch.stack([m.any(0).float().mean() for m in masks]).mean()
        counts = sum(map(len, self._masks)), *self._tally
        parts |= {name: n / len(self._masks) for name, n in zip(("masks", "new", "dropped"), counts, strict=True)}
        return ClusterLoss(total, parts, torch.stack([1 - inside, inside]))


def make_net(_n_segments: int, settings: CutlerSettings) -> DenseMaskNet:
    """A network with random first weights."""
    return DenseMaskNet(settings.backbone, settings.facet, settings.places)


def make_learner(net: Net, _n_segments: int, settings: CutlerSettings, source: Source) -> CutlerLearner:
    """The training of such a network."""
    return CutlerLearner(cast("DenseMaskNet", net), settings, source)
