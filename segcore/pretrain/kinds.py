"""What ties patches of different pictures: how high in its picture a patch lies, and how the whole picture looks.

Keys are compared within a crop only, so nothing says what they should be in another picture. The tokens that leave the
transformer are drawn to what they were, at length 1, plus a code that is the same for all pictures:

patches   0.2 h u_0 + 0.4 P u    [CLS]    P u

h         how high the patch lies in its picture, as a standard score: sky above, ground below
P         unit vector of the look of the whole picture (`picture_look`), less what is common to all pictures
u         fixed directions, orthogonal to each other

Reference: Oliva and Torralba 2001, for the look of a whole picture.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.pretrain.crops import Crops, places
from segcore.pretrain.pictures import PictureStore

PLACE_SHARE, PICTURE_SHARE = 0.2, 0.4
_SPREAD = 12**-0.5  # of heights, 0 to 1
_SEED = 0
_SIDE, _PARTS, _DIRECTIONS = 64, 4, 8
_COLOR_UNITS, _COLOR_SHARE = (25.0, 8.0, 12.0), 0.2
_EVENED = 0.25  # power of the spreads by which the axes of P are divided: 0 leaves them, 1 makes all of them equal


@dataclass(frozen=True, eq=False, slots=True)
class Code:
    """What is added to tokens."""

    place: Tensor  # (width,): u_0
    pictures: Tensor  # (n, width) unit rows: P u of each picture of the store

    def of_crops(self, numbers: Tensor, crops: Crops, patch: int) -> Tensor:
        """(b, 1 + n, width): what is added at [CLS] and at the n patches of crops of pictures (b,)."""
        side = crops.px // patch
        height = ((0.5 - places(crops, side)[:, 0].cpu()) / _SPREAD).repeat_interleave(side, 1)  # (b, n)
        picture = self.pictures[numbers.cpu()][:, None]
        return torch.cat((picture, PLACE_SHARE * height[..., None] * self.place + PICTURE_SHARE * picture), dim=1)


def make_code(store: PictureStore, width: int) -> Code:
    """Make the code of a set of pictures, with a third of the width for their looks; the same every time.

    Cost: 3 ms per picture.
    """
    generator = torch.Generator().manual_seed(_SEED)
    u = torch.linalg.qr(torch.randn(width, 1 + width // 3, generator=generator)).Q.T
    P = torch.stack([picture_look(_picture(store, number)) for number in range(len(store))])
    P = P - P.mean(0)
    _, spread, axes = torch.linalg.svd(P, full_matrices=False)
    spread, axes = spread[: len(u) - 1], axes[: len(u) - 1]
    P = F.normalize(P @ (axes / spread.clamp_min(1e-6)[:, None] ** _EVENED).T, dim=1)
    return Code(u[0], P @ u[1 : 1 + P.shape[1]])


def picture_look(picture: Tensor) -> Tensor:
    """Describe a whole picture (height, width, 3) uint8 RGB: (304,) strengths of edges and colors of its parts."""
    small = cv2.resize(picture.numpy(), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype("float32") / 255, cv2.COLOR_RGB2Lab)
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


def kinds_loss(tokens: Tensor, before: Tensor, code: Tensor) -> Tensor:
    """Mean of 1 − cos of tokens (..., width) and what they were before, at length 1, plus the code; all of one shape."""
    return 1 - F.cosine_similarity(tokens, F.normalize(before, dim=-1) + code, dim=-1).mean()


def _picture(store: PictureStore, number: int) -> Tensor:
    height, width = store.size[number, 0].tolist()
    first = int(store.start[number, 0])
    return store.pixels[first : first + height * width].cpu().reshape(height, width, 3)
