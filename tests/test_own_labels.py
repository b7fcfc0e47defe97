"""A trained network as a method of the lab: its own classes, clusters or objects, by every road the same."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

from segcore import InputError, ModelError, Pipeline, Settings
from segcore.cli.commands import main
from segcore.heads.file import Head, head_bytes
from segcore.heads.linear import LinearHead
from segcore.image import scaled_to_pixels
from segcore.learn import CATALOG, Learned, load_learned
from segcore.learn.learned import save_learned
from segcore.pipeline.stages import plan, settings_read
from segcore.refine.crf import mean_field, unary_from_probabilities
from segcore.train.file import NET, read_trained, trained_bytes
from segcore.train.seeds import seeded

SMALL = {"iic": {"width": 0.0625}, "ac": {"width": 0.0625}, "infoseg": {"width": 0.0625}, "cutler": {"places": 4}}
K = {"cutler": 2}  # clusters, of those that have always as many
CONSTANT = {"ac", "infoseg", "picie", "mdc"}  # without a training they take all pixels for one


def file_of(name, folder, *, names=None, **own):
    """A file of a network that nobody trained, which labels as well as any for what is asked here."""
    system = CATALOG[name]
    settings, k = system.settings(side=64, crop=32, **SMALL.get(name, {}), **own), K.get(name, 4)
    with seeded(0):
        net = system.make_net(k, settings).eval()
        undecided(net, k)
    values = tuple(range(k)) if system.labelled else ()
    names = names or (("sky", "ground", "post", "sign") if system.labelled else tuple(str(i) for i in range(k)))
    path = folder / f"{name}.safetensors"
    save_learned(Learned(net, name, k, settings, names, {}, values), path)
    return path


def undecided(net, k):
    """Give the layers that score, and the centers, weights that let no cluster win everywhere."""
    heads = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d) and m.out_channels == k]
    with torch.no_grad():
        for head in heads:
            head.weight.normal_()
            head.bias.zero_() if head.bias is not None else None

        def level(head, _given, out):
            if head.bias is not None:
                head.bias.copy_(-out.mean((0, 2, 3)))

        hooks = [head.register_forward_hook(level) for head in heads]
        net.scores(busy(64, 64).permute(2, 0, 1)[None].float() / 255)
        for hook in hooks:
            hook.remove()
        for buffer in (b for n, b in net.named_buffers() if n in ("centers", "prototypes")):
            buffer.normal_()


def busy(height, width, seed=3):
    """A picture that no network takes for a single thing."""
    low = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(low, (height, width), mode="bicubic")[0].permute(1, 2, 0)
    return (255 * smooth.clamp(0, 1)).byte()


@pytest.fixture(scope="module")
def pipeline():
    return Pipeline(device="cpu", cache_bytes=64 << 20)


@pytest.fixture
def pictures(tmp_path):
    (tmp_path / "images").mkdir()
    for i, size in enumerate(((70, 90), (40, 48))):
        Image.fromarray(busy(*size, seed=i).numpy()).save(tmp_path / "images" / f"{i}.png")
    return tmp_path / "images"


@pytest.mark.parametrize("size", [(70, 101), (40, 33)])
@pytest.mark.parametrize("name", CATALOG)
def test_the_lab_labels_as_the_file_does(name, size, pipeline, tmp_path):
    """To the pixel, and for every system there is: of pictures larger and smaller than the side it learned at."""
    path, image = file_of(name, tmp_path), busy(*size)
    learned = load_learned(path)
    finds_objects = CATALOG[name].finds_objects
    own = learned.instances(image).label_map if finds_objects else learned.label(image)
    found = pipeline.run(image, Settings(method="network", backbone=str(path)))
    assert torch.equal(found.label_map.long(), own)
    assert len(own.unique()) > 1 or name in CONSTANT
    assert found.has_background == finds_objects
    assert bool(found.names) != finds_objects
    assert found.features.origin.endswith(f"that {name} learned")


@pytest.mark.parametrize("name", ["deeplab", "iic"])
def test_labels_are_where_the_enlarged_scores_are_largest(name, tmp_path):
    learned, image = load_learned(file_of(name, tmp_path)), busy(70, 101)
    scores = learned.scores(image)
    assert torch.allclose(scores.sum(0), torch.ones(70, 101), atol=1e-4)
    first, second = scores.topk(2, 0).values
    sure = first - second > 1e-5  # elsewhere the order of additions decides
    assert torch.equal(learned.label(image)[sure], scores.argmax(0)[sure])
    assert sure.float().mean() > 0.9


def test_what_its_crf_has_sharpened_is_taken_as_it_is(pipeline, tmp_path):
    path, image = file_of("unet", tmp_path, crf=True), busy(70, 101)
    found = pipeline.run(image, Settings(method="network", backbone=str(path)))
    assert found.features.geometry.scaled_size == (70, 101)
    assert torch.equal(found.label_map.long(), load_learned(path).label(image))
    assert any("A CRF that these weights bring along" in note for note in found.notes)


def test_the_crf_begins_with_the_probabilities(pipeline, tmp_path):
    """Unary energies −ln of what the settings believe of the network, on the picture as it sees it."""
    path, image = file_of("deeplab", tmp_path), busy(70, 101)
    s = Settings(method="network", backbone=str(path), crf=True, sigma_rgb=20.0)
    found = pipeline.run(image, s)
    P, geometry = found.features.f.permute(2, 0, 1), found.features.geometry
    energies = unary_from_probabilities(P, confidence=s.label_confidence)
    numbers = {n: getattr(s, n) for n in ("sigma_xy", "sigma_rgb", "compat_bilateral", "sigma_smooth", "compat_smooth")}
    Q = mean_field(energies, found.features.pixels, n_steps=s.crf_steps, **numbers)
    assert torch.equal(found.label_map, scaled_to_pixels(Q, geometry))
    assert not torch.equal(found.label_map, pipeline.run(image, s.replace(crf=False)).label_map)


def test_classes_keep_number_and_name_where_others_are_missing(pipeline, tmp_path):
    path = file_of("deeplab", tmp_path)
    learned, image = load_learned(path), busy(70, 101)
    with torch.no_grad():
        learned.net.head.bias[:2] -= 1e4  # neither of the first two is seen anywhere
    save_learned(learned, path)
    found = pipeline.run(image, Settings(method="network", backbone=str(path)))
    assert {segment.label for segment in found.segments} <= {2, 3}
    assert found.names == ("sky", "ground", "post", "sign")
    assert 0.25 < found.partition.facts["probability"] <= 1


def test_clusters_that_nobody_named_are_numbered(pipeline, tmp_path):
    path = file_of("iic", tmp_path, names=("0", "road", "2", "3"))
    found = pipeline.run(busy(40, 33), Settings(method="network", backbone=str(path)))
    assert found.names == ("Cluster 1", "road", "Cluster 3", "Cluster 4")


def test_it_reads_its_weights_and_the_crf_and_nothing_else(tmp_path):
    settings = Settings(method="network", backbone=str(file_of("iic", tmp_path)))
    assert settings_read(settings) == {"method", "backbone", "crf"}
    kernel = {"sigma_xy", "sigma_rgb", "compat_bilateral", "sigma_smooth", "compat_smooth"}
    assert (
        settings_read(settings.replace(crf=True)) == {"method", "backbone", "crf", "crf_steps", "label_confidence"} | kernel
    )
    assert "w_feat" not in plan(settings)


# ---- In a shell ----


def test_scored_against_what_segment_wrote_a_network_is_always_right(pictures, tmp_path, capsys):
    """Two roads to one answer: `segment` of a folder, and `evaluate classes` of the same weights."""
    weights, out, json_file = file_of("deeplab", tmp_path), tmp_path / "out", tmp_path / "scores.json"
    assert main(["segment", str(pictures), "--out", str(out), "--method", "network", "--weights", str(weights)]) == 0
    told = json.loads((out / "0.json").read_text())["segments"]
    assert {s["name"] for s in told} == {("sky", "ground", "post", "sign")[s["label"]] for s in told}
    labels = tmp_path / "labels"
    labels.mkdir()
    for path in out.glob("*.labels.png"):
        path.rename(labels / path.name.replace(".labels", ""))
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(labels / "alone.png")
    asked = ["--images", str(pictures), "--labels", str(labels), "--weights", str(weights), "--json", str(json_file)]
    assert main(["evaluate", "classes", *asked]) == 0
    scores = json.loads(json_file.read_text())
    assert (scores["global_accuracy"], scores["miou"], scores["boundary_f"]) == (1, 1, 1)
    assert len(scores["pictures"]) == 2
    assert scores["no_partner"] == ["labels/alone.png"]
    assert "Without a file of the same name in the other folder: 1" in capsys.readouterr().out


@pytest.mark.parametrize("backbone", ["dino_tiny", "color"])
def test_without_such_weights_one_sentence_says_what_to_do(backbone, pictures, tmp_path, capsys, pipeline):
    asked = ["--out", str(tmp_path / "out"), "--method", "network", "--backbone", backbone]
    assert main(["segment", str(pictures), *asked]) == 2
    told = capsys.readouterr().err
    assert told.count("error:") == 1  # not of each picture
    assert f"the backbone {backbone} is none. Train one on Learn" in told
    with pytest.raises(InputError, match="is none") as error:
        pipeline.run(busy(40, 33), Settings(method="network", backbone=backbone))
    assert error.value.field == "method"


def damaged(path, how):
    """The same file, in one of the ways in which files go wrong."""
    whole, file = path.read_bytes(), read_trained(path)
    if how == "cut off":
        return whole[: len(whole) // 2]
    if how == "other weights":
        return whole[:-4] + bytes(4)
    if how == "no safetensors":
        return b"PK" + bytes(100)
    about = dict(file.about)
    if how == "no system":
        del about["system"]
    elif how == "a list for a system":
        about["system"] = ["cutler"]
    elif how == "too few names":
        about["names"] = about["names"][:1]
    elif how == "other sizes":
        about["n_segments"] = 3
        about["names"] = ["a", "b", "c"]
    return trained_bytes(NET, file.tensors, about)


HOWS = ("cut off", "other weights", "no safetensors", "no system", "a list for a system", "too few names")


@pytest.mark.parametrize("method", [[], ["--method", "network"]])
@pytest.mark.parametrize(
    ("name", "how"), [*((name, how) for name in ("cutler", "iic") for how in HOWS), ("iic", "other sizes")]
)
def test_a_damaged_file_is_one_sentence(name, how, method, pictures, tmp_path, capsys):
    path = file_of(name, tmp_path)
    path.write_bytes(damaged(path, how))
    assert main(["segment", str(pictures), "--out", str(tmp_path / "out"), "--weights", str(path), *method]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("error:") == 1
    assert path.name in told
    assert len(told.splitlines()) == 1


def test_a_file_of_another_kind_is_one_sentence(pictures, tmp_path, capsys):
    linear = LinearHead(torch.zeros(3, 2), torch.zeros(2), 0.0, (0.0,), True)
    path = tmp_path / "head.safetensors"
    path.write_bytes(head_bytes(Head(linear, (0, 1), ("a", "b"), "dino_tiny", "key", (-1,), 64, "0" * 16)))
    assert (
        main(["segment", str(pictures), "--out", str(tmp_path / "out"), "--method", "network", "--weights", str(path)]) == 2
    )
    assert "is a head" in capsys.readouterr().err


def test_weights_are_read_again_when_the_file_changes(pipeline, tmp_path):
    path, image = file_of("deeplab", tmp_path), busy(40, 33)
    settings = Settings(method="network", backbone=str(path))
    before = pipeline.run(image, settings)
    learned = load_learned(path)
    save_learned(dataclasses.replace(learned, names=("a", "b", "c", "d" * 99)), path)
    assert pipeline.run(image, settings).names[:3] == ("a", "b", "c") != before.names[:3]
    path.unlink()
    with pytest.raises(ModelError):
        pipeline.run(image, settings)
