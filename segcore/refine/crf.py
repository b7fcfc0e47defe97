"""The fully connected conditional random field, by mean field.

    Q_i(l)  ∝  exp( −U_i(l) + Σ_kernels w Σ_j K_ij Q_j(l) )

K = D^-½ G D^-½ with G_ij = exp(−½ ‖x_i − x_j‖²) and D = diag(G 1). There are two kernels: appearance, where x is
position / σ_xy and color / σ_rgb, and smoothness, where x is position / σ_smooth. The Potts model makes a label pay w for
all other labels around it; but for a constant per pixel, that is a reward of w for its own.

Reference: Krähenbühl and Koltun, 2011, algorithm 1.
"""

import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from segcore.checks import check_range, check_tensor
from segcore.errors import InputError
from segcore.refine.permutohedral import Lattice, build_lattice
from segcore.runtime.stopping import stop_if_asked

MIN_PROBABILITY = 1e-6  # keeps the energy of an impossible label finite
MOST_SCORE = 80.0  # whose exponential, and sums of some hundred of them, float32 holds


@torch.no_grad()
def mean_field(
    unary: Tensor,
    image: Tensor,
    *,
    n_steps: int,
    sigma_xy: float,
    sigma_rgb: float,
    compat_bilateral: float,
    sigma_smooth: float,
    compat_smooth: float,
) -> Tensor:
    """Sharpen soft labels along image edges with a fully connected CRF.

    Use it on labels that are right in the large and blurred at the borders; it cannot find a segment that they lack.

    Args:
        unary: (k, height, width) float32 energies, smaller is likelier.
        image: (height, width, 3) uint8 RGB, on the same device.
        n_steps: mean-field sweeps, ≥ 0; 5 to 10 is usual.
        sigma_xy: reach of the appearance kernel, in pixels, > 0.
        sigma_rgb: reach of the appearance kernel in color, in 8-bit levels, > 0.
        compat_bilateral: Potts penalty of the appearance kernel, ≥ 0, in the units of `unary`.
        sigma_smooth: reach of the smoothness kernel, in pixels, > 0.
        compat_smooth: Potts penalty of the smoothness kernel, ≥ 0, in the units of `unary`.

    Returns:
        (k, height, width) float32 marginals Q; they sum to 1 over k.

    Convention:
        That of the authors' code: kernels are normalized symmetrically, a pixel sends its message to itself too, all pixels
        are updated at once, and the start is softmax(−unary).

    Raises:
        InputError: a shape or type is wrong, a value is NaN, a sigma is not positive, or a penalty is negative.

    Cost: O(n k) time per sweep over n pixels, after sorting 9 n integers; O(n k) memory. Deterministic.

    Reference: Krähenbühl and Koltun, 2011, algorithm 1.
    """
    _check_pictures(unary, image)
    kernels = crf_kernels(
        image,
        sigma_xy=sigma_xy,
        sigma_rgb=sigma_rgb,
        compat_bilateral=compat_bilateral,
        sigma_smooth=sigma_smooth,
        compat_smooth=compat_smooth,
    )
    return mean_field_of(kernels, unary, n_steps=n_steps)


@torch.no_grad()
def crf_kernels(
    image: Tensor,
    *,
    sigma_xy: float,
    sigma_rgb: float,
    compat_bilateral: float,
    sigma_smooth: float,
    compat_smooth: float,
) -> tuple[Lattice, ...]:
    """Build the kernels of a picture, w K for each w > 0: what `mean_field` does before it looks at labels.

    Arguments and errors as of `mean_field`. About half of its time, to be spent once per picture.
    """
    check_tensor("image", image, ("height", "width", 3))
    _check_numbers(sigma_xy=sigma_xy, sigma_rgb=sigma_rgb, sigma_smooth=sigma_smooth)
    _check_numbers(positive=False, compat_bilateral=compat_bilateral, compat_smooth=compat_smooth)
    xy, rgb = _positions(image), image.reshape(-1, 3).float()
    kernels = []
    if compat_bilateral > 0:
        kernels.append(_normalized(build_lattice(torch.cat([xy / sigma_xy, rgb / sigma_rgb], 1)), weight=compat_bilateral))
    if compat_smooth > 0:
        kernels.append(_normalized(build_lattice(xy / sigma_smooth), weight=compat_smooth))
    return tuple(kernels)


@torch.no_grad()
def mean_field_of(kernels: Sequence[Lattice], unary: Tensor, *, n_steps: int) -> Tensor:
    """`mean_field` with the kernels of `crf_kernels`; unary (k, height, width) float32 is of the same picture."""
    check_range("n_steps", n_steps, lo=0)
    last, _ = deque(_sweeps(kernels, _prior(unary), n_steps), maxlen=1).pop()
    return last.T.reshape(unary.shape).contiguous()


@dataclass(frozen=True, eq=False, slots=True)
class MeanFieldState:
    """The marginals after a sweep, and what made them."""

    name: str  # "start", "sweep-1", "sweep-2", …
    round: int
    unary: Tensor  # (k, height, width)
    messages: tuple[Tensor, ...]  # one per kernel, (k, height, width): w Σ_j K_ij Q_j of the sweep before; none at the start
    Q: Tensor  # (k, height, width)
    changed: Tensor  # (height, width) bool: pixels whose likeliest label this sweep changed
    free_energy: float  # F(Q) = Σ Q U − ½ Σ_kernels Σ Q w K Q + Σ Q ln Q, up to a constant KL(Q ‖ P); float64

    @property
    def entropy(self) -> float:
        """Mean over pixels of −Σ_l Q ln Q, in nats."""
        return float(-torch.special.xlogy(self.Q, self.Q).sum(0).double().mean())


@torch.no_grad()
def mean_field_steps(kernels: Sequence[Lattice], unary: Tensor, *, n_steps: int) -> Iterator[MeanFieldState]:
    """The run of `mean_field_of` with the same arguments, sweep by sweep.

    All pixels are updated at once, as the authors' code does, so F may rise; the states say so where it does.

    Yields:
        "start" and n_steps sweeps; the marginals of the last one are those of `mean_field_of`.

    Cost: that of `mean_field_of`, and one more filtering per kernel in the end, for F.
    """
    check_range("n_steps", n_steps, lo=0)
    # A sweep's messages are those of the marginals before it, so F of those is known one sweep later.
    sweeps = enumerate(itertools.pairwise(_sweeps(kernels, _prior(unary), n_steps + 1)))
    best: Tensor | None = None
    for step, ((Q, messages), (_, following)) in sweeps:
        labels = Q.argmax(1)
        changed = torch.zeros_like(labels, dtype=torch.bool) if best is None else labels != best
        best = labels
        yield MeanFieldState(
            name=f"sweep-{step}" if step else "start",
            round=step,
            unary=unary,
            messages=tuple(m.T.reshape(unary.shape) for m in messages),
            Q=Q.T.reshape(unary.shape),
            changed=changed.reshape(unary.shape[1:]),
            free_energy=_free_energy(unary, Q, following),
        )


def _free_energy(unary: Tensor, Q: Tensor, messages: Sequence[Tensor]) -> float:
    """F of marginals (n, k) whose messages are these."""
    prior = unary.flatten(1).T
    pairs = sum((m for m in messages), torch.zeros_like(Q))
    return float((Q * (prior - pairs / 2) + torch.special.xlogy(Q, Q)).double().sum())


def _prior(unary: Tensor) -> Tensor:
    """(n, k) min_l U − U, ≤ 0: labels side by side, so that one look-up of a corner serves them all."""
    return (unary.amin(0) - unary).flatten(1).T.contiguous()


def _sweeps(kernels: Sequence[Lattice], prior: Tensor, n_steps: int) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Marginals (n, k) and the messages behind them, from softmax(prior) on."""
    Q = _softmax(prior)
    yield Q, []
    for _ in range(n_steps):
        stop_if_asked()
        messages = [kernel.filter(Q) for kernel in kernels]
        Q = _softmax(sum(messages, start=prior))
        yield Q, messages


def unary_from_probabilities(P: Tensor, *, confidence: float) -> Tensor:
    """Turn soft labels into the energies that `mean_field` starts from.

    Args:
        P: (k, height, width) probabilities in [0, 1] that sum to 1 over k: responsibilities, or one-hot labels scaled to the
            size of the picture.
        confidence: how probable a label is where P says 1, from 1/k (P counts for nothing) to 1 (P is believed).

    Returns:
        (k, height, width) float32 energies −log(c P + (1 − c) (1 − P) / (k − 1)), from 0 to −log MIN_PROBABILITY; for k = 1
        all are 0.

    Raises:
        InputError: P has another shape or does not sum to 1, or the confidence lies out of its range.
    """
    check_tensor("P", P, ("k", "height", "width"))
    k = len(P)
    if k == 0 or bool((P < 0).any()) or bool(((P.sum(0) - 1).abs() > 1e-3).any()):
        raise InputError("P must hold probabilities that sum to 1 over its first axis; normalize them.", field="P")
    if k == 1:
        return torch.zeros_like(P, dtype=torch.float32)
    check_range("confidence", confidence, lo=1 / k, hi=1.0)
    P = P.float()
    P = confidence * P + (1 - confidence) / (k - 1) * (1 - P)
    return P.clamp(MIN_PROBABILITY, 1).log().neg()


def _normalized(lattice: Lattice, *, weight: float) -> Lattice:
    """The lattice that filters by weight · D^-½ G D^-½."""
    ones = torch.ones(lattice.n_points, 1, device=lattice.to_points.columns.device)
    mass = lattice.filter(ones)[:, 0]
    return lattice.scaled((weight / (mass + 1e-20)).sqrt())


def _softmax(scores: Tensor) -> Tensor:
    """Softmax of each row of (n, k); several times faster than torch's for so short rows."""
    # Every row has a score of at least 0, as no message is negative. So exp needs help only where penalties are very large.
    if float(scores.max()) > MOST_SCORE:
        scores = scores - scores.amax(1, keepdim=True)
    powers = scores.exp()
    return powers.div_(powers @ powers.new_ones(powers.shape[1], 1))


def _positions(image: Tensor) -> Tensor:
    """(n, 2): x and y of each pixel, row by row."""
    height, width = image.shape[:2]
    y, x = torch.meshgrid(*(torch.arange(size, device=image.device).float() for size in (height, width)), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], 1)


def _check_pictures(unary: Tensor, image: Tensor) -> None:
    """Check the two pictures, each alone and against each other."""
    check_tensor("unary", unary, ("k", "height", "width"))
    check_tensor("image", image, ("height", "width", 3))
    for name, x, dtype in (("unary", unary, torch.float32), ("image", image, torch.uint8)):
        if x.dtype != dtype:
            raise InputError(f"{name} must be of type {dtype}; got {x.dtype}. Convert it before calling.", field=name)
    if unary.numel() == 0:
        raise InputError(f"unary must hold at least one label and one pixel; got shape {tuple(unary.shape)}.", field="unary")
    if unary.shape[1:] != image.shape[:2]:
        sizes = f"{tuple(unary.shape[1:])} and {tuple(image.shape[:2])}"
        raise InputError(f"unary and image must have the same height and width; got {sizes}.", field="unary")
    if unary.device != image.device:
        raise InputError(f"unary is on {unary.device} and image on {image.device}; move one to the other.", field="image")


def _check_numbers(*, positive: bool = True, **numbers: float) -> None:
    """Check that each number is finite and positive, or at least not negative."""
    for name, value in numbers.items():
        if not (0 < value < float("inf") or (value == 0 and not positive)):
            rule = "greater than 0" if positive else "at least 0"
            raise InputError(f"{name} must be a finite number {rule}; got {value}.", field=name)
