"""DINOSAUR on a collection: slots taught by the features on the disk, and clusters of what they hold as groups."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from segcore.collection.collection import Collection
from segcore.collection.descend import Curves, descend
from segcore.collection.label import label_all, scores_by
from segcore.collection.system import CollectionSystem, Grouping, GroupSteps, setting
from segcore.learn.catalog import CATALOG
from segcore.learn.fields import drawn_alike, standardize
from segcore.learn.settings import SlotSettings
from segcore.learn.slots import WARM, described, slot_classes, slot_loss
from segcore.nets.slots import SlotHead
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.train.learner import rate_at
from segcore.train.seeds import seeded, stream

_ROWS = 8192  # of features that are standardized by
_CLUSTERED = 200  # pictures whose slots are clustered
_CLIP = 1.0


@dataclass(frozen=True, kw_only=True)
class DinosaurCollectionSettings(SlotSettings):
    """The tunables of DINOSAUR on a collection."""

    # fmt: off
    steps: int = setting(
        300, "Steps", lo=1, hi=100_000, step=1,
        info="How often the slots look at some pictures; 500,000 are published for data sets of 100,000.")
    batch: int = setting(
        8, "Pictures per step", "More make a step slower.", lo=1, hi=256, step=1)
    learning_rate: float = setting(
        1e-3, "Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info="Of Adam; it rises over the first steps, then falls to 0 along a cosine.")
    # fmt: on


def run_dinosaur(collection: Collection, *, n_groups: int, seed: int, settings: DinosaurCollectionSettings) -> GroupSteps:
    """Train slots on pictures of the collection, cluster what the slots of its pictures hold, and label all."""
    s = settings
    sample = collection.sample(_ROWS, seed=seed)
    with seeded(seed):
        head = SlotHead(sample.X.shape[1], size=s.slot_size, decoder=s.decoder, near=s.near)
    standardize(head, sample.X)
    curves = yield from _trained(head, collection, s, seed)
    generator = torch.Generator().manual_seed(seed)
    rows = []
    for i in torch.randperm(len(collection), generator=generator)[:_CLUSTERED].tolist():
        stop_if_asked()
        f = collection.f(i)
        rows.append(described(head, f, head.shared(f, s.slots, s.looks).masks))
        yield Progress("clusters", len(rows), min(len(collection), _CLUSTERED))
    centers = slot_classes(rows, n_groups, generator)

    def scores(f: Tensor) -> Tensor:
        with torch.no_grad():
            return head.classes(f, head.shared(f, s.slots, s.looks).masks, centers)

    labels = yield from label_all(collection, scores)
    per_picture = sum(map(len, rows)) / len(rows)
    n_slots = sum(map(len, rows))
    few = (f"{n_slots} slots hold something, fewer than {n_groups} groups, so some stay empty. Raise slots.",)
    return Grouping(
        "dinosaur",
        n_groups,
        labels,
        scores_by(scores),
        curves=curves,
        facts={"steps": s.steps, "slots in use per picture": round(per_picture, 2)},
        tensors={"centers": centers, **{f"head.{name}": x for name, x in head.state_dict().items()}},
        notes=few if n_slots < n_groups else (),
    )


def _trained(
    head: SlotHead, collection: Collection, settings: DinosaurCollectionSettings, seed: int
) -> Steps[Progress, Curves]:
    """Train; returns the loss and the slots in use, step by step."""
    sizes = [(g.h, g.w) for g in collection.geometries]

    def ask(step: int) -> tuple[Tensor, dict[str, float]]:
        generator = stream(seed, step)
        chosen = drawn_alike(sizes, settings.batch, generator)
        asked = slot_loss(head, torch.stack([collection.f(i) for i in chosen]), settings, generator)
        return asked.total, {"slots in use": asked.parts["slots in use"]}

    optimizer, rate = torch.optim.Adam(head.parameters(), lr=settings.learning_rate), partial(rate_at, warm=WARM)
    return descend(optimizer, ask, steps=settings.steps, stage="dinosaur", rate=rate, clip=_CLIP)


_CARD = CATALOG["dinosaur"]
DINOSAUR = CollectionSystem(
    name=_CARD.name,
    title=_CARD.title,
    summary=_CARD.summary,
    formula=_CARD.formula,
    source=_CARD.source,
    settings=DinosaurCollectionSettings,
    run=run_dinosaur,
    learns=True,
)
