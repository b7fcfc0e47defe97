"""`segcore-page`: the page of an installed package, which is `app.py` with all of its flags."""

import runpy
import sys
from importlib.util import find_spec

from segcore.runtime.places import APP, ROOT


def main() -> None:
    """Run `app.py` as a program, with the arguments of this one."""
    if find_spec("gradio") is None or find_spec("plotly") is None:
        sys.exit("error: The page needs Gradio and Plotly, which come with it: run pip install 'segcore[page]'.")
    sys.path.insert(0, str(ROOT))
    runpy.run_path(str(APP), run_name="__main__")


if __name__ == "__main__":
    main()
