"""What a grouping leaves: label maps of every picture, colors and names, what each group is, and what was learned."""

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.label import label_map
from segcore.collection.system import Grouping
from segcore.image import PictureFile
from segcore.runtime.engine import LOCAL, Engine
from segcore.runtime.outputs import CLUSTERS, json_bytes
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Settings
from segcore.show.files import labels_png, make_folder, result_png, write_file
from segcore.show.paint import paint_labels
from segcore.show.palette import OBJECT_PALETTE, PALETTE, Palette
from segcore.types import Geometry

HEAD = "learned.safetensors"
_OF_PICTURE = (".labels.png", ".overlay.png")


def outputs_of(pictures: Iterable[PictureFile], folder: Path) -> Iterator[Path]:
    """The files that `write_grouping` may write."""
    yield from (folder / CLUSTERS, folder / HEAD)
    for picture in pictures:
        yield from (folder / f"{picture.name}{ending}" for ending in _OF_PICTURE)


def clusters(
    collection: Collection, grouping: Grouping, settings: Settings, own: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    """Everything about a grouping that is no picture, ready for JSON; groups with names, colors and shares of patches."""
    counts = np.zeros(grouping.n_groups, np.int64)
    seen = np.zeros(grouping.n_groups, np.int64)
    for labels in grouping.labels:
        here = np.bincount(labels.numpy().ravel(), minlength=grouping.n_groups)
        counts += here
        seen += here > 0
    colors = group_palette(grouping).hex(grouping.n_groups)
    return {
        "system": grouping.system,
        "n_groups": grouping.n_groups,
        "seed": seed,
        "settings": dict(own),
        "features": {name: getattr(settings, name) for name in ("backbone", "facet", "block", "max_side")},
        "pixels": {name: getattr(settings, name) for name in ("upsampling", "crf")},
        "groups": [
            {
                "label": k,
                "name": grouping.name(k),
                "color": colors[k],
                "background": k == grouping.background,
                "share": round(float(counts[k] / max(1, counts.sum())), 6),
                "pictures": int(seen[k]),
            }
            for k in range(grouping.n_groups)
        ],
        "pictures": list(collection.names),
        "failed": dict(collection.failed),
        "facts": dict(grouping.facts),
        "choice": {str(k): score for k, score in grouping.choice.items()},
        "curves": {name: list(values) for name, values in grouping.curves.items()},
        "notes": list(grouping.notes),
    }


def learned_bytes(grouping: Grouping, about: Mapping[str, Any]) -> bytes | None:
    """What was learned as a safetensors file, with `about` in its metadata; None where nothing was."""
    from safetensors.torch import save

    if not grouping.tensors:
        return None
    tensors = {name: x.detach().cpu().contiguous() for name, x in grouping.tensors.items()}
    metadata = {"format": "pt", "grouping": json.dumps({"system": about["system"], "settings": about["settings"]})}
    return save(tensors, metadata=metadata)


def write_grouping(
    collection: Collection,
    grouping: Grouping,
    settings: Settings,
    folder: Path,
    *,
    about: Mapping[str, Any],
    engine: Engine = LOCAL,
) -> Steps[Progress, None]:
    """Write NAME.labels.png and NAME.overlay.png of every picture, clusters.json and learned.safetensors into a folder.

    The engine lifts the labels of each picture to its pixels and writes its files.

    Raises:
        InputError: the folder cannot be written, or the disk is full; what was written stays.
    """
    make_folder(folder)
    # A worker gets what all pictures share once, and of each picture no more than its own.
    write = partial(_write_picture, collection.subset(()), replace(grouping, labels=()), settings, folder)
    own = list(zip(collection.pictures, collection.keys, collection.geometries, grouping.labels, strict=True))
    for n, (_, done) in enumerate(engine.each(write, own), 1):
        done()
        yield Progress("label maps", n, len(collection))
    write_file(folder / CLUSTERS, json_bytes(about))
    learned = learned_bytes(grouping, about)
    if learned is not None:
        write_file(folder / HEAD, learned)


def _write_picture(
    shared: Collection, grouping: Grouping, settings: Settings, folder: Path, own: tuple[PictureFile, str, Geometry, Tensor]
) -> None:
    picture, key, geometry, found = own
    collection = replace(shared, pictures=(picture,), keys=(key,), geometries=(geometry,))
    files = picture_files(collection, replace(grouping, labels=(found,)), 0, settings)
    for ending, content in zip(_OF_PICTURE, files, strict=True):
        write_file(folder / f"{picture.name}{ending}", content)


def picture_files(collection: Collection, grouping: Grouping, i: int, settings: Settings) -> tuple[bytes, bytes]:
    """Label map and overlay of one picture, as PNG files."""
    found = label_map(grouping, collection, i, settings).numpy()
    return labels_png(found), result_png(paint_labels(collection.image(i).numpy(), found, palette=group_palette(grouping)))


def group_palette(grouping: Grouping) -> Palette:
    """Colors of the groups: where group 0 is the background, it is gray."""
    return OBJECT_PALETTE if grouping.background == 0 else PALETTE


def zipped(
    collection: Collection, grouping: Grouping, settings: Settings, *, about: Mapping[str, Any], command: str
) -> Steps[Progress, bytes]:
    """The files of `write_grouping` without overlays, and the command that repeats it, as a zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for i, name in enumerate(collection.names):
            stop_if_asked()
            stem = name.encode("utf-8", "backslashreplace").decode()  # a zip holds no name that is no text
            archive.writestr(f"labels/{stem}.labels.png", picture_files(collection, grouping, i, settings)[0])
            yield Progress("label maps", i + 1, len(collection))
        archive.writestr(CLUSTERS, json_bytes(about))
        archive.writestr("command.txt", command + "\n")
        learned = learned_bytes(grouping, about)
        if learned is not None:
            archive.writestr(HEAD, learned)
    return buffer.getvalue()
