"""A table that breaks the contract stops the pipeline, and the message says where."""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner
from helpers import contracts
from helpers.partitions import Partitions

from mlgitops.batch.spark_errors import CONDITIONS
from mlgitops.batch.spark_session import errors, table_name
from mlgitops.batch.spark_table import SparkTable
from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.data import duplicates, frame, ingest, validate
from mlgitops.data.column_counts import SHOWN_ROWS
from mlgitops.data.judge import RESULT_FORMAT
from mlgitops.data.validation_report import ValidationReport

COLUMNS = {
    "id": "{type: text}",
    "size": "{type: number, min: 0, max: 10, missing: 0.2}",
    "free": "{type: number, missing: true}",
    "whole": "{type: integer}",
    "flag": "{type: boolean, missing: true}",
    "day": "{type: date, min: 2020-01-01}",
    "shop": "{type: category, categories: [a, b]}",
}
CONTRACT = contracts.contract(COLUMNS, key=["id"], min_rows=8)
GOOD = pd.DataFrame(
    {
        "id": [f"r{n}" for n in range(10)],
        "size": [0.0, 10, 3, 4, 5, 6, 7, 8, np.nan, np.nan],
        "free": [np.nan, -1e30, *range(8)],
        "whole": range(10),
        "flag": [True, None] * 5,
        "day": "2020-02-03",
        "shop": list("ab") * 5,
        "y": [True, False] * 5,
    }
).astype({"size": object, "whole": object, "day": object})


def broken(column: str, cells: dict[int, Any]) -> pd.DataFrame:
    rows = GOOD.copy()
    for row, cell in cells.items():
        rows.loc[row, column] = cell
    return rows


def check(rows: pd.DataFrame, contract: Contract = CONTRACT) -> ValidationReport:
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / "raw.parquet"
        delivered(rows).to_parquet(raw, index=False)
        return validate.check(raw, contract)


def delivered(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.astype(dict.fromkeys(rows.select_dtypes("object").columns, "string"))


BAD = {  # what is wrong: the table, then column, expectation, count and offending rows of the only failure
    "a column is absent": (GOOD.drop(columns="shop"), "the table", "expect_table_columns_to_match_set", 0, []),
    "a column too many": (GOOD.assign(extra=1), "the table", "expect_table_columns_to_match_set", 0, []),
    "too few rows": (GOOD.head(7), "the table", "expect_table_row_count_to_be_between", 0, []),
    "a key twice": (broken("id", {7: "r2"}), "id", "expect_column_values_to_be_unique", 2, [2, 7]),
    "one class only": (GOOD.assign(y=True), "y", "expect_column_distinct_values_to_contain_set", 0, []),
    "text in a number": (broken("size", {3: "12a"}), "size", "expect_column_values_to_be_in_type_list", 1, [3]),
    "a fraction": (broken("whole", {4: 1.5}), "whole", "expect_column_values_to_be_in_type_list", 1, [4]),
    "no truth": (broken("flag", {0: "maybe"}), "flag", "expect_column_values_to_be_in_type_list", 1, [0]),
    "no date": (broken("day", {1: "2020-02-30"}), "day", "expect_column_values_to_be_in_type_list", 1, [1]),
    "too many missing": (broken("size", {0: None}), "size", "expect_column_values_to_not_be_null", 3, [0, 8, 9]),
    "one missing": (broken("shop", {5: None}), "shop", "expect_column_values_to_not_be_null", 1, [5]),
    "too large": (broken("size", {3: 10.1, 5: 99}), "size", "expect_column_values_to_be_between", 2, [3, 5]),
    "too early": (broken("day", {6: "2019-12-31"}), "day", "expect_column_values_to_be_between", 1, [6]),
    "infinite": (broken("free", {2: np.inf}), "free", "expect_column_values_to_be_between", 1, [2]),
    "another value": (broken("shop", {1: "c", 9: "d"}), "shop", "expect_column_values_to_be_in_set", 2, [1, 9]),
}


@pytest.mark.parametrize("case", BAD)
def test_each_bad_table_fails_exactly_its_own_expectation(case: str) -> None:
    rows, column, expectation, count, offending = BAD[case]
    found = check(rows)
    assert not found.success
    assert [(f.column, f.expectation, f.count or 0) for f in found.failures] == [(column, expectation, count)]
    assert [row["row"] for row in found.failures[0].rows] == offending
    assert ValidationReport.parse(json.dumps(asdict(found), allow_nan=False), "report.json") == found
    for row in found.failures[0].rows:
        assert str(row[column]).startswith((str(rows.loc[row["row"], column]), "None", "Infinity"))
    told = found.explain()
    assert f"  {column}: {expectation}(" in told
    for row in offending:
        assert f"row {row}, id {rows.loc[row, 'id']}" in told
    assert not count or f"{count} rows" in told


def test_the_good_table_passes() -> None:
    assert check(GOOD) == ValidationReport(True, 10, len(validate.expectations(CONTRACT)), ())


def test_there_is_a_bad_table_for_every_expectation_that_a_contract_can_lead_to() -> None:
    several = contracts.contract(COLUMNS, key=["id", "day"])
    possible = {e.expectation_type for c in (CONTRACT, several) for e in validate.expectations(c)}
    assert possible == {expectation for _, _, expectation, _, _ in BAD.values()} | {
        "expect_compound_columns_to_be_unique"
    }


def test_a_key_of_several_columns_is_unique_as_a_whole() -> None:
    contract = contracts.contract(COLUMNS, key=["id", "shop"])
    assert check(broken("id", {7: "r2"}), contract).success
    (failure,) = check(broken("id", {8: "r2"}), contract).failures
    assert failure.expectation == "expect_compound_columns_to_be_unique"
    assert [(row["row"], row["id"], row["shop"]) for row in failure.rows] == [(2, "r2", "a"), (8, "r2", "a")]


FAULTS = {  # many at once, in and between the chunks
    "id": {7: "r2", 9: "r2", 4: None, 5: None},
    "size": {1: None, 2: 11, 3: -1, 6: 12, 7: 13, 8: 14, 9: 15},
    "free": {2: np.inf, 5: -4e38},
    "whole": {1: 0, 5: 0.0, 6: -0.0},
    "day": {6: "2019-12-31", 7: "1999-01-01", 2: None},
    "shop": {1: "c", 2: None, 9: "d", 8: "<NA>"},
    "y": dict.fromkeys(range(10), True),
}


KEYS = pytest.mark.parametrize("key", [["id"], ["whole", "shop"], ["id", "day", "shop"]], ids="+".join)


def faulty(key: list[str]) -> tuple[pd.DataFrame, Contract]:
    """Return a table with all FAULTS, and its contract."""
    ignored = {} if "id" in key else {"id": "{type: text, ignore: it is a number}"}
    rows, contract = GOOD.copy(), contracts.contract(COLUMNS | ignored, key=key, min_rows=8)
    for column, cells in FAULTS.items():
        rows[column] = rows[column].astype("float64" if column == "free" else object)
        for row, cell in cells.items():
            rows.loc[row, column] = cell
    return rows, contract


@KEYS
def test_what_is_counted_in_chunks_is_judged_as_the_whole_table(key: list[str], monkeypatch: Any) -> None:
    rows, contract = faulty(key)
    monkeypatch.setattr(frame, "CHUNK_ROWS", 4)
    counted = [
        (failure.expectation, failure.column, failure.count, [row["row"] for row in failure.rows])
        for failure in check(rows, contract).failures
    ]
    typed = frame.parse(delivered(rows), contract)
    assert counted == [failure for e in validate.expectations(contract) if (failure := _failure(e, typed))]


def _failure(expectation: Any, typed: pd.DataFrame) -> tuple[str, str, int, list[int]] | None:
    """Return how an expectation fails if Great Expectations has the whole table; None if it does not."""
    asset = gx.get_context(mode="ephemeral").data_sources.add_pandas("table").add_dataframe_asset("raw")
    batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": typed})
    result = batch.validate(expectation, result_format={**RESULT_FORMAT, "result_format": "COMPLETE"})
    if result.success:
        return None
    kwargs = expectation.configuration.kwargs
    positions = result.result.get("unexpected_index_list", [])[:SHOWN_ROWS]
    names = ", ".join(kwargs.get("column_list") or [kwargs["column"]])
    return expectation.expectation_type, names, result.result.get("unexpected_count", 0), positions


@pytest.mark.parametrize("case", BAD)
def test_a_table_of_spark_is_judged_as_the_same_file(case: str) -> None:
    rows = BAD[case][0]
    assert judged_by_spark(rows, CONTRACT) == unnumbered(check(rows))


@KEYS
def test_a_table_of_spark_with_faults_in_all_partitions_is_judged_as_the_same_file(key: list[str]) -> None:
    rows, contract = faulty(key)
    renames = {name: f'{name}.of `the` "table"' for name in contract.columns}  # names that SQL would take apart
    hostile = json.loads(contract.model_dump_json(exclude_defaults=True))
    hostile |= {"columns": {renames[name]: column for name, column in hostile["columns"].items()}}
    hostile |= {"target": renames["y"], "key": [renames[name] for name in key]}
    rows, contract = rows.rename(columns=renames), Contract.model_validate(hostile)
    report = judged_by_spark(rows, contract)
    assert len(report.failures) > 5
    assert report == unnumbered(check(rows, contract))


def judged_by_spark(rows: pd.DataFrame, contract: Contract) -> ValidationReport:
    return unnumbered(validate.judged(SparkTable(Partitions.of(delivered(rows)), contract), contract))


def unnumbered(report: ValidationReport) -> ValidationReport:
    """Return a report whose rows have no number and no order, which a table of Spark does not know."""
    rows = [[{name: row[name] for name in row if name != "row"} for row in failure.rows] for failure in report.failures]
    failures = zip(report.failures, rows, strict=True)
    return replace(report, failures=tuple(replace(f, rows=tuple(sorted(shown, key=str))) for f, shown in failures))


TABLES = {
    "table:rows": "`rows`",
    "table:my-catalog.sales 2026.1st": "`my-catalog`.`sales 2026`.`1st`",
    "table:main.`a.b`.rows": "main.`a.b`.rows",  # as its user writes it in SQL
    "table:delta.`s3://bucket/rows`": "delta.`s3://bucket/rows`",
}


@pytest.mark.parametrize("place", TABLES)
def test_each_part_of_the_name_of_a_table_of_spark_is_quoted(place: str) -> None:
    assert table_name(place) == TABLES[place]


TRACE = "\n\nJVM stacktrace:\norg.apache.spark.sql.AnalysisException\n\tat org.apache.spark.sql.Dataset"
WORKER = "[PYTHON_EXCEPTION] raised:\nTraceback (most recent call last):\n  File x\nValueError: no such value\n"
MESSAGES = {  # of Spark -> what its user reads
    f"[UNRESOLVED_COLUMN] there is no `a`.{TRACE}": "[UNRESOLVED_COLUMN] there is no `a`.",
    f"{WORKER}{TRACE}": "ValueError: no such value",
    f"Job aborted: [PARQUET_TYPE_ILLEGAL] INT64{TRACE}": CONDITIONS["PARQUET_TYPE_ILLEGAL"],
}


@pytest.mark.parametrize("text", MESSAGES, ids=MESSAGES.values())
def test_an_error_of_spark_is_one_line_that_says_what_is_wrong(text: str) -> None:
    raised = type("AnalysisException", (Exception,), {"__module__": "pyspark.errors"})(text)
    with pytest.raises(ProjectError) as error, errors("checking rows with Spark"):
        raise raised
    assert error.value.message == f"checking rows with Spark: {MESSAGES[text]}"


def test_different_keys_with_the_same_hash_are_no_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_hash", lambda values, column: np.ones(len(values), dtype="uint64"))
    assert check(GOOD).success
    (failure,) = check(broken("id", {7: "r2"})).failures
    assert failure.count == 2


def test_only_the_columns_that_differ_are_named() -> None:
    told = check(GOOD.rename(columns={"shop": "store"})).explain()
    assert "found missing shop; unexpected store" in told
    assert "free" not in told


def test_the_class_that_is_absent_is_named() -> None:
    assert "found missing True" in check(GOOD.assign(y=False)).explain()


def test_at_most_a_few_rows_are_shown_and_all_are_counted() -> None:
    (failure,) = check(GOOD.assign(shop="c")).failures
    assert failure.count == 10
    assert len(failure.rows) == SHOWN_ROWS


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    text = yaml.safe_dump(CONTRACT.model_dump(mode="json", exclude_none=True))
    Path("contract.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_stage_stops_with_report_and_page_on_mistyped_cells_that_went_through_a_file(here: Path) -> None:
    broken("size", {3: "12a", 4: "?"}).to_csv("bought.csv", index=False)
    ingest.ingest(Path("bought.csv"), Path("raw.parquet"))
    answer = CliRunner().invoke(validate.main, ["raw.parquet", "out/report.json", "--docs", "out/docs"])
    assert answer.exit_code == 1
    assert "raw.parquet: the data breaks the contract: 1 of " in answer.output
    assert "size: expect_column_values_to_be_in_type_list" in answer.output
    assert "row 3, id r3, size 12a" in answer.output
    assert "row 4, id r4, size ?" in answer.output
    assert "Traceback" not in answer.output
    report = files.read_json(here / "out" / "report.json")
    assert [row["size"] for row in report["failures"][0]["rows"]] == ["12a", "?"]
    assert "index.html" in answer.output
    assert "12a" in (here / "out/docs/index.html").read_text(encoding="utf-8")


def test_data_docs_show_values_as_text_and_name_nothing_that_a_browser_would_load(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = broken("shop", {1: "<img src=x>", 5: None}).assign(**{"<b>": 1})
    frame.parse(rows, CONTRACT).to_parquet(tmp_path / "raw.parquet", index=False)
    failures = validate.check(tmp_path / "raw.parquet", CONTRACT, tmp_path / "docs").failures
    assert {failure.column for failure in failures} == {"the table", "shop"}
    page = (tmp_path / "docs/index.html").read_text(encoding="utf-8")
    assert page.count("&lt;img src=x&gt;") == 1
    assert "&lt;b&gt;" in page
    assert not re.findall(r"<img|<b>|<script|<link|<[^>]* src=|url\(|@import|&amp;", page)
    assert {address[0] for address in re.findall(r'href="([^"]+)"', page)} == {"#"}
    assert len(re.findall(r'<section [^>]*class="card refused"', page)) == len(failures) - 1 == 2
    assert page.count("<section ") == page.count("<li ") == len(COLUMNS) + 2  # and the target, and the table
    assert {one.levelname for one in caplog.records} <= {"INFO"}  # templates that fail on a missing value say so here


def test_the_stage_passes_a_good_table_and_writes_the_same_report_twice(here: Path) -> None:
    frame.parse(GOOD, CONTRACT).to_parquet("raw.parquet", index=False)
    for name in ("one.json", "two.json"):
        answer = CliRunner().invoke(validate.main, ["raw.parquet", name])
        assert answer.exit_code == 0, answer.output
        assert "10 rows meet all" in answer.output
    assert (here / "one.json").read_bytes() == (here / "two.json").read_bytes()


def test_validation_calls_no_one(here: Path) -> None:
    frame.parse(GOOD, CONTRACT).to_parquet("raw.parquet", index=False)
    code = """
import socket, sys, threading
calls = []
def refuse(*arguments, **more):
    calls.append(arguments)
    raise OSError("no network here")
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = socket.getaddrinfo = refuse
from mlgitops.data import validate
validate.main(["raw.parquet", "report.json", "--docs", "docs"], standalone_mode=False)
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join(1)
sys.exit(f"called {calls}" if calls else 0)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert files.read_json(here / "report.json")["success"]
