"""k-means over the patches of all pictures: the plainest system, and what the others are measured against."""

from dataclasses import dataclass

import torch

from segcore.cluster.kmeans import kmeans
from segcore.collection.choose import ChoiceSettings, choose_k
from segcore.collection.collection import Collection
from segcore.collection.label import label_all, scores_by
from segcore.collection.rows import RowSettings, means_of, rows_of
from segcore.collection.system import CollectionSystem, Grouping, GroupSteps, setting
from segcore.runtime.steps import Progress


@dataclass(frozen=True, kw_only=True)
class KMeansSettings(RowSettings, ChoiceSettings):
    """The tunables of k-means."""

    n_init: int = setting(10, "Restarts", "Runs from different starts; the lowest inertia wins.", lo=1, hi=50, step=1)


def run_kmeans(collection: Collection, *, n_groups: int | None, seed: int, settings: KMeansSettings) -> GroupSteps:
    """Cluster a sample of all patches, and give every patch the group of its nearest center.

    Reference: Lloyd 1982; over the patches of several pictures: Amir and others 2021.
    """
    yield Progress("sample", 0, 0)
    rows = rows_of(collection, settings, seed=seed)
    yield Progress("clusters", 0, 0)
    choice = yield from choose_k(rows.points, n_groups, settings, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    found = kmeans(rows.points, n_clusters=choice.k, n_init=settings.n_init, generator=generator)
    scorer = rows.scorer(found.labels, choice.k)
    labels = yield from label_all(collection, scorer)
    return Grouping(
        "kmeans",
        choice.k,
        labels,
        scores_by(scorer),
        facts={"inertia": found.objective, "iterations": found.n_iter, "patches": len(rows.points)},
        choice=choice.scores,
        tensors={"centers": means_of(rows.sample.X, found.labels, choice.k)},
        notes=(*rows.notes, *found.notes, *choice.notes),
    )


KMEANS = CollectionSystem(
    name="kmeans",
    title="k-means",
    summary="The patches of all pictures in K clusters of small squared distance to their means.",
    formula=r"\min_{c} \sum_i \min_k \lVert \hat x_i - c_k \rVert^2",
    source="Lloyd 1982",
    settings=KMeansSettings,
    run=run_kmeans,
    chooses_k=True,
    reads={"facet": "token"},
)
