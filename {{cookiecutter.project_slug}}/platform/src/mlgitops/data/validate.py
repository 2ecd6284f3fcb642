"""Stage validate: hold the table against the contract with Great Expectations; a bad one stops the pipeline."""

from itertools import groupby
from pathlib import Path
from typing import Any

import click
import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine import pandas_execution_engine
from great_expectations.validator.v1_validator import Validator

from ..common import files
from ..common.errors import ProjectError
from ..contract.column import LARGEST, Column
from ..contract.contract import Contract
from . import data_docs, frame, validation_report

NUMBERS, TEXTS = ["float64", "float", "int"], ["StringDtype", "str"]
TIMES = ["datetime64[ms]", "datetime64[ns]", "Timestamp"]
TYPES = {
    "number": NUMBERS,
    "integer": NUMBERS,
    "boolean": ["BooleanDtype", "bool"],
    "datetime": TIMES,
    "date": TIMES,
    "category": TEXTS,
    "text": TEXTS,
}
FORM: Any = {"result_format": "BASIC", "partial_unexpected_count": validation_report.SHOWN}


def expectations(contract: Contract) -> list[gxe.Expectation]:
    """Return what the contract expects of a table that `table.parse` has read."""
    found: list[gxe.Expectation] = [
        gxe.ExpectTableColumnsToMatchSet(column_set=sorted(contract.columns), exact_match=True),
        gxe.ExpectTableRowCountToBeBetween(min_value=contract.min_rows),
    ]
    if len(contract.key) == 1:
        found.append(gxe.ExpectColumnValuesToBeUnique(column=contract.key[0]))
    elif contract.key:
        found.append(gxe.ExpectCompoundColumnsToBeUnique(column_list=list(contract.key)))
    if contract.classes:
        classes: list[Any] = [False, True] if contract.prediction == "boolean" else list(contract.classes)
        found.append(gxe.ExpectColumnDistinctValuesToContainSet(column=contract.target, value_set=classes))
    for name, column in contract.columns.items():
        found += _column(name, column)
    return found


def _column(name: str, column: Column) -> list[gxe.Expectation]:
    low, high = column.min, column.max
    if column.type == "number":  # an infinite one too is beyond what the model's single precision can hold
        low, high = -LARGEST["number"] if low is None else low, LARGEST["number"] if high is None else high
    found: list[gxe.Expectation] = [gxe.ExpectColumnValuesToBeInTypeList(column=name, type_list=TYPES[column.type])]
    if column.missing is not True:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=1 - column.missing))
    if low is not None or high is not None:
        found.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high))
    if column.categories:
        found.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.categories)))
    return found


def check(raw: Path, contract: Contract, docs: Path | None = None) -> dict[str, Any]:
    """Return the verdict on the table that ingest wrote to *raw* as JSON values: success, counts, and each failure.

    The columns come one after the other: only those that an expectation needs are in memory. Data Docs, the page to
    look at, is written to the folder *docs*.
    """
    pandas_execution_engine.HASH_THRESHOLD = 0  # no fingerprint, which takes more memory than all that is looked at
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("table").add_dataframe_asset("raw")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    file, expected = pq.ParquetFile(raw), expectations(contract)
    there, count = file.schema_arrow.names, file.metadata.num_rows
    keys = [name for name in contract.key if name in there]
    # what is expected of the table itself needs none of its cells: one number stands for all of them
    hollow = pd.DataFrame(np.broadcast_to(np.int8(0), (count, len(there))), columns=there, copy=False)
    results, failures = [], []
    for names, some in groupby(expected, lambda one: validation_report.about(one.configuration.kwargs)):
        if not set(names) <= set(there):
            continue  # that a column is absent is all that there is to say of it
        rows = frame.load(raw, contract, names) if names else hollow
        found = _tried(batch, list(some), rows)
        results += found
        if failed := [result for result in found if not result.success]:
            rows = frame.load(raw, contract, [*keys, *names]) if names else hollow
            failures += [validation_report.failure(result, rows, contract) for result in failed]
    if docs:
        data_docs.write(results, docs)
    return validation_report.report(failures, count, len(expected))


def _tried(batch: Any, expected: list[gxe.Expectation], rows: pd.DataFrame) -> list[Any]:
    """Return what Great Expectations finds in *rows*."""
    times = rows.select_dtypes("datetime").columns
    rows = rows.astype(dict.fromkeys(times, "datetime64[ns]"), copy=False)  # others are compared one by one
    suite = gx.ExpectationSuite(name="contract", expectations=expected)
    with pd.option_context("mode.string_storage", "pyarrow"):  # or texts would not have the type that is expected
        return list(Validator(batch, FORM, {"dataframe": rows}).validate_expectation_suite(suite).results)


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--docs", type=click.Path(path_type=Path), help="Folder for Data Docs, the page to look at.")
def main(raw: Path, report: Path, docs: Path | None) -> None:
    """Hold the table in RAW against contract.yaml, write what was found to REPORT, and fail where it breaks it."""
    contract = Contract.load(Path("contract.yaml"))
    found = check(raw, contract, docs)
    files.write_json(report, found)
    if not found["success"]:
        where = f"\nlook at {docs / 'index.html'}" if docs else ""
        raise ProjectError(f"{raw}: {validation_report.explain(found)}{where}")
    click.echo(f"{raw}: {found['rows']:,} rows keep all {found['expectations']} expectations of contract.yaml")
