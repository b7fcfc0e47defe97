"""The systems, what they are called, and what can be tuned: all that flags, controls and documents need.

It imports no torch, so that a command line is quick.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from segcore.learn.settings import CorrespondenceSettings
from segcore.settings import Schema, param, params

_RATE = "Of Adam at the beginning; it falls to 0 along a cosine."


@dataclass(frozen=True, kw_only=True)
class LearnSettings(Schema):
    """The tunables of one system; a system adds its own, and gives others another default.

    Flags, controls and documents derive from the fields, as they do from those of `Settings`.
    """

    # fmt: off
    side: int = param(
        128, stage="learn", label="Longer side", lo=16, hi=1024, step=16, unit="px",
        info="Pictures are scaled down so that their longer side has at most this length.")
    crop: int = param(
        64, stage="learn", label="Crop", lo=16, hi=512, step=8, unit="px",
        info="Side of the squares that a step looks at.")
    batch: int = param(
        16, stage="learn", label="Crops per step", lo=1, hi=256, step=1,
        info="More make P less noisy and a step slower.")
    learning_rate: float = param(
        1e-3, stage="learn", label="Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info=_RATE)
    width: float = param(
        0.125, stage="learn", label="Width", lo=0.0625, hi=2.0, step=0.0625,
        info="Factor on the published numbers of channels.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class ViewSettings(LearnSettings):
    """The tunables of a system that compares two views of a picture, in other colors."""

    # fmt: off
    augmentation: bool = param(
        True, stage="learn", label="Augmentation",
        info="Without it both views are the same pixels.")
    color_change: float = param(
        0.5, stage="learn", label="Color change", lo=0.0, hi=0.5, step=0.05,
        info="How much brightness, contrast, saturation and hue of a view vary. Published: 0.1; more if color tells little.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class MovedViewSettings(ViewSettings):
    """The same, where each pixel has another place in the second view."""

    # fmt: off
    geometry: float = param(
        0.5, stage="learn", label="Geometric change", lo=0.0, hi=1.0, step=0.05,
        info="How much a view is turned, scaled, sheared or cut out; half of them are mirrored.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class IICSettings(MovedViewSettings):
    """The tunables of IIC."""

    # fmt: off
    reach: int = param(
        3, stage="learn", label="Largest shift T", symbol="T", lo=0, hi=16, step=1, unit="cells",
        info="Neighbors at most so far away shall have labels that tell about each other.")
    entropy: bool = param(
        True, stage="learn", label="Entropy term",
        info="Without it only H(z, z') is made small, and one cluster takes all pixels.")
    marginal_weight: float = param(
        1.0, stage="learn", label="Weight λ of the entropies", symbol="λ", lo=1.0, hi=3.0, step=0.1,
        info="1 is mutual information; more asks for clusters of equal size. Published: 1.5 for 3 classes, else 1.")
    overclustering: bool = param(
        True, stage="learn", label="Overclustering head",
        info="A second head with more clusters learns on the same features.")
    over_factor: int = param(
        4, stage="learn", label="Clusters of that head per segment", lo=2, hi=16, step=1,
        info="Published: 5 for 3 classes, 6 for 6, 3 for 15.")
    sub_heads: int = param(
        3, stage="learn", label="Sub-heads", lo=1, hi=5, step=1,
        info="Heads of the same size with other first weights; the one of lowest loss labels.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class ACSettings(IICSettings):
    """The tunables of AC."""

    # fmt: off
    crop: int = param(
        64, stage="learn", label="Crop", lo=32, hi=512, step=8, unit="px",
        info="Side of the squares that a step looks at; 8 px on each side see the border and do not count.")
    batch: int = param(
        48, stage="learn", label="Crops per step", lo=1, hi=256, step=1,
        info="More make P less noisy and a step slower.")
    learning_rate: float = param(
        3e-4, stage="learn", label="Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info=f"{_RATE} Faster ones find colors before textures.")
    reach: int = param(
        1, stage="learn", label="Largest shift T", symbol="T", lo=0, hi=16, step=1, unit="cells",
        info="Neighbors at most so far away shall have labels that tell about each other.")
    marginal_weight: float = param(
        1.5, stage="learn", label="Weight λ of the entropies", symbol="λ", lo=1.0, hi=3.0, step=0.1,
        info="1 is mutual information, at which AC leaves clusters unused here; more asks for clusters of equal size.")
    n_orders: int = param(
        8, stage="learn", label="Orders", lo=2, hi=16, step=1,
        info="Out of how many one is drawn in a step, for it and its opposite: the first 8 are raster, the others zigzag.")
    simplified: bool = param(
        True, stage="learn", label="Simplified masks",
        info="A whole row, column or diagonal is seen at once, so that fewer weights are masked.")
    attention: bool = param(
        False, stage="learn", label="Attention",
        info="A masked self-attention after the convolutions sees all earlier cells, blind spots included.")
    mean_of_orders: bool = param(
        True, stage="learn", label="Mean over orders in use",
        info="Without it the network labels without a mask, which it never saw in training.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class InfoSegSettings(ViewSettings):
    """The tunables of InfoSeg."""

    # fmt: off
    crop: int = param(
        96, stage="learn", label="Crop", lo=16, hi=512, step=8, unit="px",
        info="Side of the squares that a step looks at; each has global features of its own.")
    batch: int = param(
        8, stage="learn", label="Crops per step", lo=2, hi=256, step=1,
        info="Each is told apart from all others.")
    n_features: int = param(
        16, stage="learn", label="Features", lo=2, hi=512, step=1,
        info="Length of local and global features; long ones keep finding more to tell apart than classes.")
    context: float = param(
        0.05, stage="learn", label="Weight of the picture", lo=0.0, hi=1.0, step=0.05,
        info="How much the global feature of a class differs between pictures; at 0 it is the same in all of them, "
             "at 1 a class may mean something else in each.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class MDCSettings(LearnSettings):
    """The tunables of modified DeepCluster."""

    # fmt: off
    n_features: int = param(
        64, stage="learn", label="Features", lo=2, hi=512, step=1,
        info="Length of the vectors that are clustered.")
    epoch: int = param(
        16, stage="learn", label="Steps per epoch", lo=1, hi=1000, step=1,
        info="Clustering and training take turns; each epoch begins with a new clustering of all its crops.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class PiCIESettings(MovedViewSettings):
    """The tunables of PiCIE."""

    # fmt: off
    batch: int = param(
        16, stage="learn", label="Crops per step", lo=1, hi=256, step=1,
        info="An epoch has this many times its steps.")
    backbone: str = param(
        "scratch", stage="learn", label="Network", choices=("scratch", "frozen", "tuned"),
        info="scratch: a pyramid of convolutions; frozen or tuned: the bundled transformer, with a head that learns.")
    n_features: int = param(
        64, stage="learn", label="Features", lo=2, hi=512, step=1,
        info="Length of the vectors that are clustered. Published: 128.")
    epoch: int = param(
        16, stage="learn", label="Steps per epoch", lo=1, hi=1000, step=1,
        info="Clustering and training take turns; each epoch begins with a new clustering of all its crops.")
    temperature: float = param(
        0.1, stage="learn", label="Temperature", lo=0.01, hi=1.0, step=0.01,
        info="Cosines are divided by it before the softmax. Published: 1.")
    cross: bool = param(
        True, stage="learn", label="Cross-view loss",
        info="Without it each view learns its own clusters only, and nothing asks them to agree.")
    overclustering: bool = param(
        True, stage="learn", label="Auxiliary clustering (+H)",
        info="A second clustering with more centers.")
    over_factor: int = param(
        4, stage="learn", label="Centers of that clustering per segment", lo=2, hi=16, step=1,
        info="Published: 100 for 27.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class StegoSettings(CorrespondenceSettings, LearnSettings):
    """The tunables of STEGO."""

    # fmt: off
    backbone: str = param(
        "dino_tiny", stage="learn", label="Backbone", weight_files=True,
        choices=tuple(name for name in params()["backbone"].choices or () if name != "auto"),
        info="Whose features the head reads; it does not learn itself.")
    facet: str = param(
        "token", stage="learn", label="Facet", choices=("key", "query", "value", "token"),
        info="Which vectors of the last block; tokens are what was published.")
    side: int = param(
        320, stage="learn", label="Longer side", lo=16, hi=1024, step=16, unit="px",
        info="Pictures are scaled down so that their longer side has at most this length.")
    crop: int = param(
        16, stage="learn", label="Smallest picture", lo=16, hi=512, step=8, unit="px",
        info="Pictures whose shorter side is less are left out.")
    batch: int = param(
        16, stage="learn", label="Pictures per step", lo=2, hi=256, step=1,
        info="Each is compared with itself, with a neighbor, and with others of the step.")
    learning_rate: float = param(
        5e-4, stage="learn", label="Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info=_RATE)
    # fmt: on


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a system."""

    name: str
    title: str
    summary: str  # one sentence
    formula: str  # of the loss, in TeX
    source: str
    settings: type[LearnSettings]


_CARDS = (
    Card(
        "iic",
        "IIC",
        "Labels of two views of a picture, and of neighbors, tell as much as possible about each other.",
        r"-I(z, z') = -\sum_{ij} P_{ij} \ln \frac{P_{ij}}{P_i P_j}",
        "Ji, Henriques and Vedaldi 2019",
        IICSettings,
    ),
    Card(
        "ac",
        "AC",
        "Labels of a picture seen in two orders of its pixels tell as much as possible about each other.",
        r"-I(z_{o}, z_{o'}), \quad o, o' \in \mathcal O",
        "Ouali, Hudelot and Tami 2020",
        ACSettings,
    ),
    Card(
        "infoseg",
        "InfoSeg",
        "What a place looks like, and what its class looks like in the whole picture, tell about each other.",
        r"-\mathbb E[-\operatorname{sp}(-L_u \cdot S_u)] + \mathbb E[\operatorname{sp}(L_u \cdot S'_u)]",
        "Harb and Knöbelreiter 2021",
        InfoSegSettings,
    ),
    Card(
        "picie",
        "PiCIE",
        "Features of pixels are clustered and learn their clusters in turn, whatever the color and wherever the pixel goes.",
        r"\tfrac12 (\mathcal L_{within} + \mathcal L_{cross})",
        "Cho, Mall, Bala and Hariharan 2021",
        PiCIESettings,
    ),
    Card(
        "mdc",
        "Modified DeepCluster",
        "Features of pixels are clustered and learn their clusters in turn, without views: what PiCIE is compared with.",
        r"-\ln \operatorname{softmax}(A f_u + b)_{y_u}",
        "Caron and others 2018",
        MDCSettings,
    ),
    Card(
        "stego",
        "STEGO",
        "A head on features that do not learn sharpens what they have in common within and across pictures.",
        r"-\textstyle\sum \max(s_{ij}, 0) (f_{ij} - b)",
        "Hamilton and others 2022",
        StegoSettings,
    ),
)

CATALOG: Mapping[str, Card] = MappingProxyType({card.name: card for card in _CARDS})
