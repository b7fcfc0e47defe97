"""What a visitor asks for, and the pictures that go with it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from demo.collections import texts
from demo.shared.service import Service
from segcore.collection import SYSTEMS, PictureFile, pictures_of, system_of
from segcore.drawn.objects import draw_objects
from segcore.errors import InputError
from segcore.image import parse_label
from segcore.settings import DEFAULTS, Schema, Settings, params
from segcore.show.files import png

MOST = 200  # pictures at once
MAX_SIDE = 320  # px; many pictures on a shared machine
DEFAULT_K = 4
OWN = "own"
SET = "set_"  # before the name of a system's setting in the address


@dataclass(frozen=True, slots=True)
class Asked:
    """One run."""

    source: str  # a key of texts.SOURCES
    files: tuple[str, ...]
    truth: tuple[str, ...]  # label maps
    ignore: int | None  # label of them that does not count
    system: str
    own: Schema
    n_groups: int | None
    settings: Settings
    plane: str  # a key of texts.PLANES

    @property
    def query(self) -> dict[str, str | None]:
        """What the address says of it; own files do not go into a link. None: the address says nothing of it."""
        changed, default = self.own.changed(), DEFAULTS.backbone
        return {
            "source": self.source,
            "system": self.system,
            "groups": str(self.n_groups) if self.n_groups else "auto",
            "backbone": None if self.settings.backbone == default else self.settings.backbone,
            "plane": None if self.plane == "pca" else self.plane,
            **{SET + name: None for system in SYSTEMS.values() for name in params(system.settings)},
            **{SET + name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in changed.items()},
        }

    @property
    def command(self) -> str:
        """The shell command that repeats it on a folder of the same pictures."""
        words = ["python", "-m", "segcore", "collection", "segment", "PICTURES", "--out", "out", "--system", self.system]
        if self.n_groups is not None:
            words += ["--n-segments", str(self.n_groups)]
        words += ["--backbone", self.settings.backbone, "--max-side", str(self.settings.max_side)]
        for name, value in self.own.changed().items():
            words += ["--set", f"{name}={value}"]
        return shlex.join(words)


def asked_of(values: Mapping[str, Any], own: Mapping[str, Any]) -> Asked:
    """What the controls say.

    Raises:
        InputError: a value breaks a rule.
    """
    entry = system_of(values["system"])
    auto = bool(values["auto"]) and entry.chooses_k
    return Asked(
        values["source"],
        tuple(values["files"] or ()),
        tuple(values["truth"] or ()),
        parse_label(values["ignore"] or ""),
        entry.name,
        entry.settings.from_values(own),
        None if auto else int(values["k"]),
        DEFAULTS.replace(backbone=values["backbone"], max_side=MAX_SIDE),
        values["plane"],
    )


def listed(
    asked: Asked, service: Service, folder: TemporaryDirectory[str]
) -> tuple[tuple[PictureFile, ...], dict[str, Path]]:
    """The pictures of a run, and the label maps by their names.

    Raises:
        InputError: there are too few or too many, two have one name, or a zip is no good.
    """
    if asked.source == "drawn":
        return _drawn(Path(folder.name))
    if asked.source == "photos":
        return tuple(PictureFile(e.id, e.path) for e in service.examples.values()), {}
    pictures = pictures_of([Path(file) for file in asked.files])
    if len(pictures) > MOST:
        raise InputError(texts.TOO_MANY.format(most=MOST, n=len(pictures)), field="files")
    return pictures, {Path(file).stem: Path(file) for file in asked.truth}


def _drawn(folder: Path) -> tuple[tuple[PictureFile, ...], dict[str, Path]]:
    drawn = draw_objects()
    pictures: list[PictureFile] = []
    truths: dict[str, Path] = {}
    for name, image, truth in zip(drawn.names, drawn.images, drawn.truth, strict=True):
        path, labels = folder / f"{name}.png", folder / f"{name}.labels.png"
        path.write_bytes(png(image.numpy()))
        labels.write_bytes(png(truth.numpy().astype(np.uint8)))
        pictures.append(PictureFile(name, path))
        truths[name] = labels
    return tuple(pictures), truths


def check_files(files: Sequence[str] | None, source: str) -> None:
    """Refuse own pictures where there are none."""
    if source == OWN and not files:
        raise InputError(texts.NO_FILES.format(most=MOST), field="files")
