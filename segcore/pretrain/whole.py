"""The last two blocks on whole pictures.

A crop shows what a patch looks like; what the object is, only the whole picture says. So all blocks but the last two stay as
they began, what they make of each picture and of its mirror image is kept, and the last two learn what segmentations read:

    keys       T_ij as `objective` says, over all patches of the picture, where a share of R is the cosines of the keys that
               the weights began with
    attention  as there, of the whole picture
    tokens     what two steps of mean shift make of the patches of the picture: x_i ← Σ_j softmax_j(−‖x_i − x_j‖² / τ) x_j of
               x = (keys of length 1, Lab, height in the picture), each by a weight; 60 principal axes of it, along fixed
               directions, and one direction that all of them share. Like patches of two pictures then lie together, by what
               their regions look like and where they lie. [CLS] stays what it was

The objects are drawn anew once, by the weights to begin with (`redraw`). Mean shift is attention with queries and keys that
are the same, so the last block begins with such queries, and with values that least squares read from what it is given.

References: Fukunaga and Hostetler 1975, and Cheng 1995, for mean shift that moves all points at once; Ramsauer et al. 2021,
for attention as a step of it.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.optim import Optimizer

from segcore.errors import InputError
from segcore.numerics import normalize_rows
from segcore.pretrain.crops import together
from segcore.pretrain.learner import PretrainLearner
from segcore.pretrain.networks import Network
from segcore.pretrain.objective import alikeness, attention_loss, key_loss
from segcore.pretrain.pictures import PictureStore
from segcore.runtime.device import computes_bfloat16
from segcore.train.learner import Loss, Turn, rate_at

BATCH = 8  # pictures per step
LEARNING_RATE = 4e-4  # of the last block; half of it for the one before
_WARM, _MOMENTUM = 0.05, 0.99  # of the learning rate, and of the teacher
_BLOCKS = 2
_LONGER_SIDE = 288  # pixels
_OBJECTS, _OWN = 0.22, 0.2  # o, and the share of R that is what the keys were
_KEYS, _TOKENS = 30.0, 2.0  # weights of their losses
_PAIRED = 400  # patches of a picture of which all pairs are compared
_TEMPERATURE, _STEPS = 0.25, 2  # τ of mean shift
_SPREAD = 0.89  # root mean square distance of keys of length 1 from the mean of their picture
_OF_LAB, _OF_HEIGHT = 0.04, 0.25
_AXES, _COMMON = 60, 2.0  # principal axes in the tokens, and the length of the direction that all share
_SHARP, _LOUD, _RIDGE = 4.0, 1.4, 1e-3  # of the queries, and the values, with which the last block begins
_SEEN_FIRST = 300  # pictures that say where it begins


@dataclass(frozen=True, eq=False, slots=True)
class Whole:
    """What is kept of a picture, or of its mirror image, of h × w patches; n = h w."""

    size: tuple[int, int]  # h, w
    z: Tensor  # (1 + n, width) float16: what enters the block before the last
    keys: Tensor  # (n, width) float16: of length 1, in the last block, as they began
    first: Tensor  # (width,) [CLS] as it left the transformer
    regions: Tensor  # (n, levels) int16: regions of the over-segmentations
    objects: Tensor  # (n,) uint8: g in 255ths
    lab: Tensor  # (n, 3) float16: mean CIELAB color


def see_whole(store: PictureStore, number: int, network: Network, *, mirrored: bool = False) -> Whole:
    """Look at a picture of a store as a whole, at a longer side of at most 288 px; see `Whole`.

    Cost: one run of the network.
    """
    device, patch = network.mean.device, network.net.patch_embed.patch_size[0]
    picture, (cues, cells) = store.picture(number), store.cues(number)
    regions, objects = (x[cues].cpu().unflatten(0, cells) for x in (store.regions, store.objects))
    if mirrored:
        picture, regions, objects = (x.flip(1) for x in (picture, regions, objects))
    scale = min(1.0, _LONGER_SIDE / max(picture.shape[:2]))
    h, w = (max(1, round(side * scale / patch)) for side in picture.shape[:2])
    small = cv2.resize(picture.numpy(), (w * patch, h * patch), interpolation=cv2.INTER_AREA)
    lab = cv2.resize(
        cv2.cvtColor(picture.numpy().astype("float32") / 255, cv2.COLOR_RGB2Lab), (w, h), interpolation=cv2.INTER_AREA
    )
    rows, columns = (((torch.arange(k) + 0.5) / k * side).long() for k, side in zip((h, w), cells, strict=True))
    pixels = torch.from_numpy(small).permute(2, 0, 1)[None].to(device).float() / 255
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=computes_bfloat16(device)):
        z = network.stem(pixels, blocks=_BLOCKS)
        seen = network.last(network.net.blocks[-_BLOCKS](z))
    return Whole(
        (h, w),
        z[0].half().cpu(),
        normalize_rows(seen.keys[0].float()).half().cpu(),
        seen.tokens[0, 0].float().cpu(),
        regions[rows][:, columns].flatten(0, 1),
        torch.from_numpy(cv2.resize(objects.numpy(), (w, h), interpolation=cv2.INTER_AREA)).flatten(),
        torch.from_numpy(lab).flatten(0, 1).half(),
    )


def mean_shift(x: Tensor, *, temperature: float = _TEMPERATURE) -> Tensor:
    """One step that draws together what is alike: x_i ← Σ_j softmax_j(−‖x_i − x_j‖² / τ) x_j, all rows (n, d) at once.

    Cost: O(n² d).
    """
    return torch.softmax(-torch.cdist(x, x).square() / temperature, dim=1) @ x


def describe(whole: Whole) -> Tensor:
    """What mean shift joins: (n, width + 4) keys of length 1 by their spread, Lab, and the standard score of the height."""
    h, w = whole.size
    height = ((0.5 - (torch.arange(h) + 0.5) / h) * 12**0.5).repeat_interleave(w)[:, None]
    return torch.cat((whole.keys.float() / _SPREAD, _OF_LAB * whole.lab.float(), _OF_HEIGHT * height), dim=1)


def least_squares(X: Tensor, Y: Tensor, weights: Tensor | None = None) -> Tensor:
    """(d + 1, m): the affine map, its constant in the last row, with the least squared error from X (n, d) to Y (n, m).

    Args:
        X: rows.
        Y: what they should become.
        weights: (n,) of the rows, 1 if None. A ridge of 0.001 per unit of weight keeps the map small.
    """
    A = torch.cat((X, X.new_ones(len(X), 1)), dim=1).double()
    w = torch.ones_like(A[:, :1]) if weights is None else weights.to(A)[:, None]
    w = w / w.sum()
    gram = (w * A).T @ A + _RIDGE * torch.eye(A.shape[1]).to(A)
    affine: Tensor = torch.linalg.solve(gram, (w * A).T @ Y.double())
    return affine.to(X)


class Groups:
    """What the tokens of patches should be: where mean shift leaves them, as vectors of the width of the tokens."""

    def __init__(self, wholes: list[Whole], width: int):
        moved = torch.cat([self._moved(whole)[::5] for whole in wholes])
        self.mean: Tensor = moved.mean(0)
        spread, axes = torch.linalg.eigh(torch.cov((moved - self.mean).T))
        m = min(_AXES, width - 2, len(spread))
        self.axes: Tensor = axes.flip(1)[:, :m]
        self.variance = float(spread.flip(0)[:m].sum())
        # Tokens come from a norm, so they are orthogonal to 1.
        drawn = torch.randn(width, m + 1, generator=Generator().manual_seed(0))
        basis = torch.linalg.qr(torch.cat((torch.ones(width, 1), drawn), dim=1)).Q
        self.common: Tensor = basis[:, 1]  # (width,)
        self.directions: Tensor = basis[:, 2:]  # (width, m)

    def of(self, whole: Whole) -> Tensor:
        """(n, m): coordinates of the patches of a picture along `directions`."""
        return (self._moved(whole) - self.mean) @ self.axes

    def loss(self, tokens: Tensor, wanted: Tensor) -> Tensor:
        """Share of the variance that tokens (n, width) miss, at the scale at which they have `_COMMON` of what all share."""
        common, along = tokens @ self.common.to(tokens), tokens @ self.directions.to(tokens)
        scale = _COMMON / common
        missed = (along * scale[:, None] - wanted).square().sum(1)
        beside = (tokens.square().sum(1) - common.square() - along.square().sum(1)) * scale.detach().square()
        return (missed + beside).mean() / self.variance

    @staticmethod
    def _moved(whole: Whole) -> Tensor:
        x = describe(whole)
        for _ in range(_STEPS):
            x = mean_shift(x)
        return x


class WholeLearner(PretrainLearner):
    """Student and teacher whose last two blocks are in training, and what the others make of the pictures."""

    def begin(self) -> None:
        """Draw the objects, look at all pictures, and set the last block to where it begins."""
        if self.recipe.depth < _BLOCKS:
            raise InputError(
                f"Whole pictures train the last {_BLOCKS} blocks; the weights have {self.recipe.depth}.", field="depth"
            )
        self._redraw(self.teacher.state_dict())
        sides = [(number, mirrored) for number in range(len(self.store)) for mirrored in (False, True)]
        self.wholes = [see_whole(self.store, number, self.teacher, mirrored=mirrored) for number, mirrored in sides]
        first = self.wholes[:: -(-len(self.wholes) // _SEEN_FIRST)]
        self.groups = Groups(first, self.recipe.width)
        self._wanted: dict[int, Tensor] = {}  # what the tokens of a picture should be, once it was needed
        self.student.requires_grad_(False)
        self.student.net.blocks[-_BLOCKS:].requires_grad_(True)
        settle(self.student, first, self.groups)
        self.teacher.load_state_dict(self.student.state_dict())
        self.artist = None  # drawn again from the weights to begin with

    def make_optimizer(self) -> Optimizer:
        """Adam; the block before the last moves half as fast, since what its input stands for is not to be lost."""
        blocks = self.student.net.blocks[-_BLOCKS:]
        groups: list[dict[str, Any]] = [{"params": list(block.parameters())} for block in blocks]
        return torch.optim.Adam(groups, lr=0.0, betas=(0.9, 0.98))

    def set_rates(self, optimizer: Optimizer, progress: float) -> None:
        """Along half a cosine, after a short rise."""
        for group, share in zip(optimizer.param_groups, (0.5, 1.0), strict=True):
            group["lr"] = share * rate_at(progress, LEARNING_RATE, warm=_WARM)

    def prepare(self, turn: Turn) -> None:  # noqa: ARG002
        """Count the pictures; nothing is drawn anew."""
        self.n_seen += self.batch

    def losses(self, turn: Turn) -> Loss:
        """What some pictures ask for."""
        numbers = torch.randint(len(self.wholes), (self.batch,), generator=turn.generator).tolist()
        parts = torch.stack([self._of_picture(number, turn.generator) for number in numbers]).mean(0)
        total = parts @ parts.new_tensor([_KEYS, 1.0, _TOKENS, 1.0])
        self._now = float(total.detach())
        return Loss(total, dict(zip(("keys", "attention", "tokens", "class token"), parts.tolist(), strict=True)))

    def momentum(self, progress: float) -> float:  # noqa: ARG002
        """The same from beginning to end."""
        return _MOMENTUM

    def _of_picture(self, number: int, generator: Generator) -> Tensor:
        """(4,) losses of keys, attention, tokens and [CLS]."""
        whole = self.wholes[number]
        if number not in self._wanted:
            self._wanted[number] = self.groups.of(whole).half()
        at = torch.randperm(len(whole.objects), generator=generator)[:_PAIRED]
        regions, g, keys = whole.regions[at], whole.objects.float() / 255, whole.keys[at].float()
        target = alikeness(((1 - _OWN) * together(regions) + _OWN * (keys @ keys.T))[None], g[at][None], _OBJECTS)
        seen = self.student.last(self.student.net.blocks[-_BLOCKS](whole.z[None].to(self.device).float()))
        with torch.autocast(self.device.type, enabled=False):
            tokens = seen.tokens[0].float()
            return torch.stack(
                (
                    key_loss(seen.keys[:, at].float(), target.to(self.device)),
                    attention_loss(seen.looks.float(), g.reshape(1, *whole.size).to(self.device)),
                    self.groups.loss(tokens[1:], self._wanted[number].to(tokens)),
                    1 - F.cosine_similarity(tokens[0], whole.first.to(tokens), dim=0),
                )
            )


@torch.no_grad()
def settle(network: Network, wholes: list[Whole], groups: Groups) -> None:
    """Let the last block begin with a step of mean shift in all heads but the last, and the last norm with no gain."""
    block, norm, width = network.net.blocks[-1], network.net.norm, network.net.embed_dim
    heads = block.attn.num_heads
    channels, m = width // heads, min(width // heads, groups.axes.shape[1])
    entering = [network.net.blocks[-_BLOCKS](whole.z[None].to(network.mean.device).float())[0] for whole in wholes]
    x, first = torch.cat([network.normed(z[1::5]) for z in entering]), torch.stack([network.normed(z[0]) for z in entering])
    weights = torch.cat((x.new_ones(len(x)), x.new_full((len(first),), len(x) / len(first))))
    weight, bias = block.attn.qkv.weight, block.attn.qkv.bias
    free = slice(0, width - channels)  # queries of all heads but the last
    asked = _SHARP * network.keys_of(x)[:, free], F.linear(first, weight[free], bias[free])
    affine = least_squares(torch.cat((x, first)), torch.cat(asked), weights)
    weight[free], bias[free] = affine[:-1].T, affine[-1]
    values = least_squares(x, torch.cat([groups.of(whole)[::5] for whole in wholes]).to(x))[:, :m]
    loud = _LOUD * float(torch.cat([z[1::9] for z in entering]).std(1).mean()) * width**0.5
    for head in range(heads - 1):
        own = slice(2 * width + head * channels, 2 * width + head * channels + channels)
        weight[own], bias[own] = F.pad(values[:-1].T, (0, 0, 0, channels - m)), F.pad(values[-1], (0, channels - m))
        out = F.pad(groups.directions[:, :m], (0, channels - m)).to(x) * loud / max(1, heads - 1)
        block.attn.proj.weight[:, head * channels : (head + 1) * channels] = out
    block.attn.proj.bias += loud * _COMMON * groups.common.to(x)
    norm.weight.fill_(1)
    norm.bias.zero_()
