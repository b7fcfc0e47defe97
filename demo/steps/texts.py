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
