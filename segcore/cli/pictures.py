"""Pictures that commands are given, one by one or in folders, and how they and their mistakes are told."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from segcore.errors import InputError, SegcoreError, shortened

if TYPE_CHECKING:
    from segcore.image import PictureFile


def sentence_of(error: SegcoreError | OSError) -> str:
    """What to tell the user; of a system's refusal, which file it was about."""
    if not isinstance(error, OSError):
        return str(error)
    name = shortened(str(error.filename or "the output"))
    return f"Cannot use {name}: {error.strerror or error}. Use another name or place, or mend its permissions."


def listed(given: Sequence[str], out: Path) -> "tuple[list[PictureFile], int]":
    """The pictures that are meant, and how many of what was given cannot be listed, which is said."""
    from segcore.image.listing import pictures_of
    from segcore.runtime.progress import say

    found: dict[PictureFile, None] = {}
    failed = 0
    for path in given:
        try:
            found |= dict.fromkeys(pictures_of(Path(path), least=1, without=out, field="pictures"))
        except InputError as error:
            say(f"error: {error}", error=True)
            failed += 1
    seen: dict[str, PictureFile] = {}
    for picture in found:
        other = seen.setdefault(picture.name, picture)
        if other is not picture:
            raise InputError(
                f"{picture_shown(other)} and {picture_shown(picture)} would both write {picture.name}.*; "
                "run them with two --out folders."
            )
    return list(found), failed


def picture_shown(picture: "PictureFile") -> str:
    """How a picture is called, with the zip that it lies in."""
    return f"{picture.path}/{picture.member}" if picture.member else str(picture.path)
