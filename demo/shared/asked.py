"""What the pages of jobs ask for alike: pictures of one's own with their label maps, and the settings of a system."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Self

import gradio as gr

from demo.shared.controls import control_of
from demo.shared.texts import OWN_IGNORE, OWN_IGNORE_INFO, OWN_TRUTH, OWN_TWICE
from segcore.errors import InputError, shortened
from segcore.image import PictureFile, parse_label
from segcore.image.listing import pictures_of
from segcore.settings import Param, Schema, params


@dataclass(frozen=True, slots=True)
class Own:
    """Pictures of the visitor's own."""

    files: tuple[str, ...] = ()  # paths of pictures, or of zips of them
    labels: tuple[str, ...] = ()  # paths of label maps named as the pictures, or of zips of them
    ignore: int | None = None  # label of them that does not count

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Self:
        """Those of the controls, by the names of the fields.

        Raises:
            InputError: the label is no whole number.
        """
        ignore = parse_label(values.get("ignore") or "")
        return cls(tuple(values.get("files") or ()), tuple(values.get("labels") or ()), ignore)

    def labels_of(self, pictures: Sequence[PictureFile]) -> dict[str, PictureFile]:
        """The label map of each picture that has one, by the name of the picture: files of the same name, in any folder.

        Raises:
            InputError: two label maps have one name, or a zip is no good.
        """
        found: dict[str, PictureFile] = {}
        for file in pictures_of([Path(path) for path in self.labels], least=0, field="labels") if self.labels else ():
            name = _bare(file.name).removesuffix(".labels")
            if name in found:
                raise InputError(OWN_TWICE.format(name=shortened(name)), field="labels")
            found[name] = file
        return {picture.name: found[_bare(picture.name)] for picture in pictures if _bare(picture.name) in found}


def _bare(name: str) -> str:
    return PurePosixPath(name).name


def own_controls(page: str, files: str, *, height: int = 140) -> dict[str, Any]:
    """Lay out the controls of `Own`, by the names of its fields; they are hidden until own pictures are chosen.

    Args:
        page: begins the ids of the components.
        files: label of the pictures.
        height: of the label maps, in pixels.
    """
    several: dict[str, Any] = {"file_count": "multiple", "visible": False}
    types = ["image", ".zip"]
    return {
        "files": gr.File(label=files, file_types=types, height=140, elem_id=f"{page}-files", **several),
        "labels": gr.File(label=OWN_TRUTH, file_types=types, height=height, elem_id=f"{page}-labels", **several),
        "ignore": gr.Textbox(label=OWN_IGNORE, info=OWN_IGNORE_INFO, max_lines=1, visible=False, elem_id=f"{page}-ignore"),
    }


def asked_params(schema: type[Schema]) -> dict[str, Param]:
    """The fields of a schema that a visitor may set: all but free text, such as the path of a file on this server."""
    defaults = schema()
    return {name: p for name, p in params(schema).items() if p.choices or not isinstance(getattr(defaults, name), str)}


@dataclass(frozen=True, eq=False, slots=True)
class SystemControls:
    """The settings of all systems of a page: a group of controls for each, of which that of the chosen one is on view."""

    groups: Mapping[str, Any]  # layout blocks by system
    controls: Mapping[tuple[str, str], Any]  # components by system and setting

    @classmethod
    def laid_out(
        cls,
        page: str,
        systems: Mapping[str, Any],
        group: Callable[[Any, dict[str, Any]], Any],
    ) -> Self:
        """Lay them out.

        Args:
            page: begins the ids of the components.
            systems: by name; each has `settings`, the schema of its own tunables.
            group: renders the controls of a system, which are given by setting, and returns what holds them.
        """
        groups: dict[str, Any] = {}
        controls: dict[tuple[str, str], Any] = {}
        for name, system in systems.items():
            defaults, own = system.settings(), asked_params(system.settings)
            made = {s: control_of(p, getattr(defaults, s), elem_id=f"{page}-{name}-{s}") for s, p in own.items()}
            groups[name] = group(system, made)
            controls |= {(name, setting): control for setting, control in made.items()}
        return cls(groups, controls)

    def chosen(self, system: str) -> dict[Any, Any]:
        """Show the group of a system, and hide the others."""
        return {group: gr.update(visible=name == system) for name, group in self.groups.items()}

    def filled(self, system: str, settings: Mapping[str, Any]) -> dict[Any, Any]:
        """Let the controls of a system show these settings."""
        return {self.controls[system, name]: value for name, value in settings.items()}

    def settings(self, system: str, values: Mapping[Any, Any]) -> dict[str, Any]:
        """The settings of a system among the values of all controls, which are given by system and setting."""
        return {name: values[owner, name] for owner, name in self.controls if owner == system}
