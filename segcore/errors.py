"""The three ways in which a computation can fail, each a sentence for the person who can act.

Every message says what is wrong, the rule, what was given, and what to do. Each class also is the builtin exception that a
caller would expect, so `except ValueError` keeps working.
"""

from typing import Any

_LONGEST = 200  # characters of what somebody gave that a message repeats


def shortened(given: str) -> str:
    """What somebody gave, cut short for a message where it is long."""
    return given if len(given) <= _LONGEST else given[: _LONGEST - 1] + "…"


class SegcoreError(Exception):
    """Base of all errors whose message is meant to be shown to a user."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it with its attributes, which the constructor of an exception would ask for again."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[SegcoreError], args: tuple[Any, ...], attributes: dict[str, Any]) -> SegcoreError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class InputError(SegcoreError, ValueError):
    """A picture, a setting or a tensor breaks a rule; the person who passed it can mend it.

    Attributes:
        field: name of the setting or argument at fault, or None for the picture.
    """

    def __init__(self, message: str, *, field: str | None = None):
        super().__init__(message)
        self.field = field


class ModelError(SegcoreError, RuntimeError):
    """Weights are missing, damaged, refused, or of another shape than the backbone.

    Attributes:
        backbone: name of the backbone that could not be loaded.
    """

    def __init__(self, message: str, *, backbone: str):
        super().__init__(message)
        self.backbone = backbone


class NumericalError(SegcoreError, ArithmeticError):
    """A stage met values that it cannot compute with, or did not converge at all.

    Attributes:
        stage: name of the stage.
    """

    def __init__(self, message: str, *, stage: str):
        super().__init__(message)
        self.stage = stage
