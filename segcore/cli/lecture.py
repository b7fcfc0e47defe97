"""The command `lecture check`: opens every line of the lectures, and says which of their claims are not true there."""

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from segcore.cli.flags import add_device
from segcore.errors import InputError
from segcore.runtime.places import ROOT


def add_lecture(commands: Any) -> None:
    """Add `lecture` with its command."""
    lecture = commands.add_parser("lecture", help="check that the lines of a lecture are true of the states that they open")
    kinds = lecture.add_subparsers(title="commands", required=True, metavar="COMMAND")
    check = kinds.add_parser("check", help="open every line, and evaluate its claim")
    check.add_argument("file", nargs="?", metavar="FILE", help="a sheet of your own (JSON); all of the app if left out")
    add_device(check)
    check.set_defaults(run=_check)


def _check(parsed: argparse.Namespace) -> int:
    if find_spec("gradio") is None or find_spec("plotly") is None:
        raise InputError("Lines open states of the page, which needs Gradio and Plotly: run pip install 'segcore[page]'.")
    sys.path.insert(0, str(ROOT))  # the page lies beside the package, or in it
    status: int = import_module("demo.claims").main(parsed.file, device=parsed.device)
    return status
