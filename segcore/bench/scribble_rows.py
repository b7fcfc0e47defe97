"""The rows of the bench for strokes: a new stroke by graph cut and random walker, and the linear head."""

from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor

from segcore.bench.measure import Row
from segcore.bench.opponents import need
from segcore.bench.scenes import patch_features, scene
from segcore.heads.linear import LinearHead, train_head
from segcore.scribble import max_flow
from segcore.scribble.coarse_cut import Cut, Links, banded_cut, links_of
from segcore.scribble.energy import Shades, bound_costs, color_costs, contrast_links, shades_of
from segcore.scribble.strokes import rasterize, read_strokes
from segcore.scribble.walker import random_walker

_STROKES = read_strokes(
    [
        {"label": 1, "width": 0.02, "points": [[0.35, 0.4], [0.5, 0.55], [0.6, 0.45]]},
        {"label": 2, "width": 0.02, "points": [[0.05, 0.95], [0.05, 0.05], [0.95, 0.05]]},
    ]
)
_LABELS = (1, 2)
_WEIGHT = 20.0


def scribble_rows(_device: torch.device) -> Iterator[Row]:
    """What happens between a stroke and the result, at 320 × 480; and the head at n = 3600."""
    image = scene(320, 480)
    seeds = rasterize(_STROKES, (320, 480))
    # Of the picture alone, so the page remembers them.
    links, shades = links_of(contrast_links(image, weight=_WEIGHT)), shades_of(image)
    here = [("scipy", "≥ 1×")] + [("ortools", "≥ 2×")] * (max_flow.best_solver() == "ortools")
    for solver, target in here:
        yield Row(
            f"scribble: graph cut after a new stroke, 320×480, {solver}",
            partial(_cut, image, links, shades, solver),
            {"cv2.grabCut, 1 iteration": _grabcut(image, seeds)},
            lambda ours, _theirs: _certified(ours),
            target,
        )
    yield Row(
        "scribble: random walker, 320×480",
        lambda: random_walker(seeds, links.pairwise)[1],
        {"scikit-image, cg_j": _skimage_walker(image, seeds)},
        repetitions=3,
    )
    _, X = patch_features(60, 384, torch.device("cpu"))
    y = (X[:, :4] - X[:, :4].mean(0)).argmax(1)
    yield Row(
        "scribble: linear head, n = 3600, d = 384, 4 labels",
        partial(train_head, X, torch.nn.functional.one_hot(y, 4).float()),
        {"sklearn LogisticRegression": _sklearn_head(X, y)},
        partial(_same_probabilities, X),
        "≤ 100 ms",
    )


def _cut(image: Tensor, links: Links, shades: Shades, solver: str) -> Cut:
    seeds = rasterize(_STROKES, (image.shape[0], image.shape[1]))
    costs = color_costs(image, seeds, _LABELS, model="mixture", shades=shades)
    return banded_cut(bound_costs(costs, links.pairwise, seeds, _LABELS), links, solve=max_flow.solver_named(solver))


def _certified(cut: Cut) -> str | None:
    gap = abs(cut.energy - (cut.flow or 0.0))
    return None if gap <= cut.rounding else f"the flow differs from the cut by {gap:.2g}"


def _grabcut(image: Tensor, seeds: Tensor) -> Callable[[], np.ndarray]:
    """cv2.grabCut from a mask of the same strokes; one iteration, which fits its mixtures and cuts once."""
    bgr = np.ascontiguousarray(image.numpy()[..., ::-1])
    start = np.full(bgr.shape[:2], cv2.GC_PR_BGD, np.uint8)
    start[seeds.numpy() == 1] = cv2.GC_FGD
    start[seeds.numpy() == 2] = cv2.GC_BGD

    def run() -> np.ndarray:
        mask = start.copy()
        cv2.grabCut(bgr, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
        return mask

    return run


def _skimage_walker(image: Tensor, seeds: Tensor) -> Callable[[], np.ndarray]:
    data, marks = image.numpy(), seeds.numpy().astype(np.int64)

    def run() -> np.ndarray:
        walker = need("skimage.segmentation").random_walker
        found: np.ndarray = walker(data, marks, mode="cg_j", channel_axis=-1, return_full_prob=True)
        return found

    return run


def _sklearn_head(X: Tensor, y: Tensor) -> Callable[[], np.ndarray]:
    """The probabilities, on standardized features, at its own tolerance: up to 0.02 from the optimum."""
    rows = X.double().numpy()
    rows = (rows - rows.mean(0)) / rows.std(0)

    def run() -> np.ndarray:
        model = need("sklearn.linear_model").LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
        found: np.ndarray = model.fit(rows, y.numpy()).predict_proba(rows)
        return found

    return run


def _same_probabilities(X: Tensor, ours: LinearHead, theirs: np.ndarray) -> str | None:
    worst = float(np.abs(ours.probabilities(X).numpy() - theirs).max())
    return None if worst <= 0.03 else f"probabilities differ by {worst:.2g}"
