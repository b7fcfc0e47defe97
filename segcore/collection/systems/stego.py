"""STEGO on a collection: a head taught by correspondences of the features on the disk, and k-means of its codes."""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.descend import Curves, descend, steady
from segcore.collection.label import label_all, scores_by
from segcore.collection.system import CollectionSystem, Grouping, GroupSteps, setting
from segcore.errors import InputError
from segcore.learn.catalog import CATALOG
from segcore.learn.correspondence import (
    Bank,
    cosine_kmeans,
    draw_pairs,
    head_losses,
    measure_shifts,
    nearest_pictures,
)
from segcore.learn.settings import CorrespondenceSettings
from segcore.nets.blocks import soft_clusters
from segcore.nets.heads import CodeHead
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.train.seeds import seeded, stream

_KEPT_BYTES = 256 << 20  # of features of pictures that a step may want again


@dataclass(frozen=True, kw_only=True)
class StegoHeadSettings(CorrespondenceSettings):
    """The tunables of STEGO on a collection."""

    # fmt: off
    steps: int = setting(
        300, "Steps", lo=1, hi=100_000, step=1,
        info="How often the head looks at some pictures; 5000 of 16 are published for data sets of thousands.")
    batch: int = setting(
        16, "Pictures per step", lo=2, hi=256, step=1,
        info="Each is compared with itself, with a neighbor, and with others of the step.")
    learning_rate: float = setting(
        5e-4, "Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info="Of Adam.")
    n_sample: int = setting(
        20_000, "Patches in the sample", lo=200, hi=200_000, step=100,
        info="Codes that are clustered in the end, equally many of each picture.")
    n_init: int = setting(20, "Restarts", "Of k-means; the lowest inertia wins.", lo=1, hi=50, step=1)
    # fmt: on


def run_stego(collection: Collection, *, n_groups: int, seed: int, settings: StegoHeadSettings) -> GroupSteps:
    """Train the head on pictures of the collection, then cluster the codes of a sample of all patches, and label all."""
    bank = yield from _bank(collection, settings.neighbors)
    shifts = measure_shifts(bank, settings, torch.Generator().manual_seed(seed))
    d = bank.field(0).shape[2]
    with seeded(seed):
        head = CodeHead(d, settings.code_size)
    losses = yield from _trained(head, bank, shifts, settings, seed)
    yield Progress("clusters", 0, 0)

    def codes(f: Tensor) -> Tensor:
        with torch.no_grad():
            S: Tensor = head(f)
            return S

    sample = collection.sample(settings.n_sample, seed=seed, rows=lambda f: codes(f).flatten(0, 1))
    if n_groups > len(sample.X):
        raise InputError(
            f"{n_groups} groups need at least as many patches, and the pictures have {len(sample.X)}. Lower n_segments.",
            field="n_segments",
        )
    generator = torch.Generator().manual_seed(seed)
    centers = cosine_kmeans(sample.X, n_groups, generator=generator, n_init=settings.n_init)

    def scores(f: Tensor) -> Tensor:
        return soft_clusters(codes(f), centers)

    labels = yield from label_all(collection, scores)
    names = ("b_self", "b_nn", "b_rand")
    return Grouping(
        "stego",
        n_groups,
        labels,
        scores_by(scores),
        scores_by(codes),
        curves=losses,
        facts={"steps": settings.steps, **dict(zip(names, (round(float(b), 3) for b in shifts), strict=True))},
        tensors={"centers": centers, **{f"head.{name}": x for name, x in head.state_dict().items()}},
        notes=tuple(filter(None, (sample.note,))),
    )


def _bank(collection: Collection, n_neighbors: int) -> Steps[Progress, Bank]:
    """The features on the disk as the training reads them; those read last stay in memory, up to a bound."""
    means = []
    for i in range(len(collection)):
        stop_if_asked()
        means.append(collection.f(i).mean((0, 1)))
        yield Progress("neighbors", i + 1, len(collection))
    if len(means) < 2:
        raise InputError("STEGO compares pictures with others, and there is only one. Give at least two.", field="images")
    largest = max(collection.geometry(i).n for i in range(len(collection))) * means[0].shape[0] * 4
    field = lru_cache(maxsize=max(1, _KEPT_BYTES // largest))(collection.f)
    return Bank(field, nearest_pictures(torch.stack(means), n_neighbors), torch.device("cpu"))


def _trained(head: CodeHead, bank: Bank, shifts: Tensor, settings: StegoHeadSettings, seed: int) -> Steps[Progress, Curves]:
    """Train; returns the loss and its parts, step by step."""

    def ask(step: int) -> tuple[Tensor, dict[str, float]]:
        generator = stream(seed, step)
        pairs = draw_pairs(bank, settings, settings.batch, generator)
        total, parts, _ = head_losses(head, pairs, shifts, settings, generator)
        return total, parts

    optimizer = torch.optim.Adam(head.parameters(), lr=settings.learning_rate)
    return descend(optimizer, ask, steps=settings.steps, stage="stego", rate=steady)


_CARD = CATALOG["stego"]
STEGO = CollectionSystem(
    name=_CARD.name,
    title=_CARD.title,
    summary=_CARD.summary,
    formula=_CARD.formula,
    source=_CARD.source,
    settings=StegoHeadSettings,
    run=run_stego,
    learns=True,
    reads={"facet": "token"},
)
