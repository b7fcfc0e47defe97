"""Spectral clustering on one graph of the patches of all pictures: blocks of W link patches of one picture and of two.

W_ij = max(0, cos(x_i, x_j)) with features centered per picture, as else light and style of a picture cut it from all others.
The eigenvectors of a seeded sample are carried to all other patches by Nyström's formula, v(x) = Σ_j w(x, j) v_j / (d(x) (1
− μ)).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.cluster.kmeans import kmeans
from segcore.collection.choose import check_groups
from segcore.collection.collection import Collection
from segcore.collection.label import label_all, scores_by
from segcore.collection.rows import Space, means_of, spread_of
from segcore.collection.system import CollectionSystem, Grouping, GroupSteps, setting
from segcore.graph.eigen import smallest_eigenpairs
from segcore.numerics import normalize_rows
from segcore.runtime.steps import Progress
from segcore.settings import Schema

_LEAST_GAP = 0.02  # 1 − μ is not taken for smaller: such vectors say nothing of patches outside the sample


@dataclass(frozen=True, kw_only=True)
class JointSpectralSettings(Schema):
    """The tunables of spectral clustering on the joint graph."""

    # fmt: off
    n_sample: int = setting(
        4000, "Patches in the graph", lo=100, hi=20_000, step=100,
        info="The graph has so many nodes, equally many of each picture; W takes their square.")
    center: bool = setting(
        True, "Spatial centering",
        info="Subtract each picture's mean feature; without it pictures of one light stay together.")
    sharpen: float = setting(
        8.0, "Exponent of the weights", lo=0.5, hi=20.0, step=0.5,
        info="Weights are cosines to this power: more sees only what is very alike.")
    n_init: int = setting(
        10, "Restarts", lo=1, hi=50, step=1, info="Runs of k-means on the eigenvectors; the lowest inertia wins.")
    # fmt: on


def run_joint_spectral(collection: Collection, *, n_groups: int, seed: int, settings: JointSpectralSettings) -> GroupSteps:
    """Cut the joint graph, and carry its eigenvectors to every patch.

    Reference: Melas-Kyriazi and others 2022; Fowlkes and others, Nyström, 2004.
    """
    yield Progress("sample", 0, 0)
    space = Space(settings.center)
    sample = collection.sample(settings.n_sample, seed=seed, rows=space.rows)
    check_groups(n_groups, sample.X)
    X = normalize_rows(sample.X)

    def weights(rows: Tensor) -> Tensor:
        return (normalize_rows(rows) @ X.T).clamp_min(0) ** settings.sharpen

    yield Progress("joint graph", 0, 0)
    W = weights(sample.X)
    spectrum = smallest_eigenpairs((W + W.T) / 2, n_vectors=min(n_groups + 1, len(X)))
    scale = (1 - spectrum.eigenvalues).clamp_min(_LEAST_GAP).to(X)

    def embed(w: Tensor) -> Tensor:
        V = w @ spectrum.V / w.sum(1, keepdim=True).clamp_min(1e-12) / scale
        return normalize_rows(V)

    yield Progress("clusters", 0, 0)
    Y = embed(W)
    found = kmeans(Y, n_clusters=n_groups, n_init=settings.n_init, generator=torch.Generator().manual_seed(seed))
    centers, spread = means_of(Y, found.labels, n_groups), max(spread_of(Y, found.labels), 1e-12)

    def scorer(f: Tensor) -> Tensor:
        d2 = torch.cdist(embed(weights(space.rows(f))), centers).square()
        return torch.softmax(-d2 / spread, 1).reshape(*f.shape[:2], -1)

    labels = yield from label_all(collection, scorer)
    return Grouping(
        "joint_spectral",
        n_groups,
        labels,
        scores_by(scorer),
        facts={
            "patches": len(X),
            "components": spectrum.n_components,
            "eigenvalues": ", ".join(f"{mu:.3f}" for mu in spectrum.eigenvalues.tolist()),
        },
        tensors={"eigenvalues": spectrum.eigenvalues, "centers": centers},
        notes=tuple(filter(None, (sample.note, *spectrum.notes))),
    )


JOINT_SPECTRAL = CollectionSystem(
    name="joint_spectral",
    title="Joint spectral clustering",
    summary="Normalized cut of one graph whose nodes are patches of all pictures.",
    formula=r"L v = \mu D v,\quad W = \begin{pmatrix} W_{11} & W_{12} \\ W_{21} & W_{22} \end{pmatrix}",
    source="Melas-Kyriazi et al. 2022",
    settings=JointSpectralSettings,
    run=run_joint_spectral,
    reads={"facet": "token"},
)
