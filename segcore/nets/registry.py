"""The networks by name: a network is a file, and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from segcore.nets.codes import CodeNet
from segcore.nets.net import Net
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
})  # fmt: skip
