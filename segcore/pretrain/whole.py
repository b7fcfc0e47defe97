"""The keys of the last block, learned from whole pictures.

A crop shows what a patch looks like; what the object is, only the whole picture says. So the network stays as it began, but
for two linear maps: those that make queries and keys of what enters the last block. That is kept of each picture, and a step
costs no more than these maps. They learn

    keys       the cosines that `objective` says, over all patches of the picture, where a share of R is the cosines of the
               keys that the weights began with
    attention  what [CLS] paid the patches before, head by head, so that all that reads attention finds what it found

The objects are drawn anew once, by the weights to begin with (`redraw`). Tokens change only by what patches pay each other.
"""

from dataclasses import dataclass

import cv2
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.numerics import normalize_rows
from segcore.pretrain.crops import together
from segcore.pretrain.learner import KeptLearner
from segcore.pretrain.networks import Network, look_from
from segcore.pretrain.objective import alikeness, key_loss
from segcore.pretrain.pictures import PictureStore
from segcore.runtime.device import computes_bfloat16
from segcore.train.learner import Loss, Turn

BATCH = 8  # pictures per step
_LONGER_SIDE = 448  # pixels, about those of the app: at 288, segmentations of larger pictures got worse
_OBJECTS, _OWN = 0.22, 0.4  # o, and the share of R that is what the keys were
_WEIGHTS = {"keys": 30.0, "attention": 1.0}
_PAIRED = 400  # patches of a picture of which all pairs are compared


@dataclass(frozen=True, eq=False, slots=True)
class Whole:
    """What is kept of a picture of h × w patches; n = h w."""

    size: tuple[int, int]  # h, w
    x: Tensor  # (1 + n, width) float16: what the queries and keys of the last block are made of
    regions: Tensor  # (n, levels) int16: regions of the over-segmentations
    objects: Tensor  # (n,) uint8: g in 255ths


def see_whole(store: PictureStore, number: int, network: Network) -> Whole:
    """Look at a picture of a store as a whole, at a longer side of 448 px; see `Whole`.

    Cost: one run of the network.
    """
    device, patch = network.mean.device, network.net.patch_embed.patch_size[0]
    pixels, (cues, cells) = store.scaled(number, longer_side=_LONGER_SIDE, patch=patch), store.cues(number)
    h, w = (side // patch for side in pixels.shape[2:])
    regions, objects = (x[cues].cpu().unflatten(0, cells) for x in (store.regions, store.objects))
    rows, columns = (((torch.arange(k) + 0.5) / k * side).long() for k, side in zip((h, w), cells, strict=True))
    with torch.no_grad():
        with torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
            z = network.stem(pixels.to(device))
        x = network.normed(z.float())[0]
    return Whole(
        (h, w),
        x.half().cpu(),
        regions[rows][:, columns].flatten(0, 1),
        torch.from_numpy(cv2.resize(objects.numpy(), (w, h), interpolation=cv2.INTER_AREA)).flatten(),
    )


class WholeLearner(KeptLearner):
    """Student and teacher whose last queries and keys are in training, and what the rest makes of the pictures."""

    learning_rate = 2e-3

    def begin(self) -> None:
        """Draw the objects, and look at all pictures."""
        self._redraw(self.teacher.state_dict())
        self.wholes = [see_whole(self.store, number, self.teacher) for number in range(len(self.store))]
        qkv = self.student.net.blocks[-1].attn.qkv
        self._before = qkv.weight.detach().clone(), qkv.bias.detach().clone()
        self.student.requires_grad_(False)
        qkv.requires_grad_(True)
        self.artist = None  # drawn again from the weights to begin with

    def losses(self, turn: Turn) -> Loss:
        """What some pictures ask for."""
        numbers = torch.randint(len(self.wholes), (self.batch,), generator=turn.generator).tolist()
        return self.sum_of(_WEIGHTS, [self._of_picture(self.wholes[number], turn.generator) for number in numbers])

    def _of_picture(self, whole: Whole, generator: Generator) -> Tensor:
        """(2,) losses of keys and attention."""
        attn, x = self.student.net.blocks[-1].attn, whole.x[None].to(self.device).float()
        with torch.autocast(self.device.type, enabled=False):
            before, paid = look_from(x, *self._before, heads=attn.num_heads)
            keys, looks = look_from(x, attn.qkv.weight, attn.qkv.bias, heads=attn.num_heads)
            at = torch.randperm(keys.shape[1], generator=generator)[:_PAIRED]
            own = normalize_rows(before[0, at])
            agreement = (1 - _OWN) * together(whole.regions[at]).to(own) + _OWN * own @ own.T
            target = alikeness(agreement[None], whole.objects[at].to(own)[None] / 255, _OBJECTS)
            attention = F.kl_div(looks.log_softmax(-1), paid.log_softmax(-1), reduction="sum", log_target=True)
            return torch.stack((key_loss(keys[:, at], target), attention / attn.num_heads))
