"""How many segments: rules that let the data choose K.

Each rule scores the candidates and names the best; they answer different questions and may disagree.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.types import Clustering, Spectrum

MOST = 10  # largest K that silhouette and BIC try; each candidate is a clustering of its own


@dataclass(frozen=True, slots=True)
class Choice:
    """The candidates K, their scores, and the K that was chosen."""

    rule: str
    candidates: tuple[int, ...]
    scores: tuple[float, ...]
    k: int

    @property
    def note(self) -> str:
        """The choice in words."""
        return f"The {self.rule} chose K = {self.k} out of {self.candidates[0]} … {self.candidates[-1]}."


def eigengap(spectrum: Spectrum, *, most: int) -> Choice:
    """Choose the K with the largest gap μ_K − μ_{K−1}.

    The gap behind μ_0 is left out: it speaks for one segment, which is no segmentation.

    Args:
        spectrum: at least 3 eigenpairs.
        most: largest K to consider.

    Reference: von Luxburg 2007, section 8.3.
    """
    scores = tuple(spectrum.gaps[1:most].tolist())
    return _choose("eigengap", range(2, 2 + len(scores)), scores)


def silhouette(X: Tensor, cluster: Callable[[int], Clustering]) -> tuple[Choice, Clustering]:
    """Choose the K whose clusters have the highest mean silhouette.

    The silhouette of a row is (b − a) / max(a, b), a its mean distance to its own cluster, b to the nearest other one.

    Args:
        X: (n, d), n > 2.
        cluster: makes a clustering of X with the K it is given.

    Returns:
        The choice (scores in [−1, 1], larger is better), and the clustering it belongs to.

    Cost: one (n, n) matrix of distances, and a clustering per candidate.

    Reference: Rousseeuw 1987.
    """
    distances = torch.cdist(X, X)
    candidates = range(2, min(MOST, len(X) - 1) + 1)
    clusterings = [cluster(k) for k in candidates]
    choice = _choose("silhouette", candidates, tuple(_mean_silhouette(distances, c.labels) for c in clusterings))
    return choice, clusterings[choice.k - 2]


def bic(n: int, cluster: Callable[[int], Clustering]) -> tuple[Choice, Clustering]:
    """Choose the K with the lowest Bayesian information criterion, p log n − 2 log L.

    Args:
        n: number of rows.
        cluster: makes a mixture with the K it is given, with its BIC among the facts.

    Returns:
        The choice (scores are −BIC, larger is better), and the mixture it belongs to.

    Reference: Schwarz 1978.
    """
    candidates = range(2, min(MOST, n - 1) + 1)
    clusterings = [cluster(k) for k in candidates]
    choice = _choose("BIC", candidates, tuple(-float(c.facts["bic"]) for c in clusterings))
    return choice, clusterings[choice.k - 2]


def _choose(rule: str, candidates: range, scores: tuple[float, ...]) -> Choice:
    best = max(range(len(scores)), key=scores.__getitem__)
    return Choice(rule, tuple(candidates), scores, candidates[best])


def _mean_silhouette(distances: Tensor, labels: Tensor) -> float:
    one_hot = torch.nn.functional.one_hot(labels).to(distances.dtype)
    counts = one_hot.sum(0)
    sums = distances @ one_hot
    own = counts[labels]
    a = sums.gather(1, labels[:, None])[:, 0] / (own - 1).clamp_min(1)
    b = (sums / counts).scatter(1, labels[:, None], torch.inf).min(1).values
    s = (b - a) / torch.maximum(a, b).clamp_min(torch.finfo(distances.dtype).tiny)
    return float(torch.where(own > 1, s, 0.0).mean())  # a cluster of one counts 0, as Rousseeuw defines it
