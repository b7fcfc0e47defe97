"""A run as the browser plays it: frames of packed arrays, formulas with places for numbers, questions.

What an algorithm shows is written with tensors in it: `packed` replaces each by a key into one table of arrays, in which
equal arrays stand once. The browser unpacks them all when a sequence arrives; after that nothing is asked of the server.
"""

import base64
import dataclasses
import hashlib
import json
import math
import zlib
from collections.abc import Iterable
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segcore.numerics import settled

_SHORT = 400  # numbers
BUDGET = 1_450_000  # bytes of JSON; a sequence has 1.5 MB
_MOST_FRAMES = (64, 48, 40, 32, 24, 18, 14, 10, 8, 6, 4, 3)  # tried in turn until the budget holds
_ENDS = 0.4  # share of the frames kept that come first, and as many last


@dataclass(frozen=True, eq=False, slots=True)
class At:
    """A place in a formula where the browser writes a number of the patch (or point) that is pointed at."""

    values: "Tensor | Coarse"  # (n,), or (n, stride) of which column k is meant
    k: int = 0
    form: str = "number"  # "number", "percent", "integer", "label" (counted from 1), "row" (its name)
    of: str = "i"  # "i"; "j", the second one; "ij", an entry of (m, m); "term", ij · (x_i − x_j)² with x in `other`; "near",
    # the same for the k-th of the rows in `near`
    other: Tensor | None = None
    size: tuple[int, int] | None = None  # of the grid of blocks that `values` is about, if not of the rows themselves
    near: Tensor | None = None  # (n, stride) rows that the columns of `values` are about


@dataclass(frozen=True, eq=False, slots=True)
class Coarse:
    """An array that is only looked at: 256 levels between its ends are enough."""

    values: Tensor


def array(values: Any) -> NDArray[Any]:
    """The numbers of what a view draws, on the CPU."""
    tensor = values.values if isinstance(values, Coarse) else values
    return tensor.detach().cpu().numpy() if isinstance(tensor, Tensor) else np.asarray(tensor)


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the whole step.

    Attributes:
        symbol: as the formula has it, in plain text.
        value: of the step.
        code: Python that gives it, with `state` the step's state.
        was: the value before, where there is one.
        rule: "falls" or "rises" where it must not do otherwise; checked against `was`.
        scale: of what it was computed from; what is rounding noise beside it is shown as 0.
    """

    symbol: str
    value: float
    code: str
    was: float | None = None
    rule: str = ""
    scale: float = 1.0

    @property
    def change(self) -> float | None:
        """The value less the one before, where there is one."""
        if self.was is None:
            return None
        value, was = settled(self.value, scale=self.scale), settled(self.was, scale=self.scale)
        return settled(value - was, scale=max(self.scale, abs(value), abs(was)))

    @property
    def holds(self) -> bool | None:
        """Whether it keeps its rule, where it has one."""
        if self.was is None or self.change is None or not self.rule:
            return None
        # The two values were summed in another order, so they agree to a few digits of float32 at best.
        slack = 1e-5 * max(abs(self.value), abs(self.was))
        return self.change <= slack if self.rule == "falls" else self.change >= -slack


@dataclass(frozen=True, eq=False, slots=True)
class Variant:
    """One of several ways to look at a step; what it does not say is the step's own."""

    label: str
    views: list[dict[str, Any]]
    numbers: list[Number] | None = None
    formula: list[list[Any]] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One step: its words, what is drawn, the formula, and its numbers."""

    name: str  # of the state: what the address says
    title: str
    said: str  # one sentence, plain text
    views: list[dict[str, Any]]
    numbers: list[Number] = field(default_factory=list)
    formula: list[list[Any]] = field(default_factory=list)  # lines of HTML strings and `At`
    point: list[tuple[str, str]] = field(default_factory=list)  # (label, Python) of what is printed for index `i`
    variants: list[Variant] = field(default_factory=list)  # where there are some, `views` are not shown


@dataclass(frozen=True, eq=False, slots=True)
class Question:
    """Predict, then reveal.

    Attributes:
        id: of the address.
        ask: the question.
        before: name of the frame at which it is asked.
        after: name of the frame that shows the answer.
        why: the reason, told afterwards.
        right: number of the right option, or (n,) bool, the patches that are right; read from the states.
        options: what one may choose from; empty where one points at a patch.
        values: (n,) by which a patch that was pointed at is ranked.
    """

    id: str
    ask: str
    before: str
    after: str
    why: str
    right: int | Tensor
    options: tuple[str, ...] = ()
    values: Tensor | None = None


def shown(value: float, *, scale: float = 1.0) -> str:
    """A number with four digits, as Python's `.4g` writes it, which is what the code prints; rounding noise is 0."""
    return f"{settled(value, scale=scale):.4g}"


def html_number(value: float, *, scale: float = 1.0) -> str:
    """The same for a formula: a true minus, and powers of ten."""
    text = shown(value, scale=scale)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        return f"{mantissa.replace('-', '−')}·10<sup>{str(int(exponent)).replace('-', '−')}</sup>"
    return text.replace("-", "−")


def html_matrix(entries: Tensor) -> str:
    """A matrix (rows, columns) for a formula; rounding noise beside its largest entry is 0."""
    scale = float(entries.abs().max())
    rows = (
        "<mtr>" + "".join(f"<mtd><mtext>{html_number(x, scale=scale)}</mtext></mtd>" for x in row) + "</mtr>"
        for row in entries.tolist()
    )
    return f"<math><mo>(</mo><mtable>{''.join(rows)}</mtable><mo>)</mo></math>"


Memory = dict[int, tuple[Any, str, dict[str, Any]]]  # arrays by identity, each with its key and as it is sent


class Table:
    """The arrays of a sequence, each once."""

    def __init__(self, memory: Memory | None = None) -> None:
        """Empty; of sequences that share arrays, one memory keeps these as they are sent."""
        self.arrays: dict[str, dict[str, Any]] = {}
        self._known: Memory = {} if memory is None else memory  # holds the arrays, so that an id stays that of its array

    def put(self, values: Tensor | NDArray[Any], *, coarse: bool = False) -> str:
        """The key of an array, which is added if it is new."""
        known = self._known.get(id(values))
        if known is None:
            entry = _encoded(values, coarse=coarse)
            key = hashlib.blake2b(json.dumps(entry).encode(), digest_size=6).hexdigest()
            known = self._known[id(values)] = (values, key, entry)
        _, key, self.arrays[known[1]] = known
        return key

    def packed(self, value: Any, used: set[str]) -> Any:
        """The same value with keys for its arrays; the keys are added to `used`."""
        match value:
            case Tensor() | np.ndarray():
                key = self.put(value)
                used.add(key)
                return key
            case Coarse():
                key = self.put(value.values, coarse=True)
                used.add(key)
                return key
            case At():
                shape = (value.values.values if isinstance(value.values, Coarse) else value.values).shape
                stride = 1 if len(shape) == 1 else shape[1]
                token = {"a": self.packed(value.values, used), "w": stride, "k": value.k, "f": value.form, "of": value.of}
                more = {"x": value.other, "size": value.size, "near": value.near}
                return token | {name: self.packed(entry, used) for name, entry in more.items() if entry is not None}
            case dict():
                return {name: self.packed(entry, used) for name, entry in value.items()}
            case list() | tuple():
                return [self.packed(entry, used) for entry in value]
            case float():
                return float(f"{settled(value):.7g}") if math.isfinite(value) else None
            case _:
                return value


def _encoded(values: Tensor | NDArray[Any], *, coarse: bool) -> dict[str, Any]:
    """An array as text: its kind, and its bytes, deflated, in base64.

    u8 and u16 are whole numbers, s8 whole numbers from −1; q8 stands for lo + (hi − lo) · byte / 255; f24 is a 32-bit float
    without its lowest byte, within 1.6e-5 of the value, stored byte plane by byte plane, which deflates better; f64 a
    double, of short arrays whose differences are shown.
    """
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else values
    array = np.ascontiguousarray(array).ravel()
    if array.dtype == np.bool_ or array.dtype.kind in "iu":
        return _whole(array.astype(np.int64))
    if array.dtype == np.float64 and array.size <= _SHORT and not coarse:
        return {"t": "f64", "d": _deflated(array.astype("<f8"))}
    array = array.astype(np.float32)
    if coarse:
        lo, hi = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
        levels = np.rint((array - lo) * (255 / (hi - lo) if hi > lo else 0.0)).astype(np.uint8)
        return {"t": "q8", "lo": lo, "hi": hi, "d": _deflated(levels)}
    bits = array.view(np.uint32) + np.where(np.isfinite(array), np.uint32(0x80), np.uint32(0))  # rounds
    planes = np.stack([bits >> 24, (bits >> 16) & 255, (bits >> 8) & 255]).astype(np.uint8)
    return {"t": "f24", "d": _deflated(planes)}


def _whole(array: NDArray[np.int64]) -> dict[str, Any]:
    if array.size and array.min() < 0:
        return {"t": "s8" if array.max() < 255 else "s16", "d": _deflated(_words(array + 1))}
    return {"t": "u8" if array.size == 0 or array.max() < 256 else "u16", "d": _deflated(_words(array))}


def _words(array: NDArray[np.int64]) -> NDArray[Any]:
    return array.astype(np.uint8 if array.size == 0 or array.max() < 256 else "<u2")


def _deflated(array: NDArray[Any]) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), 6)).decode("ascii")


def kept(n: int, most: int, always: Many[int] = ()) -> list[int]:
    """Which of n frames stay where there is room for `most`: the first, the last, and ever fewer between; and `always`."""
    if n <= most:
        return list(range(n))
    ends = max(1, int(_ENDS * most))
    between = np.geomspace(ends + 1, n - ends, max(most - 2 * ends, 0) + 2)[1:-1]
    return sorted({*range(ends), *range(n - ends, n), *(round(at) - 1 for at in between), *always})


def assemble(
    fixed: dict[str, Any],
    frames: Many[Frame],
    questions: Many[Question],
    code: "Code",
    *,
    keep: str = "",
    most: int = _MOST_FRAMES[0],
    memory: Memory | None = None,
) -> dict[str, Any]:
    """The value of the player.

    Args:
        fixed: what holds for all frames; may hold arrays.
        frames: all steps, in order.
        questions: about them.
        code: what is run to repeat a step.
        keep: name of a frame that must not be left out.
        most: frames that stay if the budget allows it.
        memory: of the sequences that share arrays with this one.

    Returns:
        A dict ready for JSON, of at most `BUDGET` bytes if leaving out frames in the middle can bring it there.
    """
    table = Table(memory)
    used: set[str] = set()
    head = table.packed(fixed, used)
    asked = [_question(q, table, used) for q in questions]
    names = [frame.name for frame in frames]
    always = [names.index(name) for q in questions for name in (q.before, q.after)]
    always += [names.index(keep)] if keep in names else []
    packed, needs = [], []
    for number, frame in enumerate(frames):
        need: set[str] = set()
        packed.append({**_frame(frame, table, need, code), "number": number})
        needs.append(need)
    for room in (most, *(n for n in _MOST_FRAMES if n < most)):
        chosen = kept(len(frames), room, always)
        keys = used.union(*(needs[i] for i in chosen))
        arrays = {key: table.arrays[key] for key in table.arrays if key in keys}
        value = {
            **head,
            "code": code.head,
            "total": len(frames),
            "arrays": arrays,
            "frames": [packed[i] for i in chosen],
            "questions": asked,
        }
        if len(json.dumps(value)) <= BUDGET:
            break
    return value


def without(value: dict[str, Any], held: Iterable[str]) -> dict[str, Any]:
    """The value of a player less the arrays that the browser holds already, by their keys; it is told which it has."""
    known, arrays = set(held), value["arrays"]
    return {**value, "keys": list(arrays), "arrays": {key: arrays[key] for key in arrays if key not in known}}


def _frame(frame: Frame, table: Table, used: set[str], code: "Code") -> dict[str, Any]:
    packed = {
        "step": frame.name,
        "title": frame.title,
        "said": frame.said,
        "views": table.packed(frame.views, used),
        "numbers": [_number(number) for number in frame.numbers],
        "formula": table.packed(frame.formula, used),
        "python": code.of(frame, frame.numbers),
    }
    return packed | ({"variants": [_variant(v, frame, table, used, code) for v in frame.variants]} if frame.variants else {})


def _variant(variant: Variant, frame: Frame, table: Table, used: set[str], code: "Code") -> dict[str, Any]:
    packed = {"label": variant.label, "views": table.packed(variant.views, used)}
    if variant.numbers is not None:
        packed["numbers"] = [_number(number) for number in variant.numbers]
        packed["python"] = code.of(frame, variant.numbers)
    if variant.formula is not None:
        packed["formula"] = table.packed(variant.formula, used)
    return packed


def _number(number: Number) -> dict[str, Any]:
    entry: dict[str, Any] = {"symbol": number.symbol, "value": html_number(number.value, scale=number.scale)}
    if number.change is not None:
        entry["change"] = ("+" if number.change > 0 else "") + html_number(number.change)
    if number.holds is not None:
        entry |= {"holds": number.holds, "rule": f"never {'rises' if number.rule == 'falls' else 'falls'}"}
    return entry


def _question(q: Question, table: Table, used: set[str]) -> dict[str, Any]:
    packed: dict[str, Any] = table.packed({f.name: getattr(q, f.name) for f in dataclasses.fields(q)}, used)
    return packed


@dataclass(frozen=True, slots=True)
class Code:
    """Python that repeats a run up to a step.

    Attributes:
        imports: lines.
        setup: lines that make the data.
        call: the expression that yields the states.
    """

    imports: tuple[str, ...]
    setup: tuple[str, ...]
    call: str

    @property
    def head(self) -> str:
        """What all steps begin with."""
        return "\n".join([*sorted(set(self.imports)), "", *self.setup, f"for state in {self.call}:"])

    def of(self, frame: Frame, numbers: list[Number]) -> str:
        """The lines that go on from there and print the numbers of a frame; `@i@` stands for the patch pointed at."""
        lines = [f'    if state.name == "{frame.name}":', "        break", ""]
        lines += [f'print(f"{n.symbol} = {{{n.code}:.4g}}")' for n in numbers]
        if frame.point:
            lines += ["", "i = @i@"]
            lines += [f'print(f"{label} = {{{code}:.4g}}")' for label, code in frame.point]
        return "\n".join(lines)
