"""What can be tuned about the correspondences of STEGO, in `learn` and on collections alike. Imports no torch."""

from dataclasses import dataclass

from segcore.settings import Schema, param


@dataclass(frozen=True, kw_only=True)
class CorrespondenceSettings(Schema):
    """The tunables of the loss and of its head; the numbers are the published ones, but for how the shifts are found."""

    # fmt: off
    code_size: int = param(
        70, stage="learn", label="Size of a code", lo=2, hi=512, step=1,
        info="Dimensions of what the head makes of a patch.")
    dropout: float = param(
        0.1, stage="learn", label="Dropout", lo=0.0, hi=0.9, step=0.05,
        info="Share of the features' channels that a step does not see.")
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
