"""Every sentence of the playgrounds that no other page says and that is not the name of a field or preset."""

# What cannot be.
OUT_OF_RANGE = "{label} must be between {lo} and {hi}; got {value}. The nearest value that may be is shown."
NOT_WHOLE = "{label} must be a whole number; got {value}. The nearest one is shown."
NO_NUMBER = "A cell must hold a number; got {value!r}."
NO_CHOICE = "{label} must be one of {known}; got {value!r}. The first one is shown."
NO_TABLE = "The numbers of {label} in this link cannot be read; those of the beginning are shown."
NO_PLAYGROUND = "There is no playground named {name!r}; here is the first one. There are {known}."
NO_QUESTION = "This is not a question that a playground has an answer to."

# The page.
COPIED = "Link copied"
PICTURE = "Picture for the playgrounds that work on one"
WAIT_LABELS = "The picture is being segmented; its labels follow."

LEADS = {
    "masks": "How much do two masks agree? Shift one, and see IoU and Dice fall; the overlap alone falls more slowly.",
    "convolution": "Each output is a sum of products in a window. The same numbers come from one large matrix, "
    "and from windows laid out as rows times the kernel as a vector.",
    "adaptive": "A convolution has one kernel for all places. A second factor K, made from a guide, changes it at each "
    "place: neighbors that look different count less, so it can smooth without crossing edges.",
    "pointwise": "A 1 × 1 convolution treats each pixel alone: the same fully connected layer everywhere.",
    "receptive": "Which part of the picture can one output see? Change the layers and watch the field, the output stride "
    "and the cost; the gradient of a real network of these layers shows whether it is true.",
    "pyramid": "The same nine weights with several dilations side by side see small and large surroundings at once. "
    "What happens when a dilation is larger than the map?",
    "upsampling": "From a coarse grid to a fine one: which inputs does each output come from, and with which weights?",
    "information": "How much does one label tell about the other? And why does maximizing it keep a clustering from both "
    "ways to be useless?",
    "tracks": "One true track, a red and a blue one that were found. Drag boxes, and see what counts as a switch, and which "
    "score notices.",
    "flavours": "One picture, labeled in four ways. Paint the prediction and see which score notices what.",
}

TITLES = {
    "masks": "Truth A and prediction B",
    "x": "Picture x",
    "w": "Kernel W",
    "y": "Output y",
    "M": "Matrix M, {rows} × {columns}: vec(y) = M vec(x)",
    "U": "Unfolded, {rows} × {columns}",
    "K": "Adaptive kernel K",
    "Ki": "K(f_i, f_j) of this window",
    "adapted": "Output with K",
    "plain": "Output without K",
    "blur": "Plain mean, {k} × {k}",
    "pac": "Pixel-adaptive mean, {k} × {k}",
    "guide": "Guide f: the colors / σ",
    "K_at": "K around row {row}, column {column}",
    "X": "X  [D, pixels]",
    "X'": "X'  [D', pixels]",
    "X_picture": "X: red, green, blue",
    "X'_picture": "X' = W X",
    "P": "P(x, y), or counts",
    "Pz": "P(z, z') of the soft labels",
    "terms": "P log₂ (P / (P(x) P(y)))",
    "bars": "In bits",
    "map": "I by balance (down) and sharpness (right)",
    "field": "Receptive field, r = {r} px",
    "gradient": "Gradient of a real network",
    "growth": "Receptive field after each layer, px",
    "layers": "Layers, from the picture on",
    "taps": "Where the taps lie",
    "rates": "Rates d",
    "branch": "d = {d}: spans {r}",
    "fused": "Mean of all",
    "valid": "Share of the map, by d, where this many taps lie inside",
    "coarse": "Coarse x",
    "pooled": "Maxima x",
    "fine": "Picture before pooling",
    "other": "Picture that lends its indices",
    "fine_guide": "Guide, fine",
    "weights": "Weights of this output on x",
    "M_up": "All weights, M: one row per output",
    "overlap": "Overlap: how many inputs reach it",
    "spread": "Zeros between and around",
    "labels_coarse": "Labels of the patches, nearest",
    "soft": "Map of label {label}, 0 to {most}",
    "street": "The picture",
    "prediction": "Prediction: paint it",
    "classes": "Class by class",
    "pairs": "Segments and their partners",
    "unnamed": "As clusters without names",
    "climb": "Gradient steps on I(z, z') from here",
}

SPAN = "kernel spans"
PARAMETERS = "weights"
IF_CONNECTED = "fully connected"
IF_3X3 = "3 × 3 instead"
UNFOLDED = "torch's unfold"
COUNTED_ONLY = "Counts the weights only; the numbers shown are those of one channel."
MATRIX_NOTE = "Row i holds the kernel where window i lies. Its transpose is the transposed convolution."
UNFOLD_NOTE = "Row i is window i; torch's unfold returns the transpose. Reshaping vec(y) gives y."
KERNEL_ODD = "With an even kernel no pixel is in the middle; K is given here, so that is no matter."
SIGMA_HELP = "How far two colors may be apart, in 8-bit levels: f is the color divided by σ."
OF_ALL = "of {n}: how much of the window counts"
PLAIN_HERE = "plain mean here"
PAC_HERE = "adaptive mean here"
HERE = "the pixel itself"
GRAY_LEVELS = "gray levels, 0 … 255"
IS_LAYER = "equal to a convolution layer with a 1 × 1 kernel"
SHARED = "the same for every pixel"
AT = "x at row {row}, column {column}"

TERM = "P(x{i}, y{j}) log₂ (P(x{i}, y{j}) / (P(x{i}) P(y{j}))) = {p} · log₂ ({p} / ({x} · {y})) = {term}"
ZERO_TERM = "0, as 0 log 0 = 0"
MOST = "at most"
MAP_NOTE = "Left edge: all undecided. Top edge: all in one cluster. Both have I = 0; I is largest at the lower right."
MAP_CELL = "balance {balance}, sharpness {sharpness}: I = {I} bits"
SHARPNESS_HELP = "0: every point is undecided, the labels are 1/k. 1: every point has one label."
BALANCE_HELP = "0: all points in one cluster. 1: clusters of equal size."
AGREEMENT_HELP = "How often the two of a pair belong to the same cluster."
ASIDE_HELP = (
    "Share of random soft labels at the start of the climb. Exactly degenerate clusterings have gradient 0 and stay."
)

LAYER_KINDS = ["convolution", "max pooling", "mean pooling"]
GRADIENT_NOTE = "Weights 1/k², no nonlinearity; brighter where more paths lead. Black: gradient 0."
GRADIENT_CHECK = "the gradient is > 0 on exactly the pixels drawn: {rows} × {columns} lines, {n} pixels"
SPAN_CHECK = "the gradient spans {spans} px, the formula says {field} px"
CUT_OFF = "the field reaches beyond the picture, so only its part inside is compared"
GRIDDING = "of the lines inside the field: dilations with a common factor leave holes (gridding)"
NO_GRIDDING = "of the lines inside the field: no holes"
MEMORY = "Σ c'·o² · 4 bytes, all outputs kept"

TAPS = {"all 9": 9, "the middle alone": 1}
TAPS_NOTE = "Nine taps for each rate, in its color; those beyond the border read zeros."
RATE = "spans d(k − 1) + 1 = 2·{d} + 1 = {r}; {inside} of 9 taps inside here, all nine at {full} of the places"
FUSED = "mean of all"
FUSED_FROM = "a 1 × 1 convolution over the branches, with equal weights"
SAME_WEIGHTS = "9 for each rate; a dense kernel of the largest span would have far more"

CONSTANT_CHECK = "a picture of ones stays a picture of ones"
RANGE_CHECK = "stays in the range of x: {low} … {high} within {lo} … {hi}"
EVEN = "stride {s} divides kernel {k}: even overlap away from the border, no checkerboard"
UNEVEN = "stride {s} divides kernel {k}: it does not, so the overlap is uneven, a checkerboard"
SPREAD_NOTE = "A plain convolution of this, with the kernel turned around and stride 1, gives the same."
SPREAD_CHECK = "equal to the convolution of the zero-padded view"
WAY = "how"
WAYS = {
    "nearest": "Each output is the input whose block it lies in.",
    "bilinear": "(1−a)(1−b) x₀₀ + a(1−b) x₁₀ + (1−a)b x₀₁ + ab x₁₁ between the centers of four inputs.",
    "bicubic": "Sixteen inputs, some with weights below 0: it overshoots at edges.",
    "nails": "Each input in one corner of its block, zeros in the rest.",
    "unpooling": "Values return to where the maxima stood; zeros in the rest. Foreign indices put them elsewhere.",
    "transposed": "Each input broadcasts its kernel: X = Wᵀ X'. Where kernels overlap they add up.",
    "resize": "Interpolate first, then convolve: every output is reached by equally many inputs.",
    "joint_bilateral": "A mean of the inputs around, weighted by place and by likeness of the guide.",
    "guided": "In each window y = a·guide + b, with a = cov / (var + ε), ε = σ²: a linear function of the guide.",
    "pac": "In steps of 2: a mean of the inputs around, each step by the guide at its own size.",
}
HERE_SOFT = "values here"
ONE_PER_LABEL = "one for each label; the largest wins"
MOVED = "pixels with another label"
AGAINST_NEAREST = "than nearest gives"
MIOU_BEFORE = "against the drawn truth; nearest has {before}"

WAYS_TO_LABEL = ["Semantic", "Instance (things only)", "Panoptic", "Part"]
QUIZ = "Picture {number}: which is it?"
QUIZ_HINT = (
    "Another order gives another quiz. Instance segmentation leaves out stuff; panoptic segmentation labels every pixel "
    "and tells things apart."
)
PAINT_NOTE = (
    "Paint with the pointer, or with arrow keys and Space. A dot marks a pixel whose segment differs from the truth."
)
ACCURACY = "pixel accuracy"
ACCURACY_FROM = "{right} of {n} pixels have the right class"
MIOU_FROM = "mean over the {k} classes that occur"
NEITHER, MASK_PARTS = "neither", ("A alone", "B alone", "both")
BOX_IOU, OVERLAPPED = "IoU of the boxes", "share of A that is found"
PQ_FROM = "mean of SQ · RQ over the classes; the table has them"
SQ_RQ_FROM = "means, too: how well matches fit; how many segments have one. Their product is not the mean PQ"
PQ_THINGS = "PQ of things"
PQ_STUFF = "PQ of stuff"
OVER_CLASSES = "mean over their classes"
SEGMENTS_COUNTED = "matched, painted alone, missed"
WRONG = "other segment"
WRONG_FROM = "pixels marked with a dot; numbers of instances do not count for PQ"
MATCHED = "matches {found}: the same class, IoU > ½"
MISSED = "no painted segment of its class has IoU > {iou}"
EXTRA = "painted, and no true segment of its class has IoU > {iou}"
NOBODY = "no class left"
HUNGARIAN = "after the pairing with the largest sum of IoU (Hungarian)"
TRACK_TITLES = {
    "tracks": "Frames from left to right; dashed: the truth, filled: what was found",
    "scores": "Three scores (a MOTA below 0 has no bar)",
    "events": "What is counted, frame by frame",
}
TRUE_TRACK = "truth {k}"
FOUND_NAMES = ("red", "blue", "green")
TRACKS_NOTE = (
    "A line joins what is matched: IoU of at least {iou}, the match of the frame before first. Drag a box up and down; a "
    "click on an empty place sets one, a double click takes it away. By keyboard: arrows, Enter, Delete."
)
MOTA_FROM = "1 − ({fn} + {fp} + {idsw}) / {gt}"
NO_BOX = "there is no true box"
IDF1_FROM = "2 · {tp} / (2 · {tp} + {fp} + {fn}): whole tracks are matched once, boxes of a pair are identity matches"
OTHER_IDF1 = "2 TP / (2 TP + FP + FN)"
OTHER_FROM = (
    "2 · {tp} / (2 · {tp} + {fp} + {fn}): as the slide writes it, with matches of each frame; it is the F1 of detection"
)
MOTP_FROM = "mean IoU of the {tp} matches"
HOTA_FROM = "mean over 19 thresholds of √(DetA · AssA)"
DETA_FROM = "how well boxes are found; how well tracks hold together"
SWITCHES_FROM = "a true track is matched with another found one than before"
FRAGMENTS_FROM = "a true track is matched again after a gap; frames without any found box are passed over, as benchmarks do"
MISSED_AND_ALARMS = "true boxes without a match; found boxes without one"
SWITCH, FRAGMENT, NO_ERROR = "switch", "fragmentation", "no error"
SWITCH_TOLD = "truth {i} was {old}, and is {new} now"
FRAGMENT_TOLD = "truth {i} is found again"
MISS_TOLD = "truth {i} is missed"
ALARM_TOLD = "a box of {name} matches nothing"
AT_FRAME = "frame {t}"
BOARD = {
    "trackBox": "{name}, frame {frame}: at {place}; arrows move it, Delete takes it away",
    "trackNone": "{name}, frame {frame}: no box; Enter sets one",
    "pair": "IoU {iou}",
    "silent": "The server did not answer. Change something to ask again.",
    "less": "less",
    "more": "more",
    "heat": "{title}; {rows} rows and {columns} columns as colors",
    "add": "Add a layer after {number}",
    "remove": "Remove layer {number}",
    "kind": "Kind of layer {number}",
    "click": "Click, or move with the arrow keys; with Shift ten at a time",
    "paint": "{title}. Arrow keys move, Space paints with the chosen label, 1 to 9 choose it.",
    "uncover": "Uncover this result",
    "which": "Which is it?",
    "yes": "yes",
    "no": "no",
    "brush": "Label to paint",
    "expect": "{title}: what do you expect?",
    "cell": "{title}, row {row}, column {column}",
}
