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


class RECURSIVE:
    """Recursive normalized cuts."""

    name = "Normalized cuts, recursive"
    lead = "Which part is cut next, and when is it enough? Of all parts the one whose best cut has the lowest Ncut."
    titles = {"look": "Before the first cut", "cut": "Cut {round}", "end": "The end"}
    tree, tree_note = "The tree of parts", "Dashed: stays whole so far. Each part shows the Ncut of its own best cut."
    vector, sweep, best = "v₁ of the part that was cut", "Ncut of that part for every threshold t", "lowest: {ncut:.3g}"
    said_look = "All {words} are one part; its second eigenvector is known, and every threshold of it was tried."
    said_cut = "The part falls into {n} and {rest}; Ncut = {ncut:.3g}."
    said_end = "{n} parts: {why}"
    enough = "as many as were asked for."
    formula = "Ncut(A, B) = cut(A, B) · (1 / vol A + 1 / vol B), edges inside the part only"
    too_dear = "It stays whole: Ncut = {ncut} &gt; {most}, the largest that is allowed."
    too_smooth = "It stays whole: its vector is too smooth, {smoothness} &gt; {most}, so it could be cut anywhere."
    ask_next = "Which part will cut {number} take? Point at a {word} of it."
    why_next = "Of all parts its best cut is the cheapest: Ncut = {ncut:.3g}. Size alone does not decide."
    ask_share = "How much of all {words} will the smaller side of the first cut hold?"
    share_options = ("less than a tenth", "a tenth to three tenths", "about half")
    why_share = "It holds {share:.0%}. Ncut divides by the volumes, so a side of a few would have to be very cheap to cut off."


class MIN_CUT:
    """The minimum cut beside the normalized one."""

    name = "Min cut beside Ncut"
    lead = "Why normalize? On one and the same graph: the lightest cut, and the lightest in proportion to its sides."
    title = "Contraction, round {round}"
    said = "{m:,} merged nodes; the best cut so far takes {n} away, at a weight of {best:.4g}."
    both, contraction = "Both cuts", "What has merged"
    min_title, ncut_title = "Minimum cut: {n} on the smaller side", "Normalized cut: {n} on the smaller side"
    merged = "Merged nodes: {m:,}"
    alone = " is the weight of the cut that takes i alone"
    lightest = "lightest degree of a merged node: {degree}; best cut so far: {best}"
    min_name, ncut_name = "Minimum cut", "Normalized cut"
    curve_ncut, curve_cut = "Ncut along v₁", "cut along v₁: lowest at the ends"
    best_ncut, best_cut = "lowest Ncut: {ncut:.3g}", "lowest cut: {cut:.3g}"
    ask_size = "How many of the {n:,} {words} will the minimum cut take away?"
    size_options = ("one", "a few", "a tenth or more")
    why_size = "It takes {n}: few rows have few edges, so a small side is a cheap side."
    ask_where = "Point at a {word} that the minimum cut takes away."
    why_where = "Its edges weigh {cut:.4g} together, less than any other border in the graph."
    ask_lower = "Which of the two cuts crosses edges of less weight?"
    lower_options = ("the minimum cut", "they are the same")
    why_lower = (
        "The minimum cut crosses {cut:.4g}, the normalized cut {other_cut:.4g}. Divided by the volumes of their sides the order "
        "turns: the normalized cut has Ncut = {other:.3g}, the lowest that v_1 offers."
    )


class TOKENCUT:
    """TokenCut."""

    name = "TokenCut"
    lead = "Which side is the object? The one where the second eigenvector is largest in magnitude."
    titles = {
        "similarity": "A graph of alike and not alike", "vector": "The second eigenvector", "threshold": "Cut at the mean",
        "seed": "The seed", "object": "The object",
    }  # fmt: skip
    said = {
        "similarity": "Patches are joined where their cosine exceeds τ = {tau:g}.",
        "vector": "v is nearly constant on what holds together.",
        "threshold": "v > mean v is one side; its connected pieces are still mixed.",
        "seed": "The patch of the largest |v| is where the object is surest.",
        "object": "The piece of the side that holds the seed.",
    }
    degree_map, similar_map = "Degree: how many patches each resembles", "Cosine to the seed"
    vector_map, side_map, seed_map, object_map = "v", "v > mean v", "|v|", "The object"
    histogram, mean = "How often each value of v occurs", "mean v = {mean:.3g}"
    seed_line = "The seed is {name}: v = {v}."
    ask_seed = "Point at the patch that will be the seed."
    why_seed = "It is {name}: |v| is largest there."
    ask_object = "Point at the object."
    why_object = "It covers {share:.0%} of the picture. Nothing was told about it but which patches are alike."
    ask_side = "Will v > mean v hold less or more than half of the patches?"
    side_options = ("less than half", "more than half")
    why_side = "{share:.0%}: the mean lies near the crowd of the background's values."


class MASKCUT:
    """MaskCut."""

    name = "MaskCut"
    lead = "And the next object? Take away what was found, and cut again."
    titles = {"similarity": "Round {round}: similarity", "vector": "Round {round}: eigenvector", "mask": "Round {round}: mask"}
    said = {
        "similarity": "Round {round}: patches that were taken have features 0, so that only ε joins them to anything.",
        "vector": "Round {round}: the side with fewer corners of the picture is the object's; s marks its highest entry.",
        "mask": "Round {round} takes {n}.",
    }
    degree_map, vector_map, mask_map = "Degree: how many patches each resembles", "v", "Objects found so far"
    seed_line = "s, the highest v on the object's side: {name}"
    ask_object = "What will round {round} find? Point at it."
    ask_dropped = "Will round {round} find something new?"
    dropped_options = ("yes", "no, it is dropped")
    ask_seed = "Point at the patch with the highest v in round 1."
    why_seed = "It is the seed: the component that holds it becomes the mask."
    why_first = "The first cut parts what stands out the most from everything else."
    why_next = "With the first features out of the way, the next best cut of what is left comes up."


class LOST:
    """LOST."""

    name = "LOST"
    lead = "Where to start? At the patch that resembles the fewest others: objects are smaller than their background."
    titles = {"degree": "Degrees", "seed": "The seed", "similar": "Its kin", "sum": "The sum", "object": "The object"}
    said = {
        "degree": "For each patch: how many others have a positive product with it.",
        "seed": "The patch of the lowest degree starts.",
        "similar": "Of the patches of low degree, those with a positive product with the seed.",
        "sum": "M sums the products with the seed's kin: positive where a patch resembles them.",
        "object": "The connected piece of M > 0 that holds the seed.",
    }
    degree_map, seed_map, similar_map = "Degree", "f_seed · fᵢ", "f_seed · fᵢ; outlined: the seed's kin"
    sum_map, object_map = "M", "The object"
    seed_line = "The seed is {name}, of degree {degree}."
    ask_seed = "Point at the patch of lowest degree."
    why_seed = "The seed resembles the fewest others. If the object filled the picture, this would pick the background."
    ask_object = "Point at the object that grows from this seed."
    why_object = "It covers {share:.0%} of the picture: all that is joined to the seed where M > 0."
    ask_size = "How much of the picture will the object cover?"
    size_options = ("less than a quarter", "a quarter to a half", "more than half")
    why_size = "{share:.0%}. M > 0 asks for little, so LOST's masks are large; the authors use the box around them."


class MEAN_SHIFT:
    """Mean shift."""

    name = "Mean shift"
    lead = "Who decides K? The bandwidth h: each row climbs to the crowd around it, and rows that meet are one cluster."
    titles = {"start": "The start", "move": "Move {round}", "merge": "Merge {round}"}
    map = {"start": "Rows", "move": "How many rows lie within h", "merge": "Clusters so far"}
    curve, curve_x, still = "Length of the longest move", "moves", "counts as still"
    said_start = "Each {word} starts where it is; the dashed circle has the radius h."
    said_move = "{n} still move; the longest way is {longest:.3g}."
    said_rest = "Nothing moves any more: every row stands on a mode."
    said_merge = "Mode {number}, the most crowded of those left, takes {n} within h of it; {left:,} are left."
    formula = "y<sub>i</sub> ← mean of x<sub>j</sub> with ‖x<sub>j</sub> − y<sub>i</sub>‖ ≤ h = {h}"
    formula_merge = "modes within h = {h} of the most crowded one are merged into it"
    ask_modes = "How many modes will there be in the end?"
    why_modes = "{n} modes at h = {h:g}. Nobody chose their number: raise h and they merge, lower it and they multiply."
    ask_farthest = "Which {word} will travel the farthest? Point at it."
    why_farthest = "It travels {length:.3g}: from the far side of a crowd, uphill all the way."
    ask_crowd = "Which {word} has the most others within h? Point at it."
    why_crowd = "It has {n} within h: it stands near the top already and will hardly move."


PIXEL_BLOCK, PIXEL_BLOCKS = "middle pixel of the block", "blocks"


class CRF:
    """The dense CRF."""

    name = "Dense CRF, mean field"
    lead = "Who overrules the label of a patch? All other pixels, the more the nearer they are in place and color."
    titles = {False: "The start: the labels of the patches", True: "Sweep {round}"}
    labels, one, labels_map, q_map = "Labels", "Q of label {k}", "The likeliest label; outlined: changed in this sweep", "Q of label {k}"
    label = "label {k}"
    curve, curve_x = "F(Q), the free energy: KL(Q ‖ P) up to a constant", "sweeps"
    said_start = "Q = softmax(−U): the labels of spectral clustering, believed as far as the setting says."
    said = "{share:.2%} of the pixels change their likeliest label."
    said_rises = " F rises in this sweep: all pixels move at once, so it may."
    formula_start = "Q<sub>i</sub>(l) ∝ exp(−U<sub>i</sub>(l))"
    formula = "Q<sub>i</sub>(l) ∝ exp(−U<sub>i</sub>(l) + messages); a message is w Σ<sub>j</sub> K<sub>ij</sub> Q<sub>j</sub>(l)"
    parallel = "All pixels are updated at once, as in the authors' code, so F need not fall."
    ask_flips = "Point at a place that will change its label in the first sweep."
    why_flips = "{share:.1%} of the pixels change: those whose neighbors in place and color mostly have another label."
    ask_energy = "Will the free energy fall or rise in the first sweep?"
    energy_options = ("fall", "rise")
    why_energy = "One pixel at a time it could only fall. All at once, as here, it usually falls, but nothing makes it."
    ask_loses = "Which label loses the most pixels to the others?"
    why_loses = "It loses {share:.1%} of the picture. Thin and small parts have few friends of their own color around them."


class SLIC:
    """SLIC."""

    name = "SLIC superpixels"
    lead = "What makes pieces compact? m weighs the distance in the plane against the distance in color."
    titles = {"sweep": "Sweep {round}", "connect": "Made connected"}
    said = {
        "sweep": "{moved:.2%} of the pixels changed their piece; then each center moved to the mean of its piece.",
        "connect": "Stray pieces join their neighbors: {pieces} connected superpixels.",
    }
    said_first = "Centers stand on a grid and have no color yet: each pixel goes to the nearest in the plane."
    curve, curve_x = "Share of pixels that change in a sweep", "sweeps from the second on"
    formula_connect = "Every piece becomes connected; small ones are merged."
    center, piece = "center ", "piece of this pixel: "
    ask_moves = "Point at a place that changes its piece in the second sweep."
    why_moves = "{share:.1%} of the pixels change once color counts: those near an edge of the picture."
    ask_settles = "{share:.1%} changed in the second sweep. How many will in the last?"
    settles_options = ("less than a fifth of that", "up to about half of that", "about as many")
    why_settles = "{share:.2%}. Each center only looks at its surroundings, so pieces settle in a few sweeps."
    ask_decides = "Which term is the larger one for most pixels in the end?"
    decides_options = ("color", "place")
    why_decides = "Color is the larger term for {share:.0%} of the pixels looked at. Raise m and place takes over: squares."
