"""Gradio's modules and styles that the pages need, as one file each.

Gradio's page asks for some ninety small files before it shows anything: an ES module and a style for each kind of component.
Here they travel as one text. A script in the head of the page cuts it into modules again, each behind an address of its own
(a `blob:`), and an import map tells the browser where a module is that another one imports. A module keeps one identity:
what is loaded later, by Gradio's ordinary addresses, finds the modules of the bundle by the same map.

No text of Gradio is understood but the forms that its bundler writes: `from"./NAME.js"`, `import"./NAME.js"`,
`import(`./NAME.js`)` with the list of what that needs, and `import.meta.url`. Where they are not found as expected there is
no bundle, and Gradio's page is sent as it is. So it starts, too, where the browser knows no import maps or the bundle does
not come.
"""

import hashlib
import html
import json
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_NAME = r"\./([\w.~-]+\.js)"
_STATIC = re.compile(rf'\b(?:from|import)"{_NAME}"')
_ANY = re.compile(rf'\b(from|import|import\()(["`]){_NAME}["`]')
_NEEDS = re.compile(r"m\.f=\[([^\]]*)\]")
# A module that is loaded when it is needed, with the places in that list of what it needs in turn.
_LATER = rf"import\(`{_NAME}`\)[^`]{{0,80}}?,(?:__vite__mapDeps\(\[([\d,]*)\]\)|\[\]),import\.meta\.url"
_LOADED = re.compile(_LATER)
_KIND = re.compile(rf'[{{,]"?([\w-]+)"?:\{{(?:\w+:\(\)=>\w+\(\(\)=>{_LATER}\),)*component:\(\)=>\w+\(\(\)=>{_LATER}')
_URL = re.compile(r"url\((['\"]?)\./")
_HTML = re.compile(
    r'<script type="module" crossorigin src="\./assets/([\w.~-]+\.js)"></script>\s*'
    r'<link rel="stylesheet" crossorigin href="\./assets/([\w.~-]+\.css)">'
)
_SCRIPT = Path(__file__).parents[2] / "assets" / "bundle.js"
_APP = "Blocks-"  # begins the name of the module that shows the components
_sent: dict[str, tuple[str, str]] = {}  # text and type by name


@dataclass(frozen=True, slots=True)
class Bundle:
    """Modules and styles that travel together.

    Attributes:
        entry: name of the module that starts the page.
        modules: their names, each once.
        styles: names of the style sheets in the order of their rules.
        text: of the modules, one after the other.
        ends: where each of them ends in it, in bytes.
        sheet: the text of the styles.
    """

    entry: str
    modules: tuple[str, ...]
    styles: tuple[str, ...]
    text: str
    ends: tuple[int, ...]
    sheet: str


class NoBundle(Exception):
    """Gradio's files are not as they are expected to be."""


@cache
def gradio_assets() -> Path:
    """Where Gradio keeps the files of its page."""
    spec = find_spec("gradio")
    if spec is None or spec.origin is None:
        raise NoBundle("Gradio is not installed.")
    return Path(spec.origin).parent / "templates" / "frontend" / "assets"


def make_bundle(assets: Path, entry: str, style: str, kinds: Collection[str]) -> Bundle:
    """What a page with these kinds of components needs to start.

    Args:
        assets: folder of Gradio's files.
        entry: name of the module that starts the page.
        style: name of the style sheet that comes with it.
        kinds: of components, by Gradio's names.

    Raises:
        NoBundle: a file is missing, or not in the expected form.
    """
    files = _Files(assets)
    seeds, styles = [entry], [style]
    for name, needs in _loads(files, entry, kinds):
        seeds.append(name)
        styles += [need for need in needs if need.endswith(".css")]
    modules = files.closure(seeds)
    texts = [_rewritten(files[name], name) for name in modules]
    ends, end = [], 0
    for text in texts:
        end += len(text.encode())
        ends.append(end)
    styles = list(dict.fromkeys(styles))
    sheet = "\n".join(_URL.sub(r"url(\1../assets/", files[name]) for name in styles)
    return Bundle(entry, tuple(modules), tuple(styles), "".join(texts), tuple(ends), sheet)


class _Files(dict[str, str]):
    """Texts by name."""

    def __init__(self, folder: Path):
        super().__init__()
        self._folder = folder

    def __missing__(self, name: str) -> str:
        try:
            self[name] = (self._folder / name).read_text(encoding="utf-8")
        except OSError as error:
            raise NoBundle(f"{name} is not there: {error}") from error
        return self[name]

    def closure(self, names: Iterable[str]) -> list[str]:
        """These modules, and all that they import, each once."""
        found: dict[str, None] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if name not in found:
                found[name] = None
                waiting += _STATIC.findall(self[name])
        return list(found)


def _loads(files: _Files, entry: str, kinds: Collection[str]) -> Iterator[tuple[str, list[str]]]:
    """The modules that are loaded as the page starts, with what each needs: the page, what shows components, and these."""
    first = list(_later(files[entry]))
    yield from first
    shows = [load for name, _ in first for load in _later(files[name]) if load[0].startswith(_APP)]
    if len(shows) != 1:
        raise NoBundle(f"{len(shows)} modules are called {_APP}…")
    yield shows[0]
    by_kind = {kind: load for name in files.closure([name for name, _ in first]) for kind, load in _components(files[name])}
    if missing := set(kinds) - set(by_kind):
        raise NoBundle(f"No module is known for {', '.join(sorted(missing))}.")
    yield from (by_kind[kind] for kind in sorted(kinds))


def _later(text: str) -> Iterator[tuple[str, list[str]]]:
    needs = _needs(text)
    for name, places in _LOADED.findall(text):
        yield name, [needs[int(place)] for place in places.split(",") if place]


def _components(text: str) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    needs = _needs(text)
    for found in _KIND.finditer(text):
        name, places = found[found.re.groups - 1], found[found.re.groups]
        yield found[1], (name, [needs[int(place)] for place in (places or "").split(",") if place])


def _needs(text: str) -> list[str]:
    """The files that the loads of a module name by their places."""
    found = _NEEDS.search(text)
    return [name.removeprefix("./") for name in json.loads(f"[{found[1]}]")] if found else []


def _rewritten(text: str, name: str) -> str:
    """A module that says of no place where it is relative to others."""
    text = _ANY.sub(r"\1\2gradio/\3\2", text)
    return text.replace("import.meta.url", f"new URL({json.dumps('assets/' + name)},document.baseURI).href") + "\n"


def bundle_routes() -> list[BaseRoute]:
    """What answers at the addresses of bundles, for the `app_kwargs` of `launch`."""
    return [Route("/bundle/{name}", _send)]


async def _send(request: Request) -> Response:
    text, kind = _sent.get(request.path_params["name"], ("", ""))
    return Response(text, media_type=kind) if kind else Response(status_code=404)


def _address(text: str, ending: str, kind: str) -> str:
    name = f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.{ending}"
    _sent[name] = text, kind
    return f"bundle/{name}"


def with_bundle(page: str, kinds: Collection[str]) -> str:
    """The HTML of a page, which starts from a bundle.

    Args:
        page: the HTML as Gradio writes it.
        kinds: of components that the bundle holds.

    Raises:
        NoBundle: Gradio's files or its HTML are not as expected.
    """
    found = _HTML.search(page)
    if found is None:
        raise NoBundle("The page does not start with one module and one style sheet.")
    return page[: found.start()] + _head(found[1], found[2], frozenset(kinds)) + page[found.end() :]


@cache
def _head(entry: str, style: str, kinds: frozenset[str]) -> str:
    """What stands in place of Gradio's script and style."""
    bundle = make_bundle(gradio_assets(), entry, style, kinds)
    modules, sheet = _address(bundle.text, "txt", "text/plain"), _address(bundle.sheet, "css", "text/css")
    told = {"address": modules, "entry": entry, "modules": bundle.modules, "ends": bundle.ends, "styles": bundle.styles}
    return (
        f'<link rel="preload" as="fetch" crossorigin href="./{html.escape(modules)}">'
        f'<link rel="stylesheet" crossorigin href="./{html.escape(sheet)}">'
        f"<script>(() => {{ const told = {json.dumps(told)};\n{_SCRIPT.read_text(encoding='utf-8')} }})();</script>"
    )
