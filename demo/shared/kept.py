"""What is the same for all visitors is made once: a page's HTML, the files that browsers load with it, what its blocks say.

Gradio writes the HTML anew for each visitor (25 to 50 ms of computing for the first page), sends it as it is, and compresses
every script each time it is asked for. When a hall opens the page at once, all of them wait for that. Here the first request
makes the answer, those that come meanwhile wait for the same one, and it is kept compressed. It also asks every component of
every page for its properties when a visitor does something for the first time (60 ms, in which nobody else is answered).
"""

import asyncio
import gzip
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import brotli
import gradio as gr
from cachetools import LRUCache
from gradio.blocks import Block, BlocksConfig
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 64 << 20  # bytes that are kept
_HASHED = ("/assets/", "/scripts/", "/bundle/")  # of files whose names change with their content
# What a page's own address is made of.
_ROOT = ("host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-server", "x-gradio-server")
_OWN = ("range", "if-range", "if-none-match", "if-modified-since", "authorization")  # what makes a request one of its own
_LOGGED_IN = "access-token"  # begins the name of Gradio's cookie
_FOREVER = "public, max-age=31536000, immutable"
_COMPRESSED = ("text/", "application/javascript", "application/json", "image/svg+xml")
_LEAST = 400  # bytes below which compressing does not pay
_QUALITY = 6  # of Brotli: 11 would save a tenth more, and take the first visitor ten times as long
_COMPRESS: dict[str, Callable[[bytes], bytes]] = {"br": partial(brotli.compress, quality=_QUALITY), "gzip": gzip.compress}
Change: TypeAlias = Callable[[str, Scope], tuple[str, bool]]
_Key: TypeAlias = tuple[str, ...]  # path, encoding, and what else the answer depends on


class KeptConfig(BlocksConfig):
    """The blocks of all pages and their events; what a block says of itself at first is kept for all visits."""

    def __init__(self, root_block: gr.Blocks):
        """Nothing is in it yet."""
        super().__init__(root_block)
        self._first: dict[int, dict[str, Any]] = {}  # by id of the block

    def __copy__(self) -> "KeptConfig":
        """What a visit begins with; `_first` belongs to all of them."""
        new = KeptConfig(self.root_block)
        vars(new).update(vars(super().__copy__()), _first=self._first)  # type: ignore[no-untyped-call]
        return new

    def config_for_block(self, _id: int, rendered_ids: list[int], block: Block, *args: Any) -> dict[str, Any]:  # type: ignore[override]
        """What the browser is told of a block; a visit that changes its value changes its own `props` alone."""
        if args or rendered_ids or block is not self.root_block.blocks.get(_id):
            return super().config_for_block(_id, rendered_ids, block, *args)
        if _id not in self._first:
            self._first[_id] = super().config_for_block(_id, rendered_ids, block)
        first = self._first[_id]
        return {**first, "props": {**first["props"]}}


@dataclass(frozen=True, eq=False, slots=True)
class _Answer:
    """A whole answer, as ASGI sends it."""

    start: Message
    body: bytes
    stays: bool  # the same for whoever asks later


class Kept:
    """ASGI middleware: the answers to GET for these pages, and for files whose names change with their content, are kept.

    Answers with another status than 200 are not kept; requests with conditions or ranges, and those of somebody who has
    logged in, go through as they are.
    """

    def __init__(self, app: ASGIApp, pages: Iterable[str], change: Change | None = None):
        """Nothing is kept yet.

        Args:
            app: what answers.
            pages: their paths behind the root, without slashes at the ends.
            change: what is sent in place of the HTML of a page, for this and its scope, and whether it stays so.
        """
        self._app, self._pages, self._change = app, frozenset(pages), change
        self._kept: LRUCache[_Key, _Answer] = LRUCache(MOST, getsizeof=lambda answer: len(answer.body))
        self._making: dict[_Key, asyncio.Future[_Answer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with what is kept where that may be, and pass on everything else."""
        key = self._key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        answer = self._kept.get(key) or await self._made(key, scope)
        await send({**answer.start, "headers": list(answer.start["headers"])})  # to which others add theirs
        await send({"type": "http.response.body", "body": answer.body})

    async def _made(self, key: _Key, scope: Scope) -> _Answer:
        """An answer that is not kept yet, made once for all who wait for it."""
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.ensure_future(self._answer_of(scope, encoding=key[1]))
            making.add_done_callback(lambda _: self._making.pop(key))
        answer = await asyncio.shield(making)  # who leaves does not take it from the others
        if answer.stays and len(answer.body) <= MOST:
            self._kept[key] = answer
        return answer

    async def _answer_of(self, scope: Scope, *, encoding: str) -> _Answer:
        """The whole answer, compressed where that is accepted and pays."""
        start: Message = {}
        parts: list[bytes] = []

        async def take(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, _staying(), take)
        body = b"".join(parts)
        if start["status"] != HTTPStatus.OK:
            return _Answer(start, body, stays=False)
        headers = MutableHeaders(raw=list(start["headers"]))
        stays = True
        if scope["path"].startswith(_HASHED):
            headers["cache-control"] = _FOREVER
        elif self._change:
            text, stays = await run_in_threadpool(self._change, body.decode(), scope)
            body = text.encode()
        if (
            encoding
            and len(body) >= _LEAST
            and headers.get("content-type", "").startswith(_COMPRESSED)
            and "content-encoding" not in headers
        ):
            body = await run_in_threadpool(_COMPRESS[encoding], body)
            headers["content-encoding"] = encoding
            headers.add_vary_header("accept-encoding")
            del headers["etag"], headers["accept-ranges"]
        headers["content-length"] = str(len(body))
        return _Answer({**start, "headers": headers.raw}, body, stays)

    def _key(self, scope: Scope) -> _Key | None:
        """What an answer depends on, or None where it is not to be kept."""
        if scope["type"] != "http" or scope["method"] != "GET":
            return None
        headers, path = Headers(scope=scope), str(scope["path"])
        if any(name in headers for name in _OWN) or _LOGGED_IN in headers.get("cookie", ""):
            return None
        if path.startswith(_HASHED):
            return path, _encoding(headers)
        if path.strip("/") not in self._pages or "deep_link" in parse_qs(scope["query_string"].decode("latin-1")):
            return None
        root = (scope["scheme"], scope.get("root_path", ""), *(headers.get(name, "") for name in _ROOT))
        return path, _encoding(headers), *root


def _encoding(headers: Headers) -> str:
    accepted = headers.get("accept-encoding", "")
    return next((name for name in _COMPRESS if name in accepted), "")


def _staying() -> Receive:
    """What comes from somebody who sends no body and never leaves: an answer for all is none that the first may end."""
    coming: list[Message] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Message:
        while not coming:
            await asyncio.Event().wait()
        return coming.pop()

    return receive
