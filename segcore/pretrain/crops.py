"""Crops: where they lie, their pixels, their colors, and which of their patches belong together.

A crop is a box (y, x, height, width) in the unit square of its picture, maybe mirrored. Pixel i of `px` along an axis lies
at the fraction (i + ½) / px of the box. All randomness is drawn on the CPU, from a generator
that the caller makes for each step, so a training that is resumed draws the same.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.pretrain.pictures import CUE_LEVEL, LEVELS, PictureStore

_ASPECT = 4 / 3  # a box is at most so much wider than high, in pixels of the picture, or higher than wide
# Blur and grayscale are rarer than for telling pictures apart: color and sharpness are what segments differ in.
_GRAY, _BLUR = 0.1, 0.3
_YIQ = ((0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312))


@dataclass(frozen=True, eq=False, slots=True)
class Crops:
    """Some crops of one size, one per picture of a batch."""

    box: Tensor  # (b, 4) float32: y, x, height, width in [0, 1]
    mirrored: Tensor  # (b,) bool
    px: int

    def to(self, device: torch.device) -> "Crops":
        """The same on a device."""
        return Crops(self.box.to(device), self.mirrored.to(device), self.px)


def draw_pictures(store: PictureStore, *, n: int, px: int, generator: Generator) -> Tensor:
    """Draw pictures for a step, with chances in proportion to their areas: a large picture has more to show.

    Pictures that could not fill a crop of `px` pixels at half its size are left out, unless all of them are so small.

    Returns:
        (n,) int64 numbers of pictures, possibly repeated.
    """
    size = store.size[:, 0].cpu()
    chance = size.prod(1).double()
    enough = size.amin(1) >= px // 2
    if bool(enough.any()):
        chance = chance * enough
    ladder = chance.cumsum(0)
    draws = torch.rand(n, generator=generator, dtype=torch.float64) * ladder[-1]
    return torch.searchsorted(ladder, draws, right=True).clamp_(max=len(store) - 1)


def draw_crops(size: Tensor, *, px: int, area: tuple[float, float], most_zoom: float, generator: Generator) -> Crops:
    """Draw one crop in each picture.

    Args:
        size: (b, 2) height and width of the pictures, in pixels.
        px: side of the crop's pixels.
        area: smallest and largest share of the picture's area.
        most_zoom: the smallest share grows where the crop would otherwise be enlarged by more.
        generator: on the CPU.
    """
    u = torch.rand(5, len(size), generator=generator)
    height, width = size.float().unbind(1)
    smallest = ((px / most_zoom) ** 2 / (height * width)).clamp(area[0], area[1])
    pixels = (smallest + (area[1] - smallest) * u[0]) * height * width
    stretch = (math.log(_ASPECT) * (u[1] - 0.5)).exp()  # square root of the aspect
    h = (pixels.sqrt() / stretch / height).clamp(max=1)
    w = (pixels.sqrt() * stretch / width).clamp(max=1)
    return Crops(torch.stack(((1 - h) * u[2], (1 - w) * u[3], h, w), dim=1), u[4] < 0.5, px)


def cut(store: PictureStore, numbers: Tensor, crops: Crops) -> Tensor:
    """Sample the pixels of crops, bilinearly, from the copy of the picture whose pixels are nearest in size.

    Args:
        store: of n pictures, on any device.
        numbers: (b,) which picture each crop belongs to.
        crops: b of them.

    Returns:
        (b, 3, px, px) float32 RGB in [0, 1], on the device of the store.
    """
    device = store.pixels.device
    numbers, crops = numbers.to(device), crops.to(device)
    side = (store.size[numbers, 0].float() * crops.box[:, 2:]).prod(1).sqrt()  # of the box, in pixels of the whole picture
    level = (side / crops.px).log2().round().clamp(0, LEVELS - 1).long()
    start, size = store.start[numbers, level], store.size[numbers, level]
    at = places(crops, crops.px) * size[:, :, None] - 0.5
    low = at.floor()
    share = at - low
    ends = [(low + k).long().clamp_(min=0).minimum(size[:, :, None] - 1) for k in (0, 1)]
    out = torch.zeros((), device=device)
    for i, rows in enumerate(ends):
        row_share = (1 - share[:, 0] if i == 0 else share[:, 0])[:, :, None, None]
        for j, columns in enumerate(ends):
            column_share = (1 - share[:, 1] if j == 0 else share[:, 1])[:, None, :, None]
            index = start[:, None, None] + rows[:, 0, :, None] * size[:, 1, None, None] + columns[:, 1, None, :]
            out = out + store.pixels[index] * (row_share * column_share)
    return out.permute(0, 3, 1, 2) / 255


def places(crops: Crops, n: int) -> Tensor:
    """(b, 2, n): where the centers of n equal cells lie along each axis, as fractions of the picture."""
    t = (torch.arange(n, device=crops.box.device) + 0.5) / n
    columns = torch.where(crops.mirrored[:, None], 1 - t, t)
    t = torch.stack((t.expand_as(columns), columns), dim=1)
    return crops.box[:, :2, None] + crops.box[:, 2:, None] * t


def agreement(store: PictureStore, numbers: Tensor, crops: Crops, patch: int) -> Tensor:
    """Say how often two patches of a crop are in one region.

    Args:
        store: of n pictures, on any device.
        numbers: (b,) which picture each crop belongs to.
        crops: b of them.
        patch: side of a patch in pixels of the crop.

    Returns:
        (b, n, n) float32 in [0, 1], symmetric with a diagonal of 1, on the device of the store: the share of the picture's
        over-segmentations that put the centers of both patches in one region.
    """
    return together(store.regions[pixels_of_patches(store, numbers, crops, patch)])


def together(regions: Tensor) -> Tensor:
    """Share (…, n, n) of the levels of regions (…, n, levels) that put two patches in one region."""
    alike = [(x[..., :, None] == x[..., None, :]).float() for x in regions.unbind(-1)]
    return sum(alike, torch.zeros_like(alike[0])) / len(alike)


def objectness(store: PictureStore, numbers: Tensor, crops: Crops, patch: int) -> Tensor:
    """Look up how likely the center of each patch is object, arguments as for `agreement`: (b, n) float32 in [0, 1]."""
    return store.objects[pixels_of_patches(store, numbers, crops, patch)].float() / 255


def pixels_of_patches(store: PictureStore, numbers: Tensor, crops: Crops, patch: int) -> Tensor:
    """(b, n) int64: where the cues of the centers of the patches are kept."""
    device = store.regions.device
    numbers, crops = numbers.to(device), crops.to(device)
    size = store.size[numbers, CUE_LEVEL]
    rows, columns = (places(crops, crops.px // patch) * size[:, :, None]).long().minimum(size[:, :, None] - 1).unbind(1)
    at = store.cues_start[numbers, None, None] + rows[:, :, None] * size[:, 1, None, None] + columns[:, None, :]
    return at.flatten(1)


def change_colors(pixels: Tensor, *, generator: Generator) -> Tensor:
    """Vary brightness, contrast, saturation and hue, and blur or gray some pictures.

    Args:
        pixels: (b, 3, height, width) RGB in [0, 1].
        generator: on the CPU.

    Returns:
        The same shape, in [0, 1].
    """
    b, device = len(pixels), pixels.device
    u = torch.rand(7, b, generator=generator)
    brightness, contrast, saturation = 0.6 + 0.8 * u[0], 0.6 + 0.8 * u[1], 0.8 + 0.4 * u[2]
    turn = (u[3] - 0.5) * 0.4 * math.pi  # up to ±36° of hue
    saturation = torch.where(u[4] < _GRAY, torch.zeros_like(saturation), saturation)
    to_yiq = torch.tensor(_YIQ)
    change = torch.zeros(b, 3, 3)
    change[:, 0, 0] = 1
    change[:, 1, 1] = change[:, 2, 2] = saturation * turn.cos()
    change[:, 1, 2], change[:, 2, 1] = -saturation * turn.sin(), saturation * turn.sin()
    mix = torch.linalg.inv(to_yiq) @ change @ to_yiq * (brightness * contrast)[:, None, None]
    mean = pixels.mean((1, 2, 3)) * (brightness * (1 - contrast)).to(device)  # contrast turns about the mean level
    out = torch.einsum("bij,bjyx->biyx", mix.to(device), pixels) + mean[:, None, None, None]
    out = out.clamp(0, 1)
    blurred = (u[5] < _BLUR).nonzero()[:, 0]
    if len(blurred):
        sigma = 0.3 + 1.2 * u[6, blurred]
        blurred = blurred.to(device)
        out[blurred] = _blur(out[blurred], sigma.to(device))
    return out


def _blur(pixels: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur with a width of its own for each picture: (b, 3, height, width), (b,) in pixels."""
    b, radius = len(pixels), 4
    x = torch.arange(-radius, radius + 1, device=pixels.device)
    kernel = (-0.5 * (x / sigma[:, None]).square()).softmax(1).repeat_interleave(3, 0)
    flat = F.pad(pixels.reshape(1, 3 * b, *pixels.shape[2:]), (radius,) * 4, mode="replicate")
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=3 * b)
    return F.conv2d(flat, kernel[:, None, None, :], groups=3 * b).reshape(pixels.shape)
