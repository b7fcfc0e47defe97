"""Many pictures, one numbering of groups: their features on disk, systems that group them, and what comes out.

`pictures_of` lists, `collect` computes features, `SYSTEMS[name].run` groups, `label_map` brings the groups to pixels.
"""

from segcore.collection.collection import Collection, Sample, collect, read_into
from segcore.collection.label import label_all, label_map, lift, scores_by
from segcore.collection.run import group
from segcore.collection.store import DiskFull, Store, Stored, default_store, feature_key
from segcore.collection.system import MOST_GROUPS, CollectionSystem, Grouping, setting
from segcore.collection.systems import SYSTEMS, system_of
from segcore.image import PictureFile
from segcore.image.listing import pictures_of
from segcore.pipeline.reader import Reader, open_reader
from segcore.runtime.steps import Progress, Steps, finish

__all__ = [
    "MOST_GROUPS",
    "SYSTEMS",
    "Collection",
    "CollectionSystem",
    "DiskFull",
    "Grouping",
    "PictureFile",
    "Progress",
    "Reader",
    "Sample",
    "Steps",
    "Store",
    "Stored",
    "collect",
    "default_store",
    "feature_key",
    "finish",
    "group",
    "label_all",
    "label_map",
    "lift",
    "open_reader",
    "pictures_of",
    "read_into",
    "scores_by",
    "setting",
    "system_of",
]
