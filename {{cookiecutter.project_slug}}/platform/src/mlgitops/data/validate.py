"""Stage validate: check the table against the contract with Great Expectations; a failure stops the pipeline."""

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

from ..common.errors import ProjectError
from ..contract.column import MAX_MAGNITUDE, Column
from ..contract.contract import Contract
from . import data_docs, frame, validation_report
from .counts import Counts
from .validation_report import SHOWN_ROWS, ValidationReport

NUMBERS, STRINGS = ["float64", "float", "int"], ["StringDtype", "str"]
TIMES = ["datetime64[ms]", "datetime64[ns]", "Timestamp"]
TYPES = {
    "number": NUMBERS,
    "integer": NUMBERS,
    "boolean": ["BooleanDtype", "bool"],
    "datetime": TIMES,
    "date": TIMES,
    "category": STRINGS,
    "text": STRINGS,
}
RESULT_FORMAT: Any = {"result_format": "BASIC", "partial_unexpected_count": SHOWN_ROWS}


def expectations(contract: Contract) -> list[gxe.Expectation]:
    """Return the expectations that the contract places on a table read by `frame.parse`."""
    expected: list[gxe.Expectation] = [
        gxe.ExpectTableColumnsToMatchSet(column_set=sorted(contract.delivered), exact_match=True),
        gxe.ExpectTableRowCountToBeBetween(min_value=contract.min_rows),
    ]
    if len(contract.key) == 1:
        expected.append(gxe.ExpectColumnValuesToBeUnique(column=contract.key[0]))
    elif contract.key:
        expected.append(gxe.ExpectCompoundColumnsToBeUnique(column_list=list(contract.key)))
    if contract.classes:
        classes: list[Any] = [False, True] if contract.prediction == "boolean" else list(contract.classes)
        expected.append(gxe.ExpectColumnDistinctValuesToContainSet(column=contract.target, value_set=classes))
    for name, column in contract.columns.items():
        expected += _column(name, column)
    return expected


def _column(name: str, column: Column) -> list[gxe.Expectation]:
    low, high = column.min, column.max
    if column.type == "number":  # infinity too is out of range for the model's float32
        low, high = -MAX_MAGNITUDE["number"] if low is None else low, MAX_MAGNITUDE["number"] if high is None else high
    expected: list[gxe.Expectation] = [gxe.ExpectColumnValuesToBeInTypeList(column=name, type_list=TYPES[column.type])]
    if column.missing is not True:
        expected.append(gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=1 - column.missing))
    if low is not None or high is not None:
        expected.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high))
    if column.words:
        expected.append(gxe.ExpectColumnValueLengthsToBeBetween(column=name, max_value=column.max_chars))
    if column.categories:
        expected.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.categories)))
    return expected


def check(raw: Path, contract: Contract, docs: Path | None = None) -> ValidationReport:
    """Return the report on the table that ingest wrote to *raw*.

    Only the columns that an expectation needs are in memory at a time. Data Docs, an HTML page, is written to *docs*.
    """
    pandas_execution_engine.HASH_THRESHOLD = 0  # skip the fingerprint, which takes more memory than the checks
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("table").add_dataframe_asset("raw")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    file, expected = pq.ParquetFile(raw), expectations(contract)
    present, count = file.schema_arrow.names, file.metadata.num_rows
    keys = [name for name in contract.key if name in present]
    # expectations of the table as a whole use no values: a broadcast zero has its shape and takes no memory
    placeholder = pd.DataFrame(np.broadcast_to(np.int8(0), (count, len(present))), columns=present, copy=False)
    results, failures = [], []
    for names, group in groupby(expected, lambda e: validation_report.columns_of(e.configuration.kwargs)):
        if not {part for name in names for part in contract.columns[name].join or (name,)} <= set(present):
            continue  # an absent column is reported once, by the expectation of the column set
        rows = frame.load(raw, contract, names) if names else placeholder
        evaluated = _evaluate(batch, list(group), rows)
        results += evaluated
        if failed := [result for result in evaluated if not result.success]:
            rows = frame.load(raw, contract, [*keys, *names]) if names else placeholder
            failures += [validation_report.failure(result, rows, contract) for result in failed]
    if docs:
        data_docs.write(results, docs)
    goal = frame.load(raw, contract, [contract.target] if contract.target in present else [])
    return validation_report.report(failures, count, len(expected), int(goal.isna().to_numpy().sum()))


def _evaluate(batch: Any, expected: list[gxe.Expectation], rows: pd.DataFrame) -> list[Any]:
    """Return the results of Great Expectations for *rows*."""
    first, last = pd.Timestamp.min, pd.Timestamp.max  # of datetime64[ns]: farther times keep their unit
    times = [n for n in rows.select_dtypes("datetime").columns if rows[n].dropna().between(first, last).all()]
    rows = rows.astype(dict.fromkeys(times, "datetime64[ns]"), copy=False)  # other units are compared value by value
    suite = gx.ExpectationSuite(name="contract", expectations=expected)
    with pd.option_context("mode.string_storage", "pyarrow"):  # the type of strings that the expectations name
        return list(Validator(batch, RESULT_FORMAT, {"dataframe": rows}).validate_expectation_suite(suite).results)


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--docs", type=click.Path(path_type=Path), help="Folder for Data Docs, an HTML page of the results.")
def main(raw: Path, report: Path, docs: Path | None) -> None:
    """Check the table in RAW against contract.yaml, write the result to REPORT, and fail if it breaks the contract."""
    contract = Contract.load(Path("contract.yaml"))
    result = check(raw, contract, docs)
    result.save(report)
    if not result.success:
        where = f"\nsee {docs / 'index.html'}" if docs else ""
        raise ProjectError(f"{raw}: {result.explain()}{where}")
    if remark := Counts(result.rows, result.without_target).explain(contract.target):
        click.echo(remark)
    click.echo(f"{raw}: {result.rows:,} rows meet all {result.expectations} expectations of contract.yaml")
