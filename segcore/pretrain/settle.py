"""A block of mean shift before the last one: what is alike in a picture says the same before it is read.

One step of mean shift moves what describes a patch to the mean of what is near, x_i ← Σ_j softmax_j(−‖f_i − f_j‖² / T) x_j.
As −‖f_i − f_j‖² is 2 f_i·f_j − ‖f_j‖² but for a constant in j, that is attention with queries f and keys f, and a
transformer's block can be told to do it: nothing is trained. The block is given what the last block would be given, x, of
mean 0 and variance 1, and knows a patch by f_i = k_i / (s ‖k_i‖), its key in the last block. That is nearly affine in x, as
the length of a key is nearly constant, so least squares over some pictures find queries and keys: the principal axes of f,
the same in every head, then −‖f‖² / T, and a channel by which [CLS] attends to itself and no patch attends to it. The values
are x itself, said so loud (× _GAIN) that the last block hears little else. Its keys are then means of keys over what is
alike, and so is the attention of [CLS], which is made of them.

References: Fukunaga and Hostetler 1975, and Cheng 1995, for mean shift that moves all points at once; Ramsauer et al. 2021,
for attention as a step of it.
"""

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.image import fit_to_grid
from segcore.numerics import normalize_rows
from segcore.pretrain.networks import Network
from segcore.pretrain.recipe import Recipe

KEY_SPREAD = 0.89  # s: root mean square distance of keys of length 1 from the mean of their picture
TEMPERATURE = 0.2  # T
_GAIN = 50.0
_TO_ITSELF, _FROM_PATCHES = 50.0, -10.0  # logits of [CLS] at [CLS], and of patches there
_RIDGE = 1e-4
_FIRST_TOKEN = 0.3  # weight of all [CLS] beside that of all patches, in least squares


def entering(network: Network, image: Tensor, *, max_side: int, patch: int) -> Tensor:
    """What the last block is given of a picture (height, width, 3) uint8: (1 + n, d), [CLS] first."""
    pixels, _ = fit_to_grid(image, max_side=max_side, patch=patch)
    with torch.no_grad():
        return network.stem(pixels.to(network.mean.device).permute(2, 0, 1)[None].float() / 255)[0]


def mean_shift(f: Tensor, x: Tensor | None = None, *, temperature: float = TEMPERATURE) -> Tensor:
    """One step that draws together what is alike: Σ_j softmax_j(−‖f_i − f_j‖² / T) x_j, all rows at once.

    Args:
        f: (n, m), what is compared.
        x: (n, d), what is averaged; f itself if None.
        temperature: T > 0.

    Returns:
        (n, d).

    Cost: O(n² (m + d)).
    """
    return torch.softmax(-torch.cdist(f, f).square() / temperature, dim=1) @ (f if x is None else x)


def least_squares(X: Tensor, Y: Tensor, weights: Tensor | None = None) -> Tensor:
    """(d + 1, m): the affine map, its constant in the last row, with the least squared error from X (n, d) to Y (n, m).

    Args:
        X: rows.
        Y: what they should become.
        weights: (n,) of the rows, 1 if None. A ridge of 0.0001 per unit of weight keeps the map small.
    """
    A = _with_one(X).double()
    w = torch.ones_like(A[:, :1]) if weights is None else weights.to(A)[:, None]
    w = w / w.sum()
    gram = (w * A).T @ A + _RIDGE * torch.eye(A.shape[1]).to(A)
    affine: Tensor = torch.linalg.solve(gram, (w * A).T @ Y.double())
    return affine.to(X)


def settled(network: Network, recipe: Recipe, pictures: Sequence[Tensor]) -> Network:
    """A network with one block more: a step of mean shift between all others and the last.

    Args:
        network: to begin with; it stays as it is.
        recipe: its sizes.
        pictures: what its last block is given of them, (1 + n, d) each; at least one.

    Returns:
        A network of depth `recipe.depth` + 1 whose other blocks are those of `network`, but for two scales of the last: what
        it adds is as loud beside the louder input as before, and its queries are shorter by as much as means of x are
        shorter than x, which its norm undoes.

    Cost: O(n² d) for each picture, twice, and least squares over all their patches.
    """
    whole = Network(dataclasses.replace(recipe, depth=recipe.depth + 1)).to(network.mean.device).eval()
    blocks, last = whole.net.blocks, copy.deepcopy(network.net.blocks[-1])
    for name, part in network.net.named_children():
        if name != "blocks":
            setattr(whole.net, name, copy.deepcopy(part))
    for name, parameter in network.net.named_parameters(recurse=False):
        setattr(whole.net, name, copy.deepcopy(parameter))
    for i, block in enumerate(network.net.blocks[:-1]):
        blocks[i] = copy.deepcopy(block)
    with torch.no_grad():
        shrunk = _tell(blocks[-2], network, pictures)
        louder = _loudness(blocks[-2], pictures)
        for layer in (last.attn.proj, last.mlp.fc2):
            layer.weight *= louder
            layer.bias *= louder
        queries = slice(0, network.net.embed_dim)
        last.attn.qkv.weight[queries] *= shrunk
        last.attn.qkv.bias[queries] *= shrunk
    blocks[-1] = last
    return whole


def describe(network: Network, x: Tensor) -> Tensor:
    """What tells patches apart, f (n, d), by what the last block is given of them, x (n, d), of mean 0 and variance 1."""
    norm = network.net.blocks[-1].norm1
    return normalize_rows(network.keys_of(x * norm.weight + norm.bias)) / KEY_SPREAD


def _tell(block: Any, network: Network, pictures: Sequence[Tensor]) -> float:
    """Give a block the weights of mean shift; returns by how much means of x are shorter than x."""
    width, heads = network.net.embed_dim, block.attn.num_heads
    channels = width // heads
    patches, first = [_plain(z[1:]) for z in pictures], _plain(torch.stack([z[0] for z in pictures]))
    f = [describe(network, x) for x in patches]
    means = torch.cat([mean_shift(one, x) for one, x in zip(f, patches, strict=True)])
    rows, x = torch.cat(f), torch.cat((*patches, first))
    n, m = len(rows), len(first)
    centered = rows - rows.mean(0)
    axes = torch.linalg.eigh(torch.cov(centered.T)).eigenvectors.flip(1)[:, : channels - 2]
    size = -centered.square().sum(1, keepdim=True) / TEMPERATURE
    size = size - size.mean()

    weights = torch.cat((x.new_ones(n), x.new_full((m,), _FIRST_TOKEN * n / m)))
    along = least_squares(x, F.pad(centered @ axes, (0, 0, 0, m)), weights)
    sizes = least_squares(x, F.pad(size, (0, 0, 0, m)), weights)
    is_first = least_squares(x, F.pad(x.new_ones(m, 1), (0, 0, n, 0)), weights)
    always = torch.zeros_like(is_first)
    always[-1] = 1

    unit = channels**0.25  # both sides have it, against the 1 / √channels of attention
    sharp = (2 / TEMPERATURE) ** 0.5
    asks = (_TO_ITSELF - _FROM_PATCHES) * is_first + _FROM_PATCHES * always
    blank = along.new_zeros(len(along), channels - 2 - along.shape[1])  # where there are fewer axes than channels
    queries = unit * torch.cat((sharp * along, blank, always, asks), dim=1)
    keys = unit * torch.cat((sharp * along, blank, sizes, is_first), dim=1)
    for parameter in block.parameters():
        parameter.zero_()
    block.norm1.weight.fill_(1)
    block.norm2.weight.fill_(1)
    for i, affine in enumerate((queries, keys)):
        rows_of = slice(i * width, (i + 1) * width)
        block.attn.qkv.weight[rows_of] = affine[:-1].T.repeat(heads, 1)
        block.attn.qkv.bias[rows_of] = affine[-1].repeat(heads)
    block.attn.qkv.weight[2 * width :] = torch.eye(width)
    block.attn.proj.weight.copy_(_GAIN * torch.eye(width))
    return float(means.square().mean().sqrt())


def _loudness(block: Any, pictures: Sequence[Tensor]) -> float:
    """By how much longer [CLS], but for its mean, leaves a block than it enters it."""
    both = (torch.stack([z[0] for z in pictures]), torch.stack([block(z[None])[0, 0] for z in pictures]))
    before, after = ((z - z.mean(1, keepdim=True)).norm(dim=1).mean() for z in both)
    return float(after / before)


def _plain(z: Tensor) -> Tensor:
    """Rows of mean 0 and variance 1, as a norm makes them."""
    return F.layer_norm(z, z.shape[-1:], eps=1e-6)


def _with_one(x: Tensor) -> Tensor:
    """Rows (n, d) with a 1 at their end."""
    return torch.cat((x, x.new_ones(len(x), 1)), dim=1)
