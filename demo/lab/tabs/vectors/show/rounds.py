"""Above the eigenvectors: the rounds of a method that cuts again and again, and what it left out of each."""

from typing import Any, cast

from torch import Tensor

from demo.lab import show, texts
from demo.shared.components.map_grid import MapGridValue, Tile
from segcore.pipeline.methods import METHODS
from segcore.show.files import pack_floats
from segcore.types import Round, Segmentation


def rounds_value(result: Segmentation) -> MapGridValue | None:
    """Per round the graph that is left, the vector and what was found; None for a method without rounds."""
    rounds = show.rounds_of(result)
    if not rounds:
        return None
    lead = texts.ROUNDS_OBJECTS if result.has_background else texts.ROUNDS_SEGMENTS
    value = {
        **show.map_ground(result.features),
        "lead": lead.format(method=METHODS[result.settings.method].title),
        "rows": [_row(r, i) for i, r in enumerate(rounds, 1)],
    }
    return cast(MapGridValue, value)


def _row(r: Round, i: int) -> dict[str, Any]:
    out, n = int(r.out.sum()), len(r.out)
    left = texts.ROUNDS_LEFT.format(left=n - out, n=n) if out else texts.ROUNDS_ALL.format(n=n)
    return {
        "title": texts.ROUNDS_TITLE.format(i=i, ncut=f"{r.ncut:.3f}"),
        "text": f"{left} {r.remark}".strip(),
        "tiles": [*_graph(r), _vector(r), _found(r)],
    }


def _graph(r: Round) -> list[Tile]:
    if r.degree is None:
        return []
    return [
        {
            "title": texts.ROUNDS_GRAPH,
            "kind": "sequential",
            "values": _packed(r.degree),
            "out": _packed(r.out),
            "caption": texts.ROUNDS_GRAPH_CAPTION,
        }
    ]


def _vector(r: Round) -> Tile:
    return {
        "title": texts.ROUNDS_VECTOR,
        "kind": "diverging",
        "values": _packed(r.v - r.v.mean() if r.degree is not None else r.v),
        "mask": _packed(r.side),
        "out": _packed(r.out),
        "caption": texts.ROUNDS_VECTOR_CAPTION if r.degree is not None else texts.ROUNDS_SEGMENT_CAPTION,
    }


def _found(r: Round) -> Tile:
    few = int(r.found.sum())
    caption = texts.ROUNDS_FOUND_CAPTION.format(few=few, share=f"{few / len(r.found):.1%}") if few else texts.ROUNDS_NOTHING
    return {"title": texts.ROUNDS_FOUND, "kind": "sequential", "mask": _packed(r.found), "caption": caption}


def _packed(values: Tensor) -> str:
    return pack_floats(values.float().cpu().numpy())
