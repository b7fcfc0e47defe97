"""What the scripts of lectures ask for beside Gradio's events: files opened and saved, sentences set, pictures kept."""

import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.lectures import texts
from demo.lectures.data import sheet_value, sheets
from demo.lectures.run.code import code_of
from demo.lectures.run.sent import ENDING, base_of, lecture_of
from demo.lectures.run.votes import Votes, student_page
from demo.shared.lecture.file import MOST_FILE, is_named, is_own_name, most_of, read_lecture, write_lecture
from demo.shared.lecture.given import keep_files
from demo.shared.lecture.sheet import sheet_of, shown
from demo.shared.lecture.value import Lecture
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError, shortened
from segcore.show.files import data_uri, picture_kind

_MOST_BODY = 2 * MOST_FILE  # bytes; pictures come as text, which is longer


def lecture_routes() -> list[BaseRoute]:
    """What answers at these addresses, for the `app_kwargs` of `launch`."""
    return [
        Route("/lecture/open", _kindly(_open), methods=["POST"]),
        Route("/lecture/told", _kindly(_told), methods=["POST"]),
        Route("/lecture/save", _kindly(_save), methods=["POST"]),
        Route("/lecture/start/{id}", _kindly(_start), methods=["GET"]),
        Route("/lecture/still/{id}/{place:int}", _kindly(_still), methods=["GET"]),
        Route("/lecture/picture/{name}", _kindly(_picture), methods=["GET"]),
        Route("/lecture/picture/{name}", _kindly(_keep), methods=["POST"]),
        Route("/vote", _kindly(_ask), methods=["POST"]),
        Route("/vote/{room}", _kindly(_room), methods=["GET"]),
        Route("/vote/{room}/state", _kindly(_state), methods=["GET"]),
        Route("/vote/{room}/vote", _kindly(_vote), methods=["POST"]),
        Route("/vote/{room}/counts", _kindly(_counts), methods=["POST"]),
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
    await run_in_threadpool(keep_files, _service(request), [lecture])
    return _kept(lecture)


def _kept(lecture: Lecture) -> Response:
    return JSONResponse(
        {
            "sheet": lecture.sheet.to_dict(),
            "stills": {str(i): data_uri(still) for i, still in lecture.shots.items()},
            "pictures": {
                name: {"ending": ending, "content": base64.b64encode(data).decode()}
                for name, (ending, data) in lecture.own.items()
            },
            "notes": list(lecture.notes),
        }
    )


async def _told(request: Request) -> Response:
    """A sheet as the page's script takes it, with its sentences set, and what could not be."""
    notes: list[str] = []
    sheet = sheet_of(await _sent(request), notes)
    return JSONResponse({"sheet": sheet_value(sheet), "notes": notes})


async def _start(request: Request) -> Response:
    """One of the lectures of this server, as the basket keeps it."""
    known = {name: Lecture(sheet) for name, sheet in sheets().items()}
    known |= {lecture.sheet.id: lecture for lecture in _service(request).lectures}
    if request.path_params["id"] not in known:
        raise InputError("This server has no such lecture.")
    return _kept(known[request.path_params["id"]])


async def _still(request: Request) -> Response:
    """What a line of a lecture of this server shows."""
    lecture = {one.sheet.id: one for one in _service(request).lectures}.get(request.path_params["id"])
    still = lecture and lecture.shots.get(request.path_params["place"])
    return Response(still, media_type=f"image/{picture_kind(still)}") if still else Response(status_code=404)


async def _save(request: Request) -> Response:
    """The zip of what a browser keeps."""
    content = await run_in_threadpool(lambda sent: write_lecture(lecture_of(sent)), await _sent(request))
    return Response(content, media_type="application/zip")


async def _picture(request: Request) -> Response:
    """The file that links name so: a picture, strokes, weights; a lecture takes it along."""
    name = request.path_params["name"]
    path = _service(request).upload_of(name) if is_own_name(name) else None
    if path is None:
        return JSONResponse({"error": texts.OWN_GONE.format(name=shortened(name))}, status_code=404)
    if (size := Path(path).stat().st_size) > most_of(name):
        told = texts.OWN_LARGE.format(name=shortened(name), size=size / 2**20, most=most_of(name) / 2**20)
        return JSONResponse({"error": told}, status_code=413)
    content = await run_in_threadpool(Path(path).read_bytes)
    headers = {"X-Ending": Path(path).suffix.lstrip(".").lower(), "Content-Disposition": "attachment"}
    return Response(content, media_type="application/octet-stream", headers=headers)


async def _keep(request: Request) -> Response:
    """Keep a file of a lecture under the name that its links have for it."""
    name, ending = request.path_params["name"], request.query_params.get("ending", "")
    content = await _body(request)
    fits = is_own_name(name) and ENDING.fullmatch(ending) and len(content) <= most_of(name)
    if not fits or not await run_in_threadpool(is_named, content, name):
        raise InputError("This file is not the one that the link names.")
    await run_in_threadpool(_service(request).keep_own, name, ending, content)
    return JSONResponse({})


def _votes(request: Request) -> Votes:
    votes: Votes | None = _service(request).votes
    if votes is None:
        raise InputError("This server takes no votes; start it with --votes.")
    return votes


async def _ask(request: Request) -> Response:
    """A question to the hall, and the QR code of the address where it is answered."""
    sent, votes = await _sent(request), _votes(request)
    choices, ask = sent.get("choices"), str(sent.get("ask", ""))
    if not isinstance(choices, list):
        raise InputError("A vote takes choices, a list of texts.")
    told = votes.ask(
        shown(ask), [shown(str(c)) for c in choices], room=str(sent.get("room", "")), key=str(sent.get("key", ""))
    )
    address = f"{base_of(sent.get('base'), str(request.base_url))}vote/{told['room']}"
    return JSONResponse({**told, "address": address, "code": code_of(address)})


async def _room(request: Request) -> Response:
    _votes(request)
    return HTMLResponse(student_page())


async def _state(request: Request) -> Response:
    return JSONResponse(_votes(request).state(request.path_params["room"]))


async def _vote(request: Request) -> Response:
    sent = await _sent(request)
    _votes(request).vote(request.path_params["room"], sent)
    return JSONResponse({})


async def _counts(request: Request) -> Response:
    sent = await _sent(request)
    return JSONResponse({"counts": _votes(request).counts(request.path_params["room"], str(sent.get("key", "")))})
