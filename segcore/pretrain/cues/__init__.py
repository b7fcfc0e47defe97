"""What is taught: regions and objects of a picture, drawn by color, texture, borders and saliency, without learning."""

from segcore.pretrain.cues.pieces import cut_up
from segcore.pretrain.cues.regions import REGION_LEVELS, draw_regions
from segcore.pretrain.cues.saliency import draw_objects, draw_saliency, objectness

__all__ = ["REGION_LEVELS", "cut_up", "draw_objects", "draw_regions", "draw_saliency", "objectness"]
