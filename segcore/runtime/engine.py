"""Where the work on each picture is done: here, one picture after the other, or by the workers of a Ray cluster.

Ray is chosen since its Data library does what is needed and no more: a stage that keeps a model loaded on each worker, on
processors and on GPUs; blocks of rows that are made again where a worker dies; results while others are computed. It runs
the same Python on one machine and on many.
"""

import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, Protocol, TypeVar

from segcore.checks import check_choice
from segcore.errors import InputError
from segcore.runtime.stopping import stop_if_asked

T = TypeVar("T")
R = TypeVar("R")

ENGINES = ("local", "ray")
_ANSWER_SECONDS = 5.0  # that a cluster may take to answer at all
_MOST_BLOCKS = 10_000  # into which Ray cuts the work: what is lost with a worker is one of them


class Engine(Protocol):
    """Does the same to each of many items."""

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, Callable[[], R]]]:
        """Work on the items.

        Args:
            work: is called with each of them, maybe in another process. There it must be possible to pickle it, and each
                worker has a copy of its own, so it can keep what is costly to load.
            items: what it is called with.

        Yields:
            In the order of the items, each one and a function that returns what came of it, or raises what the work raised:
            an item at fault costs the others nothing.
        """


class Local:
    """One item after the other, in this process; none before its result is asked for."""

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, Callable[[], R]]]:
        """Work on the items; see `Engine`."""
        for item in items:
            stop_if_asked()
            yield item, partial(work, item)


LOCAL = Local()


@dataclass(frozen=True, slots=True)
class Ray:
    """The workers of a Ray cluster, each with one processor, and one GPU where there are such."""

    address: str | None = None  # of the cluster, as `ray.init` takes it; None starts one on this machine

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[T, Callable[[], R]]]:
        """Work on the items; see `Engine`. A worker that dies is replaced, and its items are tried again."""
        if not items:
            return
        ray, data = _started(self.address)
        resources = ray.cluster_resources()
        gpus = int(resources.get("GPU", 0))
        workers = max(1, min(len(items), gpus or int(resources.get("CPU", 1))))
        pickled = ray.cloudpickle.dumps
        rows = [{"number": i, "item": pickled(item)} for i, item in enumerate(items)]
        done = data.from_items(rows, override_num_blocks=min(len(rows), _MOST_BLOCKS)).map(
            _Worker, fn_constructor_args=(pickled(work),), concurrency=workers, num_cpus=1, num_gpus=1 if gpus else 0
        )
        try:
            for row in done.iter_rows():
                stop_if_asked()
                yield items[row["number"]], partial(_answered, row["answer"])
        except ray.exceptions.RayError as error:
            raise InputError(
                f"Ray gave up: {_first_line(error)}. What was done is kept; run it again.", field="engine"
            ) from error


class _Worker:
    """What Ray keeps on a worker: the work, with all that it has loaded."""

    def __init__(self, work: bytes):
        import ray

        self._work, self._pickled = ray.cloudpickle.loads(work), ray.cloudpickle.dumps

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        import ray

        try:
            answer = (True, self._work(ray.cloudpickle.loads(row["item"])))
        except Exception as error:  # noqa: BLE001 - raised again where the result is asked for
            answer = (False, error)
        return {"number": row["number"], "answer": self._pickled(answer)}


def engine_of(name: str, address: str | None = None) -> Engine:
    """The engine of this name.

    Raises:
        InputError: there is none, Ray is not installed, or an address is given to an engine that has none.
    """
    check_choice("engine", name, ENGINES)
    if name == "local":
        if address:
            raise InputError("--address is of a Ray cluster. Give --engine ray, too.", field="address")
        return LOCAL
    if find_spec("ray") is None:
        raise InputError("--engine ray needs Ray, which is not installed: run pip install 'segcore[ray]'.", field="engine")
    return Ray(address)


def _started(address: str | None) -> tuple[Any, Any]:
    """Ray and its Data library, with a cluster behind them.

    Raises:
        InputError: there is no cluster at the address, or it does not let this process in.
    """
    import ray
    import ray.data

    if not ray.is_initialized():
        _check_address(address)
        quiet = {"log_to_driver": False, "include_dashboard": False} if address is None else {"log_to_driver": False}
        try:
            ray.init(address=address or "local", logging_level=logging.ERROR, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InputError(
                f"The Ray cluster at {address} cannot be joined: {_first_line(error)}. All machines need the same version "
                "of Ray. If the cluster asks for a token, copy ~/.ray/auth_token of its first machine to this one and set "
                "RAY_AUTH_MODE=token.",
                field="address",
            ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    return ray, ray.data


def _check_address(address: str | None) -> None:
    """Ask at host:port whether anybody answers there; Ray itself would try for minutes.

    Raises:
        InputError: nobody does.
    """
    host, _, port = (address or "").rpartition(":")
    if not host or not port.isdigit():
        return  # "auto", or an address for Ray's client
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"There is no Ray cluster at {address}: {error}. Start one with `ray start --head`, or leave --address out.",
            field="address",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".")


def _answered(answer: bytes) -> Any:
    import ray

    is_result, value = ray.cloudpickle.loads(answer)
    if is_result:
        return value
    raise value
