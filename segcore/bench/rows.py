"""The rows of the bench: each names a piece of work, those who do it, and when their answers agree."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from segcore.bench import opponents
from segcore.bench.measure import Measured, Row, measure
from segcore.bench.method_rows import method_rows
from segcore.bench.scenes import graph, patch_features, scene
from segcore.bench.scribble_rows import scribble_rows
from segcore.bench.track_rows import track_rows
from segcore.cluster.gmm import gaussian_mixture
from segcore.cluster.kmeans import kmeans
from segcore.cluster.spectral import spectral_clustering
from segcore.errors import InputError
from segcore.features import BACKBONES, extract_features
from segcore.features.vit import random_vit
from segcore.graph.affinity import color_knn_affinity, cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs
from segcore.image import fit_to_grid
from segcore.pipeline import Pipeline
from segcore.pipeline.stages import plan, signature
from segcore.refine.crf import mean_field, unary_from_probabilities
from segcore.refine.permutohedral import build_lattice
from segcore.runtime.device import make_generator
from segcore.settings import CRF_PRESETS, DEFAULTS, Settings
from segcore.types import FeatureGrid
from segcore.upsample import UPSAMPLERS, upsample

_N_VECTORS = 16
_K = 8


def affinity_rows(device: torch.device) -> Iterator[Row]:
    """W_feat and W_knn."""
    image, X = patch_features(60, 384, device)
    yield Row(
        "W_feat, n = 3600, d = 384",
        partial(cosine_affinity, X),
        {"NumPy": opponents.numpy_affinity(X)},
        lambda ours, theirs: _far(ours, theirs, 1e-4),
    )
    psi = torch.rand(3600, 6, generator=make_generator(0))
    yield Row(
        "W_knn, n = 3600, 20 neighbors",
        partial(color_knn_affinity, image, h=60, w=60, n_neighbors=20),
        {"sklearn kneighbors_graph": opponents.sklearn_neighbors(psi, 20)},
    )


def eigen_rows(device: torch.device) -> Iterator[Row]:
    """Smallest generalized eigenpairs, cold and warm."""
    for side in (30, 45, 60) + ((90, 120) if device.type == "cuda" else ()):
        W = graph(side, device)
        n = side * side
        solve = partial(smallest_eigenpairs, n_vectors=_N_VECTORS)
        others = {
            "scipy eigh (TokenCut)": opponents.tokencut_eigh(W),
            "scipy eigsh σ=0 (Deep Spectral)": opponents.deep_spectral_eigsh(W, _N_VECTORS),
            "torch.lobpcg": opponents.lobpcg(W, _N_VECTORS),
        }
        target = {900: "≥ 5× both", 3600: "≥ 18× TokenCut, ≥ 5× Deep Spectral"}.get(n, "")
        yield Row(
            f"{_N_VECTORS} eigenpairs, n = {n}", partial(solve, W), others if n <= 3600 else {}, _same_fiedler(W), target, 3
        )
        moved, before = graph(side, device, 1.1 * DEFAULTS.knn_weight), solve(W).block
        yield Row(
            f"{_N_VECTORS} eigenpairs after λ moves by 10 %, n = {n}",
            partial(solve, moved, start=before),
            {"cold": partial(solve, moved)},
            lambda ours, theirs: _far(ours.eigenvalues, theirs.eigenvalues, 1e-4),
            "≥ 2× cold",
        )


def cluster_rows(device: torch.device) -> Iterator[Row]:
    """k-means, mixtures, and spectral clustering as a whole."""
    _, X = patch_features(60, 384, device)
    yield Row(
        f"k-means, n = 3600, d = 384, K = {_K}, 10 restarts",
        lambda: kmeans(X, n_clusters=_K, n_init=10, generator=make_generator(0)).objective,
        {"sklearn KMeans": opponents.sklearn_kmeans(X, _K, 10)},
        lambda ours, theirs: None if ours <= 1.01 * theirs else f"inertia {ours:.5g} > {theirs:.5g}",
        "≥ 1×",
    )
    for covariance in ("full", "diag"):
        yield Row(
            f"Gaussian mixture, {covariance}, n = 3600, d = 384, K = {_K}",
            partial(_mixture, X, covariance),
            {"sklearn GaussianMixture": opponents.sklearn_mixture(X, _K, covariance)},
            lambda ours, theirs: (
                None if ours >= theirs - 0.01 * abs(theirs) else f"log-likelihood {ours:.4f} < {theirs:.4f}"
            ),
            "≥ 1×",
            3,
        )
    W = graph(60, device)
    yield Row(
        f"spectral clustering, n = 3600, K = {_K}",
        lambda: _spectral(W),
        {"sklearn spectral_clustering": opponents.sklearn_spectral(W, _K)},
        target="≥ 8×",
        repetitions=3,
    )


def crf_rows(device: torch.device) -> Iterator[Row]:
    """The lattice, one step, and the whole CRF at the size of a BSDS picture."""
    image = scene(321, 481).to(device)
    y, x = torch.meshgrid(torch.arange(321.0), torch.arange(481.0), indexing="ij")
    features = torch.cat([x[..., None] / 50, y[..., None] / 50, image.cpu() / 5], -1).reshape(-1, 5).to(device)
    preset: dict[str, Any] = {("n_steps" if k == "crf_steps" else k): v for k, v in CRF_PRESETS["maskcut"].items()}
    yardstick = {"torch eigh, n = 2025": opponents.torch_eigh(2025, device)}
    yield Row("CRF: lattice, 321×481", partial(build_lattice, features))
    for k, target in ((2, "≤ 0.55 of eigh: ≥ 1.8×"), (8, "≤ 0.71 of eigh: ≥ 1.4×")):
        P = torch.rand(k, 321, 481, generator=make_generator(k)).softmax(0).to(device)
        unary = unary_from_probabilities(P, confidence=0.7)
        yield Row(f"CRF: 1 step, 321×481, K = {k}", partial(mean_field, unary, image, **{**preset, "n_steps": 1}))
        yield Row(f"CRF: 10 steps, 321×481, K = {k}", partial(mean_field, unary, image, **preset), yardstick, target=target)


def upsampling_rows(device: torch.device) -> Iterator[Row]:
    """From 60 × 45 patches to 480 × 360 pixels, five segments; the band matrices of the guided filter cost the most."""
    image = scene(360, 480).to(device)
    P = torch.rand(5, 45, 60, generator=make_generator(5)).softmax(0).to(device)
    for how in UPSAMPLERS:
        target = "≤ 150 ms" if how == "joint_bilateral" else ""
        yield Row(f"upsampling: {how}, 480×360, K = 5", partial(upsample, P, image, upsampling=how), target=target)


def pipeline_rows(device: torch.device) -> Iterator[Row]:
    """The pipeline as the page runs it, n = 900: cold, and after one control moved."""
    image = scene(480, 480)
    base = Settings(backbone="color", max_side=240, knn_weight=DEFAULTS.knn_weight)
    pixels, geometry = fit_to_grid(image, max_side=480, patch=16)
    vit = random_vit(BACKBONES["dino_vits16"], device=device)
    forward = partial(extract_features, vit, pixels.to(device), geometry, facet="key", block=-1)
    yield Row("ViT-S/16 features, 480×480", forward, repetitions=3)
    yield Row(
        "everything after the features, n = 900, K = 5, CRF at 480×480",
        partial(_after_features, forward(), base.replace(crf=True)),
        {"ViT-S/16 features": forward},
        target="≤ 0.5 of the ViT: ≥ 2×",
        repetitions=3,
    )
    for name, moves, target in (
        ("K", [{"n_segments": k} for k in (3, 4, 6, 7, 8, 9)], "≤ 150 ms"),
        ("λ", [{"knn_weight": w} for w in (9.0, 9.5, 10.5, 11.0, 11.5, 12.0)], "≤ 400 ms"),
        ("K, CRF on", [{"n_segments": k, "crf": True} for k in (3, 4, 6, 7, 8, 9)], ""),
        ("the CRF toggle", [{"crf": True, "seed": s} for s in (0, 1, 2, 3, 4, 5)], ""),
    ):
        pipeline = Pipeline(device=device.type)
        pipeline.run(image, base)
        yield Row(
            f"pipeline after a change of {name}, n = 900", _moves(pipeline, image, base, moves), target=target, repetitions=5
        )


def startup_rows(_device: torch.device) -> Iterator[Row]:
    """What a user waits for before anything is asked."""
    for name, code, target in (
        ("import app", "import app", "≤ 6 s"),
        ("python -m segcore --help", "from segcore.cli.commands import build_parser; build_parser().format_help()", ""),
    ):
        run = partial(subprocess.run, [sys.executable, "-c", code], check=True)
        yield Row(f"startup: {name}", run, target=target, repetitions=3)


GROUPS: dict[str, Callable[[torch.device], Iterator[Row]]] = {
    "affinity": affinity_rows,
    "eigen": eigen_rows,
    "cluster": cluster_rows,
    "methods": method_rows,
    "crf": crf_rows,
    "upsampling": upsampling_rows,
    "pipeline": pipeline_rows,
    "scribble": scribble_rows,
    "tracking": track_rows,
    "startup": startup_rows,
}


def run(device: torch.device, *, only: str | None = None) -> Iterator[Measured]:
    """Measure row after row.

    Args:
        device: where ours computes; opponents of SciPy and scikit-learn stay on the CPU.
        only: a word; groups and rows without it in their names are left out.

    Raises:
        InputError: it leaves none; after the last row.
    """
    found = False
    for group, rows in GROUPS.items():
        for row in rows(device):
            if only is None or only.lower() in f"{group} {row.name}".lower():
                found = True
                yield measure(row)
    if not found:
        raise InputError(
            f"No row of the bench holds {only!r} in its name; the groups are {', '.join(GROUPS)}.", field="only"
        )


def _far(ours: Tensor, theirs: Tensor, most: float) -> str | None:
    worst = float((ours.double().cpu() - theirs.double().cpu()).abs().max())
    return None if worst <= most else f"entries differ by {worst:.1e}"


def _same_fiedler(W: Tensor) -> Callable[[Any, Tensor], str | None]:
    """Our Fiedler vector has a small residual and lies in the span of theirs."""
    deg = W.sum(1).double().cpu()

    def agree(ours: Any, theirs: Tensor) -> str | None:
        residual = float(ours.residuals[1])
        A, v = (deg.sqrt()[:, None] * theirs.double().cpu()), deg.sqrt() * ours.fiedler.double().cpu()
        Q = torch.linalg.qr(A)[0]
        angle = float((v - Q @ (Q.T @ v)).norm() / v.norm())
        if residual > 1e-4:
            return f"the Fiedler residual is {residual:.1e}"
        return None if angle <= 1e-2 else f"the Fiedler vector is off by {angle:.1e}"

    return agree


def _mixture(X: Tensor, covariance: str) -> float:
    floor = 1e-6 / float((X - X.mean(0)).square().mean())  # that of scikit-learn, which is not relative
    mixture = gaussian_mixture(X, n_clusters=_K, covariance=covariance, generator=make_generator(0), floor=floor)
    return mixture.objective / len(X)


def _spectral(W: Tensor) -> Tensor:
    spectrum = smallest_eigenpairs(W, n_vectors=_K)
    return spectral_clustering(spectrum, n_clusters=_K, n_init=10, generator=make_generator(0)).labels


def _after_features(features: FeatureGrid, settings: Settings) -> Any:
    """Run all stages behind the features, none of them remembered."""
    values: dict[str, Any] = {"features": features}
    for name, stage in plan(settings).items():
        if name not in values:
            inputs, tunables = signature(stage)
            values[name] = stage(*(values[i] for i in inputs), **{t: getattr(settings, t) for t in tunables})
    return values["label_map"]


def _moves(pipeline: Pipeline, image: Tensor, base: Settings, moves: list[dict[str, Any]]) -> Callable[[], Any]:
    """Each call makes the next move, so that no answer is remembered."""
    left = iter(moves)
    return lambda: pipeline.run(image, base.replace(**next(left)))
