"""Student and teacher: a transformer of timm with two heads that compare its tokens with prototypes."""

import copy

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
    """What is trained: the transformer, a token that stands for hidden patches, and the heads."""

    def __init__(self, recipe: Recipe):
        super().__init__()
        import timm

        args = {**recipe.model_args, "num_classes": 0, "dynamic_img_size": True}
        self.net = timm.create_model(recipe.architecture, pretrained=False, **args)
        self.mask_token = nn.Parameter(torch.zeros(recipe.width))
        sizes = (recipe.width, recipe.hidden, recipe.bottleneck)
        self.picture_head = Head(*sizes, recipe.picture_prototypes)
        self.patch_head = Head(*sizes, recipe.patch_prototypes)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Look at crops.

        Args:
            pixels: (b, 3, px, px) RGB in [0, 1].
            hidden: (b, n) bool, patches that are replaced by the mask token; None hides none.

        Returns:
            Cosines with the prototypes: (b, picture_prototypes) of [CLS], (b, n, patch_prototypes) of the patches.
        """
        patches = self.net.patch_embed((pixels - self.mean) / self.std)  # (b, h, w, width)
        if hidden is not None:
            patches = torch.where(hidden.view(*patches.shape[:3], 1), self.mask_token.to(patches.dtype), patches)
        z = self.net.norm_pre(self.net._pos_embed(patches))  # timm's forward_features begins with the same private step
        z = self.net.norm(self.net.blocks(z))
        return self.picture_head(z[:, 0]), self.patch_head(z[:, 1:])


def make_networks(recipe: Recipe, *, seed: int) -> tuple[Network, Network]:
    """Make a student with random weights and a teacher that begins as its copy; torch's own generator stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        student = Network(recipe)
    return student, copy.deepcopy(student).requires_grad_(False)


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
    return torch.optim.AdamW([{"params": decays}, {"params": rest, "weight_decay": 0.0}], lr=0.0)
