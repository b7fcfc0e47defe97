"""The sentences of the page; those of an algorithm stand together in a class of its name."""

PLANE_PCA = "The patches in the plane of the first two principal components ({share:.0%} of the variance)"
PLANE_POINTS = "The points"
DATA = {
    "picture": "The picture",
    "blobs": "Three blobs",
    "unequal": "Unequal blobs",
    "stretched": "Stretched blobs",
    "moons": "Two moons",
    "rings": "A ring",
    "outlier": "Two groups and an outlier",
    "bridge": "Two groups with a bridge",
    "own": "Points of my own",
}
W_TOO_LARGE = "The graph of these patches does not fit into memory. Lower the longer side in the lab."
POINTS_DAMAGED = "The points of this link cannot be read. Click new ones."
POINTS_COUNT = "Set {fewest} to {most} points; there are {n}."
POINTS_CLEAR = "Start with no points"
POINTS_HELP = "Click into the plane to add a point; click on a point to remove it."

ALGORITHM, ALGORITHM_INFO = "Algorithm", "Played one step at a time; every number is the program's own."
DATA_LABEL, DATA_INFO = "On", "A picture, or points in the plane that make its strengths and its failures visible."
N_POINTS, N_POINTS_INFO = "Number of points", "How many are drawn."
GAMMA, GAMMA_INFO = "Scale γ of the graph", "A_ij = exp(−γ ‖x_i − x_j‖²), 0 below 0.01; large γ joins near points only."
MORE = "More"
EMPTY = "The steps appear here."
STATUS = "{title} on {data}: {steps} steps, computed in {seconds:.2f} s, {kilobytes:,} kB. Playing them asks the server nothing."
ONLY_PICTURES = "{title} needs a picture, so here it is on {picture}."
NO_ALGORITHM = "There is no algorithm named {name}; here is k-means. There are: {known}."
NO_DATA = "There are no points named {name}; here is the picture. There are: {known}."
BAD_NUMBER = "{name} must be a number from {lo:g} to {hi:g}; the link says {given}, so here it is {default:g}."
NO_STEP = "This run has no step named {name}; here is the nearest that there is."


class SEEDING:
    """k-means++."""

    name = "k-means++: the start"
    lead = "Why not start anywhere? Far patches are likelier, so that no group is left without a center."
    title = "Center {j}"
    map_first = "Chance of each patch: all alike"
    map_before = "Chance of each patch to be drawn: pᵢ = Dᵢ² / Σ D²"
    map_after = "Dᵢ² after center {j}: squared distance to the nearest center"
    curve = "The draw: a level u meets the cumulated chance"
    curve_x = "row"
    said_first = "The first center is any of them, with equal chance: it is {name}."
    said = "The draw falls on {name}, whose chance was {p:.2%}."
    first_why = "No center yet, so nothing is near or far: each has the same chance."
    inverse = "the first row whose cumulated D² exceeds it is number {i}."
    ask_likeliest = "Which {word} is the likeliest to become center 2? Point at it."
    why_likeliest = (
        "The likeliest has a chance of only {p:.2%}. The draw took {drawn}: its chance {q:.2%}, place {rank} of all. "
        "k-means++ does not take the farthest, it draws: one outlier must not become a center each time."
    )
    ask_never = "Which {word} can not be drawn as the last center? Point at it."
    why_never = "D² is 0 at {n} {words}: those that are centers, or equal to one. All others have some chance."
    ask_fall = "By how much will Σ D² fall when center 2 is there?"
    fall_options = ("by less than a quarter", "by a quarter to a half", "by more than half")
    why_fall = "It falls by {share:.0%}. Σ D² is what k-means minimizes, so the start already does part of its work."


class KMEANS:
    """k-means."""

    name = "k-means"
    lead = "Why does it stop, and where? Assign, update, and E can only fall."
    titles = {"start": "The start", "assign": "Assign, round {round}", "update": "Update, round {round}"}
    said_start = "{k} centers, drawn by k-means++. Nothing is assigned yet."
    said_first = "All {words} go to their nearest center."
    said_assign = "{n} changed sides: outlined."
    said_done = "No {word} changes sides, so the centers stay where they are: the run is over."
    said_update = "Each center moves to the mean of its rows; center {k} moves the most, by {move:.3g}."
    said_still = "No center moves any more."
    said_filled = " Center {k} had none left and took the one farthest from its center."
    formula_start = "c<sub>1</sub> … c<sub>K</sub>: rows of X, drawn with chance D² / Σ D²"
    curve = "E after each half round; the other restarts are faint"
    curve_alone = "E after each half round"
    curve_x = "half rounds"
    ask_falls = "The centers now move to the means. Will E fall, stay, or rise?"
    falls_options = ("fall", "stay", "rise")
    why_falls = (
        "The mean is the point with the least sum of squared distances to the rows of a cluster, so no other center could be "
        "better for this assignment. And the next assignment takes for each row the nearest center. So E never rises."
    )
    ask_changes = "Point at a {word} that will change sides in the next assignment."
    why_changes = "{n} changed: those near the border between two centers, once the centers have moved."
    ask_groups = "Will k-means find the groups that you see?"
    groups_options = ("yes", "no")
    why_groups = {
        True: "{share:.0%} of the points are in their own group: the groups are compact, alike in size, and well apart.",
        False: (
            "Only {share:.0%} of the points are in their own group. The border between two centers is a straight line half way "
            "between them: k-means finds round groups of about the same extent, and cuts all others."
        ),
    }


class MIXTURE:
    """EM for the mixture."""

    name = "EM for a Gaussian mixture"
    lead = "What does a soft border buy? Each row belongs to every component a little, and the log-likelihood can only rise."
    titles = {"start": "The start: labels of k-means", "e": "E-step {round}", "m": "M-step {round}"}
    all_of_them, one, entropy = "All", "Component {k}", "How undecided"
    map_one = "γ of component {k}"
    map_entropy = "Entropy of γ, in bits: how undecided each is"
    curve, curve_x = "Log-likelihood after each half step", "half steps"
    said_start = "Hard labels of k-means: each of the {words} belongs to one component entirely."
    said_m = "Means, covariances and shares follow from the responsibilities; component {k} has most of the mass, {share:.0%}."
    said_e = "{n} belong to no component with more than 90 %."
    formula_m = (
        "μ<sub>k</sub> = Σ<sub>i</sub> γ<sub>ik</sub> x<sub>i</sub> / N<sub>k</sub>, &nbsp; Σ<sub>k</sub> = Σ<sub>i</sub> "
        "γ<sub>ik</sub> (x<sub>i</sub> − μ<sub>k</sub>)(x<sub>i</sub> − μ<sub>k</sub>)ᵀ / N<sub>k</sub>"
    )
    formula_e = (
        "γ<sub>ik</sub> = π<sub>k</sub> N(x<sub>i</sub>; μ<sub>k</sub>, Σ<sub>k</sub>) / Σ<sub>j</sub> …, "
        "each divided by the largest of the row:"
    )
    ask_undecided = "Point at the {word} that is most undecided in the end."
    why_undecided = (
        "Its γ has an entropy of {bits:.2g} bits. Undecided is what lies where the weighted densities of two components meet, "
        "which is a curve, not the straight line of k-means."
    )
    ask_grows = "Which component gains the most mass from the first E-step to the last?"
    why_grows = "Its N_k grows by a factor of {factor:.3g}: a wide component explains what lies far from all of the others."
    ask_leaves = "How many of the {words} will leave the component that k-means gave them?"
    leaves_options = ("less than 2 %", "2 to 20 %", "more than 20 %")
    why_leaves = (
        "{share:.1%} leave. With equal spherical Σ = ε I and equal π, EM becomes k-means as ε → 0, and none would; "
        "what moves them is that components have shapes and sizes of their own."
    )


class GRAPH:
    """Views of a graph."""

    grid_order, point_order, degree_order = "In the order of the grid", "In the order of the points", "By degree"
    edges = "The edges: A_ij > 0"
    blocks = "{n:,} patches are too many to draw: an entry is the mean over a pair of blocks of a grid of {rows} × {columns}."
    block_weight = "mean of W between the two blocks"
    heavy, to = "heaviest: W<sub>ij</sub> = ", " to "


class SPECTRAL:
    """Spectral clustering."""

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
        "one": "A single one is cheap to cut off: the form is its degree without its self-loop. This is why the min cut takes corners.",
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
    vector, eigenvector_map = "Eigenvector {i}", "v{i}"
    sweep, sweep_x, best = "Ncut of {v > t} for every threshold t", "t", "lowest: {ncut:.3g}"
    said_constant = "Constant on each connected component: it cuts nothing but what is apart already."
    said_vector = "Cut at its best threshold, v{i} gives Ncut = {ncut:.3g}."
    about_vector = "x = v<sub>{i}</sub>: its quotient xᵀLx / xᵀDx is μ<sub>{i}</sub> (for L v = μ D v)."
    rows, rows_map = "Rows", "Where each one lies"
    said_rows = "Each {word} becomes the row of its entries in the first {k} eigenvectors: segments become clumps."
    formula_rows = "y<sub>i</sub> = (v<sub>0</sub>(i), v<sub>1</sub>(i), …, v<sub>K−1</sub>(i))"
    plane = "The rows: v{a} and v{b}"
    more = "4 or more"
    ask_zeros = "How many eigenvalues are 0?"
    why_zeros = (
        "As many as the graph has connected components, {n}: xᵀLx = ½ Σ W_ij (x_i − x_j)² is 0 just where x is constant on each "
        "component. Their indicators span the null space, but an eigensolver may return them mixed."
    )
    ask_vector = "Which eigenvector cuts best, and why not the first?"
    why_vector = "v_{right} has the lowest Ncut over its thresholds, {ncut:.3g} ({others}). A constant vector has no threshold to cut at."
    nothing = "no cut"
    ask_constant = "Of which vector x is xᵀLx least?"
    constant_options = ("constant", "right half", "a single one", "random")
    why_constant = (
        "The constant one gives {zero:.3g}, as no edge jumps; the right half gives {half:.3g}. So one looks for the least among the "
        "vectors that are orthogonal to the constant one (D-orthogonal): that is v_1."
    )
