"""The commands `lecture check`, which says what claims of lines are not true of their states, and `lecture pictures`."""

import argparse
from typing import Any

from segcore.cli.flags import add_device, add_overwrite, named, named_path
from segcore.cli.page import page_module


def add_lecture(commands: Any) -> None:
    """Add `lecture` with its command."""
    lecture = commands.add_parser("lecture", help="check that the lines of a lecture are true of the states that they open")
    kinds = lecture.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = kinds.add_parser("check", help="open every line, and evaluate its claim")
    check.add_argument("file", nargs="?", metavar="FILE", help="a sheet of your own (JSON); all of the app if left out")
    add_device(check)
    check.set_defaults(run=_check)
    pictures = kinds.add_parser("pictures", help="open every line in a browser, and write a still of what it shows")
    pictures.add_argument("file", type=named, metavar="FILE", help="a lecture (NAME.lecture.zip), or a sheet (JSON)")
    pictures.add_argument(
        "--out",
        type=named_path,
        required=True,
        metavar="DIR",
        help="folder for 001.jpg and so on, by the number of the line",
    )
    add_device(pictures)
    add_overwrite(pictures)
    pictures.set_defaults(run=_pictures)


def _check(parsed: argparse.Namespace) -> int:
    claims = page_module("demo.claims", "Lines open states of the page, which needs")
    status: int = claims.main(parsed.file, device=parsed.device)
    return status


def _pictures(parsed: argparse.Namespace) -> int:
    stills = page_module("demo.stills", "Stills are of states of the page, which needs")
    status: int = stills.main(parsed.file, parsed.out, device=parsed.device, overwrite=parsed.overwrite)
    return status
