"""The commands `head train`, `head apply` and `head evaluate`: a linear layer on patch features that stay as they are."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from segcore.cli.flags import add_device, add_overwrite, add_settings, check_json, named_path, settings_from, write_json
from segcore.cli.table import limited, print_left_out, shown
from segcore.errors import InputError, SegcoreError
from segcore.runtime.outputs import check_outputs

if TYPE_CHECKING:
    from segcore.evaluate.heads import HeadReport
    from segcore.heads.file import Head
    from segcore.pipeline import Pipeline

_READ = ("backbone", "facet", "max_side")  # the settings that features depend on


def add_head(commands: Any) -> None:
    """Add `head` with its three commands."""
    head = commands.add_parser("head", help="train a linear layer on frozen features, and label other pictures with it")
    kinds = head.add_subparsers(title="commands", required=True, metavar="COMMAND")

    train = kinds.add_parser("train", help="train on pictures with label maps, dense or sparse")
    _add_folders(train, labels=True)
    train.add_argument("--out", type=named_path, required=True, metavar="FILE", help="where the head goes (.safetensors)")
    add_overwrite(train)
    train.add_argument("--names", default="", metavar="LIST", help="names of the labels, ascending, with commas")
    train.add_argument("--n-blocks", type=int, default=1, metavar="N", help="last blocks read side by side (1)")
    train.add_argument("--c", type=float, metavar="C", help="inverse strength of the penalty on the weights (0.1)")
    train.add_argument("--max-patches", type=int, metavar="N", help="patches that are kept (200000)")
    train.add_argument("--seed", type=int, default=0, help="start of the random numbers that choose them (0)")
    train.add_argument("--untrained", action="store_true", help="give the transformer random weights, for comparison")
    add_settings(train, _READ)
    train.set_defaults(run=_train)

    apply = kinds.add_parser("apply", help="label pictures")
    _add_folders(apply, labels=False)
    apply.add_argument(
        "--out", type=named_path, required=True, metavar="DIR", help="folder for the label maps; made if missing"
    )
    add_overwrite(apply)
    _add_head_file(apply)
    apply.set_defaults(run=_apply)

    evaluate = kinds.add_parser("evaluate", help="accuracy, IoU of each label and their mean, against label maps")
    _add_folders(evaluate, labels=True)
    evaluate.add_argument("--json", type=named_path, metavar="FILE", help="write all scores to this file")
    add_overwrite(evaluate)
    _add_head_file(evaluate)
    evaluate.set_defaults(run=_evaluate)


def _add_folders(parser: argparse.ArgumentParser, *, labels: bool) -> None:
    parser.add_argument("--images", type=named_path, required=True, metavar="DIR", help="pictures: folder, zip, or list")
    if labels:
        parser.add_argument(
            "--labels", type=named_path, required=True, metavar="DIR", help="label maps of the same names, as PNG"
        )
        parser.add_argument("--ignore", default="", metavar="LABEL", help="label that counts for nothing: 255, or #e0e0c0")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N pictures")
    add_device(parser)


def _add_head_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--head", type=named_path, required=True, metavar="FILE", help="a head that `head train` wrote")
    parser.add_argument("--upsampling", metavar="NAME", help="from patches to pixels (joint_bilateral)")


def _train(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import label_cases, untrained_pipeline
    from segcore.evaluate.heads import MOST_PATCHES, train_on_cases
    from segcore.heads.file import head_bytes
    from segcore.heads.linear import DEFAULT_C
    from segcore.image import parse_label
    from segcore.pipeline import Pipeline
    from segcore.show.files import write_file

    if parsed.out.is_dir() or not parsed.out.parent.is_dir():
        raise InputError(f"Cannot write {parsed.out}: name a file in a folder that is there.", field="out")
    if parsed.max_patches is not None and parsed.max_patches < 2:
        raise InputError(f"--max-patches must be at least 2; got {parsed.max_patches}.", field="max_patches")
    settings = settings_from(parsed)
    cases = limited(label_cases(parsed.images, parsed.labels), parsed.limit)
    check_outputs([parsed.out], (f.path for case in cases for f in (case.picture, case.truth)), overwrite=parsed.overwrite)
    make = untrained_pipeline if parsed.untrained else Pipeline
    steps = train_on_cases(
        cases,
        settings,
        pipeline=make(device=parsed.device),
        ignore=parse_label(parsed.ignore),
        n_blocks=parsed.n_blocks,
        C=DEFAULT_C if parsed.c is None else parsed.c,
        most_patches=parsed.max_patches or MOST_PATCHES,
        names=[name.strip() for name in parsed.names.split(",") if name.strip()],
        seed=parsed.seed,
        untrained=parsed.untrained,
    )
    trained = shown(steps, label="features")
    write_file(parsed.out, head_bytes(trained.head))
    head = trained.head
    thinned = "" if trained.n_patches == trained.n_marked else f" of {trained.n_marked:,}"
    print(
        f"{parsed.out}: {len(head.labels)} labels from {trained.n_patches:,}{thinned} patches of {len(trained.names)} "
        f"pictures, {head.linear.weight.shape[0]} features of {head.backbone}, loss {head.linear.loss:.4f} after "
        f"{len(head.linear.losses)} steps."
    )
    if not head.linear.converged:
        print("note: The training ended before its gradient vanished; a smaller --c helps.", file=sys.stderr)
    print_left_out(trained.skipped)
    return 0


def _apply(parsed: argparse.Namespace) -> int:
    from segcore.heads.apply import UPSAMPLING, label_picture
    from segcore.image.listing import pictures_of
    from segcore.show.files import labels_png, make_folder, write_file

    head, pipeline = _opened(parsed)
    pictures = limited(pictures_of(parsed.images, least=1, without=parsed.out), parsed.limit)
    _check_weights(pipeline, head)
    make_folder(parsed.out)
    paths = [parsed.out / f"{picture.name}.labels.png" for picture in pictures]
    check_outputs(paths, (picture.path for picture in pictures), overwrite=parsed.overwrite)
    failed = 0
    for picture, path in zip(pictures, paths, strict=True):
        try:
            labels, unsure = label_picture(pipeline, head, picture, upsampling=parsed.upsampling or UPSAMPLING)
            write_file(path, labels_png(labels.numpy()))
        except (SegcoreError, OSError) as error:
            print(f"error: {picture.shown}: {error}", file=sys.stderr)
            failed += 1
            continue
        names = dict(zip(head.labels, head.names, strict=True))
        shares = ", ".join(f"{names[v]} {float((labels == v).float().mean()):.1%}" for v in labels.unique().tolist())
        print(f"{path}: {shares}; mean entropy {float(unsure.mean()):.2f}")
    return 2 if failed else 0


def _evaluate(parsed: argparse.Namespace) -> int:
    from segcore.evaluate import label_cases
    from segcore.evaluate.heads import evaluate_head
    from segcore.heads.apply import UPSAMPLING
    from segcore.image import parse_label

    check_json(parsed.json, overwrite=parsed.overwrite)
    head, pipeline = _opened(parsed)
    cases = limited(label_cases(parsed.images, parsed.labels), parsed.limit)
    upsampling = parsed.upsampling or UPSAMPLING
    steps = evaluate_head(cases, head, pipeline=pipeline, ignore=parse_label(parsed.ignore), upsampling=upsampling)
    report = shown(steps, label=head.backbone)
    names = dict(zip(head.labels, head.names, strict=True))
    width = max(len(name) for name in names.values())
    for label, iou in zip(report.labels, report.iou, strict=True):
        print(f"{names[label].ljust(width)}  IoU {iou:.3f}")
    print(f"{len(report.names)} pictures: mean IoU {report.miou:.3f}, pixel accuracy {report.accuracy:.3f}")
    write_json(parsed.json, _as_json(head, report, upsampling))
    print_left_out(report.skipped)
    return 0


def _as_json(head: "Head", report: "HeadReport", upsampling: str) -> dict[str, Any]:
    return {
        "backbone": head.backbone,
        "weights": head.weights,
        "facet": head.facet,
        "blocks": list(head.blocks),
        "max_side": head.max_side,
        "upsampling": upsampling,
        "miou": report.miou,
        "accuracy": report.accuracy,
        "iou": {str(label): iou for label, iou in zip(report.labels, report.iou, strict=True)},
        "names": {str(label): name for label, name in zip(head.labels, head.names, strict=True)},
        "pictures": dict(zip(report.names, report.accuracies, strict=True)),
        "skipped": report.skipped,
    }


def _opened(parsed: argparse.Namespace) -> "tuple[Head, Pipeline]":
    from segcore.evaluate import untrained_pipeline
    from segcore.features.model import UNTRAINED
    from segcore.heads.file import read_head
    from segcore.pipeline import Pipeline

    head = read_head(parsed.head)
    make = untrained_pipeline if head.weights == UNTRAINED else Pipeline
    return head, make(device=parsed.device)


def _check_weights(pipeline: "Pipeline", head: "Head") -> None:
    from segcore.features.model import UNTRAINED
    from segcore.heads.apply import check_head

    if head.weights != UNTRAINED:
        check_head(pipeline, head)
