"""The sentences of the page of strokes."""

EMPTY = "Drop a picture, or choose an example; then mark a few things in it."
HINT = "Mark something with label 1, and something else with label 2. The result follows each stroke."
NAMES = "Names of the labels"
NAMES_INFO = "With commas, in the order of the labels; they go into the legend and the head."
START_NAMES = "object, background"
METHOD = "Answer by"
METHODS = {
    "graph_cut": "Graph cut",
    "random_walker": "Random walker",
    "head": "Linear head",
    "nearest": "Nearest marked patch",
}
METHOD_INFO = {
    "graph_cut": "The labeling of least energy E = Σ U + Σ w [xᵢ ≠ xⱼ]: what lies under the strokes gives U, edges in the "
    "picture make w small (Boykov and Jolly 2001).",
    "random_walker": "The label whose strokes a random walk that shuns edges reaches first (Grady 2006).",
    "head": "Logistic regression on the features of the marked patches, trained anew at each stroke.",
    "nearest": "The label of the marked patch whose features are most alike, by cosine.",
}
COSTS = "What a label costs, U"
COSTS_INFO = "From the colors under its strokes, from the linear head, or nothing: then the strokes alone decide."
COSTS_CHOICES = {
    "mixture": "Mixture of colors",
    "histogram": "Histogram of colors",
    "head": "Linear head on features",
    "none": "Strokes only",
}
WEIGHT = "Weight λ of the links"
WEIGHT_INFO = "w = λ exp(−β ‖zᵢ − zⱼ‖²) / ‖i − j‖ between neighbors. High: short, smooth borders; thin parts go first."
BLOCKS = "Blocks together"
BLOCKS_INFO = "How many of the last blocks of the transformer are read side by side."
UPSAMPLING = "From patches to pixels"
UPSAMPLING_INFO = "How soft labels of the patches become those of the pixels."
UPSAMPLING_CHOICES = {
    "nearest": "Nearest",
    "bilinear": "Bilinear",
    "joint_bilateral": "Joint bilateral",
    "guided": "Guided filter",
    "pac": "Pixel-adaptive convolution",
}
EVERYWHERE = "Cut all pixels at once"
EVERYWHERE_INFO = (
    "Exact for two labels, and slow. Else blocks are cut first, and then the pixels in a band around their border."
)
MORE = "More settings"
TOO_LONG = (
    "This cut was not done within {seconds:g} seconds, so the earlier result stays. Lower the longer side or the weight λ, "
    "draw more strokes, or switch “{everywhere}” off."
)
LINK_BAD = "The link holds something that cannot be: {error}"
STATUS = "**{method}** · {seconds} · {labels}"
LABEL_SHARE = "{name} {share}"
DEFAULT_NAME = "label {label}"

CERTIFICATE = "Certificate"
CERTIFIED = "maximum flow {flow} = cut {energy} ✓"
NOT_CERTIFIED = "maximum flow {flow} ≠ cut {energy} ✗"
CERTIFIED_ALL = "No labeling of these pixels that keeps the strokes has less energy."
CERTIFIED_BAND = (
    "No labeling that differs only inside the band has less energy: {band} of {n} pixels around the border of the cut on "
    "blocks, whose energy was {coarse}. What lies outside is as the blocks have it."
)
EXPANSION = (
    "With {k} labels α-expansion stops where no label can take pixels from the others at a gain: at most twice the least "
    "energy, mostly close to it. Exact is only the cut of two labels."
)
ENERGY = "E = {energy} = {data} (Σ U, costs of the pixels) + {smoothness} (Σ w, {n} links cut)"
OPEN = "{n} of {total} pixels went through the flow; the others were decided by their own costs or lie outside the band."
HEAD_FACTS = "{d} features per patch, {marked} marked patches of {n}, loss {loss} after {steps} steps."

MAPS = {
    "cost": ("Cost of {name}", "−ln p, less the least of the pixel: dark costs nothing"),
    "P": ("p of {name}", "bright: likely"),
    "links": ("Links w", "bright: strong; orange: cut"),
    "unsure": ("Entropy", "bright: anybody's guess; with “Where it is unsure” the pad marks where to paint next"),
}

APPLY = "Apply to more pictures"
APPLY_INFO = (
    "The same linear head on other pictures: mark a few things in one, label two hundred. Upload pictures, and a head that "
    "was saved before if you have one; else it is trained on the strokes above."
)
APPLY_FILES = "Pictures"
APPLY_HEAD = "Head from a file (else that of the strokes)"
APPLY_RUN = "Apply"
APPLY_NONE = "There are no pictures yet. Upload some above."
APPLY_TOO_MANY = "At most {most} pictures at once; these are {n}. Upload them in parts, or use `head apply` in a shell."
APPLY_STATUS = "{done} of {n} pictures · {seconds}"
APPLY_READY = "{status} · ready to be saved"
APPLY_FAILED = "Not labeled: {name}: {reason}"
APPLY_GALLERY = "Labels"
APPLY_CAPTION = "{name}: {shares}"
SHEET_HEADING = "One head, {n} pictures"
SHEET_LINES = "Linear head on {backbone}, {facet} of block(s) {blocks}"
SAVE_LABELS = "Save labels PNG"
SAVE_STROKES = "Save strokes"
SAVE_HEAD = "Save head"
SAVE_ALL = "Save all as ZIP"
TRAIN = "Train on what I have marked"
SAVE_NOTHING = "There is nothing to save yet. {hint}"
LOAD_STROKES = "Load strokes"
NOT_YET = "Press Apply first; then all labels can be saved."

REPEAT = "Repeat"
REPEAT_INFO = (
    "The same again: this picture from Python, other pictures from a shell with the saved head, and all of it as a link."
)
LINK = "Link"
LINK_LONG = "These strokes are too many for an address: this link holds for an hour. A lecture or a file keeps them."
STROKES_GONE = "the strokes are kept here no more; such long ones are for an hour. Load the file that they were saved to"
PAD = {
    "keys": (
        "Keys in the picture: 1 to 8 label, E eraser, arrows move, Space pen down and up, [ and ] brush, Z undo, Y redo."
    ),
    "label": "Label {label}",
    "key": "Label {label} (key {label})",
    "eraser": "Eraser",
    "down": "Pen down",
    "undone": "Undone; {n} strokes",
    "redone": "Done again; {n} strokes",
    "most": "There may be {n} strokes; undo some.",
    "picture": "Picture",
    "stage": "{picture}. {n} strokes. {keys}",
}
