"""Where the bytes of a picture are: in a file, in a zip, or in memory."""

import lzma
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from segcore.errors import InputError, shortened

MAX_FILE_BYTES = 1 << 29  # an uncompressed picture of 40 million pixels in three channels of float32 still fits
_UNPACKING = (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError)


@dataclass(frozen=True, slots=True)
class PictureFile:
    """Where one picture is."""

    name: str  # without its ending; unique in a collection, with "/" where folders lie in each other
    path: Path  # of the file, or of the zip that it is packed in
    member: str = ""  # its name in the zip

    @property
    def shown(self) -> str:
        """What to call the file in a sentence."""
        return self.member.rpartition("/")[2] or self.path.name

    def data(self) -> bytes:
        """The bytes of the file.

        Raises:
            InputError: it is gone, cannot be read, is damaged, or is larger than a picture may be.
        """
        if not self.member:
            return named_bytes(self.path)[0]
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
                data = file.read(MAX_FILE_BYTES + 1)  # what the zip says of its sizes need not be true
        except _UNPACKING as error:  # NotImplementedError, of an unknown packing, is a RuntimeError
            told = f"{self.member} in {self.path.name} cannot be unpacked: {error}. Pack it again, without a password."
            raise InputError(told, field="image") from error
        if len(data) > MAX_FILE_BYTES:
            told = f"{self.member} in {self.path.name} is larger than {MAX_FILE_BYTES >> 20} MB; save a smaller picture."
            raise InputError(told, field="image")
        return data


FILES = str | os.PathLike[str] | bytes | bytearray | memoryview | PictureFile


def named_bytes(source: FILES) -> tuple[bytes, str]:
    """The bytes of a file, and what to call it in a sentence."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), "The file"
    if isinstance(source, PictureFile) and source.member:
        return source.data(), f"The file {source.shown!r}"
    return _read_file(os.fsdecode(source.path if isinstance(source, PictureFile) else source))


def file_name(source: FILES) -> str:
    """The last part of a file's name, for a sentence."""
    if isinstance(source, PictureFile):
        return source.shown
    return "The file" if isinstance(source, bytes | bytearray | memoryview) else Path(source).name


def _read_file(given: str) -> tuple[bytes, str]:
    """Read a file; returns its bytes and what to call it in a sentence."""
    path, shown = Path(given), repr(shortened(given))
    try:
        if not given or not path.exists():
            raise _refusal(f"There is no file {shown}; check the path.")
        if path.is_dir():
            raise _refusal(f"{shown} is a folder; name a picture file in it.")
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise _refusal(f"{shown} must be an ordinary file of at most {MAX_FILE_BYTES >> 20} MB; save a smaller picture.")
        return path.read_bytes(), f"The file {path.name!r}"
    except OSError as error:
        raise _refusal(f"The file {shown} cannot be read ({error.strerror}); check its name and permissions.") from error


def _refusal(sentence: str) -> InputError:
    return InputError(sentence, field="image")
