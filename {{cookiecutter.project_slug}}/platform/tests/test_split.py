"""A row stays on its side of the split when the table grows, and the test part is what it should be."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from helpers import contracts, tables

from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.data import frame
from mlgitops.data.split import main, split

KEYED = contracts.contract({"id": "{type: text}", "x": "{type: number}"}, key=["id"])
PLAIN = contracts.contract({"x": "{type: number}", "c": "{type: category, missing: true}"})
TIMED = contracts.contract({"t": "{type: datetime}", "x": "{type: number}"}, time="t")


def rows(count: int, contract: Contract, start: int = 0) -> pd.DataFrame:
    numbers = range(start, start + count)
    found = pd.DataFrame(
        {
            "id": [f"r{n}" for n in numbers],
            "x": [float(n * 7919 % 1000) for n in numbers],
            "c": [None if n % 5 == 0 else f"c{n}" for n in numbers],
            "t": [pd.Timestamp("2020-01-01") + pd.Timedelta(hours=n * 37 % 100 + n) for n in numbers],
            "y": [n % 3 == 0 for n in numbers],
        }
    )
    return frame.parse(found[list(contract.columns)], contract)


def sides(parts: tuple[pd.DataFrame, pd.DataFrame], name: str) -> tuple[set[object], set[object]]:
    return set(parts[0][name]), set(parts[1][name])


@pytest.mark.parametrize("contract", [KEYED, PLAIN], ids=["by key", "by all inputs"])
def test_a_row_never_changes_side_when_rows_are_added(contract: Contract) -> None:
    name = "id" if contract is KEYED else "c"
    before = rows(200, contract)
    after = pd.concat([rows(300, contract, start=200), before.sample(frac=1, random_state=1)], ignore_index=True)
    train, test = sides(split(before, contract, 0.3), name)
    grown_train, grown_test = sides(split(after, contract, 0.3), name)
    assert train - {pd.NA} <= grown_train
    assert test - {pd.NA} <= grown_test


def test_the_key_alone_decides_so_that_a_corrected_row_stays_where_it_was() -> None:
    before = rows(200, KEYED)
    assert sides(split(before, KEYED, 0.3), "id") == sides(split(before.assign(x=-1.0), KEYED, 0.3), "id")


def test_every_row_is_in_one_part_and_the_test_part_has_its_share() -> None:
    whole = rows(2000, KEYED)
    train, test = sides(split(whole, KEYED, 0.25), "id")
    assert not train & test
    assert train | test == set(whole["id"])
    assert 0.2 < len(test) / len(whole) < 0.3


def test_rows_that_are_the_same_are_on_the_same_side() -> None:
    whole = rows(100, PLAIN)
    train, test = split(pd.concat([whole] * 3, ignore_index=True), PLAIN, 0.3)
    assert not set(train["x"]) & set(test["x"])
    assert set(test["x"].value_counts()) == {3}


def test_the_newest_rows_are_the_test_part() -> None:
    whole = rows(200, TIMED).sample(frac=1, random_state=1)
    train, test = split(whole, TIMED, 0.2)
    assert train["t"].max() < test["t"].min()
    assert 0.15 < len(test) / len(whole) <= 0.25
    assert train["t"].is_monotonic_increasing  # the folds of the cross-validation rely on it


def test_rows_of_one_moment_are_not_torn_apart() -> None:
    whole = rows(200, TIMED)
    whole["t"] = whole["t"].dt.floor("2D")
    train, test = split(whole, TIMED, 0.2)
    assert not set(train["t"]) & set(test["t"])


@pytest.mark.parametrize("contract", [KEYED, TIMED], ids=["by key", "by time"])
def test_rows_without_a_target_are_in_neither_part(contract: Contract) -> None:
    whole = rows(200, contract)
    whole.loc[::4, "y"] = pd.NA
    train, test = split(whole, contract, 0.3)
    assert len(train) + len(test) == 150
    assert train["y"].notna().all()
    assert test["y"].notna().all()


def test_the_order_of_the_table_does_not_matter() -> None:
    whole = rows(200, KEYED)
    assert sides(split(whole, KEYED, 0.3), "id") == sides(split(whole.iloc[::-1], KEYED, 0.3), "id")


@pytest.mark.parametrize("timed", [False, True])
def test_the_stage_writes_both_parts_in_pieces_that_fit_together(
    timed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.wide("multiclass", **({"time": "day"} if timed else {}))
    monkeypatch.chdir(tmp_path)
    Path("contract.yaml").write_text(contract.model_dump_json(exclude_none=True), encoding="utf-8")
    Path("params.yaml").write_text(contracts.PARAMS.model_dump_json(), encoding="utf-8")
    whole = frame.parse(tables.rows("multiclass"), contract)
    whole.to_parquet("raw.parquet", index=False)
    expected = split(whole[list(contract.columns)], contract, contracts.PARAMS.split.test)
    monkeypatch.setattr(frame, "CHUNK_ROWS", 7)
    done = CliRunner().invoke(main, ["raw.parquet", "train.parquet", "test.parquet"])
    assert done.exit_code == 0, done.output
    for name, part in zip(("train", "test"), expected, strict=True):
        assert pq.ParquetFile(f"{name}.parquet").num_row_groups > 1
        pd.testing.assert_frame_equal(pd.read_parquet(f"{name}.parquet"), part)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ProjectError, match=r"only \d rows in the test part: add rows, or change split\.test"):
        split(rows(20, KEYED), KEYED, 0.2)
    with pytest.raises(ProjectError, match=r"rows in the train part"):
        split(rows(20, TIMED), TIMED, 0.9)


def test_a_part_that_lacks_a_class_is_refused_by_name() -> None:
    contract = contracts.contract({"t": "{type: datetime}", "x": "{type: number}"}, "multiclass", time="t")
    whole = rows(200, TIMED).sort_values("t")
    whole["y"] = pd.array(np.where(np.arange(200) < 180, np.tile(["low", "mid"], 100), "high"), dtype="string")
    with pytest.raises(ProjectError, match=r"no row of the train part has y high"):
        split(whole, contract, 0.2)
