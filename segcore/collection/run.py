"""Run a system by its name, with the checks that all of them share."""

from segcore.checks import check_range
from segcore.collection.collection import Collection
from segcore.collection.system import MOST_GROUPS, CollectionSystem, GroupSteps
from segcore.collection.systems import system_of
from segcore.errors import InputError
from segcore.settings import Schema
from segcore.train.seeds import check_seed


def group(
    collection: Collection,
    system: str | CollectionSystem,
    *,
    n_groups: int | None = None,
    seed: int = 0,
    settings: Schema | None = None,
) -> GroupSteps:
    """Group the patches of a collection.

    Args:
        collection: of `collect`.
        system: a key of SYSTEMS, or what `system_of_file` made of a file.
        n_groups: K, 2 … MOST_GROUPS; None lets the data choose, where the system can.
        seed: of all random numbers.
        settings: the system's own; its defaults if None.

    Yields:
        Progress.

    Returns:
        One numbering of groups for all pictures.

    Raises:
        InputError: there is no such system, a value breaks a rule, or the collection has too little for K groups.
    """
    entry = system_of(system) if isinstance(system, str) else system
    if n_groups is None and not entry.chooses_k:
        raise InputError(f"{entry.title} does not choose K by itself. Give n_segments.", field="n_segments")
    if n_groups is not None:
        check_range("n_segments", n_groups, lo=2, hi=MOST_GROUPS)
    check_seed(seed)
    own = entry.settings() if settings is None else settings
    if type(own) is not entry.settings:
        raise InputError(f"{entry.title} takes {entry.settings.__name__}; got {type(own).__name__}.", field="settings")
    return (yield from entry.run(collection, n_groups=n_groups, seed=seed, settings=own))
