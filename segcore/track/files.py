"""Text of boxes: MOTChallenge and KITTI, read with the line that is at fault, and written.

A line is told apart by its commas:

    frame, identity, x, y, width, height, score, …       MOTChallenge (6 to 10 columns); frames from 1, identities from 1
    frame identity type truncated occluded angle x0 y0 x1 y1 …       KITTI's labels; frames and identities from 0
    frame, type, x0, y0, x1, y1, score, …                detections on KITTI as published with AB3DMOT (15 columns)

Beside the file MOTChallenge has `seqinfo.ini` with size and length, one folder up; without it they follow from the boxes.
"""

import configparser
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from segcore.errors import InputError, shortened
from segcore.track.detections import Detections, Floats, Ints
from segcore.types import Boxes

MOST_BOXES = 300_000
MOST_FRAMES = 400_000  # four hours at 25 frames a second, and more
MOST_BYTES = 64 << 20
_UNLABELED = "DontCare"  # of KITTI
_AB3DMOT = 15  # columns
_COLUMNS = "frame, identity, x, y, width, height, score"


@dataclass(frozen=True, eq=False, slots=True)
class BoxRows:
    """What a file says, line by line."""

    line: Ints  # (n,) number of the line, from 1
    frame: Ints  # (n,) from 0
    identity: Ints  # (n,) from 1; less where the file has none
    box: Floats  # (n, 4) x, y, width, height
    score: Floats  # (n,) as it stands there; 1 where there is none
    kinds: tuple[str, ...]  # (n,) types of KITTI; "" else
    note: str = ""

    def only(self, kept: Any) -> "BoxRows":
        """Some of the rows."""
        rows = np.flatnonzero(kept)
        return BoxRows(
            self.line[rows], self.frame[rows], self.identity[rows], self.box[rows], self.score[rows],
            tuple(self.kinds[i] for i in rows), self.note,
        )  # fmt: skip


def read_detections(
    source: Path | bytes,
    *,
    name: str = "",
    size: tuple[int, int] | None = None,
    n_frames: int | None = None,
    kinds: Sequence[str] = (),
) -> Detections:
    """Read what a detector found.

    Args:
        source: path of a text file, or its contents.
        name: what to call it in errors; its name if empty.
        size: width and height of a frame; that of seqinfo.ini, or what holds all boxes, if None.
        n_frames: how many there are; that of seqinfo.ini, or up to the last box, if None.
        kinds: types of KITTI that count; all but DontCare if empty.

    Returns:
        Detections without appearance. Scores that leave [0, 1] are brought there by 1 / (1 + e^−s), with a note. Identities
        are kept where every row has one.

    Raises:
        InputError: the file cannot be read, or a line breaks a rule; the sentence names the line.
    """
    name, rows = _read(source, name, kinds)
    info = _seqinfo(source)
    order = np.argsort(rows.frame, kind="stable")
    frames, boxes, score = rows.frame[order], rows.box[order], rows.score[order]
    notes = [note for note in (rows.note,) if note]
    if (score == -1).all():  # as MOTChallenge writes that there is none
        score = np.ones_like(score)
    if len(score) and (score.min() < 0 or score.max() > 1):
        span = f"{score.min():.3g} to {score.max():.3g}"
        notes.append(f"Scores of {name} go from {span}; they were brought to [0, 1] by 1 / (1 + e^−s).")
        score = 1 / (1 + np.exp(-score.clip(-50, 50)))
    last = int(frames[-1]) + 1 if len(frames) else 1
    corner = np.ceil((boxes[:, :2] + boxes[:, 2:]).max(0)).astype(int).clip(1) if len(boxes) else np.array([1, 1])
    identity = rows.identity[order] if len(rows.identity) and (rows.identity >= 1).all() else None
    return Detections(
        frame=frames,
        boxes=boxes,
        score=score,
        n_frames=max(last, n_frames or info.get("seqlength", 0)),
        size=size or (info.get("imwidth") or int(corner[0]), info.get("imheight") or int(corner[1])),
        identity=identity,
        notes=tuple(notes),
    )


def read_boxes(source: Path | bytes, *, name: str = "", kinds: Sequence[str] = (), truth: bool = False) -> Boxes:
    """Read boxes with identities: the truth, or a result.

    Args:
        source: path of a text file, or its contents.
        name: what to call it in errors; its name if empty.
        kinds: types of KITTI that count; all but DontCare if empty.
        truth: leave out rows whose 7th column is 0, which MOTChallenge does not score.

    Raises:
        InputError: the file cannot be read, or a line breaks a rule; the sentence names the line.
    """
    name, rows = _read(source, name, kinds)
    if truth:
        rows = rows.only(rows.score != 0)
    wrong = np.flatnonzero(rows.identity < 1)
    if len(wrong):
        _refuse(name, rows.line[wrong[0]], f"identity {rows.identity[wrong[0]]} is below 1; a track is numbered from 1")
    keys, first, counts = np.unique(np.stack([rows.frame, rows.identity], 1), axis=0, return_index=True, return_counts=True)
    if (counts > 1).any():
        k = int(np.argmax(counts > 1))
        _refuse(
            name, rows.line[first[k]],
            f"identity {keys[k, 1]} stands {counts[k]} times in frame {keys[k, 0] + 1}; in one frame each has one box",
        )  # fmt: skip
    return Boxes.sorted(rows.frame, rows.identity, rows.box)


def without_unlabeled(detections: Detections, truth: Path | bytes, *, name: str = "") -> Detections:
    """Leave out the detections of which half or more lies in a region that nobody labeled: KITTI's DontCare.

    Args:
        detections: of the same sequence.
        truth: path of a text file, or its contents; one of MOTChallenge has no such regions.
        name: what to call it in errors; its name if empty.

    Raises:
        InputError: the file cannot be read, or a line breaks a rule; the sentence names the line.
    """
    _, rows = _read(truth, name, (_UNLABELED,))
    rows = rows.only(np.array([kind == _UNLABELED for kind in rows.kinds], bool))
    lost = np.zeros(len(detections), bool)
    for frame, region in zip(rows.frame.tolist(), rows.box, strict=True):
        here = detections.of_frame(frame)
        box = detections.boxes[here]
        low = np.maximum(box[:, :2], region[:2])
        high = np.minimum(box[:, :2] + box[:, 2:], region[:2] + region[2:])
        lost[here] |= (high - low).clip(0).prod(1) >= box[:, 2:].prod(1) / 2
    return detections.only(~lost)


def mot_text(boxes: Boxes) -> str:
    """Boxes as MOTChallenge text: frame, identity, x, y, width, height, 1, −1, −1, −1, a line each, frames from 1."""
    rows = zip((boxes.frame + 1).tolist(), boxes.identity.tolist(), boxes.box.tolist(), strict=True)
    return "".join(f"{t},{i},{x:.3f},{y:.3f},{w:.3f},{h:.3f},1,-1,-1,-1\n" for t, i, (x, y, w, h) in rows)


def _read(source: Path | bytes, name: str, kinds: Sequence[str]) -> tuple[str, BoxRows]:
    name = shortened(name or (source.name if isinstance(source, Path) else "the text"))
    rows = _parsed(name, _text(name, source))
    _check_frames(name, rows)
    wanted = np.array([kind in kinds if kinds else kind != _UNLABELED for kind in rows.kinds], bool)
    return name, rows.only(wanted | np.array([kind == "" for kind in rows.kinds], bool))


def _text(name: str, source: Path | bytes) -> str:
    if isinstance(source, Path):
        try:
            with source.open("rb") as file:  # of a device there may be no end
                source = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror}. Check the path.", field="source") from error
    if len(source) > MOST_BYTES:
        raise InputError(
            f"{name} has more than {MOST_BYTES >> 20} MB; that many are read. Cut it into parts.", field="source"
        )
    if b"\0" in source:
        raise InputError(f"{name} is no text: it holds bytes that are 0. Save it as UTF-8.", field="source")
    return source.decode("utf-8-sig", "replace")


def _parsed(name: str, text: str) -> BoxRows:
    lines = [(k, line.strip()) for k, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > MOST_BOXES:
        raise InputError(
            f"{name} holds {len(lines):,} boxes; at most {MOST_BOXES:,} are tracked at once. Cut it into parts.",
            field="source",
        )
    return _kitti(name, lines) if lines and "," not in lines[0][1] and len(lines[0][1].split()) > 2 else _mot(name, lines)


def _mot(name: str, lines: list[tuple[int, str]]) -> BoxRows:
    table = [[part.strip() for part in line.split(",")] for _, line in lines]
    n = len(table[0]) if table else 7
    published = n == _AB3DMOT
    if not 6 <= n <= 10 and not published:
        _refuse(name, lines[0][0], f"there are {n} columns; at least 6 are needed: {_COLUMNS}, with commas")
    for (k, _), parts in zip(lines, table, strict=True):
        if len(parts) != n:
            _refuse(name, k, f"there are {len(parts)} columns, and {n} in the first line; all lines have the same")
    numbers = _numbers(name, [k for k, _ in lines], [parts[: 7 if n > 6 else 6] for parts in table])
    if n == 6:
        numbers = np.column_stack([numbers, np.ones(len(numbers))])
    line = np.array([k for k, _ in lines], np.int64)
    if published:
        box = np.column_stack([numbers[:, 2:4], numbers[:, 4:6] - numbers[:, 2:4]])
        there = (box[:, 2:] > 0).all(1)  # the published files hold boxes of no size at the border of the picture
        box, line, numbers = box[there], line[there], numbers[there]
        found = _rows(name, line, numbers[:, 0], np.full(len(line), -1), box, numbers[:, 6], ("",) * len(line), first=0)
        left_out = int((~there).sum())
        return replace(found, note=f"Boxes of {name} without a size were left out: {left_out}." if left_out else "")
    return _rows(name, line, numbers[:, 0], numbers[:, 1], numbers[:, 2:6], numbers[:, 6], ("",) * len(line), first=1)


def _kitti(name: str, lines: list[tuple[int, str]]) -> BoxRows:
    table = [line.split() for _, line in lines]
    for (k, _), parts in zip(lines, table, strict=True):
        if len(parts) < 10:
            _refuse(
                name, k, f"there are {len(parts)} columns; KITTI has at least 10, the box in columns 7 to 10, MOTChallenge "
                "has commas",
            )  # fmt: skip
    numbers = _numbers(name, [k for k, _ in lines], [[*parts[:2], *parts[6:10]] for parts in table])
    box = np.column_stack([numbers[:, 2:4], numbers[:, 4:6] - numbers[:, 2:4]])
    line, n = np.array([k for k, _ in lines], np.int64), len(lines)
    score = np.array([_number(parts[17]) if len(parts) > 17 else 1.0 for parts in table])
    return _rows(
        name, line, numbers[:, 0], numbers[:, 1] + 1, box, np.nan_to_num(score, nan=1.0),
        tuple(parts[2] for parts in table) if n else (), first=0,
    )  # fmt: skip


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _numbers(name: str, lines: list[int], words: list[list[str]]) -> Floats:
    """The words as numbers; the first that is none is said."""
    try:
        numbers = np.array(words, np.float64).reshape(len(words), -1)
    except ValueError:
        numbers = np.array([[_number(word) for word in row] for row in words])
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        i, j = wrong[0]
        _refuse(name, lines[i], f"column {j + 1} is {shortened(words[i][j])!r}; it must be a finite number")
    return numbers.reshape(len(words), -1) if len(words) else np.zeros((0, 7))


def _rows(
    name: str, line: Ints, frame: Floats, identity: Floats, box: Floats, score: Floats, kinds: tuple[str, ...], *, first: int
) -> BoxRows:
    for what, values in (("frame", frame), ("identity", identity)):
        wrong = np.flatnonzero(values != np.round(values))
        if len(wrong):
            _refuse(name, line[wrong[0]], f"{what} {values[wrong[0]]:g} is no whole number")
    wrong = np.flatnonzero((frame < first) | (frame - first >= MOST_FRAMES))
    if len(wrong):
        _refuse(name, line[wrong[0]], f"frame {frame[wrong[0]]:g} is not in {first} … {MOST_FRAMES - 1 + first}")
    wrong = np.flatnonzero(~(box[:, 2:] > 0).all(1))
    if len(wrong):
        w, h = box[wrong[0], 2:]
        _refuse(name, line[wrong[0]], f"the box is {w:g} wide and {h:g} high; both must be above 0")
    return BoxRows(line, frame.astype(np.int64) - first, identity.astype(np.int64), box, score, kinds)


def _check_frames(name: str, rows: BoxRows) -> None:
    """Whole files may be sorted by identity; within one, frames ascend."""
    order = np.lexsort((rows.line, rows.identity))
    frame, identity = rows.frame[order], rows.identity[order]
    back = np.flatnonzero((np.diff(frame) < 0) & (np.diff(identity) == 0))
    if len(back):
        at = order[back + 1]
        k = int(np.argmin(rows.line[at]))
        _refuse(
            name, rows.line[at[k]],
            f"frame {frame[back[k] + 1] + 1} comes after frame {frame[back[k]] + 1}; frames must not go back, unless "
            "another identity begins",
        )  # fmt: skip


def _refuse(name: str, line: Any, what: str) -> NoReturn:
    raise InputError(f"{name}, line {line}: {what}. Mend the line, or leave it out.", field="source")


def _seqinfo(source: Path | bytes) -> dict[str, int]:
    """Size and length that stand in `seqinfo.ini` of the sequence, as far as it is there."""
    if not isinstance(source, Path):
        return {}
    for path in (source.parent / "seqinfo.ini", source.parent.parent / "seqinfo.ini"):
        parser = configparser.ConfigParser()
        try:
            if path.is_file():
                parser.read_string(path.read_text(encoding="utf-8", errors="replace"))
                return {k: int(v) for k, v in parser["Sequence"].items() if k in ("imwidth", "imheight", "seqlength")}
        except (OSError, ValueError, KeyError, configparser.Error):
            continue
    return {}
