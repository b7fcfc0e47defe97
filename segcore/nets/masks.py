"""A dense mask head on features of patches that stay as they are: what CutLER's detector is made small.

Convolutions make a map F of the patches. Each of S × S places over the picture says how likely the middle of an object lies
there, o_g, and what its object looks like, w_g; the object's mask is the answer of w_g at every patch:

    M_g(u) = sigmoid(w_g · [F_u, x_u − x_g, y_u − y_g, |u − g|²])

Reference: Wang and others 2020 (SOLOv2), Tian and others 2020 (CondInst) for masks as filters; CutLER has a Cascade R-CNN.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.errors import InputError

MOST = 30  # objects of a picture
_LEAST_OBJECT = 0.1  # likelihood of a place from which on it counts
_MOST_OVERLAP = 0.5  # IoU with a surer mask; above, it is the same object
_PRIOR = -2.2  # logit of a place's likelihood before anything is learned
_WHERE = 4  # of the filter: offsets along x and y, squared distance, and a constant


class MaskHead(nn.Module):
    """Masks and their likelihoods from features (b, h, w, d), which are standardized."""

    mean: Tensor
    std: Tensor

    def __init__(self, d: int, *, places: int = 10, size: int = 64, filters: int = 16):
        super().__init__()
        self.places = places
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("std", torch.ones(d))
        self.trunk = nn.Sequential(
            nn.Conv2d(d, size, 1), nn.ReLU(),
            nn.Conv2d(size, size, 3, padding=1, bias=False), nn.GroupNorm(8, size), nn.ReLU(),
            nn.Conv2d(size, size, 3, padding=2, dilation=2, bias=False), nn.GroupNorm(8, size), nn.ReLU(),
        )  # fmt: skip
        self.map = nn.Conv2d(size, filters, 1)
        told = nn.Conv2d(size, 1 + filters + _WHERE, 1, bias=False)
        self.at_places = nn.Sequential(
            nn.Conv2d(size, size, 3, padding=1, bias=False), nn.GroupNorm(8, size), nn.ReLU(), told
        )
        self.prior = nn.Parameter(torch.tensor(_PRIOR))

    def forward(self, f: Tensor) -> tuple[Tensor, Tensor]:
        """Look at pictures.

        Args:
            f: (b, h, w, d) features as they are.

        Returns:
            (b, S²) logits of the places, and (b, S², h, w) logits of their masks.
        """
        s, (h, w) = self.places, f.shape[1:3]
        x = self.trunk(((f - self.mean) / self.std).movedim(-1, 1))
        told = self.at_places(F.adaptive_avg_pool2d(x, s)).flatten(2).mT
        likely, w_map, w_where = told.split([1, told.shape[2] - 1 - _WHERE, _WHERE], 2)
        masks = w_map @ self.map(x).flatten(2) + torch.einsum("bgc,gcn->bgn", w_where, _offsets(s, h, w).to(f))
        return self.prior + likely[..., 0], masks.unflatten(2, (h, w))

    def found(self, f: Tensor, *, most: int = MOST) -> tuple[Tensor, Tensor]:
        """The objects of one picture.

        Args:
            f: (h, w, d).
            most: how many at most.

        Returns:
            (m, h, w) in [0, 1], above ½ inside; and (m,) scores in [0, 1], descending: likelihood times the mean of the mask
            inside. Of two that overlap with an IoU above ½ the surer one stays.
        """
        with torch.no_grad():
            likely, masks = (x[0].float().sigmoid() for x in self(f[None]))
        inside = masks > 0.5
        area = inside.sum((1, 2))
        scores = likely * (masks * inside).sum((1, 2)) / area.clamp_min(1)
        order = [g for g in scores.argsort(descending=True).tolist() if likely[g] > _LEAST_OBJECT and area[g] > 0]
        kept: list[int] = []
        ious = mask_ious(inside[order], inside[order])
        for i in range(len(order)):
            if len(kept) < most and all(ious[i, j] <= _MOST_OVERLAP for j in kept):
                kept.append(i)
        chosen = torch.tensor([order[i] for i in kept], dtype=torch.int64, device=f.device)
        return masks[chosen], scores[chosen]


def mask_ious(a: Tensor, b: Tensor) -> Tensor:
    """(m, n) float32 IoU of all pairs of masks (m, h, w) and (n, h, w) bool; 0 where both are empty."""
    x, y = (m.flatten(1).float() for m in (a, b))
    both = x @ y.T
    union = x.sum(1)[:, None] + y.sum(1)[None] - both
    return both / union.clamp_min(1)


def place_of(masks: Tensor, places: int) -> Tensor:
    """(m,) int64 places, row by row, in which the middles of masks (m, h, w) bool lie.

    Raises:
        InputError: one is empty.
    """
    _, h, w = masks.shape
    if not bool(masks.flatten(1).any(1).all()):
        raise InputError("A mask to learn from has no patch.", field="masks")
    area = masks.sum((1, 2))
    y = (masks.sum(2) * torch.arange(h, device=masks.device)).sum(1) / area
    x = (masks.sum(1) * torch.arange(w, device=masks.device)).sum(1) / area
    row, column = (((at + 0.5) / n * places).long().clamp(0, places - 1) for at, n in ((y, h), (x, w)))
    return row * places + column


def _offsets(s: int, h: int, w: int) -> Tensor:
    """(S², 4, h · w): x_u − x_g, y_u − y_g, |u − g|² and 1, with the picture's sides as unit, times 4."""
    gy, gx = torch.meshgrid((torch.arange(s) + 0.5) / s, (torch.arange(s) + 0.5) / s, indexing="ij")
    uy, ux = torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")
    dx, dy = (4 * (u.flatten()[None] - g.flatten()[:, None]) for u, g in ((ux, gx), (uy, gy)))
    return torch.stack([dx, dy, dx**2 + dy**2, torch.ones_like(dx)], 1)
