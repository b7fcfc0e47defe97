"""`NAME.lecture.zip`: `lecture.json`, a still of each line in `stills/`, and what links name in `pictures/` and `weights/`.

Whatever is wrong with a file, nothing outside it is touched, and no more than `MOST_BYTES` of it are ever unpacked.
"""

import hashlib
import io
import json
import re
import zipfile
import zlib
from pathlib import Path

from demo.shared.lecture.sheet import read_json, sheet_of, strict
from demo.shared.lecture.value import Lecture, Sheet
from segcore.errors import InputError, SegcoreError, shortened
from segcore.image import digest, read_image
from segcore.show.files import picture_kind

ENDING = ".lecture.zip"
MOST_FILE = 64 << 20  # bytes of the file
MOST_BYTES = 128 << 20  # bytes of all that is unpacked
_MOST_JSON = 4 << 20
_MOST_STILL = 4 << 20
_STILL = re.compile(r"stills/[\w-]{1,80}\.(jpg|png|webp)")
_PLACE = re.compile(r"(pictures|weights)/[\w-]{1,80}\.[a-z0-9]{1,11}")
_WEIGHTS = r"[a-z0-9_]{1,40}-([0-9a-f]{16})\.safetensors"
_DIGEST = r"[0-9a-f]{32}"
_NAMES = re.compile(rf"(?<![\w.])(?:{_WEIGHTS}|{_DIGEST})(?![\w.])")
MOST_WEIGHTS = 8 << 20  # bytes of a file of weights that a lecture takes along


def own_files(sheet: Sheet) -> set[str]:
    """The names in the links of a sheet that may mean a file of the lecturer's own.

    These are digests of pictures, strokes and whatever else a page takes, and weights, named by their system and digest.
    """
    values = (value for line in sheet.lines for value in line.query.values())
    return {found[0] for value in values for found in _NAMES.finditer(value)}


def is_own_name(name: str) -> bool:
    """Whether links may name a file of somebody's own so."""
    return _NAMES.fullmatch(name) is not None


def is_named(content: bytes, name: str) -> bool:
    """Whether this is the file that links name so: by the digest of its bytes, or of its pixels."""
    found = hashlib.sha256(content).hexdigest()
    if weights := re.fullmatch(_WEIGHTS, name):
        return found.startswith(weights[1])
    if found[:32] == name:
        return True
    try:
        return digest(read_image(content)) == name
    except SegcoreError:
        return False


def most_of(name: str) -> int:
    """How many bytes the file of a name may have in a lecture."""
    return MOST_WEIGHTS if re.fullmatch(_WEIGHTS, name) else MOST_FILE


def _place(name: str, ending: str) -> str:
    return f"weights/{name}" if re.fullmatch(_WEIGHTS, name) else f"pictures/{name}.{ending}"


def read_file(path: Path) -> Lecture:
    """Read a lecture.

    Raises:
        InputError: it cannot be opened, or nothing of it can be read.
    """
    try:
        if path.stat().st_size > MOST_FILE:
            raise InputError(f"{path.name} has {path.stat().st_size >> 20} MB; a lecture has at most {MOST_FILE >> 20}.")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"Cannot read {path.name}: {error.strerror or error}.") from error
    return read_lecture(content, name=path.name.removesuffix(".zip").removesuffix(".json").removesuffix(".lecture"))


def read_whole(path: Path) -> Sheet:
    """Read a `lecture.json` that must be whole, as those of the app are.

    Raises:
        InputError: it is not; says which line, and what is wrong.
    """
    lecture = read_file(path)
    return strict(lecture.sheet, list(lecture.notes))


def read_lecture(content: bytes, *, name: str = "lecture") -> Lecture:
    """Read a lecture from the bytes of its zip, or of a `lecture.json` alone.

    Args:
        content: of the file.
        name: the id of a lecture that has none.

    Raises:
        InputError: nothing of it can be read.
    """
    if len(content) > MOST_FILE:
        raise InputError(f"The file has {len(content) >> 20} MB; a lecture has at most {MOST_FILE >> 20}.")
    notes: list[str] = []
    if not content.startswith(b"PK"):
        return Lecture(sheet_of(_json_of(content, notes), notes, name=name), notes=tuple(notes))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _of_zip(archive, name, notes)
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as error:
        raise InputError(f"The file is no whole zip, so no lecture: {error}.") from error


def _json_of(content: bytes, notes: list[str]) -> dict[str, object]:
    if len(content) > _MOST_JSON:
        raise InputError(f"lecture.json has more than {_MOST_JSON >> 20} MB, which no lecture has.")
    text = content.decode("utf-8", "replace")
    if "\ufffd" in text and b"\xef\xbf\xbd" not in content:
        notes.append("Some letters of lecture.json are not in UTF-8; they are shown as \ufffd.")
    return read_json(text, notes)


def _of_zip(archive: zipfile.ZipFile, name: str, notes: list[str]) -> Lecture:
    names = archive.namelist()
    if "lecture.json" not in names:
        raise InputError("The zip holds no lecture.json, so it is no lecture.")
    room = [MOST_BYTES]
    text = _unpacked(archive, "lecture.json", _MOST_JSON, room)
    if text is None:
        raise InputError("The lecture.json of this zip is damaged, or unpacks to more than a lecture may have.")
    data = _json_of(text, notes)
    sheet = sheet_of(data, notes, name=name)
    stills: dict[str, bytes] = {}
    for number, line in enumerate(sheet.lines, 1):
        if line.still:
            still = _unpacked(archive, line.still, _MOST_STILL, room) if _STILL.fullmatch(line.still) else None
            if still is None or picture_kind(still) is None:
                notes.append(f"The still of line {number} is missing or no picture; it can be made again.")
            else:
                stills[line.still] = still
    own = _own(archive, data.get("pictures", {}), own_files(sheet), room, notes)
    used = {"lecture.json", *(line.still for line in sheet.lines), *_values(data.get("pictures"))}
    if unused := sum(entry not in used and not entry.endswith("/") for entry in names):
        notes.append(f"{unused} files of the zip belong to no line; they are left alone.")
    return Lecture(sheet, stills, own, tuple(notes))


def _values(given: object) -> list[str]:
    return [value for value in given.values() if isinstance(value, str)] if isinstance(given, dict) else []


def _own(
    archive: zipfile.ZipFile, given: object, named: set[str], room: list[int], notes: list[str]
) -> dict[str, tuple[str, bytes]]:
    found: dict[str, tuple[str, bytes]] = {}
    if not isinstance(given, dict):
        notes.append("pictures must name a file for each digest; it is left out.")
        return found
    for key, place in given.items():
        if key not in named or not isinstance(place, str) or not _PLACE.fullmatch(place):
            notes.append(
                f"The file {shortened(str(place))} belongs to no line, or lies outside the lecture; it is left alone."
            )
            continue
        content = _unpacked(archive, place, most_of(key), room)
        if content is None:
            notes.append(f"The file {shortened(place)} is missing, damaged or too large; its line opens without it.")
        elif not is_named(content, key):
            notes.append(f"The file {shortened(place)} is not the one that its line names; it is left alone.")
        else:
            found[key] = place.rpartition(".")[2], content
    return found


def _unpacked(archive: zipfile.ZipFile, name: str, most: int, room: list[int]) -> bytes | None:
    """A file of the zip; None where it is missing, damaged, or larger than it may be, whatever its head says."""
    most = min(most, room[0])
    try:
        with archive.open(name) as file:
            content = file.read(most + 1)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError):
        return None
    if len(content) > most:
        return None
    room[0] -= len(content)
    return content


def write_lecture(lecture: Lecture) -> bytes:
    """The zip of a lecture; equal lectures give equal bytes."""
    places = {key: _place(key, ending) for key, (ending, _) in sorted(lecture.own.items())}
    data = lecture.sheet.to_dict() | ({"pictures": places} if places else {})
    files = {"lecture.json": json.dumps(data, ensure_ascii=False, indent=1).encode()}
    files |= {place: lecture.own[key][1] for key, place in places.items()}
    files |= {name: lecture.stills[name] for name in sorted(lecture.stills) if _STILL.fullmatch(name)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
