"""The sentences of the lectures."""

NO_SHEET = "There is no sheet {name}; here is the first one. There are: {known}."
NO_LINE = "Sheet {sheet} has no line {name}; it begins at the first."
NOT_READY = "Choose a sheet first."
WORDS = {
    "sheets": "Sheets",
    "tables": "What was published",
    "present": "Present",
    "presentHelp": "One line at a time, in large type. Keys: arrows, R answer, B blank, L pointer, O open, Esc back.",
    "handout": "Handout",
    "handoutHelp": "One file to print: the lines, pictures of their states, and room for answers.",
    "making": "Making the handout …",
    "solutions": "with answers",
    "told": "Told only",
    "answer": "Answer",
    "ask": "Predict",
    "copy": "Copy link",
    "copied": "Copied",
    "copyThis": "Copy the link to this line's state",
    "newTab": "opens in a new tab",
    "note": "For the teacher",
    "source": "Source",
    "caveat": "What it does not say",
    "sort": "Sort by",
    "missing": "–",
    "of": "of",
    "back": "Back",
    "previous": "Previous",
    "next": "Next",
    "reveal": "Show the answer",
    "slides": "Slides",
}
PAGES = {
    "": "Lab",
    "steps": "Step by step",
    "playgrounds": "Playgrounds",
    "scribble": "Scribble",
    "collections": "Collections",
    "learn": "Learn",
    "tracking": "Tracking",
}
OPEN = "Open in {page}"
HANDOUT_TITLE = "{title}: handout"
HANDOUT_ANSWERS = "Answers"
HANDOUT_ROOM = "Your prediction:"
HANDOUT_STATE = "{picture}: {count} segments"
HANDOUT_MADE = "Made with the unsupervised segmentation lab. Each line can be opened there:"
