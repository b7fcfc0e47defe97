"""The lines that repeat a result: Python for the strokes, a shell for the head."""

from dataclasses import fields

from demo.scribble.asked import SETTINGS, Asked
from segcore.scribble.scribble import Options
from segcore.scribble.strokes import strokes_text
from segcore.settings import DEFAULTS

SHELL = """# the head that was saved, on a folder of pictures
python -m segcore head apply --head head.safetensors --images PICTURES --out LABELS
# the same from label maps, and how good it is
python -m segcore head train --images PICTURES --labels LABELS --ignore 0 --out head.safetensors
python -m segcore head evaluate --head head.safetensors --images OTHERS --labels TRUTHS"""


def python_lines(asked: Asked, name: str) -> str:
    """The Python lines that make the same labels from the same picture."""
    options = "".join(
        f", {f.name}={value!r}" for f in fields(Options) if (value := getattr(asked.options, f.name)) != f.default
    )
    settings = "".join(
        f", {key}={value!r}" for key in SETTINGS if (value := getattr(asked.settings, key)) != getattr(DEFAULTS, key)
    )
    return (
        "from segcore import Pipeline, Settings\n"
        "from segcore.scribble.strokes import strokes_of_text\n"
        "from segcore.scribble.scribble import Options, scribble\n\n"
        f"strokes = strokes_of_text({strokes_text(asked.strokes)!r})\n"
        f"result = scribble(\n    Pipeline(), {name!r}, Settings({settings.removeprefix(', ')}), strokes,\n"
        f"    Options({options.removeprefix(', ')}),\n)\n"
        "result.label_map  # (height, width): the labels of the strokes"
    )
