"""Student and teacher: a transformer of timm with a head that compares its [CLS] token with prototypes."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.errors import InputError, ModelError
from segcore.features.weights import read_state
from segcore.pretrain.recipe import MEAN, STD, Recipe
from segcore.train.seeds import seeded


class PrototypeHead(nn.Module):
    """Cosines between tokens and learned prototypes, after a small MLP."""

    def __init__(self, width: int, hidden: int, bottleneck: int, n_prototypes: int):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, bottleneck))
        self.prototypes = nn.Parameter(F.normalize(torch.randn(n_prototypes, bottleneck), dim=1))

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., width) to (..., n_prototypes) in [−1, 1]."""
        x = self.mlp(tokens)
        # Divided by a temperature of 0.04, bfloat16 would leave errors of a tenth.
        with torch.autocast(x.device.type, enabled=False):
            return F.linear(F.normalize(x.float(), dim=-1), F.normalize(self.prototypes, dim=1))


class Network(nn.Module):
    """What is trained: the transformer and the head."""

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe):
        super().__init__()
        import timm

        args: dict[str, Any] = {**recipe.model_args, "num_classes": 0, "dynamic_img_size": True}
        self.net: Any = timm.create_model(recipe.architecture, pretrained=False, **args)
        self.head = PrototypeHead(recipe.width, recipe.hidden, recipe.bottleneck, recipe.n_prototypes)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> "Seen":
        """Look at crops (b, 3, px, px), RGB in [0, 1]."""
        return self.last(self.stem(pixels))

    def stem(self, pixels: Tensor) -> Tensor:
        """(b, 1 + n, width): what the last block is given of pictures (b, 3, height, width), RGB in [0, 1]."""
        z = self.net.patch_embed((pixels - self.mean) / self.std)
        z = self.net.norm_pre(self.net._pos_embed(z))  # timm's forward_features begins with the same private step
        entering: Tensor = self.net.blocks[:-1](z)
        return entering

    def last(self, z: Tensor) -> "Seen":
        """What the last block makes of tokens (b, 1 + n, width)."""
        return Seen(self.head(self.net.norm(self.net.blocks[-1](z))[:, 0]), *self.look(z))

    def look(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Keys of the last block, and where [CLS] looks in it, of tokens z that enter it; see `look_from`."""
        attn = self.net.blocks[-1].attn
        return look_from(self.normed(z), attn.qkv.weight, attn.qkv.bias, heads=attn.num_heads)

    def normed(self, z: Tensor) -> Tensor:
        """What the last block's queries, keys and values are made of, of tokens z that enter it; of the same shape."""
        x: Tensor = self.net.blocks[-1].norm1(z)
        return x


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What a network makes of b crops."""

    cosines: Tensor  # (b, n_prototypes) of [CLS] with the prototypes
    keys: Tensor  # (b, n, width) of the patches in the last block, which are what segmentations read by default
    looks: Tensor  # (b, heads, n) logits of the attention that [CLS] pays to the patches there


def look_from(x: Tensor, weight: Tensor, bias: Tensor, *, heads: int) -> tuple[Tensor, Tensor]:
    """Keys, and where [CLS] looks.

    Args:
        x: (b, 1 + n, width) normed input of a block, [CLS] first.
        weight: (3 width, width) that makes queries, keys and values of it.
        bias: (3 width,) of the same.
        heads: how many share the width.

    Returns:
        (b, n, width) keys of the patches, and (b, heads, n) logits of the attention that [CLS] pays to them.
    """
    width = x.shape[-1]
    keys = F.linear(x[:, 1:], weight[width : 2 * width], bias[width : 2 * width])
    query = F.linear(x[:, 0], weight[:width], bias[:width]).unflatten(-1, (heads, -1))
    looks = torch.einsum("bhd,bnhd->bhn", query, keys.unflatten(-1, (heads, -1))) * (width // heads) ** -0.5
    return keys, looks


def make_networks(
    recipe: Recipe, *, seed: int, start: Path | None = None, device: torch.device | str = "cpu"
) -> tuple[Network, Network]:
    """Make a student and a teacher that begins as its copy; torch's own generator stays as it is.

    Args:
        recipe: sizes.
        seed: of the random weights.
        start: a file of weights for the transformer; the head is random in any case.
        device: where they will compute.

    Raises:
        InputError: the file does not hold weights of these sizes.
    """
    with seeded(seed):
        student = Network(recipe)
    if start is not None:
        _fill(student.net, start)
    student = student.to(device)
    for block in student.net.blocks:
        # On a CPU the plain products are 1.4 times as fast as torch's fused attention: 22 pictures/s, not 16.
        block.attn.fused_attn = torch.device(device).type == "cuda"
    return student.train(), copy.deepcopy(student).requires_grad_(False).eval()


def _fill(net: nn.Module, start: Path) -> None:
    try:
        net.load_state_dict(read_state(start, name=start.name))
    except ModelError as error:
        raise InputError(str(error), field="start") from error
    except RuntimeError as error:  # as load_state_dict says that names or shapes differ
        raise InputError(
            f"{start} holds no weights of the sizes of this training. Begin with weights that the same sizes made.",
            field="start",
        ) from error


def follow(teacher: nn.Module, student: nn.Module, *, momentum: float) -> None:
    """Move the teacher towards the student: θ_t ← m θ_t + (1 − m) θ_s."""
    with torch.no_grad():
        for mine, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
            mine.lerp_(theirs, 1 - momentum)


def make_optimizer(student: Network) -> torch.optim.Optimizer:
    """AdamW; biases, gains, embeddings and prototypes do not decay."""
    named = list(student.named_parameters())
    decays = [p for name, p in named if p.ndim > 1 and not name.endswith(("pos_embed", "cls_token", "prototypes"))]
    others = {id(p) for p in decays}
    rest = [p for _, p in named if id(p) not in others]
    groups: list[dict[str, Any]] = [{"params": decays}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0)
