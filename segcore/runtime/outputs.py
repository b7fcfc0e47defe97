"""Files that the program writes: whole or not at all, and never in the place of what is not its own."""

import json
import os
import re
import secrets
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from segcore.errors import InputError, shortened

MARK = ("Software", "segcore")  # the text in the PNG files of results
CLUSTERS = "clusters.json"  # what `collection segment` writes about all of its files
_MARKED = b"tEXt" + "\0".join(MARK).encode()
_OUR_JSON = (
    {"settings", "backbone"},
    {"found_by", "objects"},
    {"system", "groups"},
    {"protocol"},
    {"backbone", "miou"},
    {"machine", "rows"},
    {"tracker", "tracks"},
)
_OUR_TRACKS = re.compile(rb"\d+,\d+(,-?\d+\.\d{3}){4},1,-1,-1,-1\n")  # the first line of `track`
_OUR_ARRAYS = (
    {"masks.npy", "scores.npy"},
    {"eigenvalues.npy", "eigenvectors.npy"},
    {"f.npy", "image_size.npy", "scaled_size.npy", "patch.npy"},
)
_ENDINGS = (".labels.png", ".overlay.png", ".spectrum.npz", ".masks.npz")  # of the files beside STEM.json
_MOST_HEADER = 100 << 20  # bytes of a safetensors header, as that library allows
_PNG_END = b"IEND\xaeB`\x82"


def json_bytes(value: Any) -> bytes:
    """JSON as UTF-8 with a last newline; what is no UTF-8 in the name of a file is escaped."""
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name beside it, then rename it: what breaks off leaves the earlier file as it was.

    Raises:
        OSError: the file cannot be written, or the disk is full.
    """
    path = Path(os.path.realpath(path))  # a link stays one
    if path.exists() and (not path.is_file() or not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK)):
        path.write_bytes(data)  # a device or pipe; or a file, or its folder, that may not be replaced
        return
    fresh = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        fresh.write_bytes(data)
        if path.exists():
            fresh.chmod(path.stat().st_mode)
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def is_whole(path: Path) -> bool:
    """Whether a PNG, NPZ or JSON file ends as such files do."""
    try:
        if path.suffix == ".npz":
            return zipfile.is_zipfile(path)
        if path.suffix == ".json":
            return json.loads(path.read_bytes()) is not None
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            return file.read() == _PNG_END
    except (OSError, ValueError):
        return False


def is_ours(path: Path) -> bool:
    """Whether a file, by what it holds, was written here; so is one that holds nothing.

    Files of earlier versions carry no mark; the JSON beside them speaks for them.
    """
    try:
        if path.stat().st_size == 0:
            return True
        if path.suffix == ".json":
            return _is_our_json(path)
        if path.suffix == ".txt":
            with path.open("rb") as file:
                return _OUR_TRACKS.match(file.readline(200)) is not None
        if path.suffix == ".safetensors":
            return _is_our_safetensors(path)
        if path.suffix == ".npz" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return set(archive.namelist()) in _OUR_ARRAYS
        with path.open("rb") as file:
            if _MARKED in file.read(4096):
                return True
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    stem = next((path.name.removesuffix(ending) for ending in _ENDINGS if path.name.endswith(ending)), None)
    speakers = [path.with_name(f"{stem}.json"), *(folder / CLUSTERS for folder in path.parents)] if stem else []
    return any(speaker.is_file() and _is_our_json(speaker) for speaker in speakers)


def _is_our_json(path: Path) -> bool:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and any(keys <= found.keys() for keys in _OUR_JSON)


def _is_our_safetensors(path: Path) -> bool:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        metadata = json.loads(file.read(length)).get("__metadata__", {}) if length <= _MOST_HEADER else {}
    return metadata.get("format", "pt") != "pt" or bool(metadata.keys() - {"format"})


def check_outputs(
    outputs: Iterable[Path], inputs: Iterable[Path] = (), *, overwrite: bool = False, flag: str = "--out"
) -> None:
    """Refuse, before any work, to write over an input, or over a file that was not written here.

    Args:
        outputs: files that may be written.
        inputs: files that are read; none is written over, whatever is asked for.
        overwrite: allow files that were not written here.
        flag: where the user says what the outputs are called.

    Raises:
        InputError: so it would be; the sentence names the first such file.

    Cost: a look at the head of each output that is there.
    """
    there = [path for path in outputs if _key(path) is not None and not path.is_dir()]
    if not there:
        return
    read = {_key(path) for path in inputs} - {None}
    for path in there:
        if _key(path) in read:
            raise InputError(
                f"The result {shortened(str(path))} would take the place of a file that is to be read. Use another {flag}.",
                field="out",
            )
    foreign = [] if overwrite else [path for path in there if path.is_file() and not is_ours(path)]
    if foreign:
        more = f", and so are {len(foreign) - 1} others" if len(foreign) > 1 else ""
        raise InputError(
            f"{shortened(str(foreign[0]))} is there already and was not written by this program{more}. Use another {flag}, "
            "or --overwrite to replace it.",
            field="out",
        )


def _key(path: Path) -> tuple[int, int] | None:
    """Which file a path leads to, by whatever name."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return stat.st_dev, stat.st_ino
