"""The sentences of: views of a graph."""

grid_order, point_order, degree_order = "In the order of the grid", "In the order of the points", "By degree"
edges = "The edges: A_ij > 0"
blocks = "{n:,} patches are too many to draw: an entry is the mean over a pair of blocks of a grid of {rows} × {columns}."
block_weight = "mean of W between the two blocks"
no_volume = "Ncut: one side has no edges, so its volume is 0, and Ncut counts as 2, its largest value"
heavy, to = "heaviest: W<sub>ij</sub> = ", " to "
