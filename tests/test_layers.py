"""Imports point one way: ground ← vocabulary ← methods ← assembly ← faces ← app."""

import ast
from pathlib import Path

import pytest

from demo.pages import PAGES

ROOT = Path(__file__).parents[1]
LAYERS = (
    ("segcore.errors", "segcore.checks", "segcore.numerics", "segcore.runtime"),
    ("segcore.settings", "segcore.types"),
    ("segcore.image", "segcore.features", "segcore.graph", "segcore.cluster", "segcore.cut", "segcore.upsample",
     "segcore.refine", "segcore.scribble", "segcore.heads", "segcore.taught", "segcore.metrics", "segcore.show.palette",
     "segcore.show.paint", "segcore.show.color_match", "segcore.drawn", "segcore.nets", "segcore.train", "segcore.learn",
     "segcore.pretrain"),
    ("segcore.pipeline", "segcore.show", "segcore.evaluate", "segcore.heads.apply", "segcore.collection",
     "segcore.scribble.scribble"),
    ("segcore", "segcore.cli", "segcore.bench", "segcore.__main__", "demo"),
    ("app",),
)  # fmt: skip
# Packages that may be imported in some places only.
HOMES = {
    "timm": ("segcore.features", "segcore.pretrain"),
    "PIL": ("segcore.image", "segcore.show", "demo"),
    "tifffile": ("segcore.image.tiff",),
    "gradio": ("demo", "app"),
    "plotly": ("demo",),
}
SETTINGS_READERS = ("segcore.settings", "segcore.types")  # of the lower layers


def sources():
    files = [*ROOT.glob("segcore/**/*.py"), *ROOT.glob("demo/**/*.py"), ROOT / "app.py"]
    return {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(module):
    """The layer whose longest prefix fits."""
    fits = [
        (len(name), i) for i, names in enumerate(LAYERS) for name in names if module == name or module.startswith(name + ".")
    ]
    return max(fits)[1]


def starts(module, names):
    return any(module == name or module.startswith(name + ".") for name in names)


@pytest.mark.parametrize("module", sources())
def test_imports_point_down(module):
    for target in imports(sources()[module]):
        if starts(target, ("segcore", "demo", "app")):
            assert layer(target) <= layer(module), f"{module} imports {target}, which lies above it"
        for package, homes in HOMES.items():
            if starts(target, (package,)):
                assert starts(module, homes), f"{module} imports {target}; {package} belongs in {', '.join(homes)}"


@pytest.mark.parametrize("module", [m for m in sources() if layer(m) <= 2 and not starts(m, SETTINGS_READERS)])
def test_methods_never_see_settings(module):
    assert not any(starts(target, ("segcore.settings.Settings",)) for target in imports(sources()[module]))


def test_segcore_never_sees_the_page():
    for module, path in sources().items():
        if module.startswith("segcore"):
            assert not any(starts(target, ("demo", "app", "gradio")) for target in imports(path)), module


def room(module):
    """The folder of `demo` that a module lies in; "" for those beside the folders."""
    top, _, rest = module.partition(".")
    folder = rest.split(".")[0]
    return folder if top == "demo" and folder and (ROOT / "demo" / folder).is_dir() else ""


@pytest.mark.parametrize("module", [m for m in sources() if room(m)])
def test_pages_do_not_import_each_other(module):
    """A page takes from what all pages share, and from itself; what they share knows no page."""
    for target in imports(sources()[module]):
        if target.startswith("demo."):
            assert room(target) in {room(module), "shared"}, f"{module} imports {target}"


def test_every_folder_is_a_page_on_the_list():
    folders = {path.parent.name for path in ROOT.glob("demo/*/page.py")}
    assert folders == {room(page.build.__module__) for page in PAGES}
    assert folders | {"shared"} == {path.parent.name for path in ROOT.glob("demo/*/__init__.py")}


def test_a_wrong_direction_is_noticed(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from segcore.pipeline import segment\n")
    assert layer("segcore.graph.eigen") < max(layer(target) for target in imports(wrong))
