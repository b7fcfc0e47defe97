"""What the scripts of lectures ask for beside Gradio's events: files opened and saved, sentences set, pictures kept."""

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.lectures.data import sheet_value, sheets
from demo.shared.lecture.file import (
    MOST_FILE,
    Lecture,
    is_named,
    is_picture,
    own_pictures,
    read_lecture,
    write_lecture,
)
from demo.shared.lecture.given import keep_pictures
from demo.shared.lecture.sheet import sheet_of
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError

_MOST_BODY = 2 * MOST_FILE  # bytes; pictures come as text, which is longer
_ENDING = re.compile(r"[a-z0-9]{1,5}")
_NAME = re.compile(r"[0-9a-f]{32}")


def lecture_routes() -> list[BaseRoute]:
    """What answers at these addresses, for the `app_kwargs` of `launch`."""
    return [
        Route("/lecture/open", _kindly(_open), methods=["POST"]),
        Route("/lecture/told", _kindly(_told), methods=["POST"]),
        Route("/lecture/save", _kindly(_save), methods=["POST"]),
        Route("/lecture/start/{id}", _kindly(_start), methods=["GET"]),
        Route("/lecture/picture/{name}", _kindly(_picture), methods=["GET"]),
        Route("/lecture/picture/{name}", _kindly(_keep), methods=["POST"]),
    ]


def _kindly(answer: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Say in one sentence what cannot be answered."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except SegcoreError as error:
            return JSONResponse({"error": str(error)}, status_code=422)

    return answered


def _service(request: Request) -> Service:
    service: Service = request.app.get_blocks().service
    return service


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MOST_BODY:
            raise InputError(f"What was sent has more than {_MOST_BODY >> 20} MB, which no lecture has.")
        parts.append(part)
    return b"".join(parts)


async def _sent(request: Request) -> dict[str, Any]:
    try:
        data = json.loads(await _body(request))
    except (ValueError, RecursionError) as error:
        raise InputError("What was sent is no JSON.") from error
    if not isinstance(data, dict):
        raise InputError("What was sent is no lecture: an object with sheet, stills and pictures.")
    return data


async def _open(request: Request) -> Response:
    """A file as the basket keeps it; its pictures are kept here, so that its links work."""
    content = await _body(request)
    lecture = await run_in_threadpool(read_lecture, content)
    await run_in_threadpool(keep_pictures, _service(request), [lecture])
    return JSONResponse(
        {
            "sheet": lecture.sheet.to_dict(),
            "stills": {
                str(i): _uri(lecture.stills[line.still])
                for i, line in enumerate(lecture.sheet.lines)
                if line.still in lecture.stills
            },
            "pictures": {
                name: {"ending": ending, "content": base64.b64encode(data).decode()}
                for name, (ending, data) in lecture.pictures.items()
            },
            "notes": list(lecture.notes),
        }
    )


def _uri(still: bytes) -> str:
    return f"data:image/{_kind(still)};base64,{base64.b64encode(still).decode()}"


def _kind(still: bytes) -> str:
    return {b"\xff\xd8": "jpeg", b"\x89P": "png"}.get(still[:2], "webp")


async def _told(request: Request) -> Response:
    """A sheet as the page's script takes it, with its sentences set, and what could not be."""
    notes: list[str] = []
    sheet = sheet_of(await _sent(request), notes)
    return JSONResponse({"sheet": sheet_value(sheet), "notes": notes})


async def _start(request: Request) -> Response:
    """One of the lectures of this server, as the basket keeps it."""
    known = {sheet.id: sheet for sheet in _service(request).lectures} | sheets()
    sheet = known.get(request.path_params["id"])
    if sheet is None:
        raise InputError("This server has no such lecture.")
    return JSONResponse({"sheet": sheet.to_dict(), "stills": {}, "pictures": {}, "notes": []})


async def _save(request: Request) -> Response:
    """The zip of what a browser keeps."""
    content = await run_in_threadpool(lambda sent: write_lecture(lecture_of(sent)), await _sent(request))
    return Response(content, media_type="application/zip")


def lecture_of(sent: Mapping[str, Any]) -> Lecture:
    """A lecture as a browser sends it: `sheet`, `stills` by place of the line, `pictures` by digest.

    Raises:
        InputError: it has no sheet.
    """
    given = sent.get("sheet")
    if not isinstance(given, dict) or not isinstance(given.get("lines"), list):
        raise InputError("What was sent is no lecture: it lacks sheet, with lines.")
    sent_stills, sent_pictures = _object(sent.get("stills")), _object(sent.get("pictures"))
    stills, lines = {}, []
    for i, line in enumerate(given["lines"]):
        name = f"stills/{i + 1:03}"
        still = _bytes(sent_stills.get(str(i)))
        if still is not None and is_picture(still):
            name = f"{name}.{_kind(still).replace('jpeg', 'jpg')}"
            stills[name] = still
            lines.append({**line, "still": name} if isinstance(line, dict) else line)
        else:
            lines.append({k: v for k, v in line.items() if k != "still"} if isinstance(line, dict) else line)
    notes: list[str] = []
    sheet = sheet_of({**given, "lines": lines}, notes)
    pictures = {}
    for name in own_pictures(sheet) & sent_pictures.keys():
        picture = sent_pictures[name]
        content = _bytes(picture.get("content")) if isinstance(picture, dict) else None
        if content is not None and _ENDING.fullmatch(str(picture.get("ending"))):
            pictures[name] = picture["ending"], content
    return Lecture(sheet, stills, pictures, tuple(notes))


def _object(given: object) -> dict[str, Any]:
    return given if isinstance(given, dict) else {}


def _bytes(given: object) -> bytes | None:
    """What stands in a data URI, or in base64 alone."""
    if not isinstance(given, str):
        return None
    try:
        return base64.b64decode(given.partition(",")[2] if given.startswith("data:") else given, validate=True)
    except (ValueError, binascii.Error):
        return None


async def _picture(request: Request) -> Response:
    """The picture of this digest, as a link would open it."""
    name = request.path_params["name"]
    path = _service(request).upload_of(name) if _NAME.fullmatch(name) else None
    if path is None:
        return Response(status_code=404)
    content = await run_in_threadpool(Path(path).read_bytes)
    headers = {"X-Ending": Path(path).suffix.lstrip(".").lower(), "Content-Disposition": "attachment"}
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _keep(request: Request) -> Response:
    """Keep a picture of a lecture under the digest that it has."""
    name, ending = request.path_params["name"], request.query_params.get("ending", "")
    content = await _body(request)
    if not _NAME.fullmatch(name) or not _ENDING.fullmatch(ending) or not await run_in_threadpool(is_named, content, name):
        raise InputError("This picture is not the one that the link names.")
    await run_in_threadpool(_service(request).keep_own, name, ending, content)
    return JSONResponse({})
