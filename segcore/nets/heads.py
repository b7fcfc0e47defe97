"""Heads on features of patches that stay as they are."""

import torch
from torch import Tensor, nn

from segcore.numerics import normalize_rows


class CodeHead(nn.Module):
    """The head of STEGO on features of patches: a linear map plus a network of two layers."""

    def __init__(self, d: int, size: int):
        super().__init__()
        self.linear = nn.Linear(d, size)
        self.deep = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, size))

    def forward(self, X: Tensor, kept: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Codes (…, size) of length 1 of features (…, d) of any length.

        Args:
            X: features; they are brought to the length √d. The authors' head reads them as they are: tokens of DINO, whose
                length is about that.
            kept: for each of the two branches, factors that channels of X are multiplied with.
        """
        X = normalize_rows(X) * X.shape[-1] ** 0.5
        first, second = (X, X) if kept is None else (X * kept[0], X * kept[1])
        return normalize_rows(self.linear(first) + self.deep(second))


class PatchHead(nn.Module):
    """A head on features of patches that are standardized: logits (…, K) of features (…, d)."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor, hidden: int, n_groups: int):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        d, self.n_groups = len(mean), n_groups
        self.layers = (
            nn.Sequential(nn.Linear(d, hidden), nn.ReLU(), nn.Linear(hidden, n_groups)) if hidden else nn.Linear(d, n_groups)
        )

    def forward(self, X: Tensor) -> Tensor:
        """Features are brought to length 1 and standardized before they are read."""
        logits: Tensor = self.layers((normalize_rows(X) - self.mean) / self.std)
        return logits

    def scores(self, f: Tensor) -> Tensor:
        """(h, w, K) probabilities of features (h, w, d)."""
        with torch.no_grad():
            return torch.softmax(self(f), -1)


class PartHead(nn.Module):
    """The head of Leopart: codes of length 1 of standardized features, and prototypes of length 1."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor, *, hidden: int, size: int, n_prototypes: int):
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.layers = nn.Sequential(nn.Linear(len(mean), hidden), nn.GELU(), nn.Linear(hidden, size))
        self.prototypes = nn.Parameter(normalize_rows(torch.randn(n_prototypes, size)))

    def forward(self, X: Tensor) -> Tensor:
        """(…, P) cosines of the codes of features (…, d) with the prototypes."""
        return self.codes(X) @ normalize_rows(self.prototypes).T

    def codes(self, X: Tensor) -> Tensor:
        """(…, size) of length 1, of features (…, d)."""
        return normalize_rows(self.layers((normalize_rows(X) - self.mean) / self.std))
