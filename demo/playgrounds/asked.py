"""What the browser asks for: a playground in a state, and the picture that it works on; as a link."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from demo.playgrounds import fields, texts
from demo.playgrounds.playground import Playground
from demo.shared.link import CARRIED, named_settings
from demo.shared.service import Service
from segcore.errors import InputError, SegcoreError
from segcore.settings import Settings

NAME = "play"  # of the playground in an address


def question_of(question: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """The address and the state of a question.

    Raises:
        InputError: it is no question.
    """
    if not isinstance(question, dict):
        raise InputError(texts.NO_QUESTION)
    query, given = question.get("query") or {}, question.get("given") or {}
    if not isinstance(query, dict) or not isinstance(given, dict):
        raise InputError(texts.NO_QUESTION)
    return {str(k): str(v) for k, v in query.items()}, given


def link_of(playground: Playground, state: fields.State, query: Mapping[str, str]) -> str:
    """The address of a playground in a state, with what is carried from page to page."""
    carried = {name: query[name] for name in CARRIED if name in query}
    return "?" + urlencode({**carried, NAME: playground.key, **fields.write(playground.fields, state)}, safe="*")


def path_of(service: Service, query: Mapping[str, str]) -> str:
    """The file of the picture that an address names; the first example where it names none that is here."""
    first = next(iter(service.examples.values()))
    upload = service.upload_of(query["picture"]) if "picture" in query else None
    return upload or str(service.examples.get(query.get("example", ""), first).path)


def settings_of_link(query: Mapping[str, str], *, fallback: Settings) -> Settings:
    """Those of an address, as `read_link` reads them; it has told what cannot be."""
    values = named_settings(query)
    try:
        return Settings.from_values(values) if values else fallback
    except SegcoreError:
        return fallback
