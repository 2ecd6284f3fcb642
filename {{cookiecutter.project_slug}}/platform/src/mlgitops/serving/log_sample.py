"""The rows of one request that the prediction log writes: bounded, however many rows the request has."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class LogSample:
    """Every row of a small request; of a large one, evenly spaced rows, at most *limit* of them, and with 0 none."""

    def __init__(self, names: Iterable[str], limit: int) -> None:
        """Keep the columns *names*."""
        self.columns: dict[str, list[Any]] = {name: [] for name in names}
        self.answers: list[dict[str, Any]] = []
        self.step = 1  # the sample has the rows 0, step, 2 * step and so on
        self._limit, self._rows = limit, 0

    def add(self, columns: Mapping[str, Sequence[Any]], answers: Sequence[dict[str, Any]]) -> None:
        """Add the next rows of the request."""
        if not self._limit:
            return
        first = -self._rows % self.step
        self._rows += len(answers)
        self.answers += answers[first :: self.step]
        for name, values in self.columns.items():
            values += columns[name][first :: self.step]
        while len(self.answers) > self._limit:
            self.step *= 2
            self.answers = self.answers[::2]
            self.columns = {name: values[::2] for name, values in self.columns.items()}
