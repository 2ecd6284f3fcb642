"""A table gets the contract's types; a cell that does not fit stays as it is, so that validation can show it."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from helpers import contracts, tables
from pydantic import TypeAdapter

from mlgitops.contract import row_schema
from mlgitops.contract.column import Column
from mlgitops.data import casting, frame
from mlgitops.data.arrow_cells import STRING, typed_array
from mlgitops.data.arrow_types import to_frame, to_series

ALL = {
    "n": "{type: number, missing: true}",
    "i": "{type: integer, missing: true}",
    "b": "{type: boolean, missing: true}",
    "t": "{type: datetime, missing: true}",
    "d": "{type: date, missing: true}",
    "c": "{type: category, missing: true}",
}
CONTRACT = contracts.contract(ALL)


def parsed(name: str, cells: list[Any]) -> pd.Series:
    return frame.parse(pd.DataFrame({name: cells}), CONTRACT)[name]


@pytest.mark.parametrize(
    ("name", "delivered", "typed", "dtype"),
    [
        ("n", [1, 2], [1.0, 2.0], "float64"),
        ("n", ["1.5", None], [1.5, None], "float64"),
        ("n", ["-1e3", " 7 "], [-1000.0, 7.0], "float64"),
        ("i", ["3", None], [3.0, None], "float64"),
        ("i", [3.0, np.nan], [3.0, None], "float64"),
        ("b", ["true", "FALSE"], [True, False], "boolean"),
        ("b", ["yes", None], [True, None], "boolean"),
        ("b", [1, 0], [True, False], "boolean"),
        ("b", [1.0, np.nan], [True, None], "boolean"),
        ("b", [True, False], [True, False], "boolean"),
        ("t", ["2020-01-02 03:04:05", None], [datetime(2020, 1, 2, 3, 4, 5), None], "datetime64[ms]"),
        ("d", ["2020-01-02", None], [datetime(2020, 1, 2), None], "datetime64[ms]"),
        ("c", ["a", ""], ["a", None], "string"),
        ("c", [7, 8], ["7", "8"], "string"),
        ("c", [7.0, np.nan], ["7", None], "string"),
        *((name, [None, None], [None, None], None) for name in ALL),
    ],
)
def test_cells_get_the_declared_type(name: str, delivered: list[Any], typed: list[Any], dtype: str | None) -> None:
    found = parsed(name, delivered)
    assert dtype is None or found.dtype == dtype
    assert found.dtype != object
    assert [None if pd.isna(cell) else cell for cell in found] == typed


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("n", 1.5, "12a"),
        ("i", 2, "1.5"),
        ("i", 2.0, 1.5),
        ("b", "yes", "maybe"),
        ("b", 1.0, 2.0),
        ("t", "2020-01-01 00:00:00", "2020-13-01 00:00:00"),
        ("d", "2020-01-01", "soon"),
    ],
)
def test_a_cell_that_does_not_fit_is_kept_as_text_among_those_that_do(name: str, good: Any, bad: Any) -> None:
    found = parsed(name, [good, bad, None])
    assert found.dtype == object
    assert not isinstance(found[0], str)
    assert found[1] == str(bad)
    assert pd.isna(found[2])


SPELLINGS = [  # the column, a value as delivered, what it is read as
    ("{type: number}", "1,234.5", 1234.5),
    ("{type: number}", "\u22123.94", -3.94),
    ("{type: number}", "3.94-", -3.94),
    ("{type: number}", "($5.50)", -5.5),
    ("{type: number}", "\u20b916,72,100", 1672100),
    ("{type: number}", "1\u202f234", 1234),
    ("{type: number, unit: EUR}", "1,672.10 EUR", 1672.1),
    ("{type: number, unit: EUR}", "-EUR 5", -5),
    ("{type: number, unit: EUR}", "7", 7),
    ("{type: integer, unit: min}", "90 min", 90),
    ("{type: number, multipliers: {k: 1000, M: 1000000}}", "$1.2M", 1200000),
    ("{type: number, multipliers: {k: 1000, M: 1000000}}", "350 k", 350000),
    ("{type: number, below_detection: half}", "<5", 2.5),
    ("{type: number, below_detection: zero}", "< 5", 0),
    ("{type: number, below_detection: missing, missing: true}", "<5", None),
    ("{type: number, above_detection: limit}", "1600+", 1600),
    ("{type: number, above_detection: limit}", ">7", 7),
    ("{type: number, na_values: [-999], missing: true}", -999.0, None),
    ("{type: number, missing: true}", "NA", None),
    ("{type: date, format: '%b %d %Y'}", "Jun 12 1998", datetime(1998, 6, 12)),
    ("{type: date, format: '%B %d %Y'}", "November 16 2018", datetime(2018, 11, 16)),
    ("{type: datetime, format: '%Y-%m-%d %H:%M:%S %Z'}", "2015-10-03 20:43:26 UTC", datetime(2015, 10, 3, 20, 43, 26)),
    ("{type: datetime, format: '%Y-%m-%d %H:%M:%S %Z'}", "2015-10-03 20:43:26 EST", datetime(2015, 10, 4, 1, 43, 26)),
    ("{type: datetime, format: '%d.%m.%Y %H:%M %Z'}", "03.10.2015 20:43 Europe/Prague", datetime(2015, 10, 3, 18, 43)),
    ("{type: datetime, format: '%d-%b-%y %I.%M.%S %p'}", "03-OCT-15 08.43.26 PM", datetime(2015, 10, 3, 20, 43, 26)),
    ("{type: date, format: '%b-%Y'}", "Feb-2018", datetime(2018, 2, 1)),
    ("{type: date, format: '%Y%m%d'}", "20150105", datetime(2015, 1, 5)),
    ("{type: datetime, format: unix_s}", 1443904406, datetime(2015, 10, 3, 20, 33, 26)),
    ("{type: datetime, format: unix_ms}", 1443904406000, datetime(2015, 10, 3, 20, 33, 26)),
    ("{type: date}", "2200-12-31", datetime(2200, 12, 31)),
    ("{type: date, na_values: [9999-12-31], missing: true}", "9999-12-31", None),
    ("{type: category, missing: true}", "NA", None),
    ("{type: category, na_values: []}", "NA", "NA"),
    ("{type: category, na_values: [x], missing: true}", "x", None),
    ("{type: category, categories: [None, Minor]}", "None", "None"),
]


def plain(value: Any) -> Any:
    """Return a value of a table or of a request in one form."""
    if value is None or pd.isna(value):
        return None
    return pd.Timestamp(value) if isinstance(value, date) else value


@pytest.mark.parametrize(("column", "delivered", "typed"), SPELLINGS)
def test_table_and_service_read_the_spellings_of_the_contract_alike(column: str, delivered: Any, typed: Any) -> None:
    contract = contracts.contract({"c": column})
    read = frame.parse(pd.DataFrame({"c": [delivered]}), contract)["c"][0]
    assert plain(read) == plain(typed)
    if isinstance(delivered, str) and not contract.columns["c"].spelled:
        return  # a request holds JSON numbers and ISO dates, unless the contract says more
    sent = json.dumps({"c": delivered})
    received = TypeAdapter(row_schema.request_model(contract)).validate_json(sent)["c"]
    assert plain(received) == plain(typed)


@pytest.mark.parametrize("kind", ["datetime64[ms]", "datetime64[us]", "string"])
@pytest.mark.parametrize("far", ["9999-12-31", "2500-01-01", "1601-01-01", "0001-01-01"])
def test_any_year_is_a_date_in_every_form_and_reaches_a_record(far: str, kind: str) -> None:
    contract = contracts.contract({"d": "{type: date}"})
    typed = frame.parse(
        pd.DataFrame(
            {
                "d": pd.Series(np.array([far, "2020-02-29"], "datetime64[ms]").astype(str))
                if kind == "string"
                else np.array([far, "2020-02-29"], kind)
            }
        ),
        contract,
    )
    assert typed["d"].dtype == "datetime64[ms]"
    assert [row["d"] for row in frame.records(typed, contract)] == [far, "2020-02-29"]


def test_times_among_values_that_are_none_are_still_dates_for_the_service() -> None:
    contract = contracts.contract({"d": "{type: date, missing: true}"})
    assert [row["d"] for row in frame.records(pd.DataFrame({"d": ["2020-01-02", "soon", None]}), contract)] == [
        *("2020-01-02", "soon", None)
    ]


@pytest.mark.parametrize("dtype", ["int64", "float64", "string"])
def test_a_time_is_joined_from_the_columns_with_its_parts(dtype: str, tmp_path: Path) -> None:
    columns = {"year": "{type: integer}", "month": "{type: integer}", "when": "{type: date, join: [year, month]}"}
    contract = contracts.contract(columns, time="when")
    table = pd.DataFrame({"year": [2015, 2016], "month": [12, 1], "y": [True, False]}).astype(
        {"year": dtype, "month": dtype}
    )
    table.to_parquet(tmp_path / "t.parquet", index=False)
    expected = [datetime(2015, 12, 1), datetime(2016, 1, 1)]
    assert frame.load(tmp_path / "t.parquet", contract, contract.columns)["when"].tolist() == expected
    assert frame.parse(table, contract)["when"].tolist() == expected
    assert list(contract.inputs) == list(frame.records(table, contract)[0]) == ["year", "month"]


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64()], ids=str)
def test_long_integers_beside_missing_ones_keep_all_digits_as_words(kind: pa.DataType, tmp_path: Path) -> None:
    part = pa.record_batch({"id": pa.array([2**53 + 1, None, 2**63 - 1], kind), "n": pa.array([1, None, 3], kind)})
    expected = ["9007199254740993", None, "9223372036854775807"]
    contract = contracts.contract({"id": "{type: category, missing: true}", "n": "{type: integer, missing: true}"})
    pq.write_table(pa.Table.from_batches([part]), tmp_path / "t.parquet")
    loaded, parsed = frame.load(tmp_path / "t.parquet", contract, ["id", "n"]), frame.parse(to_frame(part), contract)
    for typed in (loaded, parsed):
        assert typed["id"].astype(object).where(typed["id"].notna(), None).tolist() == expected
        assert typed["n"].dtype == "float64"
    assert [row["id"] for row in frame.records(to_frame(part), contract)] == expected


def test_columns_that_the_contract_does_not_know_stay_and_absent_ones_are_not_made_up() -> None:
    found = frame.parse(pd.DataFrame({"extra": ["1", "x"], "n": ["1", "2"]}), CONTRACT)
    assert list(found) == ["extra", "n"]
    assert found["extra"].tolist() == ["1", "x"]


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_typing_a_typed_table_changes_nothing_and_neither_does_a_file(task: str, tmp_path: Any) -> None:
    contract = contracts.wide(task)
    once = frame.parse(tables.rows(task), contract)
    pd.testing.assert_frame_equal(frame.parse(once, contract), once)
    once.to_parquet(tmp_path / "t.parquet", index=False)
    loaded = frame.load(tmp_path / "t.parquet", contract, once)
    pd.testing.assert_frame_equal(loaded.astype(once.dtypes), once)
    assert list(map(str, loaded.dtypes)) == list(map(str, once.dtypes))


def test_classes_are_numbered_in_the_order_of_the_contract() -> None:
    contract = contracts.contract({"n": "{type: number}"}, "multiclass")
    assert frame.target(pd.DataFrame({"y": ["high", "low", "mid"]}), contract).tolist() == [2, 0, 1]
    truths = frame.parse(pd.DataFrame({"y": ["no", "yes"]}), CONTRACT)
    assert frame.target(truths, CONTRACT).tolist() == [0, 1]
    numbers = contracts.contract({"n": "{type: number}"}, "regression")
    assert frame.target(pd.DataFrame({"y": [2.5, -1.0]}), numbers).tolist() == [2.5, -1.0]


def test_whole_numbers_beyond_single_precision_reach_the_model_rounded_the_same_way() -> None:
    contract = contracts.contract({"n": "{type: integer}"})
    rows = frame.parse(pd.DataFrame({"n": [2**24 + 1, 2**53 - 1], "y": [True, False]}), contract)
    assert frame.features(rows, contract)["n"].tolist() == [2.0**24, 2.0**53]
    assert [row["n"] for row in frame.records(rows, contract)] == [2**24 + 1, 2**53 - 1]


CELLS = [
    "",
    " ",
    "a",
    " a",
    "a ",
    "\xa0a",
    "É",
    "A b",
    "NA",
    "nan",
    "None",
    "1",
    "1.50",
    " 7",
    "-0",
    "1e5",
    "<5",
    "12a",
]
CELLS += ["inf", "yes", "FALSE", "2020-02-03", "2020-02-03T04:05:06", "2020-02-30", "a\tb", "\x07", "1,5", None]


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("more", ["", ", normalize: [trim, lower]", ", na_values: [a, '7']"])
@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "datetime", "date", "category", "text"])
def test_values_in_arrow_get_the_same_type_as_in_pandas(kind: str, more: str, decimal: str) -> None:
    """Whether they are converted one by one, each distinct one once, or kept as they are."""
    if "normalize" in more and kind not in ("category", "text"):
        more = ""
    column = Column.model_validate(yaml.safe_load(f"{{type: {kind}, missing: true{more}}}"))
    plain = [cell for cell in CELLS if cell and cell.isalnum() and cell.isascii()]
    for cells in (CELLS, CELLS * 3, plain, plain * 3, ["x", "y"], ["1", "2"] * 3, [None] * 3, []):
        delivered = pa.array(cells, pa.string())
        expected = casting.typed(to_series(delivered), column, decimal)
        values = typed_array(delivered, column, decimal)
        assert values.dtype == (STRING if expected.dtype == "string" else expected.dtype)
        pd.testing.assert_series_equal(values, expected.astype(values.dtype))
