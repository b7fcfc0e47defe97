"""Features as colors: the same features get the same colors, in every picture; what cannot be colored is one sentence."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.decomposition import PCA

import segcore
from segcore import InputError, Settings
from segcore.cli.commands import main
from segcore.cluster.colors import (
    eigenvector_colors,
    figure_ground,
    joint_eigenvectors,
    pca_colors,
    principal_axes_of,
)
from segcore.features import BACKBONES, ColorModel, shifted_features
from segcore.graph.affinity import cosine_affinity
from segcore.graph.eigen import smallest_eigenpairs
from segcore.pipeline import Pipeline
from segcore.runtime.places import EXAMPLES
from segcore.show.feature_colors import painted
from tests.asserts import assert_close
from tests.scenes import two_discs

CAT = str(EXAMPLES / "cat.jpg")


def grids(generator, *sizes, d=7):
    """Features of pictures of these sizes, stretched along one axis after another."""
    scale = torch.linspace(3, 0.2, d)
    return [torch.randn(h, w, d, generator=generator) * scale + 5 for h, w in sizes]


def test_axes_and_shares_are_those_of_all_patches_together(generator):
    fs = grids(generator, (6, 9), (4, 5))
    found = principal_axes_of(fs, n_axes=4)
    X = torch.cat([f.flatten(0, 1) for f in fs]).double().numpy()
    oracle = PCA(4).fit(X)
    np.testing.assert_allclose(found.shares, oracle.explained_variance_ratio_, rtol=1e-5)
    np.testing.assert_allclose(abs(found.axes.T.numpy() @ oracle.components_.T), np.eye(4), atol=1e-6)
    largest = found.axes.abs().argmax(0)
    assert (found.axes.gather(0, largest[None]) > 0).all()


def test_the_same_features_have_the_same_colors_in_every_picture(generator):
    (f,) = grids(generator, (8, 8))
    found = pca_colors([f, f.flip(0), f[:3]])
    assert torch.equal(found.colors[1], found.colors[0].flip(0))
    assert torch.equal(found.colors[2], found.colors[0][:3])
    assert all(c.min() >= 0 and c.max() <= 1 for c in found.colors)
    assert torch.equal(pca_colors([f]).colors[0], pca_colors([f.clone()]).colors[0])


def test_colors_do_not_depend_on_scale_and_place_of_the_features(generator):
    (f,) = grids(generator, (8, 8))
    assert_close(pca_colors([4 * f - 100]).colors[0], pca_colors([f]).colors[0], atol=1e-4)


def test_components_are_chosen_in_order_and_one_that_is_not_there_is_gray(generator):
    (f,) = grids(generator, (9, 9), d=4)
    first, swapped = pca_colors([f]), pca_colors([f], components=(2, 1, 9))
    assert torch.equal(swapped.colors[0][..., 0], first.colors[0][..., 2])
    assert (swapped.colors[0][..., 2] == 0.5).all()
    assert swapped.shares == (first.shares[2], first.shares[1], 0.0)
    assert sum(first.all_shares) == pytest.approx(1)
    assert list(first.all_shares) == sorted(first.all_shares, reverse=True)


def test_one_outlier_does_not_make_all_others_gray(generator):
    (f,) = grids(generator, (20, 20))
    spoilt = f.clone()
    spoilt[0, 0] = f.flatten(0, 1)[f[..., 0].argmax()] * 20  # along the first axis
    colors = pca_colors([spoilt]).colors[0][..., 0].flatten()
    assert colors.std() > 0.1


def test_the_figure_alone_is_colored_by_its_own_components(generator):
    f = torch.randn(12, 12, 6, generator=generator) * 0.05
    f[3:9, 3:9, 0] += 4  # a square in the middle, with two parts
    f[3:6, 3:9, 1] += 1
    figure = figure_ground([f])
    inside = torch.zeros(12, 12, dtype=torch.bool)
    inside[3:9, 3:9] = True
    assert torch.equal(figure.masks[0], inside)
    assert torch.equal(figure_ground([-f]).masks[0], inside)  # a component has no sign, a figure has
    assert torch.equal(figure_ground([f], other=True).masks[0], ~inside)
    assert figure_ground([f], threshold=1.0).masks[0].sum() == 0
    parts = pca_colors([f], masks=figure.masks)
    assert (parts.colors[0][~inside] == 0).all()
    upper, lower = parts.colors[0][3:6, 3:9, 0], parts.colors[0][6:9, 3:9, 0]
    assert min(abs(upper.min() - lower.max()), abs(lower.min() - upper.max())) > 0.3


def test_a_larger_threshold_keeps_less(generator):
    fs = grids(generator, (10, 10), (5, 9))
    kept = [sum(int(m.sum()) for m in figure_ground(fs, threshold=t).masks) for t in (0, 0.25, 0.5, 0.75, 1)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > kept[-1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: pca_colors([torch.ones(4, 5, 3) * 0.3]), "same features"),
        (lambda: pca_colors([]), "at least one picture"),
        (lambda: pca_colors([torch.randn(2, 2, 3), torch.randn(2, 2, 4)]), "shape"),
        (lambda: pca_colors([torch.randn(3, 3, 4)], masks=[torch.zeros(3, 3, dtype=torch.bool)]), "No patch is left"),
        (lambda: pca_colors([torch.randn(3, 3, 4)], components=(0, 1)), "three"),
        (lambda: pca_colors([torch.randn(3, 3, 4)], components=(0, 1, -1)), "at least 0"),
        (lambda: figure_ground([torch.randn(3, 3, 4)], threshold=1.5), "between 0 and 1"),
        (lambda: joint_eigenvectors([torch.randn(1, 1, 4)], n_vectors=3), "at least two patches"),
    ],
)
def test_what_cannot_be_colored_is_one_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call()


def test_joint_eigenvectors_are_those_of_the_graph_of_all_patches(generator):
    fs = grids(generator, (5, 6), (4, 4))
    vs, mu = joint_eigenvectors(fs, n_vectors=3)
    X = torch.cat([f.flatten(0, 1) for f in fs])
    spectrum = smallest_eigenpairs(cosine_affinity(X), n_vectors=4)
    assert_close(torch.cat([v.flatten(0, 1) for v in vs]), spectrum.V[:, 1:].float(), atol=1e-5)
    assert_close(mu, spectrum.eigenvalues[1:], atol=1e-6)


def test_patches_outside_the_graph_follow_their_likes(generator):
    f = torch.randn(20, 20, 5, generator=generator) * 0.1
    f[:10, :, 0] += 1
    f[10:, :, 1] += 1
    (v,), _ = joint_eigenvectors([f], n_vectors=1, most=60)
    (whole,), _ = joint_eigenvectors([f], n_vectors=1)
    a, b = v.flatten(), whole.flatten()
    assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) > 0.98
    assert ((v[:10] > 0).float().mean() - (v[10:] > 0).float().mean()).abs() == 1  # the same cut


@pytest.mark.parametrize("reduction", ["pca", pytest.param("umap", marks=pytest.mark.extra("umap"))])
def test_colors_of_eigenvectors_tell_groups_apart(reduction, generator):
    groups = torch.arange(4).repeat_interleave(25).reshape(10, 10)
    f = torch.nn.functional.one_hot(groups, 4).float() + 0.05 * torch.randn(10, 10, 4, generator=generator)
    colors = eigenvector_colors(joint_eigenvectors([f], n_vectors=3)[0], reduction=reduction).colors[0].flatten(0, 1)
    means = torch.stack([colors[groups.flatten() == g].mean(0) for g in range(4)])
    within = max(float(colors[groups.flatten() == g].std(0).max()) for g in range(4))
    assert torch.pdist(means).min() > 3 * within


def test_umap_that_is_not_here_is_a_sentence(monkeypatch, generator):
    monkeypatch.setattr("segcore.cluster.embed.is_there", lambda _name: False)
    with pytest.raises(InputError, match="umap needs a package"):
        eigenvector_colors(grids(generator, (6, 6)), reduction="umap")


# ---- Shifts ----


@pytest.mark.parametrize("shifts", [1, 2, 4])
@pytest.mark.parametrize("size", [(48, 64), (50, 61)])
def test_shifted_features_are_those_of_patches_around_the_middles_of_their_cells(generator, shifts, size):
    picture = torch.randint(0, 256, (*size, 3), dtype=torch.uint8, generator=generator)
    model = Means(torch.device("cpu"))
    found = shifted_features(model, picture, shifts=shifts, max_side=max(size))
    p, q = model.patch, model.patch // shifts
    assert found.geometry.patch == q
    assert found.f.shape[:2] == (-(-size[0] // q), -(-size[1] // q))
    assert found.pixels.shape[:2] == (found.geometry.h * q, found.geometry.w * q)
    for y, x in [(0, 0), (1, 2), (found.geometry.h - 1, found.geometry.w - 1), (found.geometry.h // 2, 3)]:
        rows, columns = (
            torch.arange(c * q + q // 2 - p // 2, c * q + q // 2 + p // 2).clamp(0, side - 1)
            for c, side in zip((y, x), size, strict=True)
        )
        assert_close(found.f[y, x], picture[rows][:, columns].float().mean((0, 1)), atol=1e-3)


class Means(ColorModel):
    """A backbone whose feature is the mean color of a patch."""

    def extract(self, pixels, geometry, **_how):
        found = super().extract(pixels, geometry)
        f = pixels.float().unflatten(0, (geometry.h, -1)).unflatten(2, (geometry.w, -1)).mean((1, 3))
        return type(found)(f, geometry, pixels, "means", "none")


def test_shifts_that_do_not_divide_a_patch_are_one_sentence():
    with pytest.raises(InputError, match="Take one of 1, 2, 4"):
        shifted_features(ColorModel(torch.device("cpu")), two_discs(40, 40)[0], shifts=3, max_side=40)


def test_the_pipeline_remembers_shifted_features():
    pipeline, settings = Pipeline(device="cpu"), Settings(backbone="color", max_side=64)
    fine = pipeline.features(CAT, settings, shifts=2)
    assert pipeline.features(CAT, settings, shifts=2) is fine
    assert fine.geometry.patch == BACKBONES["color"].patch // 2
    assert pipeline.features(CAT, settings, shifts=1).geometry.patch == BACKBONES["color"].patch


# ---- Files ----


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear", "pac"])
def test_colors_are_painted_over_the_scaled_picture(upsampling):
    (found,) = segcore.feature_colors([CAT], backbone="color", max_side=100)
    picture = painted(found.colors, found.features.pixels, found.features.geometry, upsampling=upsampling)
    assert picture.shape == (*found.features.geometry.scaled_size, 3)
    if upsampling == "nearest":
        assert (abs(picture[0, 0] / 255 - found.colors[0, 0].numpy()) < 0.003).all()


@pytest.mark.parametrize("colors", ["pca", "eigenvectors"])
def test_the_command_writes_features_and_one_coloring_for_all(tmp_path, colors):
    other, out = tmp_path / "other.png", tmp_path / "out"
    Image.fromarray(two_discs(40, 57)[0].numpy()).save(other)
    words = ["features", CAT, str(other), "--out", str(out), "--backbone", "color", "--max-side", "96", "--colors", colors]
    assert main([*words, "--upsampling", "nearest"]) == 0
    expected = segcore.feature_colors([CAT, str(other)], backbone="color", max_side=96, colors=colors)
    for stem, found in zip(("cat", "other"), expected, strict=True):
        g = found.features.geometry
        with np.load(out / f"{stem}.features.npz") as arrays:
            assert arrays["f"].dtype == np.float16
            np.testing.assert_allclose(arrays["f"], found.features.f, atol=2e-2)
            assert arrays["patch"] == g.patch
            assert tuple(arrays["image_size"]) == g.image_size
            assert tuple(arrays["scaled_size"]) == g.scaled_size
        picture = np.asarray(Image.open(out / f"{stem}.colors.png"))
        assert picture.shape == (*g.scaled_size, 3)
        cells = picture[g.patch // 2 :: g.patch, g.patch // 2 :: g.patch] / 255
        assert abs(cells - found.colors[: len(cells), : len(cells[0])].numpy()).mean() < 0.05
    assert main(words) == 0  # in the place of its own files


def test_mistakes_in_a_shell_are_one_sentence(tmp_path, capsys):
    gray, broken, out = tmp_path / "gray.png", tmp_path / "broken.png", str(tmp_path / "out")
    Image.new("RGB", (64, 48), (9, 90, 9)).save(gray)
    broken.write_bytes(b"no picture")
    for words, sentence in [
        ([str(gray)], "one color"),
        ([CAT, "--colors", "tsne"], "colors must be one of pca, eigenvectors"),
        ([CAT, "--shifts", "3"], "3 shifts do not divide"),
        ([CAT, "--shifts", "99"], "shifts must be between 1 and 8"),
        ([CAT, "--color-vectors", "0"], "color_vectors must be between"),
        ([str(broken)], "not a picture"),
    ]:
        assert main(["features", *words, "--out", out, "--backbone", "color", "--max-side", "64"]) == 2
        told = capsys.readouterr().err.strip().splitlines()
        assert any(sentence in line for line in told), told
        assert all(line.startswith(("error: ", "note: ")) for line in told)
    assert main(["features", CAT, str(broken), "--out", out, "--backbone", "color", "--max-side", "64"]) == 2
    assert (tmp_path / "out" / "cat.colors.png").exists()


def test_files_of_others_are_not_written_over(tmp_path, capsys):
    (tmp_path / "cat.features.npz").write_bytes(json.dumps({"mine": 1}).encode())
    assert main(["features", CAT, "--out", str(tmp_path), "--backbone", "color", "--max-side", "64"]) == 2
    assert "cat.features.npz" in capsys.readouterr().err
