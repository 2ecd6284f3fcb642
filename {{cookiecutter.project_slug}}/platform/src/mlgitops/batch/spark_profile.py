"""The profile of a table of Spark: the cluster counts, and no row leaves it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..contract.column import NUMERIC, TEMPORAL
from ..contract.contract import Contract
from ..data.distribution import NUMBER_BINS, Distribution, of_frequency
from ..data.profile import MIN_CATEGORY_ROWS, ColumnProfile, PartProfile
from .spark_counts import types, typing
from .spark_session import mapped

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SHARES = ", ".join(f"{share:.9g}" for share in np.linspace(0, 1, NUMBER_BINS + 1)[1:-1])
ACCURACY = 10_000  # the rank of a quantile is exact to one part in so many


def profile(table: "DataFrame", contract: Contract, rows: int) -> PartProfile:
    """Return the profile of a table of so many *rows* that meets the contract; it has no file, hence no digests.

    It equals that of `data.profile`, except that quantiles are values of the table, and exact to ACCURACY.
    """
    names, kinds = list(contract.columns), [column.type for column in contract.columns.values()]
    typed = mapped(table, typing(contract, names), types(contract, names))
    (summaries,) = typed.selectExpr(*(_summary(n, kind) for n, kind in enumerate(kinds))).collect()
    counted = [n for n, name in enumerate(names) if kinds[n] not in ("text", *TEMPORAL) and name not in contract.key]
    numbers = {n: summaries[n] for n in counted if kinds[n] in NUMERIC}
    words = {n: contract.columns[names[n]].categories or () for n in counted if n not in numbers}
    bins = _numbers(typed, numbers) | _categories(typed, words, summaries)
    columns = {name: _column(kinds[n], rows, summaries[n], bins.get(n)) for n, name in enumerate(names)}
    return PartProfile(rows, "", "", columns)


def _summary(position: int, kind: str) -> str:
    """Return the expression that summarizes a column of `typing`."""
    column, number, time = f"c{position}", kind in NUMERIC, kind in TEMPORAL
    fields = {
        "filled": f"count({column})",
        "mean": f"avg({column})" if number else "double(null)",
        "cuts": f"percentile_approx({column}, array({SHARES}), {ACCURACY})" if number else "array()",
        "first": f"min({column})" if time else "cast(null as timestamp_ntz)",
        "last": f"max({column})" if time else "cast(null as timestamp_ntz)",
    }
    pairs = ", ".join(f"'{name}', {value}" for name, value in fields.items())
    return f"named_struct({pairs}) as {column}"


def _column(kind: str, rows: int, summary: Any, bins: Distribution | None) -> ColumnProfile:
    missing = rows - summary.filled
    first, last = (None if end is None else str(pd.Timestamp(end)) for end in (summary.first, summary.last))
    return ColumnProfile(kind, missing, replace(bins, missing=missing) if bins else None, summary.mean, first, last)


def _numbers(typed: "DataFrame", summaries: dict[int, Any]) -> dict[int, Distribution]:
    """Return the distributions of columns of numbers, by position."""
    cuts = {n: np.unique(summary.cuts or []).tolist() for n, summary in summaries.items()}
    asked = [f"array({', '.join(_up_to(n, edges))}) as c{n}" for n, edges in cuts.items() if edges]
    reached = typed.selectExpr(*asked).collect()[0].asDict() if asked else {}
    counts = {n: np.diff([0, *reached.get(f"c{n}", ()), summary.filled]).tolist() for n, summary in summaries.items()}
    return {n: Distribution(tuple(edges), (), tuple(counts[n]), 0, 0) for n, edges in cuts.items()}


def _up_to(position: int, edges: Iterable[float]) -> list[str]:
    return [f"count_if(c{position} <= double('{edge}'))" for edge in edges]


def _categories(typed: "DataFrame", words: dict[int, tuple[str, ...]], summaries: Any) -> dict[int, Distribution]:
    """Return the distributions of categories, by position; of rare values that have no bin, only the sum is known."""
    from pyspark.sql.functions import col

    if not words:
        return {}
    pairs = ", ".join(f"{n}, c{n}" for n in words)
    values = typed.selectExpr(f"stack({len(words)}, {pairs}) as (position, value)").where("value is not null")
    named = col("value").isin(sorted({label for labels in words.values() for label in labels}))
    counts = values.groupBy("position", "value").count().where((col("count") >= MIN_CATEGORY_ROWS) | named)
    frequency: dict[int, dict[str, int]] = {n: {} for n in words}
    for position, value, count in counts.collect():
        frequency[position][value] = count
    return {n: _complete(frequency[n], labels, summaries[n].filled) for n, labels in words.items()}


def _complete(frequency: dict[str, int], labels: tuple[str, ...], filled: int) -> Distribution:
    bins = of_frequency(pd.Series(frequency, dtype="int64"), 0, labels, MIN_CATEGORY_ROWS)
    return replace(bins, others=filled - sum(bins.counts))
