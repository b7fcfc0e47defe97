"""The commands `collection segment` and `collection systems`."""

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from segcore.cli.flags import (
    add_device,
    add_engine,
    add_overwrite,
    add_settings,
    engine_from,
    named,
    named_path,
    settings_from,
)
from segcore.cli.table import shown
from segcore.errors import InputError
from segcore.runtime.outputs import check_outputs
from segcore.settings import CRF_PRESETS, Schema, Settings, params

if TYPE_CHECKING:
    from segcore.collection import Collection, CollectionSystem

FLAGS = ("backbone", "facet", "block", "max_side", "upsampling", "crf", "seed", *next(iter(CRF_PRESETS.values())))

EPILOG = "`python -m segcore collection systems` lists the systems with their settings."


def add_collection(commands: Any) -> None:
    """Add `collection segment` and `collection systems`."""
    collection = commands.add_parser("collection", help="the same segments across many pictures")
    kinds = collection.add_subparsers(title="commands", required=True, metavar="COMMAND")
    segment = kinds.add_parser("segment", help="group the patches of all pictures, and write label maps", epilog=EPILOG)
    segment.add_argument(
        "folder",
        nargs="+",
        type=named_path,
        metavar="FOLDER",
        help="folder of pictures, zip, text file with a path per line, or picture",
    )
    segment.add_argument(
        "--out", type=named_path, required=True, metavar="DIR", help="folder for the results; made if missing"
    )
    segment.add_argument("--system", default="kmeans", metavar="SYSTEM", help="its name (kmeans)")
    segment.add_argument(
        "--n-segments", type=int, metavar="K", help="number of groups; left out, the data choose, where the system can"
    )
    add_overwrite(segment)
    add_common(segment, _segment)
    kinds.add_parser("systems", help="list the systems with their settings").set_defaults(run=_systems)


def add_common(parser: argparse.ArgumentParser, run: Any) -> None:
    """Add the flags of everything that is done with a collection."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="own",
        help="a setting of the system; repeat it for more",
    )
    parser.add_argument(
        "--store",
        type=named_path,
        metavar="DIR",
        help="where features are kept (SEGCORE_FEATURES_DIR, else the user's cache)",
    )
    parser.add_argument(
        "--weights", type=named, metavar="FILE", help="what `learn` or `head train` wrote, as the system; or a backbone"
    )
    add_device(parser)
    add_engine(parser)
    add_settings(parser, FLAGS)
    parser.set_defaults(run=run)


def _systems(_parsed: argparse.Namespace) -> int:
    from segcore.collection import SYSTEMS

    for name, system in SYSTEMS.items():
        print(f"{name}: {system.summary} {system.source}.")
        for key, value in system.reads.items():
            print(f"    {key}={value}  How it reads features, where --{key.replace('_', '-')} does not say it.")
        defaults = system.settings()
        for key, p in params(system.settings).items():
            rule = ", ".join(p.choices) if p.choices else f"{p.bounds[0]:g} to {p.bounds[1]:g}"
            print(f"    {key}={getattr(defaults, key)}  {p.info}" + ("" if p.lo is None and not p.choices else f" {rule}."))
    return 0


def own_settings(system: "CollectionSystem", given: Sequence[str]) -> Schema:
    """The settings of a system from NAME=VALUE words.

    Raises:
        InputError: a word has no "=", or breaks a rule of the system's settings.
    """
    if given and not params(system.settings):
        raise InputError(f"{system.title} has no settings of its own; leave --set out.", field="set")
    for word in given:
        if "=" not in word:
            raise InputError(f"--set takes NAME=VALUE, such as --set n_init=5; got {word!r}.", field="set")
    return system.settings.from_values(dict(word.split("=", 1) for word in given))


def _segment(parsed: argparse.Namespace) -> int:
    from segcore.collection import group, pictures_of, system_of
    from segcore.collection.export import clusters, outputs_of, write_grouping
    from segcore.show.files import make_folder

    system = system_in(parsed) or system_of(parsed.system)
    settings = settings_for(parsed, system)
    own = own_settings(system, parsed.own)
    pictures = pictures_of(parsed.folder, without=parsed.out)
    make_folder(parsed.out)
    check_outputs(outputs_of(pictures, parsed.out), (p.path for p in pictures), overwrite=parsed.overwrite)
    collection = collected(parsed, pictures, settings)
    settings = collection.settings
    grouping = shown(group(collection, system, n_groups=parsed.n_segments, seed=settings.seed, settings=own))
    about = clusters(collection, grouping, settings, own.to_dict(), settings.seed)
    shown(write_grouping(collection, grouping, settings, parsed.out, about=about, engine=engine_from(parsed)))
    for note in grouping.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"{len(collection)} pictures, {grouping.n_groups} groups: {parsed.out}")
    return told_failed(collection)


def system_in(parsed: argparse.Namespace) -> "CollectionSystem | None":
    """What was trained, as a system, where --weights names such a file; else None."""
    from segcore.collection.systems.trained import system_of_file

    return system_of_file(parsed.weights) if _names_trained(parsed) else None


def settings_for(parsed: argparse.Namespace, system: "CollectionSystem") -> Settings:
    """The settings; where the command line leaves it open, features are read as is best for the system."""
    given = vars(parsed)
    reads = {name: value for name, value in system.reads.items() if given[name] is None}
    backbone = None if _names_trained(parsed) else parsed.weights
    return settings_from(argparse.Namespace(**{**given, **reads, "weights": backbone}))


def _names_trained(parsed: argparse.Namespace) -> bool:
    from segcore.train.file import kind_of

    return bool(parsed.weights and kind_of(parsed.weights))


def collected(
    parsed: argparse.Namespace, pictures: Sequence[Any], settings: Settings, *, untrained: int | None = None
) -> "Collection":
    """The pictures with their features, behind a bar; `untrained` is a seed of random weights in the backbone's place."""
    from segcore.collection import Store, collect, default_store, open_reader

    reader = open_reader(settings, device=parsed.device, untrained=untrained)
    for note in reader.notes:
        print(f"note: {' '.join(note.splitlines())}", file=sys.stderr)
    return shown(collect(pictures, reader, Store(parsed.store or default_store()), engine=engine_from(parsed)))


def told_failed(collection: "Collection") -> int:
    """Say which pictures could not be read; the exit status."""
    for name, reason in collection.failed.items():
        print(f"error: {name}: {reason}", file=sys.stderr)
    return 2 if collection.failed else 0
