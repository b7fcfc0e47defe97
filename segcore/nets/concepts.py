"""Concepts: a few vectors that look at a picture until each stands for a part of it."""

import torch
from torch import Tensor, nn

from segcore.numerics import normalize_rows

_HEADS = 4


class ConceptNet(nn.Module):
    """Learned first concepts (k, width), and updates that fit them to the patches of one picture.

    An update is cross-attention to the patches, self-attention among the concepts, and a network of two layers, with a
    LayerNorm after each: c ← LN(c + attention(c, X)), and so on.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor, *, n_concepts: int, width: int, n_updates: int):
        """Make one with random first weights.

        Args:
            mean: (d,) of the features of length 1.
            std: (d,) > 0.
            n_concepts: k.
            width: of concepts; a multiple of 4.
            n_updates: how many.
        """
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.inward = nn.Linear(len(mean), width)
        self.start = nn.Parameter(torch.randn(n_concepts, width))
        self.updates = nn.ModuleList(_Update(width) for _ in range(n_updates))

    def forward(self, X: Tensor) -> Tensor:
        """(b, n, k) cosines of the patches (b, n, d) of pictures with the concepts that each picture ends with."""
        z = self.inward((normalize_rows(X) - self.mean) / self.std)
        c = self.start.expand(len(X), -1, -1)
        for update in self.updates:
            c = update(c, z)
        return normalize_rows(z) @ normalize_rows(c).mT

    def cosines(self, f: Tensor) -> Tensor:
        """(h, w, k): the same of the patches of one picture (h, w, d)."""
        with torch.no_grad():
            S: Tensor = self(f.flatten(0, 1)[None])[0].reshape(*f.shape[:2], -1)
            return S


class _Update(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.across = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.among = nn.MultiheadAttention(width, _HEADS, batch_first=True)
        self.deep = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))

    def forward(self, c: Tensor, z: Tensor) -> Tensor:
        c = self.norms[0](c + self.across(c, z, z, need_weights=False)[0])
        c = self.norms[1](c + self.among(c, c, c, need_weights=False)[0])
        out: Tensor = self.norms[2](c + self.deep(c))
        return out
