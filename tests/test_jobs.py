"""Long jobs: who runs and who waits, how they end, what is kept; with real threads, and a clock that the test moves."""

import gc
import threading
import weakref

import pytest

from demo.shared import texts
from demo.shared.components.job_bar import job_functions
from demo.shared.jobs import JobLimits, Jobs, Report
from demo.shared.jobs.limits import flag_of, read_limits, variable_of
from segcore.errors import InputError, NumericalError
from segcore.runtime.stopping import stop_if_asked

SOON = 120  # seconds that a thread is given; far more than it needs


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


class Script:
    """The work of a job that goes on when the test says so."""

    def __init__(self, n=3, left=None):
        self.n, self.left = n, left
        self.turns = threading.Semaphore(0)
        self.reached = threading.Semaphore(0)  # once for each report that was kept
        self.ended = threading.Event()
        self.given = []

    def __call__(self, left):
        self.given.append(left)
        try:
            for i in range(self.n):
                show = {"newest": i, f"point/{i}": i * i}
                yield Report("counting", i, self.n, "steps", show=show, left=self.left and (self.left, i))
                self.reached.release()
                while not self.turns.acquire(timeout=0.01):
                    stop_if_asked()
        finally:
            self.ended.set()

    def go(self):
        self.turns.release()

    def arrived(self):
        assert self.reached.acquire(timeout=SOON)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(clock):
    """Jobs under limits, ended after the test."""
    made = []

    def jobs(**limits):
        made.append(Jobs(JobLimits(**limits), clock=clock))
        return made[-1]

    yield jobs
    for one in made:
        one.close()
        assert not one._threads


def ended(jobs, job_id, owner=""):
    """The last look at a job, when it has ended."""
    for _ in range(SOON * 100):
        look = jobs.look(job_id, owner=owner)
        if not look.is_live:
            return look
        threading.Event().wait(0.01)
    raise AssertionError("the job does not end")


def test_a_browser_is_told_what_is_newer_than_what_it_has(make):
    jobs, work = make(), Script()
    job = jobs.start(work, owner="ann", kind="count")
    work.arrived()
    first = jobs.look(job, owner="ann")
    assert (first.state, first.stage, first.count, first.share) == ("running", "counting", "0 of 3 steps", 0)
    assert first.parts == (("newest", 0), ("point/0", 0))
    assert first.may_stop
    assert not first.may_go_on
    assert jobs.look(job, since=first.version).parts == ()
    work.go()
    work.arrived()
    assert jobs.look(job, since=first.version).parts == (("newest", 1), ("point/1", 1))
    # Somebody who opens the page anew is told everything, the newest value of each name, in the order they came.
    assert jobs.look(job).parts == (("point/0", 0), ("newest", 1), ("point/1", 1))
    work.go()
    work.go()
    last = ended(jobs, job)
    assert (last.state, last.said) == ("done", "")
    assert dict(last.parts) == {"newest": 2, "point/0": 0, "point/1": 1, "point/2": 4}


def test_visitors_wait_in_the_order_in_which_they_came_and_hear_their_place(make):
    jobs = make(at_once=1, minutes=4)
    works = [Script(n=1) for _ in range(4)]
    ids = [jobs.start(work, owner=f"visitor {i}", kind="count") for i, work in enumerate(works)]
    works[0].arrived()
    assert [jobs.look(i).state for i in ids] == ["running", "waiting", "waiting", "waiting"]
    assert jobs.look(ids[1]).said == texts.JOB_WAITS.format(place=1, n=3, minutes="4")
    assert jobs.look(ids[3]).said == texts.JOB_WAITS.format(place=3, n=3, minutes="12")
    jobs.stop(ids[2], owner="visitor 2")  # leaves the line at once, and the others move up
    assert jobs.look(ids[2]).state == "stopped"
    assert jobs.look(ids[3]).said == texts.JOB_WAITS.format(place=2, n=2, minutes="8")
    works[0].go()
    works[1].arrived()
    assert [jobs.look(i).state for i in ids] == ["done", "running", "stopped", "waiting"]
    works[1].go()
    works[3].arrived()
    works[3].go()
    assert ended(jobs, ids[3]).state == "done"
    assert works[2].given == []


def test_as_many_run_at_once_as_the_host_says(make):
    jobs = make(at_once=2)
    works = [Script(n=1) for _ in range(3)]
    ids = [jobs.start(work, owner=str(i), kind="count") for i, work in enumerate(works)]
    for work in works[:2]:
        work.arrived()
    assert [jobs.look(i).state for i in ids] == ["running", "running", "waiting"]
    works[1].go()
    works[2].arrived()
    assert jobs.look(ids[2]).state == "running"


def test_one_job_for_each_visitor_and_a_line_with_an_end(make):
    jobs = make(at_once=1, waiting=1)
    work = Script()
    first = jobs.start(work, owner="ann", kind="count")
    with pytest.raises(InputError, match="under way"):
        jobs.start(Script(), owner="ann", kind="other")
    second = jobs.start(Script(), owner="bob", kind="count")
    with pytest.raises(InputError, match="1 runs wait"):
        jobs.start(Script(), owner="cid", kind="count")
    assert jobs.of("ann", "count") == (first,)
    assert jobs.of("ann", "other") == jobs.of("", "count") == ()
    jobs.stop(second, owner="bob")
    jobs.stop(first, owner="ann")
    assert ended(jobs, first).state == "stopped"
    assert jobs.start(Script(n=0), owner="ann", kind="count")


def test_only_the_owner_stops_a_job_and_everybody_who_knows_it_watches(make):
    jobs, work = make(), Script()
    job = jobs.start(work, owner="ann", kind="count")
    work.arrived()
    for stranger in ("bob", ""):
        jobs.stop(job, owner=stranger)
        look = jobs.look(job, owner=stranger)
        assert (look.state, look.may_stop) == ("running", False)
    jobs.stop(job, owner="ann")
    assert ended(jobs, job).said == texts.JOB_STOPPED
    assert work.ended.is_set()


def test_a_stopped_job_goes_on_with_what_it_left(make):
    jobs, work = make(), Script(left="weights")
    job = jobs.start(work, owner="ann", kind="count")
    work.arrived()
    work.go()
    work.arrived()
    jobs.stop(job, owner="ann")
    look = ended(jobs, job)
    assert dict(look.parts)["newest"] == 1  # what it showed stays
    assert jobs.left(job) == ("weights", 1)
    assert jobs.look(job, owner="ann").may_go_on
    with pytest.raises(InputError, match="cannot go on"):
        jobs.go_on(job, owner="bob")
    jobs.go_on(job, owner="ann")
    work.arrived()
    assert work.given == [None, ("weights", 1)]
    assert jobs.look(job).version > look.version
    for _ in range(3):
        work.go()
    assert ended(jobs, job).state == "done"
    with pytest.raises(InputError, match="cannot go on"):
        jobs.go_on(job, owner="ann")


@pytest.mark.parametrize("left", [None, "weights"])
@pytest.mark.parametrize(
    ("error", "said"),
    [(NumericalError("The loss is NaN.", stage="learn"), "The loss is NaN."), (ZeroDivisionError("secret"), "log entry")],
)
def test_a_crash_is_one_sentence_and_the_next_one_runs(make, error, said, left):
    def crash(_left):
        yield Report("begun", show={"a": 1}, left=left)
        raise error

    jobs = make()
    job = jobs.start(crash, owner="ann", kind="count")
    look = ended(jobs, job, owner="ann")
    assert look.state == "failed"
    assert look.may_go_on == (left is not None)
    assert said in look.said
    assert "secret" not in look.said
    assert dict(look.parts) == {"a": 1}
    assert ended(jobs, jobs.start(Script(n=0), owner="ann", kind="count")).state == "done"


def test_a_job_ends_when_its_minutes_are_over(make, clock):
    jobs, work = make(minutes=2), Script(left="weights")
    job = jobs.start(work, owner="ann", kind="count")
    work.arrived()
    clock.now = 119
    work.go()
    work.arrived()
    assert jobs.look(job).time_left == texts.JOB_SECONDS_LEFT.format(seconds=5)  # never more than the host grants
    clock.now = 121
    assert ended(jobs, job).said == texts.JOB_TIME.format(minutes="2")
    jobs.go_on(job, owner="ann")  # another turn, with minutes of its own
    work.arrived()
    assert jobs.look(job).state == "running"


def test_a_job_that_nobody_looks_at_is_stopped(make, clock):
    jobs = make(unseen_minutes=1)
    works = [Script(), Script(), Script(n=1)]
    ids = [jobs.start(work, owner=str(i), kind="count") for i, work in enumerate(works)]
    works[0].arrived()
    clock.now = 50
    jobs.look(ids[2])
    clock.now = 70  # the first and the second were seen 70 s ago, the third 20 s
    works[2].arrived()
    assert works[0].ended.is_set()
    assert works[1].given == []
    assert [jobs.look(i).said for i in ids[:2]] == [texts.JOB_UNSEEN] * 2
    works[2].go()
    assert ended(jobs, ids[2]).state == "done"


def test_ended_jobs_are_forgotten_and_leave_nothing_behind(make, clock):
    class Weights:
        pass

    def work(_left):
        yield Report("done", 1, 1, left=Weights())

    jobs = make(kept=2, kept_minutes=10)
    ids = []
    for i in range(3):
        clock.now = i
        ids.append(jobs.start(work, owner="ann", kind="count"))
        ended(jobs, ids[-1])
    traces = [weakref.ref(jobs.left(i)) for i in ids[1:]]
    assert jobs.look(ids[0]).state == "gone"  # as two are kept
    clock.now = 500
    assert jobs.look(ids[2]).state == "done"
    clock.now = 700  # the second was seen 12 minutes ago, the third 4
    assert jobs.look(ids[1]).said == texts.JOB_GONE
    assert jobs.look(ids[2]).state == "done"
    gc.collect()
    assert traces[0]() is None
    assert traces[1]() is not None
    with pytest.raises(InputError, match="no longer kept"):
        jobs.go_on(ids[1], owner="ann")


def test_whatever_a_browser_sends_is_answered(make):
    look, stop, go_on, own = job_functions(make(), "count")
    for sent in (None, [], "x", {"id": 3, "since": "a", "visitor": None}, {"id": "../..", "since": -1, "visitor": "é"}):
        assert look(sent)["state"] == "gone"
        assert stop(sent) == ""
        assert go_on(sent) == texts.JOB_GONE
        assert own(sent) == []


def test_a_host_sets_the_limits_by_flags_or_by_the_environment():
    environment = {variable_of("minutes"): "3.5", variable_of("at_once"): "2"}
    assert read_limits({}, environment) == JobLimits(minutes=3.5, at_once=2)
    assert read_limits({"jobs_at_once": 4, "jobs_minutes": None}, environment) == JobLimits(minutes=3.5, at_once=4)
    assert flag_of("kept_minutes") == "--jobs-kept-minutes"
    with pytest.raises(InputError, match="SEGCORE_JOBS_MINUTES must be a number; got 'soon'"):
        read_limits({}, {variable_of("minutes"): "soon"})
    with pytest.raises(InputError, match="jobs_at_once"):
        read_limits({}, {variable_of("at_once"): "0"})
