"""What the pixels of a file hold, before it becomes a picture, a label map or a mask."""

from dataclasses import dataclass

import numpy as np

from segcore.errors import InputError

MAX_PIXELS = 40_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Raster:
    """The values of a file, upright, with black at the low end."""

    values: np.ndarray  # (height, width) gray values or indices of the palette, or (height, width, 3) colors
    white: int | None  # the value of white; None: of floats and of integers past 16 bits, which have none
    alpha: np.ndarray | None = None  # (height, width): 0 is transparent, and `white` opaque, or 1 where there is none
    palette: np.ndarray | None = None  # (n, 3) uint8: the color of each index

    @property
    def has_colors(self) -> bool:
        """Whether a pixel holds red, green and blue."""
        return self.values.ndim == 3

    def visible(self) -> np.ndarray | None:
        """(height, width) bool: the pixels that are at least half opaque; None where all pixels are opaque."""
        if self.alpha is None:
            return None
        shown = self.alpha > (self.white or 1) / 2
        return None if (self.alpha == (self.white or 1)).all() else shown


def turned(array: np.ndarray, orientation: object) -> np.ndarray:
    """Apply an orientation of EXIF and TIFF, 1 to 8, to the first two axes; anything else leaves them alone."""
    array = array.swapaxes(0, 1) if orientation in (5, 6, 7, 8) else array
    array = array[::-1] if orientation in (3, 4, 7, 8) else array
    return array[:, ::-1] if orientation in (2, 3, 6, 7) else array


def check_size(name: str, width: int, height: int) -> None:
    """Refuse a picture without pixels, or with more than MAX_PIXELS.

    Raises:
        InputError: so it is.
    """
    if min(width, height) < 1:
        raise refusal(f"{name} has no pixels: it is {width} px wide and {height} px high.")
    if width * height > MAX_PIXELS:
        limit = f"at most {MAX_PIXELS / 1e6:g} megapixels are allowed"
        raise refusal(f"{name} has {width} × {height} pixels, but {limit}; scale it down first.")


def refusal(sentence: str) -> InputError:
    """What is raised of a file."""
    return InputError(sentence, field="image")
