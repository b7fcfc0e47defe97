"""What comes in over HTTP: where it cannot be answered, one sentence says which parameter is at fault and why.

Gradio reads files, fetches addresses and converts values before it calls a handler, and what fails there ends in a traceback
in the log and an empty answer. The page never sends such things; other programs do.
"""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any

import gradio as gr
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from gradio.route_utils import FnIndexInferError
from gradio.utils import get_upload_folder, is_in_or_equal
from gradio_client.utils import is_file_obj, traverse

from demo.shared.kept import KeptConfig
from demo.shared.opening import Opening
from segcore.errors import shortened

log = logging.getLogger(__name__)

NOT_UPLOADED = (
    '{name} must be a file that was sent to /gradio_api/upload, as {{"path": …}} with the path that came back; got {given}.'
)
WRONG_NUMBER = "{event} takes {n} values, in this order: {names}; got {given}."
WRONG_VALUES = "What was sent to {event} is not what it takes; see the page of the API for its parameters."
NO_EVENT = "There is no such endpoint or event here; see the page of the API."


class Pages(gr.Blocks):
    """`gr.Blocks` that refuses with a sentence what no handler can use, before a file is opened or an address fetched."""

    def __init__(self, *args: Any, service: Any = None, **kwargs: Any):
        """What `gr.Blocks` takes.

        Args:
            args: as `gr.Blocks` takes them.
            service: what all visitors share, for routes beside the pages.
            kwargs: as `gr.Blocks` takes them.
        """
        super().__init__(*args, **kwargs)
        self.service = service
        self.openings: dict[str, Callable[[], Opening]] = {}  # what pages open with, by their paths
        self.default_config = KeptConfig(self)

    async def preprocess_data(self, block_fn: Any, inputs: list[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """The values of an event's inputs, as its handler takes them."""
        event, names = block_fn.api_name or block_fn.name, _names(block_fn)
        if len(inputs) != len(names):
            told = WRONG_NUMBER.format(event=event, n=len(names), names=", ".join(names), given=len(inputs))
            raise gr.Error(told, print_exception=False)
        for name, component, value in zip(names, block_fn.inputs, inputs, strict=True):
            takes_file = getattr(component, "data_model", None) is not None
            several = getattr(component, "file_count", "single") != "single" and isinstance(value, list)
            for one in value if several else [value]:
                _check_files(name, one, takes_file=takes_file)
        try:
            values: list[Any] = await super().preprocess_data(block_fn, inputs, *args, **kwargs)
        except gr.Error as error:
            error.print_exception = False
            raise
        except Exception as error:
            log.warning("refused what was sent to %s: %s", event, shortened(str(error)))
            raise gr.Error(WRONG_VALUES.format(event=event), print_exception=False) from error
        return values

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """What the browser is sent of what a handler returned; what it left as it is costs nothing.

        Gradio would build a component anew for each, and the event behind the controls leaves a hundred as they are.
        """
        outputs: list[Any] = list(block_fn.outputs)
        if len(outputs) < 2 or not isinstance(predictions, tuple | list) or len(predictions) != len(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        told = [i for i, value in enumerate(predictions) if not (isinstance(value, dict) and value == gr.skip())]
        answer: list[Any] = [None if c.stateful else gr.skip() for c in outputs]
        if told:
            only = copy(block_fn)
            only.outputs = [outputs[i] for i in told]
            values = [predictions[i] for i in told]
            for i, value in zip(
                told, await super().postprocess_data(only, values if told[1:] else values[0], state), strict=True
            ):
                answer[i] = value
        return answer


def _names(block_fn: Any) -> list[str]:
    """The parameters of a handler, where each input has one of its own; else what the page calls the inputs."""
    try:
        own = list(inspect.signature(block_fn.fn).parameters)
    except ValueError:  # of a builtin, such as int
        own = []
    inputs: Sequence[Any] = block_fn.inputs
    return own if len(own) == len(inputs) else [str(c.elem_id or c.label or c.get_block_name()) for c in inputs]


def _check_files(name: str, value: Any, *, takes_file: bool) -> None:
    """Refuse every file in a value that does not lie in the folder of uploads, and what is none where one is due."""

    def check(file: Mapping[str, Any]) -> None:
        if not _was_uploaded(file["path"]):
            raise _not_uploaded(name, file["path"])

    traverse(value, check, is_file_obj)
    inline = isinstance(value, dict) and str(value.get("url", "")).startswith("data:")
    if takes_file and value is not None and not is_file_obj(value) and not inline:
        raise _not_uploaded(name, value)


def _not_uploaded(name: str, given: Any) -> gr.Error:
    return gr.Error(NOT_UPLOADED.format(name=name, given=shortened(repr(given))), print_exception=False)


def _was_uploaded(path: str) -> bool:
    try:
        return is_in_or_equal(path, get_upload_folder())
    except (OSError, ValueError):  # no file can have this name
        return False


def refusals(check_names: Callable[[Mapping[str, Any]], str | None]) -> dict[Any, Callable[..., Any]]:
    """How requests end that fail before an event begins, by the exceptions that Gradio raises.

    Args:
        check_names: says what is wrong with the parameters of the endpoint by name, or None.

    Returns:
        Handlers as FastAPI takes them.
    """

    async def wrong_names(request: Request, error: Exception) -> JSONResponse:
        told = check_names(await request.json()) if "/call/v2/" in request.url.path else None
        if told is None:
            raise error
        return JSONResponse({"detail": told}, status_code=422)

    async def no_event(request: Request, error: Exception) -> JSONResponse:
        if not any(part in request.url.path for part in ("/call/", "/run/", "/api/", "/queue/join")):
            raise error
        return JSONResponse({"detail": NO_EVENT}, status_code=404)

    async def wrong_body(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = [part for part in first["loc"] if isinstance(part, str)]
        return JSONResponse({"detail": f"{'.'.join(where)}: {first['msg']}."}, status_code=422)

    return {TypeError: wrong_names, KeyError: no_event, FnIndexInferError: no_event, RequestValidationError: wrong_body}
