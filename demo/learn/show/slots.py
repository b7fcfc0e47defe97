"""How slots share a picture: what each looks at, look by look, what it rebuilds, and where that fails."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from demo.learn import texts
from demo.learn.show import labels_shown, percent
from demo.learn.show.network import told_of
from demo.shared.jobs import Jobs
from segcore.errors import InputError
from segcore.learn import Learned
from segcore.learn.learned import pixels_of
from segcore.learn.pictures import scaled
from segcore.learn.settings import SlotSettings
from segcore.metrics.regions import adjusted_rand_index
from segcore.nets.dinosaur import SlotNet
from segcore.nets.slots import Shared
from segcore.settings import params
from segcore.show.files import data_uri, pack_floats, png

MOST_NOISE = 9999


def shared(learned: Learned, image: Tensor, *, n_slots: int | None = None, seed: int = 0) -> Shared:
    """How the slots of a network share a picture (height, width, 3) uint8.

    Raises:
        InputError: it has no slots.
    """
    if not isinstance(learned.net, SlotNet):
        raise InputError(texts.NO_SLOTS, field="system")
    with torch.inference_mode():
        pixels = pixels_of(scaled(image, learned.settings.side), learned.device)
        return learned.net.shared(learned.net.field(pixels[0]), n_slots=n_slots, seed=seed)


def owners(shares: Tensor) -> Tensor:
    """(h, w) int64: the slot that has most of each patch, of shares (h, w, K)."""
    return shares.argmax(2).cpu()


def figure_iou(labels: Tensor, figure: Tensor) -> float:
    """The best IoU of any label (h, w) with a figure (height, width) bool, 0 … 1."""
    large = F.interpolate(labels[None, None].float(), tuple(figure.shape), mode="nearest")[0, 0].long()
    masks = [large == label for label in large.unique().tolist()]
    return max(float((mask & figure).sum() / (mask | figure).sum().clamp_min(1)) for mask in masks)


def shares_shown(learned: Learned, image: Tensor, figure: Tensor | None, *, n_slots: int, seed: int) -> dict[str, Any]:
    """What the board draws of it; sentences by look, "masks" and "error"."""
    found = shared(learned, image, n_slots=n_slots, seed=seed)
    same = torch.equal(found.attention[-1], found.masks)  # slots with places: where they look in the end are their masks
    maps = [*(found.attention[:-1] if same else found.attention), found.masks]
    names = [*(str(i) for i in range(1, len(found.attention))), *([] if same else ["end"]), "masks"]
    labels = [owners(m) for m in maps]
    before = [None, *labels[:-1]] if same else [None, *labels[:-2], None]  # the decoder's masks are no look
    said = [_looked(*each) for each in zip(names, maps, labels, before, strict=True)]
    if seed:
        plain = owners(shared(learned, image, n_slots=n_slots).masks)
        alike = adjusted_rand_index(labels[-1].numpy(), plain.numpy())
        said[-1] += " " + texts.OTHER_NOISE.format(seed=seed, alike=f"{alike:.2f}")
    if figure is not None:
        said[-1] += " " + texts.FIGURE.format(iou=f"{figure_iou(labels[-1], figure):.2f}")
    error, plain_error = float(found.error.mean()), float(found.plain.mean())
    h, w, k = found.masks.shape
    return {
        "size": [w, h],
        "n": k,
        "stages": [
            {"name": name, "labels": labels_shown(own), "shares": _stacked(m), "told": told}
            for name, own, m, told in zip(names, labels, maps, said, strict=True)
        ],
        "error": pack_floats(found.error.cpu()),
        "error_told": texts.ERROR.format(
            mean=f"{error:.2f}", plain=f"{plain_error:.2f}", most=f"{float(found.error.max()):.2f}"
        ),
    }


def _looked(name: str, shares: Tensor, labels: Tensor, before: Tensor | None) -> str:
    k = shares.shape[2]
    values = {"n": len(labels.unique()), "k": k, "share": percent(float(shares.amax(2).mean()))}
    told = (texts.MASKS_TOLD if name == "masks" else texts.LOOK_TOLD).format(**values)
    if before is None:
        return told
    return f"{told} {texts.LOOK_MOVED.format(share=percent(float((labels != before).float().mean())))}"


def _stacked(shares: Tensor) -> str:
    """The maps of all slots below each other, as a gray PNG."""
    stacked = shares.permute(2, 0, 1).flatten(0, 1)
    return data_uri(png((255 * stacked).round().cpu().numpy().astype(np.uint8)))


def slot_functions(jobs: Jobs) -> list[Callable[[Any], Any]]:
    """What the board asks the server about the slots of a run; it takes what a browser sends, and never raises."""

    def shares(asked: Any) -> dict[str, Any]:
        def told(left: Any) -> dict[str, Any]:
            number, seed = int(asked["picture"]), int(asked["noise"])
            n_slots = int(asked["slots"] or left.learned.settings.slots)
            low, high = params(SlotSettings)["slots"].bounds
            if not low <= n_slots <= high or not 0 <= seed <= MOST_NOISE or number < 0:
                raise ValueError
            image = left.shown.images[number]
            figure = left.shown.truth[number] > 0 if left.figures else None
            return shares_shown(left.learned, image, figure, n_slots=n_slots, seed=seed)

        return told_of(jobs, asked, told)

    return [shares]
