"""Movies of runs: their last picture is the last step, endings and sizes are what was asked for, mistakes are sentences."""

import dataclasses
import io
import itertools
import re

import cv2
import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from demo.learn.asked import asked_of as training_of
from demo.learn.board import Masks
from demo.learn.show import labels_shown
from demo.learn.show.film import MOST_SHOTS, shot_of
from demo.learn.show.film import Film as Training
from demo.learn.show.film import film_pictures as training_pictures
from demo.shared.film.pen import HEIGHT, INKS, WIDTH
from demo.shared.formula import flat
from demo.shared.service import EXAMPLES, Service
from demo.steps.algorithms import ALGORITHMS
from demo.steps.asked import PICTURE, RANGES, Asked, Inputs
from demo.steps.data import load
from demo.steps.run import CONTROLLED, asked_with
from demo.steps.run.film import Film, credit_of, film_pictures
from demo.steps.run.restore import default_points
from segcore.cli.commands import main
from segcore.errors import InputError
from segcore.learn import CATALOG
from segcore.settings import DEFAULTS
from segcore.show.moving import MOST_BYTES, MOVING_SUFFIXES, small_enough
from segcore.track.catalog import TRACKERS

QUICK = DEFAULTS.replace(backbone="color", max_side=96, n_segments=3, crf=False)
CAMERA = EXAMPLES / "camera.jpg"


@pytest.fixture(scope="module")
def service():
    return Service(device="cpu")


def asked_of(service, algorithm, data="stretched"):
    return Asked(algorithm, data, QUICK, str(service.examples["camera"].path), default_points(), 60)


def last_of(made, suffix, tmp_path):
    """The last picture of a file, and how many there are."""
    if suffix in (".gif", ".webp"):
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(Image.open(io.BytesIO(made)))]
        return frames[-1], len(frames)
    path = tmp_path / f"film{suffix}"
    path.write_bytes(made)
    video, frames = cv2.VideoCapture(str(path)), []
    while (read := video.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return frames[-1], len(frames)


@pytest.mark.parametrize("suffix", MOVING_SUFFIXES)
def test_the_last_picture_of_a_movie_is_the_last_step(service, tmp_path, suffix):
    pictures = list(film_pictures(service, asked_of(service, "kmeans"), Film()))
    made, told = small_enough(pictures, suffix, fps=1)
    last, n = last_of(made, suffix, tmp_path)
    assert (n, told) == (len(pictures), "")
    assert last.shape == (HEIGHT, WIDTH, 3)
    away = [np.abs(last.astype(int) - picture).mean() for picture in pictures]
    assert away[-1] < 6  # of 255: video has a quarter of the colors, and its white is a little gray
    assert int(np.argmin(away)) >= len(pictures) - 2  # a last step in which nothing changes looks like the one before


@pytest.mark.parametrize(("name", "theme"), list(zip(ALGORITHMS, itertools.cycle(INKS), strict=False)))
def test_every_algorithm_is_drawn(service, name, theme):
    """A picture for each step, on the paper of the theme; no two of the first two are the same."""
    data = "stretched" if "points" in ALGORITHMS[name].on else PICTURE
    asked = asked_of(service, name, data)
    pictures = list(film_pictures(service, asked, Film(theme=theme)))
    assert len(pictures) == len(ALGORITHMS[name].make(load(service, asked)).frames)
    for picture in pictures:
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert tuple(picture[2, 2]) == tuple(bytes.fromhex(INKS[theme].paper[1:]))
    assert len({picture.tobytes() for picture in pictures[:2]}) == len(pictures[:2])


@pytest.mark.parametrize("theme", INKS)
def test_what_is_written_is_told_from_the_paper_in_gray(theme):
    """Contrast of 4.5 : 1 for letters, 3 : 1 for lines, by the relative luminance of WCAG."""
    ink = INKS[theme]
    paper = luminance(ink.paper)
    for color, least in ((ink.ink, 4.5), (ink.quiet, 4.5), (ink.line, 3), (ink.here, 3)):
        light, dark = max(paper, luminance(color)), min(paper, luminance(color))
        assert (light + 0.05) / (dark + 0.05) >= least, color


def test_lines_in_print_are_told_apart_in_gray():
    assert abs(luminance(INKS["print"].line) - luminance(INKS["print"].here)) > 0.1


def luminance(color):
    parts = [byte / 255 for byte in bytes.fromhex(color[1:])]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_sweep_is_the_last_step_of_each_value(service):
    asked = asked_of(service, "kmeans")
    swept = list(film_pictures(service, asked, Film(sweep=("n_segments", ("2", "3", "5")))))
    assert len(swept) == 3
    run = list(film_pictures(service, asked, Film()))
    drawn = slice(140, 560)  # without title and numbers of the step
    assert np.array_equal(swept[1][drawn], run[-1][drawn])  # K = 3 is what is asked for
    assert not np.array_equal(swept[0][drawn], swept[1][drawn])


def test_a_picture_has_its_credit(service):
    assert service.examples["camera"].credit in credit_of(service, asked_of(service, "kmeans", PICTURE))
    assert credit_of(service, asked_of(service, "kmeans")) == ""


def test_what_is_too_large_is_made_smaller_and_said():
    noise = np.random.default_rng(0).integers(0, 256, (4, 120, 160, 3), dtype=np.uint8)
    whole, _ = small_enough(list(noise), ".gif", fps=1)
    made, told = small_enough(list(noise), ".gif", fps=1, most=len(whole) - 1)
    assert len(made) < len(whole) <= MOST_BYTES
    assert "120 × 90 px" in told
    with pytest.raises(InputError, match="4 pictures"):
        small_enough(list(noise), ".gif", fps=1, most=100)


def test_the_command_writes_a_movie_and_a_folder(tmp_path, capsys):
    flags = ["--backbone", "color", "--max-side", "96", "--n-segments", "2", "--no-crf"]
    film = tmp_path / "run.webp"
    assert main(["steps", "kmeans", str(CAMERA), "--out", str(film), "--seconds", "0.5", *flags]) == 0
    with Image.open(film) as image:
        assert image.size == (WIDTH, HEIGHT)
        image.load()
        assert image.info["duration"] == 500
    assert main(["steps", "kmeans", "stretched", "--out", str(tmp_path / "run"), *flags]) == 0
    steps = sorted((tmp_path / "run").iterdir())
    assert steps[0].name == "step-001.png"
    assert f"{len(steps)} steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("kmens", "stretched", "--out", "a.gif"), "algorithm"),
        (("kmeans", "missing.png", "--out", "a.gif"), "missing.png"),
        (("kmeans", "stretched", "--out", "a.avi"), ".gif, .mp4, .webp"),
        (("kmeans", "stretched", "--out", "a.gif", "--seconds", "0"), "0.1 to 10 seconds"),
        (("kmeans", "stretched", "--out", "a.gif", "--theme", "blue"), "theme"),
        (("kmeans", "stretched", "--out", "a.gif", "--sweep", "n_segments="), "--sweep"),
        (("kmeans", "stretched", "--out", "a.gif", "--sweep", "crf=1"), "sweep"),
        (("kmeans", "stretched", "--out", "a.gif", "--sweep", "n_segments=2,many"), "n_segments"),
        (("tokencut", "stretched", "--out", "a.gif"), "pictures alone"),
    ],
)
def test_a_mistake_is_one_sentence(words, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["steps", *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert said in told
    assert not (tmp_path / words[3]).exists()


def test_player_and_movie_ask_for_the_same():
    """Numbers within their ranges; a picture where the algorithm runs on pictures alone."""
    values = tuple(QUICK.to_dict()[name] for name in CONTROLLED)
    points = default_points()
    asked = asked_with(Inputs(points, "tokencut", "moons", 10**9, None, QUICK, "x.png", values))
    assert (asked.data, asked.n_points, asked.gamma) == (PICTURE, RANGES["n_points"][1], RANGES["gamma"][2])
    assert asked.settings == QUICK
    assert asked_with(Inputs(points, "kmeans", "moons", None, 3.0, QUICK, "x.png", values)) == Asked(
        "kmeans", "moons", QUICK, "x.png", points, RANGES["n_points"][2], 3.0
    )
    with pytest.raises(InputError):
        asked_with(Inputs(points, "kmeans", "moons", None, 3.0, QUICK, None, values))


# ---- Formulas on one line ----


@pytest.mark.parametrize(
    ("latex", "told"),
    [
        (r"P_{ij} \ln \frac{P_{ij}}{P_i P_j}", "P<sub>ij</sub> ln (P<sub>ij</sub> / (P<sub>i</sub>P<sub>j</sub>))"),
        (r"\hat x_i = \max_j z_j^2", "x\u0302<sub>i</sub> = max<sub>j</sub> z<sub>j</sub><sup>2</sup>"),
        (r"a < b", "a &lt; b"),
        (r"\begin{aligned} a &= 1 \\ b &= 2 \end{aligned}", "a = 1, b = 2"),
    ],
)
def test_a_formula_goes_on_one_line(latex, told):
    assert flat(latex) == told


def test_all_formulas_go_on_one_line():
    """No letter of them is lost, and no markup but lowered and raised letters is left."""
    for system in (*CATALOG.values(), *TRACKERS.values()):
        told = flat(system.formula)
        assert not re.sub(r"</?su[bp]>", "", told).count("<")
        for letters in re.findall(r"operatorname[{]([a-zA-Z]+)[}]", system.formula):
            assert letters in told


# ---- Trainings and tracks ----


def film_of(n, *, step=5):
    images = tuple(torch.randint(0, 256, (24, 32, 3), dtype=torch.uint8) for _ in range(2))
    film = Training(training_of({"system": "iic", "k": 3}, {}), images)
    for i in range(n):
        labels = torch.full((24, 32), i % 3)
        labels[:, :16] = 0
        masks = Masks(
            images=[labels_shown(labels)] * 2,
            view="",
            accuracy=i / n,
            miou=None,
            names=("sky", "sea", "land"),
            class_of=None,
        )
        film = film.then(shot_of(step * i, None if i == 0 else 1 / i, masks, k=3))
    return film


def test_a_training_is_a_picture_for_each_look():
    drawn = list(training_pictures(film_of(4), theme="dark"))
    assert len(drawn) == 4
    assert {picture.shape for picture in drawn} == {(HEIGHT, WIDTH, 3)}
    assert tuple(drawn[0][2, 2]) == tuple(bytes.fromhex(INKS["dark"].paper[1:]))
    masks = slice(130, 300), slice(40, 240)  # the first picture
    assert not np.array_equal(drawn[1][masks], drawn[2][masks])


def test_a_long_training_is_thinned_and_one_that_goes_on_does_not_go_back():
    film = film_of(300)
    steps = [shot.step for shot in film.shots]
    assert len(steps) <= MOST_SHOTS
    assert (steps[0], steps[-1]) == (0, 5 * 299)
    assert steps == sorted(steps)
    again = film.then(dataclasses.replace(film.shots[0], step=700))
    assert [shot.step for shot in again.shots] == [step for step in steps if step < 700] + [700]
