"""The command `features`: what the backbone makes of pictures, as arrays and as colors."""

import argparse
from typing import Any

from segcore.cli.flags import add_device, add_overwrite, add_settings, named, named_path, settings_from
from segcore.errors import InputError, SegcoreError

FLAGS = ("backbone", "facet", "block", "max_side", "upsampling", "seed")


def add_features(commands: Any) -> None:
    """Add `features`."""
    features = commands.add_parser("features", help="write the features of pictures, and paint them as colors")
    features.add_argument(
        "pictures",
        nargs="+",
        type=named,
        metavar="PICTURE",
        help="pictures, folders of them, zips, or text files with a path per line",
    )
    features.add_argument(
        "--out", type=named_path, required=True, metavar="DIR", help="folder for the results; made if missing"
    )
    features.add_argument(
        "--colors",
        default="pca",
        metavar="WAY",
        help="pca, or eigenvectors of the normalized cut; one for all pictures (pca)",
    )
    features.add_argument(
        "--color-vectors", type=int, metavar="M", help="how many eigenvectors after the constant one become colors (8)"
    )
    features.add_argument(
        "--shifts", type=int, default=1, metavar="S", help="a grid S times as fine, at S² times the cost (1)"
    )
    features.add_argument("--weights", type=named, metavar="FILE", help="a file of weights to use as the backbone")
    add_device(features)
    add_overwrite(features)
    add_settings(features, FLAGS)
    features.set_defaults(run=_features)


def _features(parsed: argparse.Namespace) -> int:
    from segcore.checks import check_choice, check_range
    from segcore.cli.pictures import listed, picture_shown, sentence_of
    from segcore.cluster.colors import COLOR_VECTORS, one_color
    from segcore.features.shifts import MOST_SHIFTS
    from segcore.pipeline import Pipeline
    from segcore.runtime.outputs import check_outputs
    from segcore.runtime.progress import say
    from segcore.show.feature_colors import (
        COLORS,
        ENDINGS,
        SavedFeatures,
        colors_png,
        features_npz,
        patch_colors,
    )
    from segcore.show.files import make_folder, write_file

    check_choice("colors", parsed.colors, COLORS)
    check_range("shifts", parsed.shifts, lo=1, hi=MOST_SHIFTS)
    n_vectors = COLOR_VECTORS if parsed.color_vectors is None else parsed.color_vectors
    check_range("color_vectors", n_vectors, lo=1, hi=100)
    settings = settings_from(parsed)
    reader = Pipeline(device=parsed.device).reader(settings)
    for note in reader.notes:
        say(f"note: {' '.join(note.splitlines())}", error=True)
    pictures, failed = listed(parsed.pictures, parsed.out)
    make_folder(parsed.out)
    outputs = [parsed.out / (picture.name + ending) for picture in pictures for ending in ENDINGS]
    check_outputs(outputs, (picture.path for picture in pictures), overwrite=parsed.overwrite)
    read, one_colors = [], []
    for picture in pictures:
        try:
            grid = reader.read(picture.data(), shifts=parsed.shifts)
        except (SegcoreError, OSError) as error:
            if getattr(error, "field", "image") not in (None, "image"):
                raise
            say(f"error: {picture_shown(picture)}: {sentence_of(error)}", error=True)
            failed += 1
            continue
        write_file(parsed.out / (picture.name + ENDINGS[0]), features_npz(grid.f, grid.geometry))
        read.append(picture)
        one_colors.append(one_color(grid.pixels))
        h, w, d = grid.f.shape
        say(f"{picture_shown(picture)}: {h} × {w} patches, {d} numbers each")
    if not read:
        raise InputError("No picture could be read, so there is nothing to color.", field="pictures")
    saved = SavedFeatures(tuple(parsed.out / (picture.name + ENDINGS[0]) for picture in read))
    found = patch_colors(saved, one_colors, parsed.colors, n_vectors=n_vectors, seed=settings.seed)
    for picture, colors in zip(read, found.colors, strict=True):
        content = colors_png(colors, *reader.fit(picture.data(), shifts=parsed.shifts), upsampling=settings.upsampling)
        write_file(parsed.out / (picture.name + ENDINGS[1]), content)
    if found.shares:
        shares = ", ".join(f"{share:.1%}" for share in found.shares)
        say(f"red, green and blue hold {shares} of the variance")
    return 2 if failed else 0
