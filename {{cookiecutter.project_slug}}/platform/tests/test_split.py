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
from mlgitops.contract.params import Split
from mlgitops.data import frame
from mlgitops.data.counts import Counts, counts
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
    before = rows(2000, contract)
    after = pd.concat([rows(3000, contract, start=2000), before.sample(frac=1, random_state=1)], ignore_index=True)
    train, test = sides(split(before, contract, 0.3), name)
    grown_train, grown_test = sides(split(after, contract, 0.3), name)
    assert train - {pd.NA} <= grown_train
    assert test - {pd.NA} <= grown_test


FROZEN = {  # of 60 rows, the test part as the first version of the split had it
    "key": (KEYED, [2, 6, 11, 14, 18, 19, 24, 25, 28, 32, 36, 37, 38, 40, 43, 45, 53, 54]),
    "inputs": (PLAIN, [1, 2, 9, 12, 17, 18, 25, 31, 32, 33, 35, 55]),
    "time": (TIMED, [37, 16, 45, 24, 53, 32, 40, 48, 27, 56, 35, 43, 51, 59, 54]),
}


@pytest.mark.parametrize("roles", FROZEN)
def test_no_version_of_the_platform_lets_a_row_change_side(roles: str) -> None:
    contract, expected = FROZEN[roles]
    _, test = split(rows(60, contract).assign(n=range(60)), contract, 0.25)
    assert test["n"].tolist() == expected


def test_of_a_small_class_a_few_rows_at_most_change_side_when_rows_are_added() -> None:
    train, test = sides(split(rows(200, KEYED), KEYED, 0.3), "id")
    grown_train, grown_test = sides(split(rows(500, KEYED), KEYED, 0.3), "id")
    assert len(train & grown_test | test & grown_train) <= 2


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


@pytest.mark.parametrize("positives", [4, 17, 40])
@pytest.mark.parametrize("seed", range(5))
def test_each_part_has_its_share_of_a_rare_class(positives: int, seed: int) -> None:
    whole = rows(81, KEYED, start=1000 * seed)
    whole["y"] = pd.array(np.arange(81) < positives, dtype="boolean")
    train, test = split(whole, KEYED, 0.25)
    assert abs(test["y"].sum() - positives / 4) <= max(1, 0.2 * positives / 4)
    assert len(train) + len(test) == 81


@pytest.mark.parametrize("columns", [{"x": [0.0, 1.0]}, {"x": [0.0], "c": ["c1", "c2", "c3"]}])
def test_a_table_of_few_distinct_rows_can_be_split(columns: dict[str, list[object]]) -> None:
    whole = rows(300, PLAIN).assign(x=1.0, c="c1")
    whole = whole.assign(**{name: [values[n % len(values)] for n in range(300)] for name, values in columns.items()})
    train, test = split(frame.parse(whole, PLAIN), PLAIN, 0.2)
    assert 48 <= len(test) <= 72
    assert 0.2 < test["y"].mean() < 0.5
    turned_train, turned_test = split(frame.parse(whole.iloc[::-1], PLAIN), PLAIN, 0.2)
    counts = [part.value_counts(dropna=False).sort_index() for part in (train, turned_train, test, turned_test)]
    pd.testing.assert_series_equal(counts[0], counts[1])
    pd.testing.assert_series_equal(counts[2], counts[3])


def grouped(count: int, groups: int, **more: object) -> tuple[Contract, pd.DataFrame]:
    contract = contracts.contract(
        {"g": "{type: text, missing: true}", "t": "{type: datetime}", "x": "{type: number}"}, group="g", **more
    )
    whole = rows(count, TIMED).assign(g=[f"g{n * 31 % groups}" for n in range(count)])
    return contract, frame.parse(whole, contract)


@pytest.mark.parametrize("groups", [8, 60, 400])
@pytest.mark.parametrize("time", [None, "t"])
def test_the_rows_of_a_group_are_on_one_side_and_the_sides_have_their_shares(groups: int, time: str | None) -> None:
    contract, whole = grouped(1200, groups, time=time)
    train, test = split(whole, contract, 0.25)
    assert not set(train["g"]) & set(test["g"])
    assert len(train) + len(test) == 1200
    assert 0.15 < len(test) / 1200 < 0.4
    if time:
        first = whole.groupby("g")["t"].min()
        assert first[list(set(train["g"]))].max() <= first[list(set(test["g"]))].min()


def test_rows_without_a_group_are_groups_of_their_own() -> None:
    contract, whole = grouped(600, 30)
    whole.loc[::2, "g"] = pd.NA
    train, test = split(whole, contract, 0.25)
    assert 0.15 < test["g"].isna().sum() / 300 < 0.35
    assert not set(train["g"].dropna()) & set(test["g"].dropna())


def test_a_rare_class_is_in_both_parts_although_groups_stay_together() -> None:
    contract, whole = grouped(1200, 60)
    whole["y"] = pd.array(whole["g"].isin(["g3", "g4", "g5", "g6"]), dtype="boolean")
    train, test = split(whole, contract, 0.25)
    assert train["y"].sum() == 60
    assert test["y"].sum() == 20


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
    assert "rows have no value" not in done.output
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


def test_rows_without_a_target_are_counted_for_the_stages_that_follow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("contract.yaml").write_text(KEYED.model_dump_json(exclude_none=True), encoding="utf-8")
    Path("params.yaml").write_text(contracts.PARAMS.model_dump_json(), encoding="utf-8")
    whole = rows(200, KEYED)
    whole.loc[::4, "y"] = pd.NA
    whole.to_parquet("raw.parquet", index=False)
    done = CliRunner().invoke(main, ["raw.parquet", "train.parquet", "test.parquet"])
    assert done.exit_code == 0, done.output
    assert "50 of 200 rows have no value of the target y: not used" in done.output
    for part in ("train.parquet", "test.parquet"):
        assert counts(Path(part)) == Counts(200, 50)
    whole.to_parquet("other.parquet", index=False)
    assert counts(Path("other.parquet")) == Counts(200, 0)


def daily(**more: object) -> tuple[Contract, pd.DataFrame]:
    """Return a contract with a time, and 100 rows of 50 days, two a day, in random order."""
    contract = contracts.contract(
        {"t": "{type: datetime}", "g": "{type: text}", "x": "{type: number}"}, time="t", **{"key": ["g"], **more}
    )
    days = pd.Timestamp("2020-01-01 12:00") + pd.to_timedelta(np.arange(100) // 2, unit="D")
    columns = {"t": days, "g": [f"g{n}" for n in range(100)], "x": np.arange(100.0), "y": np.arange(100) % 3 == 0}
    return contract, frame.parse(pd.DataFrame(columns).sample(frac=1, random_state=2), contract)


@pytest.mark.parametrize("roles", [{}, {"key": [], "group": "g"}], ids=["rows", "groups"])
def test_days_are_held_out_however_many_rows_they_have(roles: dict[str, object]) -> None:
    contract, rows = daily(**roles)
    train, test = split(rows, contract, "7d")
    assert sorted(test["x"]) == [float(n) for n in range(86, 100)]
    assert train["t"].max() < test["t"].min()
    crowded = pd.concat([rows, rows[rows["t"] > "2020-02-17"].assign(g=lambda t: t["g"] + "+")], ignore_index=True)
    assert split(crowded, contract, "7d")[1]["t"].min() == test["t"].min()


def test_days_need_a_time_and_leave_something_to_learn_from() -> None:
    with pytest.raises(ProjectError, match=r"split\.test: 7d needs the time of a row: name the column `time`"):
        split(rows(100, PLAIN), PLAIN, "7d")
    contract, table = daily()
    with pytest.raises(ProjectError, match="only 0 rows in the train part"):
        split(table, contract, "900d")


def test_days_in_params_are_whole_and_positive() -> None:
    for text in ("60", "0d", "-1d", "1.5d", "60 days", 1.5):
        with pytest.raises(ValueError, match="test"):
            Split.model_validate({"test": text})
    assert Split(test="60d").test == "60d"
