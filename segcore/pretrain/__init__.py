"""Training of a small vision transformer on pictures without labels, taught by cues and then by itself.

A student sees crops of a picture whose colors were changed, and three losses ask:

    keys       that the cosine of two patches' keys be as high as the cues say that they belong together: the share of
               over-segmentations that leave them in one region (as in DetCon, Hénaff et al. 2021; here as a target for the
               affinity itself), and whether both are object or both are not
    attention  that [CLS] look at the objects: the last head at all of them, the others at their inside and their border
    picture    that [CLS] of every crop be assigned to the prototypes that the teacher assigns another, large crop to (DINO;
               Caron et al. 2021), balanced by Sinkhorn-Knopp (SwAV; Caron et al. 2020). By default it has no weight, as it
               takes a third of the time, which short trainings do not have

The objects are at first those of saliency without learning (`cues`), later those that the teacher, a running mean of the
student, looks at itself (`redraw`; self-training as in DeepUSPS, Nguyen et al. 2019). In DINO, attention to objects emerges;
here it is drawn to them. What the object is, only the whole picture says, so the keys of the last block may learn once
more on whole pictures (`whole`). Last, tokens of patches that are alike by their keys may be drawn together (`settle`), for
groups over many pictures.
"""

from segcore.pretrain.loop import Pretrained, pretrain
from segcore.pretrain.recipe import Recipe

__all__ = ["Pretrained", "Recipe", "pretrain"]
