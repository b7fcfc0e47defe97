"""What is inside a network with labels: its maps along the way, their channels, and what a place depends on."""

from collections.abc import Callable
from typing import Any, cast

from torch import Tensor

from demo.learn import texts
from demo.learn.board import Stage
from demo.learn.show import percent
from demo.shared.errors import sentence_of
from demo.shared.jobs import Jobs
from segcore.errors import SegcoreError
from segcore.learn import Learned
from segcore.learn.learned import pixels_of
from segcore.learn.pictures import scaled
from segcore.nets.facts import field_of
from segcore.nets.labelled import LabelledNet
from segcore.nets.maps import StageMap, maps_along, sensitivity
from segcore.show.files import data_uri, pack_floats, png

MOST_CHANNELS = 16  # of a map, the first ones


def along(learned: Learned, image: Tensor) -> list[Stage]:
    """The maps of a network of a picture (height, width, 3) uint8."""
    return [_stage(found) for found in _maps(learned, image)]


def _maps(learned: Learned, image: Tensor) -> tuple[StageMap, ...]:
    return maps_along(_net(learned), pixels_of(scaled(image, learned.settings.side), learned.device))


def _net(learned: Learned) -> LabelledNet:
    return cast("LabelledNet", learned.net)


def _stage(found: StageMap) -> Stage:
    c, h, w = found.map.shape
    return {"name": found.name, "size": (w, h), "channels": c, "image": data_uri(png(found.picture()))}


def network_functions(jobs: Jobs) -> list[Callable[[Any], Any]]:
    """What the board asks the server about the network of a run; it takes what a browser sends, and never raises."""

    def channels(asked: Any) -> dict[str, Any]:
        def told(left: Any) -> dict[str, Any]:
            found = next(m for m in _maps(left.learned, left.shown.images[0]) if m.name == asked["stage"])
            n = len(found.map)
            shown = [data_uri(png(found.picture(i))) for i in range(min(n, MOST_CHANNELS))]
            return {"images": shown, "told": texts.CHANNELS.format(name=found.name, n=len(shown), of=n)}

        return told_of(jobs, asked, told)

    def field(asked: Any) -> dict[str, Any]:
        def told(left: Any) -> dict[str, Any]:
            learned = left.learned
            small = scaled(left.shown.images[0], learned.settings.side)
            height, width = small.shape[:2]
            at = (_within(asked["y"], height), _within(asked["x"], width))
            top, left, bottom, right = field_of(learned.net, height, width, at)
            heat = sensitivity(_net(learned), pixels_of(small, learned.device), at)
            sentence = texts.FIELD_FROZEN if heat is None else texts.FIELD
            return {
                "box": [left / width, top / height, right / width, bottom / height],
                "heat": None if heat is None else pack_floats(heat / heat.max().clamp_min(1e-12)),
                "size": [width, height],
                "told": sentence.format(
                    width=right - left,
                    height=bottom - top,
                    of=f"{width} × {height}",
                    share=_share(heat, at, bottom - top, right - left),
                ),
            }

        return told_of(jobs, asked, told)

    return [channels, field]


def _share(heat: Tensor | None, at: tuple[int, int], height: int, width: int) -> str:
    """What part of a gradient lies within a quarter of the frame's area around a place."""
    if heat is None:
        return ""
    (y, x), dy, dx = at, height // 4, width // 4
    middle = heat[max(0, y - dy) : y + dy + 1, max(0, x - dx) : x + dx + 1].sum()
    return percent(float(middle / heat.sum().clamp_min(1e-12)))


def _within(share: Any, n: int) -> int:
    return min(max(int(float(share) * n), 0), n - 1)


def told_of(jobs: Jobs, asked: Any, tell: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """What is told of what a run left last, `Left`, or one sentence."""
    left = jobs.left(asked["id"]) if isinstance(asked, dict) and isinstance(asked.get("id"), str) else None
    if left is None:
        return {"told": texts.NOT_YET}
    try:
        return tell(left)
    except SegcoreError as error:
        return {"told": sentence_of(error)}
    except (StopIteration, IndexError, KeyError, TypeError, ValueError):
        return {"told": texts.NOT_SO}
    except Exception as error:  # noqa: BLE001 - whatever it is, the visitor hears one sentence
        return {"told": sentence_of(error)}
