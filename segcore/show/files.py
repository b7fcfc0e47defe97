"""What leaves the program: files of a result, and the calls that repeat it."""

import base64
import errno
import io
import json
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from segcore.errors import InputError, shortened
from segcore.runtime.outputs import MARK, is_whole, json_bytes, write_whole
from segcore.settings import Settings, is_weight_file
from segcore.show.paint import Picture, checked_labels, count_labels, paint_labels
from segcore.show.palette import OBJECT_PALETTE, PALETTE, Palette
from segcore.types import Segment, Segmentation, StageReport

_HEADS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg"}
_GRAY_LABELS = 255  # more segments than this leave the 8-bit gray file for a 16-bit one


def make_folder(folder: Path) -> None:
    """Make the folder that results go to.

    Raises:
        InputError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error.strerror) from error
    if not os.access(folder, os.W_OK):
        raise _unwritable(folder, "Permission denied")


def _unwritable(folder: Path, reason: str | None) -> InputError:
    return InputError(f"Cannot write to {folder}: {reason}. Use another --out.", field="out")


def write_files(result: Segmentation, folder: Path, stem: str) -> list[Path]:
    """Write all files of a result as FOLDER/STEM.labels.png and so on; returns their paths.

    Raises:
        InputError: the folder cannot be made or written.
    """
    make_folder(folder)
    contents = {path: make(result) for path, make in zip(outputs_of(folder, stem), FILES.values(), strict=True)}
    written = {path: content for path, content in contents.items() if content is not None}
    for path, content in written.items():
        write_file(path, content)
    return list(written)


def outputs_of(folder: Path, stem: str) -> list[Path]:
    """The files that `write_files` may write, the summary last."""
    return [folder / (stem + ending) for ending in FILES]


def summary_there(folder: Path, stem: str) -> dict[str, Any] | None:
    """The summary of a result whose files are all there and whole, else None."""
    path = folder / f"{stem}.json"
    try:
        found = json.loads(path.read_bytes())
        needed = [ending for ending in FILES if ending != ".spectrum.npz" or found["eigenvalues"] is not None]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if all(is_whole(folder / (stem + ending)) for ending in needed) else None


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a result, whole or not at all, and the folder that it lies in.

    Raises:
        InputError: it cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        remedy = "Rename the picture" if error.errno == errno.ENAMETOOLONG else "Free some space"
        raise InputError(
            f"Cannot write {shortened(str(path))}: {error.strerror}. {remedy}, or use another --out.", field="out"
        ) from error


def labels_png(label_map: NDArray[np.integer]) -> bytes:
    """Encode labels as a PNG with one channel: the gray value of a pixel is its label.

    8 bits hold up to 255 segments; more take 16 bits.

    Raises:
        ValueError: a label is negative or past 65535.
    """
    label_map, n_labels = _two_byte_labels(label_map)
    return result_png(label_map.astype(np.uint8) if n_labels <= _GRAY_LABELS else label_map.astype(np.uint16))


def display_label_png(label_map: NDArray[np.integer]) -> bytes:
    """Encode labels for a browser, which reads 8 bits per channel only.

    Up to 256 labels the file is gray, and a gray value is a label. Past that, red holds the low byte and green the high one.

    Raises:
        ValueError: a label is negative or past 65535.
    """
    label_map, n_labels = _two_byte_labels(label_map)
    if n_labels <= 2**8:
        return png(label_map.astype(np.uint8))
    low, high = label_map % 256, label_map // 256
    return png(np.stack([low, high, np.zeros_like(low)], axis=-1).astype(np.uint8))


def _two_byte_labels(label_map: NDArray[np.integer]) -> tuple[NDArray[np.integer], int]:
    """The checked label map and its number of labels, which two bytes can hold."""
    label_map = checked_labels(label_map)
    n_labels = count_labels(label_map)
    if n_labels > 2**16:
        raise ValueError(f"two bytes hold 65536 labels; got {n_labels}")
    return label_map, n_labels


def overlay_png(result: Segmentation) -> bytes:
    """The picture with its segments painted over it, as a PNG of the picture's own size."""
    return result_png(overlay(result))


def overlay(result: Segmentation) -> NDArray[np.uint8]:
    """(height, width, 3): the picture with its segments painted over it."""
    return paint_labels(result.image.numpy(), result.label_map.numpy(), palette=palette_of(result))


def palette_of(result: Segmentation) -> Palette:
    """Colors of the labels: where label 0 is a background, it is gray."""
    return OBJECT_PALETTE if result.has_background else PALETTE


def spectrum_npz(result: Segmentation) -> bytes | None:
    """`eigenvalues` (m,) float64 and `eigenvectors` (h, w, m) float32 as a compressed NPZ; None without a spectrum."""
    g, spectrum = result.features.geometry, result.spectrum
    if spectrum is None:
        return None
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        eigenvalues=spectrum.eigenvalues.numpy(),
        eigenvectors=spectrum.V.float().cpu().numpy().reshape(g.h, g.w, -1),
    )
    return buffer.getvalue()


def summary(result: Segmentation) -> dict[str, Any]:
    """Everything about a result that is not a picture, ready for JSON."""
    g = result.features.geometry
    return {
        "settings": result.settings.to_dict(),
        "backbone": {
            "name": result.settings.backbone,
            "weights": result.features.source,
            "features": result.features.origin,
        },
        "image_size": {"height": g.image_size[0], "width": g.image_size[1]},
        "grid": {"h": g.h, "w": g.w, "n": g.n, "patch": g.patch, "scaled_size": list(g.scaled_size)},
        "seconds": {stage.name: round(stage.seconds, 6) for stage in result.stages},
        "stages": [_stage(stage) for stage in result.stages],
        "notes": list(result.notes),
        "n_segments": result.n_segments,
        "segments": [_segment(s, result.names) for s in result.segments],
        "eigenvalues": None if result.spectrum is None else result.spectrum.eigenvalues.tolist(),
    }


def summary_json(result: Segmentation) -> bytes:
    """`summary` as UTF-8 JSON."""
    return json_bytes(summary(result))


def _segment(segment: Segment, names: tuple[str, ...]) -> dict[str, Any]:
    """A row of the legend; with its name where labels have names."""
    named = {"name": names[segment.label]} if names else {}
    return {
        "label": segment.label, **named, "area_fraction": round(segment.area_fraction, 6), "bbox": list(segment.bbox)
    }  # fmt: skip


def _stage(stage: StageReport) -> dict[str, Any]:
    return {"name": stage.name, "seconds": round(stage.seconds, 6), "cached": stage.cached, "facts": dict(stage.facts)}


def png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Encode (height, width) or (height, width, 3) without loss."""
    return _encode(Image.fromarray(np.ascontiguousarray(pixels)), "PNG", optimize=False)


def result_png(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """As `png`, with the mark by which `is_ours` knows a file of a result."""
    mark = PngInfo()
    mark.add_text(*MARK)
    return _encode(Image.fromarray(np.ascontiguousarray(pixels)), "PNG", pnginfo=mark)


def jpeg(picture: Picture, *, quality: int = 90) -> bytes:
    """Encode a photograph for display; not for pixels whose exact values carry a meaning."""
    return _encode(Image.fromarray(np.ascontiguousarray(picture)), "JPEG", quality=quality, subsampling=0)


def picture_kind(file: bytes) -> str | None:
    """What kind of picture a file is, as its first bytes tell: "png", "jpeg" or "webp"; None for any other."""
    if file.startswith(b"RIFF"):
        return "webp" if file[8:12] == b"WEBP" else None
    return next((kind for head, kind in _HEADS.items() if file.startswith(head)), None)


def data_uri(file: bytes) -> str:
    """Carry a PNG, JPEG or WebP inside a value instead of beside it.

    Raises:
        ValueError: it is none of them.
    """
    kind = picture_kind(file)
    if kind is None:
        raise ValueError("a picture in a value is a PNG, JPEG or WebP")
    return f"data:image/{kind};base64,{base64.b64encode(file).decode('ascii')}"


def pack_floats(values: ArrayLike) -> str:
    """Base64 of 32-bit little-endian floats, row by row, as the page unpacks them."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _encode(image: Image.Image, kind: str, **options: int | bool | PngInfo) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def python_call(settings: Settings, picture: str) -> str:
    """The Python lines that make the same result from the same picture."""
    arguments = "".join(f",\n    {name}={value!r}" for name, value in settings.changed().items())
    return f"import segcore\n\nresult = segcore.segment(\n    {picture!r}{arguments},\n)"


def command_line(settings: Settings, picture: str) -> str:
    """The shell command that makes the same result from the same picture."""
    words = ["python", "-m", "segcore", "segment", picture, "--out", "out"]
    for name, value in settings.changed().items():
        flag = name.replace("_", "-")
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return shlex.join(words)


def permalink(settings: Settings, **place: str) -> str:
    """The query string that restores these settings, and the picture that `place` names, such as `example="cat"`."""
    values = {k: v for k, v in settings.changed().items() if not (k == "backbone" and is_weight_file(v))}
    query = urlencode({**place, **values})
    return f"?{query}" if query else ""


# What a result leaves behind, by the ending that follows the stem of the picture's name.
FILES: Mapping[str, Callable[[Segmentation], bytes | None]] = {
    ".labels.png": lambda result: labels_png(result.label_map.numpy()),
    ".overlay.png": overlay_png,
    ".spectrum.npz": spectrum_npz,
    ".json": summary_json,
}
