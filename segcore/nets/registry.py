"""The networks by name: a network is a file, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from segcore.nets.cards import CARDS
from segcore.nets.codes import CodeNet
from segcore.nets.context import DeepLabNet, PspNet, RefineNet
from segcore.nets.dinosaur import SlotNet
from segcore.nets.fcn import FcnNet
from segcore.nets.frozen import LinearNet, PacNet
from segcore.nets.net import Net
from segcore.nets.pooling import SegNet, UNet
from segcore.nets.small import ConvNet, PyramidNet, TransformerNet


@dataclass(frozen=True, slots=True)
class NetCard:
    """What is known of a network."""

    title: str
    summary: str  # one sentence
    source: str
    make: Callable[..., Net]  # K, and its own sizes by name → random first weights, from torch's global generator


NETS: Mapping[str, NetCard] = MappingProxyType({
    "conv": NetCard(
        "Convolutions", "Six convolutions of 3×3 on RGB and Sobel, pooled once; one or more heads of 1×1.",
        "Ji, Henriques and Vedaldi 2019, net 10a", ConvNet,
    ),
    "pyramid": NetCard(
        "Pyramid", "Convolutions to strides 4 and 8, added on the finer grid; the nearest prototype labels.",
        "Lin and others 2017, made small", PyramidNet,
    ),
    "transformer": NetCard(
        "Transformer", "Keys of the bundled transformer and two layers of 1×1; the nearest prototype labels.",
        "Caron and others 2021, a small stand-in", TransformerNet,
    ),
    "codes": NetCard(
        "Codes", "A head on tokens of a transformer that does not learn; the nearest center labels.",
        "Hamilton and others 2022", CodeNet,
    ),
    "slots": NetCard(
        "Slots", "Slots on keys of a transformer that does not learn, and what they rebuild; clusters of slots label.",
        "Seitzer and others 2023", SlotNet,
    ),
    "fcn32": NetCard(*CARDS["fcn32"], partial(FcnNet, finest=32)),
    "fcn16": NetCard(*CARDS["fcn16"], partial(FcnNet, finest=16)),
    "fcn8": NetCard(*CARDS["fcn8"], partial(FcnNet, finest=8)),
    "segnet": NetCard(*CARDS["segnet"], SegNet),
    "unet": NetCard(*CARDS["unet"], UNet),
    "deeplab": NetCard(*CARDS["deeplab"], DeepLabNet),
    "pspnet": NetCard(*CARDS["pspnet"], PspNet),
    "refinenet": NetCard(*CARDS["refinenet"], RefineNet),
    "linear": NetCard(*CARDS["linear"], LinearNet),
    "pac": NetCard(*CARDS["pac"], PacNet),
})  # fmt: skip
