"""Spectral bipartition: threshold the Fiedler vector, the second smallest eigenvector of the Laplacian."""

from torch import Tensor

from segcore.checks import check_choice, check_range
from segcore.cut.foreground import named_rule, object_side, weak_cut_notes
from segcore.cut.ncut import ncut_sweep, ncut_value
from segcore.errors import InputError
from segcore.types import Bipartition, Spectrum

THRESHOLDS = ("zero", "mean", "best_ncut", "value")


def fiedler_cut(
    W: Tensor,
    spectrum: Spectrum,
    *,
    h: int,
    w: int,
    threshold: str,
    cut_at: float = 0.0,
    object_rule: str,
    flip: bool = False,
    knn_share: float = 0.0,
) -> Bipartition:
    """Cut a graph in two where the Fiedler vector passes a threshold.

    Args:
        W: (n, n) the graph.
        spectrum: at least two eigenpairs of it.
        h: rows of the grid.
        w: columns of the grid, n = h·w.
        threshold: "zero"; "mean" of v; "best_ncut": the threshold of the lowest Ncut; "value": cut_at · max |v|.
        cut_at: in [−1, 1].
        object_rule: which side is the object, see `object_side`.
        flip: take the other side after the rule has spoken.
        knn_share: share of W that comes from neighbors in color and position, see `weak_cut_notes`.

    Returns:
        Bipartition with its Ncut.

    Raises:
        InputError: there is no second eigenvector, or all entries lie on one side of the threshold.

    Reference: Shi and Malik 2000; Melas-Kyriazi et al. 2022.
    """
    check_choice("threshold", threshold, THRESHOLDS)
    check_range("cut_at", cut_at, lo=-1, hi=1)
    if spectrum.V.shape[1] < 2:
        raise InputError(
            f"A two-way cut needs at least 2 patches; this picture has {h}×{w}. Raise max_side, or take a larger picture.",
            field="max_side",
        )
    v = spectrum.fiedler
    t = _threshold(W, v, threshold, cut_at)
    side = v > t
    if not bool(side.any()) or bool(side.all()):
        raise InputError(
            f"All entries of the Fiedler vector lie on one side of {t:.3g}; move cut_at nearer to 0.", field="cut_at"
        )
    obj = object_side(side, v, h=h, w=w, rule=object_rule)
    value = ncut_value(W, side)
    return Bipartition(
        side=~obj if flip else obj,
        v=v,
        threshold=t,
        cut_value=value,
        facts={"ncut": value, "threshold": t, "object": named_rule(object_rule, flip=flip)},
        notes=weak_cut_notes(value, knn_share=knn_share),
    )


def _threshold(W: Tensor, v: Tensor, rule: str, cut_at: float) -> float:
    if rule == "best_ncut":
        thresholds, values = ncut_sweep(W, v)
        return float(thresholds[values.argmin()]) if len(values) else 0.0
    if rule == "mean":
        return float(v.mean())
    return cut_at * float(v.abs().max()) if rule == "value" else 0.0
