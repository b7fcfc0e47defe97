"""`python -m segcore`."""

import os
import sys

from segcore.cli import main

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads make a shared machine far slower

sys.exit(main())
