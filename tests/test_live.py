"""Frames one after the other: what is seen is what each frame alone would show, and it does not flicker."""

import itertools

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from segcore import Settings
from segcore.errors import InputError
from segcore.pipeline.live import SIDES, VIEWS, look
from segcore.pipeline.reader import open_reader

SETTINGS = Settings(backbone="dino_tiny", max_side=128, n_segments=4, knn_weight=5)
N = 6


def scene(shift, *, noise=0.0, seed=0):
    """(96, 128, 3): a red disc that moves to the right over green and blue."""
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    picture = torch.zeros(96, 128, 3)
    picture[..., 1], picture[..., 2] = 60 + 60 * (y > 60), 140 - 80 * (y > 60)
    picture[(y - 44) ** 2 + (x - 40 - shift) ** 2 < 20**2] = torch.tensor([210.0, 40, 30])
    picture += noise * torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))
    return picture.clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def reader():
    return open_reader(SETTINGS, device="cpu")


def watched(reader, view, frames, settings=SETTINGS):
    seen, before = [], None
    for picture in frames:
        before = look(reader, picture, settings, view=view, before=before)
        seen.append(before)
    return seen


def agreement(a, b, *, renamed=False):
    """Share of the patches with the same label; with the best names if they may be renamed."""
    table = torch.zeros(8, 8)
    table.index_put_((a, b), torch.ones(len(a)), accumulate=True)
    rows, columns = linear_sum_assignment(-table.numpy()) if renamed else (range(8), range(8))
    return float(table[list(rows), list(columns)].sum() / len(a))


@pytest.mark.parametrize("view", VIEWS)
def test_a_still_camera_shows_a_still_picture(reader, view):
    first, *others = watched(reader, view, [scene(0)] * N)
    for frame in others:
        assert (frame.view, frame.shape, frame.kind) == (view, first.shape, first.kind) == (view, (12, 16), first.kind)
        assert len(frame.values) == 12 * 16
        assert torch.allclose(frame.values.double(), first.values.double(), atol=2e-2)


@pytest.mark.parametrize("view", ["kmeans", "spectral"])
def test_labels_keep_their_numbers_while_things_move(reader, view):
    frames = watched(reader, view, [scene(3 * i, noise=6, seed=i) for i in range(N)])
    for old, new in itertools.pairwise(frames):
        assert agreement(old.values, new.values) == agreement(old.values, new.values, renamed=True) > 0.8


def test_vectors_keep_their_sign_and_colors_their_axes(reader):
    moving = [scene(3 * i, noise=6, seed=i) for i in range(N)]
    vectors = [frame.values for frame in watched(reader, "fiedler", moving)]
    assert all(float(old @ new) > 0 for old, new in itertools.pairwise(vectors))
    colors = [frame.values for frame in watched(reader, "colors", moving)]
    assert all(float((old - new).abs().mean()) < 0.08 for old, new in itertools.pairwise(colors))


def test_what_follows_is_what_the_frame_alone_would_show(reader):
    """The start saves work; it does not change what is found."""
    frames = [scene(3 * i) for i in range(N)]
    for frame, picture in zip(watched(reader, "fiedler", frames), frames, strict=True):
        alone = look(reader, picture, SETTINGS, view="fiedler").values
        assert min(float((frame.values - sign * alone).abs().max()) for sign in (1, -1)) < 1e-2
    for frame, picture in zip(watched(reader, "tokencut", frames), frames, strict=True):
        assert torch.equal(frame.values, look(reader, picture, SETTINGS, view="tokencut").values)


def test_the_ranges_of_what_is_shown(reader):
    kinds = {view: look(reader, scene(0), SETTINGS, view=view) for view in VIEWS}
    for frame in kinds.values():
        lo, hi = {"labels": (0, 3), "signed": (-1, 1), "positive": (0, 1), "colors": (0, 1)}[frame.kind]
        assert lo <= float(frame.values.min()) <= float(frame.values.max()) <= hi
    assert kinds["kmeans"].values.unique().tolist() == [0, 1, 2, 3]
    assert kinds["fiedler"].values.abs().max() == 1
    assert kinds["colors"].values.shape == (192, 3)


def test_another_view_size_or_k_begins_anew(reader):
    before = look(reader, scene(0), SETTINGS, view="kmeans")
    assert look(reader, scene(0)[:, :96], SETTINGS, view="kmeans", before=before).shape == (16, 16)
    more = look(reader, scene(0), SETTINGS.replace(n_segments=6), view="kmeans", before=before)
    assert len(more.values.unique()) == 6
    assert look(reader, scene(0), SETTINGS, view="colors", before=before).kind == "colors"
    large = look(reader, scene(0), SETTINGS.replace(max_side=1000), view="attention")
    assert max(large.shape) * 8 == SIDES[1]


def test_what_cannot_be_shown_is_one_sentence(reader):
    plain = torch.full((96, 128, 3), 90, dtype=torch.uint8)
    color = open_reader(SETTINGS.replace(backbone="color"), device="cpu")
    with pytest.raises(InputError, match="no principal components"):
        look(reader, plain, SETTINGS, view="colors")
    with pytest.raises(InputError, match="no class token"):
        look(color, scene(0), SETTINGS, view="attention")
    with pytest.raises(InputError, match="segments need at least"):
        look(reader, scene(0)[:8], SETTINGS.replace(n_segments=20, max_side=64), view="kmeans")
    with pytest.raises(InputError, match="view"):
        look(reader, scene(0), SETTINGS, view="magic")
