"""The commands `collection segment`, `collection systems` and `evaluate collection`."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from segcore.cli.flags import add_engine, add_settings, check_json, engine_from, settings_from, write_json
from segcore.errors import InputError
from segcore.settings import CRF_PRESETS, Schema, Settings, params

if TYPE_CHECKING:
    from segcore.collection import Collection, Steps
    from segcore.evaluate.collection import SystemReport

FLAGS = ("backbone", "facet", "block", "max_side", "upsampling", "crf", "seed", *next(iter(CRF_PRESETS.values())))
BASELINES = ("random", "color")
OVER = 3  # times as many groups as asked for, for the majority vote

_EPILOG = "`python -m segcore collection systems` lists the systems with their settings."

T = TypeVar("T")


def add_collection(commands: Any) -> None:
    """Add `collection segment` and `collection systems`."""
    collection = commands.add_parser("collection", help="the same segments across many pictures")
    kinds = collection.add_subparsers(title="commands", required=True, metavar="COMMAND")
    segment = kinds.add_parser("segment", help="group the patches of all pictures, and write label maps", epilog=_EPILOG)
    segment.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder of pictures, zip, or text file with a path per line"
    )
    segment.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results; made if missing")
    segment.add_argument("--system", default="kmeans", metavar="SYSTEM", help="its name (kmeans)")
    segment.add_argument(
        "--n-segments", type=int, metavar="K", help="number of groups; left out, the data choose, where the system can"
    )
    _add_common(segment, _segment)
    kinds.add_parser("systems", help="list the systems with their settings").set_defaults(run=_systems)


def add_evaluate_collection(kinds: Any) -> None:
    """Add `evaluate collection`."""
    evaluate = kinds.add_parser(
        "collection", help="groups of many pictures against classes, matched once for all", epilog=_EPILOG
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
    _add_common(evaluate, _evaluate)


def _add_common(parser: argparse.ArgumentParser, run: Any) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="own",
        help="a setting of the system; repeat it for more",
    )
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where features are kept (SEGCORE_FEATURES_DIR, else the user's cache)"
    )
    parser.add_argument("--weights", metavar="FILE", help="a file that `learn` wrote, as the system; or of a backbone")
    parser.add_argument("--device", default="auto", help="where to compute: cpu, cuda or auto (auto)")
    add_engine(parser)
    add_settings(parser, FLAGS)
    parser.set_defaults(run=run)


def _systems(_parsed: argparse.Namespace) -> int:
    from segcore.collection import SYSTEMS

    for name, system in SYSTEMS.items():
        print(f"{name}: {system.summary} {system.source}.")
        defaults = system.settings()
        for key, p in params(system.settings).items():
            rule = ", ".join(p.choices) if p.choices else f"{p.bounds[0]:g} to {p.bounds[1]:g}"
            print(f"    {key}={getattr(defaults, key)}  {p.info}" + ("" if p.lo is None and not p.choices else f" {rule}."))
    return 0


def own_settings(system: str, given: Sequence[str]) -> Schema:
    """The settings of a system from NAME=VALUE words.

    Raises:
        InputError: a word has no "=", or breaks a rule of the system's settings.
    """
    from segcore.collection import system_of

    for word in given:
        if "=" not in word:
            raise InputError(f"--set takes NAME=VALUE, such as --set n_init=5; got {word!r}.", field="set")
    return system_of(system).settings.from_values(dict(word.split("=", 1) for word in given))


def _segment(parsed: argparse.Namespace) -> int:
    from segcore.collection import group, pictures_of
    from segcore.collection.export import clusters, write_grouping
    from segcore.collection.systems.learned import run_learned
    from segcore.show.files import make_folder

    settings, learned = _settings(parsed)
    own = None if learned else own_settings(parsed.system, parsed.own)
    make_folder(parsed.out)
    collection = _collected(parsed, pictures_of(parsed.folder), settings)
    settings = collection.settings
    if learned:
        grouping = _shown(run_learned(collection, learned))
    else:
        grouping = _shown(group(collection, parsed.system, n_groups=parsed.n_segments, seed=settings.seed, settings=own))
    about = clusters(collection, grouping, settings, own.to_dict() if own else {}, settings.seed)
    _shown(write_grouping(collection, grouping, settings, parsed.out, about=about, engine=engine_from(parsed)))
    for note in grouping.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"{len(collection)} pictures, {grouping.n_groups} groups: {parsed.out}")
    return _told_failed(collection)


def _evaluate(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import label_cases
    from segcore.evaluate.collection import Contender, evaluate_collection
    from segcore.image import parse_label

    check_json(parsed.json)
    settings, learned = _settings(parsed)
    if parsed.n_segments < 2:
        raise InputError(f"n_segments must be at least 2; got {parsed.n_segments}.", field="n_segments")
    cases = label_cases(parsed.images, parsed.labels)
    if parsed.limit is not None and parsed.limit < 1:
        raise InputError(f"--limit must be at least 1; got {parsed.limit}.", field="limit")
    cases = cases[: parsed.limit]
    systems = [name.strip() for name in parsed.system.split(",") if name.strip()]
    owns = {name: own_settings(name, parsed.own if len(systems) == 1 else []) for name in systems}
    if parsed.own and len(systems) != 1:
        raise InputError("--set needs one --system, as every system has settings of its own.", field="set")
    pictures = _pictures(cases)
    main = _collected(parsed, pictures, settings)
    rows = []
    if parsed.baselines and main.reader.model.backbone.needs_weights:
        rows.append(Contender("random", _collected(parsed, pictures, settings, untrained=settings.seed), "kmeans"))
    if parsed.baselines:
        rows.append(Contender("color", _collected(parsed, pictures, settings.replace(backbone="color")), "kmeans"))
    if learned:
        rows.append(Contender(learned.stem, main, "", learned=learned))
    else:
        rows += [Contender(name, main, name, owns[name]) for name in systems]
    truths = {case.name: case.truth for case in cases}
    reports = _shown(
        evaluate_collection(
            rows, truths, n_groups=parsed.n_segments, ignore=parse_label(parsed.ignore), settings=settings,
            over=parsed.over, probe=parsed.probe,
        )
    )  # fmt: skip
    _print_reports(reports)
    write_json(parsed.json, _json(parsed, main, reports))
    return _told_failed(main)


def _settings(parsed: argparse.Namespace) -> tuple[Settings, Path | None]:
    """The settings, and the file that `learn` wrote where --weights names one."""
    from segcore.learn import is_learned

    learned = Path(parsed.weights) if parsed.weights and is_learned(parsed.weights) else None
    if learned:
        parsed.weights = None
    return settings_from(parsed), learned


def _pictures(cases: Sequence[Any]) -> list[Any]:
    from segcore.collection import Picture

    return [Picture(case.name, case.picture) for case in cases]


def _collected(
    parsed: argparse.Namespace, pictures: Sequence[Any], settings: Settings, *, untrained: int | None = None
) -> "Collection":
    from segcore.collection import Store, collect, default_store, open_reader

    reader = open_reader(settings, device=parsed.device, untrained=untrained)
    for note in reader.notes:
        print(f"note: {' '.join(note.splitlines())}", file=sys.stderr)
    return _shown(collect(pictures, reader, Store(parsed.store or default_store()), engine=engine_from(parsed)))


def _shown(steps: "Steps[T]") -> T:
    """Run steps to their end, with a bar for each stage whose length is known."""
    from segcore.collection import Progress, finish
    from segcore.runtime.progress import make_bar

    bar: Any = None
    now, done = "", 0.0

    def show(progress: Progress) -> None:
        nonlocal bar, now, done
        if progress.stage != now or progress.done < done:
            if bar is not None:
                bar.close()
            now, done = progress.stage, 0.0
            bar = make_bar(total=progress.total, label=progress.stage, unit=progress.unit) if progress.total else None
        if bar is not None:
            bar.update(progress.done - done)
        done = progress.done

    try:
        return finish(steps, show)
    finally:
        if bar is not None:
            bar.close()


def _told_failed(collection: "Collection") -> int:
    for name, reason in collection.failed.items():
        print(f"error: {name}: {reason}", file=sys.stderr)
    return 2 if collection.failed else 0


def _print_reports(reports: "Sequence[SystemReport]") -> None:
    from segcore.cli.evaluate import print_table

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
