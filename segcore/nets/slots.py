"""Slots: a few vectors that share the patches of a picture among them, and rebuild its features; the head of DINOSAUR.

With k, v = W_k x, W_v x of the encoded patches x and q = W_q LN(s), one look at the picture is

    A = softmax over slots of k·q/√z,   u_s = Σ_n (A_ns / Σ_m A_ms) v_n,   s ← GRU(u, s),   s ← s + MLP(LN s)

that is soft k-means with learned distances, from slots that are drawn as μ + σ ε: all alike, so that there may be any number
of them. The decoder then rebuilds the features from the slots, and what each slot rebuilds is its mask: with an MLP,

    y_n = Σ_s α_ns y_ns,   [y_ns, a_ns] = MLP(s + p_n),   α = softmax over slots of a

with a transformer, y_n comes from the patches before n and from the slots, and α is how much n looks at each.

Two objects of one kind have the same features, so slots that go by features alone share them. So a slot may have a place
c_s, the mean Σ_n A_ns p_n / Σ_n A_ns of where it looked, at first a random one, and −ρ |p_n − c_s|² is added to the logits
of A and of an MLP's α. What A is after the last look are the masks then; with ρ = 0 there are no places, and masks are α.

Reference: Locatello and others 2020 for the slots, Seitzer and others 2023 (DINOSAUR) for features as targets, Biza and
others 2023 for places of slots (theirs are the frame in which a slot sees, with a size; here only what is far counts less).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.nets.blocks import soft_clusters

DECODERS = ("mlp", "transformer")
_FLOOR = 1e-8
_PLACES = 16  # sides of the grid of learned places, which is stretched over any grid of patches
_HEADS = 4
_LAYERS = 2  # of the transformer
_WAVES = 6  # along each side
_SHARP = 0.3  # how much a slot's mask begins to follow where it looked
_OPEN = 2.0  # how much a slot begins to follow its update: sigmoid of it


@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """What the slots know after one look."""

    slots: Tensor  # (b, K, z)
    attention: Tensor  # (b, n, K): how much each patch belongs to each slot, sums to 1 over the slots
    places: Tensor  # (b, K, 2): the slots' c, rows and columns from 0 to 1


@dataclass(frozen=True, eq=False, slots=True)
class Rebuilt:
    """Features that the slots rebuild."""

    y: Tensor  # (b, m, d), standardized as the targets are
    alpha: Tensor  # (b, m, K): how much each slot has in each patch, sums to 1 over the slots


@dataclass(frozen=True, eq=False, slots=True)
class Shared:
    """How slots share one picture, from their first look to what they rebuild."""

    attention: tuple[Tensor, ...]  # (h, w, K) by the slots before each look, and by those after the last; sums to 1 over K
    y: Tensor  # (h, w, d) standardized features that they rebuild
    masks: Tensor  # (h, w, K), sums to 1 over K
    error: Tensor  # (h, w): mean square of what y is away from the features
    plain: Tensor  # (h, w): the same of the mean feature of all pictures


class SlotHead(nn.Module):
    """Encoder, slots and decoder on features (b, n, d) of patches, which are standardized."""

    mean: Tensor
    std: Tensor

    def __init__(self, d: int, *, size: int = 64, hidden: int = 256, decoder: str = "mlp", near: float = 0.0):
        super().__init__()
        self.size, self.decoder, self.near = size, decoder, near
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("std", torch.ones(d))
        self.project = nn.Linear(d, size, bias=False)
        self.encode = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, d), nn.ReLU(), nn.Linear(d, size))
        self.norm = nn.LayerNorm(size)
        self.keys, self.values, self.queries = (nn.Linear(size, size, bias=False) for _ in range(3))
        self.mu, self.log_sigma = (nn.Parameter(torch.randn(size) * (2 / (1 + size)) ** 0.5) for _ in range(2))
        self.where, self.there = nn.Linear(_WAVES**2, size, bias=False), nn.Linear(size, _WAVES**2, bias=False)
        self.gru = nn.GRUCell(size, size)
        self.norm_slots, self.norm_mlp = nn.LayerNorm(size), nn.LayerNorm(size)
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.ReLU(), nn.Linear(4 * size, size))
        self.places = nn.Parameter(0.02 * torch.randn(1, size, _PLACES, _PLACES))
        if decoder == "mlp":
            self.rebuild = nn.Sequential(
                nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, d + 1)
            )
        else:
            self.read, self.write = nn.Linear(d, size), nn.Linear(size, d)
            self.first = nn.Parameter(0.02 * torch.randn(size))
            self.layers = nn.ModuleList(_Layer(size, hidden) for _ in range(_LAYERS))
        self._begin_as_kmeans()

    @torch.no_grad()
    def _begin_as_kmeans(self) -> None:
        """First weights with which a look is a step of soft k-means on the projected features."""
        size = self.size
        nn.init.orthogonal_(self.project.weight)
        for last in (*self.encode[-1].parameters(), *self.mlp[-1].parameters()):
            last.zero_()
        for linear in (self.keys, self.values, self.queries):
            nn.init.eye_(linear.weight)
        # Its rows are those of the gates r and z, and of the candidate tanh(W u + r U s): z near 0 takes the candidate.
        nn.init.orthogonal_(self.where.weight)
        self.there.weight.copy_(_SHARP * self.where.weight.T)
        self.gru.weight_ih.zero_()
        self.gru.weight_hh.zero_()
        self.gru.weight_ih[2 * size :] = torch.eye(size)
        self.gru.bias_ih[size : 2 * size] = -_OPEN
        self.mu.zero_()
        self.log_sigma.zero_()

    def standardized(self, X: Tensor) -> Tensor:
        """The features as the slots read and rebuild them."""
        return (X - self.mean) / self.std

    def looks(self, X: Tensor, noise: Tensor, n_looks: int, at: Tensor) -> list[Look]:
        """Let slots look at pictures again and again.

        Args:
            X: (b, n, d) standardized features.
            noise: (b, K, z) of variance 1, which the first slots are made of.
            n_looks: how often.
            at: (n, 2) `middles` of the patches.

        Returns:
            The first slots with their attention, then those after each look: n_looks + 1 entries.
        """
        x = self.norm(self.project(X) + self.encode(X))
        k, v = self.keys(x), self.values(x) + self.where(waves(at))
        slots = self.mu + self.log_sigma.exp() * noise
        found = [self._look(k, at, slots, torch.special.ndtr(noise[..., :2]))]
        for _ in range(n_looks):
            A = found[-1].attention + _FLOOR
            mean = (A / A.sum(1, keepdim=True)).mT
            slots = self.gru((mean @ v).flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
            slots = slots + self.mlp(self.norm_mlp(slots))
            found.append(self._look(k, at, slots, mean @ at))
        return found

    def _look(self, k: Tensor, at: Tensor, slots: Tensor, places: Tensor) -> Look:
        q = self.queries(self.norm_slots(slots)) * self.size**-0.5
        return Look(slots, (k @ q.mT - self._far(at, places)).softmax(2), places)

    def _far(self, at: Tensor, places: Tensor) -> Tensor:
        """(b, n, K): ρ times the squared distances of patches (n, 2) from slots (b, K, 2)."""
        return self.near * (at[:, None] - places[:, None]).square().sum(-1)

    def rebuilt(self, X: Tensor, look: Look, grid: tuple[int, int], chosen: Tensor | None = None) -> Rebuilt:
        """Rebuild features from slots.

        Args:
            X: (b, n, d) standardized features; only the transformer looks at them, each patch at those before it.
            look: the last one; its slots rebuild.
            grid: rows and columns of the n patches.
            chosen: (m,) patches to rebuild; all if None. The transformer always rebuilds all.
        """
        p = F.interpolate(self.places, grid, mode="bilinear", align_corners=False)[0].flatten(1).mT
        if self.decoder != "mlp":
            return self._written(X, look.slots, p)
        at = middles(grid).to(X)
        p, at = (p, at) if chosen is None else (p[chosen], at[chosen])
        out = self.rebuild(look.slots[:, None] + p[None, :, None])
        where = (self.there(look.slots) @ waves(at).mT).mT - self._far(at, look.places)
        y, alpha = out[..., :-1], (out[..., -1] + where).softmax(2)
        return Rebuilt((alpha[..., None] * y).sum(2), alpha)

    def masks(self, look: Look, found: Rebuilt) -> Tensor:
        """(b, n, K) what each slot has of the patches that the last look and the decoder saw; sums to 1 over the slots."""
        return look.attention if self.near else found.alpha

    @torch.no_grad()
    def shared(self, f: Tensor, n_slots: int, n_looks: int, *, seed: int = 0) -> Shared:
        """Share one picture among slots.

        Args:
            f: (h, w, d) features.
            n_slots: K, any number from 1.
            n_looks: how often they look.
            seed: of the noise that they begin as.
        """
        h, w = f.shape[:2]
        X = self.standardized(f.flatten(0, 1)[None])
        looks = self.looks(X, noise_of(n_slots, self.size, seed).to(X), n_looks, middles((h, w)).to(X))
        found = self.rebuilt(X, looks[-1], (h, w))
        masks = self.masks(looks[-1], found)
        maps = *(look.attention for look in looks), found.y, masks, (found.y - X).square().mean(2), X.square().mean(2)
        *attention, y, masks, error, plain = (x[0].unflatten(0, (h, w)) for x in maps)
        return Shared(tuple(attention), y, masks, error, plain)

    def classes(self, f: Tensor, masks: Tensor, centers: Tensor) -> Tensor:
        """(h, w, K) probabilities of clusters with centers (K, d) of length 1: of each slot its cluster, by its mask."""
        p: Tensor = masks @ soft_clusters(held_by(masks, self.standardized(f)), centers)
        return p

    def _written(self, X: Tensor, slots: Tensor, p: Tensor) -> Rebuilt:
        before = torch.cat([self.first.expand(len(X), 1, -1), self.read(X[:, :-1])], 1)
        x, masks = before + p, slots.new_zeros(())
        for layer in self.layers:
            x, masks = layer(x, slots)
        return Rebuilt(self.write(x), masks)


def middles(grid: tuple[int, int]) -> Tensor:
    """(h · w, 2) rows and columns of the middles of patches, row by row, with the picture's sides as unit."""
    return torch.cartesian_prod(*((torch.arange(n) + 0.5) / n for n in grid))


def waves(at: Tensor) -> Tensor:
    """(n, 36) at places (n, 2), of mean square 1 over a grid: of their mean under a mask follows roughly where it lies."""
    tables = torch.cos(torch.pi * torch.arange(_WAVES).to(at) * at[..., None]) * (2**0.5)
    tables[..., 0] = 1
    phi: Tensor = (tables[:, 0, :, None] * tables[:, 1, None]).flatten(1)
    return phi


def noise_of(n_slots: int, size: int, seed: int) -> Tensor:
    """(1, K, size) that the first slots of a picture are made of."""
    return torch.randn(1, n_slots, size, generator=torch.Generator().manual_seed(seed))


def held_by(masks: Tensor, f: Tensor) -> Tensor:
    """(K, d) of length 1: the mean of standardized features f (h, w, d) under masks (h, w, K)."""
    return F.normalize(masks.flatten(0, 1).T @ f.flatten(0, 1), dim=1)


class _Layer(nn.Module):
    """A layer of the transformer: patches look at those before them, then at the slots."""

    def __init__(self, size: int, hidden: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(3))
        self.qkv, self.out = nn.Linear(size, 3 * size, bias=False), nn.Linear(size, size)
        self.q, self.kv, self.cross = nn.Linear(size, size), nn.Linear(size, 2 * size), nn.Linear(size, size)
        self.mlp = nn.Sequential(nn.Linear(size, hidden), nn.ReLU(), nn.Linear(hidden, size))

    def forward(self, x: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """(b, n, z) the patches, and (b, n, K) how much each looks at each slot, mean of the heads."""
        q, k, v = (_headed(part) for part in self.qkv(self.norms[0](x)).chunk(3, -1))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        q, (k, v) = _headed(self.q(self.norms[1](x))), (_headed(part) for part in self.kv(slots).chunk(2, -1))
        A = (q @ k.mT * q.shape[-1] ** -0.5).softmax(-1)
        x = x + self.cross((A @ v).transpose(1, 2).flatten(2))
        out: Tensor = x + self.mlp(self.norms[2](x))
        return out, A.mean(1)


def _headed(x: Tensor) -> Tensor:
    """(b, n, z) → (b, heads, n, z / heads)."""
    parted: Tensor = x.unflatten(2, (_HEADS, -1)).transpose(1, 2)
    return parted
