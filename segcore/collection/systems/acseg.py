"""ACSeg: concepts that adapt to each picture, as many as modularity is best served with.

k learned concepts look at the patches of a picture and end as k vectors c; patch i belongs to c with s_ic = softmax_c
cos(z_i, c) / T, and those that no patch likes best vanish. What is made large is the modularity of the graph of the patches,

    1/2m Σ_ij (A_ij − γ k_i k_j / 2m) max_c s_ic s_jc,   A_ij = max(0, cos(x_i, x_j)),

in which no number of concepts stands. The parts that the concepts make of each picture are described and clustered over the
collection, as the pieces of the other systems are.

What differs from the paper, of which there is no code by its authors: s is max(0, cos) there, by which a patch may belong to
several concepts at once, and what patches like best has less modularity in the end (T = 0 does so); patches are read through
a linear map to fewer numbers and standardized first; each picture's mean feature is taken off before the cosines, without
which all patches of the bundled backbone are alike; a patch is not beside itself; there are some hundred steps on the
pictures that are grouped, with a part of their patches in each.

Reference: Li and others, ACSeg: adaptive conceptualization for unsupervised semantic segmentation, CVPR 2023.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from segcore.cluster.kmeans import kmeans
from segcore.cluster.spectral import spectral_clustering
from segcore.collection.collection import Collection
from segcore.collection.descend import Curves, descend
from segcore.collection.label import label_by
from segcore.collection.pieces import (
    ClusterSettings,
    by_patches,
    check_pieces,
    cluster_kmeans,
    gathered,
)
from segcore.collection.system import Bars, CollectionSystem, Grouping, GroupSteps, setting
from segcore.graph.eigen import smallest_eigenpairs
from segcore.graph.modularity import excess, louvain, modularity, positive_cosines, soft_modularity
from segcore.nets.concepts import ConceptNet
from segcore.numerics import normalize_rows, otsu, spread
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.train.seeds import seeded, stream

_SAMPLE = 8192  # patches on which features are standardized
_DECAY = 0.01  # of the weights, as published
_BESIDE, _NODES = 6, 256  # pictures and patches of each, on which others cut the same graph
_SHARP = 0.1  # temperature of scores where the training has none
_KINDS = ("k-means", "spectral")
_KS = (2, 3, 4, 5, 6, 8)  # clusters that k-means and spectral clustering are asked for


@dataclass(frozen=True, kw_only=True)
class AcsegSettings(ClusterSettings):
    """The tunables of ACSeg."""

    # fmt: off
    concepts: int = setting(
        5, "Concepts", lo=1, hi=60, step=1,
        info="How many a picture may have at most; those that no patch likes best vanish. 5 are published.")
    resolution: float = setting(
        1.0, "Resolution γ", lo=0.0, hi=8.0, step=0.1,
        info="Factor of k kᵀ / 2m. Large ones leave more concepts; with 0 each edge inside one is a gain: all in one.")
    center: bool = setting(
        True, "Spatial centering",
        info="Subtract each picture's mean feature before the cosines, so that only what is alike is joined by an edge.")
    temperature: float = setting(
        0.1, "Temperature", lo=0.0, hi=1.0, step=0.05,
        info="Patches belong to concepts by the softmax of their cosines, divided by this; 0: by max(0, cos), as published.")
    updates: int = setting(
        3, "Updates", lo=1, hi=12, step=1,
        info="How often the concepts look at the picture; 6 are published.")
    width: int = setting(
        64, "Numbers of a concept", lo=8, hi=512, step=8,
        info="Patches are brought to as many by a linear map.")
    steps: int = setting(
        300, "Steps", lo=1, hi=100_000, step=1,
        info="How often the network looks at some pictures; 2,500 of 32 are published.")
    batch: int = setting(
        8, "Pictures per step", lo=1, hi=256, step=1,
        info="How many pictures a step looks at.")
    points: int = setting(
        256, "Patches per picture", lo=2, hi=2048, step=1,
        info="How many patches of each are the graph; its edges are their square.")
    learning_rate: float = setting(
        1e-3, "Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info="Of AdamW; it falls to 0.")
    # fmt: on


@dataclass(frozen=True, eq=False, slots=True)
class _Parts:
    """The parts that the concepts make of a picture."""

    S: Tensor  # (h, w, m) cosines with the concepts that some patch likes best
    figure: Tensor  # (m,) bool: is no background

    @property
    def pieces(self) -> Tensor:
        """(h, w) int64: 1, 2, … of the parts that are no background, which is 0."""
        return (self.figure * self.figure.cumsum(0))[self.S.argmax(2)]


def run_acseg(collection: Collection, *, n_groups: int, seed: int, settings: AcsegSettings) -> GroupSteps:
    """Train the concepts on the collection, part every picture by them, and group the parts over all pictures."""
    net, curves = yield from _trained(collection, settings, seed)
    beside, notes = yield from _beside(net, collection, seed, center=settings.center)
    own, used = settings.background == "own", list[int]()

    def cut(i: int) -> Tensor:
        parts = _parts(net, collection, i, own=own)
        used.append(len(parts.figure))
        return parts.pieces

    with gathered(collection, cut, by_patches(collection), stage="concepts") as steps:
        pieces = yield from steps
        check_pieces(pieces, n_groups - own, what="concept")
        found = cluster_kmeans(pieces, n_groups - own, settings, seed=seed)

    def scores(pictures: Collection, i: int) -> Tensor:
        """The shares of a picture's concepts, added up over those of each group."""
        parts = _parts(net, pictures, i, own=own)
        group = torch.zeros(len(parts.figure), dtype=torch.int64)
        if found.assign is not None and bool(parts.figure.any()):
            group[parts.figure] = found.assign(by_patches(pictures)(i, parts.pieces)) + own
        own_shares = torch.softmax(parts.S / (settings.temperature or _SHARP), 2)
        return own_shares @ torch.nn.functional.one_hot(group, n_groups).float()

    labels = yield from label_by(collection, scores)
    counts = torch.tensor(used).bincount(minlength=settings.concepts + 1).tolist()
    shares = {str(n): count / len(used) for n, count in enumerate(counts) if n}
    return Grouping(
        "acseg",
        n_groups,
        labels,
        scores,
        background=0 if own else None,
        curves=curves,
        facts={"concepts": round(sum(used) / len(used), 2), **{f"modularity, {name}": q for name, q in beside.items()}},
        bars=(
            Bars("Modularity on the same graphs; nobody told the concepts, or Louvain, how many.", beside),
            Bars("Pictures by the number of concepts that are left in them.", shares),
        ),
        tensors={"centers": found.centers, **{f"net.{name}": x for name, x in net.state_dict().items()}},
        notes=(*notes, *found.notes),
    )


def _shares(cosines: Tensor, temperature: float) -> Tensor:
    """(…, k) ≥ 0: how much a patch belongs to each concept."""
    return torch.softmax(cosines / temperature, -1) if temperature else cosines.clamp_min(0)


def _parts(net: ConceptNet, collection: Collection, i: int, *, own: bool) -> _Parts:
    """With `own`, the parts whose mean attention is on the lower side of two are background."""
    S = net.cosines(collection.f(i))
    S = S[..., S.argmax(2).unique()]
    figure = torch.ones(S.shape[2], dtype=torch.bool)
    if own:
        members = torch.nn.functional.one_hot(S.argmax(2).flatten(), S.shape[2]).float()
        area = members.sum(0)
        looked = members.T @ collection.attention(i).flatten() / area
        level, gap = otsu(looked.double().numpy(), area.double().numpy())
        figure = looked > level if gap > 0 else figure
    return _Parts(S, figure)


def _trained(collection: Collection, settings: AcsegSettings, seed: int) -> Steps[Progress, tuple[ConceptNet, Curves]]:
    """Train; returns loss, modularity of what patches like best, and concepts in use, step by step."""
    sample = collection.sample(_SAMPLE, seed=seed, rows=lambda f: normalize_rows(f.flatten(0, 1))).X
    with seeded(seed):
        net = ConceptNet(
            sample.mean(0),
            spread(sample.std(0, correction=0)),
            n_concepts=settings.concepts,
            width=settings.width,
            n_updates=settings.updates,
        )

    def ask(step: int) -> tuple[Tensor, dict[str, float]]:
        X, A = _drawn(collection, settings, stream(seed, step))
        S = _shares(net(X), settings.temperature)
        taken = S.detach().argmax(2)
        alike = taken[:, :, None] == taken[:, None]
        shown = {
            "modularity": float((excess(A) * alike).sum((1, 2)).mean()),
            "concepts": sum(len(part.unique()) for part in taken) / len(taken),
        }
        return -soft_modularity(excess(A, resolution=settings.resolution), S).mean(), shown

    optimizer = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=_DECAY)
    curves = yield from descend(optimizer, ask, steps=settings.steps, stage="acseg")
    return net, curves


def _drawn(collection: Collection, settings: AcsegSettings, generator: Generator) -> tuple[Tensor, Tensor]:
    """Some patches of some pictures, X (b, n, d), and their graphs (b, n, n); n is as many as all of them have."""
    numbers = torch.randint(len(collection), (settings.batch,), generator=generator).tolist()
    n = min(settings.points, *(collection.geometry(i).n for i in numbers))
    X, Y = zip(*(_some(collection.f(i), n, generator, center=settings.center) for i in numbers), strict=True)
    return torch.stack(X), positive_cosines(torch.stack(Y))


def _some(f: Tensor, n: int, generator: Generator, *, center: bool) -> tuple[Tensor, Tensor]:
    """(n, d) features of some patches of a picture, and the same of length 1, perhaps less the mean of the picture."""
    X = f.flatten(0, 1)
    unit = normalize_rows(X)
    rows = torch.randperm(len(X), generator=generator)[:n]
    return X[rows], (unit - unit.mean(0) if center else unit)[rows]


def _beside(
    net: ConceptNet, collection: Collection, seed: int, *, center: bool
) -> Steps[Progress, tuple[dict[str, float], tuple[str, ...]]]:
    """The mean modularity of concepts, k-means, spectral clustering and Louvain on the same graphs of some pictures."""
    chosen = torch.randperm(len(collection), generator=stream(seed, 0))[:_BESIDE].tolist()
    found: dict[str, list[float]] = {}
    for done, i in enumerate(chosen, 1):
        stop_if_asked()
        X, Y = _some(collection.f(i), _NODES, stream(seed, i), center=center)
        A = positive_cosines(Y)
        with torch.no_grad():
            divisions = {"concepts": net(X[None])[0].argmax(1)}
        for k in (k for k in _KS if k <= len(Y)):
            how: dict[str, Any] = {"n_clusters": k, "n_init": 3, "generator": stream(seed, i)}
            divisions[f"{_KINDS[0]}, K = {k}"] = kmeans(normalize_rows(Y), **how).labels
            divisions[f"{_KINDS[1]}, K = {k}"] = spectral_clustering(smallest_eigenpairs(A, n_vectors=k), **how).labels
        divisions["Louvain"] = louvain(A, seed=seed)
        for name, labels in divisions.items():
            found.setdefault(name, []).append(modularity(A, labels))
        yield Progress("modularity of others", done, len(chosen))
    means = {name: round(sum(qs) / len(qs), 3) for name, qs in found.items() if len(qs) == len(chosen)}
    best = [
        max((n for n in means if n.startswith(kind)), key=means.__getitem__, default="") for kind in ("k-means", "spectral")
    ]
    others = [*filter(None, best), "Louvain"]
    lower = [name for name in others if means[name] < means["concepts"]]
    note = (
        f"On the same graphs, of {len(chosen)} pictures, the concepts have more modularity than {' and '.join(lower)}."
        if lower
        else f"On the same graphs, of {len(chosen)} pictures, k-means, spectral clustering and Louvain all have more "
        "modularity than the concepts."
    )
    return means, (note,)


ACSEG = CollectionSystem(
    name="acseg",
    title="ACSeg",
    summary="A few concepts adapt to each picture, as many as modularity is best served with; their parts are grouped.",
    formula=r"\max \tfrac{1}{2m} \textstyle\sum_{ij} \bigl(A_{ij} - \gamma \tfrac{k_i k_j}{2m}\bigr) \max_c s_{ic} s_{jc}",
    source="Li and others 2023",
    settings=AcsegSettings,
    run=run_acseg,
    learns=True,
    reads={"facet": "token"},
)
