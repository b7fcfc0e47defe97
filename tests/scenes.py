"""Drawn pictures with a known answer: small ones for tests, and the drawn examples of assets/examples.

Every function returns the picture, (height, width, 3) uint8, and the truth, (height, width) int64 from 0 without gaps, where
0 is the ground. `python -m tests.scenes` draws the examples anew; equal seeds give equal pictures.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

EXAMPLES = Path(__file__).parents[1] / "assets" / "examples"

# Small scenes


def two_discs(height=48, width=64):
    """A red and a green disc on a blue ground."""
    y, x = _centers(height, width)
    side = min(height, width / 1.5)
    truth = np.zeros((height, width), np.int64)
    truth[np.hypot(y - 0.45 * height, x - 0.3 * width) < 0.28 * side] = 1
    truth[np.hypot(y - 0.55 * height, x - 0.72 * width) < 0.24 * side] = 2
    return _flat(truth, [(40, 60, 160), (200, 50, 40), (60, 180, 70)])


def vertical_stripes(height=48, width=64, n=4):
    """`n` stripes of equal width and of different colors, from left to right."""
    truth = np.broadcast_to(np.arange(width) * n // width, (height, width))
    return _flat(truth, np.random.default_rng(n).permutation(_spread_colors(n)))


def one_color(height=48, width=64, color=(90, 120, 150)):
    """Nothing to see: one segment."""
    return _flat(np.zeros((height, width), np.int64), [color])


def gradient(height=48, width=64):
    """From black at the left to white at the right, without a border anywhere; the truth calls it one segment."""
    levels = np.rint(np.linspace(0, 255, width)).astype(np.uint8)
    image = np.broadcast_to(levels[None, :, None], (height, width, 3)).copy()
    return torch.from_numpy(image), torch.zeros(height, width, dtype=torch.int64)


def checker(height=48, width=64, cell=8):
    """A board of two colors; the truth is the color, so that its segments are not connected."""
    y, x = np.mgrid[:height, :width]
    return _flat((y // cell + x // cell) % 2, [(30, 30, 60), (230, 220, 180)])


def planted_features(boxes, *, h, w, generator, d=24, noise=0.25):
    """Features (h, w, d): one random direction for the ground and one for each box (x0, y0, x1, y1), plus noise."""
    truth = torch.zeros(h, w, dtype=torch.int64)
    for label, (x0, y0, x1, y1) in enumerate(boxes, 1):
        truth[y0:y1, x0:x1] = label
    directions = torch.linalg.qr(torch.randn(d, len(boxes) + 1, generator=generator))[0].T
    return directions[truth] + noise * d**-0.5 * torch.randn(h, w, d, generator=generator), truth


def _flat(truth, colors):
    image = np.asarray(colors, np.uint8)[truth]
    return torch.from_numpy(image), torch.from_numpy(np.array(truth, np.int64))


def _spread_colors(n):
    """`n` colors at equal steps along a line through the color cube that meets no gray twice."""
    t = np.linspace(0, 1, n)[:, None]
    return np.rint(255 * np.concatenate([t, 1 - t, np.abs(2 * t - 1)], axis=1))


# Pieces of the examples


def _centers(height, width):
    return np.mgrid[:height, :width] + 0.5


def _ellipse(height, width, center, radii, angle=0.0):
    """About the distance in pixels to an ellipse: negative inside. All lengths are fractions of the height."""
    y, x = _centers(height, width) / height
    y, x = y - center[0], x - center[1]
    y, x = y * np.cos(angle) - x * np.sin(angle), y * np.sin(angle) + x * np.cos(angle)
    reach = np.hypot(y / radii[0], x / radii[1]) + 1e-9
    slope = np.hypot(y / radii[0] ** 2, x / radii[1] ** 2) + 1e-9
    return height * reach * (reach - 1) / slope


def _cover(distance, soft=1.0):
    """Share of a pixel inside a border, for antialiasing: 1 inside, 0 outside, `soft` pixels wide; (height, width, 1)."""
    return np.clip(0.5 - distance / soft, 0, 1)[..., None]


def _grain(generator, height, width, period, *, angle=None, spread=0.35):
    """Noise of mean 0 and deviation 1 whose waves are about `period` pixels long; along `angle` (radians) if given."""
    noise = np.fft.fft2(generator.standard_normal((height, width)))
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    if angle is None:
        away = np.hypot(fy, fx) - 1 / period
    else:
        away = np.hypot(
            np.abs(fx * np.cos(angle) + fy * np.sin(angle)) - 1 / period, fy * np.cos(angle) - fx * np.sin(angle)
        )
    grain = np.fft.ifft2(noise * np.exp(-0.5 * (away * period / spread) ** 2)).real
    return ((grain - grain.mean()) / grain.std())[..., None]


def _mix(a, b, share):
    """Colors between a and b; all arguments broadcast to (height, width, 3)."""
    return np.asarray(a, float) * (1 - share) + np.asarray(b, float) * share


def _finish(image, truth):
    return torch.from_numpy(np.rint(image.clip(0, 255)).astype(np.uint8)), torch.from_numpy(truth.astype(np.int64))


# The examples


def discs(height=360, width=480):
    """Two textured discs on textured ground."""
    generator = np.random.default_rng(1)
    y, _ = _centers(height, width)
    ground = _mix((196, 203, 190), (160, 176, 172), (y / height)[..., None])
    ground = ground + 7 * _grain(generator, height, width, 14, spread=0.6)
    left = _ellipse(height, width, (0.47, 0.42), (0.27, 0.27))
    right = _ellipse(height, width, (0.60, 0.97), (0.19, 0.19))
    clay = _mix((186, 84, 58), (228, 150, 104), 0.5 + 0.22 * _grain(generator, height, width, 11, angle=0.5, spread=0.2))
    slate = _mix((44, 74, 112), (112, 150, 178), 0.5 + 0.22 * _grain(generator, height, width, 8, spread=0.25))
    image = ground
    for distance, inside in ((left, clay), (right, slate)):
        shade = 1 - 0.30 * _cover(np.roll(distance, (7, 5), (0, 1)), soft=26)
        image = _mix(image * shade, inside * (1.06 - 0.22 * np.exp(distance / 24))[..., None], _cover(distance))
    return _finish(image, np.where(left < 0, 1, np.where(right < 0, 2, 0)))


def camouflage(height=360, width=480):
    """A fish of the same colors as its ground: only the direction of the strokes differs."""
    generator = np.random.default_rng(2)
    body = _ellipse(height, width, (0.52, 0.70), (0.20, 0.40), 0.10)
    fins = [_ellipse(height, width, (0.52 + side * 0.10, 0.25), (0.055, 0.16), -side * 0.75) for side in (-1, 1)]
    animal = np.minimum(body, np.minimum(*fins))
    weeds = _grain(generator, height, width, 6.5, angle=0.15, spread=0.22)
    scales = _grain(generator, height, width, 6.5, angle=1.75, spread=0.22)
    strength = 0.5 + 0.2 * _mix(weeds, scales, _cover(animal))
    patches = 0.06 * _grain(generator, height, width, 90, spread=0.5)
    return _finish(_mix((66, 74, 40), (206, 196, 138), strength + patches), animal < 0)


def shadow(height=360, width=480):
    """A plate, half of it in the shadow that also falls on the table."""
    generator = np.random.default_rng(3)
    y, x = _centers(height, width) / height
    plate = _ellipse(height, width, (0.5, 0.66), (0.34, 0.34))
    table = _mix((214, 190, 158), (196, 166, 130), 0.5 + 0.2 * _grain(generator, height, width, 22, angle=1.45, spread=0.25))
    rings = 0.5 + 0.5 * np.sin(plate / height * 62)
    glaze = _mix((96, 152, 156), (132, 186, 184), (0.25 + 0.5 * rings)[..., None])
    glaze = glaze + 2 * _grain(generator, height, width, 9, spread=0.5)
    image = _mix(table * (1 - 0.22 * _cover(np.roll(plate, (5, 4), (0, 1)), soft=16)), glaze, _cover(plate))
    border = (x - 0.30 * y - 0.50 + 0.02 * np.sin(9 * y)) * height
    dark = _cover(-border, soft=10)
    return _finish(image * (1 - dark * np.array([0.62, 0.58, 0.48])), plate < 0)


def ellipses(height=360, width=480):
    """Three eggs of nearly the same color that touch one another."""
    generator = np.random.default_rng(4)
    eggs = (
        (_ellipse(height, width, (0.42, 0.41), (0.20, 0.26), 0.5), (222, 176, 130)),
        (_ellipse(height, width, (0.43, 0.85), (0.25, 0.21), 0.25), (214, 164, 122)),
        (_ellipse(height, width, (0.77, 0.61), (0.165, 0.235), -0.1), (226, 184, 142)),
    )
    image = _mix((118, 132, 120), (92, 108, 100), 0.5 + 0.2 * _grain(generator, height, width, 12, spread=0.6))
    truth = np.zeros((height, width), np.int64)
    for label, (distance, color) in enumerate(eggs, start=1):
        shade = 1 - 0.35 * _cover(np.roll(distance, (9, 6), (0, 1)), soft=30)
        light = 1.08 - 0.38 * np.exp(distance / 22)[..., None]
        speckles = 5 * _grain(generator, height, width, 7, spread=0.5)
        image = _mix(image * shade, np.array(color) * light + speckles, _cover(distance))
        truth[distance < 0] = label
    return _finish(image, truth)


def dusk(height=360, width=480):
    """A sky that changes color slowly, a sun, and two ranges of hills."""
    generator = np.random.default_rng(5)
    y, x = _centers(height, width) / height
    stops = np.array([0, 0.3, 0.55, 0.75]), np.array([(38, 52, 104), (132, 96, 148), (238, 146, 110), (252, 214, 150)])
    sky = np.stack([np.interp(y, stops[0], stops[1][:, channel]) for channel in range(3)], axis=-1)
    sun = _ellipse(height, width, (0.47, 0.90), (0.085, 0.085))
    image = sky + 46 * np.exp(-np.clip(sun, 0, None) / 34)[..., None] * np.array([1, 0.7, 0.35])
    image = _mix(image, (255, 240, 196), _cover(sun, soft=1.5))
    ridge = 0.60 + 0.06 * np.sin(3.1 * x + 0.8) + 0.03 * np.sin(8.3 * x) + 0.010 * np.sin(23 * x)
    slope = 0.78 + 0.05 * np.sin(2.3 * x + 3.6) + 0.02 * np.sin(11 * x + 1)
    far, near = (ridge - y) * height, (slope - y) * height
    rock = _mix((112, 84, 122), (142, 104, 124), np.clip(-far / 110, 0, 1)[..., None])
    wood = np.array((40, 46, 62)) + 6 * _grain(generator, height, width, 9, angle=0.1, spread=0.4)
    image = _mix(image, rock + 3 * _grain(generator, height, width, 16, spread=0.5), _cover(far))
    image = _mix(image, wood, _cover(near))
    return _finish(image, np.where(near < 0, 3, np.where(far < 0, 2, np.where(sun < 0, 1, 0))))


def textures(height=360, width=480):
    """Grass and bricks on gravel, from the CC0 photographs of scikit-image, all with the same gray levels equally often."""
    from skimage import data  # in the tests' requirements only

    disc = _ellipse(height, width, (0.46, 0.42), (0.30, 0.30))
    leaf = _ellipse(height, width, (0.58, 0.98), (0.33, 0.20), 0.35)
    truth = np.where(leaf < 0, 2, np.where(disc < 0, 1, 0))
    gravel, grass, brick = (
        _with_values_of(data.gravel(), _even(picture)[:height, :width], truth == label)[..., None]
        for label, picture in enumerate((data.gravel(), data.grass(), data.brick()))
    )
    image = _mix(_mix(gravel, grass, _cover(disc)), brick, _cover(leaf))
    return _finish(np.repeat(image, 3, axis=2), truth)


def _even(picture):
    """Take out slow changes of light."""
    values = picture.astype(float)
    return values - gaussian_filter(values, 24)


def _with_values_of(model, picture, where):
    """Change gray levels, in their order, so that the pixels at `where` have those of the model equally often."""
    ranks = np.interp(picture, np.sort(picture[where]), np.linspace(0, 1, where.sum()))
    return np.interp(ranks, np.linspace(0, 1, model.size), np.sort(model, axis=None))


PALETTES = {"discs": 256, "camouflage": 48, "ellipses": 256}  # colors; where grain makes a full PNG too large
DRAWN = {scene.__name__: scene for scene in (discs, camouflage, shadow, ellipses, dusk, textures)}


def main():
    """Draw the examples into assets/examples."""
    for name, scene in DRAWN.items():
        image, truth = scene()
        picture = Image.fromarray(image.numpy())
        if scene is textures:  # made of photographs: noise that PNG cannot pack
            picture.convert("L").save(EXAMPLES / f"{name}.jpg", quality=88)
        else:
            if name in PALETTES:
                picture = picture.quantize(PALETTES[name], dither=Image.Dither.NONE)
            picture.save(EXAMPLES / f"{name}.png", optimize=True)
        Image.fromarray(truth.to(torch.uint8).numpy()).save(EXAMPLES / "truth" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
