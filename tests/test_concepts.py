"""ACSeg and Leopart: concepts by modularity, parts by balanced clusters, and what both say of bad input."""

import pytest
import torch

from segcore import InputError, Settings
from segcore.collection import SYSTEMS, Store, collect, group, open_reader, pictures_of
from segcore.collection.systems.acseg import AcsegSettings
from segcore.drawn.objects import draw_objects
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
    found = run(small, "acseg", steps=60, points=96)
    q = found.curves["modularity"]
    assert sum(q[-10:]) > sum(q[:10])
    assert found.curves["loss"][-1] < found.curves["loss"][0]
    without = run(small, "acseg", k=2, steps=60, points=96, resolution=0.0)
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


# ---- Bad input ----

LEARN = [("acseg", {"concepts": 60})]


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
