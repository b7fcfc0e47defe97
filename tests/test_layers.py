"""The plan of the house: imports point down, nothing imports itself back, every module has a room, every class its name."""

import ast
import importlib
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import networkx
import pytest

from demo.pages import PAGES

ROOT = Path(__file__).parents[1]
# Packages that may be imported in some places only.
HOMES = {
    "timm": ("segcore.features", "segcore.pretrain"),
    "PIL": ("segcore.image", "segcore.show", "demo"),
    "tifffile": ("segcore.image.tiff",),
    "gradio": ("demo", "app"),
    "plotly": ("demo",),
}


def plan():
    """Rooms → floor, 0 at the top, from the plan in CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    lines = re.search(r"```plan\n(.*?)```", text, re.DOTALL)[1].splitlines()
    return {name: floor for floor, line in enumerate(lines) for name in re.split(r" {2,}", line)[0].split()}


PLAN = plan()


def sources():
    files = [*ROOT.glob("segcore/**/*.py"), *ROOT.glob("demo/**/*.py"), ROOT / "app.py"]
    return {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}


SOURCES = sources()


def imports(path):
    """Everything that a file imports, also within functions and for type checkers."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported(path, modules):
    """Those of the modules that a file imports."""
    for target in imports(path):
        module = target if target in modules else target.rpartition(".")[0]
        if module in modules:
            yield module


def home(module):
    """The room of a module in the plan."""
    top, *rest = module.split(".")
    return rest[0] if top == "segcore" and rest else top


def circles(modules):
    """Groups of modules that import each other."""
    graph = networkx.DiGraph((module, target) for module, path in modules.items() for target in imported(path, modules))
    return [sorted(group) for group in networkx.strongly_connected_components(graph) if len(group) > 1]


def starts(module, names):
    return any(module == name or module.startswith(name + ".") for name in names)


def test_every_module_has_a_room_and_every_room_a_module():
    assert {home(module) for module in SOURCES} == PLAN.keys()


@pytest.mark.parametrize("module", SOURCES)
def test_imports_point_down(module):
    for target in imported(SOURCES[module], SOURCES):
        if home(target) != home(module):
            assert PLAN[home(target)] > PLAN[home(module)], f"{module} imports {target}, which does not lie below it"


def test_nothing_imports_itself_back():
    assert circles(SOURCES) == []


@pytest.mark.parametrize("module", SOURCES)
def test_some_packages_are_at_home_in_some_rooms(module):
    for target in imports(SOURCES[module]):
        for package, homes in HOMES.items():
            if starts(target, (package,)):
                assert starts(module, homes), f"{module} imports {target}; {package} belongs in {', '.join(homes)}"


METHODS = [m for m in SOURCES if PLAN["pipeline"] < PLAN[home(m)] < PLAN["settings"] and home(m) != "types"]


@pytest.mark.parametrize("module", METHODS)
def test_methods_never_see_settings(module):
    assert "segcore.settings.Settings" not in set(imports(SOURCES[module]))


def test_the_front_door_is_small():
    assert len([*ROOT.glob("segcore/*.py")]) <= 12


def test_no_two_classes_have_one_name():
    homes = defaultdict(list)
    for module, path in SOURCES.items():
        if starts(module, ("segcore",)):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    homes[node.name].append(module)
    assert {name: modules for name, modules in homes.items() if len(modules) > 1} == {}


def test_segcore_never_sees_the_page():
    for module, path in SOURCES.items():
        if starts(module, ("segcore",)):
            assert not any(starts(target, ("demo", "app", "gradio")) for target in imports(path)), module


def room(module):
    """The folder of `demo` that a module lies in; "" for those beside the folders."""
    top, _, rest = module.partition(".")
    folder = rest.split(".")[0]
    return folder if top == "demo" and folder and (ROOT / "demo" / folder).is_dir() else ""


@pytest.mark.parametrize("module", [m for m in SOURCES if room(m)])
def test_pages_do_not_import_each_other(module):
    """A page takes from what all pages share, and from itself; what they share knows no page."""
    for target in imports(SOURCES[module]):
        if target.startswith("demo."):
            assert room(target) in {room(module), "shared"}, f"{module} imports {target}"


def test_every_folder_is_a_page_on_the_list():
    folders = {path.parent.name for path in ROOT.glob("demo/*/page.py")}
    assert folders == {room(page.build.__module__) for page in PAGES}
    assert folders | {"shared"} == {path.parent.name for path in ROOT.glob("demo/*/__init__.py")}


def test_a_circle_is_noticed(tmp_path):
    """Also where one of the imports stands in a function, and the other is for type checkers only."""
    a, b = tmp_path / "a.py", tmp_path / "b.py"
    a.write_text("def f():\n    from b import g\n")
    b.write_text("from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    import a\n")
    assert circles({"a": a, "b": b}) == [["a", "b"]]


def test_a_module_without_a_room_is_noticed():
    assert home("segcore.newcomer.file") not in PLAN


# ---- The anatomy of a page ----

ROOMS = {"page", "asked", "data", "run", "show", "facts", "texts"}  # modules, or folders where one file would be long
COMPONENTS = {"board", "pad", "player", "components"}  # that only this page has
CONTENT = {"lab": "tabs", "steps": "algorithms", "playgrounds": "games"}
OF_CONTENT = {"lab": {"tab"}, "steps": {"algorithm"}, "playgrounds": {"playground", "fields"}}  # what it is made of
PAGE_FOLDERS = sorted(path.parent for path in ROOT.glob("demo/*/page.py"))


def parts(folder):
    """The modules and packages of a folder."""
    found = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return found - {"__init__"}


@pytest.mark.parametrize("folder", PAGE_FOLDERS, ids=lambda folder: folder.name)
def test_a_page_has_the_rooms_of_all_pages(folder):
    name = folder.name
    assert {"page", "texts"} <= parts(folder)
    assert parts(folder) <= ROOMS | COMPONENTS | {CONTENT.get(name)} | OF_CONTENT.get(name, set())


@pytest.mark.parametrize("name", CONTENT)
def test_content_lies_apart_and_every_piece_is_on_the_list(name):
    pieces = importlib.import_module(f"demo.{name}.{CONTENT[name]}")
    (listed,) = (value for key, value in vars(pieces).items() if key.isupper() and isinstance(value, Mapping))
    for part in parts(Path(pieces.__file__).parent):
        module = importlib.import_module(f"{pieces.__name__}.{part}")
        held = [module, *vars(module).values()]
        assert any(entry is one for entry in listed.values() for one in held), f"{part} is no entry of the list"


def test_a_large_tab_has_the_rooms_of_a_page():
    for path in ROOT.glob("demo/lab/tabs/*/__init__.py"):
        assert parts(path.parent) <= ROOMS, path.parent.name
