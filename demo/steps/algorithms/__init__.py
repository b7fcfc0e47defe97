"""The algorithms of the page, in the order of its list; a new one is a module and a line here."""

from collections.abc import Mapping

from demo.steps.algorithm import Algorithm
from demo.steps.algorithms.kmeans import KMEANS
from demo.steps.algorithms.mixture import MIXTURE
from demo.steps.algorithms.seeding import SEEDING
from demo.steps.algorithms.spectral import SPECTRAL

ALGORITHMS: Mapping[str, Algorithm] = {
    "kmeans_start": SEEDING,
    "kmeans": KMEANS,
    "gmm": MIXTURE,
    "spectral": SPECTRAL,
}
