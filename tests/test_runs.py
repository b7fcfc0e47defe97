"""The recorded runs that come along are those of their rows, and say of themselves what can be computed again."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from segcore.drawn.stuff import draw_stuff
from segcore.evaluate.record import MOST_BYTES, N_DRAWN, N_SHOWN, load_record, run_scores, scores_with, untrained
from segcore.learn.ablations import ABLATIONS, SEEDS, STEPS, STREET
from segcore.learn.catalog import CATALOG
from segcore.runtime.places import ASSETS
from segcore.train.seeds import seeded
from segcore.types import Pictures

RUNS = ASSETS / "runs"
DRAWN_ROWS = [name for name, row in ABLATIONS.items() if row.repeatable]
HEADS = ("linear", "pac")  # whose transformer takes seconds to read
# By how much scores of eight pictures may differ from those of all 24.
OFF = {"miou": 0.06, "global_accuracy": 0.06, "class_accuracy": 0.06, "boundary_f": 0.1}


@pytest.fixture(scope="module")
def scored():
    return draw_stuff(STREET, n=N_DRAWN, seed=1)


def recorded(name, seed):
    paths = [RUNS / ABLATIONS[name].file(name, i, seed) for i in range(len(ABLATIONS[name].runs))]
    return [load_record(path) for path in paths if path.is_file()]


def decoded(file):
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(file))).astype(np.int64))


def test_no_file_belongs_to_no_row():
    known = {row.file(name, i, s) for name, row in ABLATIONS.items() for i in range(len(row.runs)) for s in SEEDS}
    there = {path.name for path in RUNS.iterdir()}
    assert there <= known
    assert all((RUNS / name).stat().st_size <= MOST_BYTES for name in there)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ABLATIONS)
def test_runs_are_those_of_the_row(name, seed):
    """With the first seed all of them, with another all or none; each with the settings, and the size, that the row asks."""
    row, runs = ABLATIONS[name], recorded(name, seed)
    assert len(runs) in ({len(row.runs)} if seed == SEEDS[0] else {0, len(row.runs)})
    for one, run in zip(row.runs, runs, strict=False):
        settings = CATALOG[one.system].settings(**one.settings)
        assert (run.system, dict(run.settings), run.seed) == (one.system, settings.to_dict(), seed)
        assert run.scores[0].step == 0
        assert run.losses[-1][0] == run.steps
        if one.system not in HEADS:
            with seeded(seed):
                net = CATALOG[one.system].make_net(len(run.classes), settings)
            assert run.facts.parameters == sum(p.numel() for p in net.parameters())
        assert len(run.shown) == (N_SHOWN if seed == SEEDS[0] else 0)


@pytest.mark.parametrize("name", DRAWN_ROWS)
def test_answers_are_of_the_pictures_and_of_the_scores(name, scored):
    """The pictures are drawn anew; the scores of their stored answers are near those of all, which the file holds."""
    every = range(0, len(scored), len(scored) // N_SHOWN)
    images, truth = (tuple(of[i] for i in every) for of in (scored.images, scored.truth))
    few = Pictures(images, tuple(scored.names[i] for i in every), truth, scored.classes)
    for run in recorded(name, SEEDS[0]):
        assert (run.classes, run.steps) == (scored.classes, STEPS)
        for shown, image, labels in zip(run.shown, images, truth, strict=True):
            assert torch.equal(decoded(shown.truth), labels)
            assert float((decoded(shown.picture) - image).abs().float().mean()) < 5
        answers = iter([decoded(shown.found) for shown in run.shown])
        found = scores_with(lambda _, answers=answers: next(answers), few)
        for score, off in OFF.items():
            assert found[score] == pytest.approx(getattr(run.scores[-1], score), abs=off), (run.settings, score)


@pytest.mark.parametrize(("name", "i"), [("skips", 0), ("weights", 0), ("upsampling", 4)])
def test_the_first_scores_are_those_of_the_untrained_network(name, i, scored):
    """Which the seed alone decides; another processor rounds in another way, and a few pixels go over."""
    run = recorded(name, SEEDS[0])[i]
    settings = CATALOG[run.system].settings(**run.settings)
    found = run_scores(untrained(run.system, settings, scored.classes, seed=run.seed), scored, 0)
    for score in ("miou", "global_accuracy", "boundary_f", "checkerboard"):
        assert getattr(found, score) == pytest.approx(getattr(run.scores[0], score), abs=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_skips_raise_boundary_f(seed):
    """By .3 and more, with each seed: whole maps of the encoder, added or side by side, against none."""
    none, added, beside, *_ = (run.scores[-1].boundary_f for run in recorded("skips", seed))
    assert min(added, beside) > none + 0.3
