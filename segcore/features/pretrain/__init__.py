"""Training of a small vision transformer on pictures without labels, by self-distillation.

A student sees crops of a picture, its teacher (a running mean of it) sees two large ones, and two losses ask:

    picture   that the student's [CLS] of every crop be assigned to the prototypes that the teacher's [CLS] of another, large
              crop is assigned to                                                          (DINO; Caron et al. 2021)
    regions   that the cosine of two patches' keys be the share of over-segmentations by color that leave them together
              (regions as in DetCon, Hénaff et al. 2021; here as a target for the affinity itself)

Assignments are balanced by Sinkhorn-Knopp (SwAV; Caron et al. 2020). The second loss is what makes patches useful for
segmentation after little training. "By color" are only the regions: the student sees crops whose colors were changed.
"""

from segcore.features.pretrain.loop import StepReport, Trained, pretrain
from segcore.features.pretrain.recipe import Recipe

__all__ = ["Recipe", "StepReport", "Trained", "pretrain"]
