"""Training of a small vision transformer on pictures without labels, by self-distillation.

A student sees crops of a picture, its teacher (a running mean of it) sees two large ones, and three losses ask the student
to say what the teacher says, as soft assignments to prototypes that a batch uses evenly:

    picture   [CLS] of every crop against [CLS] of the large crops                         (DINO; Caron et al. 2021)
    masked    hidden patches of a large crop against the same patches of the teacher       (iBOT; Zhou et al. 2022)
    matched   patches of a crop against the teacher's patches at the same place of the picture in another crop
              (in the spirit of DenseCL, Wang et al. 2021, with assignments instead of negatives)

Assignments are balanced by Sinkhorn-Knopp (SwAV; Caron et al. 2020). The third loss is what makes single patches useful for
segmentation after little training: what a patch is called may depend on what is there, not on where in the crop it lies.
"""

from segcore.features.pretrain.loop import StepReport, Trained, pretrain
from segcore.features.pretrain.recipe import Recipe

__all__ = ["Recipe", "StepReport", "Trained", "pretrain"]
