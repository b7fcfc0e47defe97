"""Pictures for a training: found in folders, decoded once, and kept in one tensor from which crops are cut anywhere.

With each picture its cues are kept: several over-segmentations, from fine to coarse, and how likely each pixel is object.
"""

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from segcore.errors import InputError
from segcore.image import PictureFile, read_image
from segcore.image.listing import SUFFIXES, files_of
from segcore.pretrain.cues import REGION_LEVELS, draw_objects, draw_regions
from segcore.runtime.progress import make_bar

PACKED = ("images.bin", "offsets.npy")  # pictures end to end, and where each begins and the last one ends
LEVELS = 3  # the picture, half of it, a quarter of it: a crop is cut from the one that is nearest to its own size
CUE_LEVEL = 1  # cues are drawn on half of the picture: as good for patches, and quicker
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
    regions: Tensor  # (all pixels of the copies CUE_LEVEL, REGION_LEVELS) int16: which region each pixel is in
    objects: Tensor  # (the same pixels,) uint8: how likely each pixel is object, in 255ths
    cues_start: Tensor  # (n,) int64: first pixel of each picture there
    skipped: tuple[str, ...] = ()  # names of unreadable and tiny files
    n_left_out: int = 0  # pictures for which there was no room

    def __len__(self) -> int:
        return len(self.start)

    @property
    def digest(self) -> str:
        """Fingerprint of the pictures' number, order and sizes."""
        return hashlib.blake2b(self.size[:, 0].cpu().numpy().tobytes(), digest_size=8).hexdigest()

    def picture(self, number: int) -> Tensor:
        """(height, width, 3) uint8: a whole picture, on the CPU."""
        start, (height, width) = int(self.start[number, 0]), self.size[number, 0].tolist()
        whole: Tensor = self.pixels[start : start + height * width].cpu().unflatten(0, (height, width))
        return whole

    def scaled(self, number: int, *, longer_side: int, patch: int) -> Tensor:
        """(1, 3, h · patch, w · patch) RGB in [0, 1], on the CPU: a whole picture, at about this longer side in px."""
        picture = self.picture(number)
        scale = longer_side / max(picture.shape[:2])
        h, w = (max(1, round(side * scale / patch)) for side in picture.shape[:2])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(picture.numpy(), (w * patch, h * patch), interpolation=how)
        return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255

    def cues(self, number: int) -> tuple[slice, tuple[int, int]]:
        """Which pixels of `regions` and `objects` are those of a picture, and their height and width."""
        start, (height, width) = int(self.cues_start[number]), self.size[number, CUE_LEVEL].tolist()
        return slice(start, start + height * width), (height, width)

    def to(self, device: torch.device) -> "PictureStore":
        """Move to a GPU that has room to spare for it, else stay."""
        names = ("pixels", "start", "size", "regions", "objects", "cues_start")
        need = sum(getattr(self, name).nbytes for name in names)
        if device.type != "cuda" or need > torch.cuda.mem_get_info(device)[0] / 4:
            return self
        return dataclasses.replace(self, **{name: getattr(self, name).to(device) for name in names})


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture, or the bytes `start` to `stop` of a file of many."""

    file: PictureFile
    start: int = 0
    stop: int | None = None

    def read(self) -> bytes:
        """The encoded picture."""
        if self.stop is None:
            return self.file.data()
        with self.file.path.open("rb") as file:
            file.seek(self.start)
            return file.read(self.stop - self.start)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.file.shown if self.stop is None else f"{self.file.shown}[{self.start}:{self.stop}]"


def load_store(
    folders: Sequence[Path],
    *,
    seed: int,
    most_bytes: int = MOST_BYTES,
    cues: bool = True,
    show_progress: bool = False,
) -> PictureStore:
    """Read the pictures of some folders.

    Args:
        folders: with pictures at any depth, or lists or zips of them, see `pictures_of`; or with the
            pair images.bin (encoded pictures end to end) and offsets.npy
            (int64; picture i is bytes offsets[i] to offsets[i + 1]).
        seed: of the order in which they are read, which says which ones stay out when the room is full.
        most_bytes: room for the decoded pictures and their cues; 6 GiB hold 11,000 photographs, or 240,000 of 64 × 64
            pixels.
        cues: whether to draw them, which takes most of the time; without, nothing may ask for them.
        show_progress: draw a bar on standard error.

    Returns:
        The pictures, shrunk to a shorter side of SHORTER_SIDE pixels where they are larger. Files that cannot be read, and
        pictures below SMALLEST_SIDE pixels, are named in `skipped`.

    Raises:
        InputError: a folder is missing or damaged, or there is no picture in any of them.
    """
    sources, where = find_sources(folders, seed=seed), ", ".join(str(folder) for folder in folders)
    kept, skipped, room = [], [], most_bytes
    bar = make_bar(total=len(sources), label="reading") if show_progress else None
    # OpenCV decodes without holding Python's lock, so threads help.
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        for first in range(0, len(sources), _CHUNK):
            chunk = sources[first : first + _CHUNK]
            for source, decoded in zip(chunk, pool.map(partial(_decode, cues=cues), chunk), strict=True):
                if decoded is None:
                    skipped.append(source.name)
                elif (room := room - decoded.nbytes) >= 0:
                    kept.append(decoded)
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


def find_sources(folders: Sequence[Path], *, seed: int) -> list[Encoded]:
    """Find the pictures of folders, each once, in an order drawn by the seed; see `load_store`."""
    found = (source for folder in folders for source in _sources(Path(folder)))
    sources = list({(s.file.path, s.file.member, s.start, s.stop): s for s in found}.values())
    if not sources:
        where = ", ".join(str(folder) for folder in folders)
        raise InputError(f"There are no pictures in {where}. Name a folder with JPEG, PNG or WebP files.", field="folders")
    np.random.default_rng(seed).shuffle(sources)
    return sources


def _sources(folder: Path) -> Iterator[Encoded]:
    for file in files_of(folder, endings=(*SUFFIXES, Path(PACKED[0]).suffix), field="folders"):
        if file.shown == PACKED[0] and file.path.with_name(PACKED[1]).is_file():
            yield from _packed(file)
        elif Path(file.shown).suffix.lower() in SUFFIXES:
            yield Encoded(file)


def _packed(packed: PictureFile) -> Iterator[Encoded]:
    path = packed.path
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
        yield Encoded(packed, start, stop)


@dataclass(frozen=True, eq=False, slots=True)
class _Decoded:
    """A picture with its reduced copies, each (height, width, 3) uint8, and the cues on one of them."""

    copies: list[np.ndarray]
    regions: np.ndarray  # (height, width, REGION_LEVELS) int16
    objects: np.ndarray  # (height, width) uint8

    @property
    def nbytes(self) -> int:
        return sum(copy.nbytes for copy in self.copies) + self.regions.nbytes + self.objects.nbytes


def _decode(source: Encoded, *, cues: bool = True) -> _Decoded | None:
    """Read one picture; None if it is unreadable or tiny."""
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
    if not cues:
        return _Decoded(copies, np.empty((0, 0, REGION_LEVELS), np.int16), np.empty((0, 0), np.uint8))
    return _Decoded(copies, draw_regions(copies[CUE_LEVEL]), np.rint(255 * draw_objects(copies[CUE_LEVEL])).astype(np.uint8))


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


def _store(kept: list[_Decoded], skipped: tuple[str, ...], n_left_out: int) -> PictureStore:
    size = torch.tensor([[copy.shape[:2] for copy in one.copies] for one in kept])
    counts = size.prod(-1)
    start = (counts.flatten().cumsum(0) - counts.flatten()).reshape(counts.shape)
    pixels = torch.from_numpy(np.concatenate([copy.reshape(-1, 3) for one in kept for copy in one.copies]))
    regions = torch.from_numpy(np.concatenate([one.regions.reshape(-1, REGION_LEVELS) for one in kept]))
    objects = torch.from_numpy(np.concatenate([one.objects.ravel() for one in kept]))
    cues_start = counts[:, CUE_LEVEL].cumsum(0) - counts[:, CUE_LEVEL]
    return PictureStore(pixels, start, size, regions, objects, cues_start, skipped, n_left_out)
