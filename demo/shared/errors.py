"""How a failure reaches a visitor: one sentence, never a traceback."""

import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from demo.shared.texts import UNEXPECTED
from segcore.errors import SegcoreError
from segcore.stopping import Stopped

log = logging.getLogger(__name__)


@contextmanager
def told_kindly() -> Iterator[None]:
    """Turn every failure into one sentence on the page; what nobody foresaw goes to the log with an id."""
    try:
        yield
    except SegcoreError as error:
        raise gr.Error(str(error), print_exception=False) from None
    except (gr.Error, Stopped):
        raise
    except Exception as error:
        entry = uuid.uuid4().hex[:8]
        log.exception("entry %s", entry)
        raise gr.Error(UNEXPECTED.format(id=entry), print_exception=False) from error
