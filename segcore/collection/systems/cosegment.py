"""Co-segmentation: the patches of all pictures clustered together, and what the backbone attends to told from the rest.

More clusters than groups are made first. A cluster is an object's if, in most of the pictures that show it, the class token
attends to it more than to the picture at large. Clusters are then joined, by Ward's rule, until K groups are left; one of an
object and one of the rest never are. Where the pictures agree on what is an object, and objects hardly reach the frame, all
else is one background, and whole objects are cut out and grouped, by keys whatever the collection reads: their borders are
sharper. A CRF along the edges of each picture is the last step.
"""

from dataclasses import dataclass

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from segcore.cluster.kmeans import kmeans
from segcore.collection.choose import ChoiceSettings, Chosen, choose_k
from segcore.collection.collection import Collection, Sample
from segcore.collection.label import Scorer, label_all, scores_by
from segcore.collection.rows import PatchRows, RowSettings, means_of, rows_of
from segcore.collection.system import CollectionSystem, Grouping, GroupSteps, setting
from segcore.errors import InputError
from segcore.numerics import normalize_rows
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.types import FeatureGrid

_LEAST_SHARE = 0.005  # of a picture's patches: a cluster with fewer has no vote there, and a piece with fewer is no object
# There is one background where the pictures agree so far on what is an object, and objects are at most so frequent at the
# frame, as a multiple of how frequent they are. Agreement alone is not enough: of drawn objects it is .95 to 1, of streets
# .88 to .98, as [CLS] looks at road and cars in all of them. These reach the frame (.8 to 1), those do not (.02 to .07).
_CLEAR, _AT_FRAME = 0.9, 0.5
_LEAST_CORE = 9  # patches
# To which the longer side of an object is scaled, in px and in patches, whichever is more. Of ten drawn collections (keys of
# `dino_tiny`) the mIoU is .88 at 64 px, .87 at 72, .86 at 80 and 96; of three of six it falls by .1 from there to 128.
_OBJECT_SIDE, _OBJECT_PATCHES = 64, 8
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
             "auto: one where the pictures agree on what is an object, and objects hardly reach the frame.")
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
    told = yield from tell_objects(collection, rows, chosen.k, settings, seed=seed)
    if chosen.k > 1 and (settings.background == "one" or (settings.background == "auto" and told.clear)):
        found = yield from _before_one_background(collection, told, chosen, settings, seed=seed)
        if found is not None:
            return found
    joined = join(rows.points, told.labels, told.is_object, chosen.k)
    k = int(joined.max()) + 1
    member = torch.nn.functional.one_hot(joined, k).float()
    labels = yield from label_all(collection, scorer := lambda f: told.scorer(f) @ member)
    names = ", ".join(map(str, sorted(set(joined[told.is_object].tolist())))) or "none"
    centers = means_of(rows.sample.X, joined[told.labels], k)
    return Grouping(
        "cosegment",
        k,
        labels,
        scores_by(scorer),
        facts={**told.facts, "object groups": names},
        choice=chosen.scores,
        tensors={"centers": centers},
        notes=(*told.notes, *chosen.notes),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Told:
    """Clusters of a sample of patches, and which of them are of objects."""

    labels: Tensor  # (m,) int64, 0 … k − 1
    is_object: Tensor  # (k,) bool
    clear: bool  # whether the pictures agree on that, and objects hardly reach the frame
    scorer: Scorer  # (h, w, k) of features
    facts: dict[str, float | int | str]
    notes: tuple[str, ...]


def tell_objects(
    collection: Collection, rows: PatchRows, n_groups: int, settings: CosegmentSettings, *, seed: int
) -> Steps[Progress, Told]:
    """Make more clusters than groups, and let the pictures vote on them."""
    n_clusters = max(n_groups, min(settings.over * n_groups, len(rows.points) // 4))
    generator = torch.Generator().manual_seed(seed)
    found = kmeans(rows.points, n_clusters=n_clusters, n_init=settings.n_init, generator=generator)
    votes, agreement = yield from count_votes(collection, rows, found.labels)
    is_object = votes >= settings.votes
    at_frame = frequency_at_frame(collection, rows.sample, is_object[found.labels])
    facts: dict[str, float | int | str] = {
        "clusters": len(votes),
        "object clusters": int(is_object.sum()),
        "agreement": round(agreement, 3),
        "objects at the frame": round(at_frame, 3),
        "patches": len(rows.points),
    }
    clear = agreement >= _CLEAR and at_frame <= _AT_FRAME
    scorer = rows.scorer(found.labels, len(votes))
    return Told(found.labels, is_object, clear, scorer, facts, (*rows.notes, *found.notes))


def _before_one_background(
    collection: Collection, told: Told, chosen: Chosen, settings: CosegmentSettings, *, seed: int
) -> Steps[Progress, Grouping | None]:
    """Group whole objects, by keys; None where there are too few of them, unless one background is asked for."""
    keys = yield from collection.having(facet="key")
    if keys is not collection:
        told = yield from tell_objects(keys, rows_of(keys, settings, seed=seed), chosen.k, settings, seed=seed)
    objects = yield from find_objects(keys, told, gray=settings.gray)
    n_objects = len(objects[1])
    if n_objects < chosen.k - 1 and settings.background == "auto":
        return None
    labels = yield from group_objects(keys, objects, chosen.k - 1, seed=seed)
    k = 1 + max(int(part.max()) for part in labels)
    facts = {**told.facts, "objects": n_objects}
    notes = (*told.notes, *chosen.notes)
    return Grouping("cosegment", k, labels, background=0, facts=facts, choice=chosen.scores, notes=notes)


def find_objects(collection: Collection, told: Told, *, gray: bool) -> Steps[Progress, tuple[list[Tensor], list[Tensor]]]:
    """Cut out the objects: connected pieces of patches whose clusters are no background.

    Returns:
        Per picture (h, w) int64, 0 for the background and 1, 2, … for its objects; and a vector per object, in that order.
    """
    pieces, described = [], []
    for i in range(len(collection)):
        stop_if_asked()
        mask = told.is_object[told.scorer(collection.f(i)).argmax(2)].numpy()
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
    side = max(_OBJECT_SIDE, _OBJECT_PATCHES * patch)
    seen = collection.reader.having(max_side=side).read(crop.clamp(0, 255).to(torch.uint8))
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


def frequency_at_frame(collection: Collection, sample: Sample, is_object: Tensor) -> float:
    """Share of objects among the sampled patches at the frames of pictures, over their share of all.

    Args:
        collection: of the pictures.
        sample: of its patches, m.
        is_object: (m,) bool.

    Returns:
        0 where no object reaches the frame, 1 where the frame is as full of them as the pictures are, or there are none.

    Reference: Wei, Wen, Zhu and Sun 2012, for the frame as a sign of background.
    """
    h, w = torch.tensor([(g.h, g.w) for g in collection.geometries])[sample.picture].unbind(1)
    y, x = sample.cell // w, sample.cell % w
    framing = (y == 0) | (y == h - 1) | (x == 0) | (x == w - 1)
    if not bool(is_object.any()) or not bool(framing.any()):
        return 1.0
    return float(is_object[framing].float().mean() / is_object.float().mean())


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
    summary="Clusters of the patches of all pictures, joined to K groups; attention tells objects from what is behind them; "
    "where it does so clearly, keys cut them out.",
    formula=r"\Delta J_{ab} = \frac{n_a n_b}{n_a + n_b} \lVert c_a - c_b \rVert^2",
    source="Amir et al. 2021",
    settings=CosegmentSettings,
    run=run_cosegment,
    chooses_k=True,
    reads={"facet": "token"},
)
