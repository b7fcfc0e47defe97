"""The tab "Numbers": tokens, memory, residuals, and the time of each stage."""

import html
from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo.lab import show, texts
from demo.lab.tab import Panel, View
from demo.shared.service import Service
from demo.shared.texts import CHOICES
from segcore.types import Segmentation

TITLE = "Numbers"


def make(_service: Service) -> Panel:
    """Lay the tab out."""

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        yield (numbers_html(view.result),)

    return Panel((gr.HTML(elem_id="numbers"),), fill)


def numbers_html(result: Segmentation) -> str:
    """Tokens, memory, convergence and the time of each stage, as tables."""
    g, facts = result.features.geometry, {k: v for stage in result.stages for k, v in stage.facts.items()}
    rows = [
        ("Picture", f"{g.image_size[1]} × {g.image_size[0]} px"),
        ("Scaled to", f"{g.scaled_size[1]} × {g.scaled_size[0]} px, patches of {g.patch} px"),
        ("Tokens n", f"{g.h} × {g.w} = {g.n:,}"),
        ("Features", f"{result.features.origin}, d = {facts['d']}"),
        ("Weights", result.features.source),
    ]
    if result.affinity is not None:
        rows.append(("Memory of W", f"{result.affinity.W.nbytes / 2**20:.1f} MiB"))
        rows.append(("Share of W from λ W_knn", f"{result.affinity.knn_share:.1%}"))
    if result.spectrum is not None:
        s = result.spectrum
        how = f"{s.n_passes} passes over W" if s.n_passes else "solved densely"
        rows.append(("Connected components", str(s.n_components)))
        rows.append(("Largest residual", f"{float(s.residuals.max()):.1e}, {how}"))
    rows += [(title, _told(key, facts[key])) for key, title in texts.FACTS.items() if key in facts]
    times = [(texts.STAGES[s.name], show.seconds(s.seconds) + (", remembered" if s.cached else "")) for s in result.stages]
    return f'<div class="numbers">{_table("Result", rows)}{_table("Time per stage", times)}</div>'


def _told(name: str, value: float | int | str) -> str:
    if isinstance(value, str):
        return CHOICES.get(name, {}).get(value, value)
    return f"{value:.1%}" if name.endswith("_share") else f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    cells = "".join(f'<tr><th scope="row">{html.escape(k)}</th><td>{html.escape(v)}</td></tr>' for k, v in rows)
    return f"<table><caption>{html.escape(title)}</caption><tbody>{cells}</tbody></table>"
