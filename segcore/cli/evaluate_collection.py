"""The command `evaluate collection`."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.cli.collection import EPILOG, FLAGS, add_common, collected, own_settings, settings_for, system_in, told_failed
from segcore.cli.flags import add_overwrite, check_json, named_path, write_json
from segcore.cli.table import limited, print_table, shown
from segcore.errors import InputError

if TYPE_CHECKING:
    from segcore.collection import Collection
    from segcore.evaluate.collection import Scores, SystemReport
    from segcore.metrics.interval import Interval

OVER = 3  # times as many groups as asked for, for the majority vote
SCORES = ("miou", "accuracy", "over_miou", "probe_miou", "probe_accuracy")
RANDOM, COLOR = "random", "color"  # rows of what learned nothing

Runs = Sequence["SystemReport"]  # of one system, a report per seed


def add_evaluate_collection(kinds: Any) -> None:
    """Add `evaluate collection`."""
    evaluate = kinds.add_parser(
        "collection", help="groups of many pictures against classes, matched once for all", epilog=EPILOG
    )
    evaluate.add_argument("--images", type=named_path, required=True, metavar="DIR", help="folder of pictures")
    evaluate.add_argument(
        "--labels", type=named_path, required=True, metavar="DIR", help="label maps of the same names, as PNG"
    )
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
        "--seeds", metavar="LIST", help="several seeds, such as 0,1,2: means, and intervals that hold that of all seeds"
    )
    evaluate.add_argument(
        "--baselines",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also rows of k-means on features of random weights, and on color and position (on)",
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
    evaluate.add_argument("--json", type=named_path, metavar="FILE", help="write all scores to this file")
    add_overwrite(evaluate)
    add_common(evaluate, _evaluate)


def _evaluate(parsed: argparse.Namespace) -> int:
    from segcore.collection import system_of
    from segcore.evaluate import label_cases
    from segcore.evaluate.collection import Contender, evaluate_collection
    from segcore.image import parse_label

    check_json(parsed.json, overwrite=parsed.overwrite)
    if parsed.n_segments < 2:
        raise InputError(f"n_segments must be at least 2; got {parsed.n_segments}.", field="n_segments")
    of_file, kmeans = system_in(parsed), system_of("kmeans")
    names = [name.strip() for name in parsed.system.split(",") if name.strip()]
    systems = {Path(parsed.weights).stem: of_file} if of_file else {name: system_of(name) for name in names}
    settings = {name: settings_for(parsed, system) for name, system in systems.items()}
    cases = limited(label_cases(parsed.images, parsed.labels), parsed.limit)
    owns = {name: own_settings(system, parsed.own if len(systems) == 1 else []) for name, system in systems.items()}
    if parsed.own and len(systems) != 1:
        raise InputError("--set needs one --system, as every system has settings of its own.", field="set")
    seeds = _seeds(parsed, next(iter(settings.values())).seed)
    pictures = [case.picture for case in cases]
    collections = {one: collected(parsed, pictures, one) for one in dict.fromkeys(settings.values())}
    rows = [Contender(name, collections[settings[name]], system, owns[name]) for name, system in systems.items()]
    plain = settings_for(parsed, of_file or kmeans)  # what learned nothing is read as the file is, or as k-means reads
    if parsed.baselines:
        rows.insert(0, Contender(COLOR, collected(parsed, pictures, plain.replace(backbone="color")), kmeans))
    main = rows[-1].collection
    truths = {case.name: case.truth for case in cases}
    reports = []
    for seed in seeds:
        first = []
        if parsed.baselines and main.reader.model.backbone.needs_weights:
            first = [Contender(RANDOM, collected(parsed, pictures, plain, untrained=seed), kmeans)]
        found = evaluate_collection(
            [*first, *rows], truths, n_groups=parsed.n_segments, ignore=parse_label(parsed.ignore),
            settings=plain.replace(seed=seed), over=parsed.over, probe=parsed.probe,
        )  # fmt: skip
        reports.append(shown(found, label=f"seed {seed}" if len(seeds) > 1 else ""))
    runs = list(zip(*reports, strict=True))
    _print_runs(runs, baselines=parsed.baselines)
    read = {name: row.collection.settings.facet for name, row in zip(systems, rows[-len(systems) :], strict=True)}
    write_json(parsed.json, _json(parsed, main, runs, seeds, read))
    return told_failed(main)


def _seeds(parsed: argparse.Namespace, seed: int) -> list[int]:
    """The seeds to run with; the one of the settings where no several are named."""
    if parsed.seeds is None:
        return [seed]
    if parsed.seed is not None:
        raise InputError("Give either --seed or --seeds, not both.", field="seeds")
    try:
        seeds = [int(part) for part in parsed.seeds.split(",")]
    except ValueError:
        seeds = []
    if not seeds or len(set(seeds)) < len(seeds):
        raise InputError(
            f"--seeds must be different whole numbers with commas, such as 0,1,2; got {parsed.seeds!r}.", field="seeds"
        )
    return seeds


def _print_runs(runs: Sequence[Runs], *, baselines: bool) -> None:
    from segcore.metrics.interval import SHARE, mean_interval

    head = ("system", "groups", "mIoU", "accuracy", "over mIoU", "probe mIoU", "s")
    print_table(head, [_row(of_system) for of_system in runs])
    n = len(runs[0])
    if n > 1:
        print(f"mean of {n} seeds ± half of the interval that holds the mean of all seeds with {SHARE:.0%} (Student's t).")
    if baselines:
        print(
            f"{RANDOM}, {COLOR}: k-means on features of random weights, and on Lab color and position; they learned nothing."
        )
    print("mIoU, accuracy: one Hungarian matching for all pictures; over: more groups, each of its commonest class.")
    print("probe: a linear head on the features, trained on every other picture and read on the rest.")
    best = max(runs, key=lambda of_system: _miou(of_system, _matched).mean)
    classes = best[0].matched.classes
    ious = [mean_interval([report.matched.ious[i] for report in best]) for i in range(len(classes))]
    print(f"IoU of the classes, {best[0].name}: " + ", ".join(f"{c} {iou}" for c, iou in zip(classes, ious, strict=True)))


def _row(runs: Runs) -> tuple[Any, ...]:
    from segcore.metrics.interval import mean_interval

    groups = sorted({report.grouping.n_groups for report in runs})
    return (
        runs[0].name,
        "–".join(str(k) for k in (groups[0], groups[-1])[: len(groups)]),
        _miou(runs, _matched),
        mean_interval([report.matched.accuracy for report in runs]),
        _miou(runs, lambda report: report.over) if runs[0].over else "–",
        _miou(runs, lambda report: report.probe) if runs[0].probe else "–",
        round(sum(report.seconds for report in runs) / len(runs)),
    )


def _matched(report: "SystemReport") -> "Scores":
    return report.matched


def _miou(runs: Runs, of: "Callable[[SystemReport], Scores | None]") -> "Interval":
    from segcore.metrics.interval import mean_interval

    return mean_interval([scores.miou for scores in map(of, runs) if scores])


def _json(
    parsed: argparse.Namespace,
    collection: "Collection",
    runs: Sequence[Runs],
    seeds: Sequence[int],
    facets: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "protocol": "collection",
        "pictures": len(collection),
        "n_groups": parsed.n_segments,
        "settings": {name: getattr(collection.settings, name) for name in FLAGS} | {"seed": seeds[0]},
        "facets": dict(facets),
        "seeds": list(seeds),
        "failed": dict(collection.failed),
        "systems": {of_system[0].name: runs_json(of_system) for of_system in runs},
    }


def runs_json(runs: Runs) -> Mapping[str, Any]:
    """All scores of a row: of one seed its report; of several means, half widths of their intervals, and each report."""
    from segcore.metrics.interval import mean_interval

    reports = [report_json(report) for report in runs]
    if len(reports) == 1:
        return reports[0]
    scored = {name: mean_interval([r[name] for r in reports]) for name in SCORES if reports[0][name] is not None}
    return {
        **{name: scored[name].mean if name in scored else None for name in SCORES},
        "half_widths": {name: interval.half for name, interval in scored.items()},
        "runs": reports,
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
