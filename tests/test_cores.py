"""How work that is under way at the same moment shares the cores."""

import threading

import pytest
import torch

from segcore.runtime.cores import Cores


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def beside(act):
    """What `act` returns in another thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(act()))
    thread.start()
    thread.join()
    return found[0]


def threads_of(cores):
    with cores.share():
        return torch.get_num_threads()


def test_each_has_all_cores_alone_and_an_even_share_beside_others(threads):
    cores = Cores(6)
    assert threads_of(cores) == 6
    with cores.share():
        assert beside(lambda: threads_of(cores)) == 3
        with cores.share():
            assert beside(lambda: threads_of(cores)) == 2
    assert threads_of(cores) == 6


def test_everybody_has_a_core(threads):
    cores = Cores(2)
    with cores.share(), cores.share(), cores.share():
        assert beside(lambda: threads_of(cores)) == 1


def test_work_that_fails_leaves_its_cores_to_others(threads):
    cores = Cores(4)
    with pytest.raises(ValueError, match="broken"), cores.share():
        raise ValueError("broken")
    assert threads_of(cores) == 4
