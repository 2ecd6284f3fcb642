"""Stage validate: hold the table against the contract with Great Expectations; a bad one stops the pipeline."""

import json
from pathlib import Path
from typing import Any

import click
import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from . import files, table
from .config import ProjectError
from .contract import Column, Contract

TYPES = {
    "number": ["float64", "float", "int"],
    "integer": ["float64", "float", "int"],
    "boolean": ["BooleanDtype", "bool"],
    "datetime": ["datetime64[ms]", "datetime64[ns]", "Timestamp"],
    "date": ["datetime64[ms]", "datetime64[ns]", "Timestamp"],
    "category": ["StringDtype", "str"],
    "text": ["StringDtype", "str"],
}
SHOWN = 5  # offending rows per expectation in the report


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
        classes: list[Any] = (
            [False, True] if contract.columns[contract.target].type == "boolean" else list(contract.classes)
        )
        found.append(gxe.ExpectColumnDistinctValuesToContainSet(column=contract.target, value_set=classes))
    for name, column in contract.columns.items():
        found += _column(name, column)
    return found


def _column(name: str, column: Column) -> list[gxe.Expectation]:
    found: list[gxe.Expectation] = [gxe.ExpectColumnValuesToBeInTypeList(column=name, type_list=TYPES[column.type])]
    if column.missing is not True:
        found.append(gxe.ExpectColumnValuesToNotBeNull(column=name, mostly=1 - column.missing))
    if column.min is not None or column.max is not None:
        found.append(gxe.ExpectColumnValuesToBeBetween(column=name, min_value=column.min, max_value=column.max))
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
    form = {"result_format": "BASIC", "partial_unexpected_count": SHOWN}
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name="contract", validation_definitions=[definition], result_format=form)
    )
    (result,) = checkpoint.run(batch_parameters={"dataframe": rows}).run_results.values()
    if docs:
        context.build_data_docs()
    return _report(result.results, rows, contract)


def _report(results: list[Any], rows: pd.DataFrame, contract: Contract) -> dict[str, Any]:
    failures = [_failure(result, rows, contract) for result in results if not result.success]
    # a column that is absent or of the wrong type cannot be compared either: that is what there is to say of it
    told = {f["column"] for f in failures if f["expectation"] == "expect_column_values_to_be_in_type_list"}
    told |= set(contract.columns) - set(rows)
    failures = [f for f in failures if not (f["count"] is None and f["column"] in told)]
    return {"success": not failures, "rows": len(rows), "expectations": len(results), "failures": failures}


def _failure(result: Any, rows: pd.DataFrame, contract: Contract) -> dict[str, Any]:
    """Say what failed: column, expectation, how many rows (None where it could not be tried), and the first of them."""
    kwargs, found = result.expectation_config.kwargs, result.result
    names = kwargs.get("column_list") or [kwargs[key] for key in ("column",) if key in kwargs]
    wanted = {
        key: value
        for key, value in kwargs.items()
        if value is not None and key not in ("column", "column_list", "batch_id")
    }
    return {
        "column": ", ".join(names) or "the table",
        "expectation": result.expectation_config.type,
        "wanted": json.loads(json.dumps(wanted, default=str)),
        "found": json.loads(json.dumps(found.get("observed_value"), default=str)),
        "count": found.get("unexpected_count", 0) if found else None,
        "rows": _rows(_offending(rows, names, found), [*contract.key, *names]),
    }


def _offending(rows: pd.DataFrame, names: list[str], found: dict[str, Any]) -> pd.DataFrame:
    if not found.get("unexpected_count"):
        return rows.iloc[:0]
    unexpected = found["partial_unexpected_list"]
    if len(names) > 1:
        return rows[pd.MultiIndex.from_frame(rows[names]).isin([tuple(cells.values()) for cells in unexpected])]
    cells = rows[names[0]]
    return rows[cells.isin(unexpected) if unexpected and not pd.isna(unexpected[0]) else cells.isna()]


def _rows(bad: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    shown = bad[[name for name in dict.fromkeys(names) if name in bad]].head(SHOWN)
    return [
        {"row": int(row), **cells}
        for row, cells in zip(shown.index, shown.astype(object).to_dict("records"), strict=True)
    ]


def explain(report: dict[str, Any]) -> str:
    """Return a report in words: a line per failure, and one per offending row."""
    lines = [f"the data breaks the contract: {len(report['failures'])} of {report['expectations']} expectations fail"]
    for failure in report["failures"]:
        wanted = ", ".join(f"{key}={value}" for key, value in failure["wanted"].items())
        count = f"{failure['count']} rows" if failure["count"] else f"found {failure['found']}"
        lines.append(f"  {failure['column']}: {failure['expectation']}({wanted}): {count}")
        lines += ["    " + ", ".join(f"{key} {value}" for key, value in row.items()) for row in failure["rows"]]
    return "\n".join(lines)


@click.command()
@click.argument("raw", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--docs", type=click.Path(path_type=Path), help="Folder for Data Docs, the pages to look at.")
def main(raw: Path, report: Path, docs: Path | None) -> None:
    """Hold the table in RAW against contract.yaml, write what was found to REPORT, and fail if it breaks the contract."""
    contract = Contract.load(Path("contract.yaml"))
    found = check(table.parse(table.read(raw), contract), contract, docs)
    files.write_json(report, found)
    if not found["success"]:
        where = f"\nlook at {docs / 'index.html'}" if docs else ""
        raise ProjectError(f"{raw}: {explain(found)}{where}")
    click.echo(f"{raw}: {found['rows']:,} rows keep all {found['expectations']} expectations of contract.yaml")


if __name__ == "__main__":
    main()
