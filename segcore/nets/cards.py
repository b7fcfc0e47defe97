"""What the networks that learn from label maps are called. It imports no torch, so that a command line is quick."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Card(NamedTuple):
    """The words for a network."""

    title: str
    summary: str  # one sentence
    source: str


CARDS: Mapping[str, Card] = MappingProxyType({
    "fcn32": Card(
        "FCN-32s",
        "A 1×1 convolution scores the coarse cells of an encoder; the scores are enlarged.",
        "Long, Shelhamer and Darrell 2015",
    ),
    "fcn16": Card(
        "FCN-16s",
        "A 1×1 convolution scores the coarse cells of an encoder; on their way up the scores of a finer map are added.",
        "Long, Shelhamer and Darrell 2015",
    ),
    "fcn8": Card(
        "FCN-8s",
        "A 1×1 convolution scores the coarse cells of an encoder; on their way up those of two finer maps are added.",
        "Long, Shelhamer and Darrell 2015",
    ),
    "segnet": Card(
        "SegNet",
        "Poolings down, and up again where the maxima stood.",
        "Badrinarayanan, Kendall and Cipolla 2017",
    ),
    "unet": Card(
        "U-Net",
        "Poolings down, and up again beside the maps of the way down.",
        "Ronneberger, Fischer and Brox 2015",
    ),
    "deeplab": Card(
        "DeepLabv3+",
        "Dilated convolutions at several rates beside each other, and a decoder that sees a fine map.",
        "Chen and others 2018",
    ),
    "pspnet": Card(
        "PSPNet",
        "Means over parts of the picture beside the map of a dilated encoder.",
        "Zhao and others 2017",
    ),
    "refinenet": Card(
        "RefineNet",
        "From coarse to fine, each level refined by the map of its size.",
        "Lin, Milan, Shen and Reid 2017",
    ),
    "linear": Card(
        "Linear head",
        "A 1×1 convolution on features of a transformer that does not learn.",
        "Oquab and others 2023",
    ),
    "pac": Card(
        "Linear head and PAC",
        "A 1×1 convolution on features of a transformer that does not learn, and upsampling that learns to follow colors.",
        "Su and others 2019",
    ),
})  # fmt: skip
