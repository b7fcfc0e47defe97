"""Lectures as a browser sends them."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from demo.shared.lecture.file import own_files
from demo.shared.lecture.sheet import sheet_of
from demo.shared.lecture.value import Lecture
from segcore.errors import InputError
from segcore.show.files import picture_kind

ENDING = re.compile(r"[a-z0-9]{1,11}")


_BASE = re.compile(r"https?://[\w.:\[\]-]+(/[\w./~%-]*)?/")


def base_of(sent: object, otherwise: str) -> str:
    """The address of this server as a browser says it, with a slash at the end; another one where it has not this form."""
    return sent if isinstance(sent, str) and _BASE.fullmatch(sent) else otherwise


def stills_of(sent: object) -> dict[int, bytes]:
    """The pictures among what was sent as `stills`, by place of the line."""
    found = {int(i): _bytes(still) for i, still in _object(sent).items() if str(i).isdecimal() and len(str(i)) < 4}
    return {i: still for i, still in found.items() if still is not None and picture_kind(still)}


def lecture_of(sent: Mapping[str, Any]) -> Lecture:
    """A lecture as a browser sends it: `sheet`, `stills` by place of the line, and as `pictures` its own files.

    Raises:
        InputError: it has no sheet.
    """
    given = sent.get("sheet")
    if not isinstance(given, dict) or not isinstance(given.get("lines"), list):
        raise InputError("What was sent is no lecture: it lacks sheet, with lines.")
    sent_stills, sent_pictures = _object(sent.get("stills")), _object(sent.get("pictures"))
    stills, lines = {}, []
    for i, line in enumerate(given["lines"]):
        name = f"stills/{i + 1:03}"
        still = _bytes(sent_stills.get(str(i)))
        if still is not None and (kind := picture_kind(still)):
            name = f"{name}.{kind.replace('jpeg', 'jpg')}"
            stills[name] = still
            lines.append({**line, "still": name} if isinstance(line, dict) else line)
        else:
            lines.append({k: v for k, v in line.items() if k != "still"} if isinstance(line, dict) else line)
    notes: list[str] = []
    sheet = sheet_of({**given, "lines": lines}, notes)
    pictures = {}
    for name in own_files(sheet) & sent_pictures.keys():
        picture = sent_pictures[name]
        content = _bytes(picture.get("content")) if isinstance(picture, dict) else None
        if content is not None and ENDING.fullmatch(str(picture.get("ending"))):
            pictures[name] = picture["ending"], content
    return Lecture(sheet, stills, pictures, tuple(notes))


def _object(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _bytes(given: object) -> bytes | None:
    """What stands in a data URI, or in base64 alone."""
    if not isinstance(given, str):
        return None
    try:
        return base64.b64decode(given.partition(",")[2] if given.startswith("data:") else given, validate=True)
    except (ValueError, binascii.Error):
        return None
