"""Measures how much processor time models take for one row."""

import statistics
import time

from pydantic import JsonValue

from ..common import files
from ..contract.synthetic import example_rows
from ..model.scorer import Scorer

ROUNDS = 15  # how often each row is timed; the best counts, since other work can only make a row slower
COARSEST = 1e-5  # seconds: a clock of the processor that ticks less often measures nothing

Columns = dict[str, list[JsonValue]]  # of one row


def latency(scorers: list[Scorer]) -> list[float]:
    """Return the milliseconds of one row, the median over the rows, that each model takes at its best.

    They are processor time of this thread, in which ONNX Runtime computes: a busy machine does not count.
    """
    fine = time.get_clock_info("thread_time").resolution <= COARSEST
    clock = time.thread_time if fine else time.perf_counter
    rows = [_golden(scorer) for scorer in scorers]
    best = [[float("inf")] * len(own_rows) for own_rows in rows]
    for _ in range(ROUNDS):
        for scorer, own_rows, times in zip(scorers, rows, best, strict=True):
            for position, row in enumerate(own_rows):
                start = clock()
                scorer.answers(row)
                times[position] = min(times[position], (clock() - start) * 1000)
    return [statistics.median(times) for times in best]


def _golden(scorer: Scorer) -> list[Columns]:
    path = scorer.folder / "golden.json"
    rows = files.read_json(path)["rows"] if path.is_file() else example_rows(scorer.contract, 20)
    return [{name: [value] for name, value in row.items()} for row in rows]
