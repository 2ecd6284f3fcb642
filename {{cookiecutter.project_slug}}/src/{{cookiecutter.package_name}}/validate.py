"""Stage validate: hold the table against the contract with Great Expectations; a bad one stops the pipeline."""

from pathlib import Path
from typing import Any

import click
import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from . import files, findings, table
from .column import Column
from .config import ProjectError
from .contract import Contract

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
LOWEST, HIGHEST = -3.4e38, 3.4e38


def expectations(contract: Contract) -> list[gxe.Expectation]:
    """Return what the contract expects of a table that `table.parse` has read."""
    found: list[gxe.Expectation] = [
        gxe.ExpectTableColumnsToMatchSet(column_set=sorted(contract.columns), exact_match=True),
        gxe.ExpectTableRowCountToBeBetween(min_value=contract.rows),
    ]
    if len(contract.key) == 1:
        found.append(gxe.ExpectColumnValuesToBeUnique(column=contract.key[0]))
    elif contract.key:
        found.append(gxe.ExpectCompoundColumnsToBeUnique(column_list=list(contract.key)))
    if contract.classes:
        truths = contract.columns[contract.target].type == "boolean"
        classes: list[Any] = [False, True] if truths else list(contract.classes)
        found.append(gxe.ExpectColumnDistinctValuesToContainSet(column=contract.target, value_set=classes))
    for name, column in contract.columns.items():
        found += _column(name, column)
    return found


def _column(name: str, column: Column) -> list[gxe.Expectation]:
    low, high = column.min, column.max
    if column.type == "number":  # an infinite one too is beyond what the model's single precision can hold
        low, high = LOWEST if low is None else low, HIGHEST if high is None else high
    found: list[gxe.Expectation] = [gxe.ExpectColumnValuesToBeInTypeList(column=name, type_list=TYPES[column.type])]
    if column.missing is not True:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=1 - column.missing))
    if low is not None or high is not None:
        found.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high))
    if column.values:
        found.append(gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.values)))
    return found


def check(rows: pd.DataFrame, contract: Contract, docs: Path | None = None) -> dict[str, Any]:
    """Return the verdict on *rows* (typed by `table.parse`) as JSON values: success, counts, and each failure.

    Data Docs, the pages to look at, are written to the folder *docs*.
    """
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.variables.data_docs_sites = {}
    if docs:
        store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs.resolve())}
        index = {"class_name": "DefaultSiteIndexBuilder"}
        context.add_data_docs_site(
            "local", {"class_name": "SiteBuilder", "site_index_builder": index, "store_backend": store}
        )
    suite = context.suites.add(gx.ExpectationSuite(name="contract", expectations=expectations(contract)))
    asset = context.data_sources.add_pandas("table").add_dataframe_asset("raw")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="contract", data=batch, suite=suite))
    form = {"result_format": "BASIC", "partial_unexpected_count": findings.SHOWN}
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name="contract", validation_definitions=[definition], result_format=form)
    )
    texts = rows.astype(dict.fromkeys(rows.select_dtypes("string").columns, table.TEXT), copy=False)
    with pd.option_context("mode.string_storage", "pyarrow"):  # or texts would not have the type that they should have
        (result,) = checkpoint.run(batch_parameters={"dataframe": texts}).run_results.values()
    if docs:
        context.build_data_docs()
    return findings.report(result.results, rows, contract)


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--docs", type=click.Path(path_type=Path), help="Folder for Data Docs, the pages to look at.")
def main(raw: Path, report: Path, docs: Path | None) -> None:
    """Hold the table in RAW against contract.yaml, write what was found to REPORT, and fail where it breaks it."""
    contract = Contract.load(Path("contract.yaml"))
    found = check(table.load(raw, contract), contract, docs)
    files.write_json(report, found)
    if not found["success"]:
        where = f"\nlook at {docs / 'index.html'}" if docs else ""
        raise ProjectError(f"{raw}: {findings.explain(found)}{where}")
    click.echo(f"{raw}: {found['rows']:,} rows keep all {found['expectations']} expectations of contract.yaml")


if __name__ == "__main__":
    main()
