"""Independent fits in several processes of one thread each: the results do not depend on the number of processes."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import joblib
from threadpoolctl import threadpool_limits

from ..common.errors import ProjectError

VARIABLE = "WORKERS"
MIN_VALUES = 1_000_000  # rows times features, below which starting a process takes longer than it saves
S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")
KILLED = f"Warning: a process was killed, perhaps for lack of memory: {VARIABLE}=1 needs the least"
_task: list[tuple[Callable[[Any, Any], Any], Any]] = []  # of this process, which another one has started


def processes(values: int | None = None) -> int:
    """Return how many processes to use: the variable WORKERS, or as many as the CPUs that this process may use.

    With fewer than `MIN_VALUES` *values* to learn from, it is one. Raises ProjectError if the variable is no number.
    """
    text = os.environ.get(VARIABLE, "")
    if text and not (text.isascii() and text.isdecimal() and int(text)):
        raise ProjectError(f"{VARIABLE}: {text!r} is not a number of processes: use 1 or more")
    if values is not None and values < MIN_VALUES:
        return 1
    return int(text) if text else int(joblib.cpu_count())


@contextmanager
def pool(
    function: Callable[[S, T], R], shared: S, count: int
) -> Iterator[Callable[[Sequence[T]], Callable[[], list[R]]]]:
    """Yield a function that starts function(shared, item) for each of some items, in *count* - 1 other processes.

    It returns a function that returns the results. In between, this process may do something else; then it takes over
    what has not been started, from the end. An exception is raised here. If a process is killed, for lack of memory
    say, its items are computed in this one.
    """
    if count < 2:
        yield lambda items: lambda: [function(shared, item) for item in items]
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy the state of threads
    executor = ProcessPoolExecutor(count - 1, context, initialize, (function, shared))
    try:
        yield lambda items: _started(executor, function, shared, items)
    finally:
        executor.shutdown(cancel_futures=True)


def _started(
    executor: ProcessPoolExecutor, function: Callable[[S, T], R], shared: S, items: Sequence[T]
) -> Callable[[], list[R]]:
    try:
        futures = [executor.submit(_run, item) for item in items]
    except BrokenProcessPool:
        return lambda: [function(shared, item) for item in items]
    return lambda: _collect(function, shared, items, futures)


def _collect(function: Callable[[S, T], R], shared: S, items: Sequence[T], futures: Sequence["Future[R]"]) -> list[R]:
    own: dict[int, R] = {}
    for position in reversed(range(len(items))):
        if not futures[position].cancel():
            break
        own[position] = function(shared, items[position])
    for position, future in enumerate(futures):
        if position not in own:
            try:
                own[position] = future.result()
            except BrokenProcessPool:
                click.secho(KILLED, fg="yellow", err=True)
                own[position] = function(shared, items[position])
    return [own[position] for position in range(len(items))]


def initialize(function: Callable[[Any, Any], Any], shared: Any) -> None:
    """Prepare this process for the items of a `pool`."""
    os.environ[VARIABLE] = "1"
    threadpool_limits(1)  # several threads sum in varying order
    _task[:] = [(function, shared)]


def _run(item: Any) -> Any:
    ((function, shared),) = _task
    return function(shared, item)
