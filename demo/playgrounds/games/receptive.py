"""A stack of layers one edits: sizes, output stride, receptive field, cost; drawn on the picture and checked by gradient."""

import functools

import numpy as np
import torch
from torch import Tensor

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Number, State, Table
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View
from segcore.show.paint import paint_ramp
from segcore.show.palette import SEQUENTIAL
from segcore.taught.receptive import KINDS, Layer, LayerSeen, input_gradient, receptive_fields, touched

MOST_LAYERS = 20
HEADS = ("layer", "k", "s", "d", "c'")
SEEN = ("size", "stride", "field", "+", "weights", "mult-adds", "memory")
CONV, MAX, MEAN = range(3)
LIMITS = ((0, 2), (1, 11), (1, 8), (1, 24), (1, 4096))  # kinds, k, s, d, c': a real network is run on them

VGG = [
    row for channels, n in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
    for row in [[CONV, 3, 1, 1, channels]] * n + [[MAX, 2, 2, 1, channels]]
]  # fmt: skip


def _encoder(*strides_and_dilations: tuple[int, int]) -> list[list[int]]:
    """Pairs of 3 × 3 layers, the first of each with the stride."""
    channels = (64, 128, 256, 512, 512)
    return [
        row
        for (s, d), c in zip(strides_and_dilations, channels, strict=True)
        for row in ([CONV, 3, s, d, c], [CONV, 3, 1, d, c])
    ]


def view(state: State, source: Source) -> View:
    """The table, the growth of the field, and the field on the picture."""
    layers = [_layer(row) for row in state["layers"]]
    size = state["size"]
    seen = receptive_fields(layers, size=size)
    last = seen[-1]
    out = [min(int(state[name] / last.stride), last.size - 1) for name in ("row", "column")]
    gradient = input_gradient(layers, size=size, at=(out[0], out[1]))
    reached = [touched(layers, size=size, at=i) for i in out]
    top, left = (last.first + i * last.stride - (last.field - 1) / 2 for i in out)
    image = _square(source.picture(max_side=512), size)
    box = (top, left, last.field, last.field, "#d6007a")
    clicked = (state["row"], state["column"], 1, 1, "#000000")
    shown = functools.partial(show.picture, at=("row", "column"), boxes=[box, clicked])
    numbers = [0, *range(1, len(seen) + 1)]
    return {
        "rows": [
            [_stack(state, seen)],
            [
                show.result(shown("field", texts.TITLES["field"].format(r=last.field), _lit(image, reached))),
                show.result(shown("gradient", texts.TITLES["gradient"], _ramp(gradient), note=texts.GRADIENT_NOTE)),
                show.curve(texts.TITLES["growth"], numbers, [("r", [1, *(s.field for s in seen)])]),
            ],
            [show.checks(*_checks(gradient, reached, last, size, (top, left)))],
            [show.facts(*_facts(layers, seen, size))],
        ],
    }


def _layer(row: list[float]) -> Layer:
    kind, kernel, stride, dilation, channels = (int(v) for v in row)
    # A window of two pools without padding, as networks do; larger ones keep the size.
    padding = 0 if kind != CONV and kernel % 2 == 0 else None
    return Layer(KINDS[kind], kernel, stride, dilation, padding, channels)


def _stack(state: State, seen: list[LayerSeen]) -> show.Block:
    known = [
        [str(s.size), str(s.stride), str(s.field), f"+{s.growth}", _large(s.parameters), _large(s.multiply_adds), _bytes(s)]
        for s in seen
    ]
    return {
        "block": "stack", "id": "layers", "title": texts.TITLES["layers"], "edit": "layers", "heads": HEADS,
        "kinds": texts.LAYER_KINDS, "rows": state["layers"], "known": known, "seenHeads": SEEN, "most": MOST_LAYERS,
    }  # fmt: skip


def _checks(
    gradient: Tensor, reached: list[list[int]], last: LayerSeen, size: int, corner: tuple[float, float]
) -> list[tuple[bool, str]]:
    rows, columns = ((gradient > 0).any(axis).nonzero()[:, 0].tolist() for axis in (1, 0))
    whole = all(start >= 0 and start + last.field <= size for start in corner)
    found = rows == reached[0] and columns == reached[1]
    checks = [(found, texts.GRADIENT_CHECK.format(rows=len(rows), columns=len(columns), n=len(rows) * len(columns)))]
    if whole:
        spans = rows[-1] - rows[0] + 1
        checks.append((spans == last.field, texts.SPAN_CHECK.format(spans=spans, field=last.field)))
    else:
        checks.append((True, texts.CUT_OFF))
    return checks


def _facts(layers: list[Layer], seen: list[LayerSeen], size: int) -> list[tuple[str, str, str]]:
    last = seen[-1]
    before = seen[-2] if len(seen) > 1 else None
    r, j = (before.field, before.stride) if before else (1, 1)
    layer = layers[-1]
    holes = len(touched(layers, size=size, at=last.size // 2)) / min(last.field, size)
    return [
        ("r", f"{last.field} px", f"r + d(k − 1)·j = {r} + {layer.dilation}·({layer.kernel} − 1)·{j}"),
        ("output stride", str(last.stride), f"j·s = {j}·{layer.stride}"),
        ("one layer alone", f"{layer.dilation * (layer.kernel - 1) + 1} px",
         f"d(k − 1) + 1 = {layer.dilation}·({layer.kernel} − 1) + 1"),
        ("lines read", f"{holes:.0%}", texts.GRIDDING if holes < 1 else texts.NO_GRIDDING),
        ("weights", _large(sum(s.parameters for s in seen)), "Σ k²·c·c'"),
        ("mult-adds", _large(sum(s.multiply_adds for s in seen)), "Σ k²·c·c'·o²"),
        ("memory", f"{sum(s.bytes for s in seen) / 2**20:.1f} MiB", texts.MEMORY),
    ]  # fmt: skip


def _square(image: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3): the middle of the picture, enlarged or shrunk."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    pixels = torch.from_numpy(image[top : top + side, left : left + side].copy()).permute(2, 0, 1)[None].float()
    resized = torch.nn.functional.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
    return resized[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()


def _lit(image: np.ndarray, reached: list[list[int]]) -> np.ndarray:
    """The picture, dark where the output reads nothing."""
    lit = image // 4
    at = np.ix_(*reached)
    lit[at] = image[at]
    return lit


def _ramp(gradient: Tensor) -> np.ndarray:
    """The gradient by its square root, as its tails are thin; dark where it is 0."""
    share = (gradient / gradient.max()).clamp(min=0).sqrt().numpy()
    return np.where(share[..., None] > 0, paint_ramp(share, SEQUENTIAL), 24).astype(np.uint8)


def _large(value: int) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return str(value)


def _bytes(seen: LayerSeen) -> str:
    return f"{seen.bytes / 2**20:.3g} MiB"


PLAYGROUND = Playground(
    "receptive",
    "Receptive field",
    texts.LEADS["receptive"],
    r"$r_l = r_{l-1} + d_l (k_l - 1)\, j_{l-1}$, and $j_l = j_{l-1} s_l$; one layer alone: $d (k - 1) + 1$",
    (
        Number("size", "Picture, px", 224, 16, 256),
        Number("row", "Row", 112, 0, 255),
        Number("column", "Column", 112, 0, 255),
        Table("layers", "Layers", tuple(map(tuple, _encoder((2, 1), (2, 1), (2, 1), (2, 1), (2, 1)))),
              None, 5, most=MOST_LAYERS, limits=LIMITS, heads=HEADS, whole=True, fill=1),
    ),
    (
        Preset("Encoder, output stride 32", "004.21", {}),
        Preset("Output stride 16: the last stride becomes dilation 2", "004.22", {
            "layers": _encoder((2, 1), (2, 1), (2, 1), (2, 1), (1, 2))}),
        Preset("Output stride 8: dilations 2 and 4", "004.22", {
            "layers": _encoder((2, 1), (2, 1), (2, 1), (1, 2), (1, 4))}),
        Preset("The last stride just removed", "004.21", {
            "layers": _encoder((2, 1), (2, 1), (2, 1), (2, 1), (1, 1))}),
        Preset("One layer, dilation 1", "004.22", {"size": 16, "row": 8, "column": 8, "layers": [[CONV, 3, 1, 1, 64]]}),
        Preset("One layer, dilation 2", "004.22", {"size": 16, "row": 8, "column": 8, "layers": [[CONV, 3, 1, 2, 64]]}),
        Preset("One layer, dilation 3", "004.22", {"size": 16, "row": 8, "column": 8, "layers": [[CONV, 3, 1, 3, 64]]}),
        Preset("Gridding: dilation 2, 2, 2", "", {"size": 32, "row": 16, "column": 16, "layers": [[CONV, 3, 1, 2, 64]] * 3}),
        Preset("No gridding: dilation 1, 2, 3", "", {
            "size": 32, "row": 16, "column": 16, "layers": [[CONV, 3, 1, d, 64] for d in (1, 2, 3)]}),
        Preset("VGG-16", "004.20", {"layers": VGG}),
    ),
    view,
    has_picture=True,
)  # fmt: skip
