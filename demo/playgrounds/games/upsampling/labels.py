"""Upsampling on the labels of the picture: one map for each label is enlarged, and the largest wins."""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from demo.playgrounds import show, texts
from demo.playgrounds.fields import State
from demo.playgrounds.games.upsampling.ways import GUIDED, HOW, KERNEL, plain, repeated
from demo.playgrounds.playground import Segmented, Source
from demo.playgrounds.show import View, number
from segcore.metrics import matched_iou
from segcore.show.paint import paint_labels, paint_ramp
from segcore.show.palette import SEQUENTIAL
from segcore.upsample import nearest
from segcore.upsample.transposed import resize_convolution, transposed_convolution
from segcore.upsample.unpooling import max_pool, max_unpool


def view(state: State, source: Source) -> View:
    """The labels of the patches, what they become, and one map of them; or that they are waited for."""
    segmented = source.segmented()
    hidden = ["rows", "columns", "factor", "kernel", "padding", "mode", "indices"]
    how = state["how"]
    hidden += [] if how in {"joint_bilateral", "pac"} else ["sigma_cells"]
    hidden += [] if how in GUIDED else ["sigma_color"]
    hidden += [] if how in KERNEL else ["spread"]
    if segmented is None:
        return {"rows": [], "wait": True, "hide": hidden}
    height, width = segmented.size
    row, column = min(state["row"], height - 1), min(state["column"], width - 1)
    soft = _soft(segmented, how, *(state[name] for name in ("spread", "sigma_cells", "sigma_color")))
    coarse = nearest(_one_hot(segmented), segmented.guide)[:, :height, :width].argmax(0)
    empty = soft.amax(0) <= 0  # where no label is put, none wins
    labels = soft.argmax(0).where(~empty, len(soft))
    label = int(coarse[row, column])
    image = segmented.pixels[:height, :width]
    box = (row - 2, column - 2, 5, 5, "#d6007a")
    drawn = functools.partial(show.picture, at=("row", "column"), boxes=[box], smooth=True)
    shown = soft[label]
    most = float(shown.max()) or 1.0
    return {
        "rows": [
            [
                drawn("coarse", texts.TITLES["labels_coarse"], paint_labels(image, coarse.numpy())),
                show.result(drawn("fine", HOW[how], _painted(image, labels.numpy(), empty.numpy()))),
                show.result(drawn(
                    "soft", texts.TITLES["soft"].format(label=label, most=number(most, 3)),
                    paint_ramp(shown.numpy() / most, SEQUENTIAL), note=texts.WAYS[how],
                )),
            ],
            [show.facts(*_label_facts(segmented, coarse, labels, soft[:, row, column]))],
        ],
        "hide": hidden,
    }  # fmt: skip


def _painted(image: np.ndarray, labels: np.ndarray, empty: np.ndarray) -> np.ndarray:
    """The labels over the picture; where there is none, the picture."""
    painted = paint_labels(image, labels, contours=not empty.any())
    painted[empty] = image[empty]
    return painted


def _one_hot(segmented: Segmented) -> Tensor:
    return F.one_hot(torch.from_numpy(segmented.grid)).permute(2, 0, 1).float()


@functools.lru_cache(maxsize=8)  # pointing at another pixel asks for the same
def _soft(segmented: Segmented, how: str, spread: float, sigma_cells: float, sigma_rgb: float) -> Tensor:
    """(k, height, width): one map for each label, enlarged."""
    factor = segmented.factor
    P = _one_hot(segmented)[:, None]
    if how == "unpooling":
        places = max_pool(segmented.guide.mean(0)[None, None], factor=factor)
        y = max_unpool(P, repeated(places, len(P)))
    elif how in KERNEL:
        y = _enlarged(P, how, spread, factor)
    else:
        y = plain(how, factor, segmented.guide, sigma_cells, sigma_rgb)(P)
    return y[:, 0, : segmented.size[0], : segmented.size[1]]


def _enlarged(P: Tensor, how: str, spread: float, factor: int) -> Tensor:
    """With a kernel of ones: broadcast and cut to the picture's place, or a mean after the interpolation."""
    k = max(round(spread * factor), 1)
    if how == "transposed":
        cut = max(k - factor, 0) // 2
        missing = max(factor - k, 0)  # a small kernel leaves the end of the last cells empty
        whole = F.pad(transposed_convolution(P, torch.ones(k, k), stride=factor), (0, missing, 0, missing))
        return whole[..., cut:, cut:]
    return resize_convolution(P, torch.full((k, k), 1 / k**2), factor=factor)


def _label_facts(segmented: Segmented, coarse: Tensor, labels: Tensor, here: Tensor) -> list[tuple[str, str, str]]:
    moved = float((coarse != labels).double().mean())
    facts = [
        (texts.HERE_SOFT, ", ".join(number(v, 3) for v in here.tolist()), texts.ONE_PER_LABEL),
        (texts.MOVED, f"{moved:.1%}", texts.AGAINST_NEAREST),
    ]
    if segmented.truth is not None:
        scores = (matched_iou(m.numpy(), segmented.truth) for m in (coarse, labels))
        before, after = (number(score, 3) for score in scores)
        facts.append(("mIoU", after, texts.MIOU_BEFORE.format(before=before)))
    return facts
