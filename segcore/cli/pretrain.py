"""The command `pretrain`."""

import argparse
import math
from pathlib import Path
from typing import Any

from segcore.cli.flags import add_device, add_overwrite
from segcore.errors import InputError
from segcore.runtime.outputs import check_outputs

USE_IT = "Use it: python -m segcore segment PICTURE --out DIR --weights {path}"


def add_pretrain(commands: Any) -> None:
    """Add `pretrain`."""
    pretrain = commands.add_parser("pretrain", help="train a small transformer on pictures without labels")
    pretrain.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="pictures, zips, or lists; or images.bin with offsets.npy"
    )
    pretrain.add_argument("--out", type=Path, required=True, metavar="FILE", help="where the weights go (.safetensors)")
    pretrain.add_argument("--minutes", type=float, metavar="M", help="how long to train, over all runs with --resume (30)")
    pretrain.add_argument("--steps", type=int, metavar="N", help="train for so many steps instead: repeatable to the bit")
    pretrain.add_argument("--resume", action="store_true", help="go on from FILE's checkpoint where there is one")
    pretrain.add_argument("--seed", type=int, default=0, help="start of the random numbers (0)")
    add_overwrite(pretrain)
    add_device(pretrain)
    pretrain.add_argument(
        "--batch", type=int, metavar="N", help="pictures per step (256 on a GPU, 32 on a CPU; 8 of --whole, 4 of --settle)"
    )
    pretrain.add_argument("--start", type=Path, metavar="FILE", help="begin with these weights, not with random ones")
    pretrain.add_argument("--depth", type=int, metavar="N", help="blocks of the transformer")
    pretrain.add_argument(
        "--whole",
        action="store_true",
        help="train only the keys that segmentations read, of the weights of --start, on whole pictures: objects stand out",
    )
    pretrain.add_argument(
        "--settle",
        type=Path,
        metavar="FILE",
        help="draw together the tokens of --start where keys of these weights, colors and heights are alike: one block more",
    )
    pretrain.set_defaults(run=_pretrain)


def _pretrain(parsed: argparse.Namespace) -> int:
    from segcore.pretrain import Recipe, pretrain

    if parsed.minutes is not None and parsed.steps is not None:
        raise InputError("Give either --minutes or --steps, not both.", field="minutes")
    check_outputs([parsed.out], overwrite=parsed.overwrite)
    budget = {} if parsed.minutes is None else {"minutes": parsed.minutes}
    sizes = {} if parsed.depth is None else {"depth": parsed.depth}
    recipe = Recipe(**sizes)
    how = {"steps": parsed.steps, "resume": parsed.resume, "seed": parsed.seed, "device": parsed.device, **budget}
    done = pretrain(
        parsed.folders,
        parsed.out,
        batch=parsed.batch,
        recipe=recipe,
        start=parsed.start,
        whole=parsed.whole,
        settle=parsed.settle,
        show_progress=True,
        **how,
    )
    if done.n_skipped:
        print(f"Not read: {done.n_skipped} files, such as {', '.join(done.skipped)}.")
    loss = f"loss {done.loss:.3f}" if math.isfinite(done.loss) else "no step taken"
    print(f"{done.path}: {done.steps} steps on {done.n_pictures} pictures, {done.seconds / 60:.1f} min, {loss}.")
    print(USE_IT.format(path=done.path))
    return 0
