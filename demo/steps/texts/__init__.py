"""The sentences of the page; those of an algorithm stand in a module of its name."""

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
GAMMA, GAMMA_INFO = "Scale γ of the graph", "Aᵢⱼ = exp(−γ ‖xᵢ − xⱼ‖²), 0 below 0.01; large γ joins near points only."
MORE = "More"
EMPTY = "The steps appear here."
STATUS = (
    "{title} on {data}: {steps} steps, computed in {seconds:.2f} s, {kilobytes:,} kB. Playing them asks the server nothing."
)
ONLY_PICTURES = "{title} needs a picture, so here it is on {picture}."
NO_ALGORITHM = "There is no algorithm named {name}; here is k-means. There are: {known}."
NO_DATA = "There are no points named {name}; here is the picture. There are: {known}."
BAD_NUMBER = "{name} must be a number from {lo:g} to {hi:g}; the link says {given}, so here it is {default:g}."
NO_STEP = "This run has no step named {name}; here is the nearest that there is."
PIXEL_BLOCK, PIXEL_BLOCKS = "middle pixel of the block", "blocks"

FILM = "Save as a movie"
FILM_AS = "Movie"
FILM_SECONDS = "Seconds per step"
