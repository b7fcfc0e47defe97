"""The command `lecture check`: opens every line of the lectures, and says which of their claims are not true there."""

import argparse
from typing import Any

from segcore.cli.flags import add_device
from segcore.cli.page import page_module


def add_lecture(commands: Any) -> None:
    """Add `lecture` with its command."""
    lecture = commands.add_parser("lecture", help="check that the lines of a lecture are true of the states that they open")
    kinds = lecture.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = kinds.add_parser("check", help="open every line, and evaluate its claim")
    check.add_argument("file", nargs="?", metavar="FILE", help="a sheet of your own (JSON); all of the app if left out")
    add_device(check)
    check.set_defaults(run=_check)


def _check(parsed: argparse.Namespace) -> int:
    claims = page_module("demo.claims", "Lines open states of the page, which needs")
    status: int = claims.main(parsed.file, device=parsed.device)
    return status
