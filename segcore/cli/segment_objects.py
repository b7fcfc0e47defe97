"""`segment` with weights that find separate objects: masks with scores instead of a partition."""

import io
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from segcore.errors import SegcoreError
from segcore.runtime.outputs import check_outputs, json_bytes
from segcore.train.file import NET, said_of

if TYPE_CHECKING:
    import argparse

    from segcore.image import PictureFile
    from segcore.learn import Learned
    from segcore.types import Instances

ENDINGS = (".labels.png", ".overlay.png", ".masks.npz", ".json")


def finds_objects(parsed: "argparse.Namespace") -> bool:
    """Whether the weights are of a system that finds objects, and no method is named that would read their features."""
    from segcore.learn.catalog import CATALOG

    if not parsed.weights or parsed.method is not None:
        return False
    kind, about = said_of(parsed.weights)
    system = CATALOG.get(str(about.get("system"))) if kind == NET else None
    return system is not None and system.finds_objects


def segment_objects(parsed: "argparse.Namespace") -> int:
    """Find the objects of each picture, and write STEM.labels.png, .overlay.png, .masks.npz and .json."""
    from segcore.cli.flags import engine_from, settings_from
    from segcore.cli.pictures import listed, picture_shown, sentence_of
    from segcore.learn import load_learned
    from segcore.runtime.device import pick_device
    from segcore.runtime.progress import make_bar, say
    from segcore.show.files import make_folder

    learned, engine = load_learned(parsed.weights, device=pick_device(parsed.device)), engine_from(parsed)
    most = None if parsed.n_segments is None else settings_from(parsed).n_segments
    pictures, failed = listed(parsed.pictures, parsed.out)
    make_folder(parsed.out)
    outputs = [parsed.out / (picture.name + ending) for picture in pictures for ending in ENDINGS]
    check_outputs(outputs, (picture.path for picture in pictures), overwrite=parsed.overwrite)
    seed = settings_from(parsed).seed
    work = partial(_one, learned=learned, out=parsed.out, weights=str(parsed.weights), most=most, seed=seed)
    bar = make_bar(total=len(pictures), label="segment")
    try:
        for picture, done in engine.each(work, pictures):
            try:
                n, files = done()
            except (SegcoreError, OSError) as error:
                say(f"error: {picture_shown(picture)}: {sentence_of(error)}", error=True)
                failed += 1
            else:
                say(f"{picture_shown(picture)}: {n} objects, {', '.join(files)}")
            bar.update(1)
    finally:
        bar.close()
    return 2 if failed else 0


def _one(
    picture: "PictureFile", *, learned: "Learned", out: Path, weights: str, most: int | None, seed: int
) -> tuple[int, list[str]]:
    """Write the files of one picture; returns the number of objects, and the files' names."""
    from segcore.image import read_image
    from segcore.show.files import labels_png, result_png, write_file
    from segcore.show.paint import paint_labels
    from segcore.show.palette import OBJECT_PALETTE

    image = read_image(picture)
    found = learned.instances(image, most=most, seed=seed)
    labels = found.label_map.numpy()
    about = {"found_by": learned.system, "weights": weights, "training": dict(learned.training), "objects": _told(found)}
    contents = (
        labels_png(labels),
        result_png(paint_labels(image.numpy(), labels, palette=OBJECT_PALETTE)),
        _masks_npz(found),
        json_bytes({**about, "image_size": {"height": image.shape[0], "width": image.shape[1]}}),
    )
    paths = [out / (picture.name + ending) for ending in ENDINGS]
    for path, content in zip(paths, contents, strict=True):
        write_file(path, content)
    return len(found), [path.name for path in paths]


def _told(found: "Instances") -> list[dict[str, Any]]:
    """Label in the map, score, share of the picture and box (x0, y0, x1, y1, end exclusive) of each mask."""
    told = []
    for label, (mask, score) in enumerate(zip(found.masks.numpy(), found.scores.tolist(), strict=True), 1):
        y, x = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = [int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1]
        told.append({"label": label, "score": round(score, 4), "area_fraction": round(float(mask.mean()), 6), "bbox": box})
    return told


def _masks_npz(found: "Instances") -> bytes:
    """`masks` (m, height, width) bool, which may overlap, and `scores` (m,) float32, as a compressed NPZ."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, masks=found.masks.numpy(), scores=found.scores.numpy())
    return buffer.getvalue()
