"""Checks a table of Spark against the contract, and profiles it: the driver gets counts and a few bad rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pandas as pd
from pydantic import JsonValue

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..data.arrow_cells import STRING
from ..data.column_counts import SHOWN_ROWS, ColumnCounts, Unexpected, present
from ..data.profile import FILE, Profile
from ..data.validate import conclude, judged
from .spark_counts import CLASS, COUNTS, DTYPE, KEYS, ROWS, counting, keying
from .spark_profile import profile
from .spark_session import errors, mapped, read, send_code, session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkTable:
    """A table of Spark as `validate.judged` looks at it: one job counts all columns, and one to three the keys."""

    def __init__(self, table: "DataFrame", contract: Contract) -> None:
        """Count what is not as the contract says."""
        self._table, self._contract = table, contract
        self.columns, self.rows = table.columns, 0
        self.usable = present(self.columns, contract)
        self._counts = {name: ColumnCounts() for name in self.usable}
        self._examples: list[dict[str, JsonValue]] = []
        for name, kind, count, examples in mapped(table, counting(contract), COUNTS).collect():
            if kind == ROWS:
                self.rows += count
            else:
                self._add(name, kind, count, json.loads(examples))

    def _add(self, name: str, kind: str, count: int, examples: list[dict[str, JsonValue]]) -> None:
        counts = self._counts[name]
        if kind.startswith(DTYPE):
            dtype = kind.removeprefix(DTYPE)
            if counts.dtype is None or dtype == "object":  # one part with values of another type is enough
                counts.dtype = STRING if dtype == "string" else pd.api.types.pandas_dtype(dtype)
        elif kind.startswith(CLASS):
            counts.classes.add(json.loads(kind.removeprefix(CLASS)))
        else:
            self._extend(counts.unexpected.setdefault(kind, Unexpected()), count, examples, [name])

    def _extend(
        self, unexpected: Unexpected, count: int, examples: list[dict[str, JsonValue]], names: list[str]
    ) -> None:
        """Add rows to *unexpected*, whose positions are those among all examples."""
        unexpected.count += count
        for example in examples[: SHOWN_ROWS - len(unexpected.rows)]:
            unexpected.rows.append(len(self._examples))
            unexpected.values.append(example[names[0]] if len(names) == 1 else example)
            self._examples.append(example)

    def counts(self, name: str) -> ColumnCounts:
        """Return in how many rows a column is not as the contract says."""
        return self._counts[name]

    def repeated(self, names: list[str]) -> Unexpected:
        """Return the rows whose values in the columns *names* are also those of another row."""
        keys = mapped(self._table, keying(self._contract, names), KEYS).groupBy("key").count().where("count > 1")
        unexpected = Unexpected()
        if total := keys.agg({"count": "sum"}).collect()[0][0]:
            rows = []
            for key, count in keys.orderBy("key").limit(SHOWN_ROWS).collect():
                rows += [dict(zip(names, json.loads(key, parse_constant=str), strict=True))] * min(count, SHOWN_ROWS)
            self._extend(unexpected, total, rows, names)
        return unexpected

    def shown(self, names: Sequence[str], unexpected: Unexpected) -> list[dict[str, JsonValue]]:
        """Return columns of the first *unexpected* rows: in a table of Spark, they have no number."""
        return [{name: self._examples[row][name] for name in names} for row in unexpected.rows]


@click.command()
@click.argument("source")
@click.argument("folder", type=click.Path(path_type=Path))
def main(source: str, folder: Path) -> None:
    """Check the table SOURCE of Spark against contract.yaml, write reports to FOLDER, fail if it is invalid.

    SOURCE is a folder of Parquet files, table:NAME in the catalog of Spark, or a .sql query. FOLDER gets
    validation.json, Data Docs in data_docs, and, of a table that meets the contract, profile.json.
    """
    if not source:
        raise ProjectError("DATA is empty: name the table to check")
    contract, docs = Contract.load(Path("contract.yaml")), folder / "data_docs"
    with errors(f"checking {source} with Spark"):
        spark = session("validate")
        send_code(spark)
        table = read(spark, source)
        counted = SparkTable(table, contract)
        if not counted.rows:
            raise ProjectError(f"{source}: the table has no row")
        report = judged(counted, contract, docs)
        report.save(folder / "validation.json")
        (folder / FILE).unlink(missing_ok=True)  # of an earlier table
        if report.success:
            Profile({"table": profile(table, contract, report.rows)}).save(folder / FILE)
    conclude(source, report, contract, docs)
