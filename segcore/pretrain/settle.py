"""Tokens of what is alike, drawn together: one block more, before the last one.

Keys say which patches of a picture belong together; tokens say what a patch is, and so do groups of patches over many
pictures. A step of mean shift in the joint domain lets all patches that are alike say the same,

t'_i = Σ_j P_ij t_j,    P_ij = softmax_j(−‖x_i − x_j‖²),    x = (k / √2τ, c / σ_c, y / σ_y)

with t the tokens, k the keys of some weights, of length 1, c the CIE Lab color, and y the height in the picture. That is
what attention does, as −‖x_i − x_j‖² is 2 x_i · x_j − ‖x_j‖² but for what depends on i alone, so one block more can say it:

* The stream that the last block is given has few directions in which it varies little (S) beside many (R). The new block
  begins with queries, keys and values that least squares read of the stream; it writes t' along S, where nothing was.
  [CLS] attends to itself there.
* The last block begins as it was, with layers that read the same as before in spite of what is new along S.
* Both, and the last norm, then learn what is asked, from whole pictures in other colors: along S t', along a direction of S
  that all patches share a constant, along R a share of what the tokens were. The attention of [CLS] and the keys are held as
  they were, and so is [CLS] but for a rotation of all pictures, so what reads these finds what it found.

References: Comaniciu and Meer 2002, for mean shift in the joint domain; Ramsauer et al. 2021, for attention as a step of it.
"""

import copy
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from segcore.features.color import cell_colors
from segcore.numerics import normalize_rows
from segcore.pretrain.crops import change_colors
from segcore.pretrain.learner import KeptLearner
from segcore.pretrain.networks import Network
from segcore.pretrain.pictures import PictureStore
from segcore.pretrain.recipe import Recipe
from segcore.train.learner import Loss, Turn

BATCH = 4  # pictures per step
_LONGER_SIDES = (256, 320, 400)  # pixels, of which one is drawn for each picture
_TEMPERATURE = 0.16  # τ
_COLOR = 15.0  # σ_c, in units of CIE Lab
_HEIGHT = 0.7  # σ_y, as a share of the picture's height
_ALONG = 0.47  # share of the directions that are S, but for the one of the constant
_COMMON, _OWN = 0.71, 0.15  # the constant, and the share of the tokens that stays, where tokens have a spread of 1
_LOUD = 2.2  # length of what the new block begins to say, per unit of t', as a multiple of the length of the stream
_RIDGE, _RIDGE_READ = 1e-3, 1e-5  # of what is said for the first time, and of what is read again
_ALONE = 15.0  # by which [CLS] prefers itself in the new block
_FIRST = 50.0  # weight of a [CLS] beside a patch, in least squares
_BEGIN = 250  # pictures that say where it begins
_EVERY = 5  # patch of them
_WEIGHTS = {"alike": 8.0, "own": 4.0, "keys": 300.0, "attention": 10.0, "class token": 16.0}


@dataclass(frozen=True, eq=False, slots=True)
class View:
    """What is kept of a picture of n patches; all float16."""

    x: Tensor  # (1 + n, width): the stream that enters the last block, [CLS] first
    tokens: Tensor  # (1 + n, width): what the transformer said
    settled: Tensor  # (n, width): t', the patches' tokens after a step of mean shift
    alike: Tensor  # (n, width + 4): x, by which patches are compared
    keys: Tensor  # (n, width): of length 1, in the last block
    looks: Tensor  # (heads, n): logarithms of the attention that [CLS] pays there


def joint_domain(keys: Tensor, pixels: Tensor, *, patch: int) -> Tensor:
    """Where the patches of a picture lie, so that those that are alike are near: x = (k / √2τ, c / σ_c, y / σ_y).

    Args:
        keys: (h · w, width), any lengths.
        pixels: (1, 3, h · patch, w · patch), RGB in [0, 1].
        patch: side in pixels.

    Returns:
        (h · w, width + 4): keys of length 1, mean CIE Lab colors, and heights, each over its scale.
    """
    h, w = (side // patch for side in pixels.shape[2:])
    colors = cell_colors(pixels[0].permute(1, 2, 0).cpu(), h=h, w=w).flatten(0, 1).to(keys)
    y = ((torch.arange(h) + 0.5) / h).repeat_interleave(w)[:, None].to(keys)
    return torch.cat((normalize_rows(keys) * (2 * _TEMPERATURE) ** -0.5, colors / _COLOR, y / _HEIGHT), dim=1)


def mean_shift(tokens: Tensor, x: Tensor) -> Tensor:
    """A step that draws together what is alike: t'_i = Σ_j softmax_j(−‖x_i − x_j‖²) t_j.

    Args:
        tokens: (n, d).
        x: (n, p), see `joint_domain`.

    Returns:
        (n, d): each row lies among the tokens.

    Cost: O(n² (p + d)).
    """
    return (-torch.cdist(x, x).square()).softmax(1) @ tokens


def view(store: PictureStore, number: int, network: Network, keys_of: Callable[[Tensor], Tensor]) -> View:
    """Look at a picture of a store as a whole, in a size and in colors that its number draws.

    Args:
        store: of pictures.
        number: of the picture.
        network: whose tokens are to be settled.
        keys_of: makes of pixels (1, 3, height, width), RGB in [0, 1], the keys (n, width) that say what is alike.

    Cost: one run of the network, and what the keys cost.
    """
    generator = Generator().manual_seed(number)
    longer = _LONGER_SIDES[int(torch.randint(len(_LONGER_SIDES), (), generator=generator))]
    patch = network.net.patch_embed.patch_size[0]
    pixels = store.scaled(number, longer_side=longer, patch=patch)
    pixels = change_colors(pixels, generator=generator).to(network.mean.device)
    with torch.no_grad():
        x = network.stem(pixels)
        tokens, alike = network.net.norm(network.net.blocks[-1](x))[0], joint_domain(keys_of(pixels), pixels, patch=patch)
        keys, looks = (part[0] for part in network.look(x))
    parts = (x[0], tokens, mean_shift(tokens[1:], alike), alike, normalize_rows(keys), looks.log_softmax(-1))
    return View(*(part.half().cpu() for part in parts))


@dataclass(frozen=True, eq=False, slots=True)
class Wanted:
    """What tokens are to say, in the space in which they will."""

    common: Tensor  # (width,), of length 1: the direction of the constant, in S
    along: Tensor  # (width, m): directions of S
    across: Tensor  # (width, width − 2 − m): directions of R; all are orthogonal to each other, and to 1
    spread: float  # root mean square distance of the tokens, as they were, from their mean
    settled: tuple[Tensor, Tensor]  # mean (width,) and principal axes (width, m) of t'
    own: tuple[Tensor, Tensor]  # mean (width,) and axes (width, width − 2 − m) of the tokens, which become R one by one
    variance: float  # of all of it

    def of(self, view: View) -> tuple[Tensor, Tensor]:
        """(n, m) of t' along S, and (n, width − 2 − m) of the tokens along R, for the patches of a picture."""
        device = self.common.device
        (mean, axes), (middle, turned) = self.settled, self.own
        alike = (view.settled.to(device).float() - mean) @ axes / self.spread
        return alike, _OWN * (view.tokens[1:].to(device).float() - middle) @ turned / self.spread

    def losses(self, tokens: Tensor, view: View) -> tuple[Tensor, Tensor]:
        """Shares of the variance that tokens (n, width), at the length that is wanted, miss along S and along R."""
        alike, own = self.of(view)
        length = (alike.square().sum(1) + own.square().sum(1) + _COMMON**2).sqrt()
        t = tokens * (length / tokens.norm(dim=1))[:, None]
        missed = (t @ self.along - alike).square().sum(1) + (t @ self.common - _COMMON).square()
        return missed.mean() / self.variance, (t @ self.across - own).square().sum(1).mean() / self.variance


def want(views: list[View], device: torch.device) -> Wanted:
    """Which directions there are, and what is to be said along them; computed and kept on a device."""
    some = [(view.x[1::_EVERY].float(), view.settled[::_EVERY].float(), view.tokens[1::_EVERY].float()) for view in views]
    stream, settled, tokens = (torch.cat(rows).to(device) for rows in zip(*some, strict=True))
    width = stream.shape[1]
    m = max(1, round(_ALONG * width))
    # The norms take away what lies along 1, which is the first direction here.
    directions = _axes(stream - stream.mean(1, keepdim=True))[1].flip(1)
    common, along, across = directions[:, m + 1], directions[:, 1 : m + 1], directions[:, m + 2 :]
    spread = float(tokens.var(0).sum().sqrt())
    variances, axes = _axes(settled)
    own = _axes(tokens)[1][:, : across.shape[1]]
    u, _, v = torch.linalg.svd(across.T @ own)  # the rotation that leaves the tokens closest to where they are
    return Wanted(
        common, along, across, spread, (settled.mean(0), axes[:, :m]), (tokens.mean(0), own @ (u @ v).T),
        float(variances[:m].sum()) / spread**2 + _OWN**2,
    )  # fmt: skip


def _axes(X: Tensor) -> tuple[Tensor, Tensor]:
    """Variances, descending, and principal axes in the columns."""
    variances, axes = torch.linalg.eigh(torch.cov(X.T))
    return variances.flip(0), axes.flip(1)


def least_squares(X: Tensor, Y: Tensor, weights: Tensor | None = None, *, ridge: float = _RIDGE) -> tuple[Tensor, Tensor]:
    """Weight (m, d) and bias (m,) of the layer with the least squared error from X (n, d) to Y (n, m).

    Args:
        X: rows.
        Y: what they should become.
        weights: (n,) ≥ 0 of the rows, all the same if None.
        ridge: times the squared weight, beside the mean squared error; it keeps the layer small.
    """
    A = torch.cat((X, X.new_ones(len(X), 1)), dim=1).double()
    w = (torch.ones_like(A[:, 0]) if weights is None else weights.to(A))[:, None]
    w = w / w.sum()
    affine = torch.linalg.solve((w * A).T @ A + ridge * torch.eye(A.shape[1]).to(A), (w * A).T @ Y.double()).to(X)
    return affine[:-1].T, affine[-1]


class SettleLearner(KeptLearner):
    """A network of one block more whose last two blocks are in training, on what the others made of the pictures."""

    learning_rate = 1e-3

    def __init__(
        self,
        store: PictureStore,
        networks: tuple[Network, Network],
        recipe: Recipe,
        *,
        batch: int,
        device: torch.device,
        keys_of: Callable[[Tensor], Tensor],
    ):
        """As the others; `keys_of` says what is alike, see `view`."""
        self._keys_of = keys_of
        super().__init__(store, networks, recipe, batch=batch, device=device)

    def begin(self) -> None:
        """Look at all pictures, and let the new block begin near what is asked."""
        views = [view(self.store, number, self.teacher, self._keys_of) for number in range(len(self.store))]
        self.views, first = views, views[:: -(-len(views) // _BEGIN)]
        self.wanted = want(first, self.device)
        seen = torch.stack([F.normalize(one.tokens[0].float(), dim=0) for one in views])
        self._differ = float(seen.var(0, correction=0).sum()) or 1.0  # how much [CLS] of pictures do
        self.student = deepened(self.student, self.recipe)
        begin(self.student, first, self.wanted)
        self._rotation = self._rotated(first)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.recipe = dataclasses.replace(self.recipe, depth=self.recipe.depth + 1)
        self.student.requires_grad_(False)
        for part in (*self.student.net.blocks[-2:], self.student.net.norm):
            part.requires_grad_(True)

    @torch.no_grad()
    def _rotated(self, views: list[View]) -> Tensor:
        """(width, width) rotation that brings what [CLS] said closest to what it says as the training begins."""
        net = self.student.net
        before = torch.stack([one.tokens[0].float() for one in views]).to(self.device)
        streams = [one.x[None].to(self.device).float() for one in views]
        now = torch.cat([net.norm(net.blocks[-2:](stream))[:, 0] for stream in streams])
        u, _, v = torch.linalg.svd(normalize_rows(before).T @ normalize_rows(now))
        rotation: Tensor = u @ v
        return rotation

    def losses(self, turn: Turn) -> Loss:
        """What some pictures ask for."""
        numbers = torch.randint(len(self.views), (self.batch,), generator=turn.generator).tolist()
        return self.sum_of(_WEIGHTS, [self._of_picture(self.views[number]) for number in numbers])

    def _of_picture(self, view: View) -> Tensor:
        net, device = self.student.net, self.device
        with torch.autocast(device.type, enabled=False):
            x = net.blocks[-2](view.x[None].to(device).float())
            keys, looks = self.student.look(x)
            tokens = net.norm(net.blocks[-1](x))[0]
            kept, first = view.keys.to(device).float(), view.tokens[0].to(device).float() @ self._rotation
            attention = F.kl_div(
                looks[0].log_softmax(-1), view.looks.to(device).float(), reduction="sum", log_target=True
            )  # fmt: skip
            return torch.stack(
                (
                    *self.wanted.losses(tokens[1:], view),
                    1 - F.cosine_similarity(keys[0], kept).mean(),
                    attention / looks.shape[1],
                    2 * (1 - F.cosine_similarity(tokens[0], first, dim=0)) / self._differ,
                )
            )


def deepened(network: Network, recipe: Recipe) -> Network:
    """A copy with one block more before the last one, which begins as a copy of it."""
    deep = Network(dataclasses.replace(recipe, depth=recipe.depth + 1)).to(network.mean.device)
    deep.load_state_dict(network.state_dict(), strict=False)
    deep.net.blocks[-1] = copy.deepcopy(network.net.blocks[-1])
    deep.net.blocks[-2] = copy.deepcopy(network.net.blocks[-1])
    return deep.train()


@torch.no_grad()
def begin(network: Network, views: list[View], wanted: Wanted) -> None:
    """Let the last two blocks begin near what is asked: the first says t' along S, the second reads what it read."""
    new, last, norm = network.net.blocks[-2], network.net.blocks[-1], network.net.norm
    device, width = network.mean.device, network.net.embed_dim
    heads = new.attn.num_heads
    size, m = width // heads, wanted.along.shape[1]
    told = min(size, -(-m // heads))  # coordinates of t' that each head says
    streams = [view.x.to(device).float() for view in views]
    x = torch.cat([new.norm1(one[1::_EVERY]) for one in streams])
    first = new.norm1(torch.stack([one[0] for one in streams]))
    query, key = _asked(torch.cat([view.alike[::_EVERY] for view in views]).to(x), len(first), size)
    weights = torch.cat((x.new_ones(len(x)), x.new_full((len(first),), _FIRST)))
    asked = [least_squares(torch.cat((x, first)), wish, weights) for wish in (query, key)]
    mean, axes = (part.to(x) for part in wanted.settled)
    tokens = torch.cat([view.tokens[1::_EVERY] for view in views]).to(x)
    said = (tokens - mean) @ axes / wanted.spread
    value = least_squares(torch.cat((x, first)), torch.cat((said, said.new_zeros(len(first), m))), weights)
    loud = _LOUD * torch.cat([one - one.mean(1, keepdim=True) for one in streams]).norm(dim=1).mean()
    qkv, proj = new.attn.qkv, new.attn.proj
    for layer in (proj, new.mlp.fc2):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    nn.init.zeros_(qkv.weight[2 * width :])
    nn.init.zeros_(qkv.bias[2 * width :])
    for head in range(heads):
        for part, layer in zip((0, width), asked, strict=True):
            rows = slice(part + head * size, part + (head + 1) * size)
            qkv.weight[rows], qkv.bias[rows] = layer
        mine = slice(head * told, min(m, (head + 1) * told))
        n = len(range(m)[mine])
        rows = slice(2 * width + head * size, 2 * width + head * size + n)
        qkv.weight[rows], qkv.bias[rows] = value[0][mine], value[1][mine]
        proj.weight[:, head * size : head * size + n] = loud * wanted.along[:, mine]
    proj.bias += loud * _COMMON * wanted.common
    attended = [one + last.attn(last.norm1(one[None]))[0] for one in streams]
    heard = [new(one[None])[0] for one in streams]
    _reread(last.attn.qkv, last.norm1, streams, heard)
    _reread(last.mlp.fc1, last.norm2, attended, [one + last.attn(last.norm1(one[None]))[0] for one in heard])
    nn.init.ones_(norm.weight)
    nn.init.zeros_(norm.bias)


def _asked(x: Tensor, n_first: int, size: int) -> tuple[Tensor, Tensor]:
    """Queries and keys (n + n_first, size) of patches x (n, p), and then of [CLS] of some pictures, as a head has them.

    Products over √size are 2 x_i · x_j − ‖x_j‖² of patches, in their first principal axes, and large of [CLS] with itself.
    """
    x = x - x.mean(0)
    axes = _axes(x)[1][:, : size - 2]
    query, key = x.new_zeros(2, len(x) + n_first, size).unbind()
    for part in (query, key):
        part[: len(x), 2:] = 2**0.5 * x @ axes
        part[len(x) :, 0] = _ALONE**0.5
    query[: len(x), 1] = 1
    key[: len(x), 1] = -x.square().sum(1)
    key[len(x) :, 1] = -x.square().sum(1).mean()  # no patch prefers [CLS]
    return query * size**0.25, key * size**0.25


def _reread(layer: nn.Linear, norm: nn.Module, before: list[Tensor], now: list[Tensor]) -> None:
    """Let a layer behind a norm make of other streams, each (1 + n, width), what it made of those before."""
    rows = [torch.cat((torch.zeros(1, dtype=torch.int64), torch.arange(1, len(one), _EVERY))) for one in before]
    said = torch.cat([layer(norm(one[some])) for one, some in zip(before, rows, strict=True)])
    heard = torch.cat([norm(one[some]) for one, some in zip(now, rows, strict=True)])
    weights = torch.cat([heard.new_ones(len(some)).index_fill_(0, some[:1].to(heard.device), _FIRST) for some in rows])
    layer.weight[:], layer.bias[:] = least_squares(heard, said, weights, ridge=_RIDGE_READ)
