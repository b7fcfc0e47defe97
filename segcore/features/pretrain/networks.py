"""Student and teacher: a transformer of timm with a head that compares its [CLS] token with prototypes."""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segcore.features.pretrain.recipe import MEAN, STD, Recipe


class Head(nn.Module):
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
        self.head = Head(recipe.width, recipe.hidden, recipe.bottleneck, recipe.n_prototypes)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Look at crops.

        Args:
            pixels: (b, 3, px, px) RGB in [0, 1].

        Returns:
            Cosines (b, n_prototypes) of [CLS] with the prototypes, and keys (b, n, width) of the patches in the last block,
            which are what segmentations read by default.
        """
        z = self.net.patch_embed((pixels - self.mean) / self.std)
        z = self.net.norm_pre(self.net._pos_embed(z))  # timm's forward_features begins with the same private step
        z = self.net.blocks[:-1](z)
        last = self.net.blocks[-1]
        weight, bias = (x.chunk(3)[1] for x in (last.attn.qkv.weight, last.attn.qkv.bias))
        keys = F.linear(last.norm1(z), weight, bias)[:, 1:]
        return self.head(self.net.norm(last(z)[:, 0])), keys


def make_networks(recipe: Recipe, *, seed: int, device: torch.device | str = "cpu") -> tuple[Network, Network]:
    """Make a student with random weights and a teacher that begins as its copy; torch's own generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        student = Network(recipe).to(device)
    for block in student.net.blocks:
        # On a CPU the plain products are 1.4 times as fast as torch's fused attention: 22 pictures/s, not 16.
        block.attn.fused_attn = torch.device(device).type == "cuda"
    return student.train(), copy.deepcopy(student).requires_grad_(False).eval()


def follow(teacher: nn.Module, student: nn.Module, *, momentum: float) -> None:
    """Move the teacher towards the student: θ_t ← m θ_t + (1 − m) θ_s."""
    with torch.no_grad():
        for mine, theirs in zip(teacher.parameters(), student.parameters(), strict=True):
            mine.lerp_(theirs, 1 - momentum)


def make_optimizer(student: Network) -> torch.optim.Optimizer:
    """AdamW; biases, gains, embeddings and prototypes do not decay."""
    named = [(name, p) for name, p in student.named_parameters() if p.requires_grad]
    decays = [p for name, p in named if p.ndim > 1 and not name.endswith(("pos_embed", "cls_token", "prototypes"))]
    others = {id(p) for p in decays}
    rest = [p for _, p in named if id(p) not in others]
    groups: list[dict[str, Any]] = [{"params": decays}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=0.0)
