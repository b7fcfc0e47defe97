"""How many groups: the elbow of k-means' inertia, or the silhouette; the whole curve stays with the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from segcore.cluster import choose
from segcore.cluster.kmeans import kmeans
from segcore.collection.system import MOST_GROUPS, setting
from segcore.errors import InputError
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Schema
from segcore.types import Clustering

_RESTARTS = 3  # per candidate


@dataclass(frozen=True, kw_only=True)
class ChoiceSettings(Schema):
    """How the number of groups is chosen where nobody gives it."""

    # fmt: off
    k_rule: str = setting(
        "elbow", "K is chosen by", choices=("elbow", "silhouette"),
        info="elbow: the first K after which the inertia falls too little; silhouette: the K of the highest one.")
    elbow: float = setting(
        0.975, "Elbow", lo=0.5, hi=0.999, step=0.005,
        info="K grows until the inertia of one more group is above this share of the one before.")
    most_k: int = setting(14, "Largest K tried", lo=2, hi=64, step=1, info="No more groups than this are tried.")
    # fmt: on


@dataclass(frozen=True, eq=False, slots=True)
class Chosen:
    """A number of groups, and why."""

    k: int
    scores: Mapping[int, float] = field(default_factory=dict)  # K → inertia or silhouette; empty where K was given
    notes: tuple[str, ...] = ()


def choose_k(X: Tensor, n_groups: int | None, settings: ChoiceSettings, *, seed: int) -> Steps[Progress, Chosen]:
    """Take the number of groups that was given, or let the rows choose.

    Args:
        X: (m, d) that will be clustered.
        n_groups: None to let the rows choose.
        settings: the rule.
        seed: of the restarts.

    Raises:
        InputError: there are fewer different rows than groups.

    Reference: elbow with 0.975 as dino-vit-features; Rousseeuw 1987.
    """
    if n_groups is not None:
        check_groups(n_groups, X)
        return Chosen(n_groups)

    def cluster(rows: Tensor, k: int) -> Clustering:
        return kmeans(rows, n_clusters=k, n_init=_RESTARTS, generator=torch.Generator().manual_seed(seed))

    if settings.k_rule == "silhouette":
        yield Progress("choosing K", 0, 0)
        rows = choose.sample(X, torch.Generator().manual_seed(seed))
        found = choose.silhouette(lambda _: rows, cluster, n=len(X), most=settings.most_k)
        return Chosen(found.k, dict(zip(found.candidates, found.scores, strict=True)), (found.note,))
    inertia: dict[int, float] = {}
    most = min(settings.most_k, len(X))
    for k in range(1, most + 1):
        stop_if_asked()
        inertia[k] = cluster(X, k).objective
        yield Progress("choosing K", k, most, "K")
        if k > 1 and inertia[k] > settings.elbow * inertia[k - 1]:
            return Chosen(k - 1, inertia, (f"The elbow chose K = {k - 1}.",))
    return Chosen(most, inertia, (f"The inertia falls on until K = {most}, the most that was tried.",))


def check_groups(n_groups: int, X: Tensor) -> None:
    """Check that so many groups can be made of the rows.

    Raises:
        InputError: they cannot.
    """
    n = min(len(torch.unique(X[: 4 * MOST_GROUPS], dim=0)), MOST_GROUPS) if len(X) else 0
    if not 1 <= n_groups <= n:
        limit = "the most that labels of one byte can number" if n == MOST_GROUPS else "as many different patches there are"
        raise InputError(f"n_segments must be from 1 to {n}, {limit}; got {n_groups}.", field="n_segments")
