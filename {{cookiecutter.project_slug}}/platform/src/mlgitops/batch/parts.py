"""The parts of a table: read in chunks, and scored on all cores in their order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data.ingest import parts
from ..serving.rows import CHUNK_ROWS, missing_columns

Item = TypeVar("Item")
Result = TypeVar("Result")


def chunks(source: str | Path, contract: Contract) -> Iterator[pa.RecordBatch]:
    """Yield the table *source* in chunks of at most CHUNK_ROWS rows; raises ProjectError if a column is missing."""
    for part in parts(source):
        if missing := missing_columns(contract, part.schema.names):
            raise ProjectError(f"{source}: missing columns that the model needs: {', '.join(missing)}")
        yield from (part.slice(start, CHUNK_ROWS) for start in range(0, part.num_rows, CHUNK_ROWS))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield *function* of each item, computed by a thread per core; few items are in memory at once."""
    with ThreadPoolExecutor(cores()) as threads:
        running = deque[Future[Result]]()
        try:
            for item in items:
                running.append(threads.submit(function, item))
                if len(running) > 2 * cores():
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
