"""What ties patches of different pictures: how the regions look that they lie in and where, and how their picture looks.

Keys are compared within a crop only, so nothing says what they should be in another picture. The tokens that leave the
transformer are drawn to a code, the same for all pictures, whose inner products say what is alike:

⟨c_i, c_j⟩ ≈ (1 − w) exp(−‖d_i − d_j‖² / 2 σ²) + w cos(p_i, p_j)

regions   d = (L / 25, a / 5, b / 7, y / 0.29): CIE Lab as the unaltered picture shows it, and y from 0 at its top to 1,
          averaged over the regions that a patch is in. Colors and places of single patches make poor groups, those of
          regions make better ones, and what a network makes of them knows the surroundings of a patch, too
pictures  p: how strong edges of each direction are in each of 4 × 4 parts of the picture, and its colors there, less what
          is common to all pictures. The class token is drawn to this part alone

Reference: Schölkopf, Smola and Müller 1998, for features whose inner products are a kernel; Williams and Seeger 2001, for
taking them from a sample; Oliva and Torralba 2001, for the look of a whole picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.features.pretrain.crops import Crops, pixels_of_patches
from segcore.features.pretrain.pictures import CUE_LEVEL, PictureStore

# A difference in each of L, a, b and y that counts as one: about their spread over photographs, less for colors, as most of
# what is seen is nearly gray.
UNITS = (25.0, 5.0, 7.0, 0.29)
SIGMA = 1.2
PICTURE_SHARE = 0.3  # w
_SAMPLE, _SEED = 1024, 0  # patches from which the code is made
_SIDE, _PARTS, _DIRECTIONS = 64, 4, 8
_COLOR_UNITS, _COLOR_SHARE = (25.0, 8.0, 12.0), 0.2
_EVENED = 0.25  # power of the spreads by which the axes of p are divided: 0 leaves them, 1 makes all of them equal


@dataclass(frozen=True, eq=False, slots=True)
class Code:
    """How descriptions become codes of one width."""

    sample: Tensor  # (m, 4) descriptions d
    axes: Tensor  # (m, k) that make inner products of their likeness to the sample
    pictures: Tensor  # (n, width − k) unit rows: p of each picture of the store

    def patches(self, described: Tensor, numbers: Tensor) -> Tensor:
        """Codes (b, n, width), unit rows, of descriptions (b, n, 4) of the patches of pictures (b,)."""
        regions = F.normalize(likeness(described.flatten(0, 1), self.sample) @ self.axes, dim=1).unflatten(
            0, described.shape[:2]
        )
        picture = self.pictures[numbers][:, None].expand(*described.shape[:2], -1)
        return torch.cat(((1 - PICTURE_SHARE) ** 0.5 * regions, PICTURE_SHARE**0.5 * picture), dim=-1)

    def classes(self, numbers: Tensor) -> Tensor:
        """Codes (b, width), unit rows, of the class tokens of pictures (b,)."""
        return F.pad(self.pictures[numbers], (self.axes.shape[1], 0))


def make_code(store: PictureStore, width: int) -> Code:
    """Make the code of a set of pictures, two thirds of it for regions and one third for pictures; the same every time.

    Cost: 3 ms per picture.
    """
    n_pictures = width // 3
    n_regions = width - n_pictures
    generator = torch.Generator().manual_seed(_SEED)
    numbers = torch.randint(len(store), (_SAMPLE // 4,), generator=generator).tolist()
    described = [_described(store, number) for number in numbers]
    sample = torch.cat([x[torch.randint(len(x), (4,), generator=generator)] for x in described]) / torch.tensor(UNITS)
    values, vectors = torch.linalg.eigh(likeness(sample, sample).double())
    values, vectors = values.flip(0)[:n_regions].clamp_min(1e-6), vectors.flip(1)[:, :n_regions]
    P = torch.stack([picture_look(_picture(store, number, 0)) for number in range(len(store))])
    P = P - P.mean(0)
    _, spread, axes = torch.linalg.svd(P, full_matrices=False)
    spread, axes = spread[:n_pictures], axes[:n_pictures]
    P = P @ (axes / spread.clamp_min(1e-6)[:, None] ** _EVENED).T
    pictures = F.normalize(F.pad(P, (0, n_pictures - P.shape[1])), dim=1)
    return Code(sample, (vectors / values.sqrt()).float(), pictures)


def appearance(store: PictureStore, numbers: Tensor, crops: Crops, patch: int) -> Tensor:
    """Describe the patches of crops by their regions.

    Args:
        store: of n pictures.
        numbers: (b,) which picture each crop belongs to.
        crops: b of them.
        patch: side of a patch in pixels of the crop.

    Returns:
        (b, n, 4) float32 on the CPU: mean L, a, b and y of the regions under the center of each patch, in UNITS.

    Cost: 4 ms per picture.
    """
    at = pixels_of_patches(store, numbers, crops, patch).cpu() - store.cues_start.cpu()[numbers.cpu()][:, None]
    rows = [_described(store, number)[at[i]] for i, number in enumerate(numbers.tolist())]
    return torch.stack(rows) / torch.tensor(UNITS)


def likeness(a: Tensor, b: Tensor) -> Tensor:
    """exp(−‖a_i − b_j‖² / 2 σ²), in [0, 1], of descriptions (m, 4) and (n, 4)."""
    return (-torch.cdist(a, b).square() / (2 * SIGMA**2)).exp()


def picture_look(picture: Tensor) -> Tensor:
    """Describe a whole picture (height, width, 3) uint8 RGB: (304,) strengths of edges and colors of its parts."""
    lab = cv2.cvtColor(
        cv2.resize(picture.numpy(), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype("float32") / 255, cv2.COLOR_RGB2Lab
    )
    rows = []
    for sigma in (1, 2):
        smooth = cv2.GaussianBlur(lab[..., 0], (0, 0), sigma)
        dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
        apart = np.abs((np.arctan2(dy, dx) % np.pi)[..., None] / np.pi * _DIRECTIONS - np.arange(_DIRECTIONS))
        edges = np.hypot(dx, dy)[..., None] * np.clip(1 - np.minimum(apart, _DIRECTIONS - apart), 0, 1)
        part = edges.reshape(_PARTS, _SIDE // _PARTS, _PARTS, _SIDE // _PARTS, _DIRECTIONS).mean((1, 3)).ravel()
        rows.append(np.sqrt(part / max(1e-6, float(np.linalg.norm(part)))))
    edges = np.concatenate(rows)
    colors = cv2.resize(lab, (_PARTS, _PARTS), interpolation=cv2.INTER_AREA) / np.array(_COLOR_UNITS)
    scaled = _COLOR_SHARE * colors.ravel() / np.sqrt(colors.size)
    return torch.from_numpy(np.concatenate((edges / max(1e-6, float(np.linalg.norm(edges))), scaled))).float()


def kinds_loss(tokens: Tensor, codes: Tensor) -> Tensor:
    """Mean of 1 − cos between tokens (..., width) and their codes, unit rows of the same shape."""
    return 1 - (F.normalize(tokens, dim=-1) * codes).sum(-1).mean()


def _picture(store: PictureStore, number: int, level: int) -> Tensor:
    height, width = store.size[number, level].tolist()
    first = int(store.start[number, level])
    return store.pixels[first : first + height * width].cpu().reshape(height, width, 3)


def _described(store: PictureStore, number: int) -> Tensor:
    """(height · width, 4) of a picture: L, a, b and y, averaged over regions and over-segmentations."""
    picture = _picture(store, number, CUE_LEVEL)
    height, width = picture.shape[:2]
    lab = torch.from_numpy(cv2.cvtColor(picture.numpy().astype("float32") / 255, cv2.COLOR_RGB2Lab)).reshape(-1, 3)
    y = ((torch.arange(height) + 0.5) / height).repeat_interleave(width)
    values = torch.cat((lab, y[:, None]), 1)
    first = int(store.cues_start[number])
    total = torch.zeros_like(values)
    regions = store.regions[first : first + len(values)].cpu().long()
    for region in regions.unbind(1):
        sums = torch.zeros(int(region.max()) + 1, 5).index_add_(0, region, F.pad(values, (0, 1), value=1.0))
        total += (sums[:, :4] / sums[:, 4:].clamp_min(1))[region]
    return total / regions.shape[1]
