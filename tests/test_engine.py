"""The engines: the same results to the bit wherever the work is done, and a fault costs its own picture only."""

import json
import os
import pickle
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segcore.cli.commands import main
from segcore.collection import Store, collect, open_reader, pictures_of
from segcore.errors import InputError, ModelError, NumericalError
from segcore.evaluate import evaluate_labels, label_cases, untrained_pipeline
from segcore.pipeline import Pipeline
from segcore.runtime.engine import ENGINES, LOCAL, Ray, engine_of
from segcore.runtime.steps import finish
from segcore.settings import Settings
from tests.scenes import two_discs
from tests.server import free_port
from tests.test_own_labels import file_of

QUICK = Settings(backbone="color", max_side=64, method="kmeans", n_segments=3)
FLAGS = ["--backbone", "color", "--max-side", "64", "--method", "kmeans", "--n-segments", "3", "--device", "cpu"]


@pytest.fixture(scope="module")
def cluster():
    """Ray on this machine with two workers."""
    import ray

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as Ray's workers have; a sum over two threads is another one in its last bits
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield Ray()
    ray.shutdown()
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path):
    """Six pictures, one of them damaged, with label maps."""
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    image, truth = (x.numpy() for x in two_discs()[:2])
    for i in range(6):
        noise = np.random.default_rng(i).normal(0, 6, image.shape)
        Image.fromarray((image + noise).clip(0, 255).astype(np.uint8)).save(images / f"{i}.png")
        Image.fromarray(truth.astype(np.uint8)).save(labels / f"{i}.png")
    content = (images / "4.png").read_bytes()
    (images / "4.png").write_bytes(content[: len(content) // 2])
    return images


def answers(engine, work, items):
    """What came of each item; a fault as its class and sentence."""
    found = []
    for item, get in engine.each(work, items):
        try:
            found.append((item, get()))
        except ValueError as error:
            found.append((item, (type(error), str(error))))
    return found


def square(n):
    if n == 3:
        raise InputError("Three is at fault.", field="n")
    return n * n


def square_but_die_once(n, *, marks):
    """Kill the process the first time that it comes to 5."""
    mark = marks / "died"
    if n == 5 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return n * n


# ---- Without Ray ----


def test_here_nothing_is_done_before_it_is_asked_for():
    done = []
    for item, get in LOCAL.each(lambda item: done.append(item) or item, "abc"):
        assert item not in done
        assert get() == item
    assert done == ["a", "b", "c"]


def test_engines_by_name():
    assert engine_of("local") is LOCAL
    assert ENGINES == ("local", "ray")
    with pytest.raises(InputError, match="local, ray"):
        engine_of("spark")
    with pytest.raises(InputError, match="--engine ray, too"):
        engine_of("local", "10.0.0.1:6379")


def test_without_ray_one_sentence_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("segcore.runtime.engine.find_spec", lambda _name: None)
    assert main(["segment", "x.png", "--out", str(tmp_path), "--engine", "ray"]) == 2
    assert "pip install 'segcore[ray]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [InputError("a", field="crop"), ModelError("b", backbone="dino_tiny"), NumericalError("c", stage="spectrum")],
)
def test_errors_travel_with_what_they_know(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.__dict__ == error.__dict__


def test_a_pipeline_travels_without_what_it_remembers():
    image = two_discs()[0]
    pipeline = Pipeline(device="cpu")
    result = pipeline.run(image, QUICK)
    again = pickle.loads(pickle.dumps(pipeline)).run(image, QUICK)
    assert torch.equal(again.label_map, result.label_map)
    assert not any(stage.cached for stage in again.stages if stage.name == "features")
    untrained = untrained_pipeline(device="cpu", seed=3)
    grids = [
        p.values(image, Settings(max_side=64), "features")["features"]
        for p in (untrained, pickle.loads(pickle.dumps(untrained)))
    ]
    assert torch.equal(grids[0].f, grids[1].f)


def test_a_second_run_does_only_what_is_missing(folder, tmp_path, capsys):
    out = tmp_path / "out"
    pictures = [str(folder / f"{i}.png") for i in (0, 1, 2)]
    assert main(["segment", *pictures[:2], "--out", str(out), *FLAGS, "--resume"]) == 0
    times = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    capsys.readouterr()
    assert main(["segment", *pictures, "--out", str(out), *FLAGS, "--resume"]) == 0
    said = capsys.readouterr().out
    assert "2 of 3 pictures are there already" in said
    assert "2.png: 3 segments" in said
    assert {name: (out / name).stat().st_mtime_ns for name in times} == times
    assert main(["segment", *pictures, "--out", str(out), *FLAGS, "--seed", "1", "--resume"]) == 0
    assert "already" not in capsys.readouterr().out
    assert json.loads((out / "0.json").read_text())["settings"]["seed"] == 1


# ---- With Ray ----


@pytest.mark.extra("ray")
def test_nobody_at_an_address_is_one_sentence_at_once(tmp_path, capsys):
    word = ["segment", "x.png", "--out", str(tmp_path), "--engine", "ray", "--address", f"127.0.0.1:{free_port()}"]
    (tmp_path / "x.png").touch()
    assert main(word) == 2
    assert "There is no Ray cluster at 127.0.0.1:" in capsys.readouterr().err


@pytest.mark.extra("ray")
def test_answers_come_in_order_and_faults_with_their_item(cluster):
    items = tuple(range(8))
    assert answers(cluster, square, items) == answers(LOCAL, square, items)
    assert answers(cluster, square, ()) == []


@pytest.mark.extra("ray")
def test_a_killed_worker_costs_a_retry(cluster, tmp_path):
    work = partial(square_but_die_once, marks=tmp_path)
    assert answers(cluster, work, tuple(range(8))) == [(n, n * n) for n in range(8)]
    assert (tmp_path / "died").exists()


@pytest.mark.extra("ray")
def test_the_same_files_as_here(cluster, folder, tmp_path, capsys):
    """By a network that was trained, whose file each worker reads."""
    pictures = [str(path) for path in sorted(folder.iterdir())]
    flags = ["--method", "network", "--weights", str(file_of("deeplab", tmp_path)), "--device", "cpu"]
    for engine in ENGINES:
        assert main(["segment", *pictures, "--out", str(tmp_path / engine), *flags, "--engine", engine]) == 2
        assert "4.png" in capsys.readouterr().err
    names = {path.name for path in (tmp_path / "local").iterdir()}
    assert names == {path.name for path in (tmp_path / "ray").iterdir()}
    assert len([name for name in names if name.endswith(".labels.png")]) == 5
    for name in names - {f"{i}.json" for i in range(6)}:
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "ray" / name).read_bytes(), name


@pytest.mark.extra("ray")
def test_a_process_joins_a_cluster_by_its_address(cluster, folder, tmp_path):
    """As one does where it runs on many machines: what is asked for in another process is done by the workers there."""
    import ray

    pictures = [str(folder / f"{i}.png") for i in (0, 1)]
    assert main(["segment", *pictures, "--out", str(tmp_path / "here"), *FLAGS]) == 0
    word = [sys.executable, "-m", "segcore", "segment", *pictures, "--out", str(tmp_path / "there"), *FLAGS]
    address = ["--engine", "ray", "--address", ray.get_runtime_context().gcs_address]
    subprocess.run([*word, *address], check=True, timeout=200)
    here, there = (
        {path.name: path.read_bytes() for path in (tmp_path / name).glob("*.labels.png")} for name in ("here", "there")
    )
    assert here == there
    assert len(here) == 2


@pytest.mark.extra("ray")
def test_the_same_scores_as_here(cluster, folder):
    pipeline, labels = Pipeline(device="cpu"), folder.parent / "labels"
    cases = label_cases(folder, labels)
    local, there = (finish(evaluate_labels(cases, QUICK, pipeline=pipeline, engine=engine)) for engine in (LOCAL, cluster))
    assert there.names == local.names == ("0", "1", "2", "3", "5")
    assert there.skipped == local.skipped
    assert there.mean("miou") == local.mean("miou")
    assert there.pooled.miou == local.pooled.miou


@pytest.mark.extra("ray")
def test_a_collection_is_the_same_and_goes_on(cluster, folder, tmp_path):
    reader = open_reader(Settings(max_side=64), device="cpu")
    local, there = (
        finish(collect(pictures_of(folder), reader, Store(tmp_path / name), engine=engine))
        for name, engine in (("local", LOCAL), ("ray", cluster))
    )
    assert there.keys == local.keys
    assert there.failed == local.failed
    assert set(there.failed) == {"4"}
    for i in range(len(local)):
        assert torch.equal(there.f(i), local.f(i))
    files = {path: path.stat().st_mtime_ns for path in Path(tmp_path / "ray").rglob("*.safetensors")}
    next(iter(files)).unlink()
    again = finish(collect(pictures_of(folder), reader, Store(tmp_path / "ray"), engine=cluster))
    assert again.keys == local.keys
    kept = [path for path in files if path.stat().st_mtime_ns == files[path]]
    assert len(kept) == len(files) - 1


@pytest.mark.extra("ray")
def test_groups_are_written_by_the_workers(cluster, folder, tmp_path):
    (folder / "4.png").unlink()
    flags = ["--system", "kmeans", "--n-segments", "2", "--max-side", "64", "--backbone", "color", "--device", "cpu"]
    for engine in ENGINES:
        where = ["--out", str(tmp_path / engine), "--store", str(tmp_path / "features"), "--engine", engine]
        assert main(["collection", "segment", str(folder), *flags, *where]) == 0
    names = {path.name for path in (tmp_path / "local").iterdir()}
    assert names == {path.name for path in (tmp_path / "ray").iterdir()}
    assert len([name for name in names if name.endswith(".labels.png")]) == 5
    for name in names - {"learned.safetensors"}:  # its metadata have no order
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "ray" / name).read_bytes(), name
