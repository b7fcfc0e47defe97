"""Pictures for a training: found in folders, decoded once, and kept in one tensor from which crops are cut anywhere."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from segcore.errors import InputError
from segcore.image import read_image
from segcore.progress import make_bar

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif")
PACKED = ("images.bin", "offsets.npy")  # pictures end to end, and where each begins and the last one ends
LEVELS = 3  # the picture, half of it, a quarter of it: a crop is cut from the one that is nearest to its own size
SHORTER_SIDE = 256  # larger pictures are shrunk; crops of a training are smaller anyway
SMALLEST_SIDE = 16
MOST_BYTES = 6 << 30
_CHUNK = 512


@dataclass(frozen=True, eq=False, slots=True)
class PictureStore:
    """Decoded pictures with their reduced copies."""

    pixels: Tensor  # (all pixels, 3) uint8 RGB
    start: Tensor  # (n, LEVELS) int64: first pixel of each copy
    size: Tensor  # (n, LEVELS, 2) int64: height and width of each copy
    skipped: tuple[str, ...] = ()  # names of unreadable and tiny files
    n_left_out: int = 0  # pictures for which there was no room

    def __len__(self) -> int:
        return len(self.start)

    @property
    def digest(self) -> str:
        """Fingerprint of the pictures' number, order and sizes."""
        return hashlib.blake2b(self.size[:, 0].cpu().numpy().tobytes(), digest_size=8).hexdigest()

    def to(self, device: torch.device) -> "PictureStore":
        """Move to a GPU that has room to spare for it, else stay."""
        if device.type != "cuda" or self.pixels.nbytes > torch.cuda.mem_get_info(device)[0] / 4:
            return self
        moved = (x.to(device) for x in (self.pixels, self.start, self.size))
        return PictureStore(*moved, self.skipped, self.n_left_out)


@dataclass(frozen=True, slots=True)
class _Source:
    """Bytes `start` to `stop` of a file, or all of them."""

    path: Path
    start: int = 0
    stop: int | None = None

    def read(self) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read() if self.stop is None else file.read(self.stop - self.start)

    @property
    def name(self) -> str:
        return self.path.name if self.stop is None else f"{self.path.name}[{self.start}:{self.stop}]"


def load_pictures(
    folders: Sequence[Path], *, seed: int, most_bytes: int = MOST_BYTES, show_progress: bool = False
) -> PictureStore:
    """Read the pictures of some folders.

    Args:
        folders: with pictures at any depth, or with the pair images.bin (encoded pictures end to end) and offsets.npy
            (int64; picture i is bytes offsets[i] to offsets[i + 1]).
        seed: of the order in which they are read, which says which ones stay out when the room is full.
        most_bytes: room for the decoded pictures; 6 GiB hold 18,000 photographs, or 390,000 of 64 × 64 pixels.
        show_progress: draw a bar on standard error.

    Returns:
        The pictures, shrunk to a shorter side of SHORTER_SIDE pixels where they are larger. Files that cannot be read, and
        pictures below SMALLEST_SIDE pixels, are named in `skipped`.

    Raises:
        InputError: a folder is missing or damaged, or there is no picture in any of them.
    """
    sources = list(dict.fromkeys(source for folder in folders for source in _sources(Path(folder))))
    where = ", ".join(str(folder) for folder in folders)
    if not sources:
        raise InputError(f"There are no pictures in {where}. Name a folder with JPEG, PNG or WebP files.", field="folders")
    np.random.default_rng(seed).shuffle(sources)
    kept, skipped, room = [], [], most_bytes
    bar = make_bar(total=len(sources), label="reading") if show_progress else None
    # OpenCV decodes without holding Python's lock, so threads help.
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for first in range(0, len(sources), _CHUNK):
            chunk = sources[first : first + _CHUNK]
            for source, copies in zip(chunk, pool.map(_decode, chunk), strict=True):
                if copies is None:
                    skipped.append(source.name)
                elif (room := room - sum(copy.nbytes for copy in copies)) >= 0:
                    kept.append(copies)
            if bar:
                bar.update(len(chunk))
            if room < 0:
                break
    if bar:
        bar.close()
    if not kept:
        raise InputError(
            f"None of the {len(sources)} files in {where} is a picture that can be used, such as {skipped[:1]}. "
            f"They need at least {SMALLEST_SIDE} pixels on each side.",
            field="folders",
        )
    return _store(kept, tuple(sorted(skipped)), len(sources) - len(kept) - len(skipped))


def _sources(folder: Path) -> Iterator[_Source]:
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; check the path.", field="folders")
    for path in sorted(folder.rglob("*")):
        if path.name == PACKED[0] and path.with_name(PACKED[1]).is_file():
            yield from _packed(path)
        elif path.suffix.lower() in SUFFIXES and path.is_file():
            yield _Source(path)


def _packed(path: Path) -> Iterator[_Source]:
    try:
        offsets = np.load(path.with_name(PACKED[1]), allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path.with_name(PACKED[1])} is no NumPy file of offsets; write it again.", field="folders"
        ) from error
    fits = offsets.ndim == 1 and offsets.dtype.kind in "iu" and len(offsets) > 0 and offsets[0] >= 0
    if not fits or (np.diff(offsets.astype(np.int64)) < 0).any() or offsets[-1] > path.stat().st_size:
        raise InputError(
            f"{path.with_name(PACKED[1])} must hold ascending whole numbers up to the length of {PACKED[0]}, "
            f"{path.stat().st_size} bytes; write the pair again.",
            field="folders",
        )
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        yield _Source(path, start, stop)


def _decode(source: _Source) -> list[np.ndarray] | None:
    """The picture and its reduced copies, each (height, width, 3) uint8; None if it is unreadable or tiny."""
    try:
        picture = _pixels(source.read())
    except (InputError, OSError, MemoryError):
        return None
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        return None
    if min(height, width) > SHORTER_SIDE:
        scale = SHORTER_SIDE / min(height, width)
        picture = cv2.resize(picture, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    copies = [np.ascontiguousarray(picture)]
    for _ in range(1, LEVELS):
        height, width = copies[-1].shape[:2]
        copies.append(cv2.resize(copies[-1], ((width + 1) // 2, (height + 1) // 2), interpolation=cv2.INTER_AREA))
    return copies


def _pixels(data: bytes) -> np.ndarray:
    """Decode whole JPEG files with OpenCV, which is quick; leave the rest to `read_image`, which is careful."""
    if data[:3] == b"\xff\xd8\xff" and data[-2:] == b"\xff\xd9":
        try:
            picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:
            picture = None
        if picture is not None:
            return picture[..., ::-1]
    return read_image(data).numpy()


def _store(kept: list[list[np.ndarray]], skipped: tuple[str, ...], n_left_out: int) -> PictureStore:
    size = torch.tensor([[copy.shape[:2] for copy in copies] for copies in kept])
    counts = size.prod(-1)
    start = (counts.flatten().cumsum(0) - counts.flatten()).reshape(counts.shape)
    pixels = torch.empty(int(counts.sum()), 3, dtype=torch.uint8)
    for i, copies in enumerate(kept):
        for first, copy in zip(start[i].tolist(), copies, strict=True):
            pixels[first : first + copy.shape[0] * copy.shape[1]] = torch.from_numpy(copy).reshape(-1, 3)
        kept[i] = []  # so that the pictures are not in memory twice
    return PictureStore(pixels, start, size, skipped, n_left_out)
