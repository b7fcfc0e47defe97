"""Which files are pictures, and which pictures files, folders, lists and zips hold; each is read when it is needed.

Every command names pictures through `pictures_of`, and pairs them with what was drawn on them through `pairs_of`.
"""

import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from segcore.errors import InputError, shortened
from segcore.image.source import PictureFile

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".avif", ".gif")  # of the files that are pictures
MOST_IN_ZIP = 10_000  # files
MOST_ZIP_BYTES = 4 << 30  # of all pictures of a zip together, unpacked
LEAST = 2  # pictures; what they share is what is looked for


def pictures_of(
    source: Path | Sequence[Path],
    *,
    least: int = LEAST,
    without: Path | None = None,
    endings: Sequence[str] = SUFFIXES,
    field: str = "images",
) -> tuple[PictureFile, ...]:
    """List the pictures of a collection; none is opened.

    Args:
        source: a folder, with all folders in it, also linked ones; a zip; one text file (.txt) with a path per line,
            relative to itself; a picture; or several of these.
        least: how many there must be.
        without: a folder whose files are left out, where it lies in a folder of the source: that of the results, or of
            what was drawn.
        endings: of the files that count in folders and zips.
        field: which input they are, for errors.

    Returns:
        The pictures, each once, in the order of their names: their paths below the folder or zip, without endings; below the
        folder that they have in common, for a list; the name of the file, for one that is named itself.

    Raises:
        InputError: there are too few, two have one name, or a zip is damaged, holds paths that climb out of it, or too much.
    """
    given = [source] if isinstance(source, Path) else list(source)
    all_files = files_of(source, without=without, endings=endings, field=field)
    found = list({_place(file): file for file in reversed(all_files)}.values())
    where = "the list" if len(given) != 1 else str(given[0])
    _check_names(found, field)
    if len(found) < least:
        what = f"no {'picture' if endings == SUFFIXES else 'file'}" if not found else f"{len(found)} pictures"
        what = "one picture" if len(found) == 1 else what
        needed = f"At least {least} pictures are" if least > 1 else "At least one is"
        raise InputError(
            f"{needed} needed; {shortened(where)} holds {what}. It may hold {', '.join(endings)}.",
            field=field,
        )
    return tuple(sorted(found, key=lambda picture: picture.name))


def files_of(
    source: Path | Sequence[Path],
    *,
    without: Path | None = None,
    endings: Sequence[str] = SUFFIXES,
    field: str = "images",
) -> list[PictureFile]:
    """As of `pictures_of`, in the order of the sources, where names need not tell the files apart.

    Raises:
        InputError: a source is missing, or cannot be read.
    """
    given = [source] if isinstance(source, Path) else source
    return [picture for path in given for picture in _in(path, without, tuple(endings), field)]


def pairs_of(
    pictures: Path | Sequence[Path], drawn: Path, *, endings: Sequence[str] = SUFFIXES, field: str = "labels"
) -> tuple[list[tuple[PictureFile, PictureFile]], list[PictureFile]]:
    """Match pictures with what was drawn on them, by their paths below their folders, without endings.

    Args:
        pictures: as of `pictures_of`.
        drawn: likewise.
        endings: of the files that were drawn.
        field: which input those are, for errors.

    Returns:
        The pairs, in the order of their names, and the files of either side without a partner.

    Raises:
        InputError: as of `pictures_of`; or there is no pair, or both are one folder.
    """
    given = [pictures] if isinstance(pictures, Path) else list(pictures)
    for path in (*given, drawn):
        _check_there(path, field if path is drawn else "images")
    if any(os.path.realpath(path) == os.path.realpath(drawn) for path in given):
        raise InputError(
            f"{drawn} is named twice, so that pictures and what was drawn on them cannot be told apart; put them in two "
            "folders.",
            field="images",
        )
    seen = _by_name(pictures_of(given, least=0, without=drawn))
    inner = given[0] if len(given) == 1 else None
    marks = _by_name(pictures_of(drawn, least=0, without=inner, endings=endings, field=field))
    pairs = [(picture, marks[name]) for name, picture in seen.items() if name in marks]
    if not pairs:
        where = given[0] if len(given) == 1 else "the list"
        raise InputError(
            f"No picture in {where} has a file of the same name in {drawn}, in the same folder below it.", field="images"
        )
    alone = [(seen | marks)[name] for name in seen.keys() ^ marks.keys()]
    return pairs, sorted(alone, key=lambda picture: picture.name)


def _by_name(pictures: Sequence[PictureFile]) -> dict[str, PictureFile]:
    """Pictures by the names that pair them; a folder around all that a zip holds, as packing one leaves it, is left out."""
    if not pictures or not all(picture.member for picture in pictures):
        return {picture.name: picture for picture in pictures}
    around = _common([picture.name for picture in pictures])
    return {picture.name[around:]: picture for picture in pictures}


def _common(names: Sequence[str]) -> int:
    """How many characters of all names are one folder, with its slash."""
    folders = [name.rpartition("/")[0] for name in names]
    shared = os.path.commonpath(folders) if all(folders) else ""
    return len(shared.rstrip("/")) + 1 if shared else 0


def _check_there(path: Path, field: str) -> None:
    if not os.path.lexists(path):
        raise InputError(f"There is no folder or file {shortened(str(path))}; check --{field}.", field=field)


def _in(path: Path, without: Path | None, endings: tuple[str, ...], field: str) -> list[PictureFile]:
    if os.path.isdir(path):  # noqa: PTH112 - a name that no file can have is no error there
        left_out = None if without is None or _is_same(without, path) else _identity(without)
        return [
            PictureFile(_name(file.relative_to(path).as_posix()), file)
            for file in _files(path, left_out, field)
            if _counts(file.name, endings)
        ]
    if path.suffix.lower() in endings and path.suffix.lower() not in (".zip", ".txt"):
        return [PictureFile(_name(path.name), path)]  # whether it is there is found when it is read
    if not os.path.exists(path):  # noqa: PTH110
        raise InputError(f"There is no folder or file {shortened(str(path))}; check the path.", field=field)
    if not path.is_file():  # reading it might not end
        raise InputError(
            f"{shortened(str(path))} is a device or a pipe; name pictures, folders, zips or lists.", field=field
        )
    if zipfile.is_zipfile(path):
        return _in_zip(path, endings, field)
    if path.suffix.lower() == ".zip":
        raise InputError(f"{path.name} is damaged, or no zip. Pack the pictures again.", field=field)
    if path.suffix.lower() == ".txt":
        return _in_list(path, field)
    return [PictureFile(_name(path.name), path)]


def _files(folder: Path, left_out: tuple[int, int] | None, field: str) -> Iterator[Path]:
    """All files below a folder, without hidden ones; links to folders are followed, but not into a folder around them."""
    try:
        yield from _walk(folder, (), left_out)
    except OSError as error:
        raise InputError(f"Cannot read the folder {shortened(str(folder))}: {error.strerror}.", field=field) from error


def _walk(folder: Path, around: tuple[tuple[int, int] | None, ...], left_out: tuple[int, int] | None) -> Iterator[Path]:
    here = _identity(folder)
    if here in around or (left_out is not None and here == left_out):
        return
    with os.scandir(folder) as found:
        entries = sorted((entry for entry in found if not _is_hidden(entry.name)), key=lambda entry: entry.name)
    for entry in entries:
        if entry.is_dir():
            yield from _walk(Path(entry.path), (*around, here), left_out)
        else:
            yield Path(entry.path)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_dev, stat.st_ino


def _is_same(a: Path, b: Path) -> bool:
    return _identity(a) is not None and _identity(a) == _identity(b)


def _in_list(path: Path, field: str) -> list[PictureFile]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path.name} cannot be read as a list of paths: {error.strerror}.", field=field) from error
    if b"\0" in data:
        raise InputError(
            f"{path.name} cannot be read as a list of paths: it is in UTF-16, or no text. Save it as UTF-8.", field=field
        )
    text = data.decode("utf-8-sig", "surrogateescape")  # as the names of files are read that are no UTF-8
    named = [line.strip() for line in text.splitlines() if line.strip()]
    files = [Path(os.path.normpath(path.parent / line)) for line in named]
    around = _common([file.absolute().as_posix() for file in files]) if files else 0
    return [PictureFile(_name(file.absolute().as_posix()[around:].lstrip("/")), file) for file in files]


def _in_zip(path: Path, endings: tuple[str, ...], field: str) -> list[PictureFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name} is damaged: {error}. Pack the pictures again.", field=field) from error
    for info in members:
        inside = PurePosixPath(info.filename.replace("\\", "/"))
        if inside.is_absolute() or ".." in inside.parts or ":" in inside.parts[0]:
            raise InputError(
                f"{path.name} holds {shortened(info.filename)!r}, a path that leads out of it. Pack the folder of the "
                "pictures itself.",
                field=field,
            )
    pictures = [info for info in members if _is_shown(info.filename, endings)]
    size = sum(info.file_size for info in pictures)
    if len(pictures) > MOST_IN_ZIP or size > MOST_ZIP_BYTES:
        raise InputError(
            f"{path.name} unpacks to {len(pictures):,} pictures and {size / 2**30:.1f} GB; at most {MOST_IN_ZIP:,} and "
            f"{MOST_ZIP_BYTES >> 30} GB are allowed. Use a folder, or several zips.",
            field=field,
        )
    return [PictureFile(_name(info.filename), path, info.filename) for info in pictures]


def _is_shown(name: str, endings: tuple[str, ...]) -> bool:
    parts = PurePosixPath(name).parts
    return _counts(parts[-1], endings) and not any(_is_hidden(part) for part in parts)


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX"))


def _counts(name: str, endings: tuple[str, ...]) -> bool:
    return not _is_hidden(name) and Path(name).suffix.lower() in endings


def _name(path: str) -> str:
    return str(PurePosixPath(path.replace("\\", "/")).with_suffix(""))


def _place(picture: PictureFile) -> tuple[str, object]:
    """Where a picture lies; two members of a zip may have one name."""
    return os.path.abspath(picture.path), id(picture) if picture.member else None  # noqa: PTH100 - links stay


def _check_names(pictures: Iterable[PictureFile], field: str) -> None:
    """Refuse two pictures whose results would take each other's place."""
    seen: dict[str, PictureFile] = {}
    for picture in pictures:
        other = seen.setdefault(picture.name, picture)
        if other is not picture:
            a, b = (p.member or str(p.path.name) for p in (other, picture))
            raise InputError(
                f"{shortened(a)} and {shortened(b)} have one name, {shortened(picture.name)!r}, so their results could not "
                "be told apart. Rename one of them.",
                field=field,
            )
