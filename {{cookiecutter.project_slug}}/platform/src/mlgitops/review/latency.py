"""Measures how long models take for one row."""

import statistics
import time

from pydantic import JsonValue

from ..common import files
from ..contract.synthetic import example_rows
from ..model.scorer import Scorer

ROUNDS = 15  # how often each row is timed

Columns = dict[str, list[JsonValue]]  # of one row


def latency(scorers: list[Scorer]) -> list[float]:
    """Return the median milliseconds that each model takes for one row; they take turns, so that load affects all."""
    rows = [_golden(scorer) for scorer in scorers]
    durations: list[list[float]] = [[] for _ in scorers]
    for turn in range(ROUNDS + 1):
        for position in range(max(map(len, rows))):
            for scorer, own_rows, times in zip(scorers, rows, durations, strict=True):
                row = own_rows[position % len(own_rows)]
                start = time.perf_counter()
                scorer.answers(row)
                if turn:  # the first round warms up
                    times.append((time.perf_counter() - start) * 1000)
    return [statistics.median(times) for times in durations]


def _golden(scorer: Scorer) -> list[Columns]:
    path = scorer.folder / "golden.json"
    rows = files.read_json(path)["rows"] if path.is_file() else example_rows(scorer.contract, 20)
    return [{name: [value] for name, value in row.items()} for row in rows]
