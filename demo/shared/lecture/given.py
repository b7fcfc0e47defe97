"""The lectures that a server is started with: those of its command line, and those that lie in its folder `lectures`."""

import re
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from demo.shared.lecture.file import ENDING, read_file
from demo.shared.lecture.value import OWN, Lecture
from demo.shared.service import Service
from segcore.errors import SegcoreError
from segcore.runtime.places import ROOT

FOLDER = ROOT / "lectures"  # of the repository, such as that of a Space


def open_lectures(service: Service, files: Iterable[str]) -> None:
    """Let all visitors of a server see the lectures of files and of the folder, and their links find their own files.

    Raises:
        InputError: nothing of a file that is named can be read.
    """
    service.lectures = tuple(read_lectures(files))
    keep_files(service, service.lectures)


def read_lectures(files: Iterable[str]) -> list[Lecture]:
    """Read the files that are named, and those of the folder; what cannot be read in part is a note on the screen.

    No two have the same id, nor that of a lecture of the app; one that was kept in a browser is named by its file.

    Raises:
        InputError: nothing of a file that is named can be read.
    """
    found = [_noted(Path(file), file) for file in files]
    for path in sorted(FOLDER.glob(f"*{ENDING}")):
        try:
            found.append(_noted(path, path.name))
        except SegcoreError as error:
            sys.stderr.write(f"note: {path.name}: {error}\n")
    ids: set[str] = set()
    for i, lecture in enumerate(found):
        number, name = 2, lecture.sheet.id
        while name in ids or name.isdecimal() or name == "tables":  # the names of the app's own
            name, number = f"{lecture.sheet.id}-{number}", number + 1
        ids.add(name)
        found[i] = replace(lecture, sheet=replace(lecture.sheet, id=name))
    return found


def _noted(path: Path, shown: str) -> Lecture:
    lecture = read_file(path)
    for note in lecture.notes:
        sys.stderr.write(f"note: {shown}: {note}\n")
    if lecture.sheet.id.startswith(OWN):
        name = re.sub(r"[^\w-]+", "-", path.name.partition(".")[0])[:50] or "lecture"
        return replace(lecture, sheet=replace(lecture.sheet, id=name))
    return lecture


def keep_files(service: Service, lectures: Iterable[Lecture]) -> None:
    """Let the links of lectures find their own pictures and weights, for as long as the server runs."""
    for lecture in lectures:
        for name, (ending, content) in lecture.own.items():
            service.keep_own(name, ending, content)
