"""A table gets the contract's types; a cell that does not fit stays as it is, so that validation can show it."""

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, tables

from mlgitops.data import frame

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
        ("t", ["2020-01-02T03:04:05+02:00", None], [datetime(2020, 1, 2, 1, 4, 5), None], "datetime64[ms]"),
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
