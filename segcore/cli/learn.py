"""The command `learn`."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segcore.cli.flags import add_device, add_overwrite, add_settings, named, named_path, schema_from
from segcore.errors import InputError
from segcore.learn.catalog import CATALOG
from segcore.runtime.outputs import check_outputs

if TYPE_CHECKING:
    from segcore.learn import LearningSystem, Pictures

_N_SEGMENTS = 6
_ONLY_TO_SCORE = "label maps, only to score the result with"


def add_learn(commands: Any) -> None:
    """Add `learn`, with a command for each system."""
    learn = commands.add_parser("learn", help="train a system that segments: on pictures alone, or a network with labels")
    systems = learn.add_subparsers(title="systems", required=True, metavar="SYSTEM")
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
        one.add_argument("--ignore", type=int, metavar="V", help="label that does not count")
        add_settings(one, schema=card.settings)
        one.set_defaults(run=_learn, system=name)


def _learn(parsed: argparse.Namespace) -> int:
    from segcore.learn import MINUTES, learn, score_baselines
    from segcore.runtime.progress import say

    if parsed.minutes is not None and parsed.steps is not None:
        raise InputError("Give either --minutes or --steps, not both.", field="minutes")
    check_outputs([parsed.out], overwrite=parsed.overwrite)
    card = CATALOG[parsed.system]
    settings = schema_from(parsed, card.settings)
    pictures, skipped = _pictures(parsed, settings.side)
    if skipped:
        say(f"Not read: {len(skipped)} files, such as {', '.join(skipped[:5])}.", error=True)
    if card.labelled:
        pictures = _with_names(pictures, parsed.names)
        say(_told_before(card, settings, pictures))
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
    )
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
    print(f"Use it: python -m segcore segment PICTURE --out DIR --weights {done.path}")
    return 0


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

    first = parsed.pictures[0]
    if len(parsed.pictures) == 1 and first in DRAWN and not Path(first).is_dir():
        return DRAWN[first](), ()
    return load_pictures([Path(path) for path in parsed.pictures], side=side, labels=parsed.labels, ignore=parsed.ignore)
