"""The networks by name: a network is a file, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from segcore.nets.codes import CodeNet
from segcore.nets.context import DeepLabNet, PspNet, RefineNet
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
    "fcn32": NetCard(
        "FCN-32s", "A 1×1 convolution scores the coarse cells of an encoder; the scores are enlarged.",
        "Long, Shelhamer and Darrell 2015", partial(FcnNet, finest=32),
    ),
    "fcn16": NetCard(
        "FCN-16s", "The same, with the scores of a finer map added on the way.",
        "Long, Shelhamer and Darrell 2015", partial(FcnNet, finest=16),
    ),
    "fcn8": NetCard(
        "FCN-8s", "The same, with the scores of two finer maps added on the way.",
        "Long, Shelhamer and Darrell 2015", partial(FcnNet, finest=8),
    ),
    "segnet": NetCard(
        "SegNet", "Poolings down, and up again where the maxima stood.",
        "Badrinarayanan, Kendall and Cipolla 2017", SegNet,
    ),
    "unet": NetCard(
        "U-Net", "Poolings down, and up again beside the maps of the way down.",
        "Ronneberger, Fischer and Brox 2015", UNet,
    ),
    "deeplab": NetCard(
        "DeepLabv3+", "Dilated convolutions at several rates beside each other, and a decoder that sees a fine map.",
        "Chen and others 2018", DeepLabNet,
    ),
    "pspnet": NetCard(
        "PSPNet", "Means over parts of the picture beside the map of a dilated encoder.",
        "Zhao and others 2017", PspNet,
    ),
    "refinenet": NetCard(
        "RefineNet", "From coarse to fine, each level refined by the map of its size.",
        "Lin, Milan, Shen and Reid 2017", RefineNet,
    ),
    "linear": NetCard(
        "Linear head", "A 1×1 convolution on features of a transformer that does not learn.",
        "Oquab and others 2023", LinearNet,
    ),
    "pac": NetCard(
        "Linear head and PAC", "The same, and upsampling that learns to follow the picture's colors.",
        "Su and others 2019", PacNet,
    ),
})  # fmt: skip
