"""The pictures of a training: read from a folder, scaled, and cut into crops."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from segcore.errors import InputError
from segcore.image import PictureFile, read_image, read_labels
from segcore.image.listing import pairs_of, pictures_of
from segcore.image.source import FILES, file_name
from segcore.runtime.stopping import stop_if_asked
from segcore.types import Pictures

_LEAST_SCALE = 0.75  # of a square, where its size is drawn

Groups = Mapping[str, Sequence[int]]


def scaled(image: Tensor, side: int) -> Tensor:
    """A picture (height, width, 3) uint8 whose longer side has at most `side` pixels; smaller ones stay as they are."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return torch.from_numpy(cv2.resize(image.cpu().numpy(), size, interpolation=cv2.INTER_AREA))


def under_centers(labels: Tensor, size: tuple[int, ...]) -> Tensor:
    """Labels (h, w) under the centers of the pixels of a picture of another size."""
    if tuple(labels.shape) == tuple(size):
        return labels
    rows, columns = (
        torch.arange(1, 2 * n, 2, device=labels.device) * full // (2 * n) for n, full in zip(size, labels.shape, strict=True)
    )
    return labels[rows[:, None], columns[None]]


class Source:
    """The pictures of a training in memory, on the device of the work, and where a turn takes its pixels from."""

    def __init__(self, pictures: Pictures, *, side: int, crop: int, device: torch.device, least: int = 2):
        """Scale the pictures.

        Args:
            pictures: with truth for a system with labels.
            side: longer side to which larger ones are scaled, in pixels.
            crop: side of the squares that are drawn; smaller pictures are left out.
            device: where they are kept.
            least: how many there must be.

        Raises:
            InputError: there are too few, or all of them are smaller than a crop.
        """
        if len(pictures) < least:
            raise InputError(
                f"A system learns from what many pictures share; got {len(pictures)}. Give at least {least}.",
                field="pictures",
            )
        small = [scaled(image, side) for image in pictures.images]
        large = [i for i, image in enumerate(small) if min(image.shape[:2]) >= crop]
        kept = [small[i] for i in large]
        if len(kept) < least:
            shortest = max(min(image.shape[:2]) for image in small)
            raise InputError(
                f"crop must be at most the shorter side of the pictures, {shortest} px after scaling them to side = {side}; "
                f"got {crop}. Lower crop, or raise side where the pictures are larger.",
                field="crop",
            )
        self.device = device
        self.n_left_out = len(small) - len(kept)
        self._images = [image.permute(2, 0, 1).contiguous().to(device) for image in kept]
        of_truth = large if pictures.truth else []
        self._truth = [under_centers(pictures.truth[i], tuple(small[i].shape[:2])).to(device) for i in of_truth]

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

    def class_counts(self, n_classes: int, first: int = 0) -> Tensor:
        """(n, n_classes) int64: the pixels of each class in each picture that is learned from; see `draw_labelled`.

        Raises:
            InputError: there are no label maps.
        """
        if not self._truth:
            raise InputError("A network with labels learns from label maps. Give --labels.", field="labels")
        chosen = (self._truth[i] for i in self._chosen(first))
        return torch.stack([torch.bincount(t[t >= 0], minlength=n_classes) for t in chosen]).cpu()

    def draw_labelled(self, n: int, px: int, generator: Generator, *, scale: float, first: int = 0) -> tuple[Tensor, Tensor]:
        """Squares with their classes.

        Args:
            n: how many.
            px: their side.
            generator: draws picture, place, factor and mirror image of each.
            scale: the largest factor by which a square is enlarged; the smallest is 0.75. 1 for none at all.
            first: only this many pictures, evenly chosen; 0 for all.

        Returns:
            (n, 3, px, px) float32 in [0, 1], and (n, px, px) int64 classes, −1 where unlabelled.
        """
        chosen = self._chosen(first)
        numbers = torch.randint(len(chosen), (n,), generator=generator).tolist()
        places = torch.rand(n, 4, generator=generator, dtype=torch.float64).tolist()
        least = _LEAST_SCALE if scale > 1 else 1.0
        squares, classes = [], []
        for number, (y, x, factor, mirror) in zip(numbers, places, strict=True):
            image, truth = self._images[chosen[number]], self._truth[chosen[number]]
            side = min(round(px / (least * (scale / least) ** factor)), *image.shape[1:])
            top, left = int(y * (image.shape[1] - side + 1)), int(x * (image.shape[2] - side + 1))
            square = image[None, :, top : top + side, left : left + side].float() / 255
            labels = truth[top : top + side, left : left + side]
            if side != px:
                square = F.interpolate(square, (px, px), mode="bilinear", align_corners=False)
                labels = under_centers(labels, (px, px))
            flipped = [2] if mirror < 0.5 else []
            squares.append(square[0].flip(flipped))
            classes.append(labels.flip([f - 1 for f in flipped]))
        return torch.stack(squares), torch.stack(classes)

    def _chosen(self, first: int) -> range | list[int]:
        """The numbers of the pictures that are learned from."""
        n = len(self._truth)
        return range(n) if first == 0 or first >= n else [i * n // first for i in range(first)]

    def whole(self, number: int) -> Tensor:
        """(1, 3, height, width) float32 in [0, 1]: one picture."""
        return self._images[number][None].float() / 255


def load_pictures(
    folder: Path | str | Sequence[Path],
    *,
    side: int,
    labels: Path | str | None = None,
    ignore: int | None = None,
    groups: Groups | None = None,
) -> tuple[Pictures, tuple[str, ...]]:
    """Read the pictures of a folder and the folders in it, and scale them.

    Args:
        folder: of pictures; or a list or zip of them, or several of these, see `pictures_of`.
        side: longer side to which larger pictures are scaled, in pixels; memory is what the scaled ones take.
        labels: label maps of the same paths and sizes, likewise, see `read_labels`; then pictures without one are left out.
        ignore: label whose pixels count for nothing.
        groups: name of a class → labels that form it, in the order of the classes; labels in none do not count. Every label
            is a class of its own if None.

    Returns:
        The pictures, in the order of their names, with truth where there are labels; and names of files that cannot be read.

    Raises:
        InputError: there is no such folder, no picture in it can be read, or a label map has another size.
    """
    given = Path(folder) if isinstance(folder, str) else folder
    if labels is None:
        files, drawn = list(pictures_of(given, least=1, field="folder")), dict[str, FILES]()
    else:
        pairs, _ = pairs_of(given, Path(labels))
        files, drawn = [picture for picture, _ in pairs], {picture.name: truth for picture, truth in pairs}
    sources = ((file.name, partial(_same, file)) for file in files)
    pictures, failed = read_pictures(sources, side=side, labels=drawn, ignore=ignore, groups=groups)
    if not len(pictures):
        raise InputError(f"None of the {len(files)} files in {folder} is a picture that can be read.", field="folder")
    return pictures, tuple(file.shown for file in files if file.name in failed)


def _same(file: PictureFile) -> PictureFile:
    return file


def read_pictures(
    sources: Iterable[tuple[str, Callable[[], FILES]]],
    *,
    side: int,
    labels: Mapping[str, FILES] | None = None,
    ignore: int | None = None,
    groups: Groups | None = None,
) -> tuple[Pictures, dict[str, str]]:
    """Read pictures from wherever they are, one after the other, and scale them.

    Args:
        sources: name of each, and what gives what `read_image` takes.
        side: as of `load_pictures`.
        labels: label maps by the names of the pictures; then pictures without one are left out.
        ignore: as of `load_pictures`.
        groups: as of `load_pictures`.

    Returns:
        The pictures, in the order of the sources; and why those that cannot be read were left out, by name.

    Raises:
        InputError: none has a label map where there are such, or a label map has another size.
    """
    images, names, truths, failed, n = [], [], [], dict[str, str](), 0
    for name, read in sources:
        n += 1
        if labels and name not in labels:
            continue
        stop_if_asked()
        try:
            image = read_image(read())
        except InputError as error:
            failed[name] = str(error)
            continue
        images.append(scaled(image, side))
        names.append(name)
        if labels:
            truths.append(_truth(labels[name], tuple(image.shape[:2]), tuple(images[-1].shape[:2])))
    if not images and not failed:
        raise InputError(f"None of the {n} pictures has a label map of the same name.", field="labels")
    truth, classes, values = _classes(truths, ignore, groups) if truths else ((), (), ())
    return Pictures(tuple(images), tuple(names), truth, classes, values), failed


def _truth(file: FILES, size: tuple[int, ...], scaled_size: tuple[int, ...]) -> Tensor:
    """Labels under the centers of the scaled picture's pixels."""
    labels = read_labels(file).labels
    if tuple(labels.shape) != size:
        raise InputError(
            f"{file_name(file)} must be as large as its picture, {size[1]} × {size[0]} px; got {labels.shape[1]} × "
            f"{labels.shape[0]}.",
            field="labels",
        )
    return under_centers(labels, scaled_size)


def _classes(
    truths: list[Tensor], ignore: int | None, groups: Groups | None
) -> tuple[tuple[Tensor, ...], tuple[str, ...], tuple[int, ...]]:
    """Truth as classes 0 …, −1 where unlabelled, their names, and their labels where each has one."""
    if groups is None:
        found = sorted({int(x) for truth in truths for x in truth.unique()} - {ignore})
        groups = {str(x): (x,) for x in found}
    class_of = {label: i for i, members in enumerate(groups.values()) for label in members if label != ignore}
    out = []
    for truth in truths:
        values, index = truth.unique(return_inverse=True)
        out.append(torch.tensor([class_of.get(int(x), -1) for x in values])[index])
    if not any(bool((truth >= 0).any()) for truth in out):
        raise InputError("No pixel of the label maps belongs to a class. Check the labels, and --ignore.", field="labels")
    alone = all(len(members) == 1 for members in groups.values())
    return tuple(out), tuple(groups), tuple(members[0] for members in groups.values()) if alone else ()
