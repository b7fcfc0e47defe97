"""`segcore` and `python -m segcore`."""

import io
import sys

from segcore.cli.commands import main
from segcore.runtime.environment import prepare


def run() -> None:
    """Run the command line as a program, and leave with its status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a pipe or an old console may know no Greek
    prepare()
    sys.exit(main())


if __name__ == "__main__":
    run()
