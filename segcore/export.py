"""What leaves the program: files of a result, and the calls that repeat it."""

import io
import json
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from torch import Tensor

from segcore.errors import InputError
from segcore.palette import label_colors
from segcore.render import paint_labels
from segcore.settings import Settings, is_weight_file
from segcore.types import Segmentation, StageReport

OVERLAY_OPACITY = 0.55


def write_files(result: Segmentation, folder: Path, stem: str) -> list[Path]:
    """Write all files of a result as FOLDER/STEM.labels.png and so on; returns their paths.

    Raises:
        InputError: the folder cannot be made or written.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for ending, make in FILES.items():
            content = make(result)
            if content is not None:
                paths.append(folder / (stem + ending))
                paths[-1].write_bytes(content)
    except OSError as error:
        raise InputError(f"Cannot write to {folder}: {error.strerror}. Name another folder with --out.", field="out") from error
    return paths


def labels_png(label_map: Tensor) -> bytes:
    """The label map as a PNG of one channel whose gray value is the label; 16 bit past 255 labels."""
    labels = label_map.numpy()
    return _png(Image.fromarray(labels.astype(np.uint8 if labels.max() <= 255 else np.uint16)))


def overlay_png(result: Segmentation, *, opacity: float = OVERLAY_OPACITY) -> bytes:
    """The picture with its segments painted over it, as a PNG."""
    return _png(Image.fromarray(overlay(result, opacity=opacity)))


def overlay(result: Segmentation, *, opacity: float = OVERLAY_OPACITY) -> np.ndarray:
    """(height, width, 3) uint8: the picture with its segments painted over it."""
    labels = result.label_map.numpy()
    colors = label_colors(int(labels.max()) + 1, background=result.cut is not None)
    return paint_labels(result.image.numpy(), labels, colors=colors, opacity=opacity)


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
        "segments": [
            {"label": s.label, "area_fraction": round(s.area_fraction, 6), "bbox": list(s.bbox)} for s in result.segments
        ],
        "eigenvalues": None if result.spectrum is None else result.spectrum.eigenvalues.tolist(),
    }


def summary_json(result: Segmentation) -> bytes:
    """`summary` as UTF-8 JSON."""
    return json.dumps(summary(result), indent=2, ensure_ascii=False).encode()


def _stage(stage: StageReport) -> dict[str, Any]:
    return {"name": stage.name, "seconds": round(stage.seconds, 6), "cached": stage.cached, "facts": dict(stage.facts)}


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
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


def permalink(settings: Settings, example: str | None) -> str:
    """The query string that restores these settings, and the example if the picture is one."""
    values = {k: v for k, v in settings.changed().items() if not (k == "backbone" and is_weight_file(v))}
    return "?" + urlencode({**({"example": example} if example else {}), **values})


# What a result leaves behind, by the ending that follows the stem of the picture's name.
FILES: Mapping[str, Callable[[Segmentation], bytes | None]] = {
    ".labels.png": lambda result: labels_png(result.label_map.numpy()),
    ".overlay.png": overlay_png,
    ".spectrum.npz": spectrum_npz,
    ".json": summary_json,
}
