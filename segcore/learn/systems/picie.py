"""PiCIE: features of pixels are clustered, and learn their clusters, in turn; two views of a picture must agree.

For each crop x, with colors P¹, P² and a geometric change G:   z¹ = G(f(P¹ x)),   z² = f(G(P² x)), both of unit length.
Each epoch begins with a k-means of each view, which gives labels y¹, y² and centers μ¹, μ². Then

    L(z, y, μ) = mean over pixels of −w_y log softmax(z · μ / τ)_y,   w_y ∝ 1 / frequency of y

    L_within = (L(z¹, y¹, μ¹) + L(z², y², μ²)) / 2      L_cross = (L(z¹, y², μ²) + L(z², y¹, μ¹)) / 2

and the loss is their mean. The centers are the classifier: there is none that is learned. They are means of the features of
their clusters, so shorter than 1 where these differ (0.5 on noise); labels are those of the nearest one, by ‖z − μ‖; in use,
as there, those of the largest z · μ.

Not as in the authors' code, which weighs by w_y ∝ frequency of y, not its inverse (its issue 28): here as the paper says,
and by what occurs in a step instead of an epoch. τ = 1 there. An empty cluster starts again at a feature here; there faiss
splits another one. Clusters keep their numbers from epoch to epoch. There is no public code of +H: here each clustering has
the weight ln k / Σ ln k, more for more centers; whether the paper weighs them so, or the other way round, is not verified.

Reference: Cho, Mall, Bala and Hariharan, PiCIE, 2021, algorithm 1 and section 3.4 (+H); train_picie.py of their code.
"""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.cluster.kmeans import kmeans
from segcore.learn.learner import ClusterLearner, ClusterLoss
from segcore.learn.mutual import parts_of
from segcore.learn.pictures import Source
from segcore.learn.settings import PiCIESettings
from segcore.learn.views import draw_cutouts, jitter_colors
from segcore.metrics.matching import match_labels
from segcore.nets.net import Net
from segcore.nets.small import FeatureNet, PyramidNet, TransformerNet
from segcore.train.learner import Turn

_FIRST_ROWS = 4096  # that k-means++ and Lloyd see before all rows pass by


class PiCIELearner(ClusterLearner):
    """The training: centers and labels of the epoch are buffers, so that it can go on in the middle of one."""

    net: FeatureNet

    def __init__(self, net: FeatureNet, n_segments: int, settings: PiCIESettings, source: Source):
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings
        d, cells = net.prototypes.shape[1], -(-settings.crop // net.stride)
        self.sizes = (n_segments, *((n_segments * settings.over_factor,) if settings.overclustering else ()))
        n = settings.batch * settings.epoch
        for head, k in enumerate(self.sizes):
            self.register_buffer(f"centers{head}", torch.zeros(2, k, d))  # of both views
            self.register_buffer(f"labels{head}", torch.zeros(2, n, cells, cells, dtype=torch.int16))

    def prepare(self, turn: Turn) -> None:
        """At the start of an epoch, cluster the features of all its crops, each view for itself."""
        if turn.step % self._settings.epoch:
            return
        with torch.no_grad():
            seen = [self.views(turn.generator_of(turn.step + i)) for i in range(self._settings.epoch)]
        for view in range(2):
            z = torch.cat([both[view] for both in seen])  # (n, d, h, w)
            rows = z.permute(0, 2, 3, 1).flatten(0, 2)
            for head, k in enumerate(self.sizes):
                old = self._centers(head)[view if turn.step else 0]
                found = minibatch_kmeans(rows, k, generator=turn.generator, unit=self._settings.centers == "unit")
                centers = in_order_of(old, found)
                self._centers(head)[view] = centers
                self._labels(head)[view] = nearest_center(rows, centers).reshape(z.shape[0], *z.shape[2:]).short()
        self.net.prototypes.copy_(self._centers(0)[0])

    def views(self, generator: Generator) -> tuple[Tensor, Tensor]:
        """Features z¹ and z² of the crops of one step, (b, d, h, w) each, pixel on pixel."""
        s = self._settings
        pixels = self.source.draw(s.batch, s.crop, generator)
        if not s.augmentation:
            z = self.net.features(pixels)
            return z, z
        first, second = (jitter_colors(pixels, strength=s.color_change, generator=generator) for _ in range(2))
        moves = draw_cutouts(len(pixels), smallest=1 - s.geometry / 2, generator=generator)
        z = F.normalize(moves.apply(self.net.features(first)), dim=1)
        return z, self.net.features(moves.apply(second))

    def losses(self, turn: Turn) -> ClusterLoss:
        """Both views against both clusterings."""
        s = self._settings
        z = self.views(turn.generator_of(turn.step))
        i = turn.step % s.epoch
        parts: dict[str, float] = {}
        total = torch.zeros((), device=z[0].device)
        weights = [math.log(k) / sum(map(math.log, self.sizes)) for k in self.sizes]
        for head, weight in enumerate(weights):
            y = self._labels(head)[:, i * s.batch : (i + 1) * s.batch].long()
            within, cross = picie_losses(z, (y[0], y[1]), self._centers(head), temperature=s.temperature)
            total = total + weight * ((within + cross) / 2 if s.cross else within)
            name = "" if head == 0 else ", auxiliary"
            parts |= {f"within{name}": float(within.detach()), f"cross{name}": float(cross.detach())}
        with torch.no_grad():
            first, second = (torch.einsum("bdhw,kd->bhwk", view, self.net.prototypes).argmax(-1).flatten() for view in z)
            k = self.sizes[0]
            P = torch.bincount(first * k + second, minlength=k * k).reshape(k, k).float() / len(first)
            P = (P + P.T) / 2
        return ClusterLoss(total, {**parts, **parts_of(P)}, torch.bincount(first, minlength=k) / len(first), P)

    def _centers(self, head: int) -> Tensor:
        return cast("Tensor", getattr(self, f"centers{head}"))

    def _labels(self, head: int) -> Tensor:
        return cast("Tensor", getattr(self, f"labels{head}"))


def picie_losses(
    z: tuple[Tensor, Tensor], y: tuple[Tensor, Tensor], centers: Tensor, *, temperature: float
) -> tuple[Tensor, Tensor]:
    """L_within and L_cross.

    Args:
        z: two views, (b, d, h, w) each, of unit length, pixel on pixel.
        y: their labels, (b, h, w) int64 each.
        centers: (2, k, d).
        temperature: τ > 0.
    """
    first, second = (clustering_loss(z[v], y[v], centers[v], temperature=temperature) for v in range(2))
    across, back = (clustering_loss(z[v], y[1 - v], centers[1 - v], temperature=temperature) for v in range(2))
    return (first + second) / 2, (across + back) / 2


def clustering_loss(z: Tensor, y: Tensor, centers: Tensor, *, temperature: float) -> Tensor:
    """Cross-entropy of the labels under softmax(z · μ / τ), every cluster with the same weight in all.

    Args:
        z: (b, d, h, w) of unit length.
        y: (b, h, w) int64.
        centers: (k, d).
        temperature: τ > 0.

    Returns:
        (): Σ_u w_y(u) · loss(u) / Σ_u w_y(u), with w the inverse of how often a label occurs here.
    """
    return balanced_cross_entropy(torch.einsum("bdhw,kd->bkhw", z.float(), centers) / temperature, y)


def balanced_cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of labels (b, h, w) under logits (b, k, h, w), weighted by the inverse of each label's count."""
    count = torch.bincount(y.flatten(), minlength=logits.shape[1]).float()
    weight = torch.where(count > 0, 1 / count.clamp_min(1), torch.zeros_like(count))
    return F.cross_entropy(logits, y, weight=weight)


def minibatch_kmeans(X: Tensor, k: int, *, generator: Generator, batch: int = 1024, unit: bool = False) -> Tensor:
    """Centers of rows of unit length: means of their clusters, or on request these brought to unit length.

    Lloyd on a sample gives the start; then all other rows pass by in batches, and each center moves to the mean of all rows
    that it was given so far (Sculley 2010).

    Args:
        X: (n, d) rows of unit length.
        k: centers; where there are fewer rows, some are used again.
        generator: on the CPU.
        batch: rows per batch.
        unit: centers have unit length, when rows pass by and in the end; the nearest one is then that of largest cosine.

    Returns:
        (k, d). Cost: n · k · d, once.
    """
    order = torch.randperm(len(X), generator=generator).to(X.device)
    first = X[order[:_FIRST_ROWS]]
    labels = kmeans(first, n_clusters=min(k, len(first)), n_init=3, generator=generator, max_iter=50).labels
    centers, counts = _sums(first, labels, k)
    lonely = counts == 0
    centers[lonely] = first[torch.arange(int(lonely.sum()), device=X.device) % len(first)]
    counts = counts.clamp_min(1)

    def center() -> Tensor:
        return F.normalize(centers, dim=1) if unit else centers / counts[:, None]

    for rows in X[order[_FIRST_ROWS:]].split(batch):
        sums, more = _sums(rows, nearest_center(rows, center()), k)
        centers, counts = centers + sums, counts + more
    return center()


def nearest_center(rows: Tensor, centers: Tensor) -> Tensor:
    """(…) number of the center (k, d) at the smallest distance from each of the rows (…, d) of one length."""
    return (rows @ centers.T - centers.square().sum(1) / 2).argmax(-1)


def _sums(rows: Tensor, labels: Tensor, k: int) -> tuple[Tensor, Tensor]:
    sums = torch.zeros(k, rows.shape[1], device=rows.device).index_add_(0, labels, rows.float())
    return sums, torch.bincount(labels, minlength=k).float()


def in_order_of(old: Tensor, centers: Tensor) -> Tensor:
    """The same centers, each in the place of the old one that it is paired with, so that clusters keep their numbers."""
    place = torch.from_numpy(match_labels((centers @ old.T).cpu().numpy())).to(centers.device)
    return centers[place.argsort()]


def make_net(n_segments: int, settings: PiCIESettings) -> FeatureNet:
    """A network with random first weights."""
    if settings.backbone == "scratch":
        return PyramidNet(n_segments, settings.n_features, settings.width)
    return TransformerNet(n_segments, settings.n_features, tuned=settings.backbone == "tuned")


def make_learner(net: Net, n_segments: int, settings: PiCIESettings, source: Source) -> PiCIELearner:
    """The training of such a network."""
    return PiCIELearner(cast("FeatureNet", net), n_segments, settings, source)
