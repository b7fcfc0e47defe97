"""The backbones by name, and which one "auto" means here."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from segcore.features import weights

PLAIN_VIT = "vit_small_patch16_224.dino"  # an architecture whose sizes are overridden, with DINO's mean and std


@dataclass(frozen=True, slots=True)
class Backbone:
    """Where patch features can come from."""

    name: str
    title: str  # in words
    patch: int  # side of a cell, in pixels of the scaled picture
    licence: str
    help: str  # one line
    timm_name: str = ""  # of the transformer; "": there is none
    repo: str | None = None  # on the Hub; None: nothing to download, the architecture stands beside or in the weights
    gated: bool = False  # the Hub gives the weights out only after their licence is accepted
    file: Path | None = None  # a backbone named by its file of weights
    stamp: tuple[int, int] | None = None  # time and size of that file: a changed file makes another backbone

    @property
    def needs_weights(self) -> bool:
        """Whether there is anything to load."""
        return bool(self.timm_name or self.file)


def _on_hub(name: str, title: str, timm_name: str, patch: int, text: str, *, gated: bool = False) -> Backbone:
    licence = "DINOv3 licence" if gated else "Apache-2.0"
    return Backbone(name, title, patch, licence, text, timm_name, f"timm/{timm_name}", gated)


# fmt: off
_ALL = (
    Backbone("dino_tiny", "a small stand-in for DINO ViT-S, patch 8", 8, "Apache-2.0",
             "Taught regions and objects by cues, without labels, on 1,200 pictures; comes with the app.", PLAIN_VIT),
    _on_hub("dino_vits16", "DINO ViT-S/16", "vit_small_patch16_224.dino", 16,
            "The usual choice of the published methods: quick, and its keys separate objects well."),
    _on_hub("dino_vits8", "DINO ViT-S/8", "vit_small_patch8_224.dino", 8,
            "Four times the cells of ViT-S/16: finer borders, much slower."),
    _on_hub("dino_vitb16", "DINO ViT-B/16", "vit_base_patch16_224.dino", 16,
            "Four times the weights of ViT-S/16."),
    _on_hub("dino_vitb8", "DINO ViT-B/8", "vit_base_patch8_224.dino", 8,
            "The finest and slowest DINO."),
    _on_hub("dinov2_vits14", "DINOv2 ViT-S/14", "vit_small_patch14_dinov2.lvd142m", 14,
            "Trained on more pictures; a few patches of the background hold outliers."),
    _on_hub("dinov2_vits14_reg", "DINOv2 ViT-S/14 with registers", "vit_small_patch14_reg4_dinov2.lvd142m", 14,
            "Four register tokens take up the outliers."),
    _on_hub("dinov2_vitb14_reg", "DINOv2 ViT-B/14 with registers", "vit_base_patch14_reg4_dinov2.lvd142m", 14,
            "Four times the weights of ViT-S/14."),
    _on_hub("dinov3_vits16", "DINOv3 ViT-S/16", "vit_small_patch16_dinov3.lvd1689m", 16,
            "Rotary positions; its licence must be accepted on the Hub.", gated=True),
    _on_hub("dinov3_vitb16", "DINOv3 ViT-B/16", "vit_base_patch16_dinov3.lvd1689m", 16,
            "Four times the weights of ViT-S/16; its licence must be accepted on the Hub.", gated=True),
    Backbone("color", "Lab color and position", 8, "none", "No network and no weights: what color alone can do."),
)
# fmt: on

BACKBONES: Mapping[str, Backbone] = MappingProxyType({backbone.name: backbone for backbone in _ALL})

# What "auto" takes after dino_vits16: S before B (seconds), 16 before 8 (memory grows with the square of the cells), DINO
# before DINOv2 (its keys are what the published methods use). DINOv3 is never taken unasked: its licence needs consent.
_AUTO_ORDER = ("dino_vits8", "dinov2_vits14", "dinov2_vits14_reg", "dino_vitb16", "dino_vitb8", "dinov2_vitb14_reg")


def weights_status(backbone: Backbone) -> str:
    """Say where the weights are, without asking the network.

    Returns:
        "local" (a named file, or in the folder SEGCORE_WEIGHTS_DIR), "bundled", "cached" (by the Hub's client), "download"
        (must be downloaded first), "missing" (not here and on no Hub), or "none needed".
    """
    if not backbone.needs_weights:
        return "none needed"
    found = weights.find_weights(backbone.name, repo=backbone.repo, file=backbone.file)
    if found is None:
        return "download" if backbone.repo else "missing"
    return found.kind


def best_here() -> tuple[Backbone, str | None]:
    """What "auto" means here and now.

    Returns:
        dino_vits16 where its weights are here or the Hub answers, else another DINO or DINOv2 whose weights are here, else
        dino_tiny, else color; and a note of `stand_in_note` where it had to fall back, else None.

    Cost: without local weights, at most about weights.ASK_SECONDS of waiting for the Hub once a minute.
    """
    best = BACKBONES["dino_vits16"]
    if best.repo is None or weights_status(best) != "download":
        return best, None
    reason = weights.ask_hub(best.name, best.repo)
    if reason is None:
        return best, None
    here = (name for name in (*_AUTO_ORDER, "dino_tiny") if weights_status(BACKBONES[name]) not in ("download", "missing"))
    chosen = BACKBONES[next(here, "color")]
    return chosen, stand_in_note(chosen, best, reason)


def stand_in_note(chosen: Backbone, wanted: Backbone, reason: str) -> str:
    """Say that one backbone stands in for another one, in one line; the lines below say why, and how to get the other."""
    return f"These are features of {chosen.name}, {chosen.title}; how to get {wanted.title}:\n{reason}"
