"""Flags that several commands share: one for each field of `Settings`, from the schema; and files of JSON."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from segcore.errors import InputError
from segcore.runtime.outputs import check_outputs, json_bytes, write_whole
from segcore.settings import CRF_PRESETS, Param, Schema, Settings, params

if TYPE_CHECKING:
    from segcore.runtime.engine import Engine

T = TypeVar("T", bound=Schema)


def named(text: str) -> str:
    """What a flag names, which an unset variable of a shell leaves empty: that would be the folder where one stands.

    Raises:
        ArgumentTypeError: it is empty.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("names nothing; is a variable of the shell unset?")
    return text


def named_path(text: str) -> Path:
    """The path that a flag names."""
    return Path(named(text))


def add_settings(parser: argparse.ArgumentParser, names: Sequence[str] = (), *, schema: type[Schema] = Settings) -> None:
    """Add a flag for each field of a schema, or for these fields only; for all of `Settings` also --crf-preset."""
    group, defaults = parser.add_argument_group("settings"), schema()
    for name, p in params(schema).items():
        if name in names or not names:
            _add_setting(group, name, p, getattr(defaults, name))
    if names or schema is not Settings:
        return
    group.add_argument("--crf-preset", choices=tuple(CRF_PRESETS), help="the CRF settings of a published system")


def settings_from(parsed: argparse.Namespace) -> Settings:
    """The settings that the flags say: the preset first, single flags over it."""
    given = _given(parsed, Settings)
    preset = CRF_PRESETS[parsed.crf_preset] if getattr(parsed, "crf_preset", None) else {}
    if getattr(parsed, "weights", None):
        check_backbone_file(parsed.weights)
        given["backbone"] = parsed.weights
    return Settings.from_values({**preset, **given})


def check_backbone_file(path: str) -> None:
    """Raise InputError where --weights names a head, which reads the features of a backbone and is none."""
    from segcore.train.file import HEAD, kind_of

    if kind_of(path) == HEAD:
        raise InputError(
            f"{path} is a head: a linear layer that labels patches by the features of a backbone. Use it with `head apply`, "
            "or with `collection segment --weights`.",
            field="weights",
        )


def schema_from(parsed: argparse.Namespace, schema: type[T]) -> T:
    """The values of another schema that the flags say."""
    return schema.from_values(_given(parsed, schema))


def _given(parsed: argparse.Namespace, schema: type[Schema]) -> dict[str, Any]:
    return {name: value for name in params(schema) if (value := getattr(parsed, name, None)) is not None}


def _add_setting(group: Any, name: str, p: Param, default: Any) -> None:
    flag = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        state = "on" if default else "off"
        group.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=f"{p.info} ({state})")
        return
    unit = f" {p.unit}" if p.unit else ""
    rule = ", ".join(p.choices) if p.choices else f"{p.lo:g} to {p.hi:g}{unit}"
    metavar = name.upper() if p.choices else p.symbol or ("N" if isinstance(default, int) else "X")
    info = f"{p.info} One of: {rule}." if p.choices else f"{p.info} {rule}."
    group.add_argument(flag, default=None, metavar=metavar, help=f"{info} ({default})".replace("%", "%%"))


def add_device(parser: argparse.ArgumentParser) -> None:
    """Add --device."""
    parser.add_argument("--device", default="auto", help="where to compute: cpu, cuda or auto (auto)")


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add --engine and --address: where the work on each picture is done."""
    parser.add_argument(
        "--engine", default="local", metavar="NAME", help="where pictures are worked on: local or ray (local)"
    )
    parser.add_argument("--address", metavar="ADDRESS", help="of a Ray cluster; without it, one is started on this machine")


def engine_from(parsed: argparse.Namespace) -> "Engine":
    """The engine that the flags name."""
    from segcore.runtime.engine import engine_of

    return engine_of(parsed.engine, parsed.address)


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add --overwrite."""
    parser.add_argument("--overwrite", action="store_true", help="also replace files that this program has not written")


def check_json(path: Path | None, *, overwrite: bool = False) -> None:
    """Refuse, before anything is computed, a file that cannot be written, or that somebody else wrote.

    Raises:
        InputError: its folder is missing or cannot be written, it is a folder, or it holds no scores of ours.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise InputError(f"Cannot write {path}: its folder is missing. Use another --json.", field="json")
    if path.is_dir():
        raise InputError(f"Cannot write {path}: it is a folder. Name a file in it.", field="json")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise InputError(f"Cannot write {path}: permission denied. Use another --json.", field="json")
    check_outputs([path], overwrite=overwrite, flag="--json")


def write_json(path: Path | None, value: Any) -> None:
    """Write a value as JSON, if there is a path.

    Raises:
        InputError: the file cannot be written.
    """
    if path is None:
        return
    try:
        write_whole(path, json_bytes(value))
    except OSError as error:
        raise InputError(f"Cannot write {path}: {error.strerror}. Use another --json.", field="json") from error
