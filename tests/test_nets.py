"""Networks with labels: their layers against torch's own and plain loops, what is known of them, and how they learn."""

import json
import math
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from segcore.cli.commands import main
from segcore.drawn.stuff import draw_stuff
from segcore.errors import InputError, NumericalError
from segcore.learn import CATALOG, Pictures, learn, load_learned, train
from segcore.learn.ablations import STREET
from segcore.learn.learned import Learned as LearnedNet
from segcore.learn.pictures import Source, load_pictures
from segcore.learn.score import known_scores
from segcore.learn.systems.labelled import LabelledLearner, weights_of
from segcore.metrics import class_boundary_f
from segcore.nets.choices import ENLARGING
from segcore.nets.context import valid_taps
from segcore.nets.enlarge import Enlarge, Passed, Unpool, corner_bilinear, doubling
from segcore.nets.facts import facts_of, field_of, multiply_adds, receptive_field
from segcore.nets.labelled import Trunk
from segcore.nets.maps import maps_along
from segcore.nets.registry import NETS
from segcore.nets.spectrum import checkerboard, checkerboard_of
from segcore.refine.crf import mean_field
from segcore.settings import CRF_PRESETS
from segcore.taught.receptive import Layer, receptive_fields
from segcore.train.seeds import seeded, stream
from segcore.upsample.unpooling import max_pool
from tests.asserts import assert_close

LABELLED = [name for name, system in CATALOG.items() if system.labelled]
TINY = {"crop": 32, "side": 64, "batch": 2}
# Whole pictures, each pixel counting alike: .95 and more of them are right then for six seeds, on 1, 2 and 4 threads.
WHOLE = {"crop": 48, "class_weights": "none", "learning_rate": 0.01}


def two_colors(n=4, side=48):
    """Dark discs on light ground: class 1 and class 0, and a frame that has no class."""
    y, x = np.mgrid[:side, :side]
    images, truths = [], []
    for i in range(n):
        disc = (y - 12 - 6 * i) ** 2 + (x - 24) ** 2 < 100
        image = np.where(disc[..., None], 40, 200).astype(np.uint8).repeat(3, 2)
        truth = disc.astype(np.int64)
        truth[:2] = -1
        images.append(torch.from_numpy(image))
        truths.append(torch.from_numpy(truth))
    return Pictures(tuple(images), tuple(map(str, range(n))), tuple(truths), ("ground", "disc"), (0, 7))


# ---- Layers ----


def test_unpooling_is_that_of_torch_and_of_a_loop():
    x = torch.randn(2, 3, 6, 8, generator=stream(0, 0))
    pooled = max_pool(x)
    y = torch.randn(2, 3, 3, 4, generator=stream(0, 1))
    found = Unpool(3, 3, of_another=False)(y, Passed(x, pooled))
    values, indices = nn.MaxPool2d(2, return_indices=True)(x)
    assert torch.equal(pooled.values, values)
    assert torch.equal(found, nn.MaxUnpool2d(2)(y, indices))
    loop = torch.zeros_like(x)
    for b, c, i, j in np.ndindex(2, 3, 3, 4):
        block = x[b, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        di, dj = divmod(int(block.argmax()), 2)
        loop[b, c, 2 * i + di, 2 * j + dj] = y[b, c, i, j]
    assert torch.equal(found, loop)


def test_indices_of_another_picture_keep_the_values_and_lose_the_places():
    x, y = torch.randn(1, 2, 16, 16, generator=stream(0, 0)), torch.rand(1, 2, 8, 8, generator=stream(0, 1)) + 1
    own, other = (Unpool(2, 2, of_another=flag)(y, Passed(x, max_pool(x))) for flag in (False, True))
    for each in (own, other):
        assert_close(F.max_pool2d(each, 2), y)
    same = ((own > 0) & (other > 0)).sum() / (own > 0).sum()
    assert 0.1 < float(same) < 0.45  # chance is a quarter


@pytest.mark.parametrize("upsampling", ENLARGING)
def test_a_doubling_doubles_and_overlaps_as_its_kernel_says(upsampling):
    """With all weights alike, an even map stays even inside but for the kernel whose size the stride does not divide."""
    layer = doubling(1, 1, upsampling)
    for weight in layer.parameters():
        nn.init.constant_(weight, 1.0 if weight.dim() == 4 else 0.0)
    y = layer(torch.ones(1, 1, 6, 6))
    assert y.shape == (1, 1, 12, 12)
    inside = y[0, 0, 4:-4, 4:-4]
    assert sorted({round(v) for v in inside.flatten().tolist()}) == {
        "transposed_3x3": [1, 2, 4], "transposed_4x4": [4], "transposed_2x2": [1], "bilinear": [1],
        "resize_convolution": [9], "pixel_shuffle": [9],
    }[upsampling]  # fmt: skip


def test_bilinear_leaves_the_cells_on_their_pixels():
    x = torch.randn(1, 2, 3, 4, generator=stream(0, 0))
    y = corner_bilinear(x, 4, (12, 14))
    assert_close(y[:, :, ::4, ::4], x)
    assert_close(y[:, :, 2, 0], (x[:, :, 0, 0] + x[:, :, 1, 0]) / 2)
    assert torch.equal(corner_bilinear(x, 1, (3, 4)), x)
    ones = Enlarge(2, 8, "bilinear")(torch.ones(1, 2, 2, 3), (15, 20))
    assert torch.equal(ones, torch.ones(1, 2, 15, 20))


@pytest.mark.parametrize("rate", [1, 6, 12, 18, 40])
def test_taps_inside_the_map(rate):
    """On 22 × 30 cells, rate 18 leaves hardly more than the middle tap, and one beyond the map is 1×1."""
    ones = torch.ones(1, 1, 22, 30)
    counted = F.conv2d(ones, torch.ones(1, 1, 3, 3), padding=rate, dilation=rate)
    assert valid_taps(rate, 22, 30) == pytest.approx(float(counted.mean()))
    assert valid_taps(40, 22, 30) == 1


# ---- Facts ----


def layers_of(output_stride, dilated):
    """The trunk, as the playground writes layers."""
    layers, stride, dilation = [Layer(stride=2, channels=32), Layer(stride=2, channels=32)], 4, 1
    for channels in (64, 128, 128):
        step = 2 if stride < output_stride else 1
        before, dilation = dilation, dilation * (2 if step == 1 and dilated else 1)
        stride *= step
        layers += [Layer(stride=step, dilation=before, channels=channels), Layer(dilation=dilation, channels=channels)]
    return layers


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("dilated", [True, False])
def test_the_field_by_gradients_is_that_of_the_formula(output_stride, dilated):
    """Dilation keeps the field of stride 32; without it, the field shrinks."""
    net = NETS["fcn32"].make(3, width=0.125, output_stride=output_stride, dilated=dilated)
    formula = receptive_fields(layers_of(output_stride, dilated), size=256)[-1]
    assert receptive_field(net, 256, 256) == (formula.field, formula.field)
    assert (formula.field == receptive_fields(layers_of(32, dilated=True), size=256)[-1].field) == (
        dilated or output_stride == 32
    )


def test_multiply_adds_are_those_of_the_formula():
    trunk, layers = Trunk(), layers_of(32, dilated=True)
    formula = receptive_fields(layers, size=64)

    class Alone(nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = trunk

        def scores(self, pixels):
            return self.trunk(pixels)

    assert multiply_adds(Alone(), torch.zeros(1, 3, 64, 64)) == sum(seen.multiply_adds for seen in formula)
    convs = sum(m.weight.numel() for m in trunk.modules() if isinstance(m, nn.Conv2d))
    assert convs == sum(seen.parameters for seen in formula)


def test_multiply_adds_of_a_transposed_convolution():
    class Alone(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.ConvTranspose2d(3, 5, 4, 2, 1)

        def scores(self, pixels):
            return self.layer(pixels)

    assert multiply_adds(Alone(), torch.zeros(1, 3, 6, 7)) == 6 * 7 * 3 * 5 * 16


def test_facts_of_all():
    """A net on the trunk that pools the picture sees all of it; SegNet sees what its poolings and convolutions reach."""
    ticks = iter(range(100))
    for name in LABELLED:
        with seeded(0):
            net = NETS[name].make(3)
        facts = facts_of(net, 64, 96, clock=lambda: float(next(ticks)))
        assert facts.seconds == 1
        assert facts.parameters == sum(p.numel() for p in net.parameters())
        assert facts.multiply_adds > 0
        assert net.training
        if name in ("deeplab", "pspnet", "linear", "pac"):
            assert facts.field == (64, 96)
    segnet = NETS["segnet"].make(3)
    # A cell below the last pooling sees 46 px: 3×3 at strides 1, 2, 4, 8, poolings between. On the way up, a pixel meets two
    # or three of them, 16 px apart, depending on where it lies in their block.
    seen = receptive_fields([Layer(), Layer(kind="max_pool", kernel=2, stride=2)] * 4, size=160)[-1].field
    assert seen == 46
    assert receptive_field(segnet, 160, 180) == (seen + 16, seen + 32)


# ---- Weights, scores ----


def test_class_weights():
    counts = torch.tensor([[60, 40, 0, 0], [90, 0, 10, 0]])
    f = torch.tensor([150 / 200, 40 / 100, 10 / 100])
    assert_close(weights_of(counts, "median")[:3], (0.4 / f).clamp_max(5))
    assert weights_of(counts, "median")[3] == 0
    p = counts.sum(0) / 200
    assert_close(weights_of(counts, "enet")[:3], 1 / torch.log(1.02 + p[:3]))
    assert torch.equal(weights_of(counts, "none"), torch.ones(4))


def test_known_scores_of_a_table():
    scores = known_scores(np.array([[6, 1, 0], [2, 3, 0], [0, 0, 0]]))
    assert scores.accuracy == pytest.approx(9 / 12)
    assert scores.miou == pytest.approx((6 / 9 + 3 / 6) / 2)  # class 2 does not occur
    assert scores.class_accuracy == pytest.approx((6 / 8 + 3 / 4) / 2)


def test_boundary_f_of_classes_forgives_the_tolerance_and_no_more():
    """On 300 × 400 px the tolerance is 3.75 px."""
    truth = np.zeros((300, 400), np.int64)
    truth[:, 200:] = 1
    for shift, f in ((0, 1), (3, 1), (5, 0)):
        pred = np.zeros_like(truth)
        pred[:, 200 + shift :] = 1
        assert class_boundary_f(pred, truth, 3)[:2] == pytest.approx([f, f])
    assert math.isnan(class_boundary_f(truth, truth, 3)[2])
    assert class_boundary_f(np.zeros_like(truth), truth, 2)[1] == 0
    hidden = truth.copy()
    hidden[:, 190:210] = -1
    assert np.isnan(class_boundary_f(truth, hidden, 2)).all()  # nothing is known of the one outline


# ---- Learning ----


def test_squares_and_their_classes_go_together():
    pictures = two_colors()
    source = Source(pictures, side=48, crop=16, device=torch.device("cpu"))
    for scale in (1.0, 1.5):
        pixels, truth = source.draw_labelled(8, 16, stream(0, 0), scale=scale)
        assert pixels.shape == (8, 3, 16, 16)
        dark = (pixels[:, 0] < 0.47).long()
        known = truth >= 0
        agree = (dark == truth)[known].float().mean()
        assert float(agree) == 1 if scale == 1 else float(agree) > 0.97
    assert source.class_counts(2).shape == (4, 2)
    assert torch.equal(source.class_counts(2, 2), source.class_counts(2)[[0, 2]])


@pytest.mark.parametrize("name", ["fcn8", "segnet", "linear"])
def test_it_learns(name):
    """Discs that differ from the ground by their color are told from it within a few dozen steps."""
    pictures = two_colors()
    settings = CATALOG[name].settings(**TINY | WHOLE)
    *_, last = train(name, pictures, n_segments=2, settings=settings, steps=40, device="cpu")
    found = [last.label(image) for image in pictures.images]
    right = [float((f == t)[t >= 0].float().mean()) for f, t in zip(found, pictures.truth, strict=True)]
    assert np.mean(right) > 0.9
    assert last.learned().values == (0, 7)
    assert last.learned().names == ("ground", "disc")
    assert float(last.P.trace()) > 0.8


def test_tuned_blocks_learn_and_others_do_not():
    with seeded(0):
        net = NETS["linear"].make(2, tuned_blocks=1)
    learns = [all(p.requires_grad for p in block.parameters()) for block in net.vit.blocks]
    assert learns == [False] * (len(learns) - 1) + [True]


def unlabelled(pictures):
    return Pictures(pictures.images, pictures.names)


def of_one_class(pictures):
    return Pictures(
        pictures.images, pictures.names, tuple(t.clamp_max(0) for t in pictures.truth), ("ground", "never"), (0, 1)
    )


@pytest.mark.parametrize(
    ("make", "k", "told"),
    [
        (unlabelled, 2, "FCN-32s learns from label maps. Give --labels"),
        (of_one_class, 2, "hold one class only"),
        (lambda p: p, 3, "the label maps hold 2, and n_segments is 3"),
    ],
)
def test_what_cannot_be_learned_is_told(make, k, told):
    with pytest.raises(InputError, match=told):
        next(train("fcn32", make(two_colors()), n_segments=k, settings=CATALOG["fcn32"].settings(**TINY), steps=1))


def test_a_class_that_never_occurs_does_no_harm():
    """It counts nothing in the loss, and has no part in the scores."""
    one, settings = two_colors(), CATALOG["fcn32"].settings(**TINY)
    pictures = Pictures(one.images, one.names, one.truth, (*one.classes, "never"), (0, 1, 2))
    *_, last = train("fcn32", pictures, n_segments=3, settings=settings, steps=3)
    assert math.isfinite(last.loss)
    table = np.array([[8, 2, 0], [0, 5, 0], [1, 0, 0]])
    assert known_scores(table).miou == pytest.approx((8 / 11 + 5 / 7) / 2)


def test_a_loss_that_is_no_number_ends_at_the_last_good_network(monkeypatch, tmp_path):
    """With a sentence; the checkpoint goes on from before it."""
    settings, losses = CATALOG["fcn32"].settings(**TINY), LabelledLearner.losses

    def broken(self, turn):
        loss = losses(self, turn)
        return loss if turn.step < 3 else replace(loss, total=loss.total * math.nan)

    monkeypatch.setattr(LabelledLearner, "losses", broken)
    out = tmp_path / "net.safetensors"
    asked = {"n_segments": 2, "settings": settings, "steps": 6, "device": "cpu"}
    with pytest.raises(NumericalError, match="smaller learning rate"):
        learn("fcn32", two_colors(), out, **asked)
    monkeypatch.undo()
    done = learn("fcn32", two_colors(), out, resume=True, **asked)
    assert done.learned.training["steps"] == 6
    assert all(bool(t.isfinite().all()) for t in done.learned.net.state_dict().values())


def test_other_labels_do_not_go_on():
    pictures, settings = two_colors(), CATALOG["fcn32"].settings(**TINY)
    asked = {"n_segments": 2, "settings": settings, "steps": 2, "device": "cpu"}
    state = next(train("fcn32", pictures, **asked))
    other = Pictures(pictures.images, pictures.names, tuple(t.flip(0) for t in pictures.truth), pictures.classes)
    with pytest.raises(InputError, match="a training with another labels"):
        next(train("fcn32", other, start=state.checkpoint(), **asked))


def test_a_picture_smaller_than_the_output_stride_is_labelled():
    for name in LABELLED:
        with seeded(0):
            net = NETS[name].make(3).eval()
        with torch.no_grad():
            assert net.scores(torch.rand(1, 3, 5, 9)).shape == (1, 3, 5, 9)


def test_a_square_smaller_than_the_output_stride_is_told():
    settings = CATALOG["fcn32"].settings(side=48, crop=16)
    with pytest.raises(InputError, match=r"crop must be at least the output stride, 32 px; got 16\. Raise crop"):
        next(train("fcn32", two_colors(), n_segments=2, settings=settings, steps=1))


@pytest.mark.parametrize(("name", "crop"), [("fcn32", 32), ("unet", 16), ("deeplab", 16)])
def test_one_cell_is_learned_from(name, crop):
    """Of a square alone in its step, which leaves batch norm no variance; that of the steps before stands in."""
    settings = CATALOG[name].settings(side=48, crop=crop, batch=1, width=0.25)
    *_, last = train(name, two_colors(), n_segments=2, settings=settings, steps=3, device="cpu")
    assert math.isfinite(last.loss)
    assert all(bool(t.isfinite().all()) for t in last.learned().net.state_dict().values())


# ---- From the command line ----


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("discs")
    for sub in ("images", "labels"):
        (root / sub).mkdir()
    pictures = two_colors()
    for name, image, truth in zip(pictures.names, pictures.images, pictures.truth, strict=True):
        Image.fromarray(image.numpy()).save(root / "images" / f"{name}.png")
        labels = np.select([truth.numpy() == 1, truth.numpy() == 0], [7, 3], 255).astype(np.uint8)
        Image.fromarray(labels).save(root / "labels" / f"{name}.png")
    return root


def test_learn_and_evaluate(folder, tmp_path, capsys):
    out, scores = tmp_path / "net.safetensors", tmp_path / "scores.json"
    given = ["--labels", str(folder / "labels"), "--ignore", "255"]
    tiny = ["--batch", "2", *(word for name, value in WHOLE.items() for word in (f"--{name.replace('_', '-')}", str(value)))]
    assert main(["learn", "fcn8", str(folder / "images"), *given, *tiny, "--names", "ground, disc", "--steps", "40",
                 "--out", str(out), "--device", "cpu"]) == 0  # fmt: skip
    told = capsys.readouterr()
    assert "FCN-8s, 2 classes, 48 × 48 px: 583,526 parameters" in told.out
    learned = load_learned(out)
    assert (learned.names, learned.values) == (("ground", "disc"), (3, 7))
    evaluate = ["evaluate", "classes", "--images", str(folder / "images"), "--labels", str(folder / "labels"),
                "--weights", str(out), "--device", "cpu"]  # fmt: skip
    assert main([*evaluate, "--ignore", "255", "--json", str(scores)]) == 0
    found = json.loads(scores.read_text())
    assert {"miou", "global_accuracy", "class_accuracy", "boundary_f", "iou"} <= found.keys()
    assert found["iou"].keys() == {"ground", "disc"}
    pictures, _ = load_pictures(folder / "images", side=64, labels=folder / "labels", ignore=255)
    right = [(learned.label(i) == t)[t >= 0] for i, t in zip(pictures.images, pictures.truth, strict=True)]
    assert found["global_accuracy"] == pytest.approx(float(torch.cat(right).float().mean()))
    assert found["miou"] == pytest.approx(np.mean(list(found["iou"].values())))
    assert found["global_accuracy"] > 0.9
    assert main(evaluate) == 2
    assert "The label maps hold 255, which these weights do not know; they know 3, 7." in capsys.readouterr().err


def test_names_and_labels_are_asked_for(folder, tmp_path, capsys):
    out = str(tmp_path / "net.safetensors")
    asked = ["learn", "fcn8", str(folder / "images"), "--out", out, "--crop", "32", "--steps", "1"]
    assert main(asked) == 2
    assert "FCN-8s learns from label maps. Give --labels" in capsys.readouterr().err
    assert main([*asked, "--labels", str(folder / "labels"), "--names", "a,b"]) == 2
    assert "--names must name each of the 3 labels; got 2" in capsys.readouterr().err


def test_pictures_and_label_maps_that_do_not_fit(folder, tmp_path, capsys):
    """A map of another size, and squares that no picture holds, end in a sentence before any step."""
    out = str(tmp_path / "net.safetensors")
    asked = ["learn", "fcn8", str(folder / "images"), "--out", out, "--steps", "1"]
    assert main([*asked, "--labels", str(folder / "labels"), "--ignore", "255"]) == 2
    assert "crop must be at most the shorter side of the pictures, 48 px" in capsys.readouterr().err
    (tmp_path / "labels").mkdir()
    for path in (folder / "labels").iterdir():
        Image.open(path).resize((24, 48), Image.Resampling.NEAREST).save(tmp_path / "labels" / path.name)
    assert main([*asked, "--labels", str(tmp_path / "labels"), "--crop", "32"]) == 2
    assert "must be as large as its picture, 48 × 48 px; got 24 × 48" in capsys.readouterr().err


def test_label_maps_may_come_as_a_zip(folder, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "labels.zip", "w") as archive:
        for path in (folder / "labels").iterdir():
            archive.write(path, path.name)
    asked = ["learn", "fcn32", str(folder / "images"), "--ignore", "255", "--crop", "32", "--steps", "2", "--device", "cpu"]
    nets = []
    for name, labels in (("of_folder", folder / "labels"), ("of_zip", tmp_path / "labels.zip")):
        out = tmp_path / f"{name}.safetensors"
        assert main([*asked, "--labels", str(labels), "--out", str(out)]) == 0
        nets.append(load_learned(out).net.state_dict())
    assert nets[0].keys() == nets[1].keys()
    assert all(torch.equal(nets[0][key], nets[1][key]) for key in nets[0])


def test_weights_without_labels_have_no_classes(folder, tmp_path, capsys):
    out = str(tmp_path / "iic.safetensors")
    tiny = ["--crop", "32", "--batch", "2", "--width", "0.0625", "--n-segments", "2"]
    assert main(["learn", "iic", str(folder / "images"), *tiny, "--steps", "1", "--out", out]) == 0
    assert main(["evaluate", "classes", "--images", str(folder / "images"), "--labels", str(folder / "labels"),
                 "--weights", out]) == 2  # fmt: skip
    assert "learned without labels" in capsys.readouterr().err


def quick_net(name, n_segments=3, **own):
    system = CATALOG[name]
    with seeded(0):
        return system.make_net(n_segments, system.settings(**own)).eval()


@pytest.mark.parametrize("name", LABELLED)
def test_maps_along_the_way(name):
    """From the picture to the classes: the last map has K channels, and each is what its layer gives."""
    net, pixels = quick_net(name), torch.rand(1, 3, 48, 64)
    maps = maps_along(net, pixels)
    assert [m.name for m in maps] == list(net.along())
    assert maps[-1].map.shape[0] == 3
    assert all(m.map.ndim == 3 and bool(m.map.isfinite().all()) for m in maps)
    assert all(m.picture().shape == m.map.shape[1:] for m in maps)
    assert not any(layer._forward_hooks for layer in net.along().values())


def test_field_follows_the_point():
    """At a corner half of the field falls outside; the cell itself always lies in it."""
    net = quick_net("fcn32", output_stride="8", dilated=False)
    middle = field_of(net, 240, 240, (120, 120))
    assert middle == field_of(net, 240, 240)
    assert (middle[2] - middle[0], middle[3] - middle[1]) == receptive_field(net, 240, 240)
    corner = field_of(net, 240, 240, (0, 239))
    assert (corner[0], corner[3]) == (0, 240)
    assert corner[2] - corner[0] < middle[2] - middle[0]


def test_checkerboard_by_theory():
    y, x = torch.meshgrid(torch.arange(32), torch.arange(40), indexing="ij")
    assert checkerboard(((y + x) % 2).float()) == pytest.approx(1)
    assert checkerboard((x % 2).float()) == pytest.approx(1)
    assert checkerboard(torch.sin(2 * math.pi / 8 * x)) == pytest.approx(0, abs=1e-12)
    assert checkerboard(torch.full((32, 40), 5.0)) == 0
    noise = torch.randn(200, 32, 40, generator=torch.Generator().manual_seed(0))
    assert checkerboard(noise) == pytest.approx((32 + 40 - 1) / (32 * 40 - 1), rel=0.05)
    assert checkerboard(3 * noise) == pytest.approx(checkerboard(noise))


def test_checkerboard_is_there_before_learning():
    """Learned layers with random weights draw it already; interpolation, and nearest neighbor before a 3×3, do not."""
    pixels = torch.from_numpy(np.stack([i.numpy() for i in draw_stuff(STREET, n=1, side=64).images])).movedim(-1, 1) / 255
    before = {up: checkerboard_of(quick_net("fcn32", output_stride="8", upsampling=up), pixels) for up in ENLARGING}
    drawn = {up for up, share in before.items() if share > 0.3}
    assert drawn == {"transposed_3x3", "transposed_4x4", "transposed_2x2", "pixel_shuffle"}
    assert max(before["bilinear"], before["resize_convolution"]) < 0.05


def test_crf_after_the_network():
    """The same weights; the labels are those of the mean field on the network's probabilities."""
    net, image = quick_net("fcn32", side=64, crop=32), draw_stuff(STREET, n=1, side=64).images[0]
    plain = LearnedNet(net, "fcn32", 3, CATALOG["fcn32"].settings(side=64, crop=32), ("a", "b", "c"), {})
    sharp = replace(plain, settings=plain.settings.replace(crf=True))
    numbers = dict(CRF_PRESETS["readme"])
    n_steps = int(numbers.pop("crf_steps"))
    unary = -plain.scores(image).clamp_min(1e-12).log()
    assert_close(sharp.scores(image), mean_field(unary, image, n_steps=n_steps, **numbers), atol=1e-4)


def test_street_is_the_same_whoever_draws_it():
    street = draw_stuff(STREET, n=6)
    assert street.classes == ("sky", "ground", "post", "sign")
    assert torch.equal(street.images[5], draw_stuff(STREET, n=9).images[5])
    shares = torch.stack([torch.bincount(t.flatten(), minlength=4) for t in street.truth]).float().mean(0) / 128**2
    assert 0.005 < shares[2] < 0.1  # posts are thin
    assert shares[3] < 0.05
