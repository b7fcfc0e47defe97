"""The sentences that several pages say, and the words for the choices of a setting."""

TITLE = "Unsupervised segmentation lab"
LARGE = "Large (F)"
FIGURES = {
    "button": "Figures (G)",
    "title": "Save what is shown",
    "none": "Nothing on view is a chart or a picture.",
    "colors": "Colors",
    "themes": {"light": "light", "dark": "dark", "print": "gray, for print"},
    "close": "Close",
}
LESSON = {
    "add": "Add to my lecture",
    "addHelp": "Keep what is shown as a line of a lecture, in this browser; the page Lectures orders and saves them.",
    "added": "Line {n} of {title}",
    "notAdded": "This browser keeps nothing for pages, or has no room left, so the line was not kept.",
    "untitled": "My lecture",
}
FILM_FORMATS = {".mp4": "MP4", ".webp": "WebP", ".gif": "GIF"}
FILM_NUMBER = "{number} of {total}"
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

JOB_GONE = "This run is no longer kept here; start it again."
JOB_STOPPED = "Stopped. What is shown stays."
JOB_UNSEEN = "Stopped, as no browser looked at it any more. What was found stays."
JOB_TIME = "Stopped after {minutes} minutes, which is what this server grants to one turn. What is shown stays."
JOB_NOT_ON = "This run cannot go on; start a new one."
JOB_ONE_EACH = "You have a run under way on this server; each visitor may have one. Stop it, or wait until it is done."
JOB_LINE_FULL = "{n} runs wait already, which is as many as this server lets wait. Try again in a few minutes."
JOB_WAITS = (
    "Place {place} of {n} in line. It begins by itself, in {minutes} minutes at the latest; you may leave this page open "
    "or reload it."
)
JOB_COUNT = "{done} of {total} {unit}"
JOB_SECONDS_LEFT = "about {seconds} s left"
JOB_MINUTES_LEFT = "about {minutes} min left"
JOB_PROGRESS = "Progress"
JOB_STATES = {
    "waiting": "Waiting",
    "running": "Starting",
    "done": "Done",
    "stopped": "Stopped",
    "failed": "Failed",
    "gone": "",
}
GO_ON = "Go on"

LINK_BAD_SETTING = "The link holds a setting that cannot be: {error}"
LINK_NO_EXAMPLE = "There is no example named {name}; here is another one."
OWN_TRUTH = "Label maps of the same names (may be left out)"
OWN_TWICE = "Two label maps are called {name}. Give each picture one."
OWN_IGNORE = "Label to leave out"
OWN_IGNORE_INFO = (
    "Its pixels count for nothing in the scores: 255 in PASCAL VOC, or a color such as #e0e0c0. Empty: all count."
)
LINK_NO_WEIGHTS = (
    "The weights of this link are no longer here: they are kept for an hour. Save them to keep them, or learn again."
)
LEARNED_HERE = "learned here: {name}"
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
VIEWER = {
    "broken": "The picture could not be loaded.",
    "segment": "Segment {number}",
    "one": "1 segment",
    "several": "{n} segments",
    "entry": "{name}, {area} of the picture",
    "pinned": "{name} stays alone on view",
    "released": "{name} released",
    "all": "All segments on view",
}
PLAYER = {
    "count": "{number} of {total}{left}",
    "leftOut": ", {n} in between left out",
    "play": "Play",
    "pause": "Pause",
    "copied": "Copied.",
    "linkCopied": "The link is copied.",
    "forbidden": "The browser does not allow it here; select the text and copy it.",
    "leave": "Leave it",
    "goOn": "Go on",
    "right": "Right.",
    "wrong": "Not quite.",
    "better": "{better} of {n} {things} would have been better. ",
    "none": "none yet",
}


def plural(n: int, word: str) -> str:
    """A number and its noun."""
    return f"{n:,} {word if n == 1 else word + ('es' if word.endswith('ch') else 's')}"
