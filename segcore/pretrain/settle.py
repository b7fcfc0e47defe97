"""Tokens that say what the region of a patch looks like: a last, short training of the last block.

Keys are compared within one picture only, so nothing ties patches of different pictures. What a region looks like does, once
all its patches say the same. Each patch i is described by what the last block is given anyway,

f_i = (k_i / (s ‖k_i‖), Lab_i / 25, h_i / 4)

with k the keys, Lab the mean color and h how high the patch lies (a standard score), the latter two by least squares from
the input of the block, so that nothing is asked which is not there. Steps of mean shift within the picture draw together
what is alike,

f_i ← Σ_j softmax_j(−‖f_i − f_j‖² / T) f_j

and the tokens are drawn, by 1 − cos, to U (f − μ) + 2 u_0, with U the first principal axes of f over all pictures, turned
into directions orthogonal to each other, to u_0, and to the mean of a token, which the final norm takes away.

The block begins near one such step, by least squares: its patches ask for their own keys, so its attention is mean shift on
the keys alone, and its values are f. The keys, the queries of the last head, and all blocks before stay as they are, so what
reads keys or that head finds what it found before, to the bit; [CLS], and its attention in the other heads, are drawn to
what they were.

Reference: Fukunaga and Hostetler 1975, and Cheng 1995, for mean shift that moves all points at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.image import fit_to_grid
from segcore.numerics import normalize_rows
from segcore.pretrain.networks import Network, follow
from segcore.train.learner import Learner, Loss, Turn

KEY_SPREAD = 0.89  # s: root mean square distance of keys of length 1 from the mean of their picture
LAB_UNIT, HEIGHT_UNIT = 25.0, 4.0
TEMPERATURE, N_SHIFTS = 0.25, 2
_SHARP = 4.0  # how much longer than its key the query of a patch begins
_CONSTANT = 2.0
_SPREAD = 12**-0.5  # of heights, 0 to 1
_RIDGE = 1e-3
_LOUD = 1.36  # length of what the block begins to say per unit of f, as a multiple of the length of its input
_AXES = 60
_WEIGHTS = {"patches": 10.0, "class": 1.0, "attention": 0.5}
_MOMENTUM = 0.99


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """What the last block is given of a picture, and what it made of it in the beginning."""

    z: Tensor  # (1 + n, d): tokens that enter the block, [CLS] first
    looks: Tensor  # (heads, n): logits of the attention of [CLS]
    class_token: Tensor  # (d,)
    seen: Tensor  # (n, 4): mean Lab of the patches, and how high they lie


def view(network: Network, image: Tensor, *, max_side: int, patch: int) -> View:
    """Look at a picture (height, width, 3) uint8 through all blocks."""
    pixels, grid = fit_to_grid(image, max_side=max_side, patch=patch)
    lab = torch.from_numpy(cv2.cvtColor(pixels.numpy().astype("float32") / 255, cv2.COLOR_RGB2Lab))
    lab = lab.unflatten(0, (grid.h, -1)).unflatten(2, (grid.w, -1)).mean((1, 3))
    height = (0.5 - (torch.arange(grid.h) + 0.5) / grid.h)[:, None].expand(grid.h, grid.w) / _SPREAD
    device = network.mean.device
    with torch.no_grad():
        z = network.stem(pixels.to(device).permute(2, 0, 1)[None].float() / 255)
        found = network.last(z)
    seen = torch.cat((lab, height[..., None]), dim=2).flatten(0, 1)
    return View(z[0], found.looks[0], found.tokens[0, 0], seen.to(device))


def mean_shift(f: Tensor, *, temperature: float = TEMPERATURE, n_steps: int = N_SHIFTS) -> Tensor:
    """Draw together what is alike: f_i ← Σ_j softmax_j(−‖f_i − f_j‖² / T) f_j, all rows (n, d) at once.

    Cost: O(n² d) per step.
    """
    for _ in range(n_steps):
        f = torch.softmax(-torch.cdist(f, f).square() / temperature, dim=1) @ f
    return f


def least_squares(X: Tensor, Y: Tensor, weights: Tensor | None = None) -> Tensor:
    """(d + 1, m): the affine map, its constant in the last row, with the least squared error from X (n, d) to Y (n, m).

    Args:
        X: rows.
        Y: what they should become.
        weights: (n,) of the rows, 1 if None. A ridge of 0.001 per unit of weight keeps the map small.
    """
    A = with_one(X)
    w = torch.ones_like(A[:, :1]) if weights is None else weights[:, None]
    gram = (w * A).T @ A + _RIDGE * w.sum() * torch.eye(A.shape[1], device=A.device)
    affine: Tensor = torch.linalg.solve(gram, (w * A).T @ Y)
    return affine


def with_one(X: Tensor) -> Tensor:
    """Rows (n, d) with a 1 at their end."""
    return torch.cat((X, X.new_ones(len(X), 1)), dim=1)


class SettleLearner(Learner):
    """The last block in training, on views of some pictures; `teacher`, its running mean, is what is kept."""

    clip = 3.0
    warm = 0.03

    def __init__(self, networks: tuple[Network, Network], views: Sequence[View], *, learning_rate: float = 4e-4):
        super().__init__()
        self.student, self.teacher = networks
        self.student.began = self.teacher.began = None  # nothing asks for it here
        self.views, self.learning_rate = views, learning_rate
        self.readout = least_squares(self._inputs(), torch.cat([v.seen for v in views]))
        self._settle()
        self._begin()
        self.teacher.load_state_dict(self.student.state_dict())

    def describe(self, x: Tensor) -> Tensor:
        """What describes patches, (n, d + 4), by the normed input x (n, d) of the block."""
        seen = with_one(x) @ self.readout
        lab, height = seen[:, :3] / LAB_UNIT, seen[:, 3:] / HEIGHT_UNIT
        return torch.cat((normalize_rows(self.student.keys_of(x)) / KEY_SPREAD, lab, height), dim=1)

    def losses(self, turn: Turn) -> Loss:
        """Compare what the block says of a picture with what it should."""
        number = int(torch.randint(len(self.views), (), generator=turn.generator))
        v, target = self.views[number], self.targets[number]
        found = self.student.last(v.z[None])
        tokens, others = found.tokens[0].float(), slice(0, -1)  # the last head stays as it is
        parts = {
            "patches": 1 - F.cosine_similarity(tokens[1:], target @ self.directions.T + self.constant, dim=1).mean(),
            "class": 1 - F.cosine_similarity(tokens[0], v.class_token, dim=0),
            "attention": F.kl_div(
                found.looks[0, others].float().log_softmax(1), v.looks[others].log_softmax(1),
                log_target=True, reduction="batchmean",
            ),
        }  # fmt: skip
        total = torch.stack([_WEIGHTS[name] * part for name, part in parts.items()]).sum()
        return Loss(total, {name: float(part.detach()) for name, part in parts.items()})

    def follow(self, progress: float) -> None:  # noqa: ARG002
        """Move the running mean."""
        follow(self.teacher, self.student, momentum=_MOMENTUM)

    def _inputs(self) -> Tensor:
        with torch.no_grad():
            return torch.cat([self.student.normed(v.z[1:]) for v in self.views])

    def _settle(self) -> None:
        """Shift what describes the patches of each picture, and find the axes in which it is told."""
        with torch.no_grad():
            f = [mean_shift(self.describe(self.student.normed(v.z[1:]))) for v in self.views]
        rows = torch.cat(f)
        self.mean = rows.mean(0)
        width = self.views[0].z.shape[1]
        self.axes = torch.linalg.eigh(torch.cov(rows.T)).eigenvectors.flip(1)[:, : min(_AXES, width - 2)]
        self.targets = [(one - self.mean) @ self.axes for one in f]
        random = torch.randn(width, 1 + self.axes.shape[1], generator=torch.Generator().manual_seed(0)).to(rows)
        frame = torch.linalg.qr(torch.cat((rows.new_ones(width, 1), random), dim=1)).Q
        self.constant, self.directions = _CONSTANT * frame[:, 1], frame[:, 2:]

    def _begin(self) -> None:
        """Let the block begin near one step of mean shift on the keys, with values that are what describes the patches."""
        block, norm = self.student.net.blocks[-1], self.student.net.norm
        width, heads = self.views[0].z.shape[1], block.attn.num_heads
        size = width // heads
        x, first = self._inputs(), torch.stack([v.z[0] for v in self.views])
        with torch.no_grad():
            first = self.student.normed(first)
            weights = torch.cat((x.new_ones(len(x)), x.new_full((len(first),), len(x) / len(first))))
            W, b = block.attn.qkv.weight, block.attn.qkv.bias
            free = width - size  # rows of the queries of all heads but the last
            asked = torch.cat((_SHARP * self.student.keys_of(x)[:, :free], F.linear(first, W[:free], b[:free])))
            _write(W[:free], b[:free], least_squares(torch.cat((x, first)), asked, weights))
            told = least_squares(x, (self.describe(x) - self.mean) @ self.axes)[:, :size]
            lengths = torch.cat([(v.z - v.z.mean(1, keepdim=True)).norm(dim=1) for v in self.views])
            loud = _LOUD * lengths.mean()
            for head in range(heads - 1):
                values, columns = 2 * width + head * size, head * size
                W[values : values + size], b[values : values + size] = 0, 0
                _write(W[values : values + told.shape[1]], b[values : values + told.shape[1]], told)
                block.attn.proj.weight[:, columns : columns + size] = 0
                block.attn.proj.weight[:, columns : columns + told.shape[1]] = (
                    self.directions[:, : told.shape[1]] * loud / (heads - 1)
                )
            block.attn.proj.bias += loud * self.constant
            norm.weight.fill_(1)
            norm.bias.zero_()


def _write(weight: Tensor, bias: Tensor, affine: Tensor) -> None:
    """Put an affine map (d + 1, m) into a layer's weight (m, d) and bias (m,)."""
    weight.copy_(affine[:-1].T)
    bias.copy_(affine[-1])
