"""A stop ends the work where it stands, leaves nothing half done behind, and harms nobody else."""

import threading

import pytest
import torch

from segcore.cluster.kmeans import kmeans
from segcore.pipeline import Pipeline
from segcore.pipeline.methods import METHODS
from segcore.runtime.cache import StageCache
from segcore.runtime.stopping import Stopped, stop_if_asked, stoppable
from segcore.settings import DEFAULTS
from tests.scenes import discs

LONG = ("kmeans", "gmm", "spectral", "ncut", "ncut_pixels", "min_cut", "mean_shift", "maskcut")
QUICK = DEFAULTS.replace(max_side=128, pixel_side=64, n_segments=3)


def picture():
    return discs(96, 128)[0]


def after(n):
    """A check that raises at its n-th call, and the list of its calls."""
    calls = []

    def check():
        calls.append(None)
        if len(calls) >= n:
            raise Stopped

    return check, calls


def ended_early(steps):
    """The steps up to the stop, which has to come."""
    with pytest.raises(Stopped):
        yield from steps


def test_loops_ask_the_check_of_their_own_context():
    outer, inner = [], []
    stop_if_asked()
    with stoppable(lambda: outer.append(1)):
        stop_if_asked()
        with stoppable(lambda: inner.append(1)):
            stop_if_asked()
        stop_if_asked()
        thread = threading.Thread(target=stop_if_asked)  # another thread has not been asked anything
        thread.start()
        thread.join()
    stop_if_asked()
    assert (len(outer), len(inner)) == (2, 1)


def test_a_loop_ends_at_once():
    check, calls = after(3)
    X = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    with stoppable(check), pytest.raises(Stopped):
        kmeans(X, n_clusters=8, n_init=4, generator=torch.Generator().manual_seed(0))
    assert len(calls) == 3


@pytest.mark.parametrize("method", LONG)
def test_long_methods_look_for_a_stop_inside_their_stages(method):
    looks = []
    result = Pipeline(device="cpu").run(picture(), QUICK.replace(method=method), check=lambda: looks.append(None))
    assert len(looks) > len(result.stages)


@pytest.mark.parametrize("method", [name for name, method in METHODS.items() if not method.of_network])
def test_after_a_stop_nothing_more_is_computed_and_nothing_wrong_is_remembered(method):
    settings, looks = QUICK.replace(method=method, crf=method != "slic"), []
    expected = Pipeline(device="cpu").run(picture(), settings, check=lambda: looks.append(None)).label_map
    for n in (1, len(looks) // 2, len(looks)):
        pipeline, (check, calls) = Pipeline(device="cpu"), after(n)
        looked = [len(calls) for _ in ended_early(pipeline.steps(picture(), settings, check=check))]
        assert max(looked, default=0) < n, "a stage was finished after the stop"
        assert torch.equal(pipeline.run(picture(), settings).label_map, expected)


def test_whoever_waits_for_a_value_whose_maker_is_stopped_makes_it():
    cache, begun, stop = StageCache(1 << 20), threading.Event(), threading.Event()
    answers = {}

    def stopped():
        begun.set()
        assert stop.wait(120)
        raise Stopped

    def ask(name, make):
        try:
            answers[name] = cache.get("k", make)
        except Stopped:
            answers[name] = "stopped"

    first = threading.Thread(target=ask, args=("first", stopped))
    first.start()
    assert begun.wait(120)
    second = threading.Thread(target=ask, args=("second", lambda: 7))
    second.start()
    stop.set()
    first.join(120)
    second.join(120)
    assert answers == {"first": "stopped", "second": (7, False)}
