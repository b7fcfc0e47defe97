"""Which files are pictures, and which pictures a folder, a list of files or a zip holds; each is read when it is needed."""

import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from segcore.errors import InputError, shortened
from segcore.image.source import PictureFile

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".gif")  # of the files that are pictures
MOST_IN_ZIP = 10_000  # files
MOST_ZIP_BYTES = 4 << 30  # of all pictures of a zip together, unpacked
LEAST = 2  # pictures; what they share is what is looked for


def pictures_of(source: Path | Sequence[Path], *, least: int = LEAST) -> tuple[PictureFile, ...]:
    """List the pictures of a collection, in the order of their names; none is opened.

    Args:
        source: a folder, with all folders in it; a zip; one text file (.txt) with a path per line, relative to itself; or
            files of pictures and zips.
        least: how many there must be.

    Raises:
        InputError: there are too few, two have one name, or a zip is damaged, holds paths that climb out of it, or too much.
    """
    if isinstance(source, Path):
        found, where = _in(source), str(source)
    else:
        found, where = [picture for path in source for picture in _in(path)], "the list"
    _check_names(found)
    if len(found) < least:
        what = "no picture" if not found else "one picture" if len(found) == 1 else f"{len(found)} pictures"
        raise InputError(
            f"A collection needs at least {least} pictures; {shortened(where)} holds {what}. It may hold "
            f"{', '.join(SUFFIXES)}.",
            field="images",
        )
    return tuple(sorted(found, key=lambda picture: picture.name))


def _in(path: Path) -> list[PictureFile]:
    if path.is_dir():
        return [PictureFile(_name(file.relative_to(path).as_posix()), file) for file in _files(path)]
    if not path.exists():
        raise InputError(f"There is no folder or file {shortened(str(path))}; check the path.", field="images")
    if zipfile.is_zipfile(path):
        return _in_zip(path)
    if path.suffix.lower() == ".zip":
        raise InputError(f"{path.name} is damaged, or no zip. Pack the pictures again.", field="images")
    if path.suffix.lower() == ".txt":
        return _in_list(path)
    return [PictureFile(_name(path.name), path)]


def _files(folder: Path) -> Iterable[Path]:
    """All pictures below a folder, without hidden files and folders."""
    try:
        for where, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = sorted(name for name in folders if not _is_hidden(name))
            yield from (Path(where, name) for name in sorted(names) if _is_picture(name))
    except OSError as error:
        raise InputError(f"Cannot read the folder {shortened(str(folder))}: {error.strerror}.", field="images") from error


def _raise(error: OSError) -> None:
    raise error


def _in_list(path: Path) -> list[PictureFile]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read as a list of paths: {error}.", field="images") from error
    named = [line.strip() for line in lines if line.strip()]
    return [PictureFile(_name(PurePosixPath(line).name), path.parent / line) for line in named]


def _in_zip(path: Path) -> list[PictureFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name} is damaged: {error}. Pack the pictures again.", field="images") from error
    for info in members:
        inside = PurePosixPath(info.filename.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or ":" in inside.parts[0]:
            raise InputError(
                f"{path.name} holds {shortened(info.filename)!r}, a path that leads out of it. Pack the folder of the "
                "pictures itself.",
                field="images",
            )
    pictures = [info for info in members if _is_shown(info.filename)]
    size = sum(info.file_size for info in pictures)
    if len(pictures) > MOST_IN_ZIP or size > MOST_ZIP_BYTES:
        raise InputError(
            f"{path.name} unpacks to {len(pictures):,} pictures and {size / 2**30:.1f} GB; at most {MOST_IN_ZIP:,} and "
            f"{MOST_ZIP_BYTES >> 30} GB are allowed. Use a folder, or several zips.",
            field="images",
        )
    return [PictureFile(_name(info.filename), path, info.filename) for info in pictures]


def _is_shown(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return _is_picture(parts[-1]) and not any(_is_hidden(part) for part in parts)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _is_picture(name: str) -> bool:
    return not _is_hidden(name) and Path(name).suffix.lower() in SUFFIXES


def _name(path: str) -> str:
    return str(PurePosixPath(path.replace("\\", "/")).with_suffix(""))


def _check_names(pictures: Iterable[PictureFile]) -> None:
    """Refuse two pictures whose results would take each other's place."""
    seen: dict[str, PictureFile] = {}
    for picture in pictures:
        other = seen.setdefault(picture.name, picture)
        if other is not picture:
            a, b = (p.member or str(p.path.name) for p in (other, picture))
            raise InputError(
                f"{shortened(a)} and {shortened(b)} have one name, {shortened(picture.name)!r}, so their results could not "
                "be told apart. Rename one of them.",
                field="images",
            )
