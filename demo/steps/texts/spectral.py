"""The sentences of: spectral clustering."""

name = "Spectral clustering"
lead = "Why do eigenvectors hold segments? A vector that is smooth along heavy edges is nearly constant on a segment."
weights, row, matrix = "The graph: W", "The row of W of the marked patch", "W"
said_weights = {
    True: "W = W_feat + λ W_knn joins {n:,} patches; {share:.0%} of the pairs have an edge.",
    False: "Near points are joined: {share:.0%} of the pairs of {n:,} points have an edge.",
}
formula_weights = {
    True: "W = W<sub>feat</sub> + λ W<sub>knn</sub>, &nbsp; W<sub>feat</sub> = f fᵀ ⊙ (f fᵀ &gt; 0)",
    False: "A<sub>ij</sub> = exp(−γ ‖x<sub>i</sub> − x<sub>j</sub>‖²), 0 below 0.01",
}
degrees, degree_map = "Degrees: D", "dᵢ: how well each is connected"
said_degrees = "The best connected is {name}, with d = {d:.3g}."
laplacian = "The Laplacian: L = D − W"
said_laplacian = "Choose a vector x: its form xᵀLx sums over all edges how much x jumps along them."
vectors = {"half": "Right half", "one": "A single one", "constant": "Constant", "random": "Random"}
about = {
    "half": "For the indicator of a set, xᵀLx is the weight of its cut: each cut edge counts W<sub>ij</sub> · 1.",
    "one": "A single one is cheap to cut off: the form is its degree without its self-loop. "
    "This is why the min cut takes corners.",
    "constant": "L 1 = 0: no edge jumps. The smallest eigenvalue is 0, and its vector says nothing.",
    "random": "A random vector jumps along all edges: its quotient lies near 1.",
}
vector_map, terms_map = "x", "Σⱼ Wᵢⱼ (xᵢ − xⱼ)²: where x jumps"
eigenvalues, spectrum, spectrum_x = "Eigenvalues", "The smallest eigenvalues", "i of μᵢ"
said_eigenvalues = "{zeros} of them 0; the largest gap behind the first speaks for {gap} segments."
formula_eigen = {
    "random_walk": "L v = μ D v",
    "symmetric": "D<sup>−½</sup> L D<sup>−½</sup> u = μ u",
    "plain": "L v = μ v",
}
components = "As many eigenvalues are 0 as the graph has connected components: {components}."
vector, eigenvector_map = "Eigenvector v_{i}", "The entries of v_{i}"
sweep, sweep_x, best = "Ncut of {v > t} for every threshold t", "t", "lowest: {ncut:.3g}"
said_constant = "Constant on each connected component: it cuts nothing but what is apart already."
said_vector = "Cut at its best threshold, v_{i} gives Ncut = {ncut:.3g}."
about_vector = "x = v<sub>{i}</sub>: its quotient xᵀLx / xᵀDx is μ<sub>{i}</sub> (for L v = μ D v)."
rows, rows_map = "Rows", "Where each one lies"
said_rows = "Each {word} becomes the row of its entries in the first {k} eigenvectors: segments become clumps."
formula_rows = "y<sub>i</sub> = (v<sub>0</sub>(i), v<sub>1</sub>(i), …, v<sub>K−1</sub>(i))"
plane = "The rows: v_{a} and v_{b}"
more = "4 or more"
ask_zeros = "How many eigenvalues are 0?"
why_zeros = (
    "As many as the graph has connected components, {n}: xᵀLx = ½ Σ W_ij (x_i − x_j)² is 0 just where x is constant on each "
    "component. Their indicators span the null space, but an eigensolver may return them mixed."
)
ask_vector = "Which eigenvector cuts best, and why not the first?"
why_vector = (
    "v_{right} has the lowest Ncut over its thresholds, {ncut:.3g} ({others}). A constant vector has no threshold to cut at."
)
nothing = "no cut"
ask_constant = "Of which vector x is xᵀLx least?"
constant_options = ("constant", "right half", "a single one", "random")
why_constant = (
    "The constant one gives {zero:.3g}, as no edge jumps; the right half gives {half:.3g}. So one looks for the "
    "least among the vectors that are orthogonal to the constant one (D-orthogonal): that is v_1."
)
