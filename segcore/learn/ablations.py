"""What each choice does to a network with labels: rows of runs that differ in one of them, same seed, same steps.

All but one learn from the drawn collection `STREET`, so that everybody can repeat them; `segcore.evaluate.record` records
them. It imports no torch, so that a command line is quick.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

STREET = "street4"
STEPS = 400
SEEDS = (0, 1, 2)  # of the recorded runs; the first one is shown with its pictures
_COMMON: Mapping[str, Any] = {"side": 128, "crop": 96, "scale": 1.0}


@dataclass(frozen=True, slots=True)
class AblationRun:
    """One run of a row."""

    label: str  # what is different, in a few words
    system: str
    own: Mapping[str, Any] = field(default_factory=dict)  # settings that are not the defaults

    @property
    def settings(self) -> dict[str, Any]:
        """All settings that are not the defaults of the system."""
        return {**_COMMON, **self.own}


@dataclass(frozen=True, slots=True)
class Ablation:
    """A row of runs that differ in one thing."""

    title: str
    question: str
    runs: tuple[AblationRun, ...]
    on: str = STREET  # a drawn collection; or pictures that do not come along, in words: then nobody repeats it here

    @property
    def repeatable(self) -> bool:
        """Whether its runs can be trained anew from what comes along."""
        return self.on == STREET

    def file(self, name: str, i: int, seed: int = SEEDS[0]) -> str:
        """The name of the file that holds a recorded run of this row, whose key is `name`."""
        return f"{name}-{i}.run.json" if seed == SEEDS[0] else f"{name}-{i}.seed{seed}.run.json"


def _runs(system: str, setting: str, **labels: Any) -> tuple[AblationRun, ...]:
    return tuple(AblationRun(label.replace("_", " "), system, {setting: value}) for label, value in labels.items())


ABLATIONS: Mapping[str, Ablation] = MappingProxyType({
    "stride": Ablation(
        "Output stride 32, 16, 8",
        "The field of view stays the same. What does a finer map cost, and which classes gain?",
        tuple(AblationRun(f"stride {s}", "fcn32", {"output_stride": s}) for s in ("32", "16", "8")),
    ),
    "dilation": Ablation(
        "Stride 8, with and without dilation",
        "Both cost the same. What does the one without dilation no longer see?",
        tuple(
            AblationRun(label, "fcn32", {"output_stride": "8", "dilated": dilated})
            for label, dilated in (("dilated", True), ("not dilated", False))
        ),
    ),
    "skips": Ablation(
        "Skip connections",
        "Nothing, sums, maps side by side, indices of maxima, indices of another picture: whose outlines are right first?",
        (
            *(AblationRun(skips, "unet", {"skips": skips}) for skips in ("none", "sum", "concatenation")),
            AblationRun("indices", "segnet"),
            AblationRun("indices of another picture", "segnet", {"upsampling": "unpooling_of_another"}),
        ),
    ),
    "upsampling": Ablation(
        "Ways back to the pixels",
        "Which of them draws a checkerboard before it has learned anything, and does learning take it away?",
        tuple(
            AblationRun(label, "fcn32", {"output_stride": "8", "upsampling": upsampling})
            for label, upsampling in (
                ("bilinear", "bilinear"),
                ("transposed 3×3, stride 2", "transposed_3x3"),
                ("transposed 4×4, stride 2", "transposed_4x4"),
                ("transposed 2×2, stride 2", "transposed_2x2"),
                ("nearest, then 3×3", "resize_convolution"),
                ("pixel shuffle", "pixel_shuffle"),
            )
        ),
    ),
    "weights": Ablation(
        "Class weights",
        "What do rare classes gain, and what do all pixels together lose?",
        _runs("deeplab", "class_weights", none="none", median_frequency="median", ENet="enet"),
    ),
    "rates": Ablation(
        "Rates of ASPP",
        "On a map of 8 × 8 cells, how many taps of rate 18 fall inside? What is left, and who brings the context?",
        (
            AblationRun("6, 12, 18", "deeplab"),
            AblationRun("6, 12, 18, no picture mean", "deeplab", {"picture_mean": False}),
            AblationRun("2, 4, 6", "deeplab", {"rates": "2, 4, 6"}),
            AblationRun("1×1 only, no picture mean", "deeplab", {"rates": "none", "picture_mean": False}),
        ),
    ),
    "crf": Ablation(
        "A CRF after the network",
        "The same network, and labels sharpened along the colors. Who gains, and who is wiped away?",
        _runs("fcn32", "crf", network_alone=False, with_CRF=True),
    ),
    "labels": Ablation(
        "Fewer labelled pictures",
        "From 5, 20 and 200 pictures: a network from scratch, and a linear layer on features that know no labels.",
        tuple(
            AblationRun(f"{title}, {n or 'all 200'}", system, {"n_labelled": n})
            for system, title in (("deeplab", "DeepLabv3+"), ("linear", "linear"))
            for n in (5, 20, 0)
        ),
    ),
    "streets": Ablation(
        "Real streets",
        "From random weights, on 367 photographs: which classes come first, and which stay behind?",
        (AblationRun("DeepLabv3+", "deeplab", {"side": 240, "crop": 160, "scale": 1.5}),),
        on="CamVid",
    ),
})  # fmt: skip
