"""Drawn scenes: figures that walk, what a detector would find of them, and the truth.

Figures move with nearly constant speed on a plane seen from above: what stands lower in the picture is nearer, larger, and
hides what is behind it. A detection is missed at random, or where too little of a figure is visible; its box trembles, its
appearance is that of the figure with noise, mixed with what hides it. Some detections are of nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from segcore.checks import check_choice, check_range
from segcore.settings import Schema, param
from segcore.show.palette import PALETTE, hex_to_rgb
from segcore.track.detections import Detections, Floats, Ints
from segcore.track.overlap import unit
from segcore.types import Boxes

SIZE = (480, 270)  # width and height of a frame, in pixels
N_LOOKS = 8  # dimensions of an appearance
_ASPECT = 0.42  # of a figure, width by height
_SPOTS = 3  # places where nothing is taken for something again and again
_GROUND = ("#cfc9bd", "#8f9a8b")  # far and near
_WALL = "#5b5148"

Picture = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class SceneSettings(Schema):
    """What can be changed of a scene."""

    # fmt: off
    n_frames: int = param(
        48, stage="scene", label="Frames", lo=2, hi=400, step=1,
        info="How long the scene is.")
    n_objects: int = param(
        5, stage="scene", label="Figures", lo=1, hi=40, step=1,
        info="How many walk through it.")
    misses: float = param(
        0.03, stage="scene", label="Misses", lo=0.0, hi=0.6, step=0.01,
        info="Share of the visible figures that are not detected, at random.")
    false_alarms: float = param(
        0.1, stage="scene", label="False alarms", lo=0.0, hi=6.0, step=0.1, unit="per frame",
        info="Detections of nothing; half of them come back at a few places.")
    occlusion: float = param(
        0.4, stage="scene", label="Least visible share", lo=0.0, hi=1.0, step=0.05,
        info="Figures of which less is visible are not detected; at 0 nothing hides a figure.")
    noise: float = param(
        0.4, stage="scene", label="Noise of appearance", lo=0.0, hi=3.0, step=0.05,
        info="Length of the noise beside an appearance of length 1.")
    jitter: float = param(
        0.03, stage="scene", label="Trembling boxes", lo=0.0, hi=0.3, step=0.01,
        info="Standard deviation of each side of a box, as a share of its height.")
    # fmt: on


@dataclass(frozen=True, eq=False, slots=True)
class _World:
    """How all figures move; the wall is x from … to, or None."""

    feet: Floats  # (m, n_frames, 2)
    look: Ints  # (m,) which appearance
    wall: tuple[int, int] | None = None
    boxes: Floats = field(init=False)  # (m, n_frames, 4)

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", _boxes(self.feet))


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """A drawn sequence."""

    name: str
    detections: Detections  # with appearance (n, 8) and identity
    truth: Boxes  # all figures whose middle lies in the frame, hidden ones too
    visible: Floats  # per box of the truth, the share of its figure that is not hidden, in [0, 1]
    draw: Callable[[int], Picture]  # frame → (height, width, 3) uint8
    labels: Callable[[int], Ints]  # frame → (height, width): identity of the figure that is seen, 0 for the ground


@dataclass(frozen=True, slots=True)
class SceneKind:
    """An entry of the list of scenes."""

    title: str
    summary: str  # one sentence
    settings: SceneSettings  # its defaults
    world: Callable[[Generator, SceneSettings], _World]


def make_scene(name: str, seed: int = 0, n_frames: int | None = None, **changes: Any) -> Scene:
    """Draw a scene.

    Args:
        name: key in SCENES.
        seed: of all random numbers.
        n_frames: how long; that of the scene if None.
        changes: other fields of `SceneSettings`; what is left out is that of the scene.

    Returns:
        The scene; the same arguments give the same one to the bit.

    Raises:
        InputError: there is no such scene, or a setting breaks its rule.

    Cost: some 30 ms for 48 frames; pictures are drawn when they are asked for.
    """
    check_choice("scene", name, tuple(SCENES))
    check_range("seed", seed, lo=0)
    kind = SCENES[name]
    changes = {k: v for k, v in {"n_frames": n_frames, **changes}.items() if v is not None}
    settings = SceneSettings.from_values({**kind.settings.to_dict(), **changes})
    rng = np.random.default_rng([seed, list(SCENES).index(name)])
    world = kind.world(rng, settings)
    truth, visible = _truth(world, settings)
    looks = unit(rng.normal(size=(world.look.max() + 1, N_LOOKS)))
    return Scene(
        name,
        _detections(rng, world, truth, visible, looks, settings),
        truth,
        visible,
        partial(_draw, world),
        partial(_labels, world),
    )


# ---- How figures move ----


def _height(y: Floats | float) -> Any:
    """Of a figure whose feet are at y."""
    return 30.0 + 40.0 * (np.asarray(y) / SIZE[1])


def _walks(rng: Generator, start: Floats, speed: Floats, n_frames: int, *, wander: float) -> Floats:
    """(m, n_frames, 2): nearly straight walks; `start` are places in the middle of the time."""
    shakes = rng.normal(0, wander, (len(start), n_frames, 2)) * (1.0, 0.35)
    steps = speed[:, None] + shakes.cumsum(1) - shakes.cumsum(1).mean(1, keepdims=True)
    feet = steps.cumsum(1)
    middle = n_frames // 2
    walks: Floats = start[:, None] + feet - feet[:, middle : middle + 1]
    return walks


def _lanes(rng: Generator, s: SceneSettings) -> _World:
    """Each on a lane of its own."""
    y = np.linspace(0.38, 0.94, s.n_objects) * SIZE[1]
    speed = rng.uniform(1.0, 3.0, s.n_objects) * rng.choice((-1, 1), s.n_objects) * 48 / s.n_frames
    start = np.stack([rng.uniform(0.3, 0.7, s.n_objects) * SIZE[0], y], 1)
    walks = _walks(rng, start, np.stack([speed, np.zeros_like(speed)], 1), s.n_frames, wander=0.05)
    return _World(walks, np.arange(s.n_objects))


def _pairs(rng: Generator, s: SceneSettings, *, alike: bool = False) -> _World:
    """Two by two they walk towards each other, and meet."""
    m = s.n_objects
    pair, side = np.arange(m) // 2, np.arange(m) % 2
    y = np.linspace(0.45, 0.92, pair.max() + 1)[pair] * SIZE[1] + side * 5.0
    x = rng.uniform(0.35, 0.65, pair.max() + 1)[pair] * SIZE[0]
    speed = rng.uniform(1.8, 3.2, m) * np.where(side == 0, 1, -1) * 48 / s.n_frames
    start = np.stack([x + rng.normal(0, 6, m), y], 1)
    walks = _walks(rng, start, np.stack([speed, np.zeros(m)], 1), s.n_frames, wander=0.06)
    return _World(walks, np.zeros(m, np.int64) if alike else np.arange(m))


def _behind(rng: Generator, s: SceneSettings) -> _World:
    """All pass behind a wall."""
    world = _lanes(rng, s)
    feet = world.feet.copy()
    feet[..., 1] = feet[..., 1].clip(0.36 * SIZE[1], 0.8 * SIZE[1])
    return _World(feet, world.look, wall=(SIZE[0] // 2 - 22, SIZE[0] // 2 + 22))


def _crowd(rng: Generator, s: SceneSettings) -> _World:
    """They cross the place in all directions, come and go."""
    m = s.n_objects
    start = rng.uniform((0.02, 0.32), (0.98, 0.97), (m, 2)) * SIZE
    turn = rng.uniform(0, 2 * np.pi, m)
    speed = rng.uniform(0.8, 3.6, m)[:, None] * np.stack([np.cos(turn), 0.35 * np.sin(turn)], 1)
    walks = _walks(rng, start, speed, s.n_frames, wander=0.12)
    return _World(walks, np.arange(m))


# ---- What is there, and what is found ----


def _boxes(feet: Floats) -> Floats:
    """(…, 4): the boxes of figures that stand there."""
    h = _height(feet[..., 1])
    boxes: Floats = np.stack([feet[..., 0] - _ASPECT * h / 2, feet[..., 1] - h, _ASPECT * h, h], -1)
    return boxes


def _there(world: _World, frame: int) -> Ints:
    """The figures of a frame, from the farthest to the nearest."""
    x, y = world.feet[:, frame].T
    middle = y - world.boxes[:, frame, 3] / 2
    inside = (x >= 0) & (x < SIZE[0]) & (middle >= 0) & (middle < SIZE[1])
    found: Ints = np.flatnonzero(inside)[np.argsort(y[inside], kind="stable")]
    return found


def _figure(canvas: NDArray[Any], box: Floats, color: Any) -> None:
    """Paint a body and a head that fill a box."""
    x, y, w, h = (float(v) for v in box)
    middle, head = x + w / 2, 0.17 * h
    cv2.ellipse(canvas, ((middle, y + 0.66 * h), (w, 0.68 * h), 0), color, -1)
    cv2.circle(canvas, (round(middle), round(y + head)), round(head), color, -1)


def _seen(world: _World, frame: int) -> NDArray[np.uint8]:
    """(height, width): 1 + the number of the figure that is seen, 0 for ground and wall."""
    canvas = np.zeros(SIZE[::-1], np.uint8)
    for i in _there(world, frame):
        _figure(canvas, world.boxes[i, frame], int(i) + 1)
    if world.wall:
        canvas[:, slice(*world.wall)] = 0
    return canvas


def _labels(world: _World, frame: int) -> Ints:
    return _seen(world, frame).astype(np.int64)


def _area(box: Floats) -> int:
    """Pixels of a figure that lie in the frame."""
    corner, room = np.floor(box[:2]).astype(int) - 1, np.ceil(box[2:]).astype(int) + 4
    alone = np.zeros(room[::-1], np.uint8)
    _figure(alone, box - (*corner, 0, 0), 1)
    low, high = np.maximum(-corner, 0), np.minimum(SIZE - corner, room)
    return int(np.count_nonzero(alone[low[1] : high[1], low[0] : high[0]]))


def _truth(world: _World, settings: SceneSettings) -> tuple[Boxes, Floats]:
    """All boxes, and how much of each figure is visible."""
    frames, ids, boxes, shares = [], [], [], []
    for frame in range(settings.n_frames):
        seen = np.bincount(_seen(world, frame).ravel(), minlength=len(world.feet) + 1)
        for i in np.sort(_there(world, frame)):
            box = world.boxes[i, frame]
            frames.append(frame)
            ids.append(int(i) + 1)
            boxes.append(box)
            shares.append(min(1.0, seen[i + 1] / max(_area(box), 1)))
    return Boxes.sorted(frames, ids, boxes), np.array(shares)


def _detections(rng: Generator, world: _World, truth: Boxes, visible: Floats, looks: Floats, s: SceneSettings) -> Detections:
    n = len(truth)
    seen = (visible >= s.occlusion) | (s.occlusion == 0)
    found = seen & (rng.uniform(size=n) >= s.misses)
    hidden = np.zeros((n, N_LOOKS)) if s.occlusion == 0 else (1 - visible)[:, None] * _in_front(truth, world, looks)
    own = looks[world.look[truth.identity - 1]]
    noise = rng.normal(size=(n, N_LOOKS)) * s.noise / np.sqrt(N_LOOKS)
    appearance = own * (1 if s.occlusion == 0 else visible[:, None]) + hidden + noise
    boxes = truth.box + rng.normal(0, s.jitter, (n, 4)) * truth.box[:, 3:]
    boxes[:, 2:] = np.maximum(boxes[:, 2:], 2.0)
    score = (0.5 + 0.42 * np.sqrt(visible) + rng.normal(0, 0.06, n)).clip(0.05, 0.99)
    spots = rng.uniform((0.05, 0.35), (0.95, 0.97), (_SPOTS, 2)) * SIZE
    spot_looks = rng.normal(size=(_SPOTS, N_LOOKS))
    alarms = rng.poisson(s.false_alarms, s.n_frames)
    m = int(alarms.sum())
    which = rng.integers(0, 2 * _SPOTS, m)
    free = rng.uniform((0.02, 0.3), (0.98, 0.97), (m, 2)) * SIZE
    at_spot = which < _SPOTS
    place = np.where(at_spot[:, None], spots[which % _SPOTS] + rng.normal(0, 3, (m, 2)), free)
    false_boxes = _boxes(place) * (1, 1, *rng.uniform(0.7, 1.3, 2))
    false_looks = np.where(at_spot[:, None], spot_looks[which % _SPOTS], 0) + rng.normal(size=(m, N_LOOKS)) * (
        np.where(at_spot, s.noise, 1)[:, None] / np.sqrt(N_LOOKS)
    )
    frame = np.concatenate([truth.frame[found], np.repeat(np.arange(s.n_frames), alarms)])
    order = rng.permutation(len(frame))  # so that the place in a list tells nothing
    order = order[np.argsort(frame[order], kind="stable")]
    return Detections(
        frame=frame[order],
        boxes=np.concatenate([boxes[found], false_boxes])[order],
        score=np.concatenate([score[found], rng.normal(0.45, 0.15, m).clip(0.05, 0.95)])[order],
        n_frames=s.n_frames,
        size=SIZE,
        appearance=unit(np.concatenate([appearance[found], false_looks])[order]),
        identity=np.concatenate([truth.identity[found], np.zeros(m, np.int64)])[order],
    )


def _in_front(truth: Boxes, world: _World, looks: Floats) -> Floats:
    """(n, d): the appearance of what stands before the middle of each box; zeros where nothing does."""
    front = np.zeros((len(truth), looks.shape[1]))
    for frame in np.unique(truth.frame):
        rows = np.flatnonzero(truth.frame == frame)
        boxes = truth.box[rows]
        feet = boxes[:, 1] + boxes[:, 3]
        middle = boxes[:, :2] + boxes[:, 2:] / 2
        for k, row in enumerate(rows):
            covers = (boxes[:, :2] <= middle[k]).all(1) & (middle[k] < boxes[:, :2] + boxes[:, 2:]).all(1)
            nearer = np.flatnonzero(covers & (feet > feet[k]))
            if len(nearer):
                nearest = nearer[np.argmin(feet[nearer])]
                front[row] = looks[world.look[truth.identity[rows[nearest]] - 1]]
    return front


def _draw(world: _World, frame: int) -> Picture:
    far, near = hex_to_rgb(_GROUND).astype(np.float64)
    ramp = np.linspace(0, 1, SIZE[1])[:, None, None]
    canvas = np.broadcast_to(far + (near - far) * ramp, (*SIZE[::-1], 3)).astype(np.uint8)
    canvas = np.ascontiguousarray(canvas)
    colors = PALETTE.rgb(int(world.look.max()) + 1)
    for i in _there(world, frame):
        box = world.boxes[i, frame]
        edge = box + np.array([-1, -1, 2, 2])
        color = colors[world.look[i]].astype(np.int64)
        _figure(canvas, edge, (color * 0.45).astype(int).tolist())
        _figure(canvas, box, color.tolist())
    if world.wall:
        canvas[:, slice(*world.wall)] = hex_to_rgb((_WALL,))[0]
    return canvas


SCENES: Mapping[str, SceneKind] = MappingProxyType(
    {
        "easy": SceneKind("Easy", "Figures on lanes of their own.", SceneSettings(), _lanes),
        "crossing": SceneKind(
            "Crossing", "Two by two they meet, and one hides the other.", SceneSettings(n_objects=6), _pairs
        ),
        "occluder": SceneKind("Occluder", "All pass behind a wall.", SceneSettings(), _behind),
        "lookalikes": SceneKind(
            "Look-alikes",
            "The same, and appearance tells nobody from another.",
            SceneSettings(n_objects=6),
            partial(_pairs, alike=True),
        ),
        "crowd": SceneKind(
            "Crowd",
            "Many in all directions, who come, go, and hide each other.",
            SceneSettings(n_objects=16, misses=0.1, false_alarms=0.5, noise=0.7),
            _crowd,
        ),
        "false_alarms": SceneKind(
            "False alarms",
            "Lanes, and a detector that sees things.",
            SceneSettings(false_alarms=2.0, misses=0.1),
            _lanes,
        ),
    }
)
