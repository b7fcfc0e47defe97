"""The algorithms of the page, in the order of its list; a new one is a module and a line here."""

from collections.abc import Mapping

from demo.steps.algorithm import Algorithm
from demo.steps.algorithms.crf import CRF
from demo.steps.algorithms.kmeans import KMEANS
from demo.steps.algorithms.mean_shift import MEAN_SHIFT
from demo.steps.algorithms.min_cut import MIN_CUT
from demo.steps.algorithms.mixture import MIXTURE
from demo.steps.algorithms.objects import LOST, MASKCUT, TOKENCUT
from demo.steps.algorithms.recursive import RECURSIVE
from demo.steps.algorithms.seeding import SEEDING
from demo.steps.algorithms.slic import SLIC
from demo.steps.algorithms.spectral import SPECTRAL

ALGORITHMS: Mapping[str, Algorithm] = {
    "kmeans_start": SEEDING,
    "kmeans": KMEANS,
    "gmm": MIXTURE,
    "mean_shift": MEAN_SHIFT,
    "spectral": SPECTRAL,
    "ncut": RECURSIVE,
    "min_cut": MIN_CUT,
    "tokencut": TOKENCUT,
    "maskcut": MASKCUT,
    "lost": LOST,
    "crf": CRF,
    "slic": SLIC,
}
