"""The scripts of a page, sent as one module: what a page needs in one request, and nothing that it does not need.

A script is an ES module beside the Python of its component, which node imports as it is. For the browser all that a page
needs are put one after the other, what is imported before what imports it, each in a function of its own under its own name.
The address holds a digest of the text, so a browser may keep it for ever and never shows an old one.

Of the syntax of modules a script may use `import { a, b as c } from "./file.js";` at the start of a line, and `export`
before a function, a class or a constant.
"""

import hashlib
import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

DEMO = Path(__file__).parents[2]
_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function\*?|function\*?|class|const) ([\w$]+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_sent: dict[str, str] = {}  # by digest


def address_of(scripts: Iterable[Path]) -> str:
    """The address of the module that holds these scripts and what they import, as seen from the base of a page.

    It exports each of them under its `name_of`.
    """
    return _address(tuple(sorted(set(scripts))))


@cache  # every component of every new visit asks for it
def _address(scripts: tuple[Path, ...]) -> str:
    text = bundled(scripts)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    _sent[digest] = text
    return f"scripts/{digest}.js"


def script_routes() -> list[BaseRoute]:
    """What answers at these addresses, for the `app_kwargs` of `launch`."""
    return [Route("/scripts/{digest}.js", _send)]


async def _send(request: Request) -> Response:
    text = _sent.get(request.path_params["digest"])
    if text is None:
        return Response(status_code=404)
    return Response(text, media_type="text/javascript", headers={"Cache-Control": "public, max-age=31536000, immutable"})


def name_of(script: Path) -> str:
    """The name of a script within the module: its place in `demo`."""
    return re.sub(r"\W+", "_", os.path.relpath(script.with_suffix(""), DEMO))


def bundled(scripts: tuple[Path, ...]) -> str:
    """The text of the module.

    Raises:
        ValueError: a script imports in a circle, or uses a form of `import` or `export` that is not understood.
    """
    ordered: list[Path] = []
    for script in scripts:
        _visit(script, ordered, ())
    exported = ", ".join(name_of(script) for script in scripts)
    return "\n".join([*map(_enclosed, ordered), f"export {{ {exported} }};\n"])


def _visit(script: Path, ordered: list[Path], above: tuple[Path, ...]) -> None:
    """Append a script after all that it imports."""
    if script in above:
        raise ValueError(f"{script} imports itself by way of {', '.join(str(path) for path in above)}.")
    if script in ordered:
        return
    for _, target in _IMPORT.findall(_read(script)):
        _visit((script.parent / target).resolve(), ordered, (*above, script))
    ordered.append(script)


def _enclosed(script: Path) -> str:
    """A script as a constant that holds what it exports."""
    text = _read(script)
    exports = _EXPORT.findall(text)
    body = _IMPORT.sub(lambda found: _taken(found, script), text)
    body = _EXPORT.sub("", body)
    if other := _OTHER.search(body):
        raise ValueError(f"{script}: write `{other[0]}` in one of the forms that demo/shared/components/scripts.py names.")
    return f"const {name_of(script)} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();\n"


def _taken(found: re.Match[str], script: Path) -> str:
    names = ", ".join(re.sub(r" as ", ": ", name.strip()) for name in found[1].split(",") if name.strip())
    return f"const {{ {names} }} = {name_of((script.parent / found[2]).resolve())};"


def _read(script: Path) -> str:
    return script.read_text(encoding="utf-8")
