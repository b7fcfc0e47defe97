"""The commands `evaluate bsds`, `evaluate objects`, `evaluate labels`, `evaluate retrieval` and `evaluate kinds`."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.cli.evaluate_classes import add_evaluate_classes
from segcore.cli.evaluate_collection import add_evaluate_collection
from segcore.cli.evaluate_instances import add_evaluate_instances
from segcore.cli.flags import (
    add_device,
    add_engine,
    add_overwrite,
    add_settings,
    check_json,
    engine_from,
    named,
    named_path,
    settings_from,
    write_json,
)
from segcore.cli.scores_json import (
    LABEL_SCORES,
    OBJECT_SCORES,
    label_json,
    label_row,
    object_json,
    object_row,
    region_json,
    retrieval_json,
)
from segcore.cli.table import limited, print_left_out, print_table, shown
from segcore.cli.track import add_evaluate_trackers, add_evaluate_tracking
from segcore.errors import InputError, SegcoreError
from segcore.settings import Settings

if TYPE_CHECKING:
    from segcore.evaluate import Case, ObjectReport, RegionReport
    from segcore.pipeline import Pipeline
    from segcore.runtime.steps import Progress, Steps

LEVELS = "2,3,4,6,8,12"
ALL = "all"  # methods of `evaluate objects`
UNTRAINED = "random"  # a row of --compare
PLAIN = "color"  # the row where --compare is left out: what Lab color and position reach without a network


def add_evaluate(commands: Any) -> None:
    """Add `evaluate` with its protocols."""
    evaluate = commands.add_parser("evaluate", help="score segmentations against what humans drew")
    kinds = evaluate.add_subparsers(title="protocols", required=True, metavar="PROTOCOL")

    bsds = kinds.add_parser("bsds", help="benchmarks of BSDS500: covering, PRI, VoI and boundary F")
    bsds.add_argument("--root", type=named_path, required=True, metavar="DIR", help="folder with images/ and groundTruth/")
    bsds.add_argument("--split", default="val", choices=("train", "val", "test"), help="which pictures (val)")
    bsds.add_argument("--k", default=LEVELS, metavar="LIST", help=f"numbers of segments, one per level ({LEVELS})")
    _add_common(bsds, _bsds)

    objects = kinds.add_parser(
        "objects",
        help="IoU, F_beta, accuracy and CorLoc of objects, with one mask per picture",
        epilog=f"--method {ALL} scores all methods that find objects, a row each.",
    )
    objects.add_argument("--images", type=named_path, required=True, metavar="DIR", help="pictures: folder, zip, or list")
    objects.add_argument(
        "--masks", type=named_path, required=True, metavar="DIR", help="masks of the same names, object bright"
    )
    _add_common(objects, _objects)

    labels = kinds.add_parser("labels", help="mIoU after Hungarian matching, ARI and more, with one label map per picture")
    _add_labels(labels)
    _add_common(labels, _labels)

    retrieval = kinds.add_parser("retrieval", help="do the patches nearest to a patch, in other pictures, show its class")
    _add_labels(retrieval)
    _add_common(retrieval, _retrieval)

    alike = kinds.add_parser("kinds", help="do the patches nearest to a patch, in other pictures, lie in the same folder")
    alike.add_argument(
        "--images", type=named_path, required=True, metavar="DIR", help="a folder of pictures for each kind in it"
    )
    _add_common(alike, _kinds)
    add_evaluate_classes(kinds)
    add_evaluate_collection(kinds)
    add_evaluate_instances(kinds)
    add_evaluate_tracking(kinds)
    add_evaluate_trackers(kinds)


def _add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=named_path, required=True, metavar="DIR", help="pictures: folder, zip, or list")
    parser.add_argument(
        "--labels", type=named_path, required=True, metavar="DIR", help="label maps of the same names, as PNG"
    )
    parser.add_argument("--ignore", default="", metavar="LABEL", help="label that counts for nothing: 255, or #e0e0c0")


def _add_common(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    parser.add_argument(
        "--compare",
        metavar="LIST",
        help=f"more rows, with commas: backbones or files of weights; {UNTRAINED}, the first row's with random weights; or "
        f"settings as NAME=VALUE, several of one row with +: crf=true+upsampling=pac; '' for none ({PLAIN})",
    )
    parser.add_argument("--json", type=named_path, metavar="FILE", help="write the scores of every picture to this file")
    add_overwrite(parser)
    add_device(parser)
    parser.add_argument("--weights", type=named, metavar="FILE", help="a file of weights to use as the backbone")
    add_engine(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def _bsds(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import bsds_cases, evaluate_regions

    if parsed.n_segments is not None:
        raise InputError("--k names the numbers of segments of a benchmark; leave --n-segments out.", field="n_segments")
    cases, levels = limited(bsds_cases(parsed.root, parsed.split), parsed.limit), _numbers(parsed.k)
    rows, status = _rows(parsed, cases, partial(evaluate_regions, levels=levels))
    head = ("backbone", "pictures", "covering ODS", "OIS", "best", "PRI ODS", "OIS", "VoI ODS", "OIS", "F ODS", "OIS", "ms")
    print_table(head, [(name, len(r.names), *_region_numbers(r)) for name, r, _ in rows])
    for line in _about_levels(rows[0][1]):
        print(line)
    print("F: of the boundaries, more is better; ms: from labels of patches to labels of pixels, for one picture and level.")
    print_left_out(rows[0][1].skipped)
    _write(parsed.json, [{"protocol": "bsds", "split": parsed.split, **region_json(*row)} for row in rows])
    return status


def _objects(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import ObjectReport, evaluate_variants, mask_cases, partnerless
    from segcore.pipeline.methods import METHODS
    from segcore.pipeline.stages import settings_read

    every = parsed.method == ALL
    parsed.method = "fiedler" if every else parsed.method or "fiedler"
    methods = [name for name, method in METHODS.items() if method.finds_objects] if every else [parsed.method]
    cases = limited(mask_cases(parsed.images, parsed.masks), parsed.limit)
    alone = partnerless(parsed.images, parsed.masks)
    _tell_fit(cases)

    def evaluate(
        cases: list["Case"], settings: Settings, **how: Any
    ) -> "Steps[Progress, list[tuple[Settings, ObjectReport | SegcoreError]]]":
        variants = [settings.replace(method=name) for name in methods]
        reports = yield from evaluate_variants(cases, variants, **how)
        faults = [report for report in reports if isinstance(report, SegcoreError)]
        if len(faults) == len(reports):
            raise faults[0]
        return list(zip(variants, reports, strict=True))

    contenders, status = _rows(parsed, cases, evaluate)
    found = [(name, settings, report) for name, variants, _ in contenders for settings, report in variants]
    rows = [(name, report, settings) for name, settings, report in found if isinstance(report, ObjectReport)]

    def label(settings: Settings) -> str:
        ruled = "object_rule" in settings_read(settings)
        return f"{settings.method} ({settings.object_rule})" if ruled else settings.method

    print_table(
        ("backbone", "method (rule)", "pictures", "mean IoU", "best IoU", *OBJECT_SCORES.values()),
        [
            (name, label(settings), len(r.names), r.mean_by_rule, r.mean_by_better_side, *object_row(r))
            for name, r, settings in rows
        ],
    )
    print("mean IoU: of what the method, or the rule in brackets, calls the object.")
    print("best IoU: of the better side, or of the best union of segments.")
    print("F_beta, accuracy: of the masks; max F_beta: over thresholds of the vector that is cut; beta^2 = 0.3.")
    for name, settings, report in found:
        if not isinstance(report, ObjectReport):
            print(f"Not possible: {name}, {settings.method}: {report}")
    print_left_out(rows[0][1].skipped, alone)
    _write(parsed.json, [{"protocol": "objects", "no_partner": alone, **object_json(*row)} for row in rows])
    return status


def _labels(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import evaluate_labels, label_cases, partnerless
    from segcore.image import parse_label

    ignore = parse_label(parsed.ignore)
    cases = limited(label_cases(parsed.images, parsed.labels), parsed.limit)
    alone = partnerless(parsed.images, parsed.labels)
    _tell_fit(cases)
    rows, status = _rows(parsed, cases, partial(evaluate_labels, ignore=ignore))
    about = {"protocol": "labels", "ignore": ignore, "no_partner": alone}
    print_table(
        ("backbone", "pictures", *LABEL_SCORES.values(), "pooled mIoU", "accuracy"),
        [(name, len(r.names), *label_row(r), r.pooled.miou, r.pooled.accuracy) for name, r, _ in rows],
    )
    print("mIoU, accuracy: after Hungarian matching, anew for each picture; pooled: one matching for all pictures.")
    print("Less is better for VoI (bits), more for all others.")
    if ignore is not None and not rows[0][1].n_ignoring:
        print(f"note: No label map holds {parsed.ignore.strip()}, so nothing was left out.")
    print_left_out(rows[0][1].skipped, alone)
    _write(parsed.json, [{**about, **label_json(*row)} for row in rows])
    return status


def _retrieval(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import evaluate_retrieval, label_cases, partnerless
    from segcore.image import parse_label

    ignore = parse_label(parsed.ignore)
    cases = limited(label_cases(parsed.images, parsed.labels), parsed.limit)
    alone = partnerless(parsed.images, parsed.labels)
    _tell_fit(cases)
    rows, status = _rows(parsed, cases, partial(evaluate_retrieval, ignore=ignore))
    _tell_retrieval(parsed, rows, {"protocol": "retrieval", "ignore": ignore, "no_partner": alone}, alone)
    return status


def _kinds(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import evaluate_kinds, kind_cases

    rows, status = _rows(parsed, limited(kind_cases(parsed.images), parsed.limit), evaluate_kinds)
    _tell_retrieval(parsed, rows, {"protocol": "kinds"})
    return status


def _tell_retrieval(
    parsed: argparse.Namespace, rows: Sequence[tuple[str, Any, Settings]], about: dict[str, Any], alone: Sequence[str] = ()
) -> None:
    from segcore.evaluate.retrieval import N_NEAREST

    print_table(
        ("backbone", "pictures", "patches", f"precision@{N_NEAREST}", "mean of classes", "by chance"),
        [(name, len(r.names), r.n_patches, r.mean_precision, r.class_precision, r.class_chance) for name, r, _ in rows],
    )
    print(
        f"precision: share of the {N_NEAREST} nearest patches in other pictures that are of the same class; more is better."
    )
    print_left_out(rows[0][1].skipped, alone)
    _write(parsed.json, [{**about, "nearest": N_NEAREST, **retrieval_json(*row)} for row in rows])


def _tell_fit(cases: Sequence["Case"]) -> None:
    """Say, before the work, how many pairs fit where some do not, and name the first of these."""
    from segcore.evaluate import NAMED, misfits

    unfit = misfits(cases)
    if unfit:
        print(f"{len(cases) - len(unfit):,} of {len(cases):,} pairs fit. Not so, for example:", flush=True)
    for name in list(unfit)[:NAMED]:
        print(f"    {name}: {unfit[name]}", flush=True)


def _rows(
    parsed: argparse.Namespace, cases: Sequence["Case"], evaluate: Callable[..., Any]
) -> tuple[list[tuple[str, Any, Settings]], int]:
    """Name, report and settings of each contender, and the exit status: 2 where one but the first has failed."""
    rows: list[tuple[str, Any, Settings]] = []
    status, engine = 0, engine_from(parsed)
    for name, settings, pipeline in _contenders(parsed, settings_from(parsed)):
        try:
            report = shown(evaluate(cases, settings, pipeline=pipeline, engine=engine), label=name)
        except SegcoreError as error:
            if not rows:
                raise
            asked = parsed.compare is not None
            print(f"{'error' if asked else 'note'}: {name}: {error}", file=sys.stderr)
            status = 2 if asked else status
        else:
            rows.append((name, report, settings))
    return rows, status


def _contenders(parsed: argparse.Namespace, settings: Settings) -> Iterator[tuple[str, Settings, "Pipeline"]]:
    """The rows of the table: their names, settings and pipelines."""
    check_json(parsed.json, overwrite=parsed.overwrite)
    from segcore.evaluate import untrained_pipeline
    from segcore.evaluate.cases import resolved
    from segcore.pipeline import Pipeline
    from segcore.pipeline.backbones import resolve_backbone

    first, note = resolve_backbone(settings.backbone)
    if note:
        print(f"note: {' '.join(note.splitlines())}")
    given = parsed.compare if parsed.compare is not None else PLAIN if first.needs_weights else ""
    others = [name.strip() for name in given.split(",") if name.strip()]
    if UNTRAINED in others and not first.needs_weights:
        raise InputError(
            f"{UNTRAINED} is the first row's transformer with random weights, but {first.name} is none; name another "
            "--backbone.",
            field="compare",
        )
    shown = Path(first.name).name
    settings = settings.replace(backbone=first.name)
    # All rows are checked before the first is computed, which may take an hour.
    chosen = [(name, settings if name == UNTRAINED else resolved(_changed(settings, name))) for name in others]
    yield shown, settings, Pipeline(device=parsed.device)
    for name, own in chosen:
        if name == UNTRAINED:
            yield f"{shown}, random weights", own, untrained_pipeline(device=parsed.device)
        else:
            yield Path(name).name, own, Pipeline(device=parsed.device)


def _changed(settings: Settings, row: str) -> Settings:
    """The settings of a row that names a backbone, or settings as NAME=VALUE with + between them."""
    if "=" not in row:
        return settings.replace(backbone=row)
    changes = dict(part.strip().split("=", 1) for part in row.split("+") if "=" in part)
    return Settings.from_values({**settings.to_dict(), **changes})


def _numbers(text: str) -> list[int]:
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise InputError(f"--k must be whole numbers with commas, such as {LEVELS}; got {text!r}.", field="k") from None


def _region_numbers(report: "RegionReport") -> tuple[float, ...]:
    c, p, v = report.benchmark.covering, report.benchmark.pri, report.benchmark.voi
    b = report.boundaries
    return c.ods, c.ois, c.best, p.ods, p.ois, v.ods, v.ois, b.ods, b.ois, round(1000 * report.seconds)


def _about_levels(report: "RegionReport") -> Iterator[str]:
    if report.levels:
        yield f"Levels: K = {', '.join(map(str, report.levels))}. Covering and PRI: more is better; VoI (bits): less is."
    else:
        yield "One level: the method takes no K, or chooses its own. Covering and PRI: more is better; VoI (bits): less is."


def _write(path: Path | None, rows: list[dict[str, Any]]) -> None:
    """Write the first row, with the others under "compare"."""
    write_json(path, {**rows[0], "compare": rows[1:]})
