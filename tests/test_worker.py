"""The second process: answers, errors, deadlines, and a main process that goes on meanwhile."""

import math
import threading
import time

import numpy as np
import pytest

from segcore.runtime.worker import TooLong, Worker
from segcore.scribble.max_flow import max_flow


@pytest.fixture
def worker():
    made = []

    def make(function):
        made.append(Worker(function))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_it_answers_as_the_function_does(worker):
    flow = worker("segcore.scribble.max_flow:max_flow")
    problem = np.array([5, 0, -4]), np.array([0, 1]), np.array([1, 2]), np.array([3, 2])
    value, side = flow.call(*problem, deadline=60)
    expected, expected_side = max_flow(*problem)
    assert value == expected == 2
    assert (side == expected_side).all()
    assert flow.call(*problem, deadline=60, solver="scipy")[0] == 2


def test_an_error_keeps_its_words_and_the_process_lives_on(worker):
    sqrt = worker("math:sqrt")
    with pytest.raises(RuntimeError, match="ValueError"):
        sqrt.call(-1, deadline=60)
    assert sqrt.call(9, deadline=60) == 3.0


def test_a_deadline_ends_the_work_and_the_next_call_starts_anew(worker):
    sleep = worker("time:sleep")
    sleep.call(0, deadline=60)
    with pytest.raises(TooLong):
        sleep.call(600, deadline=0.2)
    assert sleep.call(0, deadline=60) is None


def test_what_is_printed_does_not_get_between_the_answers(worker):
    assert worker("builtins:print").call("hello", deadline=60) is None


def test_the_end_of_the_process_is_an_error_and_not_a_hang(worker):
    leave = worker("os:_exit")
    with pytest.raises(RuntimeError, match="ended unexpectedly"):
        leave.call(3, deadline=60)


def test_threads_take_turns(worker):
    factorial, answers = worker("math:factorial"), {}

    def ask(n):
        answers[n] = factorial.call(n, deadline=60)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {n: math.factorial(n) for n in range(8)}


def test_this_process_goes_on_while_the_other_holds_its_lock(worker):
    """A sum over a range holds Python's lock; here it is another process's."""
    count, done, ticks = worker("builtins:sum"), threading.Event(), 0
    count.call(range(2), deadline=60)

    def work():
        count.call(range(10**8), deadline=60)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    thread.join()
    assert ticks > 20
