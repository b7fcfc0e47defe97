"""Sentences that /learn says."""

COLLECTIONS = {
    "stuff6": "Stuff: six surfaces from above",
    "street4": "Street: sky, ground, thin posts, signs",
    "stuff3": "Stuff: sky, plants, ground",
    "objects": "Objects: three kinds, apart from each other",
}
OWN = "Own pictures"
COLLECTION = "Pictures"
COLLECTION_INFO = "Drawn ones come with their truth. Networks with labels learn from it; all others are only scored with it."
SYSTEM = "System"
SYSTEM_INFO = "What stands before FCN-32s learns from the pictures alone; from there on, networks learn from label maps."
K = "Segments K"
K_INFO = "How many clusters the system is to find; with labels, K is the number of classes."
MINUTES = "Minutes"
MINUTES_INFO = "How long the run may learn; stop it whenever you have seen enough."
STEPS_LABEL = "Steps"
STEPS_INFO = (
    "End after so many steps, whatever the minutes: runs of the same seed and steps can be compared. 0 for the minutes."
)
SEED_INFO = "Other seeds begin at other weights and see other crops."
SWITCHES = "Switch off, and see what happens"
MORE = "More"
FILES = "Your pictures, {fewest} to {most}, or a zip of them"
NO_FILES = "Give your pictures first: some that share what is to be found, such as streets, fields or faces."
MARKED_GONE = "A picture that was marked on Scribble is no longer kept here. Go back there, and send it again."
NO_PAIR = "No label map has the name of a picture. Name them alike, such as street.jpg and street.png."
START = "Start"
START_INFO = "A second run is shown beside the first, on the same axes."
ON, OFF = "on", "off"

TOO_MANY = "At most {most} pictures; got {n}. Leave some out."
TOO_FEW = "A system learns from what several pictures share: give at least {fewest} that can be read; got {n}."

LINEAR_COLOR, LINEAR_DINO = "Linear head on color", "Linear head on dino_tiny"
BEATS_NONE = "None of {of} networks beats a linear head on dino_tiny, mIoU {miou}."
BEATS_SOME = "{n} of {of} networks beat a linear head on dino_tiny, mIoU {miou}."
BEATS_ALL = "Each of {of} networks beats a linear head on dino_tiny, mIoU {miou}."
BEATS_NOT = "So far it does not beat a linear head on dino_tiny, which has mIoU {miou} on the same pictures; it has {own}."
BEATS = "It beats a linear head on dino_tiny, which has mIoU {miou} on the same pictures; it has {own}."
ROW_ABOUT = "Runs: {n}, each with seed {seed} and {steps} steps on {on}; scored on {scored}."
ROW_ABOUT_ONE = "One run with seed {seed} and {steps:,} steps on {on}; scored on {scored}."
ROW_SEEDS = "The same with seeds {seeds}: thin curves, and ranges in the table."
ROW_ONE_SEED = "No other seed is recorded here."
ROW_ELSEWHERE = "Photographs and truth may not be passed on: what the network made of eight of them is seen alone."
ROW_ALONE = (
    "In the end: mIoU {miou}, pixel accuracy {accuracy}, boundary F {boundary}. Best known class: {best}, IoU {best_iou}; "
    "least known: {least}, {least_iou}."
)
ROW_AGREE = "So it is with {n} of {of} seeds for mIoU, and with {m} of {of} for boundary F."
ROW_BEST = "Highest mIoU in the end: “{best}”, {miou}. Highest boundary F: “{outline}”, {boundary}."
ROW_MISSING = "Not recorded here: {labels}."
CHANNELS = "{name}: {n} of its {of} channels, each from its darkest to its brightest cell."
FIELD = (
    "This place depends on {width} × {height} of {of} px, the frame; bright is how much a pixel moves the score. "
    "{share} of that lies in the quarter of the frame around it."
)
FIELD_FROZEN = "A transformer that does not learn hands no gradient on; each of its tokens looks at all of {of} px."
NOT_SO = "There is no such picture, place, map or number of slots here. Choose one on the page."

READING = "Drawing or reading the pictures"
LEARNING = "Learning"
MAJORITY = "Majority class"
FACTS = ("{parameters:,} parameters", "{giga:.2f} G multiply-adds", "sees {width} × {height} px", "{ms:.0f} ms a picture")
COMPARING = "Comparing with what learned nothing"
STEPS = "steps"
EMPTY = (
    "Press Start: within seconds you see the loss, the joint or the confusion table, how much each cluster is used, and "
    "masks of six pictures, all renewed while the system learns."
)

# What the board says; the names are those of its script.
FILM_STEP = "step"
BOARD = {
    "empty": EMPTY,
    "run": "A run",
    "opacity": "Opacity of the masks",
    "loss": "Loss",
    "views": "What is seen of the pictures",
    "slots": "How slots share a picture, by the network as it is now",
    "slots_k": "Slots",
    "slots_trained": "{k} as trained",
    "slots_noise": "Other noise",
    "slots_noise_info": "The same network and picture; only the noise that the slots begin as is another",
    "slots_noise_is": "Noise {n}",
    "slots_look": "Look {n}",
    "slots_end": "In the end",
    "slots_masks": "Masks",
    "slots_error": "Error",
    "slots_picture": "Picture {name}",
    "slots_alt": "{stage}, {name}",
    "slots_share": "Slot {n}: {share} of the patches",
    "other": "other run, {details}",
    "other_same": "other run",
    "accuracy": "Pixel accuracy",
    "iou": "IoU, and their mean",
    "miou": "mIoU",
    "checkerboard": "Checkerboard",
    "checkerboard_info": "share of the energy at frequency ½",
    "masks_known": "Eight pictures that it does not learn from",
    "masks_own": "Pictures that it learns from",
    "beside_truth": "Below each picture its truth, in the same colors.",
    "along": "Along the network",
    "along_info": "One picture on its way: bright is where the map is long. Choose a map to see its channels.",
    "cells": "{name}: {w} × {h} cells, {channels} channels",
    "field": "What a place depends on",
    "field_info": "Click a place; or move the cross with the arrow keys, and press Enter.",
    "field_alt": "Picture with a cross: arrow keys move it, Enter asks what this place depends on",
    "rows": "What each choice does: recorded runs",
    "row_close": "Close the recorded runs",
    "row_train": "Train it",
    "row_train_info": "Trains {label} here and now, with the same seed and steps, beside the recorded runs",
    "row_columns": ["Run", "Network", "mIoU", "Boundary F", "Accuracy", "Parameters", "G multiply-adds", "Sees, px", "ms"],
    "row_score": "Curve",
    "row_picture": "Picture {n} of {of}",
    "row_truth": "Truth",
    "row_given": "Picture",
    "row_spread": "Lowest and highest of {n} seeds",
    "row_none": "These runs are not recorded here.",
    "row_live": "live: {title}",
    "scores": {
        "miou": "mIoU",
        "boundary_f": "Boundary F",
        "global_accuracy": "Pixel accuracy",
        "class_accuracy": "Mean accuracy of the classes",
        "checkerboard": "Checkerboard, share of the energy at frequency ½",
        "loss": "Loss",
    },
    "of_class": "IoU of {name}",
    "scored": "on {n} pictures, matched; mIoU {miou}",
    "beside": "{name}; mIoU {miou}",
    "table": "Joint table P",
    "scored_known": "of {n} pictures",
    "confusion": "Confusion table",
    "confusion_alt": "Confusion table, {k} × {k}: {diagonal} on the diagonal",
    "confusion_info": "Rows: the class of a pixel; columns: what it is taken for, in the last steps; {diagonal} are right.",
    "table_alt": "Joint table P, {k} × {k}: {diagonal} on the diagonal",
    "table_info": "How often two views of one place are clusters i and j: {diagonal} on the diagonal.",
    "use": "Use of the clusters",
    "use_known": "What pixels are taken for",
    "use_known_info": (
        "Share of the pixels in the last step. The line is the share of each if all were equal. Click a class to see it "
        "alone."
    ),
    "differ_none": "Both runs ask for the same.",
    "differ_one": "The two runs differ in one choice, {name}: {first} in the first, {second} in the second.",
    "differ_many": "The two runs differ in {n} choices: {names}. No one of them alone explains what the curves show.",
    "use_info": "Share of the pixels. The line is the share of each if all were equal. Click a cluster to see it alone.",
    "masks": "Six of the pictures",
    "below": "Below each picture its truth, in the colors of the clusters that match it.",
    "below_marks": "Below each picture its truth.",
    "point_known": "Point at a class, anywhere, to see it alone.",
    "point": "Point at a cluster, anywhere, to see it alone.",
    "mask": "Clusters of",
    "truth": "Truth of",
    "close": "Take this run off the page",
    "save": "Save weights",
    "movie": "Masks as a movie",
    "movie_info": "What was seen of the masks while it learned, with loss and accuracy",
    "movie_as": "Format of the movie",
    "open": "Use in the lab",
    "open_info": "Opens one of the pictures in the lab, labelled by this network; other methods there take its features",
    "repeat": "Repeat it in a shell",
}
NOT_YET = "There are no weights yet, or they are no longer kept here."

SLOWER = "Here, Go on takes {rate:.3g}."

# What the numbers say, the first rule that fits.
WATCH_ONE = "One cluster has {share} of the pixels: labels that are the same everywhere tell nothing. This is degeneration."
WATCH_ONE_TABLE = (
    "One cluster has {share} of the pixels. Constant labels predict each other perfectly, so H(z | z') is near 0, and they "
    "tell nothing: I(z, z') is near 0 too. The entropy H(z) in the loss is what forbids this."
)
WATCH_EMPTY = "Hardly used clusters: {n} of {k}. The system has found fewer groups than it was asked for."
WATCH_DIAGONAL = (
    "{diagonal} of P lies on its diagonal: two views of a place mostly get the same cluster, and all clusters are used."
)
WATCH_BLURRED = "{diagonal} of P lies on its diagonal: two views of a place still get different clusters often."
WATCH_KNOWN = (
    "IoU of the last steps: {best_iou} for {best}, the best known class, and {least_iou} for {least}, the least known one."
)
WATCH_USED = "All clusters are used."

# Of systems that find separate objects: what takes the place of pixel accuracy, and how colors are called.
OBJECT_WORDS = {
    "dinosaur": {
        "accuracy": "FG-ARI of the objects",
        "scored": "on {n} pictures; mBO {miou}",
        "beside": "{name}; mBO {miou}",
    },
    "cutler": {
        "accuracy": "Recall of objects that round one was not shown",
        "scored": "on {n} pictures; of all objects {miou}",
        "beside": "{name}, of all objects",
    },
}
MASKCUT = "MaskCut"
SLOT_KMEANS = "k-means of the patches"
# Whether what is simpler, on the same features, is beaten or not.
OBJECT_VERDICTS = {
    "dinosaur": (
        "It beats k-means of each picture's patches: FG-ARI {own} against {level}, on the same features.",
        "So far it does not beat k-means of each picture's patches: FG-ARI {own} against {level}, on the same features.",
    ),
    "cutler": (
        "It finds more objects than MaskCut: {own} against {level} of all. False masks do not count here.",
        "So far it finds no more objects than MaskCut: {own} against {level} of all. False masks do not count here.",
    ),
}
# Ways to see what these find: a title, and what is seen.
VIEWS = {
    "slots": ("Slots", "A color is a slot, which may hold one thing in one picture and another in the next."),
    "classes": (
        "Classes across pictures",
        "A color is a class: what slots hold is clustered over all pictures, at steps 1, 2, 4, 8, … Point at a class to see "
        "it alone.",
    ),
    "round": (
        "Round {n}",
        "Patches that the round learns as objects: kept from before, in round one from MaskCut; new; and dropped.",
    ),
    "found": ("Found now", "What the head finds by itself; each object has a color of its own."),
}
# Curves of their own for some parts of the loss.
CHART = (("Its parts", None),)
CHARTS = {
    "dinosaur": (("Slots in use, of those of a picture", ("slots in use",)),),
    "cutler": (
        ("Its parts", ("objectness", "Dice", "spared")),
        ("Masks per picture, by round", ("masks", "new", "dropped")),
    ),
}

LOOK_TOLD = "{n} of {k} slots are ahead somewhere; the slot that is ahead has {share} of a patch on average."
LOOK_MOVED = "Since the look before, {share} of the patches went to another slot."
MASKS_TOLD = "What each slot has in the end: {n} of {k} are ahead somewhere, with {share} of a patch on average."
OTHER_NOISE = "Adjusted Rand index of noise {seed} with noise 0: {alike}; 1 means the same masks."
FIGURE = "The mask that fits all objects together best has an IoU of {iou} with them."
ERROR = (
    "Mean squared error {mean}, {most} in the worst patch; the mean feature of all pictures, everywhere, has {plain}. "
    "Bright is a large error."
)
NO_SLOTS = "This network has no slots. Train DINOSAUR."

# What to look at, by system; where nothing is said of one, the general word.
_TABLE_LEAD = (
    "**What to look at.** I(z, z') = H(z) − H(z | z'). A system that learns keeps H(z) near log₂ K, so all clusters are "
    "used, while H(z | z') falls: the mass of P moves onto its diagonal, and the masks follow surfaces instead of noise. "
    "Now switch the entropy term off, start again, and keep both runs on view: H(z) falls together with H(z | z'), one bar "
    "takes all, and P shrinks to one cell. Without augmentation the two views are one, and little is left to be learned."
)
LABELLED_LEAD = (
    "**What to look at.** The cross-entropy falls, and mass moves onto the diagonal of the confusion table: what is off it "
    "says which classes are mistaken for which. Large classes are learned first, thin ones last. Start a second run that "
    "differs in one setting, such as the output stride, dilation, upsampling or class weights, with the same seed."
)
_SLOTS_LEAD = (
    "**What to look at.** Each color is a slot, on the patches that are its own. Choose look 1, 2, 3: slots begin as noise "
    "somewhere, and share the patches by likeness and nearness, as soft k-means does. The error falls whether or not a slot "
    "keeps to one object: features are asked for, not objects. Move the number of slots, and take other noise: nothing is "
    "trained for that. The dashed line is k-means of the patches, which knows no places; one that knows them does at least "
    "as well as slots. Start a second run with nearness 0, as published, with 3 slots, 0 looks, or the transformer."
)
_CUTLER_LEAD = (
    "**What to look at.** Blue patches are in a mask before and after the last round began, green ones are new, red ones "
    "dropped. Set Masks left out to 0.5 and start two runs, with DropLoss and without: the curve is the share of the "
    "objects that round one was not shown and that are found all the same. The dashed line is MaskCut's of all objects."
)
LEADS = {"dinosaur": _SLOTS_LEAD, "cutler": _CUTLER_LEAD, "iic": _TABLE_LEAD, "ac": _TABLE_LEAD}
LEAD = (
    "**What to look at.** The loss and its parts fall or rise as the formula asks, all clusters stay in use, and the masks "
    "follow surfaces instead of noise. Start a second run with another seed, or with something switched off, and keep both "
    "on view."
)
