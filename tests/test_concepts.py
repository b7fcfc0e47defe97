"""ACSeg and Leopart: concepts by modularity, parts by balanced clusters, and what both say of bad input."""

import itertools

import pytest
import torch

from segcore import InputError, Settings
from segcore.collection import SYSTEMS, Store, collect, group, open_reader, pictures_of
from segcore.collection.export import learned_bytes
from segcore.collection.systems import leopart
from segcore.collection.systems.acseg import AcsegSettings
from segcore.collection.systems.trained import system_of_file
from segcore.drawn.objects import draw_objects
from segcore.errors import SegcoreError
from segcore.nets.concepts import ConceptNet
from segcore.runtime.steps import finish
from segcore.runtime.stopping import Stopped, stoppable
from segcore.show.files import png


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Six drawn pictures, with small features of the bundled backbone."""
    place = tmp_path_factory.mktemp("concepts")
    pictures = draw_objects()
    for name, image in list(zip(pictures.names, pictures.images, strict=True))[:6]:
        (place / f"{name}.png").write_bytes(png(image.numpy()))
    reader = open_reader(Settings(backbone="dino_tiny", max_side=160), device="cpu")
    return finish(collect(pictures_of(place), reader, Store(place / "store")))


def run(collection, system, k=3, **own):
    return finish(group(collection, system, n_groups=k, settings=SYSTEMS[system].settings(**own)))


# ---- ACSeg ----


def test_concepts_do_not_depend_on_the_order_of_the_patches():
    torch.manual_seed(0)
    net = ConceptNet(torch.zeros(8), torch.ones(8), n_concepts=4, width=16, n_updates=2).eval()
    X = torch.randn(2, 30, 8)
    order = torch.randperm(30)
    with torch.no_grad():
        torch.testing.assert_close(net(X)[:, order], net(X[:, order]), atol=1e-5, rtol=0)
        assert net(X).abs().max() <= 1 + 1e-6
        torch.testing.assert_close(net.cosines(X[0].reshape(5, 6, 8)), net(X[:1]).reshape(5, 6, 4))


def test_modularity_rises_and_without_the_degrees_one_concept_takes_all(small):
    found = run(small, "acseg", steps=40, points=64)
    q = found.curves["modularity"]
    assert sum(q[-10:]) > sum(q[:10])
    assert found.curves["loss"][-1] < found.curves["loss"][0]
    without = run(small, "acseg", k=2, steps=40, points=64, resolution=0.0)
    assert sum(without.curves["concepts"][-10:]) < sum(found.curves["concepts"][-10:])


def test_modularity_stands_beside_that_of_others_on_the_same_graphs(small):
    found = run(small, "acseg", steps=3)
    beside, shares = found.bars
    assert {"concepts", "k-means, K = 3", "spectral, K = 3", "Louvain"} <= set(beside.values)
    assert all(-0.5 <= q <= 1 for q in beside.values.values())
    assert beside.values["Louvain"] >= max(beside.values.values()) - 0.05
    assert sum(shares.values.values()) == pytest.approx(1)
    assert any("modularity" in note for note in found.notes)


def test_what_is_looked_at_least_is_background(small):
    own = run(small, "acseg", k=3, steps=3, background="own")
    assert own.background == 0
    assert any(bool((labels == 0).any()) for labels in own.labels)
    assert any(bool((labels > 0).any()) for labels in own.labels)
    color = finish(collect(small.pictures, open_reader(Settings(backbone="color", max_side=96)), small.store))
    with pytest.raises(InputError, match="this backbone has none"):
        run(color, "acseg", steps=2, background="own")


# ---- Leopart ----


def test_views_show_the_same_places():
    """A map of coordinates, and its part, mirrored: at the same places they say the same."""
    h, w, patch = 12, 16, 8
    y, x = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
    field = torch.stack([x / w, y / h], 2)
    part = field[3:9, 4:12].flip(1)
    places = 0.1 + 0.8 * torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    of_all = (torch.tensor([4.0, 3.0]) + places * torch.tensor([8.0, 6.0])) / torch.tensor([16.0, 12.0])
    seen = leopart.at(field, (h * patch, w * patch), patch, of_all)
    torch.testing.assert_close(seen, of_all)
    again = leopart.at(part, (6 * patch, 8 * patch), patch, torch.stack([1 - places[:, 0], places[:, 1]], 1))
    torch.testing.assert_close(again, seen)


def test_sinkhorn_keeps_prototypes_in_use(small):
    own = {"steps": 40, "points": 64, "prototypes": 20, "parts": 6}
    balanced, nearest = (run(small, "leopart", balanced=on, **own).curves["prototypes"] for on in (True, False))
    assert balanced[-1] > 15  # of 20
    assert nearest[-1] < 10
    assert max(balanced) <= 20


def test_neighbors_are_counted_patch_by_patch():
    """Of the neighbors of a part that are other parts, in eight directions one and two patches away."""
    labels = torch.randint(4, (7, 9), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    counts = torch.zeros(4, 4)
    for (y, x), dy, dx, d in itertools.product(itertools.product(range(7), range(9)), (-1, 0, 1), (-1, 0, 1), (1, 2)):
        a, b = y + d * dy, x + d * dx
        if (dy, dx) != (0, 0) and 0 <= a < 7 and 0 <= b < 9 and labels[y, x] != labels[a, b]:
            counts[int(labels[y, x]), int(labels[a, b])] += 1
    torch.testing.assert_close(leopart.besides((labels,), 4), counts / counts.sum(1, keepdim=True))
    alone = leopart.besides((labels, torch.full((7, 9), 2, dtype=torch.uint8)), 5)
    assert float(alone[4].sum()) == 0  # a part that no picture holds
    torch.testing.assert_close(alone[2], leopart.besides((labels,), 5)[2] / 2)  # a mean over the pictures that hold it


def test_parts_that_sit_together_are_joined_and_the_threshold_parts_them(small):
    found = run(small, "leopart", k=None, steps=3, parts=12)
    parts = found.parts
    assert torch.equal(parts.beside, parts.beside.T)
    numbers = parts.groups.max(1).values + 1
    assert found.n_groups == int(numbers[parts.chosen])
    assert int(numbers[0]) < 12  # they are joined
    assert int(numbers[-1]) >= int(numbers[0])
    assert torch.equal(parts.groups[parts.chosen], found.tensors["groups"])
    for part, labels in zip(parts.labels, found.labels, strict=True):
        assert int(part.max()) < 12
        assert part.shape == labels.shape
    asked = run(small, "leopart", k=5, steps=3, parts=12)
    assert all(len(row.unique()) == 5 for row in asked.parts.groups)


def test_objects_are_where_the_class_token_looks(small):
    found = run(small, "leopart", k=2, steps=3, parts=10, background="own")
    (shares,) = found.bars
    values = list(shares.values.values())
    assert values == sorted(values, reverse=True)
    assert found.background == 0
    assert found.facts["background parts"] > 0
    with pytest.raises(InputError, match=r"need at least as many parts, and \d+ of 13 are no background"):
        run(small, "leopart", k=12, steps=1, parts=12, background="own")
    assert "so 60 were found" in " ".join(run(small, "leopart", k=60, steps=1).notes)


def test_sixty_percent_of_the_attention_are_held():
    attention = torch.full((10, 10), 0.1)
    attention[3:7, 3:7] = 5.0
    attention[0, 9] = 5.0
    mask = leopart.looked_at(attention)
    assert bool(mask[4:6, 4:6].all())
    assert not bool(mask[0, 9])  # alone, and too small
    assert int(mask.sum()) <= 16


def test_copies_are_kept_and_not_computed_again(small, monkeypatch):
    run(small, "leopart", k=2, steps=1)
    monkeypatch.setattr(type(small.reader), "read", lambda *_: pytest.fail("was computed before"))
    run(small, "leopart", k=2, steps=1)


# ---- Bad input ----

LEARN = [("acseg", {"concepts": 60}), ("leopart", {"prototypes": 1000})]


@pytest.mark.parametrize(("name", "more"), LEARN)
def test_more_concepts_than_patches_and_one_picture_are_no_trouble(small, name, more):
    """Of what nobody takes nothing is left."""
    one = small.subset([0])
    found = run(one, name, k=2, steps=2, **more)
    assert found.n_groups == 2
    assert int(found.labels[0].max()) < 2


@pytest.mark.parametrize("name", [name for name, _ in LEARN])
def test_a_run_that_is_stopped_keeps_the_features_and_can_be_repeated(small, name):
    steps = group(small, name, n_groups=2, settings=SYSTEMS[name].settings(steps=50))
    told = []

    def check():
        if told and told[-1].stage == "training" and told[-1].done == 3:
            raise Stopped

    with pytest.raises(Stopped), stoppable(check):
        finish(steps, told.append)
    assert all(key in small.store for key in small.keys)
    assert run(small, name, k=2, steps=2).n_groups == 2


@pytest.mark.parametrize("name", [name for name, _ in LEARN])
@pytest.mark.parametrize("k", [1, 300])
def test_k_out_of_range_is_one_sentence(small, name, k):
    with pytest.raises(InputError, match=r"n_segments must be") as told:
        run(small, name, k=k, steps=1)
    assert str(told.value).count(". ") <= 1


@pytest.mark.parametrize("name", [name for name, _ in LEARN])
def test_pictures_without_objects_are_grouped_by_place(tmp_path, name):
    for i in range(2):
        (tmp_path / f"{i}.png").write_bytes(png(torch.full((64, 64, 3), 90, dtype=torch.uint8).numpy()))
    for backbone in ("dino_tiny", "color"):
        reader = open_reader(Settings(backbone=backbone, max_side=64), device="cpu")
        flat = finish(collect(pictures_of(tmp_path), reader, Store(tmp_path / "store")))
        found = run(flat, name, k=2, steps=2)
        assert torch.equal(found.labels[0], found.labels[1])


def test_settings_out_of_range_are_refused():
    for own in ({"concepts": 0}, {"resolution": -1.0}, {"temperature": 2.0}):
        with pytest.raises(InputError, match=next(iter(own))):
            AcsegSettings(**own)


@pytest.mark.parametrize("name", [name for name, _ in LEARN])
def test_what_was_learned_is_no_backbone_and_no_system_of_its_own(small, name, tmp_path):
    """It belongs to the features that it was learned on; a file of it given as weights is refused in a sentence."""
    found = run(small, name, k=2, steps=1)
    data = learned_bytes(found, {"system": name, "settings": {}})
    (tmp_path / "learned.safetensors").write_bytes(data)
    with pytest.raises(SegcoreError) as told:
        system_of_file(tmp_path / "learned.safetensors")
    assert "learned.safetensors" in str(told.value)
    assert str(told.value).endswith(".")
