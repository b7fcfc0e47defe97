"""The registry of systems that learn: a system is a file of `segcore.learn.systems`, its settings, and an entry here.

It imports no torch, so that a command line is quick: the file of a system is imported when it is first used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from segcore.checks import check_choice
from segcore.learn.settings import (
    ACSettings,
    CutlerSettings,
    DeepLabSettings,
    DinosaurSettings,
    FcnSettings,
    IICSettings,
    InfoSegSettings,
    LearnSettings,
    LinearSettings,
    MDCSettings,
    PiCIESettings,
    PspSettings,
    SegNetSettings,
    StegoSettings,
    TrunkSettings,
    UNetSettings,
)
from segcore.nets.cards import CARDS

if TYPE_CHECKING:
    from segcore.learn.learner import ClusterLearner
    from segcore.learn.pictures import Source
    from segcore.nets.net import Net

LABELLED = "labelled"  # the file of `segcore.learn.systems` that trains any network on label maps


@dataclass(frozen=True, slots=True)
class LearningSystem:
    """What is known of a system; its formulas stand in the file of its name in `segcore.learn.systems`."""

    name: str
    title: str
    summary: str  # one sentence
    formula: str  # of the loss, in TeX
    source: str
    settings: type[LearnSettings]
    labelled: bool = False  # it learns from label maps, and its clusters are their classes
    marks: tuple[str, ...] = ()  # what it tells apart in the pictures it learns from, where that is not its clusters
    finds_objects: bool = False  # it leaves separate masks with scores, beside its clusters
    own_k: int | None = None  # its clusters, where they are always as many

    def make_net(self, n_segments: int, settings: LearnSettings) -> "Net":
        """A network for K clusters, with random first weights."""
        net: Net = self._file.make_net(*([self.name] if self.labelled else []), n_segments, settings)
        return net

    def make_learner(self, net: "Net", n_segments: int, settings: LearnSettings, source: "Source") -> "ClusterLearner":
        """The training of such a network on pictures."""
        learner: ClusterLearner = self._file.make_learner(net, n_segments, settings, source)
        return learner

    @property
    def _file(self) -> Any:
        """Its module, which needs torch."""
        return import_module(f"segcore.learn.systems.{LABELLED if self.labelled else self.name}")


def _labelled(name: str, formula: str, settings: type[LearnSettings]) -> LearningSystem:
    card = CARDS[name]
    return LearningSystem(name, card.title, card.summary, formula, card.source, settings, labelled=True)


_ALL = (
    LearningSystem(
        "iic",
        "IIC",
        "Labels of two views of a picture, and of neighbors, tell as much as possible about each other.",
        r"-I(z, z') = -\sum_{ij} P_{ij} \ln \frac{P_{ij}}{P_i P_j}",
        "Ji, Henriques and Vedaldi 2019",
        IICSettings,
    ),
    LearningSystem(
        "ac",
        "AC",
        "Labels of a picture seen in two orders of its pixels tell as much as possible about each other.",
        r"-I(z_{o}, z_{o'}), \quad o, o' \in \mathcal O",
        "Ouali, Hudelot and Tami 2020",
        ACSettings,
    ),
    LearningSystem(
        "infoseg",
        "InfoSeg",
        "What a place looks like, and what its class looks like in the whole picture, tell about each other.",
        r"-\mathbb E[-\operatorname{sp}(-L_u \cdot S_u)] + \mathbb E[\operatorname{sp}(L_u \cdot S'_u)]",
        "Harb and Knöbelreiter 2021",
        InfoSegSettings,
    ),
    LearningSystem(
        "picie",
        "PiCIE",
        "Features of pixels are clustered and learn their clusters in turn, whatever the color and wherever the pixel goes.",
        r"\tfrac12 (\mathcal L_{within} + \mathcal L_{cross})",
        "Cho, Mall, Bala and Hariharan 2021",
        PiCIESettings,
    ),
    LearningSystem(
        "mdc",
        "Modified DeepCluster",
        "Features of pixels are clustered and learn their clusters in turn: what PiCIE is compared with.",
        r"-\ln \operatorname{softmax}(A f_u + b)_{y_u}",
        "Caron and others 2018",
        MDCSettings,
    ),
    LearningSystem(
        "stego",
        "STEGO",
        "A head on features that do not learn sharpens what they have in common within and across pictures.",
        r"-\textstyle\sum \max(s_{ij}, 0) (f_{ij} - b)",
        "Hamilton and others 2022",
        StegoSettings,
    ),
    LearningSystem(
        "dinosaur",
        "DINOSAUR",
        "A few slots share the patches of a picture among them, because they must rebuild its features.",
        r"\begin{gathered} \tfrac1n \textstyle\sum_n \lVert h_n - \sum_s \alpha_{ns} y_{ns} \rVert^2 \\ "
        r"\alpha_n = \operatorname{softmax}_s a_{ns} \end{gathered}",
        "Seitzer and others 2023",
        DinosaurSettings,
        marks=tuple(f"slot {i}" for i in range(1, 33)),
        finds_objects=True,
    ),
    LearningSystem(
        "cutler",
        "CutLER",
        "A head that finds separate objects learns the masks of MaskCut, and then, in rounds, what it is sure of itself.",
        r"\begin{gathered} \textstyle\sum_g d_g \operatorname{focal}(o_g) + 3 \operatorname{Dice}(M_g, M) \\ "
        r"d_g = [g \text{ positive or} \\ \max_M \operatorname{IoU}(M_g, M) > .01] \end{gathered}",
        "Wang and others 2023",
        CutlerSettings,
        marks=("ground", "kept", "new", "dropped"),
        finds_objects=True,
        own_k=2,
    ),
    _labelled("fcn32", r"y = \operatorname{up}_{32}(W f_{32})", FcnSettings),
    _labelled("fcn16", r"y = \operatorname{up}_{16}(\operatorname{up}_2(W f_{32}) + W' f_{16})", FcnSettings),
    _labelled(
        "fcn8",
        r"y = \operatorname{up}_8(\operatorname{up}_2(\operatorname{up}_2(W f_{32}) + W' f_{16}) + W'' f_8)",
        FcnSettings,
    ),
    _labelled(
        "segnet",
        r"x_i = \max_{j \in B_i} z_j, \quad \hat z_j = \hat x_i [j = \operatorname{argmax}_{B_i} z]",
        SegNetSettings,
    ),
    _labelled("unet", r"\hat f_i = g([\operatorname{up}_2(\hat f_{i+1}), f_i])", UNetSettings),
    _labelled("deeplab", r"g([W_1 f, \; W_6 *_6 f, \; W_{12} *_{12} f, \; W_{18} *_{18} f, \; \bar f])", DeepLabSettings),
    _labelled(
        "pspnet", r"g([f, \bar f_{1 \times 1}, \bar f_{2 \times 2}, \bar f_{3 \times 3}, \bar f_{6 \times 6}])", PspSettings
    ),
    _labelled("refinenet", r"\hat f_i = g(W f_i + \operatorname{up}_2(W' \hat f_{i+1}))", TrunkSettings),
    _labelled("linear", r"y = \operatorname{up}_8(W f)", LinearSettings),
    _labelled("pac", r"v'_i = \sum_j e^{-\frac12 \|g_i - g_j\|^2} W[p_i - p_j] v_j", LinearSettings),
)

CATALOG: Mapping[str, LearningSystem] = MappingProxyType({system.name: system for system in _ALL})


def system_of(name: str) -> LearningSystem:
    """The system of this name.

    Raises:
        InputError: there is none.
    """
    check_choice("system", name, tuple(CATALOG))
    return CATALOG[name]
