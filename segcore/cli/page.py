"""`segcore-page`: the page of an installed package, `app.py` with all of its flags; and its modules for commands."""

import runpy
import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from segcore.errors import InputError
from segcore.runtime.places import APP, ROOT


def page_module(name: str, needs: str) -> Any:
    """A module of the page, which lies beside the package, or in it.

    Args:
        name: such as "demo.claims".
        needs: begins the sentence that says why, such as "Lines open states of the page, which needs".

    Raises:
        InputError: what the page needs is not installed.
    """
    _find_page(needs)
    return import_module(name)


def _find_page(needs: str) -> None:
    if find_spec("gradio") is None or find_spec("plotly") is None:
        raise InputError(f"{needs} Gradio and Plotly: run pip install 'segcore[page]'.")
    sys.path.insert(0, str(ROOT))


def main() -> None:
    """Run `app.py` as a program, with the arguments of this one."""
    try:
        _find_page("The page needs")
    except InputError as error:
        sys.exit(f"error: {error}")
    runpy.run_path(str(APP), run_name="__main__")


if __name__ == "__main__":
    main()
