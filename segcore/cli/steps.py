"""The command `steps`: a run of an algorithm, one step at a time, as a movie or a folder of pictures."""

import argparse
from typing import Any

from segcore.cli.flags import add_device, add_overwrite, add_settings, named, named_path, settings_from
from segcore.cli.page import page_module
from segcore.errors import InputError


def add_steps(commands: Any) -> None:
    """Add `steps`."""
    steps = commands.add_parser("steps", help="write a run of an algorithm as a movie, as the page Step by step plays it")
    steps.add_argument("algorithm", metavar="ALGORITHM", help="as in the address of /steps, such as kmeans")
    steps.add_argument(
        "picture", type=named, metavar="PICTURE", help="a picture, the name of an example, or of points such as stretched"
    )
    steps.add_argument(
        "--out", type=named_path, required=True, metavar="FILE",
        help=".gif, .webp or .mp4 (VP9), 720 lines, at most 10 MB; without an ending a folder for a PNG of each step",
    )  # fmt: skip
    steps.add_argument("--seconds", type=float, default=1.0, metavar="S", help="each step stands still, 0.1 to 10 (1)")
    steps.add_argument("--theme", default="light", metavar="NAME", help="light, dark or print (light)")
    steps.add_argument(
        "--sweep", metavar="NAME=A,B,…", help="instead of its steps, the last step for each value, such as n_segments=2,3,4"
    )
    steps.add_argument(
        "--n-points", type=int, default=150, metavar="N", help="drawn points, where there is no picture (150)"
    )
    steps.add_argument("--gamma", type=float, default=25.0, metavar="X", help="γ of the graph of points (25)")
    add_device(steps)
    add_overwrite(steps)
    add_settings(steps)
    steps.set_defaults(run=_steps)


def _steps(parsed: argparse.Namespace) -> int:
    film = page_module("demo.steps.run.film", "Steps are those of the page, which needs")
    settings, look = settings_from(parsed), film.Film(parsed.seconds, parsed.theme, _swept(parsed.sweep))
    numbers = {"n_points": parsed.n_points, "gamma": parsed.gamma}
    options = {"numbers": numbers, "device": parsed.device, "overwrite": parsed.overwrite}
    status: int = film.main(parsed.algorithm, parsed.picture, parsed.out, settings, look, **options)
    return status


def _swept(text: str | None) -> tuple[str, tuple[str, ...]] | None:
    if text is None:
        return None
    name, _, values = text.partition("=")
    listed = tuple(value.strip() for value in values.split(",") if value.strip())
    if not listed:
        raise InputError(f"--sweep is a setting and its values, such as n_segments=2,3,4; got {text}.", field="sweep")
    return name.strip().replace("-", "_"), listed
