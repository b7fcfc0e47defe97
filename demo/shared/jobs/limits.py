"""What a host grants to long jobs: fields become flags of `app.py` and variables of the environment."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from segcore.checks import check_range
from segcore.errors import InputError


def _limit(default: float, told: str, lo: float) -> Any:
    return field(default=default, metadata={"help": told, "lo": lo})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLimits:
    """What a host grants to long jobs.

    Raises:
        InputError: a number is below its least value.
    """

    at_once: int = _limit(1, "jobs that compute at the same time", 1)
    minutes: float = _limit(10.0, "minutes that a job may compute, each time it is started or goes on", 0.01)
    waiting: int = _limit(30, "jobs that may wait in line", 0)
    kept: int = _limit(24, "ended jobs whose results are kept in memory, the newest ones", 1)
    kept_minutes: float = _limit(60.0, "minutes that an ended job is kept after somebody last looked at it", 0.0)
    unseen_minutes: float = _limit(5.0, "minutes after which a job that no browser looks at is stopped", 0.01)

    def __post_init__(self) -> None:
        """Check the numbers."""
        for f in fields(self):
            check_range(f"jobs_{f.name}", getattr(self, f.name), lo=f.metadata["lo"])


def flag_of(name: str) -> str:
    """The flag of a field."""
    return f"--jobs-{name.replace('_', '-')}"


def variable_of(name: str) -> str:
    """The variable of the environment that a host sets where it cannot give flags, as on a Space."""
    return f"SEGCORE_JOBS_{name.upper()}"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Let a parser read every field."""
    group = parser.add_argument_group("long jobs", "what visitors may start on /learn, /collections and /tracking")
    for f in fields(JobLimits):
        group.add_argument(flag_of(f.name), type=type(f.default), metavar="N", help=f"{f.metadata['help']} ({f.default:g})")


def read_limits(given: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> JobLimits:
    """Take each field from the flags, else from the environment, else its default.

    Args:
        given: the parsed flags by name, such as `jobs_minutes`; None where one was not given.
        environment: variables by name.

    Raises:
        InputError: a number breaks its rule.
    """
    values: dict[str, Any] = {}
    for f in fields(JobLimits):
        flag, text = given.get(f"jobs_{f.name}"), environment.get(variable_of(f.name))
        if flag is not None:
            values[f.name] = flag
        elif text is not None:
            values[f.name] = _number(variable_of(f.name), text, type(f.default))
    return JobLimits(**values)


def _number(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise InputError(f"{name} must be a number; got {text[:40]!r}.", field=name) from None
