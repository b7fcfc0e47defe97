"""Who runs, who waits, who is forgotten."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from demo.shared import texts
from demo.shared.errors import sentence_of
from demo.shared.jobs.limits import JobLimits
from demo.shared.jobs.report import LIVE, Look, Report, Work, duration
from segcore.errors import InputError
from segcore.runtime.stopping import Stopped, stoppable


@dataclass(eq=False)
class _Job:
    """One job; the lock of `Jobs` guards it."""

    id: str
    kind: str
    owner: str
    work: Work
    seen: float
    state: str = "waiting"
    said: str = ""
    asked_to_stop: bool = False
    report: Report | None = None
    left: Any = None
    parts: dict[str, tuple[int, Any]] = field(default_factory=dict)  # in the order of their versions
    version: int = 0
    began: float = 0.0
    share_at_begin: float = 0.0
    ended: float = 0.0

    def add(self, show: Mapping[str, Any]) -> None:
        if show:
            self.version += 1
        for name, value in show.items():
            self.parts.pop(name, None)  # so that the order stays that of the versions
            self.parts[name] = (self.version, value)


class Jobs:
    """All long jobs of a server. Safe for threads."""

    def __init__(self, limits: JobLimits | None = None, *, clock: Callable[[], float] = time.monotonic):
        """Nothing is under way.

        Args:
            limits: of the host; the defaults if None.
            clock: seconds that never go back.
        """
        self.limits = limits or JobLimits()
        self._clock = clock
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}
        self._line: list[_Job] = []
        self._threads: set[threading.Thread] = set()

    def start(self, work: Work, *, owner: str, kind: str, show: Mapping[str, Any] | None = None) -> str:
        """Put a job in line.

        Args:
            work: makes the reports, in a thread of its own. Its loops are stopped through `segcore.runtime.stopping`, and
                what it raises ends the job with one sentence.
            owner: a secret of the visitor; who knows it may stop the job and let it go on.
            kind: of the job, such as the name of its page.
            show: parts that are shown while it waits, as those of a `Report`.

        Returns:
            The id of the job, which nobody can guess; who knows it may watch.

        Raises:
            InputError: this visitor has a job under way, or too many wait.
        """
        with self._lock:
            job = _Job(secrets.token_urlsafe(12), kind, owner, work, self._clock())
            job.add(show or {})
            self._enqueue(job)
            self._jobs[job.id] = job
            return job.id

    def go_on(self, job_id: str, *, owner: str) -> None:
        """Put an ended job in line again; its work is given what it left.

        Raises:
            InputError: it cannot go on, or as `start`.
        """
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None:
                raise InputError(texts.JOB_GONE, field="job")
            if not self._may_go_on(job, owner):
                raise InputError(texts.JOB_NOT_ON, field="job")
            self._enqueue(job)

    def stop(self, job_id: str, *, owner: str) -> None:
        """End a job of this owner: at once while it waits, at its next step while it runs. What it showed stays."""
        with self._lock:
            job = self._jobs.get(job_id)
            if job is None or not _owns(job, owner):
                return
            job.asked_to_stop = True
            if job.state == "waiting":
                self._end(job, "stopped", texts.JOB_STOPPED)

    def look(self, job_id: str, *, since: int = 0, owner: str = "") -> Look:
        """What is new of a job.

        Args:
            job_id: of the job.
            since: the version that the browser has; 0 for nothing.
            owner: who looks.

        Returns:
            Its state; "gone" where it is not known, such as after a restart of the server.
        """
        with self._lock:
            self._forget()
            job = self._jobs.get(job_id)
            if job is None:
                return Look(job_id, "gone", texts.JOB_GONE)
            job.seen = self._clock()
            report, owns = job.report, _owns(job, owner)
            told: dict[str, Any] = {}
            if report is not None:
                told = {"stage": report.stage, "count": report.count, "share": report.progress}
            return Look(
                job_id,
                job.state,
                self._place(job) if job.state == "waiting" else job.said,
                **told,
                time_left=self._time_left(job),
                version=job.version,
                parts=tuple((name, value) for name, (version, value) in job.parts.items() if version > since),
                may_stop=owns and job.state in LIVE and not job.asked_to_stop,
                may_go_on=self._may_go_on(job, owner),
            )

    def left(self, job_id: str) -> Any:
        """What a job has left so far; None for nothing, or where it is not known."""
        with self._lock:
            job = self._jobs.get(job_id)
            return None if job is None else job.left

    def of(self, owner: str, kind: str) -> tuple[str, ...]:
        """The ids of a visitor's jobs of a kind, the oldest first."""
        with self._lock:
            self._forget()
            return tuple(job.id for job in self._jobs.values() if job.kind == kind and _owns(job, owner))

    def close(self) -> None:
        """Stop everything and wait until it has ended."""
        with self._lock:
            for job in list(self._line):
                self._end(job, "stopped", texts.JOB_STOPPED)
            for job in self._jobs.values():
                job.asked_to_stop = True
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    # ---- With the lock held ----

    def _enqueue(self, job: _Job) -> None:
        self._forget()
        if any(other.state in LIVE and _owns(other, job.owner) for other in self._jobs.values()):
            raise InputError(texts.JOB_ONE_EACH, field="job")
        is_free = len(self._threads) < self.limits.at_once
        if not is_free and len(self._line) >= self.limits.waiting:
            raise InputError(texts.JOB_LINE_FULL.format(n=self.limits.waiting), field="job")
        job.state, job.said, job.asked_to_stop, job.seen = "waiting", "", False, self._clock()
        if not is_free:
            self._line.append(job)
            return
        self._begin(job)
        thread = threading.Thread(target=self._serve, args=(job,), daemon=True, name="job")
        self._threads.add(thread)
        thread.start()

    def _begin(self, job: _Job) -> None:
        job.state, job.began = "running", self._clock()
        job.share_at_begin = 0.0 if job.report is None else job.report.progress or 0.0

    def _may_go_on(self, job: _Job, owner: str) -> bool:
        return _owns(job, owner) and job.state in ("stopped", "failed") and job.left is not None

    def _end(self, job: _Job, state: str, said: str) -> None:
        if job in self._line:
            self._line.remove(job)
        job.state, job.said, job.ended = state, said, self._clock()

    def _is_unseen(self, job: _Job) -> bool:
        return self._clock() - job.seen > 60 * self.limits.unseen_minutes

    def _forget(self) -> None:
        """Drop those in line that nobody looks at, and ended ones past their bounds."""
        for job in [job for job in self._line if self._is_unseen(job)]:
            self._end(job, "stopped", texts.JOB_UNSEEN)
        ended = sorted((job for job in self._jobs.values() if job.state not in LIVE), key=lambda job: job.ended)
        surplus = len(ended) - self.limits.kept
        for i, job in enumerate(ended):
            if i < surplus or self._clock() - max(job.seen, job.ended) > 60 * self.limits.kept_minutes:
                del self._jobs[job.id]

    def _place(self, job: _Job) -> str:
        at = self._line.index(job)
        minutes = (at // self.limits.at_once + 1) * self.limits.minutes
        return texts.JOB_WAITS.format(place=at + 1, n=len(self._line), minutes=f"{minutes:g}")

    def _time_left(self, job: _Job) -> str:
        share = None if job.report is None else job.report.progress
        if job.state != "running" or share is None or share <= job.share_at_begin:
            return ""
        spent = self._clock() - job.began
        seconds = spent * (1 - share) / (share - job.share_at_begin)
        return duration(min(seconds, 60 * self.limits.minutes - spent)) if spent > 1 else ""

    # ---- In the thread of a job ----

    def _serve(self, job: _Job) -> None:
        """Run this job, and then those in line, until none waits."""
        while True:
            state, said = self._run(job)
            with self._lock:
                self._end(job, state, said)
                self._forget()
                if not self._line:
                    self._threads.discard(threading.current_thread())
                    return
                job = self._line.pop(0)
                self._begin(job)

    def _run(self, job: _Job) -> tuple[str, str]:
        """Run one job to its end; returns its state and a sentence."""
        reason = ""

        def check() -> None:
            nonlocal reason
            reason = self._why_stop(job)
            if reason:
                raise Stopped

        try:
            with stoppable(check), closing(job.work(job.left)) as reports:
                for report in reports:
                    self._keep(job, report)
                    check()
        except Stopped:
            return "stopped", reason or texts.JOB_STOPPED
        except Exception as error:  # noqa: BLE001 - whatever it is, the visitor hears one sentence
            return "failed", sentence_of(error)
        return "done", ""

    def _why_stop(self, job: _Job) -> str:
        """Why a running job is to end now; empty if it is not."""
        if job.asked_to_stop:
            return texts.JOB_STOPPED
        if self._is_unseen(job):
            return texts.JOB_UNSEEN
        if self._clock() - job.began > 60 * self.limits.minutes:
            return texts.JOB_TIME.format(minutes=f"{self.limits.minutes:g}")
        return ""

    def _keep(self, job: _Job, report: Report) -> None:
        with self._lock:
            job.report = report
            if report.left is not None:
                job.left = report.left
            job.add(report.show)


def _owns(job: _Job, owner: str) -> bool:
    return bool(owner) and secrets.compare_digest(job.owner.encode(), owner.encode())
