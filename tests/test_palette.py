"""Colors must differ, also for people who see fewer of them."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from segcore.show.palette import DIVERGING, NEUTRAL, OBJECT_PALETTE, PALETTE, hex_to_rgb

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}

# Ottosson (2020): linear RGB to cones, and their cube roots to OKLab.
TO_CONES = np.array(
    [[0.41222147, 0.53633254, 0.05144599], [0.2119035, 0.68069955, 0.10739696], [0.08830246, 0.28171884, 0.6299787]]
)
TO_LAB = np.array(
    [[0.21045426, 0.79361779, -0.00407205], [1.9779985, -2.42859221, 0.45059371], [0.02590404, 0.78277177, -0.80867577]]
)


def oklab(colors: tuple[str, ...], vision: str) -> np.ndarray:
    """(n, 3): lightness, green-red and blue-yellow, in hundredths."""
    share = hex_to_rgb(colors) / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(VISIONS[vision]).T, 0, 1)
    return 100 * np.cbrt(seen @ TO_CONES.T) @ TO_LAB.T


def nearest(colors: tuple[str, ...], vision: str) -> float:
    lab = oklab(colors, vision)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)
    return distance[np.triu_indices(len(colors), 1)].min()


@pytest.mark.parametrize("vision", VISIONS)
def test_colors_differ(vision: str) -> None:
    assert nearest(PALETTE.hex(4), vision) > 13
    assert nearest(PALETTE.hex(8), vision) > 7.5
    assert nearest(PALETTE.hex(20), vision) > 6


def laid_over(colors: tuple[str, ...], ground: int, vision: str) -> np.ndarray:
    """(n, 3) CIELAB of colors at 55 % over a gray ground, as a vision sees them."""
    share = (0.55 * hex_to_rgb(colors) + 0.45 * ground) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(VISIONS[vision]).T, 0, 1)
    return rgb2lab(np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)[None])[0]


@pytest.mark.parametrize("ground", [26, 128, 230])
@pytest.mark.parametrize("vision", VISIONS)
def test_eight_segments_part_on_every_ground(vision: str, ground: int) -> None:
    lab = laid_over(PALETTE.hex(8), ground, vision)
    i, j = np.triu_indices(8, 1)
    assert deltaE_ciede2000(lab[i], lab[j]).min() > 13


def test_first_colors_differ_most() -> None:
    distances = [nearest(PALETTE.hex(n), "normal") for n in range(2, 21)]
    assert distances[0] > 30
    assert distances[6] > 15
    assert distances == sorted(distances, reverse=True)


def test_more_labels_keep_the_colors_of_fewer() -> None:
    assert PALETTE.hex(20)[:5] == PALETTE.hex(5)
    assert PALETTE.hex(0) == ()


def test_palette_never_ends() -> None:
    many = PALETTE.hex(100)
    assert len(set(many)) > 95
    assert all(len(color) == 7 and color.startswith("#") for color in many)


def test_background_is_neutral() -> None:
    assert OBJECT_PALETTE.hex(3) == (NEUTRAL, *PALETTE.hex(2))
    red, green, blue = OBJECT_PALETTE.rgb(1)[0]
    assert red == green == blue


def test_rgb_are_the_same_colors() -> None:
    assert PALETTE.rgb(2).tolist() == [[0x00, 0x7D, 0xFF], [0xFF, 0x9E, 0x00]]
    assert PALETTE.rgb(2).dtype == np.uint8
    assert PALETTE.rgb(0).shape == (0, 3)


@pytest.mark.parametrize("vision", VISIONS)
def test_diverging_arms_fall_alike_and_stay_apart(vision: str) -> None:
    lab = oklab(DIVERGING, vision)
    middle = len(DIVERGING) // 2
    cold, warm = lab[middle::-1], lab[middle:]
    np.testing.assert_allclose(cold[:, 0], warm[:, 0], atol=3 if vision == "normal" else 9)
    assert (np.diff(cold[:, 0]) < -5).all()
    assert (np.diff(warm[:, 0]) < -5).all()
    assert (np.linalg.norm(cold[1:] - warm[1:], axis=1) > 8).all()
