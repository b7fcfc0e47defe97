"""The drawn collections by name, as commands and pages offer them."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

from segcore.drawn.objects import draw_objects
from segcore.drawn.stuff import STUFF, draw_stuff
from segcore.types import Pictures

OBJECTS = "objects"
_N_OBJECTS = 100

DRAWN: Mapping[str, Callable[..., Pictures]] = MappingProxyType({
    **{name: partial(draw_stuff, name) for name in STUFF},
    OBJECTS: partial(draw_objects, n=_N_OBJECTS),
})  # fmt: skip
