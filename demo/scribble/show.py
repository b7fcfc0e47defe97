"""Results as what the page shows: layers of the pad, small maps, and the certificate."""

import html

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from demo.scribble import texts
from demo.scribble.pad import Result
from segcore.heads.apply import cell_counts
from segcore.image import scaled_picture
from segcore.scribble.coarse_cut import Cut
from segcore.scribble.energy import contrast_links
from segcore.scribble.grid import OFFSETS, ends
from segcore.scribble.scribble import Scribbled
from segcore.show.files import data_uri, display_label_png, jpeg, png
from segcore.show.paint import Picture
from segcore.show.palette import SEQUENTIAL, hex_to_rgb

_MAP_SIDE = 420  # pixels: longer side of a small map
_HINT_REACH = 0.04  # of the longer side: how far the doubt around a place counts
_CUT = (213, 94, 0)


def layers(result: Scribbled) -> Result:
    """What lies under the strokes on the pad."""
    unsure = result.uncertain
    return {
        "labels": data_uri(display_label_png(result.scaled.numpy())),
        "unsure": None if unsure is None else data_uri(png((255 * unsure.clamp(0, 1)).byte().numpy())),
        "hint": None if unsure is None else _most_unsure(unsure, result.seeds),
    }


def status(result: Scribbled, method: str, names: dict[int, str]) -> str:
    """One line: method, time, and the share of each label."""
    counts = {label: float((result.label_map == label).float().mean()) for label in result.labels}
    shares = ", ".join(
        texts.LABEL_SHARE.format(name=html.escape(name_of(label, names)), share=f"{share:.0%}")
        for label, share in counts.items()
    )
    return texts.STATUS.format(
        method=texts.METHODS[method], seconds=milliseconds(sum(result.seconds.values())), labels=shares
    )


def name_of(label: int, names: dict[int, str]) -> str:
    """What a label is called."""
    return names.get(label, texts.DEFAULT_NAME.format(label=label))


def milliseconds(seconds: float) -> str:
    """A time in words."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def proof(result: Scribbled) -> str:
    """The energy in its terms and its certificate, or the facts of the head; HTML."""
    lines: list[str] = []
    if result.cut is not None:
        lines = _cut_lines(result.cut, len(result.labels))
    if result.head is not None:
        linear, counts = result.head.linear, cell_counts(result.seeds, result.grid.geometry, result.labels)
        facts = {"d": linear.weight.shape[0], "marked": int((counts.sum(1) > 0).sum()), "n": result.grid.geometry.n}
        lines.append(texts.HEAD_FACTS.format(**facts, loss=f"{linear.loss:.3g}", steps=len(linear.losses)))
    return "".join(f"<p>{line if line.startswith('<') else html.escape(line)}</p>" for line in lines)


def maps(result: Scribbled, names: dict[int, str]) -> str:
    """Small maps with captions, as HTML."""
    figures: list[tuple[str, str, Picture]] = []
    called = [name_of(label, names) for label in result.labels]
    if result.costs is not None and bool(result.costs.any()):
        top = _high(result.costs)
        figures += [_figure("cost", ramp(c.numpy() / top), name=name) for name, c in zip(called, result.costs, strict=True)]
    elif result.P is not None:
        figures += [_figure("P", ramp(p.numpy()), name=name) for name, p in zip(called, result.P, strict=True)]
    if result.cut is not None:
        figures.append(_figure("links", _links(result)))
    if (unsure := result.uncertain) is not None:
        figures.append(_figure("unsure", ramp(unsure.numpy())))
    shown = (
        f'<figure><img src="{data_uri(jpeg(_small(picture)))}" alt="{html.escape(title)}">'
        f"<figcaption><b>{html.escape(title)}</b> <span>{html.escape(text)}</span></figcaption></figure>"
        for title, text, picture in figures
    )
    return f'<div class="scribble-maps">{"".join(shown)}</div>'


def ramp(values: NDArray[np.floating]) -> Picture:
    """(h, w) values in [0, 1] as colors of the sequential ramp."""
    stops = hex_to_rgb(SEQUENTIAL).astype(np.float64)
    table = np.stack([np.interp(np.linspace(0, 1, 256), np.linspace(0, 1, len(stops)), stops[:, c]) for c in range(3)], 1)
    colors: Picture = table.round().astype(np.uint8)[(255 * np.clip(values, 0, 1)).astype(np.uint8)]
    return colors


def _cut_lines(cut: Cut, k: int) -> list[str]:
    total = cut.labels.numel()
    energy = texts.ENERGY.format(
        energy=_number(cut.energy), data=_number(cut.data), smoothness=_number(cut.smoothness), n=f"{cut.n_cut:,}"
    )
    if cut.flow is None:
        return [energy, texts.EXPANSION.format(k=k)]
    holds = abs(cut.energy - cut.flow) <= cut.rounding + 1e-6
    told = (texts.CERTIFIED if holds else texts.NOT_CERTIFIED).format(flow=_number(cut.flow), energy=_number(cut.energy))
    head = f"<b>{html.escape(texts.CERTIFICATE)}:</b> {html.escape(told)}"
    if cut.coarse_energy is None:
        scope = texts.CERTIFIED_ALL
    else:
        scope = texts.CERTIFIED_BAND.format(
            band=f"{int(cut.band.sum()):,}", n=f"{total:,}", coarse=_number(cut.coarse_energy)
        )
    return [energy, head, scope, texts.OPEN.format(n=f"{cut.n_open:,}", total=f"{total:,}")]


def _number(value: float) -> str:
    return f"{value:,.3f}"


def _figure(key: str, picture: Picture, **facts: str) -> tuple[str, str, Picture]:
    title, text = texts.MAPS[key]
    return title.format(**facts), text, picture


def _high(costs: Tensor) -> float:
    """The cost that 98 % of the pixels stay below, so that a few strange colors do not darken the map."""
    return max(float(np.quantile(costs.numpy()[:, ::3, ::3], 0.98)), 1e-6)


def _links(result: Scribbled) -> Picture:
    """The mean link of each pixel, and the cut ones in orange."""
    w = contrast_links(scaled_picture(result.grid.pixels, result.grid.geometry).cpu(), weight=1.0).numpy()
    labels = result.scaled.numpy()
    sums, counts, cut = np.zeros(labels.shape), np.zeros(labels.shape), np.zeros(labels.shape, dtype=bool)
    for direction, offset in enumerate(OFFSETS):
        a, b = ends(offset)
        for part in (a, b):
            sums[part] += w[direction][a]
            counts[part] += 1
        cut[a] |= labels[a] != labels[b]
    gray = (255 * sums / np.maximum(counts, 1)).astype(np.uint8)
    picture = np.repeat(gray[..., None], 3, 2)
    picture[cut] = _CUT
    return picture


def _small(picture: Picture) -> Picture:
    height, width = picture.shape[:2]
    scale = min(1.0, _MAP_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: Picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small


def _most_unsure(unsure: Tensor, seeds: Tensor) -> list[float] | None:
    """Where the doubt around a place is largest, away from the strokes."""
    height, width = unsure.shape
    reach = max(1, round(_HINT_REACH * max(height, width))) | 1
    around = cv2.blur(unsure.numpy(), (reach, reach))
    near = cv2.dilate((seeds.numpy() > 0).astype(np.uint8), np.ones((reach, reach), np.uint8))
    around[near > 0] = -1
    y, x = np.unravel_index(int(around.argmax()), around.shape)
    return [float((x + 0.5) / width), float((y + 0.5) / height)] if around[y, x] > 0 else None
