"""Rows in fewer dimensions by what is no linear map: neighbors are laid close to each other. Each way needs its package."""

from importlib.util import find_spec

import torch
from torch import Tensor

from segcore.errors import InputError

LEAST_EMBEDDED = 20  # rows; fewer have no neighborhoods


def is_there(reduction: str) -> bool:
    """Whether the package of UMAP or h-NNE is installed; it has the reduction's name."""
    return find_spec(reduction) is not None


def embed(X: Tensor, reduction: str, *, n_dims: int, seed: int) -> Tensor:
    """(m, n_dims) float32: the rows of X embedded by UMAP or h-NNE, with the cosine as their likeness.

    Raises:
        InputError: the package is not installed, or there are too few rows.

    Reference: McInnes and others, UMAP, 2018; Sarfraz and others, h-NNE, 2022.
    """
    if not is_there(reduction):
        raise InputError(
            f"The reduction {reduction} needs a package that is not installed here. Install it by "
            "`pip install 'segcore[reduce]'`, or take pca.",
            field="reduce",
        )
    if len(X) < LEAST_EMBEDDED:
        raise InputError(
            f"The reduction {reduction} needs at least {LEAST_EMBEDDED} patches; got {len(X)}. Take pca.", field="reduce"
        )
    make = {"umap": _umap, "hnne": _hnne}[reduction]
    points = make(X.double().numpy(), min(n_dims, X.shape[1]), seed)
    return torch.as_tensor(points, dtype=torch.float32)


def _umap(X: object, n_dims: int, seed: int) -> object:
    from umap import UMAP

    return UMAP(n_components=n_dims, metric="cosine", random_state=seed, n_jobs=1).fit_transform(X)


def _hnne(X: object, n_dims: int, seed: int) -> object:
    from hnne import HNNE

    return HNNE(n_components=n_dims, random_state=seed).fit_transform(X)
