"""The pictures of a training: read from a folder, scaled, and cut into crops."""

import cv2
import torch
from torch import Generator, Tensor

from segcore.errors import InputError
from segcore.learn.types import Pictures


def scaled(image: Tensor, side: int) -> Tensor:
    """A picture (height, width, 3) uint8 whose longer side has at most `side` pixels; smaller ones stay as they are."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return torch.from_numpy(cv2.resize(image.cpu().numpy(), size, interpolation=cv2.INTER_AREA))


class Source:
    """The pictures of a training in memory, on the device of the work; see `Crops`."""

    def __init__(self, pictures: Pictures, *, side: int, crop: int, device: torch.device):
        """Scale the pictures.

        Raises:
            InputError: there are too few, or all of them are smaller than a crop.
        """
        if len(pictures) < 2:
            raise InputError(
                f"A system learns from what many pictures share; got {len(pictures)}. Give at least two.", field="pictures"
            )
        small = [scaled(image, side) for image in pictures.images]
        kept = [image for image in small if min(image.shape[:2]) >= crop]
        if len(kept) < 2:
            shortest = max(min(image.shape[:2]) for image in small)
            raise InputError(
                f"crop must be at most the shorter side of the pictures, {shortest} px after scaling them to side = {side}; "
                f"got {crop}. Lower crop, or raise side where the pictures are larger.",
                field="crop",
            )
        self.device = device
        self.n_left_out = len(small) - len(kept)
        self._images = [image.permute(2, 0, 1).contiguous().to(device) for image in kept]

    def __len__(self) -> int:
        return len(self._images)

    def draw(self, n: int, px: int, generator: Generator) -> Tensor:
        """(n, 3, px, px) float32 in [0, 1]: squares at random places of random pictures."""
        numbers = torch.randint(len(self), (n,), generator=generator).tolist()
        places = torch.rand(n, 2, generator=generator, dtype=torch.float64).tolist()
        out = []
        for number, (y, x) in zip(numbers, places, strict=True):
            image = self._images[number]
            top, left = int(y * (image.shape[1] - px + 1)), int(x * (image.shape[2] - px + 1))
            out.append(image[:, top : top + px, left : left + px])
        return torch.stack(out).float() / 255

    def whole(self, number: int) -> Tensor:
        """(1, 3, height, width) float32 in [0, 1]: one picture."""
        return self._images[number][None].float() / 255
