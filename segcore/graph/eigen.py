"""Smallest eigenpairs of a graph Laplacian.

random_walk:  L v = μ D v,  Vᵀ D V = I   (normalized cut; solved as D^-½ L D^-½ u = μ u, v = D^-½ u)
symmetric:    D^-½ L D^-½ u = μ u,  Uᵀ U = I
plain:        L v = μ v,  Vᵀ V = I

The vectors of μ = 0 are known before anything is iterated: they are constant on the connected components. The others come
from a block Davidson iteration with thick restarts, in the precision of W; small graphs are solved densely in float64.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_choice, check_range
from segcore.errors import InputError, NumericalError
from segcore.graph.implicit import ImplicitAffinity
from segcore.graph.laplacian import LAPLACIANS, check_affinity, degrees, safe_degrees
from segcore.numerics import connected_components
from segcore.runtime.device import computes_bfloat16
from segcore.runtime.stopping import stop_if_asked
from segcore.types import Spectrum

_DENSE_UP_TO = 400  # nodes; below, LAPACK is faster than the iteration
_BASIS_BLOCKS = 6  # thick restart when the basis would hold more blocks than these
_PASSES_PER_RITZ = 2  # products with W between two solutions of the projected problem
_COLUMNS = 8  # blocks are multiples of it: 17 columns cost 1.4 times as much as 16, and 24 no more than 17
_COARSE_FROM = 2000  # nodes; below, the products are not what costs
_COARSE_UNTIL = 1.5e-2  # over √n: the residual that is reached with a rounded W, as its errors are independent
_COARSE_PASSES = 20  # at most, should they not be
_NEAR_DOUBLE = 1e-3  # relative gap below which two eigenvalues count as one


def smallest_eigenpairs(
    W: Tensor | ImplicitAffinity,
    *,
    n_vectors: int,
    laplacian: str = "random_walk",
    tol: float | None = None,
    max_passes: int = 200,
    start: Tensor | None = None,
) -> Spectrum:
    """Compute the smallest eigenpairs of the Laplacian of W.

    Args:
        W: (n, n) symmetric, nonnegative, float32 or float64, on any device, or an `ImplicitAffinity`. Self-loops count in
            the degrees.
        n_vectors: how many pairs, 1 … n.
        laplacian: "random_walk", "symmetric" or "plain".
        tol: bound on the residual ‖A u − μ u‖ / ‖A‖, ‖u‖ = 1, of the symmetric problem; by default 3e-5 in float32 and
            1e-9 in float64. The Fiedler vector, which converges first, ends far below it.
        max_passes: most products of W with a block of vectors; past it the result carries its residuals and a note.
        start: (n, b) `Spectrum.block` of a similar graph, which halves the passes; the answer is the same to within tol.

    Returns:
        Spectrum with ascending eigenvalues ≥ 0 (float64) and V (n, n_vectors) in the dtype of W.

    Convention:
        Among the entries of a vector within 0.1 % of its largest |entry|, the first is positive. An eigenvalue that is
        (nearly) double leaves its vectors free to rotate; that is noted. For c connected components the first c vectors
        are constant on components: the constant vector first, then the largest component against the rest, and so on. A
        node without edges is a component of its own, with degree 1 where it is divided by.

    Raises:
        InputError: W is not an affinity, n_vectors > n, or the Laplacian is unknown.
        NumericalError: the iteration produced values that are not finite.

    Cost: about 10 to 25 products of W with a block of n_vectors columns; each reads W once. On a CPU that multiplies
    bfloat16, all but the last few read a rounded copy of half the size, a fourth of the time; the result is as exact.

    Reference: Shi and Malik 2000; Davidson 1975; Stathopoulos and Saad, thick restarts, 1998.
    """
    check_affinity(W)
    check_choice("laplacian", laplacian, LAPLACIANS)
    stop_if_asked()  # for those who solve one after another
    n = W.shape[0]
    check_range("n_vectors", n_vectors, lo=1)
    if n_vectors > n:
        raise InputError(
            f"{n_vectors} eigenvectors need at least as many nodes, but the graph has {n}. Lower n_vectors.",
            field="n_vectors",
        )
    tol = tol if tol is not None else 3e-5 if W.dtype == torch.float32 else 1e-9
    problem = _problem(W, laplacian)
    component = connected_components(W)
    n_components = int(component.max()) + 1
    known = _null_vectors(component, problem.mass, n_vectors)
    wanted = n_vectors - known.shape[1]
    if wanted == 0:
        found, block, passes = known, known, 0
    elif n <= max(_DENSE_UP_TO, 12 * n_vectors):
        found, block, passes = torch.cat([known, _dense(problem, known, wanted)], 1), known, 0
    else:
        block, passes = _davidson(problem, known, wanted, tol, max_passes, start)
        found = torch.cat([known, block[:, :wanted]], 1)
    eigenvalues, residuals = _rayleigh(problem, found, known.shape[1])
    order = eigenvalues.argsort(stable=True)
    eigenvalues, residuals, U = eigenvalues[order], residuals[order], found[:, order.to(found.device)]
    if not bool(eigenvalues.isfinite().all()):
        raise NumericalError("The eigenvalues are not finite; the weights of the graph differ too much.", stage="spectrum")
    V = U * problem.safe.rsqrt()[:, None] if laplacian == "random_walk" else U
    return Spectrum(
        eigenvalues=eigenvalues,
        V=fix_signs(V),
        residuals=residuals,
        n_components=n_components,
        laplacian=laplacian,
        n_passes=passes,
        block=block,
        notes=_notes(eigenvalues, residuals, n_components, tol),
    )


def fix_signs(V: Tensor, *, tie: float = 1e-3) -> Tensor:
    """Make the first of the entries with (nearly) the largest magnitude positive, in each column of V (n, k).

    Taking the first among near-ties keeps the sign when rounding reorders them, as it does on symmetric pictures.
    """
    magnitude = V.abs()
    near_largest = magnitude >= (1 - tie) * magnitude.max(0).values
    first = near_largest.int().argmax(0)
    signs = V.gather(0, first[None])[0].sign()
    return V * torch.where(signs == 0, 1.0, signs)


@dataclass(frozen=True, eq=False, slots=True)
class _Problem:
    """The symmetric problem A u = μ u with A = diag(diagonal) − S W S, S = diag(scale)."""

    W: Tensor | ImplicitAffinity
    scale: Tensor  # (n,) 1, or D^-½
    diagonal: Tensor  # (n,) of A's first term
    mass: Tensor  # (n,) null vectors are sqrt(mass) on components
    safe: Tensor  # (n,) degrees to divide by
    norm: float  # bound of ‖A‖

    def apply(self, U: Tensor, coarse: Tensor | None = None) -> Tensor:
        """A U, one pass over W, or over a rounded copy of it."""
        scaled = self.scale[:, None] * U
        product = self.W @ scaled if coarse is None else (coarse @ scaled.to(coarse.dtype)).to(U.dtype)
        return self.diagonal[:, None] * U - self.scale[:, None] * product

    def coarse(self) -> Tensor | None:
        """W rounded to bfloat16, where products with it are what costs and are much faster so."""
        W = self.W
        if not isinstance(W, Tensor) or W.dtype != torch.float32 or len(W) < _COARSE_FROM or W.device.type != "cpu":
            return None
        return W.bfloat16() if computes_bfloat16(W.device) else None


def _problem(W: Tensor | ImplicitAffinity, laplacian: str) -> _Problem:
    deg = degrees(W)
    safe = safe_degrees(deg)
    if laplacian == "plain":
        ones = torch.ones_like(deg)
        return _Problem(W, ones, deg, ones, safe, max(2 * float(deg.max()), torch.finfo(W.dtype).tiny))
    return _Problem(W, safe.rsqrt(), (deg > 0).to(W.dtype), safe, safe, 2.0)


def _null_vectors(component: Tensor, mass: Tensor, most: int) -> Tensor:
    """(n, min(c, most)) orthonormal vectors of eigenvalue 0: √mass times contrasts of the components, largest first."""
    total = torch.zeros(int(component.max()) + 1, dtype=torch.float64, device=mass.device)
    total.index_add_(0, component, mass.double())
    order = total.argsort(descending=True, stable=True)
    rank = torch.empty_like(order).scatter_(0, order, torch.arange(len(order), device=order.device))[component]
    mass_sorted = total[order]
    rest = mass_sorted.flip(0).cumsum(0).flip(0)  # rest[j]: mass of component j and all smaller ones
    columns = [(mass.double() / rest[0]).sqrt()]
    for j in range(min(len(order), most) - 1):
        inside, outside = mass_sorted[j], rest[j + 1]
        level = torch.where(rank == j, outside, torch.where(rank > j, -inside, 0.0))
        columns.append(level * (mass.double() / (inside * outside * rest[j])).sqrt())
    return torch.stack(columns, 1).to(mass.dtype)


def _dense(problem: _Problem, known: Tensor, wanted: int) -> Tensor:
    """(n, wanted) next eigenvectors by LAPACK in float64, with the known ones lifted out of the way."""
    A = torch.diag(problem.diagonal.double())
    A -= problem.scale.double()[:, None] * problem.W.double() * problem.scale.double()
    Z = known.double()
    A += (2 * problem.norm) * (Z @ Z.T)
    V: Tensor = torch.linalg.eigh(A)[1][:, :wanted]
    return V.to(problem.W.dtype)


def _davidson(
    problem: _Problem, known: Tensor, wanted: int, tol: float, max_passes: int, start: Tensor | None
) -> tuple[Tensor, int]:
    """(n, b) leading Ritz vectors, of which the first `wanted` have converged, and the number of passes over W.

    The basis grows by the residuals of the leading Ritz vectors, divided by the diagonal of A, and by A times those: the
    projected problem is solved after every second pass only, since in a basis of a hundred it costs as much as a pass.
    Rounded products come first, but for those that begin a basis: where a start is near the eigenvectors, its roundings are
    alike over whole regions and would not average out. Once the residuals are of the size of their errors, the leading
    vectors and exact products begin a new basis.
    """
    n, device, dtype = problem.W.shape[0], problem.W.device, problem.W.dtype
    block = -(-(wanted + 1) // _COLUMNS) * _COLUMNS
    most = _BASIS_BLOCKS * block
    # Drawn on the CPU from a fixed seed, so that every run and every device begins alike.
    T = torch.randn(n, block, generator=torch.Generator().manual_seed(0), dtype=dtype).to(device)
    if start is not None and start.shape[0] == n:
        T = start[:, : most // 2]
    diagonal = (problem.diagonal - problem.scale.square() * problem.W.diagonal()).clamp_min(1e-3 * problem.norm)
    coarse = problem.coarse()
    reached = max(tol, _COARSE_UNTIL / math.sqrt(n))
    Q = AQ = T[:, :0]
    passes = 0
    while True:
        for _ in range(_PASSES_PER_RITZ if Q.shape[1] else 1):
            stop_if_asked()
            T = _orthonormal(T, torch.cat([known, Q], 1))
            AT = problem.apply(T, coarse if Q.shape[1] else None)
            Q, AQ, passes = torch.cat([Q, T], 1), torch.cat([AQ, AT], 1), passes + 1
            T = AT / diagonal[:, None]
        ritz, S = _small_eigh(Q, AQ)
        X, AX = Q @ S[:, :block], AQ @ S[:, :block]
        R = AX - X * ritz[:block]
        residual = R.norm(dim=0) / problem.norm
        if coarse is not None:
            if bool((residual[:wanted] <= reached).all()) or passes >= min(_COARSE_PASSES, max_passes - 1):
                T, coarse = Q @ S[:, : 2 * block], None
                Q = AQ = T[:, :0]
                continue
        elif bool((residual[:wanted] <= tol).all()) or passes >= max_passes:
            return Q @ S[:, : most // 2], passes
        T = R / diagonal[:, None]
        if Q.shape[1] + _PASSES_PER_RITZ * block > most:
            Q, AQ = Q @ S[:, : 2 * block], AQ @ S[:, : 2 * block]


def _orthonormal(T: Tensor, against: Tensor) -> Tensor:
    """Orthonormal columns that span T, at right angles to `against`; projected twice, as once is not enough in float32."""
    T = torch.linalg.qr(T - against @ (against.T @ T))[0]
    return T - against @ (against.T @ T)


def _small_eigh(Q: Tensor, AQ: Tensor) -> tuple[Tensor, Tensor]:
    """Ritz values (ascending) and vectors of the projected problem; solved on the CPU in float64, being tiny."""
    H = (Q.T @ AQ).double().cpu()
    ritz, S = torch.linalg.eigh((H + H.T) / 2)
    return ritz.to(Q), S.to(Q)


def _rayleigh(problem: _Problem, U: Tensor, n_known: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues (float64, exactly 0 for the known vectors) and residuals of the columns of U, on the CPU."""
    U = U / U.norm(dim=0)
    AU = problem.apply(U)
    eigenvalues = (U.double() * AU.double()).sum(0).clamp_min_(0)
    eigenvalues[:n_known] = 0
    residuals = (AU.double() - U.double() * eigenvalues).norm(dim=0) / problem.norm
    return eigenvalues.cpu(), residuals.cpu()


def _notes(eigenvalues: Tensor, residuals: Tensor, n_components: int, tol: float) -> tuple[str, ...]:
    notes = []
    if n_components > 1:
        notes.append(
            f"The graph has {n_components} connected components, so {n_components} eigenvalues are 0 and the first "
            "vectors only tell the components apart."
        )
    elif len(eigenvalues) > 2 and float(eigenvalues[2] - eigenvalues[1]) <= _NEAR_DOUBLE * float(eigenvalues[2]):
        notes.append("μ₁ and μ₂ are nearly equal: the Fiedler vector is not unique, any rotation with v₂ is as good.")
    worst = float(residuals.max())
    if worst > 2 * tol:
        notes.append(f"The eigenvectors have a residual of {worst:.1e} instead of {tol:.0e}; read them with care.")
    return tuple(notes)
