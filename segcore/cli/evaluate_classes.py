"""The command `evaluate classes`."""

import argparse
from typing import Any

from segcore.cli.flags import add_device, add_engine, add_overwrite, check_json, engine_from, named_path, write_json
from segcore.cli.table import limited, print_left_out, print_table, shown

SCORES = ("miou", "global_accuracy", "class_accuracy", "boundary_f")


def add_evaluate_classes(kinds: Any) -> None:
    """Add `evaluate classes`."""
    classes = kinds.add_parser("classes", help="a network that learned with labels, class by class; nothing is matched")
    classes.add_argument("--images", type=named_path, required=True, metavar="DIR", help="pictures: folder, zip, or list")
    classes.add_argument(
        "--labels", type=named_path, required=True, metavar="DIR", help="label maps of the same names, as PNG"
    )
    classes.add_argument("--ignore", default="", metavar="LABEL", help="label that counts for nothing: 255, or #e0e0c0")
    classes.add_argument(
        "--weights", type=named_path, required=True, metavar="FILE", help="a network that `learn` trained with labels"
    )
    classes.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    classes.add_argument("--json", type=named_path, metavar="FILE", help="write all scores to this file")
    add_overwrite(classes)
    add_device(classes)
    add_engine(classes)
    classes.set_defaults(run=_classes)


def _classes(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import label_cases, partnerless
    from segcore.evaluate.classes import evaluate_classes
    from segcore.image import parse_label
    from segcore.learn import load_learned
    from segcore.runtime.device import pick_device

    check_json(parsed.json, overwrite=parsed.overwrite)
    engine = engine_from(parsed)
    learned = load_learned(parsed.weights, device=pick_device(parsed.device))
    cases = limited(label_cases(parsed.images, parsed.labels), parsed.limit)
    steps = evaluate_classes(cases, learned, ignore=parse_label(parsed.ignore), engine=engine)
    report = shown(steps, label=learned.system)
    print_table(("class", "IoU"), [(name, "–" if x is None else x) for name, x in report.iou.items()])
    scores = {name: getattr(report, name) for name in SCORES}
    told = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in scores.items())
    print(f"{len(report.names)} pictures: {told}")
    alone = partnerless(parsed.images, parsed.labels)
    print_left_out(report.skipped, alone)
    found = {"protocol": "classes", "system": learned.system, **scores, "iou": report.iou}
    write_json(parsed.json, {**found, "pictures": list(report.names), "no_partner": alone, "skipped": report.skipped})
    return 0
