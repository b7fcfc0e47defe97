"""Values of the board: what a run is before its first step, its pictures, its joint table and what it says."""

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from demo.learn import texts
from demo.learn.asked import Asked
from demo.learn.board import About, Chart, PicturesShown, Table
from demo.learn.data import LookedAt
from segcore.learn import CATALOG, LearnState
from segcore.learn.pictures import scaled
from segcore.learn.score import known_ious
from segcore.learn.settings import DinosaurSettings
from segcore.nets.facts import facts_of
from segcore.show.files import data_uri, display_label_png, jpeg, pack_floats
from segcore.show.palette import PALETTE
from segcore.types import Pictures

# Where the sentences about a run change: shares, of all pixels, of a fair share, and of P.
_ALONE, _UNUSED, _DIAGONAL = 0.9, 0.1, 0.6


def about(asked: Asked, pictures: Pictures | None = None) -> About:
    """What the page shows of a run before its first step; of a network with labels more, once its pictures are read."""
    k, charts = asked.options.k, texts.CHARTS.get(asked.options.system, texts.CHART)
    facts: tuple[str, ...] = ()
    if asked.known and pictures is not None and pictures.classes:
        k = len(pictures.classes)
        facts = _facts(asked, scaled(pictures.images[0], asked.settings.side), k)
    return {
        "title": asked.title,
        "details": (*asked.details, *facts),
        "choices": asked.choices,
        "query": asked.query,
        "k": k,
        "known": asked.known,
        "palette": PALETTE.hex(k),
        "command": asked.command,
        "words": texts.OBJECT_WORDS.get(asked.options.system, {}),
        "charts": [Chart(title=title, names=names) for title, names in charts],
        "marked": asked.marked,
        "slots": asked.settings.slots if isinstance(asked.settings, DinosaurSettings) else 0,
    }


def _facts(asked: Asked, image: Tensor, k: int) -> tuple[str, ...]:
    """What is known of a network before it learns."""
    height, width = image.shape[:2]
    facts = facts_of(CATALOG[asked.options.system].make_net(k, asked.settings), height, width)
    values = {"parameters": facts.parameters, "giga": facts.multiply_adds / 1e9, "ms": 1000 * facts.seconds}
    return tuple(line.format(height=facts.field[0], width=facts.field[1], **values) for line in texts.FACTS)


def pictures_shown(pictures: Pictures, look: LookedAt, left_out: tuple[str, ...]) -> PicturesShown:
    """The pictures that are shown, and their truth; sentences on those that could not be read."""
    shown = look.shown
    return {
        "n": len(pictures),
        "scored": len(look.scored),
        "apart": look.apart,
        "names": shown.names,
        "sizes": [(image.shape[1], image.shape[0]) for image in shown.images],
        "images": [data_uri(jpeg(image.numpy())) for image in shown.images],
        # Without a class is 0, so that a byte holds each.
        "truth": [labels_shown(truth + 1) for truth in shown.truth],
        "classes": pictures.classes,
        "left_out": left_out,
    }


def labels_shown(labels: Tensor) -> str:
    """Labels (h, w) 0 … 255 as the board takes them."""
    return data_uri(display_label_png(labels.numpy()))


def table(state: LearnState, classes: tuple[str, ...] = ()) -> Table:
    """P, the use of the clusters, and what they say; with the names of classes where P is their confusion table."""
    use: NDArray[np.float32] = state.use.numpy()
    P = None if state.P is None else state.P.numpy()
    return {
        "P": None if P is None else pack_floats(P),
        "diagonal": None if P is None else round(float(np.trace(P)), 4),
        "use": [round(float(share), 4) for share in use],
        "watch": watch(use, P) if P is None or not classes else watch_known(P, classes),
    }


def watch(use: NDArray[np.float32], P: NDArray[np.float32] | None) -> str:
    """One sentence on what a visitor sees; the first rule that fits.

    Args:
        use: (K,) shares of the clusters.
        P: (K, K) joint table, or None where the system has none.
    """
    k, n_unused = len(use), int((use < _UNUSED / len(use)).sum())
    if use.max() >= _ALONE:
        told = texts.WATCH_ONE if P is None else texts.WATCH_ONE_TABLE
        return told.format(share=percent(float(use.max())))
    if n_unused:
        return texts.WATCH_EMPTY.format(n=n_unused, k=k)
    if P is None:
        return texts.WATCH_USED
    diagonal = float(np.trace(P))
    told = texts.WATCH_DIAGONAL if diagonal >= _DIAGONAL else texts.WATCH_BLURRED
    return told.format(diagonal=percent(diagonal))


def watch_known(P: NDArray[np.float32], classes: tuple[str, ...]) -> str:
    """One sentence on the best and the least known class of a confusion table (K, K)."""
    there = np.flatnonzero(P.sum(1) > 0)
    ious = known_ious(P)[there]
    best, least = there[ious.argmax()], there[ious.argmin()]
    return texts.WATCH_KNOWN.format(
        best=classes[best], best_iou=percent(float(ious.max())), least=classes[least], least_iou=percent(float(ious.min()))
    )


def percent(share: float) -> str:
    """A share as the scripts of the page write it, so that a sentence has the number of the table below it."""
    if 0 < share < 0.095:
        return "< 0.1 %" if share < 0.0005 else f"{100 * share:.1f} %"
    return f"{math.floor(100 * share + 0.5)} %"
