"""What can be tuned about each system that learns. Imports no torch, so that a command line is quick."""

from dataclasses import dataclass
from typing import Any

from segcore.nets.choices import ENLARGING, OUTPUT_STRIDES, RATES, SKIPS, UNPOOLING, UNPOOLING_OF_ANOTHER
from segcore.settings import Schema, again, param, params

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
class MutualSettings(MovedViewSettings):
    """The tunables of a system whose loss is the mutual information of two views."""

    # fmt: off
    reach: int = param(
        3, stage="learn", label="Largest shift T", symbol="T", lo=0, hi=16, step=1, unit="cells",
        info="Neighbors at most so far away shall have labels that tell about each other. Published: 10 px; a cell has 2 px "
             "in IIC.")
    joint: str = param(
        "shifts", stage="learn", label="Information of", choices=("shifts", "sum"), before="sum",
        info="shifts: the mean over all shifts of I at one shift, as in IIC's published commands; sum: I of one table of "
             "all shifts, the default of its code, which is cheaper.")
    entropy: bool = param(
        True, stage="learn", label="Entropy term",
        info="Without it only H(z, z') is made small, and one cluster takes all pixels.")
    marginal_weight: float = param(
        1.0, stage="learn", label="Weight λ of the entropies", symbol="λ", lo=1.0, hi=3.0, step=0.1,
        info="1 is mutual information; more asks for clusters of equal size. Published: 1.5 for 3 classes, without the "
             "overclustering head, else 1.")
    overclustering: bool = param(
        True, stage="learn", label="Overclustering head",
        info="A second head with more clusters learns on the same features.")
    over_factor: int = param(
        4, stage="learn", label="Clusters of that head per segment", lo=2, hi=16, step=1,
        info="Published: 5 for 3 classes, 6 for 6, 3 for 15.")
    sub_heads: int = param(
        3, stage="learn", label="Sub-heads", lo=1, hi=5, step=1,
        info="Heads of the same size with other first weights; the one of lowest loss labels. Published: 1.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class IICSettings(MutualSettings):
    """The tunables of IIC."""

    # fmt: off
    dilation: int = param(
        2, stage="learn", label="Dilation", lo=1, hi=4, step=1, before=1,
        info="Of the last two convolutions: at 2, as published, a cell sees 30 × 30 px, at 1 it sees 22 × 22.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class ACSettings(MutualSettings):
    """The tunables of AC."""

    # fmt: off
    crop: int = again(
        MutualSettings, "crop", 64, lo=32,
        info="Side of the squares that a step looks at; 8 px on each side see the border and do not count.")
    batch: int = again(MutualSettings, "batch", 48)
    learning_rate: float = again(
        MutualSettings, "learning_rate", 3e-4, info=f"{_RATE} Faster ones find colors before textures.")
    reach: int = again(
        MutualSettings, "reach", 1, info="Neighbors at most so far away shall have labels that tell about each other.")
    joint: str = again(MutualSettings, "joint", "sum")
    marginal_weight: float = again(
        MutualSettings, "marginal_weight", 1.5,
        info="1 is mutual information, at which AC leaves clusters unused here; more asks for clusters of equal size.")
    n_orders: int = param(
        8, stage="learn", label="Orders", lo=2, hi=16, step=1,
        info="Out of how many one is drawn in a step, for it and its opposite: the first 8 are raster, the others zigzag. "
             "Published: two orders drawn at random.")
    simplified: bool = param(
        True, stage="learn", label="Simplified masks",
        info="A whole row, column or diagonal is seen at once, so that fewer weights are masked.")
    attention: bool = param(
        False, stage="learn", label="Attention",
        info="A masked self-attention after the convolutions sees all earlier cells, blind spots included.")
    mean_of_orders: bool = param(
        True, stage="learn", label="Mean over orders in use",
        info="Without it, as published, the network labels without a mask, which it never saw in training.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class InfoSegSettings(ViewSettings):
    """The tunables of InfoSeg."""

    # fmt: off
    crop: int = again(
        ViewSettings, "crop", 96, info="Side of the squares that a step looks at; each has global features of its own.")
    batch: int = again(ViewSettings, "batch", 8, lo=2, info="Each is told apart from all others.")
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
    color_change: float = again(
        ViewSettings, "color_change", 0.5, before=0.0,
        info="How much brightness, contrast, saturation and hue of a crop vary where it is clustered; labels are learned "
             "from its own colors. Published: 0.3, hue 0.1.")
    whitening: bool = param(
        False, stage="learn", label="Whitening", before=True,
        info="Whiten the features by PCA before they are clustered, as DeepCluster does; PiCIE's baseline does not.")
    classifier: str = param(
        "learned", stage="learn", label="Classifier", choices=("learned", "centers"),
        info="learned: a linear layer that starts anew in each epoch, as in the published commands; centers: those of the "
             "clusters, an option of that code.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class PiCIESettings(MovedViewSettings):
    """The tunables of PiCIE."""

    # fmt: off
    batch: int = again(MovedViewSettings, "batch", 16, info="An epoch has this many times its steps.")
    backbone: str = param(
        "scratch", stage="learn", label="Network", choices=("scratch", "frozen", "tuned"),
        info="scratch: a pyramid of convolutions; frozen or tuned: the bundled transformer, with a head that learns.")
    n_features: int = again(MDCSettings, "n_features", 64, info="Length of the vectors that are clustered. Published: 128.")
    epoch: int = again(MDCSettings, "epoch", 16)
    temperature: float = param(
        0.1, stage="learn", label="Temperature", lo=0.01, hi=1.0, step=0.01,
        info="Products of features and centers are divided by it before the softmax. Published: 1.")
    centers: str = param(
        "means", stage="learn", label="Centers", choices=("means", "unit"), before="unit",
        info="means: of the features of a cluster, shorter than 1, as published; unit: brought to length 1, so that the "
             "nearest one is that of largest cosine.")
    cross: bool = param(
        True, stage="learn", label="Cross-view loss",
        info="Without it each view learns its own clusters only, and nothing asks them to agree.")
    overclustering: bool = again(
        MutualSettings, "overclustering", True, label="Auxiliary clustering (+H)",
        info="A second clustering with more centers.")
    over_factor: int = again(
        MutualSettings, "over_factor", 4, label="Centers of that clustering per segment", info="Published: 100 for 27.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class CorrespondenceSettings(Schema):
    """The tunables of STEGO's loss and head, here and on collections; as published, but for how the shifts are found."""

    # fmt: off
    code_size: int = param(
        70, stage="learn", label="Size of a code", lo=2, hi=512, step=1,
        info="Dimensions of what the head makes of a patch.")
    dropout: float = param(
        0.1, stage="learn", label="Dropout", lo=0.0, hi=0.9, step=0.05,
        info="Share of the features' channels that a step does not see.")
    feature_dropout: bool = param(
        True, stage="learn", label="Dropout in f", before=False,
        info="Likenesses of the features lose channels too, one set for all patches of a picture, as in the authors' code.")
    points: int = param(
        121, stage="learn", label="Patches per picture", lo=4, hi=1024, step=1,
        info="How many patches of a picture a step compares with as many of another.")
    neighbors: int = param(
        7, stage="learn", label="Nearest pictures", lo=1, hi=100, step=1,
        info="Among how many of the most similar pictures a neighbor is drawn.")
    random_pictures: int = param(
        5, stage="learn", label="Random pictures", lo=1, hi=32, step=1,
        info="With how many random pictures each one is compared.")
    self_weight: float = param(
        0.67, stage="learn", label="Weight, self", symbol="λ_self", lo=0.0, hi=4.0, step=0.01,
        info="Of pairs within a picture.")
    neighbors_weight: float = param(
        0.25, stage="learn", label="Weight, neighbors", symbol="λ_nn", lo=0.0, hi=4.0, step=0.01,
        info="Of pairs with a picture that is alike.")
    random_weight: float = param(
        0.63, stage="learn", label="Weight, random", symbol="λ_rand", lo=0.0, hi=4.0, step=0.01,
        info="Of pairs with a random picture.")
    shift_rule: str = param(
        "quantiles", stage="learn", label="Shifts are", choices=("quantiles", "fixed"),
        info="quantiles: measured on the features, so that given shares of the pairs attract; fixed: three numbers.")
    attracting: float = param(
        0.4, stage="learn", label="Attracting share", lo=0.01, hi=0.99, step=0.01,
        info="Share of the pairs with itself and with neighbors that attract, where shifts are quantiles.")
    attracting_random: float = param(
        0.1, stage="learn", label="Attracting share, random", lo=0.01, hi=0.99, step=0.01,
        info="Share of the pairs with random pictures that attract, where shifts are quantiles.")
    self_shift: float = param(
        0.18, stage="learn", label="Shift, self", symbol="b_self", lo=-1.0, hi=1.0, step=0.01,
        info="Likeness above which two patches of a picture attract, where shifts are fixed.")
    neighbors_shift: float = param(
        0.12, stage="learn", label="Shift, neighbors", symbol="b_nn", lo=-1.0, hi=1.0, step=0.01,
        info="The same with a picture that is alike.")
    random_shift: float = param(
        0.46, stage="learn", label="Shift, random", symbol="b_rand", lo=-1.0, hi=1.0, step=0.01,
        info="The same with a random picture.")
    centering: bool = param(
        True, stage="learn", label="Spatial centering",
        info="Take from each patch's likenesses their mean over the other picture, so that no patch is alike to all.")
    zero_clamp: bool = param(
        True, stage="learn", label="Zero clamp",
        info="Let pairs that repel come to rest where their codes are orthogonal, instead of opposite.")
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
    side: int = again(LearnSettings, "side", 320)
    crop: int = again(
        LearnSettings, "crop", 16, label="Smallest picture", info="Pictures whose shorter side is less are left out.")
    batch: int = again(
        LearnSettings, "batch", 16, lo=2, label="Pictures per step",
        info="Each is compared with itself, with a neighbor, and with others of the step.")
    learning_rate: float = again(LearnSettings, "learning_rate", 5e-4)
    # fmt: on


_BACKBONES = tuple(name for name in params()["backbone"].choices or () if name != "auto")


@dataclass(frozen=True, kw_only=True)
class FrozenSettings(LearnSettings):
    """The tunables of a head that finds objects on features which do not learn."""

    # fmt: off
    backbone: str = again(StegoSettings, "backbone", "dino_tiny")
    facet: str = again(
        StegoSettings, "facet", "key", info="Which vectors of the last block are read; objects stand out most in keys.")
    side: int = again(LearnSettings, "side", 256)
    crop: int = again(StegoSettings, "crop", 16)
    batch: int = again(LearnSettings, "batch", 8, label="Pictures per step", info="More make a step slower.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class SlotSettings(Schema):
    """The tunables of slots and of what they rebuild, here and on collections."""

    # fmt: off
    slots: int = param(
        7, stage="learn", label="Slots", lo=1, hi=32, step=1,
        info="How many share a picture. They are all drawn alike, so there may be more or fewer after the training.")
    looks: int = param(
        5, stage="learn", label="Looks", lo=0, hi=10, step=1,
        info="How often the slots look at a picture; at 0 they stay as they were drawn. Published: 3; slots at random "
             "places need more.")
    near: float = param(
        40.0, stage="learn", label="Nearness", symbol="ρ", lo=0.0, hi=500.0, step=1.0, before=0.0,
        info="How much a slot keeps to where it looked before, so that two objects of one kind get two slots. 0: not at "
             "all, as published; the masks are then those by which the decoder mixes.")
    slot_size: int = param(
        64, stage="learn", label="Size of a slot", lo=8, hi=512, step=8,
        info="Length of the vector that a slot is. Published: 128 to 256.")
    decoder: str = param(
        "mlp", stage="learn", label="Decoder", choices=("mlp", "transformer"),
        info="mlp: each slot rebuilds every patch, and its share in it is its mask; transformer: patches are rebuilt in "
             "order, and what each looks at is the mask.")
    points: int = param(
        256, stage="learn", label="Patches per picture", lo=16, hi=4096, step=16,
        info="How many random patches of a picture a step looks at; the transformer takes all.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class DinosaurSettings(SlotSettings, FrozenSettings):
    """The tunables of DINOSAUR."""


@dataclass(frozen=True, kw_only=True)
class CutlerSettings(FrozenSettings):
    """The tunables of CutLER."""

    # fmt: off
    rounds: int = param(
        3, stage="learn", label="Rounds", lo=1, hi=5, step=1,
        info="Round one learns the masks of MaskCut, each later one what the head was sure of before; all are equally long.")
    droploss: bool = param(
        True, stage="learn", label="DropLoss",
        info="In round one, places whose mask touches no mask of MaskCut are not punished for it: they may be objects.")
    paste: bool = param(
        True, stage="learn", label="Copy and paste",
        info="Patches under masks are pasted into other pictures of the step, so that objects stand elsewhere.")
    smallest: float = param(
        1.0, stage="learn", label="Smallest paste", lo=0.1, hi=1.0, step=0.1, before=1.0,
        info="Factor on the sides of what is pasted, from which on it is drawn, up to 1. Published: 0.3.")
    sure: float = param(
        0.5, stage="learn", label="Sure from", lo=0.05, hi=0.95, step=0.05,
        info="Score from which on a mask of the head teaches the next round. Published for a larger network: 0.7, 0.65.")
    n_objects: int = param(
        3, stage="learn", label="Masks of MaskCut", lo=1, hi=10, step=1, info="Of each picture, at most.")
    tau: float = param(
        0.15, stage="learn", label="Threshold τ of MaskCut", symbol="τ", lo=-1.0, hi=1.0, step=0.01,
        info="Cosine above which it joins two patches.")
    hidden: float = param(
        0.0, stage="learn", label="Masks left out", lo=0.0, hi=0.9, step=0.05,
        info="Share of the masks of MaskCut that are hidden from the head, at random: are these objects found all the same?")
    places: int = param(
        10, stage="learn", label="Places along a side", symbol="S", lo=2, hi=24, step=1,
        info="An object is found by the place that its middle lies in.")
    # fmt: on


# ---- With labels ----


@dataclass(frozen=True, kw_only=True)
class LabelledSettings(LearnSettings):
    """The tunables of a network that learns from label maps; fields that a network adds are those of its class."""

    # fmt: off
    side: int = again(LearnSettings, "side", 240)
    crop: int = again(
        LearnSettings, "crop", 160, info="Side of the squares that a step looks at; half of them are mirrored.")
    batch: int = again(LearnSettings, "batch", 8, info="More make a step slower, and its gradient less noisy.")
    learning_rate: float = again(
        LearnSettings, "learning_rate", 2e-3, info="Of Adam; it rises over the first steps, then falls to 0 along a cosine.")
    scale: float = param(
        1.5, stage="learn", label="Largest scale", lo=1.0, hi=2.0, step=0.1,
        info="Crops are enlarged by a random factor from 0.75 to this one; 1 leaves them as they are.")
    class_weights: str = param(
        "median", stage="learn", label="Class weights", choices=("none", "median", "enet"),
        info="What a pixel of a rare class counts. median: the median frequency over its own, at most 5; enet: "
             "1 / ln(1.02 + its share of the pixels).")
    n_labelled: int = param(
        0, stage="learn", label="Labelled pictures", lo=0, hi=100_000, step=1,
        info="How many of the pictures, evenly chosen, are learned from; 0 for all.")
    crf: bool = param(
        False, stage="learn", label="CRF after", before=False,
        info="A dense CRF sharpens the labels along the colors, after the network; nothing of it is learned.")
    # fmt: on

    def of_net(self) -> dict[str, Any]:
        """The arguments of the network, by name."""
        of_training = set(params(LabelledSettings)) - {"width"}
        return {name: value for name, value in self.to_dict().items() if name not in of_training}

    @property
    def least_crop(self) -> int:
        """The side of the smallest squares that the network learns from, in pixels."""
        return 1


_WIDTH = "Factor on the numbers of channels."
_STRIDE = "Pixels from one cell of the last map to the next. A finer one costs more."


@dataclass(frozen=True, kw_only=True)
class TrunkSettings(LabelledSettings):
    """The tunables of a network on the common encoder."""

    # fmt: off
    width: float = again(LearnSettings, "width", 1.0, info=_WIDTH)
    output_stride: str = param(
        "32", stage="learn", label="Output stride", choices=tuple(map(str, reversed(OUTPUT_STRIDES))), unit="px",
        info=_STRIDE)
    dilated: bool = param(
        True, stage="learn", label="Dilation",
        info="Where a stride is left out, later convolutions take every 2nd or 4th cell, and see as far as before.")
    # fmt: on

    def of_net(self) -> dict[str, Any]:
        """The arguments of the network, by name."""
        return {**super().of_net(), "output_stride": int(self.output_stride)}

    @property
    def least_crop(self) -> int:
        """One cell of the last map: of less, oneDNN leaves gradients of a convolution with stride unwritten."""
        return int(self.output_stride)


@dataclass(frozen=True, kw_only=True)
class FcnSettings(TrunkSettings):
    """The tunables of FCN."""

    # fmt: off
    upsampling: str = param(
        "bilinear", stage="learn", label="Upsampling", choices=ENLARGING,
        info="How scores of cells get back to the pixels; all but bilinear are learned, a layer for each doubling.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class DeepLabSettings(TrunkSettings):
    """The tunables of DeepLabv3+."""

    # fmt: off
    output_stride: str = again(TrunkSettings, "output_stride", "16")
    rates: str = param(
        "6, 12, 18", stage="learn", label="Rates of ASPP", choices=tuple(RATES),
        info="Dilations of the three convolutions beside the 1×1; 6, 12, 18 is published for stride 16, the double for 8.")
    picture_mean: bool = param(
        True, stage="learn", label="Picture mean", info="The mean of the whole map is one more branch of ASPP.")
    decoder: bool = param(
        True, stage="learn", label="Decoder",
        info="Two convolutions at stride 4 that see the fine map of the stem, too; without it, DeepLabv3.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class PspSettings(TrunkSettings):
    """The tunables of PSPNet."""

    # fmt: off
    output_stride: str = again(TrunkSettings, "output_stride", "8")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class SegNetSettings(LabelledSettings):
    """The tunables of a network of poolings; the defaults are those of SegNet."""

    # fmt: off
    width: float = again(LearnSettings, "width", 1.0, info=_WIDTH)
    skips: str = param(
        "none", stage="learn", label="Skip connections", choices=SKIPS,
        info="What joins a level of the decoder from that of the encoder, beside the indices of unpooling.")
    upsampling: str = param(
        "unpooling", stage="learn", label="Upsampling", choices=(UNPOOLING, UNPOOLING_OF_ANOTHER, *ENLARGING),
        info="unpooling: values go where the encoder's maxima stood; unpooling_of_another: where those of another picture "
             "stood, this one turned by 180°; the others know nothing of the encoder.")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class UNetSettings(SegNetSettings):
    """The tunables of U-Net."""

    # fmt: off
    skips: str = again(SegNetSettings, "skips", "concatenation")
    upsampling: str = again(SegNetSettings, "upsampling", "transposed_2x2")
    # fmt: on


@dataclass(frozen=True, kw_only=True)
class LinearSettings(LabelledSettings):
    """The tunables of a head on a transformer that does not learn."""

    # fmt: off
    side: int = again(LabelledSettings, "side", 480)
    learning_rate: float = again(LabelledSettings, "learning_rate", 2e-2)
    backbone: str = param(
        "dino_tiny", stage="learn", label="Backbone",
        choices=tuple(name for name in params()["backbone"].choices or () if name not in ("auto", "color")),
        info="Whose features the head reads.")
    tuned_blocks: int = param(
        0, stage="learn", label="Tuned blocks", lo=0, hi=12, step=1,
        info="How many of its last blocks learn, too; 0 leaves it as it is.")
    # fmt: on

    def of_net(self) -> dict[str, Any]:
        """The arguments of the network, by name."""
        return {"backbone": self.backbone, "tuned_blocks": self.tuned_blocks}
