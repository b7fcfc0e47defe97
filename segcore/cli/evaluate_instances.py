"""The command `evaluate instances`."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from segcore.cli.flags import (
    add_device,
    add_engine,
    add_overwrite,
    add_settings,
    check_json,
    engine_from,
    named_path,
    settings_from,
    write_json,
)
from segcore.cli.table import limited, print_left_out, print_table, shown
from segcore.errors import InputError

if TYPE_CHECKING:
    from segcore.evaluate.instances import Finder

SCORES = {"ap50": "AP50", "ap": "AP", "ar": "AR", "mbo": "mBO", "fg_ari": "FG-ARI", "surest": "surest", "corloc": "CorLoc"}
METHOD = "maskcut"


def add_evaluate_instances(kinds: Any) -> None:
    """Add `evaluate instances`."""
    instances = kinds.add_parser(
        "instances", help="AP, AR, mBO, FG-ARI and CorLoc of separate objects, with their label maps"
    )
    instances.add_argument("--images", type=named_path, required=True, metavar="DIR", help="pictures: folder, zip, or list")
    instances.add_argument(
        "--masks",
        type=named_path,
        required=True,
        metavar="DIR",
        help="label maps of the same names: 0 ground, else an object",
    )
    instances.add_argument("--ignore", default="", metavar="LABEL", help="label that counts for nothing: 255, or #e0e0c0")
    instances.add_argument(
        "--weights", dest="learned", type=named_path, metavar="FILE", help="what `learn cutler` or `learn dinosaur` wrote"
    )
    instances.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    instances.add_argument("--json", type=named_path, metavar="FILE", help="write all scores to this file")
    add_overwrite(instances)
    add_device(instances)
    add_engine(instances)
    add_settings(instances)
    instances.set_defaults(run=_instances)


def _instances(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import label_cases, partnerless
    from segcore.evaluate.instances import evaluate_instances
    from segcore.image import parse_label

    check_json(parsed.json, overwrite=parsed.overwrite)
    ignore, engine = parse_label(parsed.ignore), engine_from(parsed)
    name, find = _finder(parsed)
    cases = limited(label_cases(parsed.images, parsed.masks), parsed.limit)
    report = shown(evaluate_instances(cases, find, ignore=ignore, engine=engine), label=name)
    scores = asdict(report.scores)
    n_objects, n_masks = (sum(counts) for counts in zip(*((c.n_objects, len(c.scores)) for c in report.counts), strict=True))
    print_table(("found by", "pictures", *SCORES.values()), [(name, len(report.names), *(scores[key] for key in SCORES))])
    print(
        f"{n_masks} masks for {n_objects} objects. More is better. FG-ARI sees pixels of objects only; mBO sees the ground."
    )
    alone = partnerless(parsed.images, parsed.masks)
    print_left_out(report.skipped, alone)
    about = {"protocol": "instances", "found_by": name, "ignore": ignore, "objects": n_objects, "masks": n_masks}
    write_json(
        parsed.json, {**about, **scores, "pictures": list(report.names), "no_partner": alone, "skipped": report.skipped}
    )
    return 0


def _finder(parsed: argparse.Namespace) -> "tuple[str, Finder]":
    """What finds the objects, and its name."""
    from segcore.evaluate.instances import found_by_method, found_by_weights
    from segcore.learn import load_learned
    from segcore.pipeline import Pipeline
    from segcore.runtime.device import pick_device

    if parsed.learned is not None:
        if parsed.method is not None:
            raise InputError("Objects are found by --weights or by --method; leave one of them out.", field="method")
        learned = load_learned(parsed.learned, device=pick_device(parsed.device))
        settings = settings_from(parsed)
        most = None if parsed.n_segments is None else settings.n_segments
        return learned.system, found_by_weights(learned, most=most, seed=settings.seed)
    parsed.method = parsed.method or METHOD
    return parsed.method, found_by_method(settings_from(parsed), Pipeline(device=parsed.device))
