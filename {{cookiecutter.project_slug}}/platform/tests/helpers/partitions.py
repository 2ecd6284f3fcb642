"""A table in partitions that answers as a DataFrame of Spark does, as far as validation uses one."""

from collections import Counter
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import cloudpickle
import pandas as pd
import pyarrow as pa

Parts = Iterator[pa.RecordBatch]


class Partitions:
    """Parts of a table, of which each partition has some."""

    def __init__(self, partitions: list[list[pa.RecordBatch]], columns: list[str]) -> None:
        """Hold *partitions* with these *columns*."""
        self._partitions, self.columns = partitions, columns

    @classmethod
    def of(cls, rows: pd.DataFrame, per_part: int = 2, per_partition: int = 2) -> "Partitions":
        """Return *rows* in parts of so many rows, of which so many are in each partition."""
        table = pa.Table.from_pandas(rows, preserve_index=False)
        parts = table.to_batches(per_part)
        cuts = range(0, len(parts), per_partition)
        return cls([parts[cut : cut + per_partition] for cut in cuts], table.column_names)

    def toDF(self, *names: str) -> "Partitions":  # noqa: N802  # Spark's name
        """Rename the columns."""
        renamed = [[part.rename_columns(list(names)) for part in parts] for parts in self._partitions]
        return Partitions(renamed, list(names))

    def mapInArrow(self, function: Callable[[Parts], Parts], schema: str) -> "Partitions":  # noqa: N802
        """Return what *function*, as another process gets it, makes of each partition."""
        assert all(name.isidentifier() for name in self.columns)  # Spark takes a dot in a name for its syntax
        sent = cloudpickle.dumps(function)
        made = [list(cloudpickle.loads(sent)(iter(parts))) for parts in self._partitions]
        return Partitions(made, [column.split()[0] for column in schema.split(", ")])

    def collect(self) -> list[tuple[Any, ...]]:
        """Return the rows."""
        batches = [part for parts in self._partitions for part in parts]
        return [tuple(row[name] for name in self.columns) for part in batches for row in part.to_pylist()]

    def groupBy(self, _: str) -> "Partitions":  # noqa: N802
        """Group by the only column."""
        return self

    def count(self) -> "Grouped":
        """Return how often each value is there."""
        return Grouped(Counter(value for (value,) in self.collect()))


class Grouped:
    """Values and how often each is there."""

    def __init__(self, rows: dict[str, int]) -> None:
        """Hold *rows*."""
        self._rows = rows

    def where(self, condition: str) -> "Grouped":
        """Keep the values that are there more than once."""
        assert condition == "count > 1"
        return Grouped({value: count for value, count in self._rows.items() if count > 1})

    def agg(self, sums: dict[str, str]) -> SimpleNamespace:
        """Return the sum of all counts, which is null without any."""
        assert sums == {"count": "sum"}
        return SimpleNamespace(collect=lambda: [(sum(self._rows.values()) or None,)])

    def orderBy(self, _: str) -> "Grouped":  # noqa: N802
        """Order by value."""
        return Grouped(dict(sorted(self._rows.items())))

    def limit(self, count: int) -> "Grouped":
        """Return the first ones."""
        return Grouped(dict(list(self._rows.items())[:count]))

    def collect(self) -> list[tuple[Any, ...]]:
        """Return the rows."""
        return list(self._rows.items())
