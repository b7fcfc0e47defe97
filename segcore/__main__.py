"""`python -m segcore`."""

import os
import sys

from segcore.cli import main

os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # before torch, see app.py

sys.exit(main())
