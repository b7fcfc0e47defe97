"""The sentences of the lectures."""

NO_SHEET = "There is no sheet {name}; here is the first one. There are: {known}."
NO_LINE = "Sheet {sheet} has no line {name}; it begins at the first."
OWN_GONE = "The file {name} of this state is kept here no more, so the line opens without it."
OWN_LARGE = "The weights {name} have {size:.1f} MB, and a lecture takes {most:.0f} along: they stay on this server."
NOT_READY = "Choose a sheet first."
WORDS = {
    "sheets": "Sheets",
    "tables": "What was published",
    "present": "Present",
    "presentHelp": "A line beside its live state. Keys: arrows, R answer, S step, K segments, W speaker, B blank, Esc back.",
    "print": "Handout as PDF",
    "printHelp": "Lines, pictures of their states, room for answers. The browser prints it: choose “Save as PDF”.",
    "handout": "Worksheet",
    "handoutHelp": "The same as one file of HTML with fields to fill in; students open it in any browser, and print it.",
    "making": "Making the handout …",
    "solutions": "with answers",
    "pictures": "pictures of all lines",
    "picturing": "Picture {n} of {of} …",
    "paper": "Paper",
    "told": "Told only.",
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
    "stepOn": "Step",
    "blank": "Blank",
    "speaker": "Speaker's window",
    "speakerWaits": "Present a lecture in another window of this browser; what is shown there appears here.",
    "nextLine": "Next: {topic}",
    "end": "the end",
    "vote": "Vote",
    "votes": "Votes: {n}",
    "voteHere": "Others cannot open this address: start with --host 0.0.0.0, and open this page by this computer's name.",
    "letters": ["A", "B", "C", "D"],
    "frame": "The state of this line",
    "slides": "Slides",
    "begin": "New lecture",
    "beginHelp": "An empty lecture of your own; it stays in this browser until it is deleted.",
    "file": "Open a file",
    "fileHelp": "A lecture that was saved (NAME.lecture.zip); it can be dropped anywhere on this page, too.",
    "start": "Take as a start",
    "startHelp": "A copy of this lecture, to be changed and saved as your own.",
    "save": "Save",
    "saveHelp": "One file with all lines and pictures: it opens anywhere, and with: python app.py --lecture FILE",
    "saving": "Saving …",
    "saved": "Saved as {name}.",
    "reading": "Reading the file …",
    "read": "{title} is open.",
    "notRead": "The server does not answer; try again.",
    "remove": "Delete",
    "removeSure": "Delete this lecture from this browser? A file that was saved stays.",
    "title": "Title",
    "aboutField": "What it is about",
    "edit": "Edit",
    "up": "Up",
    "down": "Down",
    "removeLine": "Remove",
    "mine": "Your own lecture, in this browser. Add lines with the button Add to my lecture of each page.",
    "stillOf": "What line {n} shows",
    "fields": {
        "topic": "Topic",
        "says": "Text; formulas between $ signs, in TeX",
        "ask": "Question",
        "choices": "Choices for a vote, one in each row",
        "answer": "Answer",
        "teacher": "Notes for the speaker",
        "claim": "Claim, as the document Lectures says",
    },
}
VOTE_TITLE = "Your prediction"
VOTE_WORDS = {"tap": "Tap your prediction.", "counted": "Counted. The answer is on the slide soon."}
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
