"""Segmentations of many pictures against what humans drew: regions (BSDS500), objects (masks), and label maps."""

from segcore.evaluate.cases import NAMED, Case, label_cases, mask_cases, misfits, partnerless, untrained_pipeline
from segcore.evaluate.labels import LabelReport, evaluate_labels
from segcore.evaluate.objects import ObjectReport, evaluate_objects
from segcore.evaluate.regions import RegionReport, bsds_cases, evaluate_regions

__all__ = [
    "NAMED",
    "Case",
    "LabelReport",
    "ObjectReport",
    "RegionReport",
    "bsds_cases",
    "evaluate_labels",
    "evaluate_objects",
    "evaluate_regions",
    "label_cases",
    "mask_cases",
    "misfits",
    "partnerless",
    "untrained_pipeline",
]
