"""Segmentations of many pictures against what humans drew: regions (BSDS500), objects (masks), and label maps."""

from segcore.evaluate.cases import Case, label_cases, mask_cases, partnerless, untrained_pipeline
from segcore.evaluate.labels import LabelReport, evaluate_labels
from segcore.evaluate.objects import ObjectReport, evaluate_objects, evaluate_variants
from segcore.evaluate.regions import RegionReport, bsds_cases, evaluate_regions

__all__ = [
    "Case",
    "LabelReport",
    "ObjectReport",
    "RegionReport",
    "bsds_cases",
    "evaluate_labels",
    "evaluate_objects",
    "evaluate_regions",
    "evaluate_variants",
    "label_cases",
    "mask_cases",
    "partnerless",
    "untrained_pipeline",
]
