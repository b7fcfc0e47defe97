"""Distillation: a head on frozen features learns imperfect labels of all pictures, and then its own surest answers.

    minimize  mean_i w_i c_{y_i} −ln p_i(y_i),   p = softmax(head(x)),   c_k ∝ (share of label k)^−½

over patches i with labels y_i and confidences w_i. In round one the labels are those of a clustering; in each later round
those of the head of the round before, of which only the sure ones count. A network that is taught by many imperfect labels
errs less than they do, because their errors do not repeat and what is right does.

Reference: self-training in Deep Spectral Methods (Melas-Kyriazi and others 2022), MaskDistill (Van Gansbeke and others
2022), COMUS (Zadaianchuk and others 2023). There, a DeepLab learns on pixels for hours on several GPUs; here two layers on
the patches' features, which already know their surroundings, learn in seconds on a CPU.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segcore.collection.collection import Collection
from segcore.collection.descend import descend
from segcore.collection.system import setting
from segcore.errors import InputError
from segcore.nets.heads import PatchHead
from segcore.numerics import normalize_rows, spread
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Schema
from segcore.train.seeds import seeded, stream

Targets = Callable[[int, Tensor], tuple[Tensor, Tensor]]
"""Number of a picture, features (h, w, d) → labels (n,) int64 and confidences (n,) float32, 0 where there is no label."""

_SAMPLE = 8192  # patches on which features are standardized and labels counted
_DECAY = 1e-3  # of the weights


@dataclass(frozen=True, kw_only=True)
class DistilSettings(Schema):
    """The tunables of the head and of its self-training."""

    # fmt: off
    rounds: int = setting(
        2, "Rounds of training", lo=0, hi=5, step=1,
        info="Round one learns the labels of the clustering, each later one those of the head before; 0: no head.")
    steps: int = setting(
        200, "Steps per round", lo=1, hi=20_000, step=1,
        info="How often the head looks at some pictures in a round.")
    batch: int = setting(
        8, "Pictures per step", lo=1, hi=256, step=1,
        info="How many pictures a step looks at.")
    points: int = setting(
        512, "Patches per picture", lo=1, hi=8192, step=1,
        info="How many patches of each of them.")
    learning_rate: float = setting(
        2e-3, "Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info="Of AdamW; it falls to 0 over a round.")
    hidden: int = setting(
        64, "Hidden units", lo=0, hi=1024, step=1,
        info="Of the head's second layer; 0 makes it linear.")
    confident: float = setting(
        0.8, "Confident share", lo=0.05, hi=1.0, step=0.05,
        info="From round two on, only this share of the patches of each label teaches: those that the head is surest of.")
    # fmt: on


@dataclass(frozen=True, eq=False, slots=True)
class Distilled:
    """What the rounds left."""

    head: PatchHead
    losses: tuple[float, ...]  # of all steps of all rounds
    sure: tuple[float, ...]  # share of the sampled patches that had a label, round by round


def distil(
    collection: Collection, targets: Targets, *, n_groups: int, settings: DistilSettings, seed: int
) -> Steps[Progress, Distilled]:
    """Train a head on the labels of a clustering, and then on its own.

    Args:
        collection: the pictures.
        targets: the labels of round one.
        n_groups: K.
        settings: at least one round.
        seed: of all random numbers; on one CPU the same seed gives the same head.

    Yields:
        Progress after every step, with the loss.

    Raises:
        InputError: no patch has a label.
        NumericalError: the loss is no longer finite.

    Cost: of a step, reading `batch` pictures and O(batch · points · d · hidden). Memory does not grow with the collection.
    """
    losses: list[float] = []
    sure: list[float] = []
    head: PatchHead | None = None
    for n in range(settings.rounds):
        generator = stream(seed, n)
        taught = targets if head is None else _own_answers(head, collection, settings.confident, generator)
        mean, std, shares, labelled = _looked_over(collection, taught, n_groups, generator)
        sure.append(labelled)
        with seeded(seed):
            head = PatchHead(mean, std, settings.hidden, n_groups)
        title = "training" if settings.rounds == 1 else f"training, round {n + 1} of {settings.rounds}"
        losses += yield from _trained(head, collection, taught, label_factors(shares), settings, generator, title)
    if head is None:
        raise InputError("Distilling needs at least one round.", field="rounds")
    return Distilled(head, tuple(losses), tuple(sure))


def _own_answers(head: PatchHead, collection: Collection, share: float, generator: torch.Generator) -> Targets:
    """The answers of a head, with its probabilities as confidences; of each label only the surest share counts."""
    answers = [head.scores(collection.f(i)).flatten(0, 1).max(1) for i in _some(collection, generator)]
    confidence, labels = torch.cat([a.values for a in answers]), torch.cat([a.indices for a in answers])
    least = torch.zeros(head.n_groups)
    for label in labels.unique().tolist():
        ascending = confidence[labels == label].sort().values
        least[label] = ascending[min(len(ascending) - 1, round((1 - share) * len(ascending)))]

    def targets(_: int, f: Tensor) -> tuple[Tensor, Tensor]:
        sure, found = head.scores(f).flatten(0, 1).max(1)
        return found, torch.where(sure >= least[found], sure, 0.0)

    return targets


def _some(collection: Collection, generator: torch.Generator) -> list[int]:
    """Pictures that are looked over before a round."""
    return torch.randperm(len(collection), generator=generator)[: _SAMPLE // 16].tolist()


def _looked_over(
    collection: Collection, targets: Targets, n_groups: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Mean and spread (d,) of the features of length 1, the shares (K,) of the labels, and how many patches have one."""
    order = _some(collection, generator)
    share = max(16, _SAMPLE // len(order))
    rows, counts, n_labelled, n = [], torch.zeros(n_groups, dtype=torch.float64), 0, 0
    for i in order:
        stop_if_asked()
        f = collection.f(i)
        labels, weight = targets(i, f)
        X = normalize_rows(f.flatten(0, 1))
        rows.append(X[torch.randperm(len(X), generator=generator)[:share]])
        counts += torch.bincount(labels, weight.double(), minlength=n_groups)
        n_labelled, n = n_labelled + int((weight > 0).sum()), n + len(X)
    if float(counts.sum()) == 0:
        raise InputError(
            "No patch of the pictures has a label that is sure enough to learn from. Give more pictures.", field="images"
        )
    X = torch.cat(rows)
    return X.mean(0), spread(X.std(0, correction=0)), (counts / counts.sum()).float(), n_labelled / n


def label_factors(shares: Tensor) -> Tensor:
    """(K,) factors of the losses of labels with these shares: share^−½, scaled to 1 on average over the patches."""
    factors = shares.clamp_min(1e-3).rsqrt()
    return factors / (factors * shares).sum()


def _trained(
    head: PatchHead,
    collection: Collection,
    targets: Targets,
    factors: Tensor,
    settings: DistilSettings,
    generator: torch.Generator,
    title: str,
) -> Steps[Progress, tuple[float, ...]]:
    """Train one round; returns its losses."""

    def ask(_step: int) -> tuple[Tensor, dict[str, float]]:
        X, labels, weight = _drawn(collection, targets, settings, generator)
        each = nn.functional.cross_entropy(head(X), labels, weight=factors, reduction="none")
        return (weight * each).sum() / weight.sum().clamp_min(1e-6), {}

    optimizer = torch.optim.AdamW(head.parameters(), lr=settings.learning_rate, weight_decay=_DECAY)
    curves = yield from descend(optimizer, ask, steps=settings.steps, stage="distil", title=title)
    return curves["loss"]


def _drawn(
    collection: Collection, targets: Targets, settings: DistilSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Patches of a few pictures, with their labels and confidences."""
    numbers = torch.randint(len(collection), (settings.batch,), generator=generator).tolist()
    parts = []
    for i in numbers:
        f = collection.f(i)
        labels, weight = targets(i, f)
        chosen = torch.randint(len(labels), (settings.points,), generator=generator)
        parts.append((f.flatten(0, 1)[chosen], labels[chosen], weight[chosen]))
    X, labels, weight = (torch.cat(part) for part in zip(*parts, strict=True))
    return X, labels, weight
