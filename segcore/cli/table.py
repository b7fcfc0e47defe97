"""What commands show while they work and when they are done: bars, tables, how many pictures count."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from segcore.errors import InputError

if TYPE_CHECKING:
    from segcore.runtime.steps import Progress, Steps

T = TypeVar("T")
U = TypeVar("U")

_NAMES_SHOWN = 10  # of files without a partner; a folder may hold thousands


def shown(steps: "Steps[Progress, T]", *, label: str = "") -> T:
    """Run steps to their end, with a bar for each stage whose length is known.

    Args:
        steps: the work.
        label: what stands before the bar; the name of the stage if empty.

    Returns:
        What the steps return.
    """
    from segcore.runtime.progress import make_bar
    from segcore.runtime.steps import finish

    bar: Any = None
    now, done = "", 0.0

    def show(progress: "Progress") -> None:
        nonlocal bar, now, done
        if progress.stage != now or progress.done < done:
            if bar is not None:
                bar.close()
            now, done = progress.stage, 0.0
            bar = make_bar(total=progress.total, label=label or now, unit=progress.unit) if progress.total else None
        if bar is not None:
            bar.update(progress.done - done)
        done = progress.done

    try:
        return finish(steps, show)
    finally:
        if bar is not None:
            bar.close()


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows under a head, numbers to the right."""
    texts = [list(head), *([f"{x:.3f}" if isinstance(x, float) else str(x) for x in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for row in texts:
        first, *others = (
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join((first, *others)))


def limited(cases: Sequence[U], limit: int | None) -> list[U]:
    """The first of the cases, as many as --limit says.

    Raises:
        InputError: it says less than 1.
    """
    if limit is not None and limit < 1:
        raise InputError(f"--limit must be at least 1; got {limit}.", field="limit")
    return list(cases[:limit])


def print_left_out(skipped: Mapping[str, str], alone: Sequence[str] = ()) -> None:
    """Name what was not counted: pictures at fault, all of them, and files without a partner, the first of them."""
    if skipped:
        print(f"Not counted: {len(skipped)}")
    for picture, reason in skipped.items():
        print(f"    {picture}: {reason}")
    if alone:
        more = f" and {len(alone) - _NAMES_SHOWN:,} more" if len(alone) > _NAMES_SHOWN else ""
        print(f"Without a file of the same name in the other folder: {len(alone):,}")
        print(f"    {', '.join(alone[:_NAMES_SHOWN])}{more}")
