"""How many segments: rules that let the data choose K.

Each rule scores the candidates and names the best; they answer different questions and may disagree.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.types import Clustering, Spectrum

MOST = 12  # largest K that silhouette and BIC try; each candidate is a clustering of its own
MOST_ROWS = 2000  # larger sets are judged by a sample: the candidates stay affordable, and K hardly depends on it


@dataclass(frozen=True, slots=True)
class Choice:
    """The whole curve of a rule: the candidates K, their scores (larger is better), and the K that was chosen."""

    rule: str
    candidates: tuple[int, ...]
    scores: tuple[float, ...]
    k: int
    n_rows: int  # judged, of n
    n: int

    @property
    def note(self) -> str:
        """The choice in words."""
        sample = "" if self.n_rows == self.n else f", on a sample of {self.n_rows:,} of {self.n:,} patches"
        return f"The {self.rule} chose K = {self.k} out of {self.candidates[0]} … {self.candidates[-1]}{sample}."


def eigengap(spectrum: Spectrum, *, most: int) -> Choice:
    """Choose the K with the largest gap μ_K − μ_{K−1}.

    The gap behind μ_0 is left out: it speaks for one segment, which is no segmentation.

    Args:
        spectrum: at least 3 eigenpairs.
        most: largest K to consider.

    Reference: von Luxburg 2007, section 8.3.
    """
    n = len(spectrum.V)
    scores = tuple(spectrum.gaps[1:most].tolist())
    return _choose("eigengap", range(2, 2 + len(scores)), scores, n_rows=n, n=n)


def silhouette(
    rows: Callable[[int], Tensor], cluster: Callable[[Tensor, int], Clustering], *, n: int, most: int = MOST
) -> Choice:
    """Choose the K whose clusters have the highest mean silhouette.

    The silhouette of a row is (b − a) / max(a, b), a its mean distance to its own cluster, b to the nearest other one.

    Args:
        rows: gives what is clustered for a K, (m, d) with m > 2; the same rows for each K, or an embedding that grows.
        cluster: makes a clustering of rows with the K it is given.
        n: number of all rows, of which those m may be a sample.
        most: largest K to consider; never more than `MOST`.

    Returns:
        The choice; scores in [−1, 1].

    Cost: a clustering and one (m, m) matrix of distances per candidate.

    Reference: Rousseeuw 1987.
    """
    m = len(rows(2))
    candidates = range(2, min(MOST, most, m - 1) + 1)
    scores = []
    for k in candidates:
        X = rows(k)
        scores.append(_mean_silhouette(torch.cdist(X, X), cluster(X, k).labels))
    return _choose("silhouette", candidates, tuple(scores), n_rows=m, n=n)


def bic(X: Tensor, cluster: Callable[[Tensor, int], Clustering], *, n: int) -> Choice:
    """Choose the K with the lowest Bayesian information criterion, p log m − 2 log L.

    Args:
        X: (m, d), m > 2.
        cluster: makes a mixture of rows with the K it is given, with its BIC among the facts.
        n: number of all rows, of which X may be a sample.

    Returns:
        The choice; scores are −BIC.

    Reference: Schwarz 1978.
    """
    candidates = range(2, min(MOST, len(X) - 1) + 1)
    scores = tuple(-float(cluster(X, k).facts["bic"]) for k in candidates)
    return _choose("BIC", candidates, scores, n_rows=len(X), n=n)


def sample(X: Tensor, generator: torch.Generator) -> Tensor:
    """At most `MOST_ROWS` rows of X, drawn without replacement, in their order; all of them where there are no more."""
    if len(X) <= MOST_ROWS:
        return X
    return X[torch.randperm(len(X), generator=generator)[:MOST_ROWS].sort().values.to(X.device)]


def _choose(rule: str, candidates: range, scores: tuple[float, ...], *, n_rows: int, n: int) -> Choice:
    best = max(range(len(scores)), key=scores.__getitem__)
    return Choice(rule, tuple(candidates), scores, candidates[best], n_rows, n)


def _mean_silhouette(distances: Tensor, labels: Tensor) -> float:
    one_hot = torch.nn.functional.one_hot(labels).to(distances.dtype)
    counts = one_hot.sum(0)
    sums = distances @ one_hot
    own = counts[labels]
    a = sums.gather(1, labels[:, None])[:, 0] / (own - 1).clamp_min(1)
    b = (sums / counts).scatter(1, labels[:, None], torch.inf).min(1).values
    s = (b - a) / torch.maximum(a, b).clamp_min(torch.finfo(distances.dtype).tiny)
    return float(torch.where(own > 1, s, 0.0).mean())  # a cluster of one counts 0, as Rousseeuw defines it
