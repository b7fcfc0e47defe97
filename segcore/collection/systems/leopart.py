"""Leopart: parts that two views of a picture agree on, all used alike; those that sit beside each other are joined.

1. Each picture has a copy: a part of it, scaled, perhaps mirrored, in other colors. A head on the frozen features gives both
   a code at the same places, and scores s with P prototypes. What a slowly following head (the teacher) says of the one,
   balanced by Sinkhorn so that all prototypes are used alike, is what the head must say of the other:

       −Σ_p q_p ln softmax(s / τ)_p,   q = Sinkhorn(s_teacher / ε)

   Without the balance all patches agree soonest if they take one prototype, and few are left.
2. The codes of all patches are clustered into parts by the cosine. With background `own`, parts that lie where the class
   token does not look are background.
3. Parts are the nodes of a graph. Of the neighbors of a part that are other parts, the share that is part j, mean over the
   pictures that hold it, is p_ij; an edge weighs min(p_ij, p_ji) where both reach the threshold. Groups are communities:
   joined by modularity, down to K where somebody asks for K.

What differs from the authors' code: the backbone stays as it is, and only the head learns; two views of each picture instead
of six crops; no queue of earlier codes; the threshold that parts background and objects is Otsu's, where they pick the best
by the truth of the training pictures; unions by modularity instead of Infomap, whose settings they found by 300 trials with
truth.

Reference: Ziegler and Asano, Self-supervised learning of object parts for semantic segmentation, CVPR 2022.
"""

import copy
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter, label
from torch import Generator, Tensor

from segcore.cluster.sinkhorn import sinkhorn
from segcore.collection.collection import Collection
from segcore.collection.descend import Curves, descend
from segcore.collection.label import label_all, scores_by
from segcore.collection.store import feature_key
from segcore.collection.system import Bars, CollectionSystem, Grouping, GroupSteps, Parts, setting
from segcore.errors import InputError
from segcore.graph.modularity import joined_by_modularity
from segcore.learn.correspondence import cosine_kmeans
from segcore.learn.views import jitter_colors
from segcore.nets.blocks import soft_clusters
from segcore.nets.heads import PartHead
from segcore.numerics import normalize_rows, otsu, spread
from segcore.runtime.steps import Progress, Steps
from segcore.runtime.stopping import stop_if_asked
from segcore.settings import Schema
from segcore.train.seeds import seeded, stream

_SAMPLE = 8192  # patches on which features are standardized
_MOMENTUM = 0.99  # of the teacher, at the start; 1 in the end
_SMALLEST = 0.25  # area of a copy, as a share of the picture
_MASS, _BLUR, _DROPPED = 0.6, 0.6, 2  # of attention: the share that is figure, its width, patches of a part that is none
_REACH = 2  # cells: neighbors lie so far off at most
_THRESHOLDS = tuple(i / 100 for i in range(0, 41, 2))  # that can be looked at
_FAINT = 1e-3  # of an edge below the threshold, where K groups are wanted whatever it is


@dataclass(frozen=True, kw_only=True)
class LeopartSettings(Schema):
    """The tunables of Leopart."""

    # fmt: off
    background: str = setting(
        "clustered", "Background", choices=("clustered", "own"),
        info="clustered: it is grouped like all else, as scenes without one need it; own: parts where the class token does "
        "not look are group 0, as published for pictures of objects.")
    parts: int = setting(
        40, "Parts", lo=2, hi=255, step=1,
        info="Clusters of the codes, before any are joined; 149 are published, of the figures of many pictures.")
    threshold: float = setting(
        0.08, "Threshold of an edge", lo=0.0, hi=0.4, step=0.02,
        info="Parts are joined only where each is at least this share of the other's neighbors; .09 is published.")
    balanced: bool = setting(
        True, "Sinkhorn",
        info="Use all prototypes alike. Without it each patch takes the nearest one, and few of them are left.")
    prototypes: int = setting(
        60, "Prototypes", lo=2, hi=1000, step=1,
        info="That the head learns; 300 are published.")
    epsilon: float = setting(
        0.05, "ε of Sinkhorn", lo=0.005, hi=1.0, step=0.005,
        info="Small: each patch takes few prototypes; large: all of them a bit.")
    temperature: float = setting(
        0.1, "τ of the head", lo=0.01, hi=1.0, step=0.01,
        info="Temperature of what the head says.")
    jitter: float = setting(
        0.3, "Other colors", lo=0.0, hi=1.0, step=0.05,
        info="How much brightness, contrast and colors of the copies vary.")
    steps: int = setting(
        300, "Steps", lo=1, hi=100_000, step=1,
        info="How often the head looks at some pictures and their copies.")
    batch: int = setting(
        8, "Pictures per step", lo=1, hi=256, step=1,
        info="How many pictures a step looks at; their patches are balanced together.")
    points: int = setting(
        256, "Places per picture", lo=2, hi=8192, step=1,
        info="At how many places of each its two views are compared.")
    size: int = setting(
        64, "Numbers of a code", lo=2, hi=1024, step=1,
        info="Where the patches of all pictures are clustered.")
    learning_rate: float = setting(
        1e-3, "Learning rate", lo=1e-6, hi=1.0, step=1e-6, log_scale=True,
        info="Of AdamW; it falls to 0.")
    n_sample: int = setting(
        20_000, "Patches in the sample", lo=200, hi=200_000, step=100,
        info="Codes that are clustered, equally many of each picture.")
    n_init: int = setting(5, "Restarts", "Of k-means; the lowest inertia wins.", lo=1, hi=50, step=1)
    # fmt: on


def run_leopart(collection: Collection, *, n_groups: int | None, seed: int, settings: LeopartSettings) -> GroupSteps:
    """Train the head on the pictures and their copies, cluster codes into parts, and join parts that sit together."""
    s, own = settings, settings.background == "own"
    copies = yield from _copies(collection, s.jitter, seed)
    head, curves = yield from _trained(collection, copies, s, seed)
    yield Progress("parts", 0, 0)

    def codes(f: Tensor) -> Tensor:
        with torch.no_grad():
            return head.codes(f)

    sample = collection.sample(s.n_sample, seed=seed, rows=lambda f: codes(f).flatten(0, 1))
    n_parts = max(s.parts, (n_groups or 0) + own)
    if n_parts > len(sample.X):
        raise InputError(
            f"{n_parts} parts need at least as many patches, and the pictures have {len(sample.X)}. Lower parts or "
            "n_segments, or give more pictures.",
            field="parts",
        )
    centers = cosine_kmeans(sample.X, n_parts, generator=torch.Generator().manual_seed(seed), n_init=s.n_init)
    labels = yield from label_all(collection, lambda f: codes(f) @ centers.T, stage="parts")
    figure, bars = _figures(collection, labels, n_parts) if own else (torch.ones(n_parts, dtype=torch.bool), ())
    if n_groups is not None and int(figure.sum()) < n_groups - own:
        raise InputError(
            f"{n_groups - own} groups of objects need at least as many parts, and {int(figure.sum())} of {n_parts} are no "
            "background. Lower n_segments, or raise parts.",
            field="n_segments",
        )
    parts = _joined(labels, figure, n_groups, s.threshold, own=own)
    group = parts.groups[parts.chosen]
    k = n_groups or int(group.max()) + 1
    member = F.one_hot(group, k).float()

    def scores(f: Tensor) -> Tensor:
        return soft_clusters(codes(f), centers) @ member

    found = yield from label_all(collection, scores)
    use = curves["prototypes"][-1]
    return Grouping(
        "leopart",
        k,
        found,
        scores_by(scores),
        scores_by(codes),
        background=0 if own else None,
        curves=curves,
        facts={"parts": n_parts, "background parts": int((~figure).sum()), "prototypes in use": round(use, 1)},
        bars=bars,
        parts=parts,
        tensors={"centers": centers, "groups": group, **{f"head.{name}": x for name, x in head.state_dict().items()}},
        notes=tuple(filter(None, (sample.note, _more_parts(s.parts, n_parts)))),
    )


def _more_parts(asked: int, n: int) -> str:
    return "" if n <= asked else f"{asked} parts cannot make so many groups, so {n} were found."


# ---- Copies ----


@dataclass(frozen=True, slots=True)
class _Copy:
    """A part of a picture, seen again: key of its features in the store, and where it lies."""

    key: str
    box: tuple[int, int, int, int]  # y0, x0, y1, x1 in pixels of the picture
    mirrored: bool


def _copies(collection: Collection, jitter: float, seed: int) -> Steps[Progress, list[_Copy]]:
    """Compute the features of a copy of each picture, where the store does not have them yet."""
    copies = []
    for i in range(len(collection)):
        stop_if_asked()
        generator = stream(seed, i)
        place = torch.rand(4, generator=generator).tolist()
        height, width = collection.geometry(i).image_size
        side = math.sqrt(_SMALLEST + (1 - _SMALLEST) * place[0])
        h, w = max(1, round(side * height)), max(1, round(side * width))
        y, x = round(place[1] * (height - h)), round(place[2] * (width - w))
        key = feature_key(
            collection.keys[i].encode(), f"leopart copy seed={seed} i={i} jitter={jitter} of={collection.reader.recipe}"
        )
        copies.append(_Copy(key, (y, x, y + h, x + w), place[3] < 0.5))
        if key not in collection.store:
            pixels = _seen_again(collection, i, copies[-1], jitter, generator)
            collection.store.write(key, collection.reader.read(pixels))
        yield Progress("copies", i + 1, len(collection))
    return copies


def _seen_again(collection: Collection, i: int, copy: _Copy, jitter: float, generator: Generator) -> Tensor:
    """(height, width, 3) uint8: the part, scaled to the size of the picture as the backbone sees it, in other colors."""
    y0, x0, y1, x1 = copy.box
    part = collection.image(i)[y0:y1, x0:x1].permute(2, 0, 1)[None].float() / 255
    larger = max(collection.geometry(i).scaled_size) / max(part.shape[2:])
    size = [max(1, round(larger * n)) for n in part.shape[2:]]
    part = F.interpolate(part, size, mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)
    part = jitter_colors(part, strength=jitter, generator=generator)[0]
    part = part.flip(2) if copy.mirrored else part
    return (255 * part).round().to(torch.uint8).permute(1, 2, 0).contiguous()


def at(maps: Tensor, geometry_size: tuple[int, int], patch: int, places: Tensor) -> Tensor:
    """(n, d): a map (h, w, d) at places (n, 2), which are shares of width and height of the picture under it."""
    h, w, _ = maps.shape
    covered = places.new_tensor((geometry_size[1] / (w * patch), geometry_size[0] / (h * patch)))
    grid = (2 * places * covered - 1)[None, None]
    return F.grid_sample(maps.permute(2, 0, 1)[None], grid, align_corners=False, padding_mode="border")[0, :, 0].T


# ---- The head ----


def _trained(
    collection: Collection, copies: list[_Copy], settings: LeopartSettings, seed: int
) -> Steps[Progress, tuple[PartHead, Curves]]:
    """Train; returns the loss, and how many prototypes are in use (e to the entropy of their shares), step by step."""
    s = settings
    sample = collection.sample(_SAMPLE, seed=seed, rows=lambda f: normalize_rows(f.flatten(0, 1))).X
    with seeded(seed):
        head = PartHead(
            sample.mean(0),
            spread(sample.std(0, correction=0)),
            hidden=2 * s.size,
            size=s.size,
            n_prototypes=s.prototypes,
        )
    teacher = copy.deepcopy(head).requires_grad_(False)

    def ask(step: int) -> tuple[Tensor, dict[str, float]]:
        views, weight = _drawn(collection, copies, s, stream(seed, step))
        said = [head(X) for X in views]
        with torch.no_grad():
            wanted = [_wanted(teacher(X), s) for X in views]
        losses = [-(q * F.log_softmax(z / s.temperature, 1)).sum(1) for q, z in zip(wanted, reversed(said), strict=True)]
        shares = torch.cat([F.one_hot(z.detach().argmax(1), s.prototypes).float() for z in said]).mean(0)
        loss = (weight * (losses[0] + losses[1])).sum() / (2 * weight.sum().clamp_min(1e-6))
        return loss, {"prototypes": float(torch.special.entr(shares).sum().exp())}

    def follow(progress: float) -> None:
        slow = 1 - (1 - _MOMENTUM) * (1 + math.cos(math.pi * progress)) / 2
        for old, new in zip(teacher.parameters(), head.parameters(), strict=True):
            old.lerp_(new.detach(), 1 - slow)

    optimizer = torch.optim.AdamW(head.parameters(), lr=s.learning_rate)
    curves = yield from descend(optimizer, ask, steps=s.steps, stage="leopart", follow=follow)
    return head, curves


def _wanted(scores: Tensor, settings: LeopartSettings) -> Tensor:
    """(n, P) what the other view must say: balanced, or each the prototype that is nearest."""
    if settings.balanced:
        return sinkhorn(scores, temperature=settings.epsilon)
    return F.one_hot(scores.argmax(1), settings.prototypes).float()


def _drawn(
    collection: Collection, copies: list[_Copy], settings: LeopartSettings, generator: Generator
) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """Features (n, d) of two views of some pictures at the same places, and how much each place counts (n,)."""
    first, second, weight = [], [], []
    for i in torch.randint(len(collection), (settings.batch,), generator=generator).tolist():
        seen, places = copies[i], torch.rand(settings.points, 2, generator=generator)
        y0, x0, y1, x1 = seen.box
        g, again = collection.geometry(i), collection.store.read(seen.key)
        height, width = g.image_size
        of_all = places * places.new_tensor(((x1 - x0) / width, (y1 - y0) / height)) + places.new_tensor(
            (x0 / width, y0 / height)
        )
        of_copy = places * places.new_tensor((-1.0, 1.0)) + places.new_tensor((1.0, 0.0)) if seen.mirrored else places
        first.append(at(collection.f(i), g.scaled_size, g.patch, of_all))
        second.append(at(again.f, again.geometry.scaled_size, again.geometry.patch, of_copy))
        if settings.background == "own":
            mask = looked_at(collection.attention(i)).float()[..., None]
            weight.append(at(mask, g.scaled_size, g.patch, of_all)[:, 0])
        else:
            weight.append(torch.ones(settings.points))
    return (torch.cat(first), torch.cat(second)), torch.cat(weight)


# ---- Figure and background ----


def looked_at(attention: Tensor) -> Tensor:
    """(h, w) bool: the patches that hold 60 % of an attention (h, w), blurred a bit, in parts of more than two."""
    a = torch.from_numpy(gaussian_filter(attention.double().numpy(), _BLUR))
    order = a.flatten().argsort(descending=True)
    held = a.flatten()[order].cumsum(0)
    mask = torch.zeros(a.numel(), dtype=torch.bool)
    mask[order[: int((held < _MASS * held[-1]).sum()) + 1]] = True
    numbers, n = label(mask.reshape(a.shape).numpy())
    part = torch.from_numpy(numbers).long()
    large = torch.bincount(part.flatten(), minlength=n + 1) > _DROPPED
    large[0] = False
    return large[part]


def _figures(collection: Collection, labels: tuple[Tensor, ...], n_parts: int) -> tuple[Tensor, tuple[Bars, ...]]:
    """(P,) bool of the parts that lie where the class token looks, by Otsu's threshold; and how far each does."""
    inside, held = torch.zeros(n_parts), torch.zeros(n_parts)
    area = torch.zeros(n_parts)
    for i, part in enumerate(labels):
        flat, mask = part.flatten().long(), looked_at(collection.attention(i)).flatten().float()
        counts = torch.bincount(flat, minlength=n_parts).float()
        inside += torch.bincount(flat, mask, minlength=n_parts) / counts.clamp_min(1)
        held, area = held + (counts > 0), area + counts
    precision = inside / held.clamp_min(1)
    level, _ = otsu(precision.double().numpy(), area.double().numpy().clip(1e-9))
    order = precision.argsort(descending=True).tolist()
    title = f"Share of each part that lies where the class token looks; below {level:.2f} it is background."
    return precision > level, (Bars(title, {f"part {p}": float(precision[p]) for p in order}),)


# ---- Who sits beside whom ----


def besides(labels: tuple[Tensor, ...], n_parts: int) -> Tensor:
    """(P, P) float32: of the neighbors of a part's patches that are other parts, the share that is each.

    Neighbors lie in the eight directions, one and two patches away. The mean is over the pictures that hold the part; rows
    sum to at most 1, and the diagonal is 0.
    """
    shares, held = torch.zeros(n_parts, n_parts), torch.zeros(n_parts)
    steps = [(dy, dx) for d in range(1, _REACH + 1) for dy, dx in ((0, d), (d, 0), (d, d), (d, -d))]
    for part in labels:
        counts = torch.zeros(n_parts * n_parts)
        h, w = part.shape
        for dy, dx in steps:
            if dy >= h or abs(dx) >= w:
                continue
            a = part[: h - dy, max(0, -dx) : w - max(0, dx)].long()
            b = part[dy:, max(0, dx) : w + min(0, dx)].long()
            counts += torch.bincount((n_parts * a + b).flatten(), minlength=n_parts**2)
        both = counts.reshape(n_parts, n_parts)
        both = (both + both.T).fill_diagonal_(0)
        shares += both / both.sum(1, keepdim=True).clamp_min(1)
        held += torch.bincount(part.flatten().long(), minlength=n_parts) > 0
    return shares / held[:, None].clamp_min(1)


def edges(shares: Tensor, threshold: float) -> Tensor:
    """(P, P): min(p_ij, p_ji) where both reach the threshold, 0 elsewhere."""
    least = torch.minimum(shares, shares.T)
    return torch.where(least >= threshold, least, 0.0)


def _joined(labels: tuple[Tensor, ...], figure: Tensor, n_groups: int | None, threshold: float, *, own: bool) -> Parts:
    """The parts, and the groups that they make at each threshold; 0 is background where there are such parts."""
    shares = besides(labels, len(figure))
    shares[~figure] = 0
    shares[:, ~figure] = 0
    shares = shares / shares.sum(1, keepdim=True).clamp_min(1e-9)
    thresholds = tuple(sorted({*_THRESHOLDS, threshold}))
    nodes = figure.nonzero()[:, 0]
    inner = nodes[:, None], nodes
    rows = []
    for least in thresholds:
        W = edges(shares, least)[inner]
        if n_groups is None:
            found = joined_by_modularity(W)
        else:
            W = torch.where(W > 0, W, _FAINT * edges(shares, 0)[inner])
            found = joined_by_modularity(W, n_groups=n_groups - own)
        row = torch.zeros(len(figure), dtype=torch.int64)
        row[figure] = found + own
        rows.append(row)
    return Parts(labels, edges(shares, 0), thresholds, torch.stack(rows), thresholds.index(threshold))


LEOPART = CollectionSystem(
    name="leopart",
    title="Leopart",
    summary="Parts that two views of a picture agree on, all used alike; those that sit beside each other are joined.",
    formula=r"-\textstyle\sum_p q_p \ln \operatorname{softmax}(s/\tau)_p, \; q = \operatorname{Sinkhorn}(s_t/\varepsilon)",
    source="Ziegler and Asano 2022",
    settings=LeopartSettings,
    run=run_leopart,
    chooses_k=True,
    learns=True,
    reads={"facet": "token"},
)
