"""Scores as numbers of a table's row, and as JSON."""

import dataclasses
from typing import TYPE_CHECKING, Any

from segcore.settings import Settings

if TYPE_CHECKING:
    from segcore.evaluate import LabelReport, ObjectReport, RegionReport, RetrievalReport

OBJECT_SCORES = {"f_beta": "F_beta", "max_f_beta": "max F_beta", "accuracy": "accuracy", "corloc": "CorLoc"}
LABEL_SCORES = {
    "miou": "mIoU",
    "accuracy": "accuracy",
    "adjusted_rand": "ARI",
    "covering": "covering",
    "rand": "PRI",
    "voi": "VoI",
}


def object_row(report: "ObjectReport") -> tuple[float, ...]:
    """The scores of OBJECT_SCORES."""
    return tuple(getattr(report, name) for name in OBJECT_SCORES)


def label_row(report: "LabelReport") -> tuple[float, ...]:
    """The scores of LABEL_SCORES."""
    return tuple(report.mean(name) for name in LABEL_SCORES)


def region_json(name: str, report: "RegionReport", settings: Settings) -> dict[str, Any]:
    """A row of `evaluate bsds`."""
    c, p, v, b = report.benchmark.covering, report.benchmark.pri, report.benchmark.voi, report.boundaries
    return {
        "name": name,
        "backbone": report.backbone,
        "settings": settings.to_dict(),
        "k": list(report.levels),
        "covering": {"ods": c.ods, "ois": c.ois, "best": c.best},
        "pri": {"ods": p.ods, "ois": p.ois},
        "voi": {"ods": v.ods, "ois": v.ois},
        "boundary": {"ods": b.ods, "ois": b.ois, "recall": b.recall, "precision": b.precision},
        "seconds": report.seconds,
        "skipped": dict(report.skipped),
        "pictures": [
            {
                "picture": picture,
                "covering": [covered / row.area for covered in row.covered],
                "covering_best": row.covered_best / row.area,
                "pri": list(row.pri),
                "voi": list(row.voi),
                "boundary": list(counts.f),
            }
            for picture, row, counts in zip(report.names, report.benchmark.pictures, b.pictures, strict=True)
        ],
    }


def object_json(name: str, report: "ObjectReport", settings: Settings) -> dict[str, Any]:
    """A row of `evaluate objects`."""
    return {
        "name": name,
        "backbone": report.backbone,
        "settings": settings.to_dict(),
        "iou": {"rule": report.mean_by_rule, "better_side": report.mean_by_better_side},
        **dict(zip(OBJECT_SCORES, object_row(report), strict=True)),
        "skipped": dict(report.skipped),
        "pictures": [
            {
                "picture": picture,
                "rule": row.iou,
                "better_side": row.best_iou,
                "f_beta": row.f_beta,
                "max_f_beta": row.max_f_beta,
                "accuracy": row.accuracy,
                "box_iou": row.box_iou,
            }
            for picture, row in zip(report.names, report.scores, strict=True)
        ],
    }


def label_json(name: str, report: "LabelReport", settings: Settings) -> dict[str, Any]:
    """A row of `evaluate labels`."""
    return {
        "name": name,
        "backbone": report.backbone,
        "settings": settings.to_dict(),
        "mean": dict(zip(LABEL_SCORES, label_row(report), strict=True)),
        "pooled": {"miou": report.pooled.miou, "accuracy": report.pooled.accuracy},
        "skipped": dict(report.skipped),
        "pictures": [
            {"picture": picture, **dataclasses.asdict(row)} for picture, row in zip(report.names, report.scores, strict=True)
        ],
    }


def retrieval_json(name: str, report: "RetrievalReport", settings: Settings) -> dict[str, Any]:
    """A row of `evaluate retrieval`."""
    return {
        "name": name,
        "backbone": report.backbone,
        "settings": settings.to_dict(),
        "precision": {"patches": report.mean_precision, "classes": report.class_precision, "chance": report.class_chance},
        "skipped": dict(report.skipped),
        "pictures": list(report.names),
        "classes": [
            {"class": c, "patches": report.counts[c], "precision": report.precision[c], "chance": report.chance[c]}
            for c in report.precision
        ],
    }
