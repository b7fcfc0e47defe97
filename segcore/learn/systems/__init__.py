"""The registry: a system is a file, and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from segcore.checks import check_choice
from segcore.learn.systems.ac import AC
from segcore.learn.systems.iic import IIC
from segcore.learn.systems.infoseg import INFOSEG
from segcore.learn.systems.mdc import MDC
from segcore.learn.systems.picie import PICIE
from segcore.learn.systems.stego import STEGO
from segcore.learn.types import System

_ALL = (IIC, AC, INFOSEG, PICIE, MDC, STEGO)

SYSTEMS: Mapping[str, System] = MappingProxyType({system.name: system for system in _ALL})


def system_of(name: str) -> System:
    """The system of this name.

    Raises:
        InputError: there is none.
    """
    check_choice("system", name, tuple(SYSTEMS))
    return SYSTEMS[name]
