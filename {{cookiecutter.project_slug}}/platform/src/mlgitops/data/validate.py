"""Stage validate: check the table against the contract with Great Expectations; a failure stops the pipeline."""

from pathlib import Path
from typing import Any

import click
import great_expectations.expectations as gxe

from ..common.errors import ProjectError
from ..contract.column import Column
from ..contract.contract import Contract
from . import data_docs, validation_report
from .column_counts import ColumnCounts
from .counted_table import CountedTable, FileTable
from .counts import Counts
from .judge import UNIQUE, Judge
from .row_check import limits
from .validation_report import ValidationReport

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
    low, high = limits(column)
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
    """Return the report on the table that ingest wrote to *raw*; what is counted does not grow with the table."""
    return judged(FileTable(raw, contract), contract, docs)


def judged(table: CountedTable, contract: Contract, docs: Path | None = None) -> ValidationReport:
    """Return the report on a table of which only counts are known, which Great Expectations judges.

    Data Docs, an HTML page, is written to *docs*.
    """
    expected, keys = expectations(contract), [name for name in contract.key if name in table.usable]
    counted: dict[str, ColumnCounts] = {}
    results, failures = [], []
    for expectation in expected:
        names = validation_report.columns_of(expectation.configuration.kwargs)
        if not set(names) <= table.usable:
            continue  # an absent column is reported once, by the expectation of the column set
        for name in names:
            counted[name] = counted.get(name) or table.counts(name)
        unique = table.repeated(names) if expectation.expectation_type in UNIQUE else None
        judge = Judge(table.rows, table.columns, {name: counted[name] for name in names}, unique)
        if judge.cannot_compare(expectation):
            continue  # a column of the wrong type: its type is all that is reported of it
        result, unexpected = judge.result(expectation)
        results.append(result)
        if not result.success:
            shown = table.shown([*keys, *names], unexpected) if unexpected else []
            failures.append(validation_report.failure(result, shown, table.columns, contract))
    if docs:
        data_docs.write(results, docs)
    without = counted[contract.target].unexpected["missing"].count if contract.target in table.usable else 0
    return ValidationReport(not failures, table.rows, len(expected), tuple(failures), without)


def conclude(source: str, result: ValidationReport, contract: Contract, docs: Path | None) -> None:
    """Print the result for the table *source*; raises ProjectError if it breaks the contract."""
    if not result.success:
        where = f"\nsee {docs / 'index.html'}" if docs else ""
        raise ProjectError(f"{source}: {result.explain()}{where}")
    if remark := Counts(result.rows, result.without_target).explain(contract.target):
        click.echo(remark)
    click.echo(f"{source}: {result.rows:,} rows meet all {result.expectations} expectations of contract.yaml")


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--docs", type=click.Path(path_type=Path), help="Folder for Data Docs, an HTML page of the results.")
def main(raw: Path, report: Path, docs: Path | None) -> None:
    """Check the table in RAW against contract.yaml, write the result to REPORT, and fail if it breaks the contract."""
    contract = Contract.load(Path("contract.yaml"))
    result = check(raw, contract, docs)
    result.save(report)
    conclude(str(raw), result, contract, docs)
