"""What the page says."""

SOURCE = "Pictures"
SOURCES = {"drawn": "Drawn objects, with their truth", "photos": "The photographs of the lab", "own": "My own pictures"}
FILES = "2 to {most} pictures, or a zip of them"
SYSTEM = "System"
K = "Groups K"
K_INFO = "How many groups; one numbering for all pictures."
AUTO = "Let the data choose K"
AUTO_INFO = "Where the system can: k-means, co-segmentation and Leopart."
PLANE = "Scatter by"
PLANE_INFO = "How patches come into the plane: their main axes, or neighbors that stay neighbors (slower)."
PLANES = {"pca": "PCA", "umap": "UMAP", "hnne": "h-NNE"}
WORDS = "{summary} {source}. Of a transformer it reads the {facet}."
MORE = "Settings of the system"
START = "Group them"
SAVE = "Save (zip)"
LEAD = (
    "Patches of all pictures are grouped together, so a color means the same in every picture. Click a group to see it "
    "alone, with its most typical segments and patches; draw a loop around points of the scatter to name the group of "
    "most of them."
)
LISTING = "listing the pictures"
COLORS = "colors of the features"
GROUPS = "groups, their patches and the scatter"
MAPS = "label maps"
BESIDE = "plainer ways beside them"
WAYS = {
    "color": "K-means on Lab color and position, which learned nothing: {miou}, {accuracy}.",
    "kmeans": "K-means on the same features: {miou}, {accuracy}.",
}
NOT_BEATEN = "{title} does not beat it here."
NO_FILES = "Choose pictures of your own first: 2 to {most} files, or a zip."
TOO_MANY = "At most {most} pictures at once on this page; got {n}. Take fewer, or `python -m segcore collection segment`."
NOT_YET = "There is no result to save yet; wait until the job is done."
LEFT_OUT = "Left out: {name}: {reason}"
BAD_SETTING = "The link holds a setting of the system that is no good, and it was left out. {error}"
COMMAND = "Repeat it in a shell"

BOARD = {
    "empty": "Choose pictures and a system, and press “Group them”. The first results appear while it runs.",
    "save": SAVE,
    "groups": "Groups",
    "all": "Show all",
    "colors": "Features as colors",
    "colors_title": "One PCA of the features of all pictures as red, green and blue: alike is alike in all",
    "segments": "Most typical segments of {name}",
    "gallery": "Most typical patches of {name}",
    "alike": "Mean cosine of its patches with each other {inside}, with all others {outside}.",
    "share": "{share} % of the patches, in {pictures} pictures",
    "rename": "Name of this group",
    "scatter": "Patches in the plane, by {plane}. Draw a loop to name a group.",
    "point": "{name}, group {group}",
    "lasso": "Name for the group that most of the {n} points in the loop are in ({group}):",
    "curves": {
        "loss": "Loss",
        "modularity": "Modularity of the step's pictures",
        "concepts": "Concepts in use",
        "slots in use": "Slots in use, of those of a picture",
        "prototypes": "Prototypes in use (e to the entropy of their shares)",
    },
    "scores": "Scores: mIoU {miou}, accuracy {accuracy} (Hungarian matching over all pictures). {beside}",
    "notes": "Notes",
    "curve": "Curve",
    "parts": "Parts as nodes, by who sits beside whom. Edges below {threshold} count for nothing: {n} groups.",
    "parts_chosen": "That is the threshold of this result.",
    "parts_other": "Groups, scatter and scores are still those of {chosen}.",
    "threshold": "Threshold of an edge",
    "part": "Part {p}: {share} % of the patches, group {group}. Beside it: {beside}.",
    "nobody": "no part that counts",
    "confusion": "Confusion: true class in the columns, found in the rows.",
    "none": "no partner",
    "pictures": "Pictures",
    "background": "background",
}
