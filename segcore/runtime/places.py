"""Where the files beside the code are: weights, examples, styles and documents.

A checkout has them at its root; an installed package holds the same tree in its folder `bundle`, page included.
"""

from pathlib import Path

_BUNDLE = Path(__file__).parents[1] / "bundle"

ROOT = _BUNDLE if _BUNDLE.is_dir() else Path(__file__).parents[2]
ASSETS = ROOT / "assets"
EXAMPLES = ASSETS / "examples"
DOCS = ROOT / "docs"
APP = ROOT / "app.py"
