"""Co-segmentation: the patches of all pictures clustered together, and what the backbone attends to told from the rest.

More clusters than groups are made first. A cluster is an object's if, in most of the pictures that show it, the class token
attends to it more than to the picture at large. Clusters are then joined, by Ward's rule, until K groups are left; one of an
object and one of the rest never are. A CRF along the edges of each picture is the last step.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.cluster.kmeans import kmeans
from segcore.collection.choose import ChoiceSettings, choose_k
from segcore.collection.collection import Collection
from segcore.collection.label import Scorer, label_all, scores_by
from segcore.collection.rows import PatchRows, RowSettings, means_of, rows_of
from segcore.collection.system import CollectionSystem, Grouping, GroupSteps, setting
from segcore.errors import InputError
from segcore.numerics import normalize_rows
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.types import FeatureGrid

_LEAST_SHARE = 0.005  # of a picture's patches: a cluster with fewer has no vote there, and a piece with fewer is no object
_CLEAR = 0.95  # agreement on what is an object, from which on there is one background
_LEAST_CORE = 9  # patches
_OBJECT_SIDE = 96  # px, to which the longer side of an object is scaled
_MEAN_LEVEL, _CONTRAST_LEVELS, _FLAT_LEVELS = 128.0, 50.0, 12.0  # of objects in gray, 8 bit
_RESTARTS = 20  # for objects, which are few


@dataclass(frozen=True, kw_only=True)
class CosegmentSettings(RowSettings, ChoiceSettings):
    """The tunables of co-segmentation."""

    # fmt: off
    n_init: int = setting(10, "Restarts", "Runs from different starts; the lowest inertia wins.", lo=1, hi=50, step=1)
    over: int = setting(
        4, "Clusters per group", lo=1, hi=10, step=1,
        info="So many times more clusters than groups are made first, vote, and are joined.")
    votes: float = setting(
        0.75, "Share of votes", lo=0.05, hi=1.0, step=0.05,
        info="A cluster is an object's if at least this share of the pictures that show it say so.")
    background: str = setting(
        "auto", "Background", choices=("auto", "one", "several"),
        info="one: what is no object is group 0, and whole objects are grouped; several: it makes groups like all else; "
             "auto: one where the pictures agree on what is an object.")
    gray: bool = setting(
        True, "Objects in gray",
        info="Objects are compared without their colors, as one kind of object comes in many.")
    # fmt: on


def run_cosegment(collection: Collection, *, n_groups: int | None, seed: int, settings: CosegmentSettings) -> GroupSteps:
    """Cluster, vote, join.

    Reference: Amir, Gandelsman, Bagon and Dekel, Deep ViT features as dense visual descriptors, 2021: elbow 0.975, votes 75
    %.
    """
    yield Progress("sample", 0, 0)
    rows = rows_of(collection, settings, seed=seed)
    yield Progress("clusters", 0, 0)
    chosen = yield from choose_k(rows.points, n_groups, settings, seed=seed)
    n_clusters = min(settings.over * chosen.k, len(rows.points) // 4)
    generator = torch.Generator().manual_seed(seed)
    found = kmeans(rows.points, n_clusters=max(chosen.k, n_clusters), n_init=settings.n_init, generator=generator)
    votes, agreement = yield from count_votes(collection, rows, found.labels)
    is_object = votes >= settings.votes
    facts: dict[str, float | int | str] = {
        "clusters": len(votes),
        "object clusters": int(is_object.sum()),
        "agreement": round(agreement, 3),
        "patches": len(rows.points),
    }
    notes = (*rows.notes, *found.notes, *chosen.notes)
    fine = rows.scorer(found.labels, len(votes))
    one = settings.background == "one" or (settings.background == "auto" and agreement >= _CLEAR)
    objects: tuple[list[Tensor], list[Tensor]] = ([], [])
    if one and bool(is_object.any()) and chosen.k > 1:
        objects = yield from find_objects(collection, fine, is_object, gray=settings.gray)
    if len(objects[1]) >= chosen.k - 1 > 0 or (settings.background == "one" and chosen.k > 1):
        labels = yield from group_objects(collection, objects, chosen.k - 1, seed=seed)
        facts["objects"] = len(objects[1])
        k = 1 + max(int(part.max()) for part in labels)
        return Grouping("cosegment", k, labels, background=0, facts=facts, choice=chosen.scores, notes=notes)
    joined = join(rows.points, found.labels, is_object, chosen.k)
    k = int(joined.max()) + 1
    member = torch.nn.functional.one_hot(joined, k).float()
    labels = yield from label_all(collection, scorer := lambda f: fine(f) @ member)
    facts["object groups"] = ", ".join(map(str, sorted(set(joined[is_object].tolist())))) or "none"
    centers = means_of(rows.sample.X, joined[found.labels], k)
    return Grouping(
        "cosegment",
        k,
        labels,
        scores_by(scorer),
        facts=facts,
        choice=chosen.scores,
        tensors={"centers": centers},
        notes=notes,
    )


def find_objects(
    collection: Collection, fine: Scorer, is_object: Tensor, *, gray: bool
) -> Steps[Progress, tuple[list[Tensor], list[Tensor]]]:
    """Cut out the objects: connected pieces of patches whose clusters are no background.

    Returns:
        Per picture (h, w) int64, 0 for the background and 1, 2, … for its objects; and a vector per object, in that order.
    """
    pieces, described = [], []
    for i in range(len(collection)):
        stop_if_asked()
        mask = is_object[fine(collection.f(i)).argmax(2)].numpy()
        numbers, n = scipy.ndimage.label(scipy.ndimage.binary_opening(mask))
        areas = np.bincount(numbers.ravel(), minlength=n + 1)[1:]
        large = 1 + np.flatnonzero(areas >= max(4, _LEAST_SHARE * mask.size))
        if len(large):
            grid = collection.grid(i)
            described += [_describe(collection, grid, numbers == piece, gray=gray) for piece in large]
        renumbered = np.zeros(n + 1, np.int64)
        renumbered[large] = np.arange(1, len(large) + 1)
        pieces.append(torch.from_numpy(renumbered[numbers]))
        yield Progress("objects", i + 1, len(collection))
    return pieces, described


def _describe(collection: Collection, grid: FeatureGrid, inside: NDArray[np.bool_], *, gray: bool) -> Tensor:
    """(2 d,) mean and spread of the unit features of an object that is cut out, scaled, and laid on its own mean color."""
    patch = grid.geometry.patch
    core = scipy.ndimage.binary_erosion(inside)  # patches at its border show the background too
    inside = core if core.sum() >= _LEAST_CORE else inside
    y, x = np.nonzero(inside)
    box = slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1)
    mask = torch.from_numpy(inside[box]).repeat_interleave(patch, 0).repeat_interleave(patch, 1)
    top, left = int(y.min()) * patch, int(x.min()) * patch
    crop = grid.pixels[top : top + mask.shape[0], left : left + mask.shape[1]].cpu().float()
    if gray:  # of the same mean and contrast, whatever the colors
        light = crop.mean(2)
        of_object = light[mask]
        light = _MEAN_LEVEL + _CONTRAST_LEVELS * (light - of_object.mean()) / of_object.std().clamp_min(_FLAT_LEVELS)
        crop = light[..., None].expand_as(crop).clone()
    crop[~mask] = crop[mask].mean(0)
    seen = collection.reader.having(max_side=_OBJECT_SIDE).read(crop.clamp(0, 255).to(torch.uint8))
    X = normalize_rows(seen.X)
    return torch.cat([X.mean(0), X.std(0)]).cpu()


def group_objects(
    collection: Collection, objects: tuple[list[Tensor], list[Tensor]], n_groups: int, *, seed: int
) -> Steps[Progress, tuple[Tensor, ...]]:
    """Cluster whole objects; per picture (h, w) uint8, 0 for the background.

    Raises:
        InputError: there are fewer objects than groups.
    """
    pieces, described = objects
    if len(described) < n_groups:
        raise InputError(
            f"{n_groups} groups of objects beside the background need at least as many objects; {len(described)} were "
            "found. Lower n_segments.",
            field="n_segments",
        )
    D = torch.stack(described)
    generator = torch.Generator().manual_seed(seed)
    found = kmeans(normalize_rows(D - D.mean(0)), n_clusters=n_groups, n_init=_RESTARTS, generator=generator)
    labels, at = [], 0
    for i, numbers in enumerate(pieces):
        n = int(numbers.max())
        group = torch.cat([torch.zeros(1, dtype=torch.int64), found.labels[at : at + n].cpu() + 1])
        labels.append(group[numbers].to(torch.uint8))
        at += n
        yield Progress("labels", i + 1, len(collection), labels={i: labels[-1]})
    return tuple(labels)


def count_votes(collection: Collection, rows: PatchRows, labels: Tensor) -> Steps[Progress, tuple[Tensor, float]]:
    """Share (k,) of the pictures with a cluster that say it is an object's, and how far they agree, in [0, 1].

    A picture says so if the class token pays the patches of the cluster more attention, all heads together, than the mean
    patch. Agreement is the mean over the patches of |2 · share − 1|. Without a class token all shares are 0.
    """
    k = int(labels.max()) + 1
    yes, seen = torch.zeros(2, k)
    for i in range(len(collection)):
        stop_if_asked()
        mine = rows.sample.picture == i
        attention = collection.features(i).attention
        if attention is None or not bool(mine.any()):
            continue
        saliency = attention.mean(0).flatten()
        of_patch = saliency[rows.sample.cell[mine]]
        count = torch.bincount(labels[mine], minlength=k).float()
        mean = torch.zeros(k).index_add_(0, labels[mine], of_patch) / count.clamp_min(1)
        counts = count >= max(1.0, _LEAST_SHARE * float(mine.sum()))
        seen += counts
        yes += counts & (mean > saliency.mean())
        yield Progress("votes", i + 1, len(collection))
    votes = yes / seen.clamp_min(1)
    size = torch.bincount(labels, minlength=k).float()
    agreement = float((size * (2 * votes - 1).abs()).sum() / size.sum()) if bool(seen.any()) else 0.0
    return votes, agreement


def join(X: Tensor, labels: Tensor, is_object: Tensor, n_groups: int) -> Tensor:
    """(k,) the group of each cluster, 0 … K − 1: the pair whose union raises the inertia least is joined, again and again.

    Clusters of objects and others are never joined, so there are at least two groups where both occur. Reference: Ward 1963.
    """
    k = len(is_object)
    size = torch.bincount(labels, minlength=k).double()
    center = means_of(X, labels, k).double()
    group = torch.arange(k)
    alive = torch.ones(k, dtype=torch.bool)

    def merge(a: int, b: int) -> None:
        total = size[a] + size[b]
        center[a] = (size[a] * center[a] + size[b] * center[b]) / total.clamp_min(1)
        size[a] = total
        alive[b] = False
        group[group == b] = a

    while int(alive.sum()) > n_groups:
        cost = torch.cdist(center, center).square() * (size[:, None] * size / (size[:, None] + size).clamp_min(1))
        cost[~(alive[:, None] & alive) | (is_object[:, None] != is_object)] = torch.inf
        cost.fill_diagonal_(torch.inf)
        at = int(cost.argmin())
        if not bool(cost.flatten()[at].isfinite()):
            break
        merge(*sorted((at // k, at % k)))
    number = alive.cumsum(0) - 1
    return number[group]


COSEGMENT = CollectionSystem(
    name="cosegment",
    title="Co-segmentation",
    summary="Clusters of the patches of all pictures, joined to K groups; attention tells objects from what is behind them.",
    formula=r"\Delta J_{ab} = \frac{n_a n_b}{n_a + n_b} \lVert c_a - c_b \rVert^2",
    source="Amir et al. 2021",
    settings=CosegmentSettings,
    run=run_cosegment,
    chooses_k=True,
)
