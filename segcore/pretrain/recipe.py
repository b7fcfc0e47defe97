"""The numbers of a training, and how they change while it goes on; progress runs from 0 to 1."""

import math
from dataclasses import dataclass

from segcore.checks import check_range
from segcore.errors import InputError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in [0, 1] over ImageNet, as DINO uses them


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What is trained, and how. The defaults suit half an hour of a modern GPU and some hours of a CPU.

    Raises:
        InputError: a size cannot be.
    """

    # The transformer.
    width: int = 192
    depth: int = 6
    heads: int = 3
    patch: int = 8  # side in pixels
    # Crops. An area is a share of the picture's.
    large_px: int = 128
    small_px: int = 48
    n_small: int = 4  # small crops per picture, beside the two large ones
    large_area: tuple[float, float] = (0.3, 1.0)
    small_area: tuple[float, float] = (0.05, 0.25)
    most_zoom: float = 2.5  # crops are enlarged at most so much, as blur would be all that they teach
    # The last part of the training works on finer grids, such as the app's, with fewer pictures per step.
    fine_share: float = 0.2
    fine_scale: int = 2
    # Heads.
    hidden: int = 768
    bottleneck: int = 192
    n_prototypes: int = 2048
    # Losses.
    picture_weight: float = 0.0
    keys_weight: float = 30.0
    attention_weight: float = 1.0
    objects_share: float = 0.25  # of the target of the keys; the rest is regions
    # At these shares of the training the teacher draws the objects anew, and what it drew is taught from then on.
    redraws: tuple[float, ...] = (0.4,)
    student_temperature: float = 0.1
    # At 0.07, DINO's choice for long trainings, the assignments of a short one drift back to uniform: two views of a patch
    # agree too little to hold them apart. Spread of the cosines after 300 steps of 32 photographs: 0.07 at 0.07 and falling,
    # 0.11 at 0.04, 0.13 at 0.03, rising.
    teacher_temperature: tuple[float, float] = (0.03, 0.04)  # the second one after the warm-up
    teacher_warmup: float = 0.3  # share of the training
    # Optimization.
    learning_rate: float = 3e-3  # for 256 pictures per step; goes with the square root of their number
    warmup: float = 0.05  # share of the training
    weight_decay: tuple[float, float] = (0.04, 0.2)
    momentum: tuple[float, float] = (0.994, 1.0)  # of the teacher
    clip: float = 3.0  # longest gradient
    frozen_prototypes: float = 0.01  # share of the training in which prototypes stay as they began

    def __post_init__(self) -> None:
        for name in ("width", "depth", "heads", "patch", "n_prototypes", "fine_scale"):
            check_range(name, getattr(self, name), lo=1)
        check_range("n_small", self.n_small, lo=0)
        check_range("objects_share", self.objects_share, lo=0, hi=1)
        for name in ("large_px", "small_px"):
            if getattr(self, name) % self.patch or getattr(self, name) < self.patch:
                raise InputError(
                    f"{name} must be a multiple of patch = {self.patch}; got {getattr(self, name)}.", field=name
                )
        if self.width % self.heads:
            raise InputError(f"width must be a multiple of heads = {self.heads}; got {self.width}.", field="width")

    @property
    def architecture(self) -> str:
        """The timm model whose sizes `model_args` override."""
        return "vit_tiny_patch16_224"

    @property
    def model_args(self) -> dict[str, int]:
        """Arguments of timm.create_model."""
        sizes = {"embed_dim": self.width, "depth": self.depth, "num_heads": self.heads}
        return {"img_size": self.large_px, "patch_size": self.patch, **sizes}

    def phase(self, progress: float, batch: int) -> "Phase":
        """Crop sizes and pictures per step at this time."""
        if progress < 1 - self.fine_share:
            return Phase(self.large_px, self.small_px, batch)
        fewer = max(min(batch, 2), batch // self.fine_scale**2)
        return Phase(self.large_px * self.fine_scale, self.small_px * self.fine_scale, fewer)

    def drawn(self, progress: float) -> int:
        """How often the objects should have been drawn anew by this time."""
        return sum(progress >= share for share in self.redraws)

    def rates(self, progress: float, batch: int) -> "Rates":
        """Learning rate, temperatures and so on at this time."""
        peak = self.learning_rate * math.sqrt(batch / 256)
        rising = progress < self.warmup
        decline = (progress - self.warmup) / max(1e-9, 1 - self.warmup)
        return Rates(
            learning_rate=peak * progress / self.warmup if rising else cosine(peak, peak / 100, decline),
            weight_decay=cosine(*self.weight_decay, progress),
            momentum=cosine(*self.momentum, progress),
            teacher_temperature=linear(*self.teacher_temperature, progress / max(1e-9, self.teacher_warmup)),
            prototypes_learn=progress >= self.frozen_prototypes,
        )


@dataclass(frozen=True, slots=True)
class Phase:
    """Sizes of one step."""

    large_px: int
    small_px: int
    batch: int


@dataclass(frozen=True, slots=True)
class Rates:
    """Numbers of one step."""

    learning_rate: float
    weight_decay: float
    momentum: float
    teacher_temperature: float
    prototypes_learn: bool


def cosine(start: float, end: float, share: float) -> float:
    """Go from start to end along half a cosine, and stay there."""
    return end + (start - end) * (1 + math.cos(math.pi * min(max(share, 0.0), 1.0))) / 2


def linear(start: float, end: float, share: float) -> float:
    """Go from start to end along a line, and stay there."""
    return start + (end - start) * min(max(share, 0.0), 1.0)
