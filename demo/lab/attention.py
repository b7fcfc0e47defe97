"""The tab "Attention": where the heads of the last block look, and what DINO-seg makes of one of them."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from torch import Tensor

from demo.lab import texts, views
from demo.lab.tab import Lab, Panel, View
from demo.shared.components import MapGrid
from demo.shared.components.map_grid import MapGridValue, Tile
from demo.shared.events import LIGHT
from demo.shared.service import Service
from demo.shared.texts import READY
from segcore.cut.dino_seg import dino_seg, head_here
from segcore.settings import Settings
from segcore.show.files import pack_floats
from segcore.types import FeatureGrid

TITLE = "Attention"


def make(service: Service) -> Panel:
    """Lay the tab out."""
    grid = MapGrid(elem_id="attention", empty=READY)

    def fill(view: View) -> Iterator[tuple[Any, ...]]:
        # Attention belongs to the backbone, whatever the method works on.
        features = service.pipeline.features(view.shown.picture, view.shown.settings)
        yield (attention_value(features, view.shown.settings),)

    def wire(lab: Lab) -> None:
        """A click on a head makes it the one that DINO-seg uses."""
        grid.choose(take_head, None, lab.controls["attention_head"], **LIGHT)

    return Panel((grid,), fill, wire=wire)


def take_head(event: gr.EventData) -> int:
    """The head that was clicked."""
    return int(event.index)


def attention_value(features: FeatureGrid, settings: Settings) -> MapGridValue | dict[str, str]:
    """All heads, their mean, and the mask of the head in use; only a message where the backbone has no attention."""
    attention = features.attention
    if attention is None:
        return {"message": texts.ATTENTION_NONE.format(origin=features.origin)}
    heads, (used, notes) = len(attention), head_here(attention, settings.attention_head)
    tiles = [_head(attention[i], i, pressed=i == used) for i in range(heads)]
    tiles.append({"title": texts.ATTENTION_MEAN, "kind": "sequential", "values": _packed(attention.mean(0))})
    rows = [{"title": "", "text": "", "tiles": tiles}]
    rows.append(_mask(attention, used, settings.attention_mass))
    return {
        **views.map_ground(features),
        "lead": " ".join((texts.ATTENTION_LEAD.format(heads=heads), *notes)),
        "rows": rows,
    }


def _head(a: Tensor, i: int, *, pressed: bool) -> Tile:
    return {
        "title": texts.ATTENTION_HEAD.format(i=i),
        "kind": "sequential",
        "values": _packed(a),
        "choose": i,
        "pressed": pressed,
    }


def _mask(attention: Tensor, head: int, mass: float) -> dict[str, Any]:
    """What DINO-seg keeps of a head, and the piece that it takes as the object."""
    found = dino_seg(attention, head=head, mass=mass)
    kept = found.v > found.threshold
    share, facts = float(found.v[found.side].sum()), found.facts
    return {
        "title": texts.ATTENTION_MASK.format(head=head),
        "text": texts.ATTENTION_MASK_TEXT.format(mass=f"{mass:.0%}"),
        "tiles": [
            {
                "title": texts.ATTENTION_KEPT,
                "kind": "sequential",
                "mask": _packed(kept),
                "caption": texts.ATTENTION_KEPT_CAPTION.format(kept=facts["patches_kept"], n=len(kept)),
            },
            {
                "title": texts.ATTENTION_OBJECT,
                "kind": "sequential",
                "mask": _packed(found.side),
                "caption": texts.ATTENTION_OBJECT_CAPTION.format(share=f"{share:.0%}"),
            },
        ],
    }


def _packed(values: Tensor) -> str:
    return pack_floats(values.float().cpu().numpy())
