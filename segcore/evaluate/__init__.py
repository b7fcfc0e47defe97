"""Segmentations of many pictures against what humans drew: regions (BSDS500), objects (masks), label maps, and retrieval."""

from segcore.evaluate.cases import NAMED, Case, kind_cases, label_cases, mask_cases, misfits, partnerless, untrained_pipeline
from segcore.evaluate.labels import LabelReport, evaluate_labels
from segcore.evaluate.objects import ObjectReport, evaluate_objects, evaluate_variants
from segcore.evaluate.regions import RegionReport, bsds_cases, evaluate_regions
from segcore.evaluate.retrieval import RetrievalReport, evaluate_kinds, evaluate_retrieval

__all__ = [
    "NAMED",
    "Case",
    "LabelReport",
    "ObjectReport",
    "RegionReport",
    "RetrievalReport",
    "bsds_cases",
    "evaluate_kinds",
    "evaluate_labels",
    "evaluate_objects",
    "evaluate_regions",
    "evaluate_retrieval",
    "evaluate_variants",
    "kind_cases",
    "label_cases",
    "mask_cases",
    "misfits",
    "partnerless",
    "untrained_pipeline",
]
