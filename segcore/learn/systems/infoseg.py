"""InfoSeg: what a place looks like and what its class looks like in the whole picture shall tell about each other.

L_u is the local feature at pixel u, H_k the global feature of class k, both of one network. Two steps alternate within each
iteration:

    segment    V_u = softmax_k(H_k · L_u)                                  not differentiated
    maximize   S_u = Σ_k V_uk H_k,  E[−softplus(−L_u · S_u)] − E[softplus(L_u · S'_u)]     S' of other pictures

the second one being the Jensen–Shannon bound on the mutual information of L and S (Nowozin, Cseke and Tomioka 2016). L and
S' must be independent, so S' is taken at another pixel, too: where all pictures have sky above and a road below, it would be
of the same class as L at the same one.

Not as in the paper, whose H is a function of the picture: here H_k is a vector of the class plus a part of the picture that
`context` makes small (0.05), so that a class means the same in all pictures. There is no public code of the authors.

Reference: Harb and Knöbelreiter, InfoSeg, 2021.
"""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.learn.learner import ClusterLearner, ClusterLoss
from segcore.learn.mutual import use_of
from segcore.learn.pictures import Source
from segcore.learn.settings import InfoSegSettings
from segcore.learn.views import jitter_colors, mirrored
from segcore.nets.net import Net
from segcore.nets.small import Pyramid
from segcore.train.learner import Turn


class InfoSegNet(Net):
    """Local features on a grid, and from their mean over the picture a global feature for each class."""

    stride = 4

    def __init__(self, n_segments: int, settings: InfoSegSettings):
        super().__init__()
        d = settings.n_features
        self.pyramid = Pyramid(d, settings.width)
        self.pooled = nn.Sequential(nn.Conv2d(d, 2 * d, 1), nn.ReLU())
        # At first H_k is the same in all pictures, and later it cannot differ by much: so a class means the same in all.
        self.of_class = nn.Parameter(torch.randn(n_segments, d) * d**-0.25)
        self.of_picture = nn.Linear(2 * d, n_segments * d)
        nn.init.zeros_(self.of_picture.weight)
        nn.init.zeros_(self.of_picture.bias)
        self._context = settings.context
        self._shape = (n_segments, d)

    def features(self, pixels: Tensor) -> Tensor:
        """L (b, d, ⌈height / 4⌉, ⌈width / 4⌉)."""
        return cast("Tensor", self.pyramid(pixels))

    def classes(self, local: Tensor) -> Tensor:
        """H (b, K, d): the global features that belong to local ones (b, d, h, w)."""
        of_picture = self.of_picture(self.pooled(local).mean((2, 3))).float().tanh().unflatten(1, self._shape)
        return self.of_class + self._context * cast("Tensor", of_picture)

    def scores(self, pixels: Tensor) -> Tensor:
        """V (b, K, h, w), which sums to 1 over the classes."""
        local = self.features(pixels)
        return assign(local, self.classes(local))


class InfoSegLearner(ClusterLearner):
    """The training: local features of one view, and the segmentation and global features of another."""

    net: InfoSegNet

    def __init__(self, net: InfoSegNet, settings: InfoSegSettings, source: Source):
        super().__init__(net, source, settings.learning_rate)
        self._settings = settings

    def losses(self, turn: Turn) -> ClusterLoss:
        """One iteration."""
        s = self._settings
        pixels = self.source.draw(s.batch, s.crop, turn.generator)
        if s.augmentation:
            pixels = mirrored(pixels, generator=turn.generator)
            views = [jitter_colors(pixels, strength=s.color_change, generator=turn.generator) for _ in range(2)]
            local, other = self.net.features(torch.cat(views)).chunk(2)
        else:
            local = other = self.net.features(pixels)
        H = self.net.classes(other)
        with torch.no_grad():
            V = assign(other, H)
        S = torch.einsum("bkhw,bkd->bdhw", V, H)
        places = torch.randperm(local.shape[2] * local.shape[3], generator=turn.generator)
        positive, negative = pair_scores(local, S, places)
        bound = jensen_shannon(positive, negative)
        use = V.mean((0, 2, 3))
        spread = -(use * use.clamp_min(1e-12).log2()).sum()
        sure = -(V * V.clamp_min(1e-12).log2()).sum(1).mean()
        parts = {"JS bound": float(bound.detach()), "H(z)": float(spread), "H(z | pixel)": float(sure)}
        return ClusterLoss(-bound, parts, use_of(V))


def assign(local: Tensor, H: Tensor) -> Tensor:
    """V (b, K, h, w): softmax over the classes of the products of L (b, d, h, w) and H (b, K, d)."""
    return torch.einsum("bdhw,bkd->bkhw", local.float(), H).softmax(1)


def pair_scores(local: Tensor, S: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """The products of L with S at the same pixel of its own picture, and at another pixel of every other picture.

    Args:
        local: L (b, d, h, w).
        S: of the same shape.
        places: (h · w,) a permutation: where in the other pictures S' is taken, for each pixel of L.

    Returns:
        (b · h · w,) and (b · (b − 1) · h · w,).
    """
    L, S = local.float().flatten(2), S.flatten(2)
    others = ~torch.eye(len(L), dtype=torch.bool, device=L.device)
    scores = torch.einsum("idn,jdn->ijn", L, S[:, :, places.to(S.device)])
    return (L * S).sum(1).flatten(), scores[others].flatten()


def jensen_shannon(positive: Tensor, negative: Tensor) -> Tensor:
    """E[−softplus(−T)] over pairs that belong together, minus E[softplus(T)] over pairs that do not.

    Returns:
        (): at most 2 JSD − 2 ln 2 in nats, which T = ln of the ratio of the densities attains; −2 ln 2 at T = 0.
    """
    return -F.softplus(-positive).mean() - F.softplus(negative).mean()


def make_net(n_segments: int, settings: InfoSegSettings) -> InfoSegNet:
    """A network with random first weights."""
    return InfoSegNet(n_segments, settings)


def make_learner(net: Net, _n_segments: int, settings: InfoSegSettings, source: Source) -> InfoSegLearner:
    """The training of such a network."""
    return InfoSegLearner(cast("InfoSegNet", net), settings, source)
