"""`python -m segcore`."""

import sys

from segcore.cli import main
from segcore.environment import prepare

prepare()
sys.exit(main())
