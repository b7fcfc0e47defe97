"""The sentences of the page."""

SOURCE = "What is tracked"
FILES_SOURCE = "My own detections (text)"
VIDEO_SOURCE = "A video or a folder of frames"
SEED, SEED_INFO = "Seed", "Of all that is random in a drawn scene."
TRACKER = "Tracker"
SCENE_MORE = "The scene"
TRACKER_MORE = "More of the tracker"
COMPARE = "Side by side"
BAD_SETTING = "The link says {name}={value}, which cannot be, so it was left out. {error}"
STATUS = (
    "{title} on {source}: {n} detections in {frames} frames, {steps} steps, ready in {seconds:.2f} s, {kilobytes:,} kB. "
    "Playing them asks the server nothing."
)
NO_STEP = "This run has no step named {name}; here is the nearest that there is."
DETECTIONS_FILE = "Detections: MOTChallenge or KITTI text"
TRUTH_FILE = "Truth, to be scored against (may be left out)"
FILES_INFO = "At most 2,000 boxes. A line is frame, id, x, y, width, height, score; frames count from 1."
OWN_FILES = {"detections": "detections", "truth": "a truth"}
NO_FILE = "Choose a text file with detections first."
TOO_MANY_BOXES = "At most {most:,} boxes on this page; got {n:,}. Take fewer frames, or `python -m segcore track`."
TOO_MANY_FRAMES = "At most {most:,} frames on this page; got {n:,}. Take fewer, or `python -m segcore track`."
OTHER_SEQUENCE = (
    "The truth goes to frame {last}, the detections have {n} frames: they seem to be of different sequences. Choose the "
    "truth of the same one."
)
CLIP = "Video"
CLIPS = {"bottles": "bottles on a belt", "cars": "cars on a road", "own": "my own"}
CLIP_INFO = "The two clips are of intel-iot-devkit/sample-videos, CC BY 4.0; the camera stands still in both."
VIDEO_FILE = "A video, or a zip of frames"
START = "Find what is in it"
VIDEO_MORE = "More of the detections"
EVERY, EVERY_INFO = "Each so many-th frame", "At most {most} frames are looked at."
NO_VIDEO = "Choose a video of your own and press “Find what is in it”; the steps appear when all frames were looked at."
OPENING, DETECTING, FRAMES = "opening the video", "looking at the frames", "frames to be played"
FIRST_FRAMES = "These are the first {most} frames that were taken; take fewer of them to see more of the video."
DETECTORS = {"motion": "motion", "maskcut": "MaskCut", "tokencut": "TokenCut", "attention": "DINO attention"}
WEIGHTS_OF = "Weights"
WEIGHTS_TITLES = {"shipped": "those that come along", "trained": "trained here"}
TRAINING_TITLE = "Train it yourself"
TRAINING_INFO = (
    "A net with random weights learns on 64 drawn scenes for a minute which edges join two detections in a row; then it "
    "tracks what is on view. Those that come along learned for 24 minutes."
)
TRAIN, SAVE_WEIGHTS = "Train for a minute", "Save the weights"
SAVE_WEIGHTS_INFO = (
    "The saved file is read by `python -m segcore track SOURCE --tracker message_passing --set weights=FILE`."
)
DRAWING, TRAINING, TRAINING_STEPS = "drawing scenes", "learning, loss {loss:.3f}", "steps"
CURVE = (
    "Loss from {first:.3f} to {last:.3f} in {steps} steps. "
    "Edges of the last one: precision {precision:.1%}, recall {recall:.1%}."
)
NO_TRAINED = "This server has no weights trained here, so those that come along are used."
NO_WEIGHTS = "Press “Train for a minute” first; the weights can be saved as soon as a step was taken."
NO_UPLOAD = "The link names {what} that this server has no more, so choose the file again."
SAVE, SAVE_AS = "Save", "Save the tracks as"
FORMATS = {"txt": "MOTChallenge text", "json": "JSON", "gif": "GIF", "webp": "WebP", "mp4": "MP4"}
EMPTY = "The steps appear here."

FILM = "The frame"
FILM_FRAME, FILM_FOUND, FILM_TRACKS, FILM_TRUE = "frame", "boxes", "tracks so far", "true identities"
FILM_SCORES = ("switches", "mota", "idf1", "hota")  # keys of SCORES
NODE = "The detection that is pointed at"
NODES = "The frames, and a node for each detection"
LANES = "True identities: which track covers them"

TITLES = {
    "input": "(a) Input: detections",
    "graph": "(b) The graph",
    "messages": "(c) Message passing, step {step}",
    "edges": "(d) Edges above the threshold",
    "rounded": "(d) Rounded: at most one edge to the past, and one to the future",
    "frame": "Frame {t}",
    "output": "(e) Output: frame {t} of {n}",
}
OUTPUT_TITLE = "(e) Output: the tracks"
SAID_INPUT = "{n} detections in {frames} frames; nobody knows yet which of them show the same."
SAID = {
    "graph": "{n} nodes and {edges} edges: two detections of different frames that may show the same.",
    "messages": "Every edge hears from its two ends, every node from its edges, past and future apart; {kept} edges are "
    "above the threshold, {broken} nodes break flow conservation.",
    "edges": "{kept} of {edges} edges are above the threshold; {broken} nodes have several into the past, or several into "
    "the future: lit.",
    "rounded": "{kept} edges stay; each node has at most one into the past and one into the future, so tracks are disjoint "
    "paths.",
    "frame": "Boxes in this frame: {here}; on tracks that were there: {kept}, on new ones: {new}. Tracks so far: {tracks}.",
}
SAID_OUTPUT = "{tracks} tracks of {n} detections."
SAID_SCORES = " Against the truth: {switches} identity switches, MOTA {mota:.3f}, IDF1 {idf1:.3f}."
GRAPH_TITLES = {
    "graph": "The strip of frames, and the graph of all edges",
    "messages": "The strip of frames, and the edges by ŷ",
    "edges": "The strip of frames, and the edges above the threshold (thick)",
    "rounded": "The strip of frames, and the edges that stay (thick)",
    "frame": "The strip of frames, and the pairs that were allowed",
    "output": "The strip of frames, and the tracks",
}
WEIGHTS = {"graph": "weight", "messages": "ŷ", "edges": "ŷ", "rounded": "ŷ", "frame": "weight"}
FEATURES = ["Δt", "way / h", "IoU", "cos"]
IN_FRAME, OF_TRACK = "in frame ", "track "

N_DETECTIONS, N_FRAMES, N_TRUE = "detections", "frames", "true identities"
N_EDGES, N_KEPT, N_BROKEN, HELD = (
    "edges",
    "chosen edges",
    "nodes that break flow conservation",
    "share of nodes that keep it",
)
N_TRACKS = "tracks"
SCORES = {
    "mota": "MOTA",
    "motp": "MOTP",
    "idf1": "IDF1",
    "hota": "HOTA",
    "switches": "switches",
    "fragmentations": "fragmentations",
    "fp": "FP",
    "fn": "FN",
}

ASK_SWITCHES = "How many identity switches will “{title}” make here?"
SWITCHES_UP_TO = (0, 2, 5)
SWITCHES_OPTIONS = ("none", "1 or 2", "3 to 5", "more than 5")
WHY_SWITCHES = "{n}, and {frag} fragmentations: see the lanes, where a triangle stands at each switch."
ASK_BROKEN = "All edges above the threshold are kept. How many nodes will break flow conservation?"
BROKEN_UP_TO = (0, 5, 20)
BROKEN_OPTIONS = ("none", "1 to 5", "6 to 20", "more than 20")
WHY_BROKEN = "{n} of {total}: nothing in the network forbids two likely edges at one side of a node. Rounding mends it."

PLAYER = {
    "frameOf": "Frame {t} of {total}, {n} detections",
    "detection": "Detection {i} in frame {t}: score {score}, {track}; box at ({x}, {y}), {w} × {h} px.",
    "track": "track {k}",
    "noTrack": "in no track",
    "looks": "Appearance",
    "edgeTo": "edge to frame, no.",
    "message": "message",
    "frameShort": "{t}, {i}",
    "moreEdges": "and {n} less likely edges",
    "covered": "track {k}, frames {first} to {last}",
    "missed": "missed, frames {first} to {last}",
    "switched": "switch at frame {t}",
}
LANES_TOLD = (
    "A lane is a true identity, a color the track that covers it. Triangle: a switch. Orange bar: found again after a gap, "
    "a fragmentation. Dashed: missed."
)
LANE = "no. {k}"
BOARD = {
    "side": "The same detections, tracker by tracker",
    "tracker": "Tracker",
    "tracks": "tracks",
    "lanesTold": LANES_TOLD + " Colors are the track's own, so they do not mean the same from tracker to tracker.",
    "lanesOf": "Lanes of {title}",
    "noTruth": "Scores and lanes need the truth, and here nobody knows it.",
}
COLUMNS = {
    "mota": "MOTA", "idf1": "IDF1", "hota": "HOTA", "deta": "DetA", "assa": "AssA", "motp": "MOTP", "switches": "switches",
    "fragmentations": "fragm.", "fp": "FP", "fn": "FN", "mt": "MT", "pt": "PT", "ml": "ML",
}  # fmt: skip
BETTER_BELOW = ["switches", "fragmentations", "fp", "fn", "ml"]
WORD, WORDS = "detection", "detections"
NOTHING = "There is no detection to track. Lower the misses, or choose another source."
