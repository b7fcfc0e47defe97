"""Every tunable, once: default, range or choices, label, help, unit, and the stage that reads it.

Page, flags, HTTP endpoint, README, cache keys, permalinks and the tests' bad values derive from the fields of `Settings`.
"""

import dataclasses
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from segcore.errors import InputError, shortened

STAGES = ("features", "affinity", "spectrum", "cluster", "refine")

# Kernel widths in pixels and 8-bit colour levels, weights in units of the unary energy, as each system publishes them.
CRF_PRESETS: Mapping[str, Mapping[str, float]] = {
    name: {
        "crf_steps": steps,
        "sigma_xy": sigma_xy,
        "sigma_rgb": sigma_rgb,
        "compat_bilateral": compat_bilateral,
        "sigma_smooth": sigma_smooth,
        "compat_smooth": compat_smooth,
    }
    for name, (sigma_smooth, compat_smooth, sigma_xy, sigma_rgb, compat_bilateral, steps) in {
        "maskcut": (3.0, 7.0, 50.0, 5.0, 10.0, 10),
        "readme": (3.0, 3.0, 80.0, 13.0, 10.0, 5),
        "stego": (1.0, 3.0, 67.0, 3.0, 4.0, 10),
        "parts": (3.0, 50.0, 5.0, 13.0, 15.0, 10),
        "clasp": (4.0, 4.0, 80.0, 13.0, 10.0, 20),
    }.items()
}
_CRF = CRF_PRESETS["maskcut"]

WEIGHT_FILE_SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True, slots=True)
class Param:
    """What a field of `Settings` knows about itself, beside its name, type and default."""

    label: str
    info: str
    stage: str
    symbol: str = ""
    lo: float | None = None
    hi: float | None = None
    step: float | None = None
    choices: tuple[str, ...] | None = None
    unit: str = ""
    log_scale: bool = False
    advanced: bool = True
    weight_files: bool = False  # a path to a file of weights is accepted beside the choices
    before: Any = None  # what was done before there was this field, where that is not its default

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest number that may be; infinite where there is no rule."""
        return -math.inf if self.lo is None else self.lo, math.inf if self.hi is None else self.hi


def param(default: Any, **facts: Any) -> Any:
    """Declare one field of `Settings`: its default and the facts of `Param`."""
    return field(default=default, metadata={"param": Param(**facts)})


def again(schema: type["Schema"], name: str, default: Any, **changes: Any) -> Any:
    """Declare a field of a schema anew in one that derives from it: another default, and what else changes of `Param`."""
    return field(default=default, metadata={"param": dataclasses.replace(params(schema)[name], **changes)})


@dataclass(frozen=True, kw_only=True)
class Schema:
    """Tunables declared by `param`, checked when made; immutable and hashable.

    Raises:
        InputError: a value has the wrong type, lies outside its range, or is not among the choices. `field` names it.
    """

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            _check_value(f, getattr(self, f.name))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Make settings from loosely typed values, such as those of sliders, flags and query strings.

        Args:
            values: by field name; missing fields take their default. "6", 6 and 6.0 are the integer 6; "true", "on", 1 and
                True are the boolean.

        Raises:
            InputError: a name is unknown, or a value cannot become the field's type or breaks its rule.
        """
        known = {f.name: f for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InputError(
                f"There is no setting named {unknown[0]}. The settings are {', '.join(known)}.", field=unknown[0]
            )
        return cls(**{name: _coerce(known[name], value) for name, value in values.items()})

    @classmethod
    def from_file(cls, values: Mapping[str, Any]) -> Self:
        """The same of values that a file holds: a field that is younger than the file means what was done before it."""
        return cls.from_values({**cls.before(), **values})

    @classmethod
    def before(cls) -> dict[str, Any]:
        """The values, of fields that came later, that stand for what was done before them."""
        return {name: p.before for name, p in params(cls).items() if p.before is not None}

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some values changed, checked like new ones."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """All values by field name, ready for JSON."""
        return dataclasses.asdict(self)

    def changed(self) -> dict[str, Any]:
        """The values that differ from the defaults, by field name."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}


@dataclass(frozen=True, kw_only=True)
class Settings(Schema):
    """All tunables of one segmentation, checked when made; immutable and hashable.

    Raises:
        InputError: a value has the wrong type, lies outside its range, or is not among the choices. `field` names it.
    """

    # fmt: off
    backbone: str = param(
        "auto", stage="features", label="Backbone", weight_files=True,
        info="Where the patch features come from; auto takes the best one whose weights are here.",
        choices=("auto", "dino_tiny", "dino_vits16", "dino_vits8", "dino_vitb16", "dino_vitb8", "dinov2_vits14",
                 "dinov2_vits14_reg", "dinov2_vitb14_reg", "dinov3_vits16", "dinov3_vitb16", "color"))
    facet: str = param(
        "key", stage="features", label="Facet", choices=("key", "query", "value", "token"),
        info="Which vectors of the transformer block describe a patch.")
    block: int = param(
        -1, stage="features", label="Block", lo=-12, hi=-1, step=1,
        info="Which transformer block, counted from the last one (−1).")
    max_side: int = param(
        480, stage="features", label="Longer side", lo=64, hi=1024, step=16, unit="px",
        info="The picture is scaled so that its longer side has this length before the features are computed.")
    knn_weight: float = param(
        10.0, stage="affinity", label="Color weight λ", symbol="λ", lo=0.0, hi=100.0, step=0.1, log_scale=True,
        advanced=False,
        info="W = W_feat + λ W_knn: how much color and position count.")
    knn_neighbors: int = param(
        20, stage="affinity", label="Color neighbors", lo=1, hi=100, step=1,
        info="Nearest neighbors of each patch in color and position.")
    pixel_space: str = param(
        "hsv_xy", stage="affinity", label="Pixel space ψ", symbol="ψ", choices=("hsv_xy", "rgb_xy"),
        info="hsv_xy: (cos H, sin H, S, V, x, y), weight 1 − ‖ψ(u) − ψ(v)‖; rgb_xy: the published Deep Spectral code.")
    laplacian: str = param(
        "random_walk", stage="spectrum", label="Laplacian", choices=("random_walk", "symmetric", "plain"),
        info="random_walk: L v = μ D v (normalized cut); symmetric: D^-½ L D^-½; plain: L = D − W.")
    n_vectors: int = param(
        20, stage="spectrum", label="Eigenvectors", symbol="m", lo=2, hi=32, step=1,
        info="How many of the smallest eigenpairs are computed and shown.")
    method: str = param(
        "spectral", stage="cluster", label="Method", advanced=False,
        choices=("kmeans", "gmm", "spectral", "fiedler", "ncut", "ncut_pixels", "min_cut", "mean_shift", "slic", "tokencut",
                 "maskcut", "lost", "dino_seg", "network"),
        info="How the patches become segments.")
    n_segments: int = param(
        5, stage="cluster", label="Segments K", symbol="K", lo=2, hi=20, step=1, advanced=False,
        info="Number of segments.")
    auto_k: bool = param(
        False, stage="cluster", label="Let the data choose K", advanced=False,
        info="By eigengap (spectral), silhouette (k-means) or BIC (Gaussian mixture).")
    n_init: int = param(
        10, stage="cluster", label="Restarts", lo=1, hi=50, step=1,
        info="Runs of k-means from different k-means++ starts; the lowest inertia wins.")
    covariance: str = param(
        "full", stage="cluster", label="Covariance Σ", symbol="Σ", choices=("full", "diag", "spherical"),
        info="Shape of each Gaussian component.")
    pca_dims: int = param(
        16, stage="cluster", label="PCA dimensions", lo=1, hi=64, step=1,
        info="Mixture and mean shift work in the span of this many principal components of the features.")
    bandwidth: float = param(
        0.8, stage="cluster", label="Bandwidth h", symbol="h", lo=0.05, hi=3.0, step=0.05, advanced=False,
        info="Reach of mean shift; 1 is the root mean square distance of the features from their mean.")
    max_ncut: float = param(
        1.0, stage="cluster", label="Largest Ncut", lo=0.0, hi=2.0, step=0.01,
        info="A segment whose best cut is worse stays whole; 1 is the Ncut of every cut of a graph without structure.")
    max_smoothness: float = param(
        1.0, stage="cluster", label="Smoothest vector", lo=0.0, hi=1.0, step=0.01,
        info="A segment whose eigenvector has a flatter histogram (lowest over highest bin) stays whole; published: 0.06.")
    pixel_side: int = param(
        160, stage="features", label="Longer side in pixels", lo=16, hi=240, step=8, unit="px",
        info="The picture is scaled down to this size before its pixels are cut.")
    sigma_features: float = param(
        0.004, stage="affinity", label="Color width σ_I", symbol="σ_I", lo=0.001, hi=1.0, step=0.001, log_scale=True,
        info="Pixels whose colors, in [0, 1], differ by much more than its root are not alike.")
    sigma_space: float = param(
        16.0, stage="affinity", label="Reach σ_X", symbol="σ_X", lo=1.0, hi=100.0, step=1.0, unit="px²",
        info="How fast the weight of an edge falls with the squared distance of its pixels.")
    radius: float = param(
        4.0, stage="affinity", label="Radius r", symbol="r", lo=1.5, hi=8.0, step=0.5, unit="px",
        info="Pixels that are not nearer than this have no edge.")
    n_superpixels: int = param(
        200, stage="cluster", label="Superpixels", lo=2, hi=2000, step=1, advanced=False,
        info="About how many pieces the picture falls into.")
    compactness: float = param(
        10.0, stage="cluster", label="Compactness m", symbol="m", lo=1.0, hi=100.0, step=1.0,
        info="Low follows colors, high makes squares.")
    tau: float = param(
        0.2, stage="cluster", label="Edge threshold τ", symbol="τ", lo=-0.5, hi=0.99, step=0.01,
        info="TokenCut joins patches whose cosine exceeds this.")
    mask_tau: float = param(
        0.15, stage="cluster", label="Edge threshold τ", symbol="τ", lo=-0.5, hi=0.99, step=0.01,
        info="MaskCut joins patches whose cosine exceeds this.")
    n_objects: int = param(
        3, stage="cluster", label="Objects", lo=1, hi=10, step=1, advanced=False,
        info="How often MaskCut looks for an object.")
    n_potentials: int = param(
        100, stage="cluster", label="Potential patches", lo=1, hi=1000, step=1,
        info="Patches of lowest degree that may join the seed of LOST.")
    attention_head: int = param(
        4, stage="cluster", label="Attention head", lo=0, hi=15, step=1, advanced=False,
        info="Head of the last block, counted from 0.")
    attention_mass: float = param(
        0.6, stage="cluster", label="Attention mass", lo=0.05, hi=0.95, step=0.01,
        info="Share of the head's attention that the kept patches hold.")
    threshold: str = param(
        "zero", stage="cluster", label="Cut the Fiedler vector at", choices=("zero", "mean", "best_ncut", "value"),
        advanced=False, info="zero, its mean, the threshold of the lowest Ncut, or the value below.")
    cut_at: float = param(
        0.0, stage="cluster", label="Threshold value", lo=-1.0, hi=1.0, step=0.01, advanced=False,
        info="Used when the cut is at a value: a fraction of the largest entry of |v|.")
    object_rule: str = param(
        "border", stage="cluster", label="Object is", choices=("minority", "corners", "peak", "border"), advanced=False,
        info="minority: the smaller side; corners: the side with fewer picture corners; peak: the side of the largest |v|; "
             "border: the side with less of the picture's border.")
    flip: bool = param(
        False, stage="cluster", label="Swap object and background", advanced=False,
        info="Take the other side of a two-way cut as the object.")
    upsampling: str = param(
        "pac", stage="refine", label="Upsampling", advanced=False,
        choices=("nearest", "bilinear", "joint_bilateral", "guided", "pac"),
        info="How labels of patches become labels of pixels: as blocks, smoothly, or along the edges of the picture.")
    crf: bool = param(
        False, stage="refine", label="CRF", advanced=False,
        info="Sharpen the segments along image edges.")
    crf_steps: int = param(
        _CRF["crf_steps"], stage="refine", label="Mean-field steps", lo=1, hi=50, step=1,
        info="Sweeps of mean-field inference.")
    sigma_xy: float = param(
        _CRF["sigma_xy"], stage="refine", label="Appearance reach σ_α", symbol="σ_α", lo=1.0, hi=200.0, step=1.0, unit="px",
        info="Spatial width of the bilateral kernel, in pixels of the scaled picture.")
    sigma_rgb: float = param(
        _CRF["sigma_rgb"], stage="refine", label="Color width σ_β", symbol="σ_β", lo=1.0, hi=100.0, step=0.5, unit="levels",
        info="Color width of the bilateral kernel, in 8-bit levels.")
    compat_bilateral: float = param(
        _CRF["compat_bilateral"], stage="refine", label="Appearance weight", lo=0.0, hi=50.0, step=0.5,
        info="Potts penalty of the bilateral kernel.")
    sigma_smooth: float = param(
        _CRF["sigma_smooth"], stage="refine", label="Smoothness reach σ_γ", symbol="σ_γ", lo=0.5, hi=50.0, step=0.5,
        unit="px",
        info="Width of the smoothness kernel, in pixels of the scaled picture.")
    compat_smooth: float = param(
        _CRF["compat_smooth"], stage="refine", label="Smoothness weight", lo=0.0, hi=50.0, step=0.5,
        info="Potts penalty of the smoothness kernel.")
    label_confidence: float = param(
        0.7, stage="refine", label="Label confidence", lo=0.5, hi=0.99, step=0.01,
        info="Probability that the CRF's unary term gives to the label of a patch.")
    seed: int = param(
        0, stage="cluster", label="Seed", lo=0, hi=2**31 - 1, step=1,
        info="Start of the random numbers of k-means++ and of the mixture.")
    # fmt: on


def params(schema: type[Schema] = Settings) -> dict[str, Param]:
    """The facts of every field, by name, in order."""
    return {f.name: f.metadata["param"] for f in dataclasses.fields(schema)}


def _check_value(f: dataclasses.Field[Any], value: Any) -> None:
    p: Param = f.metadata["param"]
    kind: Any = f.type  # a type, as nothing here is annotated by a string
    wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "a name"}[kind]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        int: isinstance(value, int) and not isinstance(value, bool),
        float: is_number and math.isfinite(value),
        bool: isinstance(value, bool),
        str: isinstance(value, str),
    }[kind]
    if not fits:
        raise InputError(f"{f.name} must be {wanted}{_rule(p)}; got {shortened(repr(value))}.", field=f.name)
    outside = f.type in (int, float) and not p.lo <= value <= p.hi
    strange = p.choices is not None and value not in p.choices and not (p.weight_files and is_weight_file(value))
    if outside or strange:
        raise InputError(f"{f.name} must be {wanted}{_rule(p)}; got {shortened(repr(value))}.", field=f.name)


def is_weight_file(value: str) -> bool:
    """Whether a backbone is named by a file of weights instead of by its name."""
    return value.endswith(WEIGHT_FILE_SUFFIXES)


def _rule(p: Param) -> str:
    if p.choices:
        files = f", or a file that ends in {', '.join(WEIGHT_FILE_SUFFIXES)}" if p.weight_files else ""
        return f" out of {', '.join(p.choices)}{files}"
    if p.lo is None:
        return ""
    unit = f" {p.unit}" if p.unit else ""
    return f" from {p.lo:.10g} to {p.hi:.10g}{unit}"


def _coerce(f: dataclasses.Field[Any], value: Any) -> Any:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    try:
        if f.type is bool and not isinstance(value, bool):
            return {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}[str(value).lower()]
        if f.type is int and not isinstance(value, bool):
            number = float(value)
            return int(number) if number == int(number) else value
        if f.type is float and not isinstance(value, bool):
            return float(value)
    except (KeyError, TypeError, ValueError, OverflowError):
        return value  # _check_value says what is wrong with it
    return value


DEFAULTS = Settings()
