"""`python -m segcore methods --stages [METHOD…]`: what runs between a picture and its segments, and where it is written."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from segcore.checks import check_choice
from segcore.settings import DEFAULTS

if TYPE_CHECKING:
    from segcore.pipeline.stages import Described


def print_stages(methods: Sequence[str], *, as_json: bool) -> None:
    """Print the stages of these methods, of all if there are none.

    Raises:
        InputError: there is no method of such a name.
    """
    from segcore.pipeline.methods import METHODS
    from segcore.pipeline.stages import described

    for name in methods:
        check_choice("method", name, tuple(METHODS))
    found = {name: described(DEFAULTS.replace(method=name)) for name in methods or METHODS}
    if as_json:
        rows = [{"method": name, "stages": [_row(stage) for stage in stages]} for name, stages in found.items()]
        print(json.dumps(rows, indent=2))
        return
    for name, stages in found.items():
        print(name)
        for line in _lines(stages):
            print(f"    {line}")


def _row(stage: "Described") -> dict[str, str | list[str]]:
    return {
        "stage": stage.name,
        "takes": list(stage.takes),
        "settings": list(stage.settings),
        "switch": stage.switch,
        "place": stage.place,
    }


def _lines(stages: Sequence["Described"]) -> Iterator[str]:
    titles = [f"{stage.name} (--{stage.switch.replace('_', '-')})" if stage.switch else stage.name for stage in stages]
    wide, far = max(map(len, titles)), max(len(stage.place) for stage in stages)
    for title, stage in zip(titles, stages, strict=True):
        words = (("takes", stage.takes), ("reads", stage.settings))
        does = "; ".join(f"{verb} {', '.join(names)}" for verb, names in words if names)
        yield f"{title:{wide}}  {stage.place:{far}}  {does}"
