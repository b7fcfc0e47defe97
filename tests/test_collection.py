"""Collections: what is listed and refused, features on disk, one numbering of groups, and their scores."""

import dataclasses
import errno
import itertools
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, confusion_matrix

from segcore import Settings
from segcore.cli.commands import main
from segcore.cluster.embed import embed
from segcore.collection import SYSTEMS, DiskFull, Store, collect, feature_key, group, open_reader, pictures_of
from segcore.collection import store as store_module
from segcore.collection.label import lift
from segcore.collection.rows import RowSettings, rows_of
from segcore.collection.systems.cosegment import frequency_at_frame, join
from segcore.drawn.objects import draw_objects
from segcore.errors import InputError
from segcore.evaluate.collection import majority_scores, matched_scores, named_scores, score_all, truth_of
from segcore.graph.neighbors import nearest_rows
from segcore.heads.file import Head, head_bytes
from segcore.heads.linear import LinearHead
from segcore.learn import CATALOG, save_learned, train
from segcore.metrics.interval import mean_interval
from segcore.pipeline import Pipeline
from segcore.pipeline.stages import PixelLabels
from segcore.runtime.steps import finish
from segcore.runtime.stopping import Stopped, stoppable
from segcore.types import Pictures

COLOR = Settings(backbone="color", max_side=128)


def save(folder, name, image):
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(image, np.uint8)).save(folder / f"{name}.png")


def halves(n=3, side=64):
    """Pictures that are red on one side and blue on the other, the border at another place in each."""
    for i in range(n):
        image = np.zeros((side, side, 3), np.uint8)
        image[:, : 16 + 16 * (i % 3)] = (200, 30, 30)
        image[:, 16 + 16 * (i % 3) :] = (30, 30, 200)
        yield image


@pytest.fixture
def folder(tmp_path):
    for i, image in enumerate(halves()):
        save(tmp_path / "in", f"p{i}", image)
        save(tmp_path / "truth", f"p{i}", image[..., 0] > 100)
    return tmp_path / "in"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The drawn objects with features of the bundled backbone, and their truth."""
    place = tmp_path_factory.mktemp("drawn")
    pictures = draw_objects()
    for name, image, truth in zip(pictures.names, pictures.images, pictures.truth, strict=True):
        save(place / "in", name, image)
        save(place / "truth", name, truth)
    reader = open_reader(Settings(backbone="dino_tiny", max_side=320), device="cpu")
    collection = finish(collect(pictures_of(place / "in"), reader, Store(place / "store")))
    return truth_of(collection, {path.stem: path for path in (place / "truth").iterdir()}, ignore=None)


def collected(folder, place, settings=COLOR):
    return finish(collect(pictures_of(folder), open_reader(settings, device="cpu"), Store(place / "store")))


# ---- Pictures ----


def test_a_folder_is_listed_with_its_folders_and_without_hidden_files(folder):
    save(folder / "more", "p0", np.zeros((8, 8, 3)))
    save(folder / ".cache", "p9", np.zeros((8, 8, 3)))
    (folder / "notes.md").write_text("no picture")
    assert [p.name for p in pictures_of(folder)] == ["more/p0", "p0", "p1", "p2"]


def test_folder_zip_and_list_are_the_same_pictures(folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    (tmp_path / "all.txt").write_text("\n".join(str(path) for path in folder.iterdir()))
    sources = folder, tmp_path / "all.zip", tmp_path / "all.txt", [*folder.iterdir()]
    data = [[(p.name, p.data()) for p in pictures_of(source)] for source in sources]
    assert data[0] == data[1] == data[2] == data[3]


@pytest.mark.parametrize(
    ("names", "told"),
    [([], "holds no picture"), (["a.png"], "holds one picture"), (["a.png", "a.jpg"], "have one name, 'a'")],
)
def test_too_few_pictures_and_two_of_one_name_are_refused(tmp_path, names, told):
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=told):
        pictures_of(tmp_path)


@pytest.mark.parametrize("inside", ["../up.png", "/etc/up.png", "a/../../up.png", "..\\up.png", "C:\\up.png"])
def test_paths_that_lead_out_of_a_zip_are_refused(tmp_path, inside):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(inside, b"x")
    with pytest.raises(InputError, match="leads out of it"):
        pictures_of(tmp_path / "bad.zip")


def test_a_zip_that_says_it_unpacks_to_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("segcore.image.listing.MOST_ZIP_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(3):
            archive.writestr(f"{i}.png", bytes(1 << 19))
    with pytest.raises(InputError, match="unpacks to 3 pictures"):
        pictures_of(tmp_path / "bomb.zip")


def test_what_is_unpacked_is_bounded_whatever_the_zip_says(tmp_path, monkeypatch):
    monkeypatch.setattr("segcore.image.source.MAX_FILE_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(5000))
        archive.writestr("b.png", bytes(10))
    large, small = pictures_of(tmp_path / "z.zip")
    assert len(small.data()) == 10
    with pytest.raises(InputError, match="is larger than"):
        large.data()


def test_a_damaged_zip_is_refused(tmp_path):
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and nothing")
    with pytest.raises(InputError, match="is damaged, or no zip"):
        pictures_of(tmp_path / "broken.zip")


# ---- Features on disk ----


def test_features_are_those_of_the_reader_and_computed_once(folder, tmp_path):
    collection = collected(folder, tmp_path)
    fresh = collection.reader.read(collection.pictures[1].data())
    torch.testing.assert_close(collection.f(1), fresh.f, atol=2e-3, rtol=2e-3)
    assert collection.geometry(1) == fresh.geometry
    assert torch.equal(collection.grid(1).pixels, fresh.pixels)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")}
    assert len(before) == 3
    collected(folder, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "store").rglob("*.safetensors")} == before


def test_a_run_that_was_stopped_goes_on_with_what_is_missing(folder, tmp_path):
    reader, store = open_reader(COLOR, device="cpu"), Store(tmp_path / "store")
    steps = collect(pictures_of(folder), reader, store)
    next(steps)
    steps.close()
    assert len([*(tmp_path / "store").rglob("*.safetensors")]) == 1

    def stop():
        raise Stopped

    with stoppable(stop), pytest.raises(Stopped):
        finish(collect(pictures_of(folder), reader, store))
    assert len(finish(collect(pictures_of(folder), reader, store))) == 3


def test_a_damaged_file_is_computed_again(folder, tmp_path):
    first = collected(folder, tmp_path)
    whole = first.f(0)
    path = next((tmp_path / "store").rglob(f"{first.keys[0]}.safetensors"))
    path.write_bytes(path.read_bytes()[:-10])
    assert torch.equal(collected(folder, tmp_path).f(0), whole)
    assert collected(folder, tmp_path).geometry(0) == first.geometry(0)


def test_other_settings_and_other_bytes_have_other_keys():
    keys = {feature_key(data, recipe) for data, recipe in itertools.product((b"a", b"b"), ("x", "y"))}
    assert len(keys) == 4


def test_a_picture_at_fault_costs_itself_only(folder, tmp_path):
    (folder / "broken.png").write_bytes(b"no picture")
    collection = collected(folder, tmp_path)
    assert collection.names == ("p0", "p1", "p2")
    assert "broken" in collection.failed


def test_a_full_disk_is_said_and_what_was_computed_stays(folder, tmp_path, monkeypatch):
    written, write = [], store_module.Path.write_bytes

    def full(path, data):
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        return write(path, data)

    monkeypatch.setattr(store_module.Path, "write_bytes", full)
    with pytest.raises(DiskFull, match="What was computed so far is kept"):
        collected(folder, tmp_path)
    assert len([*(tmp_path / "store").rglob("*.safetensors")]) == 1
    assert not [*(tmp_path / "store").rglob("*.part")]


def test_a_sample_is_seeded_says_its_size_and_takes_as_much_of_each_picture(folder, tmp_path):
    collection = collected(folder, tmp_path)
    whole = collection.sample(10**6, seed=0)
    assert len(whole.X) == whole.n_total == collection.n_patches
    assert not whole.note
    part = collection.sample(99, seed=3)
    assert torch.bincount(part.picture).tolist() == [33, 33, 33]
    assert "99 of" in part.note
    again = collection.sample(99, seed=3)
    assert torch.equal(part.X, again.X)
    assert not torch.equal(part.cell, collection.sample(99, seed=4).cell)
    assert torch.equal(part.X[0], collection.f(0).flatten(0, 1)[part.cell[0]])
    assert len(collection.sample(2, seed=0).X) == 2


# ---- Systems ----


@pytest.mark.parametrize("system", ["kmeans", "cosegment", "joint_spectral"])
def test_two_colors_are_two_groups_with_one_meaning(folder, tmp_path, system):
    collection = collected(folder, tmp_path)
    own = SYSTEMS[system].settings(center=False)
    found = finish(group(collection, system, n_groups=2, settings=own))
    assert found.n_groups == 2
    reds = {int(labels[4, 0]) for labels in found.labels}
    blues = {int(labels[4, -1]) for labels in found.labels}
    assert len(reds) == len(blues) == 1
    assert reds != blues
    again = finish(group(collection, system, n_groups=2, settings=own))
    assert all(torch.equal(a, b) for a, b in zip(found.labels, again.labels, strict=True))
    scores = found.scores(collection, 0)
    torch.testing.assert_close(scores.sum(2), torch.ones(scores.shape[:2]))
    assert torch.equal(scores.argmax(2).to(torch.uint8), found.labels[0])


@pytest.mark.parametrize("rule", ["elbow", "silhouette"])
def test_the_data_choose_two_groups(folder, tmp_path, rule):
    own = SYSTEMS["kmeans"].settings(center=False, k_rule=rule, elbow=0.5)
    found = finish(group(collected(folder, tmp_path, COLOR), "kmeans", settings=own))
    assert found.n_groups >= 2
    assert len(found.choice) >= 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"system": "kmeans", "n_groups": 1}, "n_segments must be"),
        ({"system": "kmeans", "n_groups": 257}, "n_segments must be"),
        ({"system": "joint_spectral"}, "does not choose K"),
        ({"system": "guess"}, "system must be one of"),
    ],
)
def test_what_cannot_be_grouped_is_refused(folder, tmp_path, asked, told):
    with pytest.raises(InputError, match=told):
        finish(group(collected(folder, tmp_path), **asked))


def test_more_groups_than_different_patches_are_refused(tmp_path):
    for i in range(2):
        save(tmp_path / "in", f"p{i}", np.full((16, 16, 3), 90))
    collection = collected(tmp_path / "in", tmp_path, COLOR.replace(max_side=64))
    with pytest.raises(InputError, match="n_segments must be from 1 to"):
        finish(group(collection, "kmeans", n_groups=200))


def test_cosegmentation_finds_drawn_objects_under_other_colors_and_places(drawn):
    collection, truth = drawn
    found = {system: finish(group(collection, system, n_groups=4)) for system in ("kmeans", "cosegment")}
    rows = [(g.n_groups, lambda i, g=g: (g.labels[i], None)) for g in found.values()]
    plain, joined = (matched_scores(t, truth.classes).miou for t in finish(score_all(collection, truth, rows, Settings())))
    assert joined >= 0.9
    assert plain < 0.5  # the task is not one of color
    assert found["cosegment"].facts["objects at the frame"] < 0.1  # where there is nothing but ground


def test_how_often_objects_reach_the_frame(folder, tmp_path):
    """0 in the middle, 1 everywhere and nowhere, and for the left half of h × w patches as its part of the frame says."""
    collection = collected(folder, tmp_path)
    sample = collection.sample(collection.n_patches, seed=0)
    h, w = collection.geometry(0).h, collection.geometry(0).w
    y, x = sample.cell // w, sample.cell % w

    def measured(is_object):
        return frequency_at_frame(collection, sample, is_object)

    assert measured((y > 0) & (y < h - 1) & (x > 0) & (x < w - 1)) == 0
    assert measured(x < w // 2) == pytest.approx(1.0)  # half of the frame, too
    assert measured(x == 0) == pytest.approx(h / (2 * (h + w) - 4) * w)
    assert measured(x >= 0) == 1
    assert measured(x < 0) == 1


class AttendedToRed(Store):
    """Features as they are kept, with a class token that attends to what is red in the middle of its patch."""

    def read(self, key):
        stored = super().read(key)
        step = len(self.red[key]) // len(stored.f)
        red = self.red[key][step // 2 :: step, step // 2 :: step]
        return dataclasses.replace(stored, attention=torch.tensor(red, dtype=torch.float32)[None])


def test_one_background_needs_objects_that_hardly_reach_the_frame(tmp_path):
    """All agree that red is the object; a red half is a group like the other one, red squares have a background."""
    squares = np.full((64, 64, 3), (30, 30, 200), np.uint8)
    squares[16:32, 16:48] = squares[40:48, 24:40] = (200, 30, 30)
    backgrounds = {}
    for kind, pictures in {"halves": list(halves()), "squares": [squares, squares[::-1], squares.swapaxes(0, 1)]}.items():
        for i, image in enumerate(pictures):
            save(tmp_path / kind, f"p{i}", image)
        collection = collected(tmp_path / kind, tmp_path)
        store = AttendedToRed(collection.store.folder)
        store.red = {key: image[..., 0] > 100 for key, image in zip(collection.keys, pictures, strict=True)}
        found = finish(group(dataclasses.replace(collection, store=store), "cosegment", n_groups=2))
        assert found.facts["agreement"] == 1
        backgrounds[kind] = found.background
    assert backgrounds == {"halves": None, "squares": 0}


def test_joining_keeps_objects_and_the_rest_apart():
    X = torch.tensor([[0.0], [0.1], [0.2], [5.0], [5.1]])
    labels = torch.arange(5)
    group_of = join(X, labels, torch.tensor([False, True, False, False, True]), 3)
    assert group_of[0] == group_of[2] != group_of[3]
    assert len({int(g) for g in group_of[[1, 4]]} & {int(g) for g in group_of[[0, 2, 3]]}) == 0


def test_centered_rows_of_each_picture_have_mean_zero(drawn):
    rows = rows_of(drawn[0], RowSettings(n_sample=200_000, reduce="none"), seed=0)
    mean = rows.sample.X[rows.sample.picture == 2].mean(0)
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-4, rtol=0)


def test_a_reduction_without_its_package_says_what_to_install(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("segcore.cluster.embed.find_spec", lambda _name: None)
    own = SYSTEMS["kmeans"].settings(reduce="umap", dims=2)
    with pytest.raises(InputError, match="pip install 'segcore"):
        finish(group(collected(folder, tmp_path), "kmeans", n_groups=2, settings=own))


@pytest.mark.parametrize("reduce", [pytest.param(name, marks=pytest.mark.extra(name)) for name in ("umap", "hnne")])
def test_a_reduction_keeps_what_lies_apart_apart(reduce):
    """Three bundles of directions, far from each other for the cosine, are three groups in the plane, and so again."""
    X = torch.randn(240, 30, generator=torch.Generator().manual_seed(0)) * 0.2
    truth = torch.arange(240) % 3
    X[torch.arange(240), truth] += 3
    points = embed(X, reduce, n_dims=2, seed=0)
    assert points.shape == (240, 2)
    found = KMeans(3, random_state=0).fit_predict(points)
    assert adjusted_rand_score(truth, found) > 0.95
    assert torch.equal(points, embed(X, reduce, n_dims=2, seed=0))
    with pytest.raises(InputError, match="at least 20 patches"):
        embed(X[:19], reduce, n_dims=2, seed=0)


def test_nearest_rows_are_those_of_a_full_sort(generator):
    Q, X = torch.randn(7, 5, generator=generator), torch.randn(300, 5, generator=generator)
    products, numbers = nearest_rows(Q, X, 4)
    order = (Q @ X.T).argsort(1, descending=True)[:, :4]
    assert torch.equal(numbers, order)
    torch.testing.assert_close(products, (Q @ X.T).gather(1, order))


# ---- Scores ----


def test_scores_are_those_of_other_roads():
    rng = np.random.default_rng(0)
    truth, groups = rng.integers(0, 3, 2000), rng.integers(0, 3, 2000)
    groups = np.where(rng.random(2000) < 0.7, (truth + 1) % 3, groups)
    table = confusion_matrix(groups, truth)
    best = max(
        np.mean([table[p[c], c] / (table[p[c]].sum() + table[:, c].sum() - table[p[c], c]) for c in range(3)])
        for p in itertools.permutations(range(3))
    )
    found = matched_scores(table, (0, 1, 2))
    assert found.miou == pytest.approx(best)
    assert found.confusion.sum() == 2000
    named = named_scores(table, (0, 1, 2), found.partner)
    assert named.ious == pytest.approx(found.ious)
    assert named.accuracy == pytest.approx(found.accuracy)


def test_by_majority_pure_groups_are_perfect():
    table = np.array([[5, 0], [0, 3], [4, 0], [0, 0]])
    found = majority_scores(table, (0, 1))
    assert found.miou == found.accuracy == 1
    assert found.partner.tolist() == [0, 1, 0, -1]


# ---- Command line ----


def test_the_command_writes_labels_of_one_numbering(folder, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--backbone", "color", "--max-side", "128", "--store", str(tmp_path / "store")]
    (folder / "broken.png").write_bytes(b"x")
    asked = ["--system", "kmeans", "--n-segments", "2", "--set", "center=false"]
    status = main(["collection", "segment", str(folder), "--out", str(out), *asked, *words])
    assert status == 2
    assert "broken" in capsys.readouterr().err
    about = json.loads((out / "clusters.json").read_text())
    assert [g["label"] for g in about["groups"]] == [0, 1]
    labels = [np.asarray(Image.open(out / f"p{i}.labels.png")) for i in range(3)]
    assert {int(x[0, 0]) for x in labels} != {int(x[0, -1]) for x in labels}
    assert len({int(x[0, 0]) for x in labels}) == 1
    assert labels[0].shape == (64, 64)
    assert (out / "learned.safetensors").is_file()


def test_a_group_may_win_between_patches_alone():
    """Scores of 0.45 in all patches are beaten by 0.55 in each, and beat the mean of 0.55 and 0."""
    settings = COLOR.replace(upsampling="bilinear")
    grid = Pipeline(device="cpu").features(torch.from_numpy(next(halves())), settings)
    h, w = grid.geometry.h, grid.geometry.w
    scores = torch.tensor([[0.55, 0, 0.45], [0, 0.55, 0.45]])[torch.arange(w) % 2].expand(h, w, 3)
    labels = scores.argmax(2)
    assert labels.unique().tolist() == [0, 1]
    assert lift(labels, PixelLabels(grid, settings), 3, scores).unique().tolist() == [0, 1, 2]


def test_the_evaluation_of_an_easy_collection_is_near_one(folder, tmp_path, capsys):
    words = ["--backbone", "color", "--max-side", "128", "--store", str(tmp_path / "store"), "--no-baselines"]
    where = ["--images", str(folder), "--labels", str(tmp_path / "truth"), "--json", str(tmp_path / "s.json")]
    asked = ["--n-segments", "2", "--system", "kmeans", "--set", "center=false"]
    assert main(["evaluate", "collection", *where, *asked, *words]) == 0
    row = json.loads((tmp_path / "s.json").read_text())["systems"]["kmeans"]
    assert row["miou"] > 0.95
    assert row["over_miou"] > 0.95
    assert row["probe_miou"] > 0.95
    assert "kmeans" in capsys.readouterr().out


def test_several_seeds_give_means_and_intervals(folder, tmp_path, capsys):
    """As the same command gives with each seed alone; color and position stand beside, as does what every seed gave."""
    words = ["--backbone", "color", "--max-side", "64", "--store", str(tmp_path / "store"), "--over", "0", "--no-probe"]
    where = ["--images", str(folder), "--labels", str(tmp_path / "truth"), "--json", str(tmp_path / "s.json")]
    asked = ["evaluate", "collection", *where, "--n-segments", "3", "--system", "kmeans", *words]
    alone = []
    for seed in ("4", "5"):
        assert main([*asked, "--seed", seed]) == 0
        alone.append(json.loads((tmp_path / "s.json").read_text())["systems"]["kmeans"])
    capsys.readouterr()
    assert main([*asked, "--seeds", "4,5"]) == 0
    found = json.loads((tmp_path / "s.json").read_text())
    row, told = found["systems"]["kmeans"], capsys.readouterr().out
    assert found["seeds"] == [4, 5]
    for name in ("miou", "accuracy"):
        expected = mean_interval([one[name] for one in alone])
        assert (row[name], row["half_widths"][name]) == pytest.approx((expected.mean, expected.half))
        assert str(expected) in told
        assert [run[name] for run in row["runs"]] == [one[name] for one in alone]
    assert row["over_miou"] is row["probe_miou"] is None
    assert "color" in found["systems"]


def test_each_system_reads_what_suits_it_unless_told(folder, tmp_path):
    """k-means reads tokens, Deep Spectral Methods keys; a facet on the command line goes before, and gives other scores."""
    asked = ["evaluate", "collection", "--images", str(folder), "--labels", str(tmp_path / "truth"), "--n-segments", "2"]
    words = ["--backbone", "dino_tiny", "--max-side", "64", "--no-baselines", "--over", "0", "--no-probe", "--overwrite"]
    asked += [*words, "--store", str(tmp_path / "store")]

    def evaluated(*words):
        out = tmp_path / "scores.json"
        assert main([*asked, "--json", str(out), *words]) == 0
        return json.loads(out.read_text())

    both = evaluated("--system", "kmeans,deep_spectral")
    assert both["facets"] == {"kmeans": "token", "deep_spectral": "key"}
    alone = {facet: evaluated("--system", "kmeans", "--facet", facet) for facet in ("token", "key")}
    inertia = {facet: found["systems"]["kmeans"]["facts"]["inertia"] for facet, found in alone.items()}
    assert both["systems"]["kmeans"]["facts"]["inertia"] == inertia["token"] != inertia["key"]
    assert alone["key"]["facets"] == {"kmeans": "key"}


@pytest.mark.parametrize("words", [["--seeds", ""], ["--seeds", "1,1"], ["--seeds", "a"], ["--seeds", "1", "--seed", "2"]])
def test_wrong_seeds_are_one_line(folder, tmp_path, capsys, words):
    where = ["--images", str(folder), "--labels", str(tmp_path / "truth"), "--n-segments", "2"]
    assert main(["evaluate", "collection", *where, *words]) == 2
    assert "seed" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["n_init", "n_init=0", "guess=1"])
def test_a_wrong_setting_of_a_system_is_one_line(folder, tmp_path, capsys, word):
    assert main(["collection", "segment", str(folder), "--out", str(tmp_path / "o"), "--set", word]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_systems_are_listed_with_their_settings(capsys):
    assert main(["collection", "systems"]) == 0
    told = capsys.readouterr().out
    assert all(f"{name}: " in told for name in SYSTEMS)
    assert "    n_sample=20000" in told
    assert "    facet=token" in told


@pytest.mark.parametrize("command", [["collection", "segment"], ["evaluate", "collection"]])
def test_help_is_there(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "--n-segments" in capsys.readouterr().out


def test_a_file_that_learn_wrote_is_a_system(folder, tmp_path, capsys):
    images = tuple(torch.from_numpy(image) for image in halves())
    small = CATALOG["iic"].settings(crop=32, batch=2)
    *_, state = train("iic", Pictures(images, ("a", "b", "c")), n_segments=3, settings=small, steps=2, device="cpu")
    learned = state.learned()
    save_learned(learned, tmp_path / "iic.safetensors")
    out, words = tmp_path / "out", ["--backbone", "color", "--max-side", "128", "--upsampling", "nearest"]
    asked = ["--weights", str(tmp_path / "iic.safetensors"), "--store", str(tmp_path / "store")]
    assert main(["collection", "segment", str(folder), "--out", str(out), *asked, *words]) == 0
    about = json.loads((out / "clusters.json").read_text())
    assert (about["system"], about["n_groups"]) == ("iic", 3)
    found = np.asarray(Image.open(out / "p0.labels.png"))
    assert np.mean(found == learned.label(images[0]).numpy()) > 0.6  # but for the width of a patch along borders


def test_a_head_is_a_system_that_labels_as_it_does_alone(folder, tmp_path, capsys):
    """Trained by `head train`, applied by `head apply` and to a collection: the same labels, and its names."""
    labels, head, store = tmp_path / "labels", tmp_path / "head.safetensors", str(tmp_path / "store")
    labels.mkdir()
    for path in folder.iterdir():
        gray = np.asarray(Image.open(path).convert("L"))
        Image.fromarray(np.where(gray > gray.mean(), 7, 3).astype(np.uint8)).save(labels / f"{path.stem}.png")
    reads = ["--backbone", "color", "--max-side", "128"]
    trained = ["head", "train", "--images", str(folder), "--labels", str(labels), "--names", "dark,light"]
    assert main([*trained, "--out", str(head), *reads]) == 0
    alone, together = tmp_path / "alone", tmp_path / "together"
    assert main(["head", "apply", "--images", str(folder), "--head", str(head), "--out", str(alone)]) == 0
    asked = ["--weights", str(head), "--store", store, "--upsampling", "joint_bilateral"]
    assert main(["collection", "segment", str(folder), "--out", str(together), *asked]) == 0
    about = json.loads((together / "clusters.json").read_text())
    assert (about["system"], [group["name"] for group in about["groups"]]) == ("head", ["dark", "light"])
    assert (about["features"]["backbone"], about["features"]["max_side"]) == ("color", 128)
    for path in alone.iterdir():
        mine = np.array([3, 7])[np.asarray(Image.open(together / path.name))]
        assert np.mean(mine == np.asarray(Image.open(path))) > 0.999
    found = tmp_path / "scores.json"
    evaluated = ["evaluate", "collection", "--images", str(folder), "--labels", str(labels), "--n-segments", "2"]
    assert main([*evaluated, "--weights", str(head), "--store", store, "--no-probe", "--json", str(found)]) == 0
    systems = json.loads(found.read_text())["systems"]
    assert systems["head"]["miou"] > 0.8
    plain = [*evaluated, "--system", "kmeans", *reads, "--store", store, "--no-probe", "--no-baselines", "--overwrite"]
    assert main([*plain, "--json", str(found)]) == 0  # color and position are read as the head reads, at its size
    assert systems["color"]["facts"] == json.loads(found.read_text())["systems"]["kmeans"]["facts"]
    capsys.readouterr()
    assert main(["collection", "segment", str(folder), "--out", str(together), *asked, "--set", "n_init=2"]) == 2
    assert "has no settings of its own" in capsys.readouterr().err


def test_a_head_is_no_backbone_and_says_so(tmp_path, capsys):
    head = tmp_path / "head.safetensors"
    linear = LinearHead(torch.zeros(3, 2), torch.zeros(2), 0.0, (), converged=True)
    head.write_bytes(head_bytes(Head(linear, (1, 2), ("a", "b"), "color", "key", (-1,), 320, "none")))
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "p.png")
    assert main(["segment", str(tmp_path / "p.png"), "--out", str(tmp_path / "out"), "--weights", str(head)]) == 2
    assert "is a head: a linear layer that labels patches" in capsys.readouterr().err
