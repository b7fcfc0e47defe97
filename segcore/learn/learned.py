"""What a training leaves: a network that labels pictures, and the file it is kept in.

The file is one of `segcore.train.file`; beside the tensors it holds the system, its settings, the number of clusters, their
names and facts of the training.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segcore.checks import check_tensor
from segcore.errors import InputError, ModelError, shortened
from segcore.image.grid import scaled_to_pixels
from segcore.learn.catalog import system_of
from segcore.learn.pictures import scaled
from segcore.learn.settings import LearnSettings
from segcore.nets.net import MaskNet, Net
from segcore.refine.crf import mean_field, unary_from_probabilities
from segcore.settings import CRF_PRESETS
from segcore.train.checkpoint import replace_file
from segcore.train.file import NET, kind_of, read_trained, trained_bytes
from segcore.types import Geometry, Instances

_PRESET = "readme"  # of the CRF after a network


@dataclass(frozen=True, eq=False, slots=True)
class Learned:
    """A network that was trained, ready to label; never changed after."""

    net: Net  # in eval mode, without gradients
    system: str
    n_segments: int  # K
    settings: LearnSettings
    names: tuple[str, ...]  # of the K clusters
    training: Mapping[str, Any]  # steps, seconds, seed, loss, pictures
    values: tuple[int, ...] = ()  # their labels in label maps; empty where it learned without
    digest: str = ""  # of the file; "" where there is none

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.net.parameters()).device

    def scores(self, image: Tensor) -> Tensor:
        """How much each pixel belongs to each cluster.

        Args:
            image: (height, width, 3) uint8 RGB.

        Returns:
            (K, height, width) float32 ≥ 0 that sum to 1: those of `seen_scores`, interpolated bilinearly.

        Raises:
            InputError: it is no picture.
        """
        P, _ = seen_scores(self.net, image, self.settings)
        return F.interpolate(P[None], image.shape[:2], mode="bilinear", align_corners=False)[0]

    def label(self, image: Tensor) -> Tensor:
        """(height, width) int64 on the CPU: the cluster 0 … K − 1 of each pixel; arguments as of `scores`."""
        return labels_of(self.net, image, self.settings)

    def instances(self, image: Tensor, *, most: int | None = None, seed: int = 0) -> Instances:
        """The separate objects of a picture (height, width, 3) uint8, on the CPU; empty masks are left out.

        `most` and `seed` are those of `MaskNet.instances`: slots may be any number, and begin somewhere else.

        Raises:
            InputError: it is no picture, or the network labels pixels only.
        """
        check_tensor("image", image, ("height", "width", 3))
        net = self.check_instances()
        with torch.inference_mode():
            masks, scores = net.instances(pixels_of(scaled(image, self.settings.side), self.device), most=most, seed=seed)
            height, width = image.shape[:2]
            # One by one, as many masks of a large picture would not fit.
            large = [F.interpolate(m[None, None], (height, width), mode="bilinear")[0, 0] > 0.5 for m in masks.float()]
            found = [(mask.cpu(), float(score)) for mask, score in zip(large, scores, strict=True) if bool(mask.any())]
        none = torch.zeros(0, height, width, dtype=torch.bool)
        return Instances(torch.stack([m for m, _ in found]) if found else none, torch.tensor([score for _, score in found]))

    def check_instances(self) -> MaskNet:
        """The network, which finds separate objects.

        Raises:
            InputError: it labels pixels only.
        """
        if not isinstance(self.net, MaskNet):
            raise InputError(
                f"These weights of {self.system} label pixels and find no separate objects. Train cutler or dinosaur.",
                field="weights",
            )
        return self.net

    def features(self, pixels: Tensor) -> Tensor:
        """(h, w, d) float32: one vector per cell of the network's stride, of a picture (height, width, 3) uint8 as it is."""
        check_tensor("pixels", pixels, ("height", "width", 3))
        with torch.inference_mode():
            return self.net.features(pixels_of(pixels, self.device))[0].permute(1, 2, 0).float().clone()

    def named(self, names: tuple[str, ...]) -> "Learned":
        """The same with other names of its clusters."""
        return replace(self, names=names)


def seen_scores(net: Net, image: Tensor, settings: LearnSettings) -> tuple[Tensor, Tensor]:
    """How much each pixel belongs to each cluster, before anything is enlarged.

    Args:
        net: any; it is put into eval mode for the time.
        image: (height, width, 3) uint8 RGB.
        settings: side and crf count.

    Returns:
        (K, h, w) float32 ≥ 0 that sum to 1, and (h, w, 3) uint8, the picture that they lie on: as the network sees it,
        scaled to the side; with crf the picture itself, and the marginals of a dense CRF on it.

    Raises:
        InputError: it is no picture.
    """
    P, seen = scores_of(net, image, side=settings.side)
    if not getattr(settings, "crf", False):
        return P, seen
    whole = F.interpolate(P[None], image.shape[:2], mode="bilinear", align_corners=False)[0]
    return _sharpened(whole, image), image


def labels_of(net: Net, image: Tensor, settings: LearnSettings) -> Tensor:
    """`Learned.label` of a network."""
    P, _ = seen_scores(net, image, settings)
    return enlarged_labels(P, image)


def enlarged_labels(P: Tensor, image: Tensor) -> Tensor:
    """(height, width) int64 on the CPU: where scores (K, h, w), bilinearly enlarged to a picture, are largest."""
    height, width = image.shape[:2]
    return scaled_to_pixels(P, Geometry((height, width), (P.shape[1], P.shape[2]), patch=1)).long().cpu()


def scores_of(net: Net, image: Tensor, *, side: int) -> tuple[Tensor, Tensor]:
    """The same as `seen_scores` without a CRF."""
    check_tensor("image", image, ("height", "width", 3))
    before = net.training
    net.eval()
    try:
        with torch.inference_mode():
            seen = scaled(image, side)
            scores = net.scores(pixels_of(seen, next(net.parameters()).device)).float()
            return F.interpolate(scores, seen.shape[:2], mode="bilinear", align_corners=False)[0].clone(), seen
    finally:
        net.train(before)


def _sharpened(scores: Tensor, image: Tensor) -> Tensor:
    """The marginals of a CRF whose unary energies are −ln of the scores."""
    numbers = dict(CRF_PRESETS[_PRESET])
    n_steps = int(numbers.pop("crf_steps"))
    return mean_field(unary_from_probabilities(scores, confidence=1.0), image.to(scores.device), n_steps=n_steps, **numbers)


def pixels_of(image: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """(1, 3, height, width) float32 in [0, 1] of a picture (height, width, 3) uint8, as a `Net` takes it."""
    return image.to(device).permute(2, 0, 1)[None].float() / 255


def save_learned(learned: Learned, path: Path) -> None:
    """Write the file; a kill at any moment leaves the old one or the new one.

    Raises:
        InputError: it cannot be written.
    """
    about = {
        "system": learned.system,
        "n_segments": learned.n_segments,
        "settings": learned.settings.to_dict(),
        "names": list(learned.names),
        "training": dict(learned.training),
        "values": list(learned.values),
    }
    content = trained_bytes(NET, learned.net.state_dict(), about)
    replace_file(path, lambda fresh: fresh.write_bytes(content))


def load_learned(path: Path | str, *, device: torch.device | str = "cpu") -> Learned:
    """Read a file that `learn` wrote.

    Raises:
        ModelError: it is missing, damaged, or holds something else.
    """
    from safetensors import SafetensorError

    path = Path(path)
    try:
        file = read_trained(path)
    except (OSError, SafetensorError, ValueError, KeyError) as error:
        raise ModelError(
            f"{path} cannot be read as safetensors: {error}. Name a file that `learn` wrote.", backbone=str(path)
        ) from error
    if file.kind != NET:
        raise ModelError(f"{path} was not written by `learn`. Name a file that it wrote.", backbone=str(path))
    if not file.whole:
        raise ModelError(f"{path} is damaged: its digest is of other contents. Train again.", backbone=str(path))
    try:
        about = file.about
        system = system_of(about["system"])
        settings = system.settings.from_file(about["settings"])
        net = system.make_net(about["n_segments"], settings)
        net.load_state_dict(file.tensors)
        if len(about["names"]) != about["n_segments"]:
            raise ValueError(f"{len(about['names'])} names of {about['n_segments']} clusters")
        facts = (
            about["n_segments"], settings, tuple(about["names"]), dict(about["training"]), tuple(about.get("values", ())),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = shortened(" ".join(str(error).split()).rstrip("."))  # torch names each tensor that does not fit, in a line
        raise ModelError(f"{path} was written by another version: {reason}. Train again.", backbone=str(path)) from error
    net.eval().requires_grad_(False).to(device)
    return Learned(net, system.name, *facts, digest=file.digest)


def is_learned(path: Path | str) -> bool:
    """Whether this is a file that `learn` wrote, by its metadata alone."""
    return kind_of(path) == NET
