"""A second process for work that holds Python's lock, so that a server goes on answering; it has a deadline.

The process is started once and stays warm. It imports the one module that it works for and nothing of the program that
started it.
"""

import atexit
import os
import pickle
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, cast

_ROOT = Path(__file__).parents[2]


class TooLong(TimeoutError):
    """The work was not done by its deadline and was given up."""


@dataclass(eq=False)
class _Child:
    """The process and its two pipes."""

    process: subprocess.Popen[bytes]
    questions: IO[bytes]
    answers: IO[bytes]
    ready: bool = False  # its imports are done

    def end(self) -> None:
        self.process.kill()
        for pipe in (self.questions, self.answers):
            with suppress(OSError):  # what was on its way is lost, as it should be
                pipe.close()
        self.process.wait()


class Worker:
    """Calls one function in a process of its own, one call at a time; threads may share it."""

    def __init__(self, function: str):
        """Prepare; the process starts with the first call.

        Args:
            function: "module:name". Arguments and answers are pickled.
        """
        self._function = function
        self._child: _Child | None = None
        self._lock = threading.Lock()
        atexit.register(self.close)

    def call(self, *args: Any, deadline: float, **kwargs: Any) -> Any:
        """Call the function.

        Args:
            args: of the function.
            deadline: seconds; what waited for an earlier call does not count, and neither does the start of the process.
            kwargs: of the function.

        Raises:
            TooLong: the deadline passed. The process is ended, and the next call starts another one.
            RuntimeError: the function failed; with its type and message.
        """
        with self._lock:
            child = self._started()
            late = threading.Event()

            def give_up() -> None:
                late.set()
                child.process.kill()

            timer = threading.Timer(deadline, give_up)
            timer.start()
            try:
                pickle.dump((args, kwargs), child.questions)
                child.questions.flush()
                done, answer = pickle.load(child.answers)
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                self._end()
                if late.is_set():
                    raise TooLong(f"not done within {deadline:g} s") from None
                raise RuntimeError("the process ended unexpectedly") from error
            finally:
                timer.cancel()
        if not done:
            raise RuntimeError(answer)
        return answer

    def warm(self) -> None:
        """Start the process, without waiting until it is ready."""
        with self._lock:
            self._spawned()

    def close(self) -> None:
        """End the process; a later call starts it again."""
        with self._lock:
            self._end()

    def _started(self) -> _Child:
        child = self._spawned()
        if not child.ready:
            try:
                pickle.load(child.answers)  # it says that its imports are done
            except (EOFError, pickle.UnpicklingError) as error:
                self._end()
                raise RuntimeError(f"the process for {self._function} did not start") from error
            child.ready = True
        return child

    def _spawned(self) -> _Child:
        if self._child is None or self._child.process.poll() is not None:
            self._end()
            code = f"from segcore.runtime.worker import serve; serve({self._function!r})"
            paths = filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")])
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            )
            self._child = _Child(process, cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout))
        return self._child

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


def serve(function: str) -> None:
    """The life of the process: answer calls until the other end closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not get between the answers
    module, _, name = function.partition(":")
    run = getattr(import_module(module), name)
    _send(answers, None)
    while True:
        try:
            args, kwargs = pickle.load(sys.stdin.buffer)
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer = True, run(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
            answer = False, f"{type(error).__name__}: {error}"
        _send(answers, answer)


def _send(answers: IO[bytes], value: Any) -> None:
    pickle.dump(value, answers, protocol=pickle.HIGHEST_PROTOCOL)
    answers.flush()
