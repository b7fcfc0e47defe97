"""`python -m segcore`."""

import sys

from segcore.cli import main
from segcore.environment import prepare

for stream in (sys.stdout, sys.stderr):
    stream.reconfigure(errors="replace")  # a pipe or an old console may know no Greek
prepare()
sys.exit(main())
