"""The registry: a system is a file, and a line here."""

from collections.abc import Mapping
from types import MappingProxyType

from segcore.checks import check_choice
from segcore.collection.system import CollectionSystem
from segcore.collection.systems.acseg import ACSEG
from segcore.collection.systems.comus import COMUS
from segcore.collection.systems.cosegment import COSEGMENT
from segcore.collection.systems.deep_spectral import DEEP_SPECTRAL
from segcore.collection.systems.dinosaur import DINOSAUR
from segcore.collection.systems.joint_spectral import JOINT_SPECTRAL
from segcore.collection.systems.kmeans import KMEANS
from segcore.collection.systems.leopart import LEOPART
from segcore.collection.systems.maskdistill import MASKDISTILL
from segcore.collection.systems.stego import STEGO

_ALL = (KMEANS, COSEGMENT, JOINT_SPECTRAL, DEEP_SPECTRAL, MASKDISTILL, COMUS, STEGO, DINOSAUR, ACSEG, LEOPART)

SYSTEMS: Mapping[str, CollectionSystem] = MappingProxyType({system.name: system for system in _ALL})


def system_of(name: str) -> CollectionSystem:
    """The system of this name.

    Raises:
        InputError: there is none.
    """
    check_choice("system", name, tuple(SYSTEMS))
    return SYSTEMS[name]
