"""The command `learn`."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.cli.flags import add_device, add_overwrite, add_settings, named, named_path, schema_from
from segcore.errors import InputError
from segcore.learn.ablations import ABLATIONS, STEPS
from segcore.learn.catalog import CATALOG
from segcore.runtime.outputs import check_outputs

if TYPE_CHECKING:
    from segcore.learn import LearningSystem, Pictures

_N_SEGMENTS = 6
_REPEATABLE = tuple(name for name, row in ABLATIONS.items() if row.repeatable)
_ONLY_TO_SCORE = "label maps, only to score the result with"


def add_learn(commands: Any) -> None:
    """Add `learn`, with a command for each system."""
    learn = commands.add_parser("learn", help="train a system that segments: on pictures alone, or a network with labels")
    systems = learn.add_subparsers(title="systems", required=True, metavar="SYSTEM")
    _add_ablations(systems)
    for name, card in CATALOG.items():
        one = systems.add_parser(name, help=f"{card.title}: {card.summary}")
        one.add_argument(
            "pictures",
            nargs="+",
            type=named,
            metavar="FOLDER",
            help="pictures: folders, zips, or lists; or the name of a drawn collection, such as stuff6",
        )
        one.add_argument(
            "--out", type=named_path, required=True, metavar="FILE", help="where the network goes (.safetensors)"
        )
        if not card.labelled and card.own_k is None:
            one.add_argument("--n-segments", type=int, metavar="K", help="clusters (as many as classes, else 6)")
        one.add_argument("--minutes", type=float, metavar="M", help="how long to train, over all runs with --resume (10)")
        one.add_argument("--steps", type=int, metavar="N", help="train for so many steps instead: repeatable to the bit")
        one.add_argument("--seed", type=int, default=0, help="start of the random numbers (0)")
        one.add_argument("--resume", action="store_true", help="go on from FILE's checkpoint where there is one")
        add_overwrite(one)
        add_device(one)
        use = "label maps to learn from; drawn collections have their own" if card.labelled else _ONLY_TO_SCORE
        one.add_argument("--labels", type=named_path, metavar="DIR", help=use)
        if card.labelled:
            one.add_argument("--names", default="", metavar="LIST", help="names of the labels, ascending, with commas")
            _add_record(one)
        one.add_argument("--ignore", type=int, metavar="V", help="label that does not count")
        add_settings(one, schema=card.settings)
        one.set_defaults(run=_learn, system=name)


def _add_ablations(systems: Any) -> None:
    rows = systems.add_parser("ablations", help="record the runs that the page shows: networks that differ in one choice")
    rows.add_argument(
        "--out", type=named_path, required=True, metavar="DIR", help="an existing folder; what lies there stays"
    )
    rows.add_argument("--only", choices=_REPEATABLE, help="one row of runs")
    rows.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"of each run ({STEPS})")
    rows.add_argument("--seed", type=int, default=0, help="start of the random numbers (0)")
    rows.set_defaults(run=_ablations)


def _ablations(parsed: argparse.Namespace) -> int:
    from segcore.evaluate.record import load_record, record_ablation

    if not parsed.out.is_dir():
        raise InputError(f"There is no folder {parsed.out}. Make it first.", field="out")
    for name in (parsed.only,) if parsed.only else _REPEATABLE:
        for path in record_ablation(name, parsed.out, seed=parsed.seed, steps=parsed.steps):
            last = load_record(path).scores[-1]
            print(f"{path}: {last.step} steps, mIoU {last.miou:.3f}, boundary F {last.boundary_f:.3f}.", flush=True)
    return 0


def _add_record(one: argparse.ArgumentParser) -> None:
    record = one.add_argument_group("to record the run, for the page to show")
    record.add_argument("--record", type=named_path, metavar="FILE", help="where losses, scores and answers go (.run.json)")
    record.add_argument(
        "--score-images", type=named_path, metavar="DIR", help="score on these; a drawn collection has its own"
    )
    record.add_argument("--score-labels", type=named_path, metavar="DIR", help="their label maps")
    record.add_argument(
        "--no-pictures", action="store_true", help="record scores and answers only, where pictures may not be passed on"
    )


def _learn(parsed: argparse.Namespace) -> int:
    from segcore.evaluate.record import save_record
    from segcore.learn import MINUTES, learn, score_baselines
    from segcore.runtime.progress import say

    if parsed.minutes is not None and parsed.steps is not None:
        raise InputError("Give either --minutes or --steps, not both.", field="minutes")
    recorded = getattr(parsed, "record", None)
    if recorded is not None and parsed.resume:
        raise InputError("A recorded run is one from its start. Leave out --resume or --record.", field="record")
    check_outputs([path for path in (parsed.out, recorded) if path is not None], overwrite=parsed.overwrite)
    card = CATALOG[parsed.system]
    settings = schema_from(parsed, card.settings)
    pictures, skipped = _pictures(parsed, settings.side)
    if skipped:
        say(f"Not read: {len(skipped)} files, such as {', '.join(skipped[:5])}.", error=True)
    if card.labelled:
        pictures = _with_names(pictures, parsed.names)
        say(_told_before(card, settings, pictures))
    recorder = None if recorded is None else _recorder(parsed, settings, pictures)
    done = learn(
        parsed.system,
        pictures,
        parsed.out,
        n_segments=card.own_k or getattr(parsed, "n_segments", None) or len(pictures.classes) or _N_SEGMENTS,
        settings=settings,
        minutes=parsed.minutes if parsed.minutes is not None else MINUTES,
        steps=parsed.steps,
        seed=parsed.seed,
        device=parsed.device,
        resume=parsed.resume,
        show_progress=True,
        on_state=None if recorder is None else recorder.watch,
    )
    if recorder is not None and recorded is not None:
        save_record(recorder.record(), recorded)
        print(f"{recorded}: the recorded run.")
    facts = done.learned.training
    print(f"{done.path}: {facts['steps']} steps on {facts['pictures']} pictures, {facts['seconds'] / 60:.1f} min.")
    if done.scores is not None:
        print(f"Pixel accuracy {done.scores.accuracy:.1%}, mIoU {done.scores.miou:.1%} of {len(pictures.classes)} classes.")
        others = score_baselines(pictures, pictures, n_segments=done.learned.n_segments, seed=parsed.seed)
        told = [f"{name} {scores.accuracy:.1%}, {scores.miou:.1%}" for name, scores in others.items()]
        print(f"What learned nothing, on the same pictures: {'; '.join(told)}.")
    if card.labelled:
        print(f"Measure it: python -m segcore evaluate classes --images DIR --labels DIR --weights {done.path}")
    if card.finds_objects:
        print(f"Measure it: python -m segcore evaluate instances --images DIR --masks DIR --weights {done.path}")
    own = "" if card.finds_objects else " --method network"
    print(f"Use it: python -m segcore segment PICTURE --out DIR --weights {done.path}{own}")
    return 0


def _recorder(parsed: argparse.Namespace, settings: Any, pictures: "Pictures") -> Any:
    """What watches the run: it scores on pictures of their own."""
    from segcore.drawn.named import DRAWN
    from segcore.evaluate.record import N_DRAWN, Recorder
    from segcore.learn import load_pictures

    first = parsed.pictures[0]
    if _is_drawn(parsed):
        scored = DRAWN[first](n=N_DRAWN, seed=1)
        about = {"learned_from": f"{len(pictures)} drawn pictures, {first}", "scored_on": f"{N_DRAWN} others"}
    else:
        if parsed.score_images is None or parsed.score_labels is None:
            raise InputError(
                "A recorded run is scored on pictures of their own: --score-images and --score-labels.", field="record"
            )
        scored, _ = load_pictures(
            [parsed.score_images], side=settings.side, labels=parsed.score_labels, ignore=parsed.ignore
        )
        scored = _with_names(scored, parsed.names)
        about = {
            "learned_from": f"{len(pictures)} pictures of {Path(first).name}",
            "scored_on": f"{len(scored)} of {parsed.score_images.name}",
        }
        if scored.values != pictures.values:
            raise InputError("The label maps to score on hold other labels than those to learn from.", field="score_labels")
    return Recorder(scored, parsed.system, settings, seed=parsed.seed, shows=not parsed.no_pictures, **about)


def _is_drawn(parsed: argparse.Namespace) -> bool:
    """Whether the pictures are a drawn collection, by its name."""
    from segcore.drawn.named import DRAWN

    return len(parsed.pictures) == 1 and parsed.pictures[0] in DRAWN and not Path(parsed.pictures[0]).is_dir()


def _with_names(pictures: "Pictures", given: str) -> "Pictures":
    """The pictures, with the names that --names gives to their classes.

    Raises:
        InputError: there are not as many.
    """
    names = tuple(name.strip() for name in given.split(",") if name.strip())
    if names and len(names) != len(pictures.classes):
        raise InputError(
            f"--names must name each of the {len(pictures.classes)} labels; got {len(names)}: {', '.join(names)}.",
            field="names",
        )
    return replace(pictures, classes=names or pictures.classes)


def _told_before(card: "LearningSystem", settings: Any, pictures: "Pictures") -> str:
    """What is known of a network before it learns, in a line."""
    from segcore.learn.pictures import scaled
    from segcore.nets.facts import facts_of

    if not pictures.classes:
        return f"{card.title}: no label maps."
    height, width = scaled(pictures.images[0], settings.side).shape[:2]
    facts = facts_of(card.make_net(len(pictures.classes), settings), height, width)
    return (
        f"{card.title}, {len(pictures.classes)} classes, {width} × {height} px: {facts.parameters:,} parameters, "
        f"{facts.multiply_adds / 1e9:.2f} G multiply-adds, sees {facts.field[1]} × {facts.field[0]} px, "
        f"{1000 * facts.seconds:.0f} ms a picture."
    )


def _pictures(parsed: argparse.Namespace, side: int) -> Any:
    from segcore.drawn.named import DRAWN
    from segcore.learn import load_pictures

    if _is_drawn(parsed):
        return DRAWN[parsed.pictures[0]](), ()
    return load_pictures([Path(path) for path in parsed.pictures], side=side, labels=parsed.labels, ignore=parsed.ignore)
