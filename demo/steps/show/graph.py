"""How a graph is drawn: as a matrix in several orders, as rows of it, as edges between points."""

from typing import Any

import torch
from torch import Tensor

from demo.shared.sequence import At, Coarse, html_number
from demo.steps.algorithm import stage
from demo.steps.data import Data
from demo.steps.texts import graph
from segcore.graph.blocks import block_means, block_of_cells, mean_in_blocks
from segcore.graph.laplacian import degrees

MOST_BLOCKS = 600  # on a side of the matrix; more cells are averaged
_MOST_EDGES = 1500  # drawn between points
_STRONGEST = 3  # edges that are told of a row


def ncut_sum(cut: float, inside: float, outside: float, ncut: float) -> str:
    """Ncut with its numbers, or why there is none."""
    if min(inside, outside) <= 0:
        return graph.no_volume
    volumes = f"1 / {html_number(inside)} + 1 / {html_number(outside)}"
    return f"Ncut = {html_number(cut)} · ({volumes}) = {html_number(ncut)}"


class GraphViews:
    """The views of one graph; arrays are made once and shared by all frames."""

    def __init__(self, data: Data):
        """Average the weights over blocks of patches where there are many."""
        self.data = data
        if data.is_picture:
            self.block, size = block_of_cells(data.h, data.w, most=MOST_BLOCKS)
            self.size: tuple[int, int] | None = size
        else:
            self.block, self.size = torch.arange(data.n), None
        self.whole = not data.is_picture or len(self.block.unique()) == data.n
        means = data.W.double() if self.whole else block_means(data.W, self.block)
        self.m = len(means)
        self.matrix = Coarse(means.flatten()) if data.is_picture else means.flatten().float()
        self._means = means
        self._orders = {graph.grid_order if data.is_picture else graph.point_order: torch.arange(self.m)}
        self._orders[graph.degree_order] = self.order(degrees(data.W))
        weights, nearest = _off_diagonal(data.W).topk(min(_STRONGEST, data.n - 1), dim=1)
        self.strongest = nearest, weights.float()

    @property
    def note(self) -> str:
        """What an entry of the matrix is, where it is not a weight."""
        return (
            ""
            if self.whole or self.size is None
            else graph.blocks.format(rows=self.size[0], columns=self.size[1], n=self.data.n)
        )

    def order(self, values: Tensor) -> Tensor:
        """(m,) the blocks by rising mean of values (n,)."""
        means = values.double() if self.whole else mean_in_blocks(values, self.block)
        return means.argsort(stable=True)

    def matrix_view(self, title: str, **orders: Tensor) -> dict[str, Any]:
        """W as a picture; further orders by name, each by rising values (n,)."""
        ordered = self._orders | {name.replace("_", " ").capitalize(): self.order(values) for name, values in orders.items()}
        return {
            "kind": "matrix", "title": title, "matrix": self.matrix, "m": self.m, "size": self.size, "note": self.note,
            "orders": [{"name": name, "rows": rows} for name, rows in ordered.items()],
        }  # fmt: skip

    def row_view(self, title: str) -> dict[str, Any]:
        """The row of W that belongs to the patch pointed at, as a map; for points their edges."""
        if self.data.is_picture:
            return {"kind": "map", "title": title, "rowOf": self.matrix, "matrix": True, "size": self.size, "marks": []}
        return {**stage(self.data, graph.edges)[0], "edges": self.edges()}

    def edges(self) -> dict[str, Tensor]:
        """The heaviest edges between points, and their weights."""
        upper = self.data.W.triu(1)
        pairs = upper.nonzero()
        weights = upper[pairs[:, 0], pairs[:, 1]]
        heaviest = weights.argsort(descending=True)[:_MOST_EDGES]
        return {"pairs": pairs[heaviest].flatten(), "weights": weights[heaviest].float()}

    def pair_line(self) -> list[Any]:
        """The weight between the rows i and j that are pointed at in the matrix."""
        name = "A<sub>ij</sub>" if not self.data.is_picture else "W<sub>ij</sub>" if self.whole else graph.block_weight
        other = At(torch.arange(self.data.n), form="row", of="j")
        return [f"{name} = ", self.entry(), ", j: ", other]

    def entry(self) -> At:
        """The entry of the matrix that is pointed at."""
        values = self._means.float() if self.data.is_picture and self.m <= 40 else self.matrix
        return At(_grid(values, self.m), of="ij", size=self.size)

    def neighbor_lines(self) -> list[list[Any]]:
        """The heaviest edges of row i."""
        nearest, weights = self.strongest
        k_of = range(nearest.shape[1])
        return [[graph.heavy, At(weights, k), graph.to, At(nearest, k, "row")] for k in k_of]


def _off_diagonal(W: Tensor) -> Tensor:
    return W.double().clone().fill_diagonal_(-1.0)


def _grid(values: Any, m: int) -> Any:
    """The flat matrix with its width, as a token needs it."""
    tensor = values.values if isinstance(values, Coarse) else values
    shaped = tensor.reshape(m, m)
    return Coarse(shaped) if isinstance(values, Coarse) else shaped
