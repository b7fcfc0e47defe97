"""Systems that learn to segment from nothing but pictures: one training loop, and a file for each system.

`train` yields the states of a training, `learn` runs one from a folder to a file, `load_learned` reads that file.
"""

from segcore.learn.learned import Learned, is_learned, load_learned, save_learned
from segcore.learn.loop import MOST_SEGMENTS, train
from segcore.learn.systems import SYSTEMS, system_of
from segcore.learn.types import Checkpoint, LearnSettings, Pictures, State, System

__all__ = [
    "MOST_SEGMENTS",
    "SYSTEMS",
    "Checkpoint",
    "LearnSettings",
    "Learned",
    "Pictures",
    "State",
    "System",
    "is_learned",
    "load_learned",
    "save_learned",
    "system_of",
    "train",
]
