"""What is clustered: patch features as rows of length 1, perhaps centered per picture and with fewer dimensions.

Distances lose their meaning in many dimensions: the nearest and the farthest neighbor become equally far. PCA keeps the axes
of largest variance; UMAP and h-NNE lay neighbors close to each other in few dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.cluster.embed import embed
from segcore.cluster.gmm import principal_axes
from segcore.collection.collection import Collection, Sample
from segcore.collection.system import setting
from segcore.graph.neighbors import nearest_rows
from segcore.numerics import normalize_rows
from segcore.settings import Schema

REDUCTIONS = ("none", "pca", "umap", "hnne")
_VOTES = 10  # nearest patches of the sample that decide on a patch outside, where the reduction is no linear map


@dataclass(frozen=True, kw_only=True)
class RowSettings(Schema):
    """How the rows that are clustered come from the features."""

    # fmt: off
    n_sample: int = setting(
        20_000, "Patches in the sample", lo=200, hi=200_000, step=100,
        info="Groups are found on about so many patches, equally many of each picture; then every patch gets one.")
    center: bool = setting(
        True, "Spatial centering",
        info="Subtract each picture's mean feature, so that light and style of a picture do not make groups.")
    reduce: str = setting(
        "pca", "Reduction", choices=REDUCTIONS,
        info="What is done about many dimensions before clustering; umap and hnne need their packages.")
    dims: int = setting(
        32, "Dimensions", lo=2, hi=256, step=1,
        info="How many dimensions the reduction leaves.")
    # fmt: on


@dataclass(frozen=True, eq=False, slots=True)
class Space:
    """How rows are made of the features of a picture: x̂ = (x / ‖x‖ − m_picture − mean) A."""

    center: bool
    mean: Tensor | None = None  # (d,)
    axes: Tensor | None = None  # (d, d')
    share: float = 1.0  # of the variance of the rows that the axes keep

    def rows(self, f: Tensor) -> Tensor:
        """(h · w, d') float32 of features (h, w, d)."""
        X = normalize_rows(f.flatten(0, 1))
        if self.center:
            X = X - X.mean(0)
        return X if self.axes is None or self.mean is None else (X - self.mean) @ self.axes


@dataclass(frozen=True, eq=False, slots=True)
class PatchRows:
    """A sample in the space that is clustered."""

    sample: Sample  # its X are rows of `space`
    space: Space
    points: Tensor  # (m, d'') what is clustered: X itself, or its embedding
    notes: tuple[str, ...] = ()

    @property
    def is_linear(self) -> bool:
        """Whether other patches can be brought to the same points."""
        return self.points is self.sample.X

    def scorer(self, labels: Tensor, n_groups: int) -> Callable[[Tensor], Tensor]:
        """Makes scores (h, w, K) of the features of any picture, from labels (m,) of the sample.

        Of points of a linear map: p_k ∝ exp(−‖x − c_k‖² / T), with c_k the mean of a group and T the mean squared distance
        of the sample to its own mean. Otherwise: the shares of the groups among the nearest patches of the sample.
        """
        if self.is_linear:
            return center_scorer(self.space, means_of(self.points, labels, n_groups), spread_of(self.points, labels))
        return neighbor_scorer(self.space, self.sample.X, labels, n_groups)


def rows_of(collection: Collection, settings: RowSettings, *, seed: int) -> PatchRows:
    """Draw a sample, and bring it to the space in which it is clustered.

    Raises:
        InputError: the reduction needs a package that is not installed.
    """
    space = Space(settings.center)
    sample = collection.sample(settings.n_sample, seed=seed, rows=space.rows)
    notes = tuple(filter(None, (sample.note,)))
    if settings.reduce == "none" or sample.X.shape[1] <= settings.dims:
        return PatchRows(sample, space, sample.X, notes)
    if settings.reduce != "pca":
        return PatchRows(sample, space, embed(sample.X, settings.reduce, n_dims=settings.dims, seed=seed), notes)
    axes, share = principal_axes(sample.X, n_dims=settings.dims)
    axes, mean = axes.float(), sample.X.mean(0)
    space = Space(settings.center, mean, axes, share)
    X = (sample.X - mean) @ axes
    note = f"Clustered in the first {X.shape[1]} principal components, which hold {share:.0%} of the variance."
    return PatchRows(Sample(X, sample.picture, sample.cell, sample.n_total), space, X, (*notes, note))


def means_of(X: Tensor, labels: Tensor, n_groups: int) -> Tensor:
    """(K, d): the mean row of each group; 0 of an empty one."""
    members = torch.nn.functional.one_hot(labels, n_groups).to(X)
    return (members.T @ X) / members.sum(0)[:, None].clamp_min(1)


def spread_of(X: Tensor, labels: Tensor) -> float:
    """Mean squared distance of the rows to the mean of their own group."""
    means = means_of(X, labels, int(labels.max()) + 1)
    return float((X - means[labels]).square().sum(1).mean())


def center_scorer(space: Space, centers: Tensor, spread: float) -> Callable[[Tensor], Tensor]:
    """p_k ∝ exp(−‖x − c_k‖² / spread) of the rows of a picture."""

    def scores(f: Tensor) -> Tensor:
        X = space.rows(f)
        d2 = torch.cdist(X, centers).square()
        return torch.softmax(-d2 / max(spread, 1e-12), 1).reshape(*f.shape[:2], -1)

    return scores


def neighbor_scorer(space: Space, X: Tensor, labels: Tensor, n_groups: int) -> Callable[[Tensor], Tensor]:
    """Shares of the groups among the nearest rows of a sample, by the cosine."""
    unit, votes = normalize_rows(X), torch.nn.functional.one_hot(labels, n_groups).float()

    def scores(f: Tensor) -> Tensor:
        rows = normalize_rows(space.rows(f))
        _, near = nearest_rows(rows, unit, min(_VOTES, len(unit)))
        return votes[near].mean(1).reshape(*f.shape[:2], -1)

    return scores
