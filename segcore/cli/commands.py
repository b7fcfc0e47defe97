"""The command line: `python -m segcore segment | methods | …`; the other modules of this folder add further commands.

The flags of settings are the fields of `Settings`.

A user's mistake ends with exit status 2 and one line `error: …` on standard error.
"""

import argparse
import dataclasses
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from segcore.cli.collection import add_collection
from segcore.cli.evaluate import add_evaluate
from segcore.cli.features import add_features
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
from segcore.cli.head import add_head
from segcore.cli.learn import add_learn
from segcore.cli.lecture import add_lecture
from segcore.cli.pictures import listed, picture_shown, sentence_of
from segcore.cli.pretrain import add_pretrain
from segcore.cli.stages import print_stages
from segcore.cli.steps import add_steps
from segcore.cli.track import add_track
from segcore.errors import InputError, SegcoreError
from segcore.settings import DEFAULTS, Settings

if TYPE_CHECKING:
    from segcore.image import PictureFile
    from segcore.pipeline import Pipeline


class _Parser(argparse.ArgumentParser):
    """Says a mistake in one line, without repeating the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of files may hold what the console cannot show
    parsed = build_parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
        return status
    except BrokenPipeError:  # whoever read our lines has seen enough, as head has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (SegcoreError, OSError) as error:
        print(f"error: {sentence_of(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def build_parser() -> argparse.ArgumentParser:
    """The parser, with one flag per setting."""
    parser = _Parser(prog="python -m segcore", description="Unsupervised image segmentation.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    segment = commands.add_parser("segment", help="segment pictures and write label maps, overlays, spectra and settings")
    segment.add_argument(
        "pictures",
        nargs="+",
        type=named,
        metavar="PICTURE",
        help="pictures, folders of them, zips, or text files with a path per line",
    )
    segment.add_argument(
        "--out", type=named_path, required=True, metavar="DIR", help="folder for the results; made if missing"
    )
    add_device(segment)
    segment.add_argument(
        "--weights", type=named, metavar="FILE",
        help="a file of weights to use as the backbone; of `learn cutler` or `dinosaur`, without --method: its objects",
    )  # fmt: skip
    segment.add_argument("--resume", action="store_true", help="leave out what DIR holds already, made with these settings")
    add_overwrite(segment)
    add_engine(segment)
    add_settings(segment)
    segment.set_defaults(run=_segment)

    methods = commands.add_parser("methods", help="list the methods, their formulas, sources and settings")
    methods.add_argument("--json", action="store_true", help="print JSON")
    methods.add_argument(
        "--stages", nargs="*", metavar="METHOD",
        help="instead, list the stages of these methods, or of all: what each takes, which settings it reads, and its file",
    )  # fmt: skip
    methods.set_defaults(run=_methods)

    bench = commands.add_parser("bench", help="time the kernels and the pipeline against what users would run instead")
    add_device(bench)
    bench.add_argument("--json", type=named_path, metavar="FILE", help="write every repetition to this file")
    add_overwrite(bench)
    bench.add_argument("--only", metavar="NAME", help="rows whose group or name holds this word")
    bench.add_argument("--sweep", action="store_true", help="instead, show how time and memory grow with the patches")
    bench.add_argument("--stops", action="store_true", help="instead, show how much work goes on after a stop")
    bench.add_argument(
        "--page", action="store_true", help="instead, time the page in a browser, from a control to the screen"
    )
    bench.add_argument(
        "--hall",
        type=int,
        default=False,
        metavar="N",
        help="instead, time the page for one visitor alone and for N at the same moment",
    )
    bench.set_defaults(run=_bench)

    backbones = commands.add_parser("backbones", help="list the backbones and where their weights are")
    backbones.add_argument("--json", action="store_true", help="print JSON")
    backbones.set_defaults(run=_backbones)
    add_features(commands)
    add_evaluate(commands)
    add_pretrain(commands)
    add_head(commands)
    add_collection(commands)
    add_learn(commands)
    add_track(commands)
    add_steps(commands)
    add_lecture(commands)
    return parser


def _segment(parsed: argparse.Namespace) -> int:
    from segcore.cli.segment_objects import finds_objects, segment_objects

    if finds_objects(parsed):
        return segment_objects(parsed)
    from segcore.pipeline import Pipeline
    from segcore.runtime.outputs import check_outputs
    from segcore.runtime.progress import make_bar, say
    from segcore.show.files import make_folder, outputs_of

    settings, engine = settings_from(parsed), engine_from(parsed)
    pipeline = Pipeline(device=parsed.device)
    pictures, failed = listed(parsed.pictures, parsed.out)
    make_folder(parsed.out)
    pipeline.check(settings)
    outputs = [path for picture in pictures for path in outputs_of(parsed.out, picture.name)]
    check_outputs(outputs, (picture.path for picture in pictures), overwrite=parsed.overwrite)
    there = {picture for picture in pictures if parsed.resume and _is_there(picture, parsed.out, pipeline, settings)}
    if there:
        say(f"{len(there)} of {len(pictures)} pictures are there already.")
    missing = [picture for picture in pictures if picture not in there]
    work = partial(_segment_one, pipeline=pipeline, settings=settings, out=parsed.out)
    told, bar = set[str](), make_bar(total=len(missing), label="segment")
    try:
        for picture, done in engine.each(work, missing):
            try:
                result = done()
            except (SegcoreError, OSError) as error:
                # One bad picture must not cost the results of the others.
                say(f"error: {picture_shown(picture)}: {sentence_of(error)}", error=True)
                failed += 1
            else:
                _tell(picture_shown(picture), result, told)
            bar.update(1)
    finally:
        bar.close()
    return 2 if failed else 0


def _is_there(picture: "PictureFile", out: Path, pipeline: "Pipeline", settings: Settings) -> bool:
    """Whether the results of these settings are there, whole, and later than the picture; the summary is written last."""
    from segcore.show.files import outputs_of, summary_there

    found = summary_there(out, picture.name)
    try:
        is_later = outputs_of(out, picture.name)[-1].stat().st_mtime >= picture.path.stat().st_mtime
    except (OSError, ValueError):
        return False
    return is_later and found is not None and found.get("settings") == pipeline.resolve(settings).to_dict()


@dataclass(frozen=True, slots=True)
class _Done:
    """What is said of a picture whose files are written."""

    n_segments: int
    seconds: float
    notes: tuple[str, ...]
    of_backbone: frozenset[str]  # those of the notes that are the same for all pictures
    files: tuple[str, ...]


def _segment_one(picture: "PictureFile", *, pipeline: "Pipeline", settings: Settings, out: Path) -> _Done:
    """Segment a picture and write its files."""
    from segcore.show.files import write_files

    result = pipeline.run(picture, settings)
    return _Done(
        result.n_segments,
        sum(stage.seconds for stage in result.stages if not stage.cached),
        tuple(result.notes),
        frozenset(note for stage in result.stages if stage.name == "weights" for note in stage.notes),
        tuple(path.name for path in write_files(result, out, picture.name)),
    )


def _tell(picture: str, done: _Done, told: set[str]) -> None:
    """Say what came of a picture; notes on the backbone, which are the same for all of them, only if not told yet."""
    from segcore.runtime.progress import say

    for note in done.notes:
        if note not in done.of_backbone:
            say(f"note: {picture}: {note}", error=True)
        elif note not in told:
            say(f"note: {' '.join(note.splitlines())}", error=True)
            told.add(note)
    say(f"{picture}: {done.n_segments} segments, {done.seconds:.2f} s, {', '.join(done.files)}")


def _methods(parsed: argparse.Namespace) -> int:
    from segcore.pipeline.methods import METHODS
    from segcore.pipeline.stages import settings_read

    if parsed.stages is not None:
        print_stages(parsed.stages, as_json=parsed.json)
        return 0
    rows = []
    for key, method in METHODS.items():
        read = settings_read(DEFAULTS.replace(method=key))
        rows.append(
            {
                "method": key,
                "title": method.title,
                "formula": method.formula,
                "source": method.source,
                "settings": [f.name for f in dataclasses.fields(Settings) if f.name in read],
            }
        )
    _print_rows(rows, as_json=parsed.json)
    return 0


def _backbones(parsed: argparse.Namespace) -> int:
    from segcore.features import BACKBONES, weights_status

    rows = [
        {
            "backbone": name,
            "title": backbone.title,
            "patch": backbone.patch,
            "licence": backbone.licence,
            "weights": weights_status(backbone),
        }
        for name, backbone in BACKBONES.items()
    ]
    _print_rows(rows, as_json=parsed.json)
    return 0


def _bench(parsed: argparse.Namespace) -> int:
    from segcore.bench import report
    from segcore.bench.rows import run
    from segcore.runtime.device import pick_device

    tables: dict[str, Callable[[Any], int]] = {
        "sweep": _sweep,
        "page": _page,
        "hall": lambda _: _hall(parsed.hall),
        "stops": _stops,
    }
    asked = [name for name in tables if getattr(parsed, name) is not False]
    if asked and (parsed.only or parsed.json or len(asked) > 1):
        raise InputError(
            f"{', '.join('--' + name for name in tables)} each print a table of their own: ask for one of them, and leave "
            "--only and --json out.",
            field=asked[0],
        )
    check_json(parsed.json, overwrite=parsed.overwrite)
    device = pick_device(parsed.device)
    about = report.machine(device)
    print(report.machine_line(about))
    if asked:
        return tables[asked[0]](device)
    print(report.HEAD)
    rows = []
    for row in run(device, only=parsed.only):
        print(report.line(row), flush=True)
        rows.append(row)
    print(f"\nPeak memory of this process: {report.peak_memory_bytes() / 2**20:.0f} MiB")
    write_json(parsed.json, report.as_json(about, rows))
    wrong = [row.name for row in rows if any(note.startswith("WRONG") for note in row.notes)]
    if wrong:
        print(f"error: wrong answers in {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


def _sweep(device: Any) -> int:
    from segcore.bench import sweep

    print(sweep.HEAD)
    points = []
    for point in sweep.sweep(device):
        print(sweep.line(point), flush=True)
        points.append(point)
    fits = {"time of W": "graph_seconds", "time of the eigenpairs": "eigen_seconds", "peak memory": "peak_bytes"}
    print("\nGrowth from n = 900: " + ", ".join(f"{name} ∝ n^{sweep.exponent(points, q):.2f}" for name, q in fits.items()))
    return 0


def _page(_device: Any) -> int:
    from segcore.bench import page

    print(page.HEAD)
    for row in page.measure_page():
        print(page.line(row), flush=True)
    return 0


def _hall(visitors: int) -> int:
    from segcore.bench import hall

    print(hall.HEAD)
    lost = 0
    for row in hall.measure_hall(visitors):
        print(hall.line(row), *(f"Lost: {why}" for why in row["why"]), sep="\n", flush=True)
        lost += row["lost"]
    return 1 if lost else 0


def _stops(device: Any) -> int:
    from segcore.bench import stops

    print(stops.HEAD)
    for row in stops.measure_stops(device):
        print(stops.line(row), flush=True)
    return 0


def _print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for row in rows:
        (_, name), *facts = row.items()
        print(name)
        for key, value in facts:
            print(f"    {key}: {', '.join(value) if isinstance(value, list) else value}")
