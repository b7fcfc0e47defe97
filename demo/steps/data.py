"""What an algorithm runs on: the patches of a picture, or points in the plane."""

import base64
import binascii
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from demo.shared.service import Service
from demo.steps import texts
from demo.steps.asked import OWN, PICTURE, Asked
from segcore.cluster.gmm import principal_axes
from segcore.drawn.points import MOST_POINTS, gaussian_affinity, toy_points
from segcore.errors import InputError
from segcore.pipeline.stages import plan, signature
from segcore.runtime.device import make_generator
from segcore.show.paint import shrunk_size
from segcore.types import NOT_YET

FEWEST_POINTS = 3


@dataclass(frozen=True, eq=False)
class Data:
    """Rows with a place on the screen."""

    asked: Asked
    title: str
    X: Tensor  # (n, d)
    groups: Tensor | None = None  # (n,) what points were drawn from
    h: int = 0  # rows and columns of the grid, where the rows are patches
    w: int = 0
    shown: dict[str, Any] = field(default_factory=dict)  # picture, aspect, alt: where the rows are patches
    service: Service = NOT_YET  # where they are patches

    @property
    def is_picture(self) -> bool:
        """Whether the rows are patches of a picture."""
        return self.asked.data == PICTURE

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def word(self) -> str:
        """What a row is called."""
        return "patch" if self.is_picture else "point"

    @property
    def words(self) -> str:
        """The same of several."""
        return "patches" if self.is_picture else "points"

    def name(self, i: int) -> str:
        """A row in words, counted from 1."""
        if self.is_picture:
            return f"the patch in row {i // self.w + 1}, column {i % self.w + 1}"
        return f"point {i + 1}"

    @cached_property
    def _axes(self) -> tuple[Tensor, float]:
        return principal_axes(self.X, n_dims=2)

    def project(self, Y: Tensor) -> Tensor:
        """Places (m, 2) in the scatter plot of rows (m, d)."""
        if not self.is_picture:
            return Y.double()
        places = (Y - self.X.mean(0)).double() @ self._axes[0]
        return torch.nn.functional.pad(places, (0, 2 - places.shape[1]))

    @cached_property
    def xy(self) -> Tensor:
        """(n, 2) places of the rows in the scatter plot."""
        return self.project(self.X)

    @property
    def plane(self) -> str:
        """What the scatter plot shows."""
        return texts.PLANE_PCA.format(share=self._axes[1]) if self.is_picture else texts.PLANE_POINTS

    def value(self, *stages: str) -> Any:
        """Values of stages of the pipeline for the picture; of one of them, the value itself."""
        found = self.service.pipeline.values(self.asked.picture, self.asked.settings, *stages)
        return found[stages[0]] if len(stages) == 1 else found

    @cached_property
    def W(self) -> Tensor:
        """(n, n) the graph that is cut.

        Raises:
            InputError: it does not fit into memory.
        """
        if not self.is_picture:
            return gaussian_affinity(self.X, gamma=self.asked.gamma)
        W = self.value("affinity").W
        if not isinstance(W, Tensor):
            raise InputError(texts.W_TOO_LARGE, field="max_side")
        return W

    def code(self, *, graph: bool = False) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Python that makes `X`, and `W` where a graph is asked for: lines that import, and lines after them."""
        if self.is_picture:
            return _picture_code(self.asked, graph=graph)
        imports, lines = _points_code(self.asked)
        if not graph:
            return imports, lines
        line = f"W = gaussian_affinity(X, gamma={self.asked.gamma:g})"
        return (*imports, "from segcore.drawn.points import gaussian_affinity"), (*lines, line)


def load(service: Service, asked: Asked) -> Data:
    """Make the data.

    Raises:
        InputError: the picture or the points cannot be used.
    """
    if asked.data == OWN:
        return Data(asked, texts.DATA[OWN], unpacked_points(asked.points))
    if asked.data != PICTURE:
        generator = make_generator(asked.settings.seed)
        points, groups = toy_points(asked.data, n=asked.n_points, generator=generator)
        return Data(asked, texts.DATA[asked.data], points, groups)
    image, digest = service.pipeline.picture(asked.picture)
    features = service.pipeline.values(asked.picture, asked.settings, "features")["features"]
    g = features.geometry
    width, height = shrunk_size(g.image_size)[::-1]
    shown = {
        "picture": service.display_picture(image, digest),
        "aspect": list(g.covered),
        "ratio": width / height,
        "alt": service.title_of(asked.picture),
    }
    return Data(asked, service.title_of(asked.picture), features.X, None, g.h, g.w, shown, service)


def unpacked_points(text: str) -> Tensor:
    """(n, 2) float64 in [−1, 1] from URL-safe base64 of a byte for each x and y.

    Raises:
        InputError: it is no such text, or there are too few or too many points.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except (binascii.Error, ValueError):
        raise InputError(texts.POINTS_DAMAGED, field="points") from None
    n, odd = divmod(len(raw), 2)
    if odd:
        raise InputError(texts.POINTS_DAMAGED, field="points")
    if not FEWEST_POINTS <= n <= MOST_POINTS:
        raise InputError(texts.POINTS_COUNT.format(fewest=FEWEST_POINTS, most=MOST_POINTS, n=n), field="points")
    return torch.tensor(list(raw), dtype=torch.float64).reshape(n, 2) / 127.5 - 1


def packed_points(points: Tensor) -> str:
    """The text that `unpacked_points` reads; coordinates are rounded to 1/127.5."""
    levels = ((points + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return base64.urlsafe_b64encode(bytes(levels.flatten().tolist())).decode("ascii").rstrip("=")


def _points_code(asked: Asked) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if asked.data == OWN:
        pairs = ", ".join(f"[{x:.5f}, {y:.5f}]" for x, y in unpacked_points(asked.points).tolist())
        return ("import torch",), (f"X = torch.tensor([{pairs}], dtype=torch.float64)",)
    call = f'X, groups = toy_points("{asked.data}", n={asked.n_points}, generator=make_generator({asked.settings.seed}))'
    return ("from segcore.runtime.device import make_generator", "from segcore.drawn.points import toy_points"), (call,)


def _picture_code(asked: Asked, *, graph: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    stages = ("features", "affinity") if graph else ("features",)
    read = {name for run in plan(asked.settings, stages).values() for name in signature(run)[1]} | {"backbone"}
    changed = ", ".join(f"{name}={value!r}" for name, value in asked.settings.changed().items() if name in read)
    lines = [
        f"settings = make_settings({changed})",
        f'values = default_pipeline().values("{Path(asked.picture).name}", settings, {", ".join(map(repr, stages))})',
        'X = values["features"].X',
        *(['W = values["affinity"].W'] if graph else []),
    ]
    return ("from segcore.pipeline import default_pipeline, make_settings",), tuple(lines)
