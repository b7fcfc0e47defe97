"""The command `evaluate collection`."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.cli.collection import EPILOG, FLAGS, add_common, collected, own_settings, settings_and_file, told_failed
from segcore.cli.flags import add_overwrite, check_json, write_json
from segcore.cli.table import limited, print_table, shown
from segcore.errors import InputError

if TYPE_CHECKING:
    from segcore.collection import Collection
    from segcore.evaluate.collection import SystemReport

OVER = 3  # times as many groups as asked for, for the majority vote


def add_evaluate_collection(kinds: Any) -> None:
    """Add `evaluate collection`."""
    evaluate = kinds.add_parser(
        "collection", help="groups of many pictures against classes, matched once for all", epilog=EPILOG
    )
    evaluate.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of pictures")
    evaluate.add_argument("--labels", type=Path, required=True, metavar="DIR", help="label maps of the same names, as PNG")
    evaluate.add_argument("--ignore", default="", metavar="LABEL", help="label that counts for nothing: 255, or #e0e0c0")
    evaluate.add_argument("--n-segments", type=int, required=True, metavar="K", help="number of groups")
    evaluate.add_argument(
        "--system",
        default="kmeans,cosegment,joint_spectral",
        metavar="LIST",
        help="systems, with commas (kmeans,cosegment,joint_spectral)",
    )
    evaluate.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    evaluate.add_argument(
        "--baselines",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also rows of k-means on random features and on color (on)",
    )
    evaluate.add_argument(
        "--over", type=int, default=OVER, metavar="N", help=f"N · K groups for the majority vote; 0 leaves it out ({OVER})"
    )
    evaluate.add_argument(
        "--probe",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also a linear probe, trained on every other picture (on)",
    )
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write all scores to this file")
    add_overwrite(evaluate)
    add_common(evaluate, _evaluate)


def _evaluate(parsed: argparse.Namespace) -> int:
    from segcore.collection import system_of
    from segcore.evaluate import label_cases
    from segcore.evaluate.collection import Contender, evaluate_collection
    from segcore.image import parse_label

    check_json(parsed.json, overwrite=parsed.overwrite)
    settings, of_file = settings_and_file(parsed)
    if parsed.n_segments < 2:
        raise InputError(f"n_segments must be at least 2; got {parsed.n_segments}.", field="n_segments")
    cases = limited(label_cases(parsed.images, parsed.labels), parsed.limit)
    names = [name.strip() for name in parsed.system.split(",") if name.strip()]
    systems = {Path(parsed.weights).stem: of_file} if of_file else {name: system_of(name) for name in names}
    owns = {name: own_settings(system, parsed.own if len(systems) == 1 else []) for name, system in systems.items()}
    if parsed.own and len(systems) != 1:
        raise InputError("--set needs one --system, as every system has settings of its own.", field="set")
    pictures = [case.picture for case in cases]
    main = collected(parsed, pictures, settings)
    rows, kmeans = [], system_of("kmeans")
    if parsed.baselines and main.reader.model.backbone.needs_weights:
        rows.append(Contender("random", collected(parsed, pictures, settings, untrained=settings.seed), kmeans))
    if parsed.baselines:
        rows.append(Contender("color", collected(parsed, pictures, settings.replace(backbone="color")), kmeans))
    rows += [Contender(name, main, system, owns[name]) for name, system in systems.items()]
    truths = {case.name: case.truth for case in cases}
    reports = shown(
        evaluate_collection(
            rows, truths, n_groups=parsed.n_segments, ignore=parse_label(parsed.ignore), settings=settings,
            over=parsed.over, probe=parsed.probe,
        )
    )  # fmt: skip
    _print_reports(reports)
    write_json(parsed.json, _json(parsed, main, reports))
    return told_failed(main)


def _print_reports(reports: "Sequence[SystemReport]") -> None:
    def number(scores: Any) -> float | str:
        return scores.miou if scores else "–"

    head = ("system", "groups", "mIoU", "accuracy", "over mIoU", "probe mIoU", "s")
    print_table(
        head,
        [
            (
                r.name,
                r.grouping.n_groups,
                r.matched.miou,
                r.matched.accuracy,
                number(r.over),
                number(r.probe),
                round(r.seconds),
            )
            for r in reports
        ],
    )
    print("mIoU, accuracy: one Hungarian matching for all pictures; over: more groups, each of its commonest class.")
    print("probe: a linear head on the features, trained on every other picture and read on the rest.")
    best = max(reports, key=lambda r: r.matched.miou)
    print(f"IoU of the classes, {best.name}: " + ", ".join(
        f"{c} {iou:.3f}" for c, iou in zip(best.matched.classes, best.matched.ious, strict=True)
    ))  # fmt: skip


def _json(parsed: argparse.Namespace, collection: "Collection", reports: "Sequence[SystemReport]") -> dict[str, Any]:
    return {
        "protocol": "collection",
        "pictures": len(collection),
        "n_groups": parsed.n_segments,
        "settings": {name: getattr(collection.settings, name) for name in FLAGS},
        "failed": dict(collection.failed),
        "systems": {report.name: report_json(report) for report in reports},
    }


def report_json(report: "SystemReport") -> Mapping[str, Any]:
    """All scores of a row."""
    m, o, p = report.matched, report.over, report.probe
    return {
        "miou": m.miou,
        "accuracy": m.accuracy,
        "over_miou": o.miou if o else None,
        "over_groups": len(o.table) if o else None,
        "probe_miou": p.miou if p else None,
        "probe_accuracy": p.accuracy if p else None,
        "classes": list(m.classes),
        "iou": list(m.ious),
        "partner": m.partner.tolist(),
        "confusion": m.confusion.tolist(),
        "groups": report.grouping.n_groups,
        "seconds": round(report.seconds, 2),
        "facts": dict(report.grouping.facts),
        "notes": list(report.grouping.notes),
    }
