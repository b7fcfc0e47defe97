"""How a failure reaches a visitor: one sentence, never a traceback."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from demo.shared.texts import UNEXPECTED
from segcore.errors import SegcoreError
from segcore.runtime.stopping import Stopped

log = logging.getLogger(__name__)


@contextmanager
def told_kindly() -> Iterator[None]:
    """Turn every failure into one sentence on the page; what nobody foresaw goes to the log with an id."""
    try:
        yield
    except (gr.Error, Stopped):
        raise
    except SegcoreError as error:
        raise gr.Error(sentence_of(error), print_exception=False) from None
    except Exception as error:
        raise gr.Error(sentence_of(error), print_exception=False) from error


def sentence_of(error: Exception) -> str:
    """What a visitor reads of an error; what nobody foresaw goes to the log with an id."""
    if isinstance(error, SegcoreError):
        return str(error)
    entry = uuid.uuid4().hex[:8]
    log.error("entry %s", entry, exc_info=error)
    return UNEXPECTED.format(id=entry)
