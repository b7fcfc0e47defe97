"""Detections of a visitor's own: text of MOTChallenge or KITTI, with the truth where they have it."""

from dataclasses import dataclass
from pathlib import Path

from demo.tracking import texts
from segcore.errors import InputError
from segcore.track.detections import Detections
from segcore.track.files import read_boxes, read_detections
from segcore.types import Boxes

MOST_BOXES, MOST_FRAMES = 2_000, 1_500


@dataclass(frozen=True, eq=False, slots=True)
class Own:
    """What was read, and the Python that reads it."""

    title: str
    detections: Detections
    truth: Boxes | None
    code: tuple[tuple[str, ...], tuple[str, ...]]


def read_own(detections: str, truth: str) -> Own:
    """Read the files of a visitor.

    Args:
        detections: path of the text.
        truth: path of the truth, or "".

    Raises:
        InputError: there is none, one cannot be read, or it is too long for this page; says which, and what to do.
    """
    if not detections:
        raise InputError(texts.NO_FILE, field="detections")
    path, name = Path(detections), Path(detections).name
    found = read_detections(path)
    if len(found) > MOST_BOXES:
        raise InputError(texts.TOO_MANY_BOXES.format(most=MOST_BOXES, n=len(found)), field="detections")
    if found.n_frames > MOST_FRAMES:
        raise InputError(texts.TOO_MANY_FRAMES.format(most=MOST_FRAMES, n=found.n_frames), field="detections")
    imports = ["from pathlib import Path", "from segcore.track.files import read_detections"]
    lines = [f'detections = read_detections(Path("{name}"))']
    if not truth:
        return Own(name, found, None, (tuple(imports), tuple(lines)))
    known = read_boxes(Path(truth), truth=True)
    if len(known) and known.frame[-1] >= found.n_frames:
        given = {"last": int(known.frame[-1]) + 1, "n": found.n_frames}
        raise InputError(texts.OTHER_SEQUENCE.format(**given), field="truth")
    imports.append("from segcore.track.files import read_boxes")
    lines.append(f'truth = read_boxes(Path("{Path(truth).name}"), truth=True)')
    return Own(name, found, known, (tuple(imports), tuple(lines)))
