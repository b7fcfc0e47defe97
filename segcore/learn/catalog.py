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
    IICSettings,
    InfoSegSettings,
    LearnSettings,
    MDCSettings,
    PiCIESettings,
    StegoSettings,
)

if TYPE_CHECKING:
    from segcore.learn.learner import ClusterLearner
    from segcore.learn.pictures import Source
    from segcore.nets.net import Net


@dataclass(frozen=True, slots=True)
class LearningSystem:
    """What is known of a system; its formulas stand in the file of its name in `segcore.learn.systems`."""

    name: str
    title: str
    summary: str  # one sentence
    formula: str  # of the loss, in TeX
    source: str
    settings: type[LearnSettings]

    def make_net(self, n_segments: int, settings: LearnSettings) -> "Net":
        """A network for K clusters, with random first weights."""
        net: Net = self._file.make_net(n_segments, settings)
        return net

    def make_learner(self, net: "Net", n_segments: int, settings: LearnSettings, source: "Source") -> "ClusterLearner":
        """The training of such a network on pictures."""
        learner: ClusterLearner = self._file.make_learner(net, n_segments, settings, source)
        return learner

    @property
    def _file(self) -> Any:
        """Its module, which needs torch."""
        return import_module(f"segcore.learn.systems.{self.name}")


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
)

CATALOG: Mapping[str, LearningSystem] = MappingProxyType({system.name: system for system in _ALL})


def system_of(name: str) -> LearningSystem:
    """The system of this name.

    Raises:
        InputError: there is none.
    """
    check_choice("system", name, tuple(CATALOG))
    return CATALOG[name]
