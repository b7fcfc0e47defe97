"""Every sentence of the lab that no other page says and that is not a label or help text of a setting."""

MORE = "More settings"
RESET = "Back to the defaults"
CRF_PRESET = "CRF preset"
CRF_PRESET_INFO = "Kernel widths and weights as published systems use them."


NO_SPECTRUM = (
    "{method} works on the features themselves and uses no eigenvectors. Choose spectral clustering or the Fiedler vector."
)
MANY_GRAPHS = "{method} cuts a new graph in each round. The eigenvectors are those of the rounds, not of one spectrum."
REPEAT_INFO = (
    "The same result, again: from Python, from a shell, and as a link, which carries the settings and names the picture. A "
    "picture of your own is kept by this server alone, for an hour."
)

GROUPS = {
    "features": "Features",
    "affinity": "Graph",
    "spectrum": "Spectrum",
    "cluster": "Segments",
    "refine": "CRF",
}

STAGES = {
    "weights": "Load the weights",
    "features": "Features f",
    "pixel_graph": "Graph of the pixels and its eigenpairs",
    "w_feat": "W_feat = f fᵀ ⊙ (f fᵀ > 0)",
    "w_knn": "W_knn",
    "affinity": "W = W_feat + λ W_knn",
    "spectrum": "Eigenpairs of the Laplacian",
    "eigengap": "Eigengap over K",
    "embedding_silhouette": "Silhouette of spectral clustering over K",
    "silhouette": "Silhouette over K",
    "bic": "BIC over K",
    "partition": "Segments on patches",
    "cells": "Numbering by size",
    "upsampling_weights": "Weights of the upsampling",
    "upsampled": "Upsampling from patches to pixels",
    "crf_kernels": "Kernels of the CRF",
    "label_map": "Labels on pixels",
}

FACTS = {
    "inertia": "Inertia J",
    "log_likelihood": "Log-likelihood",
    "bic": "BIC",
    "iterations": "Iterations",
    "ncut": "Ncut of the two sides",
    "threshold": "Threshold on v₁",
    "object": "Object chosen by",
    "chosen_k": "K chosen",
    "chosen_by": "K chosen by",
    "largest_ncut": "Worst Ncut that was cut",
    "cuts": "Cuts made",
    "cut": "Cut, the weight across",
    "smaller_side": "Patches on the smaller side",
    "modes": "Modes",
    "superpixels": "Superpixels",
    "edges": "Edges between pixels",
    "objects": "Objects found",
    "seed_patch": "Seed patch",
    "similar_patches": "Patches that joined the seed",
    "patches_kept": "Patches kept",
    "attention_share": "Attention on the object",
    "box": "Box x0, y0, x1, y1 in patches",
    "upsampling": "Upsampling",
    "probability": "Mean probability of the labels",
    "changed_share": "Share of pixels that left the label of their patch",
}

FILES = {
    ".labels.png": "labels PNG",
    ".overlay.png": "overlay PNG",
    ".spectrum.npz": "spectrum NPZ",
    ".json": "settings JSON",
}

# ---- Compare ----

COMPARE_METHODS = "Methods"
COMPARE_METHODS_INFO = "They see the same picture and the same settings, those on the left."
COMPARE_WAYS = "From patches to pixels, and on color"
COMPARE_WAYS_INFO = (
    "The labels of the method on the left, carried to the pixels in several ways; and the same method on color and place "
    "instead of the features of a backbone."
)
COMPARE_COLOR = "On color and place"
COMPARE_WAY = "Upsampling: {way}"
COMPARE_CRF = "Upsampling as set, then the CRF"
COMPARE_USUAL = "The usual six"
COMPARE_ALL = "All"
COMPARE_UNKNOWN = "Nothing called {name} can be compared. There are: {known}."
NO_TAB = "There is no tab {name}; the first one is open. There are: {known}."
COMPARE_RUN = "Compare"
COMPARE_AGAIN = "Run again"
COMPARE_SAVE = "Save as one PNG"
COMPARE_STALE = "**This compares another picture or earlier settings,** not those on the left."
COMPARE_NO_METHOD = "Nothing is picked to compare. Pick at least one."
COMPARE_NO_RESULT = "There is no comparison to save yet. Press Compare first."
COMPARE_STATUS = "{n} of {total} results"
COMPARE_REFERENCE = "colors follow {title}"
COMPARE_DEFAULTS = "All settings at their defaults"
COMPARE_ALT = "{title}: {count} over {picture}"
COMPARE_SECONDS = "{seconds} after the features"
COMPARE_REMEMBERED = "{seconds} after the features, remembered"
COMPARE_PARTLY = "{seconds} after the features, {remembered} of it remembered"
COMPARE_WORDS = {
    "empty": "Pick methods and press Compare: their segments appear here side by side, in colors that agree.",
    "label": "Results of the methods",
    "waiting": "waits for its turn",
    "running": "computes …",
    "stopped": "stopped before it was done",
    "stop": "Stopped. What was done stays.",
    "choose": "Make it the main result",
    "main": "Is the main result",
}

# One patch
PATCH_EMPTY = "Choose a picture; then click a patch, and see what it has to do with all others."
PATCH_MAPS = {
    "cosine": "cos(fᵢ, fⱼ)",
    "w_feat": "W_feat, cut at 0",
    "w_knn": "λ W_knn (λ = {knn_weight:g})",
    "w": "W, their sum",
    "w_pixels": "w, graph of the pixels",
}
PATCH_MISSING = "{method}: {missing}; the maps show what there is."
PATCH_NO_W = "no row of W = W_feat + λ W_knn, as it does not cut that graph"
PATCH_BEFORE_CRF = "{name} before the CRF"
PATCH_NO_VECTORS = "no eigenvectors"
PATCH_SECOND = "Second picture"
PATCH_SECOND_INFO = "**Where in a second picture is it?** Drop one here, or choose an example."
PATCH_CENTERED = "Colors and places count from the mean of each picture."
PATCH_FORGOTTEN = "The server no longer remembers this result. Move any control, and it will be computed again."

# Ground truth

TRUTH_INFO = (
    "What is true here? Upload a label map or a mask as PNG, as large as the picture, with one gray value, palette index or "
    "color per region. The drawn examples bring their own."
)
TRUTH_FILE = "Label map or mask"
TRUTH_NONE = "This picture brings no ground truth. Upload one, or choose a drawn example, such as Two discs."
TRUTH_OF_EXAMPLE = "Measured against the ground truth that was drawn with this example."
TRUTH_OF_UPLOAD = "Measured against {name}."
TRUTH_PICTURES = {"errors": "Errors", "paired": "Segments, in the colors of their regions", "truth": "Ground truth"}
TRUTH_UNCOLORED = "Gray: no partner, or left out."
TRUTH_ERRORS = (
    "Right",
    "Wrong: the segment stands for another region",
    "Wrong: the segment has no partner",
    "Missed object",
    "Background taken for object",
    "Left out",
)
TRUTH_SCORES_TITLE = "Scores"
TRUTH_OBJECT_TITLE = "Scores of the object"
TRUTH_PAIRS_TITLE = "Which segment stands for which region (Hungarian matching)"
TRUTH_PAIRS_HEAD = ("True region", "Area", "Segment", "IoU")
TRUTH_ALONE = "Segments without a partner: {names}."
TRUTH_NO_PARTNER = "none"
TRUTH_MORE = "and {n} more"

# Name, and what it means with its range and direction.
TRUTH_SCORES = {
    "miou": (
        "mIoU, matched",
        "Each true region is paired with one segment so that the mean IoU is largest; a region without a partner counts 0. "
        "0 to 1, more is better.",
    ),
    "accuracy": ("Pixel accuracy, matched", "Share of the pixels inside those pairs. 0 to 1, more is better."),
    "adjusted_rand": (
        "Adjusted Rand index",
        "Pairs of pixels on which both maps agree, joined or parted, less what chance gives. At most 1, about 0 by chance; "
        "more is better.",
    ),
    "covering": (
        "Covering",
        "Mean over the pixels of the IoU of their true region with the segment that fits it best; segments may serve twice. "
        "0 to 1, more is better.",
    ),
    "rand": (
        "Rand index (PRI)",
        "Share of the pairs of pixels on which both maps agree; high by chance where regions are many. 0 to 1, more is "
        "better.",
    ),
    "voi": (
        "Variation of information",
        "Bits that one map leaves open when the other is known, both ways added. From 0 bits, less is better.",
    ),
}
TRUTH_OBJECT_SCORES = {
    "iou": ("IoU", "Intersection over union of the mask that was found and the true one. 0 to 1, more is better."),
    "best_iou": (
        "Best IoU",
        "The same for the side, or the union of segments, that fits best: what another choice of the object would reach. "
        "0 to 1, more is better.",
    ),
    "f_beta": ("F_β", "Precision and recall in one number, precision weighing more (β² = 0.3). 0 to 1, more is better."),
    "max_f_beta": (
        "max F_β",
        "The same at the best of 255 thresholds of the vector that is cut, before the CRF; that of the mask where there "
        "is no vector. 0 to 1, more is better.",
    ),
    "accuracy": ("Pixel accuracy", "Share of the pixels that are rightly object or background. 0 to 1, more is better."),
    "box_iou": (
        "IoU of the boxes",
        "Box of the largest piece against the true box that fits it best. 0 to 1; from 0.5 it counts as found "
        "(CorLoc): {found}.",
    ),
}
TRUTH_FOUND = {True: "found", False: "not found"}

# How many segments

COUNT_QUESTIONS = {
    "eigengap": "How many groups hang together so loosely that parting them costs little? Reads the eigenvalues of W alone.",
    "embedding_silhouette": "How much nearer are patches to their own cluster than to the next one? On the rows of the "
    "first K eigenvectors.",
    "silhouette": "The same question for k-means on the features themselves.",
    "bic": "How many Gaussians are worth their parameters? Many patches pay for many components.",
}
COUNT_PENDING = "Computing …"
COUNT_IN_USE = "the criterion of this method"
COUNT_SAMPLE = "judged on a sample of {rows:,} of {n:,} patches"
COUNT_AT_END = "best at K = {k}, the last one tried: more may be better"
COUNT_OR_MORE = "{k} or more"
COUNT_AGREE = "All criteria choose K = {k}."
COUNT_DISAGREE = (
    "The criteria disagree: {said}. They ask different questions, and none of them knows what you are looking for."
)
COUNT_CONNECTED = "The graph W is connected: one eigenvalue is 0."
COUNT_COMPONENTS = (
    "The graph W has {n} connected components, so its first {n} eigenvalues are 0: it falls into {n} pieces before anything "
    "is cut, and the eigengap counts them."
)
COUNT_NO_K = "{method} takes no K; a click sets it for the methods that do."

# Attention

ATTENTION_NONE = (
    "There is no attention to show: {origin} has no [CLS] token that looks at the patches. Choose a vision transformer as "
    "the backbone."
)
ATTENTION_LEAD = (
    "Attention of the last block, from [CLS] to the patches, each of the {heads} heads on its own range. Click a head, and "
    "DINO-seg uses it. In DINO, attention to objects emerges by itself; in dino_tiny it was drawn to them by cues such as "
    "saliency."
)
ATTENTION_HEAD = "Head {i}"
ATTENTION_MEAN = "Mean of the heads"
ATTENTION_MASK = "What DINO-seg makes of head {head}"
ATTENTION_MASK_TEXT = "The fewest patches that hold {mass} of its attention, and the largest connected piece of them."
ATTENTION_KEPT = "Kept by mass"
ATTENTION_KEPT_CAPTION = "{kept} of {n} patches"
ATTENTION_OBJECT = "Object"
ATTENTION_OBJECT_CAPTION = "holds {share} of the attention"

# Live

LIVE_INFO = (
    "What the network sees while it happens. Features, K, λ, graph and backbone are those of the controls; each frame goes "
    "on from the one before, so labels keep their numbers and eigenvectors their signs. Nothing is recorded: frames are "
    "computed on the server of this page and forgotten."
)
LIVE_NO_PICTURE = "A frame must be a picture as a data: URI, of at most a megabyte."
LIVE = {
    "hint": "Start the camera, or choose a film.",
    "start": "Start the camera",
    "film": "Choose a film",
    "stop": "Stop",
    "take": "Take this picture",
    "taken": "The picture of the page is now this one.",
    "view-name": "Show",
    "side-name": "Frames of",
    "opacity-name": "Opacity",
    "mirror-name": "Mirror",
    "rate": "{rate} frames a second · {age} ms from the camera to the screen · {h} × {w} patches",
    "seen": "{view} of {h} × {w} patches, over the camera",
    "insecure": "Browsers give a page the camera only over HTTPS, or on the machine that serves it.",
    "denied": "The browser does not let this page use the camera. Allow it beside the address, and start again.",
    "none": "There is no camera here. Connect one, or choose a film.",
    "busy": "The camera cannot be opened; another program may be using it. Close that one, and start again.",
    "unplugged": "The camera is gone. Connect it, and start again.",
    "unreadable": "This browser cannot play the film. MP4 (H.264) and WebM work in most.",
    "gone": "The server does not answer; it is asked again.",
}

# Colors

COLORS_EMPTY = "Choose a picture, and see its features as colors."
COLORS_VIEW = "Colors"
COLORS_VIEWS = {
    "pca": "principal components",
    "figure": "figure, then its parts",
    "eigenvectors": "eigenvectors",
    "field": "nearest patch in the second picture",
}
COLORS_AUTO = "Threshold by Otsu's rule"
COLORS_THRESHOLD = "Threshold on component 1"
COLORS_OTHER = "The other side is the figure"
COLORS_VECTORS = "Eigenvectors m"
COLORS_VECTORS_INFO = "After the constant one; of W = max(cos, 0) over the patches of all pictures."
COLORS_REDUCTION = "In three numbers by"
COLORS_REDUCTIONS = {"pca": "PCA", "umap": "UMAP"}
COLORS_DETAIL = "Detail"
COLORS_DETAILS = {
    "patches": "patches",
    "upsampled": "upsampled, as set",
    "shifts2": "2 × 2 shifts",
    "shifts4": "4 × 4 shifts",
}
COLORS_PLACE = "Take out what place explains"
COLORS_PLACE_INFO = "Patches at one place look alike to a transformer, whatever they show."
COLORS_PLACES = {"matches": "out of matches", "out": "out of all", "kept": "kept"}
COLORS_STRIP = "All blocks of the backbone, which runs once for each"
COLORS_PAIRS = "Numbered pairs"
COLORS_FIGURE_ONLY = "Pairs on the figure only"
COLORS_SAVE = ("Save features NPZ", "Save colors PNG")
COLORS_SECOND_INFO = (
    "**One coloring for two pictures, and matches between them.** Drop a second picture here, or choose an example."
)
COLORS_BAD_LINK = "The link holds a choice of the tab Colors that cannot be: {error}"
COLORS_NO_SECOND = "The second picture of this link, {name}, is no longer here: uploads are kept for an hour. Drop it again."
COLORS_FIELD_ALONE = (
    "There is no second picture yet. Choose one below, and each patch takes the color of its nearest patch there."
)
COLORS_LEADS = {
    "pca": "Red, green and blue are principal components of the features: {shares} of their variance, {together} together.",
    "figure": (
        "Component 1, {first} of the variance, parts figure from ground at {threshold}: {figure} of the patches are figure. "
        "The colors are principal components of the figure alone: {shares} of its variance."
    ),
    "eigenvectors": (
        "The first {m} eigenvectors of the normalized cut, each patch's row brought to length 1, in three numbers by PCA: "
        "{together} of its variance."
    ),
    "umap": (
        "The first {m} eigenvectors of the normalized cut, each patch's row brought to length 1, in three numbers by UMAP, "
        "which lays neighbors close to each other: like colors are alike, but how far apart others are says little."
    ),
}
COLORS_BOTH = "Both pictures share one coloring."
COLORS_FIELD_LEAD = (
    "The second picture is colored by place alone; each patch of the first takes the color of its nearest patch there, so "
    "smooth colors mean matches that agree."
)
COLORS_SHIFTS_COST = (
    "The picture was shifted {s} × {s} times by parts of a patch: {runs} runs of the backbone for each picture."
)
COLORS_MATCHES_SAID = "{n} of {total} patches and their match are each other's nearest (best buddies); {shown} are numbered."
COLORS_NO_MATCHES = "No two patches are each other's nearest among those that may be paired."
COLORS_PLACE_SAID = "What a smooth function of the place explains was taken out of the features first."
COLORS_NO_BLOCKS = "There is no strip: {origin} has no blocks. Choose a vision transformer as the backbone."
COLORS_STRIP_WAIT = "The strip over the blocks follows …"
COLORS_STRIP_SAID = (
    "{done} of {depth} blocks, each in three components of its own and the share of the variance that they hold. Click one "
    "to use it."
)
COLORS_BLOCK = "Block {i}"
COLORS_WORDS = {
    "map": "map",
    "silent": "The server did not answer. Click again.",
    "histogram": "Histogram of component 1 over all patches, cut at {threshold}; click to cut elsewhere",
    "stage": "{title}, {rows} rows and {columns} columns of patches. Arrow keys move from one to the next.",
    "place": "Row {row}, column {column} of {title}.",
    "match": "Its nearest patch: row {row}, column {column} of {title} (cos {cosine}), which is nearer to another one.",
    "mutual": "Its match: row {row}, column {column} of {title} (cos {cosine}); each is the other's nearest.",
    "alone": "With a second picture its match is shown here.",
}

# Rounds

ROUNDS_OBJECTS = (
    "{method} looks again in each round, without the patches it has found: their features become 0, so in the graph only ε "
    "joins them to anything (striped)."
)
ROUNDS_SEGMENTS = (
    "Of all segments the one whose best cut has the lowest Ncut is cut next, on its own graph; the rest of the picture is "
    "striped."
)
ROUNDS_TITLE = "Cut {i} · Ncut {ncut}"
ROUNDS_ALL = "All {n} patches take part."
ROUNDS_LEFT = "{left} of {n} patches take part."
ROUNDS_GRAPH = "Degrees of W"
ROUNDS_GRAPH_CAPTION = "to how many patches each one is joined"
ROUNDS_VECTOR = "Vector v₁"
ROUNDS_VECTOR_CAPTION = "less its mean, where it is cut"
ROUNDS_SEGMENT_CAPTION = "of the segment's own graph, and the cut"
ROUNDS_FOUND = "Found"
ROUNDS_NOTHING = "nothing"
ROUNDS_FOUND_CAPTION = "{few} patches, {share} of all"

# Which side is the object

OBJECT_IS = {
    "minority": "the smaller side of the cut",
    "corners": "the side with fewer corners of the picture",
    "peak": "the side of the eigenvector's largest entry by size",
    "border": "the side with less of the picture's border",
    "seed": "the piece that grew from the seed patch",
    "largest_piece": "the largest piece of the patches that hold the head's attention",
}
OBJECT_LINE = "**Object:** {rule}."
OBJECT_SWAPPED = "**Object:** the other side, since swapped; the rule says {rule}."
OBJECT_FLIP = "*{label}* takes the other one."
OBJECT_COLOR = (
    "On color and position even a picture without any object is cut at an Ncut of 0.1 to 0.5, as photographs are, so here "
    "the Ncut does not tell whether there is an object."
)
PATCH_WORDS = {
    "enlarge": "Show this map on the large picture, or take it off",
    "silent": "The server did not answer. Click again.",
    "second": "cos(fᵢ, fⱼ) with the second picture",
    "whole": "A {name} is a whole number from 1 to {most}.",
    "became": "There are {most} {name}s: {typed} became {taken}.",
    "of": "of {rows} × {columns} {cells}",
    "row": "row {row}, column {column}: {value}",
    "range": "from {low} to {high}",
    "map": "Map of {title}, from {low} to {high}",
    "place": "Row {row}, column {column}",
    "edges": "Edges of W_knn: {n}",
    "psi": "{of}: row {row}, column {column}",
    "psiWeight": "W_knn = 1 − ‖ψ(u) − ψ(v)‖ = 1 − {distance} = {weight}; v is the neighbor pointed at, else the nearest.",
    "degree": "Degree d = Σⱼ Wᵢⱼ = {degree}, {percent} % of it from λ W_knn.",
    "stage": "{picture}, {rows} rows and {columns} columns of {cells}. Arrow keys move from one to the next.",
    "nearest": "nearest: row {row}, column {column} (cos {cosine})",
    "match": "Best match: row {row}, column {column} (cos {cosine}). {note}",
    "entry": "μ = {value}; {percent} % of the largest |entry|",
}
VECTORS_WORDS = {
    "item": "Eigenvector {index}, eigenvalue {value}",
    "residual": "residual {value}",
    "stage": "Eigenvector {index} on {rows} rows and {columns} columns of patches. Arrow keys move from patch to patch.",
    "point": "Point at a patch, or focus the map and use the arrow keys.",
    "cell": "Row {row}, column {column}: {value}, {side} the threshold",
    "above": "above",
    "notAbove": "not above",
    "now": "{cut}, {above} of {n} patches above",
    "share": "Threshold {cut} ({share} of the largest): {above} of {n} patches above, {percent} %.",
    "object": " The object is the side {side}.",
    "objectAbove": "above",
    "objectBelow": "below",
    "histogram": "Histogram of the entries, with the threshold",
    "curve": "Histogram of the entries, and Ncut over thresholds; its lowest value is {cut} at {at}",
    "bin": "{n} patches from {low} to {high}",
    "used": "the cut in use: {cut}",
    "ncut": "Ncut",
    "ncutSides": "Ncut of the two sides",
    "lowest": "lowest {cut}",
    "here": ", here {cut}",
}
