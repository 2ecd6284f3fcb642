"""The table is the one that contract.yaml declares; the stage `validate` checks every row of it, this a sample."""

import pandas as pd

from mlgitops.contract.contract import Contract


def test_the_table_has_the_columns_of_the_contract(table: pd.DataFrame, contract: Contract) -> None:
    assert set(table.columns) == set(contract.columns)


def test_the_table_has_as_many_rows_as_the_contract_asks_for(table: pd.DataFrame, contract: Contract) -> None:
    assert len(table) >= contract.min_rows


def test_every_value_has_the_type_of_its_column(rows: pd.DataFrame) -> None:
    mistyped = {name: rows[name][rows[name].map(lambda value: isinstance(value, str))].tolist()[:3]
                for name in rows.select_dtypes("object")}  # fmt: skip
    assert mistyped == {}


def test_the_key_identifies_a_row(table: pd.DataFrame, contract: Contract) -> None:
    assert not contract.key or not table.duplicated(list(contract.key)).any()


def test_a_value_is_missing_only_where_the_contract_allows_it(rows: pd.DataFrame, contract: Contract) -> None:
    missing = {name for name in rows if rows[name].isna().any()}
    assert missing <= {name for name, column in contract.columns.items() if column.missing}


def test_the_target_has_every_class(table: pd.DataFrame, contract: Contract) -> None:
    values = table[contract.target].dropna()
    assert values.nunique() >= max(2, len(contract.classes))
