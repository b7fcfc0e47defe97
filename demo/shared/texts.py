"""The sentences that several pages say, and the words for the choices of a setting."""

TITLE = "Unsupervised segmentation lab"
PICTURE = "Picture"
EXAMPLES = "Examples"
SAVE = "Save"
STOP = "Stop"
STOPPED = "Stopped. What is shown is what was finished before; change a control to go on."
READY = "Drop a picture, or choose an example."
OWN_PICTURE = "Your picture"
UNEXPECTED = "Something went wrong that should not have (log entry {id}). The app goes on; try another picture or setting."
QUEUE_FULL = (
    "Many people are computing at this moment, and the queue is full. Leave the page open: it goes on by itself as soon as "
    "there is room."
)
SERVER_GONE = (
    "The server does not answer. Leave the page open: it goes on by itself when the server is back; if that takes long, "
    "check your network."
)

LINK_BAD_SETTING = "The link holds a setting that cannot be: {error}"
LINK_NO_EXAMPLE = "There is no example named {name}; here is another one."
LINK_NO_PICTURE = (
    "The picture of this link is no longer here: uploads are kept for an hour. Drop it again; the settings are restored."
)

CHOICES = {
    "facet": {"key": "keys", "query": "queries", "value": "values", "token": "tokens"},
    "pixel_space": {"hsv_xy": "HSV + position", "rgb_xy": "RGB + position"},
    "laplacian": {"random_walk": "random walk"},
    "covariance": {"diag": "diagonal"},
    "upsampling": {
        "nearest": "nearest patch",
        "joint_bilateral": "joint bilateral",
        "guided": "guided filter",
        "pac": "pixel-adaptive (PAC)",
    },
    "threshold": {"best_ncut": "lowest Ncut", "value": "a value"},
    "object_rule": {
        "minority": "smaller side",
        "corners": "fewer corners",
        "peak": "side of the peak",
        "border": "less of the border",
    },
}
