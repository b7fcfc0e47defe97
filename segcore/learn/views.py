"""Two views of a picture: other colors, and another place of each pixel, which is undone on what the network says.

A move is affine: pixel u of the moved picture shows g⁻¹(u) of the picture. Coordinates run from −1 to 1 over each axis
between the borders of the outermost pixels (torch's align_corners=False), so a move means the same on grids of all sizes.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.nets.blocks import gray_of


def jitter_colors(pixels: Tensor, *, strength: float, generator: Generator) -> Tensor:
    """Vary brightness, contrast, saturation and hue of each picture.

    Args:
        pixels: (b, 3, height, width) RGB in [0, 1].
        strength: ≥ 0; factors lie within 1 ± strength, and hue turns by at most strength of a full turn.
        generator: on the CPU.

    Returns:
        The same shape, in [0, 1].
    """
    u = (2 * torch.rand(4, len(pixels), generator=generator) - 1).to(pixels.device)[:, :, None, None, None] * strength
    brightness, contrast, saturation = (1 + x.clamp(min=-1) for x in u[:3])
    out = pixels * brightness
    middle = out.mean((1, 2, 3), keepdim=True)
    out = middle + (out - middle) * contrast
    gray = gray_of(out)
    return _turned(gray + (out - gray) * saturation, 2 * math.pi * u[3]).clamp(0, 1)


def _turned(pixels: Tensor, angle: Tensor) -> Tensor:
    """Turn colors about the gray axis by an angle (b, 1, 1, 1), by Rodrigues' formula."""
    along = pixels.mean(1, keepdim=True)
    across = (pixels.roll(1, 1) - pixels.roll(-1, 1)) / math.sqrt(3)
    return along + (pixels - along) * angle.cos() + across * angle.sin()


def mirrored(pixels: Tensor, *, generator: Generator) -> Tensor:
    """Mirror each picture (b, c, height, width) with a chance of one half."""
    flip = (torch.rand(len(pixels), generator=generator) < 0.5).to(pixels.device)[:, None, None, None]
    return torch.where(flip, pixels.flip(-1), pixels)


@dataclass(frozen=True, eq=False, slots=True)
class Moves:
    """An affine map for each picture of a batch: where each pixel of the moved picture comes from."""

    theta: Tensor  # (b, 2, 3) as `affine_grid` takes it: (x, y, 1) of the moved picture → (x, y) of the picture

    def apply(self, maps: Tensor) -> Tensor:
        """Move maps (b, c, height, width), bilinearly; what comes from outside repeats the border."""
        grid = F.affine_grid(self.theta.to(maps), list(maps.shape), align_corners=False)
        return F.grid_sample(maps, grid, mode="bilinear", padding_mode="border", align_corners=False)

    def inside(self, height: int, width: int) -> Tensor:
        """(b, 1, height, width) bool: the pixels of the moved picture that come from inside the picture."""
        grid = F.affine_grid(self.theta, [len(self.theta), 1, height, width], align_corners=False)
        margin = 1 - 1 / grid.new_tensor((width, height))  # centers of the outermost pixels
        return (grid.abs() <= margin + 1e-6).all(-1)[:, None]

    def inverse(self) -> "Moves":
        """The moves that undo these."""
        linear = torch.linalg.inv(self.theta[:, :, :2])
        return Moves(torch.cat((linear, -linear @ self.theta[:, :, 2:]), 2))


def draw_moves(n: int, *, strength: float, generator: Generator) -> Moves:
    """Draw moves: half of them mirrored, all turned, scaled and sheared.

    Args:
        n: how many.
        strength: 0 … 1; times 30° of turn, a factor of 1.2 of size, and 10° of shear, at most each.
        generator: on the CPU.
    """
    u = 2 * torch.rand(4, n, generator=generator) - 1
    angle, shear = u[0] * strength * math.pi / 6, (u[1] * strength * math.pi / 18).tan()
    scale = (u[2] * strength * math.log(1.2)).exp()
    mirror = torch.where(u[3] < 0, -1.0, 1.0)
    rotation = torch.stack((angle.cos(), -angle.sin(), angle.sin(), angle.cos()), 1).reshape(n, 2, 2)
    slant = torch.eye(2).repeat(n, 1, 1)
    slant[:, 0, 1] = shear
    linear = rotation @ slant * scale[:, None, None]
    linear = linear * torch.stack((mirror, torch.ones(n)), 1)[:, None, :]
    return Moves(torch.cat((linear, torch.zeros(n, 2, 1)), 2))


def draw_cutouts(n: int, *, smallest: float, generator: Generator) -> Moves:
    """Draw moves that show a square part of the picture, half of them mirrored; nothing comes from outside.

    Args:
        n: how many.
        smallest: side of the part, as a share of the picture's, is between this and 1.
        generator: on the CPU.
    """
    u = torch.rand(4, n, generator=generator)
    side = smallest + (1 - smallest) * u[0]
    middle = (2 * u[1:3] - 1) * (1 - side)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = torch.where(u[3] < 0.5, -side, side), side
    theta[:, :, 2] = middle.T
    return Moves(theta)
