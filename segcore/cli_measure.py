"""The commands that take long: `evaluate bsds`, `evaluate objects` and `pretrain`."""

import argparse
import json
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.errors import InputError
from segcore.flags import add_settings, settings_from
from segcore.settings import Settings

if TYPE_CHECKING:
    from segcore.evaluate import Case, ObjectReport, RegionReport
    from segcore.pipeline import Pipeline

LEVELS = "2,3,4,6,8,12"
UNTRAINED = "random"  # a row of --compare


def add_evaluate(commands: Any) -> None:
    """Add `evaluate bsds` and `evaluate objects`."""
    evaluate = commands.add_parser("evaluate", help="score segmentations against what humans drew")
    kinds = evaluate.add_subparsers(title="protocols", required=True, metavar="PROTOCOL")

    bsds = kinds.add_parser("bsds", help="region benchmark of BSDS500: covering, PRI and VoI")
    bsds.add_argument("--root", type=Path, required=True, metavar="DIR", help="folder with images/ and groundTruth/")
    bsds.add_argument("--split", default="val", choices=("train", "val", "test"), help="which pictures (val)")
    bsds.add_argument("--k", default=LEVELS, metavar="LIST", help=f"numbers of segments, one per level ({LEVELS})")
    _add_common(bsds, _bsds)

    objects = kinds.add_parser("objects", help="mean IoU of a two-way cut with one mask per picture")
    objects.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of pictures")
    objects.add_argument("--masks", type=Path, required=True, metavar="DIR", help="masks of the same names, object bright")
    _add_common(objects, _objects)


def _add_common(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    parser.add_argument(
        "--compare",
        default="",
        metavar="LIST",
        help=f"more rows: backbones or files of weights, with commas; {UNTRAINED} is the first row's with random weights",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the scores of every picture to this file")
    parser.add_argument("--device", default="auto", help="where to compute: cpu, cuda or auto (auto)")
    parser.add_argument("--weights", metavar="FILE", help="a file of weights to use as the backbone")
    add_settings(parser)
    parser.set_defaults(run=run)


def _bsds(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import bsds_cases, evaluate_regions

    if parsed.n_segments is not None:
        raise InputError("--k names the numbers of segments of a benchmark; leave --n-segments out.", field="n_segments")
    cases, levels = _limited(bsds_cases(parsed.root, parsed.split), parsed.limit), _numbers(parsed.k)
    rows = []
    for name, settings, pipeline in _contenders(parsed, settings_from(parsed)):
        run = partial(evaluate_regions, cases, settings, levels=levels, pipeline=pipeline)
        report = _with_bar(name, cases, run)
        rows.append((name, report, settings))
    head = ("backbone", "pictures", "covering ODS", "OIS", "best", "PRI ODS", "OIS", "VoI ODS", "OIS")
    _print_table(head, [(name, len(r.names), *_region_numbers(r)) for name, r, _ in rows])
    for line in _about_levels(rows[0][1]):
        print(line)
    _print_skipped(rows[0][1].skipped)
    _write(parsed.json, [{"protocol": "bsds", "split": parsed.split, **_region_json(*row)} for row in rows])
    return 0


def _objects(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import evaluate_objects, mask_cases

    parsed.method = parsed.method or "fiedler"
    cases = _limited(mask_cases(parsed.images, parsed.masks), parsed.limit)
    rows = []
    for name, settings, pipeline in _contenders(parsed, settings_from(parsed)):
        report = _with_bar(name, cases, partial(evaluate_objects, cases, settings, pipeline=pipeline))
        rows.append((name, report, settings))
    rule = rows[0][2].object_rule
    _print_table(
        ("backbone", "pictures", f"mean IoU ({rule})", "mean IoU (better side)"),
        [(name, len(r.names), r.mean_by_rule, r.mean_by_better_side) for name, r, _ in rows],
    )
    _print_skipped(rows[0][1].skipped)
    _write(parsed.json, [{"protocol": "objects", **_object_json(*row)} for row in rows])
    return 0


def _contenders(parsed: argparse.Namespace, settings: Settings) -> Iterator[tuple[str, Settings, "Pipeline"]]:
    """The rows of the table: their names, settings and pipelines."""
    if parsed.json is not None and not parsed.json.parent.is_dir():
        raise InputError(f"Cannot write {parsed.json}: its folder is missing. Use another --json.", field="json")
    from segcore.evaluate import untrained_pipeline
    from segcore.features import resolve_backbone
    from segcore.pipeline import Pipeline

    first, note = resolve_backbone(settings.backbone)
    if note:
        print(f"note: {note}")
    others = [name.strip() for name in parsed.compare.split(",") if name.strip()]
    if UNTRAINED in others and not first.needs_weights:
        raise InputError(
            f"{UNTRAINED} is the first row's transformer with random weights, but {first.name} is none; name another "
            "--backbone.",
            field="compare",
        )
    shown = Path(first.name).name
    # All rows are checked before the first is computed, which may take an hour.
    chosen = [(name, first if name == UNTRAINED else resolve_backbone(name)[0]) for name in others]
    yield shown, settings.replace(backbone=first.name), Pipeline(device=parsed.device)
    for name, backbone in chosen:
        own = settings.replace(backbone=backbone.name)
        if name == UNTRAINED:
            yield f"{shown}, random weights", own, untrained_pipeline(device=parsed.device)
        else:
            yield Path(name).name, own, Pipeline(device=parsed.device)


def _with_bar(name: str, cases: Sequence["Case"], evaluate: Callable[..., Any]) -> Any:
    from segcore.progress import make_bar

    bar = make_bar(total=len(cases), label=name)
    try:
        return evaluate(on_picture=lambda _picture: bar.update(1))
    finally:
        bar.close()


def _limited(cases: list["Case"], limit: int | None) -> list["Case"]:
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be at least 1; got {limit}.", field="limit")
    return cases[:limit]


def _numbers(text: str) -> list[int]:
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise InputError(f"--k must be whole numbers with commas, such as {LEVELS}; got {text!r}.", field="k") from None


def _region_numbers(report: "RegionReport") -> tuple[float, ...]:
    c, p, v = report.benchmark.covering, report.benchmark.pri, report.benchmark.voi
    return c.ods, c.ois, c.best, p.ods, p.ois, v.ods, v.ois


def _about_levels(report: "RegionReport") -> Iterator[str]:
    if report.levels:
        yield f"Levels: K = {', '.join(map(str, report.levels))}. Covering and PRI: more is better; VoI (bits): less is."
    else:
        yield "One level: the method takes no K, or chooses its own. Covering and PRI: more is better; VoI (bits): less is."


def _region_json(name: str, report: "RegionReport", settings: Settings) -> dict[str, Any]:
    c, p, v = report.benchmark.covering, report.benchmark.pri, report.benchmark.voi
    return {
        "name": name,
        "backbone": report.backbone,
        "settings": settings.to_dict(),
        "k": list(report.levels),
        "covering": {"ods": c.ods, "ois": c.ois, "best": c.best},
        "pri": {"ods": p.ods, "ois": p.ois},
        "voi": {"ods": v.ods, "ois": v.ois},
        "skipped": dict(report.skipped),
        "pictures": [
            {
                "picture": picture,
                "covering": [covered / row.area for covered in row.covered],
                "covering_best": row.covered_best / row.area,
                "pri": list(row.pri),
                "voi": list(row.voi),
            }
            for picture, row in zip(report.names, report.benchmark.pictures, strict=True)
        ],
    }


def _object_json(name: str, report: "ObjectReport", settings: Settings) -> dict[str, Any]:
    return {
        "name": name,
        "backbone": report.backbone,
        "settings": settings.to_dict(),
        "iou": {"rule": report.mean_by_rule, "better_side": report.mean_by_better_side},
        "skipped": dict(report.skipped),
        "pictures": [
            {"picture": picture, "rule": by_rule, "better_side": by_better_side}
            for picture, by_rule, by_better_side in zip(report.names, report.by_rule, report.by_better_side, strict=True)
        ],
    }


def _print_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    texts = [list(head), *([f"{x:.3f}" if isinstance(x, float) else str(x) for x in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join((first, *others)))


def _print_skipped(skipped: Any) -> None:
    if skipped:
        print(f"Not counted: {len(skipped)}")
    for picture, reason in skipped.items():
        print(f"    {picture}: {reason}")


def _write(path: Path | None, rows: list[dict[str, Any]]) -> None:
    """Write the first row, with the others under "compare"."""
    if path is None:
        return
    text = json.dumps({**rows[0], "compare": rows[1:]}, indent=2, ensure_ascii=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror}. Use another --json.", field="json") from error


def add_pretrain(commands: Any) -> None:
    """Add `pretrain`."""
    pretrain = commands.add_parser("pretrain", help="train a small transformer on pictures without labels")
    pretrain.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="pictures, or images.bin with offsets.npy")
    pretrain.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the weights go (.safetensors)")
    pretrain.add_argument("--minutes", type=float, metavar="M", help="how long to train, over all runs with --resume (30)")
    pretrain.add_argument("--steps", type=int, metavar="N", help="train for so many steps instead: repeatable to the bit")
    pretrain.add_argument("--resume", action="store_true", help="go on from FILE's checkpoint where there is one")
    pretrain.add_argument("--seed", type=int, default=0, help="start of the random numbers (0)")
    pretrain.add_argument("--device", default="auto", help="where to compute: cpu, cuda or auto (auto)")
    pretrain.add_argument("--batch", type=int, metavar="N", help="pictures per step (256 on a GPU, 32 on a CPU)")
    pretrain.add_argument("--depth", type=int, metavar="N", help="blocks of the transformer")
    pretrain.set_defaults(run=_pretrain)


def _pretrain(parsed: argparse.Namespace) -> int:
    from segcore.features.pretrain import Recipe, pretrain

    if parsed.minutes is not None and parsed.steps is not None:
        raise InputError("Give either --minutes or --steps, not both.", field="minutes")
    sizes = {} if parsed.depth is None else {"depth": parsed.depth}
    done = pretrain(
        parsed.folders,
        parsed.out,
        minutes=None if parsed.steps is not None else parsed.minutes or 30.0,
        steps=parsed.steps,
        resume=parsed.resume,
        seed=parsed.seed,
        device=parsed.device,
        batch=parsed.batch,
        recipe=Recipe(**sizes),
        show_progress=True,
    )
    if done.n_skipped:
        print(f"Not read: {done.n_skipped} files, such as {', '.join(done.skipped)}.")
    loss = f"loss {done.loss:.3f}" if math.isfinite(done.loss) else "no step taken"
    print(f"{done.path}: {done.steps} steps on {done.n_pictures} pictures, {done.seconds / 60:.1f} min, {loss}.")
    print(f"Use it: python -m segcore segment PICTURE --out DIR --weights {done.path}")
    return 0
