"""Pixel-adaptive convolution beside the plain one: on numbers, and on a picture."""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demo.playgrounds import show, texts
from demo.playgrounds.fields import Choice, Number, State, Table
from demo.playgrounds.games import convolution
from demo.playgrounds.games.convolution import SIZES, W, X, geometry, padded, tensor
from demo.playgrounds.playground import Playground, Preset, Source
from demo.playgrounds.show import View, number
from segcore.show.paint import to_bytes
from segcore.taught.convolution import convolve
from segcore.upsample import adaptive_kernel, pixel_adaptive_convolution

GIVEN = ((2, 1, -2), (0, -1, 1), (1, 0, 0))
# Three channels whose upper left window has exp(−1) and exp(−3) first, as on the slide: ½ ‖f_i − f_j‖² = 1 and 3.
GUIDES = (
    ((1, 2, 0, 0, 0), (0, 0, 0, 1, 0), (0, 1, 0, 0, 2), (0, 0, 0, 0, 2), (0, 0, 2, 2, 2)),
    ((1, 1, 0, 0, 0), (1, 0, 0, 0, 0), (0, 0, 0, 0, 2), (0, 0, 0, 0, 2), (0, 0, 2, 2, 2)),
    ((0, 1, 0, 0, 0), (0, 0, 1, 0, 0), (0, 0, 0, 0, 2), (0, 0, 0, 0, 2), (0, 0, 2, 2, 2)),
)
PICTURE_SIDE = 160


def view(state: State, source: Source) -> View:
    """The numbers, or the picture."""
    return _on_picture(state, source) if state["on"] == "picture" else _on_numbers(state)


def _on_numbers(state: State) -> View:
    x, w = tensor(state["x"]), tensor(state["w"])
    k, p = state["kernel"], state["padding"]
    K = _factors(state)
    options: dict[str, Any] = geometry(state)
    y = convolve(x[None], w[None, None], **options)[0]
    adapted = convolve(x[None], w[None, None], adaptive=K, **options)[0]
    seen, size = convolution.windows(state)
    outputs = len(seen)
    K = K.expand(outputs, -1)
    guides = [
        show.table(f"f{c}", f"f{c + 1}", padded(tensor(state[f"f{c}"]), p), edit=f"f{c}", pad=p)
        for c in range(state["guides"] if state["k_from"] == "guide" else 0)
    ]
    if state["k_from"] == "given":
        kernel = [show.table("given", texts.TITLES["K"], tensor(state["given"]), edit="given")]
    else:
        kernel = [show.row_of("Ki", texts.TITLES["Ki"], "K", (k, k))]
    rows = [
        [
            show.table("x", texts.TITLES["x"], padded(x, p), edit="x", pad=p), show.sign("∗"),
            show.table("w", texts.TITLES["w"], w, edit="w"), show.sign("⊙"), *kernel,
        ],
        [
            show.row_of("KWi", "K ⊙ W", "KW", (k, k)), show.sign("→"),
            show.table("y", texts.TITLES["adapted"], adapted, points="cell"),
            show.table("plain", texts.TITLES["plain"], y, points="cell"),
        ],
        guides,
        [show.facts(*convolution.size_facts(state, size))],
    ]  # fmt: skip
    return {
        "rows": [row for row in rows if row],
        "hidden": {"K": show.hidden(K), "KW": show.hidden(K * w.flatten())},
        "links": show.links(
            "y",
            show.factor("K", torch.arange(outputs * k * k).reshape(outputs, -1)),
            show.factor("w"),
            show.factor("x", seen),
        ),
        "also": [f"f{c}" for c in range(len(guides))],  # their windows are those of x
        "focus": "x",
        "hide": [*(["guides"] if state["k_from"] == "given" else []), *_PICTURE],
        "notes": [texts.KERNEL_ODD] if k % 2 == 0 and state["k_from"] == "given" else [],
    }


def _factors(state: State) -> Tensor:
    """(o, k²) what the adaptive kernel multiplies the weights with; (1, k²) where it is one for all windows."""
    if state["k_from"] == "given":
        return tensor(state["given"]).reshape(1, -1)
    guide = torch.stack([tensor(state[f"f{c}"]) for c in range(state["guides"])])
    K = adaptive_kernel(guide[None], size=state["kernel"], **geometry(state))[0]
    return K.flatten(2).flatten(0, 1).T


def _on_picture(state: State, source: Source) -> View:
    image = source.picture(max_side=PICTURE_SIDE)
    k, d, sigma = state["window"], state["apart"], state["sigma"]
    height, width = image.shape[:2]
    gray, smooth, adapted = _means(image.tobytes(), (height, width), k, d, sigma)
    row, column = min(state["row"], height - 1), min(state["column"], width - 1)
    K = _kernel_at(_pixels(image) / sigma, row, column, k, d)
    reach = d * (k - 1) // 2
    box = (row - reach, column - reach, 2 * reach + 1, 2 * reach + 1, "#d6007a")
    shown = functools.partial(show.picture, at=("row", "column"), boxes=[box])
    here = [
        (name, number(float(values[row, column])), texts.GRAY_LEVELS)
        for name, values in ((texts.PLAIN_HERE, smooth), (texts.PAC_HERE, adapted), (texts.HERE, gray))
    ]
    return {
        "rows": [
            [
                show.result(shown("plain", texts.TITLES["blur"].format(k=k), _shown(smooth))),
                show.result(shown("adapted", texts.TITLES["pac"].format(k=k), _shown(adapted))),
                shown("guide", texts.TITLES["guide"], image),
            ],
            [
                show.result(show.table("K", texts.TITLES["K_at"].format(row=row, column=column), K)),
                show.facts(("Σ K", number(float(K.sum())), texts.OF_ALL.format(n=k * k)), *here),
            ],
        ],
        "hide": [f.name for f in PLAYGROUND.fields if f.name not in {*_PICTURE, "on"}],
    }


@functools.lru_cache(maxsize=16)  # pointing at another pixel asks for the same
def _means(image: bytes, size: tuple[int, int], k: int, d: int, sigma: float) -> tuple[Tensor, Tensor, Tensor]:
    """Gray levels (h, w) of a picture: as they are, their plain means, and their pixel-adaptive means."""
    pixels = _pixels(np.frombuffer(image, np.uint8).reshape(*size, 3).copy())
    gray = (pixels * pixels.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    both = torch.cat([gray, torch.ones_like(gray)], 1)  # the sum of the weights comes from ones
    weight = torch.eye(2, dtype=torch.float64)[..., None, None].expand(2, 2, k, k)

    def mean(guide: Tensor) -> Tensor:
        total = pixel_adaptive_convolution(both, guide, weight, padding=d * (k - 1) // 2, dilation=d)[0]
        return total[0] / total[1]

    return gray[0, 0], mean(torch.zeros_like(gray)), mean(pixels / sigma)


def _pixels(image: np.ndarray) -> Tensor:
    """(1, 3, h, w) float64."""
    return torch.from_numpy(image).permute(2, 0, 1)[None].double()


def _kernel_at(guide: Tensor, row: int, column: int, k: int, d: int) -> Tensor:
    """(k, k): K of the window around one pixel; 0 where it leaves the picture."""
    pad = d * (k - 1) // 2
    around = torch.nn.functional.pad(guide, (pad,) * 4, value=float("inf"))
    window = around[..., row : row + 2 * pad + 1, column : column + 2 * pad + 1]
    return adaptive_kernel(window.nan_to_num(posinf=1e9), size=k, dilation=d)[0, :, :, 0, 0]


def _shown(gray: Tensor) -> np.ndarray:
    return to_bytes(gray.numpy())[..., None].repeat(3, -1)


_PICTURE = ("window", "apart", "sigma", "row", "column")
PLAYGROUND = Playground(
    "adaptive",
    "Pixel-adaptive convolution",
    texts.LEADS["adaptive"],
    r"$y_i = \sum_j K(f_i, f_j)\, W[p_i - p_j]\, x_j$, with $K(f_i, f_j) = \exp(-\tfrac{1}{2} \lVert f_i - f_j \rVert^2)$",
    (
        Choice("on", "On", "numbers", {"numbers": "numbers", "picture": "the picture"}),
        Choice("k_from", "K", "given", {"given": "given, one for all windows", "guide": "Gaussian of a guide f"}),
        *SIZES,
        Number("guides", "Channels of f", 3, 1, 3),
        X,
        W,
        Table("given", "K", GIVEN, lambda s: s["kernel"], lambda s: s["kernel"]),
        *(Table(f"f{c}", f"f{c + 1}", GUIDES[c], lambda s: s["rows"], lambda s: s["columns"]) for c in range(3)),
        Number("window", "Window k", 7, 3, 11, step=2),
        Number("apart", "Dilation d", 1, 1, 4),
        Number("sigma", "σ of the color", 20, 1, 255, help=texts.SIGMA_HELP),
        Number("row", "Row", 60, 0, PICTURE_SIDE - 1),
        Number("column", "Column", 80, 0, PICTURE_SIDE - 1),
    ),
    (
        Preset("The lecture's adaptive kernel", "001.9", {}),
        Preset("Gaussian kernel: exp(−1), exp(−3)", "001.10", {"k_from": "guide"}),
        Preset("A guide without an edge: plain convolution", "001.10", {
            "k_from": "guide", "guides": 1, "f0": [[1] * 5] * 5}),
        Preset("A guide with an edge", "001.10", {
            "k_from": "guide", "guides": 1, "f0": [[0, 0, 3, 3, 3]] * 5, "x": [[0, 0, 9, 9, 9]] * 5, "w": [[1] * 3] * 3,
            "padding": 1}),
        Preset("On the picture", "001.7", {"on": "picture"}),
    ),
    view,
    has_picture=True,
)  # fmt: skip
