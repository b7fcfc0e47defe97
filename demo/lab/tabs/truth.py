"""The tab "Ground truth": what the result is worth, measured against what somebody drew."""

import html
import json
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demo.lab import show, texts
from demo.lab.tab import Lab, Panel, View, fill_again
from demo.shared.events import LIGHT
from demo.shared.service import Service
from demo.shared.texts import OWN_IGNORE, OWN_IGNORE_INFO
from segcore.errors import SegcoreError
from segcore.evaluate.compare import Comparison, compare
from segcore.image import digest, parse_label, read_labels
from segcore.show.files import data_uri, jpeg
from segcore.show.paint import paint_errors, paint_labels, shrink, shrink_labels
from segcore.show.palette import ERRORS, OBJECT_PALETTE
from segcore.types import Segmentation

_ROWS = 30  # of the table of pairs; a map of superpixels would have hundreds


TITLE = "Ground truth"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    gr.Markdown(texts.TRUTH_INFO)
    with gr.Row(elem_id="truth-inputs"):
        file = gr.File(label=texts.TRUTH_FILE, type="filepath", height=110, scale=3, elem_id="truth-file")
        ignore = gr.Textbox(label=OWN_IGNORE, info=OWN_IGNORE_INFO, max_lines=1, scale=2, elem_id="truth-ignore")
    told = gr.HTML(elem_id="truth-told")

    def fill(view: View, path: str | None, left_out: str | None) -> Iterator[tuple[Any, ...]]:
        yield (measured(service, view, path, left_out),)

    def wire(lab: Lab) -> None:
        fill_again(lab, panel, file.upload, file.clear, ignore.submit, ignore.blur)
        empty = f"() => {json.dumps(panel.fresh)}"  # another picture has another truth
        lab.picture.change(None, None, [file, ignore], js=empty, **LIGHT)

    panel = Panel((told,), fill, inputs=(file, ignore), fresh=(None, ""), wire=wire)
    return panel


def measured(service: Service, view: View, file: str | None, ignore: str | None) -> str:
    """The tab's contents: what is on view against an uploaded truth, or the one that was drawn with the example."""
    example = service.example_of(view.shown.picture)
    path = file or (example and example.truth)
    if not path:
        return _said(texts.TRUTH_NONE)
    try:
        truth, left_out = read_labels(path), parse_label(ignore or "")  # None while the tab has not been open
        result = view.result
        key = ("truth", result.digest, result.settings, digest(truth.labels), truth.colors, truth.transparent, left_out)
        found, _ = service.pipeline.cache.get(key, partial(compare, result, truth, ignore=left_out))
    except SegcoreError as error:
        return _said(str(error), "truth-error")
    source = texts.TRUTH_OF_UPLOAD.format(name=Path(path).name) if file else texts.TRUTH_OF_EXAMPLE
    return _told(source, result, found)


def _told(source: str, result: Segmentation, found: Comparison) -> str:
    """Pictures and tables."""
    parts = [_said(source), *(_said(note, "truth-note") for note in found.notes), _pictures(result, found)]
    if found.objects is not None:
        told = texts.TRUTH_FOUND[found.objects.found_box]
        rows = {key: (name, says.format(found=told)) for key, (name, says) in texts.TRUTH_OBJECT_SCORES.items()}
        parts.append(_scores(texts.TRUTH_OBJECT_TITLE, found.objects, rows))
    parts += [_scores(texts.TRUTH_SCORES_TITLE, found.scores, texts.TRUTH_SCORES), _pairs(result, found)]
    return f'<div class="truth">{"".join(parts)}</div>'


def _said(sentence: str, kind: str = "truth-said") -> str:
    return f'<p class="{kind}">{html.escape(sentence)}</p>'


def _pictures(result: Segmentation, found: Comparison) -> str:
    """The errors, the segments in the colors of their regions, and the truth, side by side."""
    image = shrink(result.image.numpy())
    errors, paired, truth = (shrink_labels(x.numpy()) for x in (found.errors, found.paired, found.truth))
    shown = {
        "errors": (paint_errors(image, errors), _legend(found)),
        "paired": (paint_labels(image, paired + 1, palette=OBJECT_PALETTE), _uncolored(paired)),
        "truth": (paint_labels(image, truth + 1, palette=OBJECT_PALETTE), _uncolored(truth)),
    }
    figures = (
        f'<figure><img src="{data_uri(jpeg(picture))}" alt="{texts.TRUTH_PICTURES[name]}">'
        f"<figcaption><b>{texts.TRUTH_PICTURES[name]}</b>{legend}</figcaption></figure>"
        for name, (picture, legend) in shown.items()
    )
    return f'<div class="truth-pictures">{"".join(figures)}</div>'


def _uncolored(numbers: np.ndarray) -> str:
    """A word on gray pixels, where there are any."""
    return f"<span>{texts.TRUTH_UNCOLORED}</span>" if (numbers < 0).any() else ""


def _legend(found: Comparison) -> str:
    """What the colors of the errors mean, and how many pixels have them."""
    counts = np.bincount(found.errors.numpy().ravel(), minlength=len(ERRORS))
    entries = (
        f"<li>{_chip(ERRORS[code])}{texts.TRUTH_ERRORS[code]} <span>{_percent(counts[code] / counts.sum())}</span></li>"
        for code in np.flatnonzero(counts)
    )
    return f"<ul>{''.join(entries)}</ul>"


def _scores(title: str, scores: Any, rows: dict[str, tuple[str, str]]) -> str:
    """A table of numbers with their meaning."""
    body = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td class="truth-number">{_number(getattr(scores, key))}</td>'
        f"<td>{html.escape(says)}</td></tr>"
        for key, (name, says) in rows.items()
    )
    return f'<table class="truth-scores"><caption>{html.escape(title)}</caption><tbody>{body}</tbody></table>'


def _pairs(result: Segmentation, found: Comparison) -> str:
    """The Hungarian pairs, the largest regions first, and the segments that are left over."""
    names = show.label_names(result, max(found.segments) + 1)
    segment_of = {region: found.segments[row] for row, region in enumerate(found.matching.partner.tolist()) if region >= 0}
    colors = OBJECT_PALETTE.hex(len(found.regions) + 1)[1:]
    order = np.argsort(-np.array(found.areas), kind="stable")
    rows = "".join(
        f'<tr><th scope="row">{_chip(colors[g])}{html.escape(found.regions[g])}</th><td>{_percent(found.areas[g])}</td>'
        f"<td>{names[segment_of[g]] if g in segment_of else texts.TRUTH_NO_PARTNER}</td>"
        f'<td class="truth-number">{_bar(found.matching.ious[g])}</td></tr>'
        for g in order[:_ROWS]
    )
    head = "".join(f'<th scope="col">{word}</th>' for word in texts.TRUTH_PAIRS_HEAD)
    table = (
        f'<table class="truth-pairs"><caption>{texts.TRUTH_PAIRS_TITLE}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    if len(order) > _ROWS:
        table += _said(texts.TRUTH_MORE.format(n=len(order) - _ROWS))
    paired = set(segment_of.values())
    alone = [names[label] for label in found.segments if label not in paired]
    return table + (_said(texts.TRUTH_ALONE.format(names=_listed(alone))) if alone else "")


def _listed(names: list[str]) -> str:
    more: Iterable[str] = [texts.TRUTH_MORE.format(n=len(names) - _ROWS)] if len(names) > _ROWS else []
    return ", ".join([*names[:_ROWS], *more])


def _bar(share: float) -> str:
    return f'<span class="truth-bar" style="--share: {share:.1%}"></span>{_number(share)}'


def _chip(color: str) -> str:
    return f'<i class="truth-chip" style="background: {color}"></i>'


def _number(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # never −0.000


def _percent(share: float) -> str:
    return f"{share:.1%}"
