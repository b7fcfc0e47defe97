"""Systems that learn to segment from nothing but pictures: one training loop, and a file for each system.

`train` yields the states of a training, `learn` runs one to a file, `load_learned` reads that file.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from segcore.learn.catalog import CATALOG, LearningSystem, system_of
from segcore.learn.settings import LearnSettings

if TYPE_CHECKING:
    from segcore.learn.baselines import majority_label, score_baselines
    from segcore.learn.learned import Learned, is_learned, load_learned, save_learned
    from segcore.learn.pictures import load_pictures, read_pictures
    from segcore.learn.score import ClassScores, score_classes
    from segcore.learn.training import MINUTES, MOST_SEGMENTS, Finished, LearnState, learn, train
    from segcore.train.checkpoint import Checkpoint
    from segcore.types import Pictures

__all__ = [
    "CATALOG",
    "MINUTES",
    "MOST_SEGMENTS",
    "Checkpoint",
    "ClassScores",
    "Finished",
    "LearnSettings",
    "LearnState",
    "Learned",
    "LearningSystem",
    "Pictures",
    "is_learned",
    "learn",
    "load_learned",
    "load_pictures",
    "majority_label",
    "read_pictures",
    "save_learned",
    "score_baselines",
    "score_classes",
    "system_of",
    "train",
]

_HOMES = {
    "segcore.learn.baselines": ("score_baselines", "majority_label"),
    "segcore.learn.learned": ("Learned", "is_learned", "load_learned", "save_learned"),
    "segcore.learn.pictures": ("load_pictures", "read_pictures"),
    "segcore.learn.score": ("ClassScores", "score_classes"),
    "segcore.learn.training": ("MINUTES", "MOST_SEGMENTS", "Finished", "LearnState", "learn", "train"),
    "segcore.train.checkpoint": ("Checkpoint",),
    "segcore.types": ("Pictures",),
}


def __getattr__(name: str) -> Any:
    """Import what needs torch when it is first used, so that `--help` stays quick."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'segcore.learn' has no attribute {name!r}")
