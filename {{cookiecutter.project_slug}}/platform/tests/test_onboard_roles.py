"""Of a table that is adopted: what is a name and no quantity, what stays together, what leaks, what is rare."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from helpers import contracts, models

from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params
from mlgitops.data.counts import Counts
from mlgitops.data.ingest import ingest
from mlgitops.onboard import candidates, decisions, draft, project_files
from mlgitops.onboard.command import main
from mlgitops.onboard.draft import AdoptOptions, ContractDraft

COUNT = 300
RANDOM = np.random.default_rng(5)
NUMBER = RANDOM.normal(50, 10, COUNT).round(2)
ANSWER = np.where(NUMBER + RANDOM.normal(0, 10, COUNT) > 50, "yes", "no")
OTHER = RANDOM.normal(size=COUNT).round(3)
REPEATED = np.arange(COUNT) * 7 % 60


def drafted(tmp_path: Path, columns: dict[str, Any], **wishes: Any) -> ContractDraft:
    """Return what is drafted of a table of NUMBER, *columns* and the target y."""
    pd.DataFrame({"number": NUMBER, **columns, "y": ANSWER}).to_csv(tmp_path / "table.csv", index=False)
    ingest(tmp_path / "table.csv", tmp_path / "raw.parquet")
    result = draft.draft(tmp_path / "raw.parquet", AdoptOptions(**{"target": "y", **wishes}))
    Contract.parse(project_files.contract(result.contract, Path("data/table.csv")), "contract.yaml")
    return result


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("customer_id", REPEATED + 100_000),
        ("movieId", REPEATED),
        ("userid", REPEATED),
        ("Customer No.", REPEATED),
        ("statefips", REPEATED),
        ("zip", REPEATED + 10_000),
        ("Zip Code", REPEATED + 10_000),
        ("product code", REPEATED),
        ("account", REPEATED.astype("int64") + 1_234_567_890_123_456_789),
        ("store_id", REPEATED % 5),
    ],
)
def test_numbers_that_name_something_are_no_quantities(name: str, values: Any, tmp_path: Path) -> None:
    entry = drafted(tmp_path, {name: values}).contract["columns"][name]
    assert entry["type"] in ("category", "text")
    assert "ignore" not in entry
    if name == "account":
        saved = pd.read_csv(tmp_path / "table.csv", dtype=str)["account"]
        assert saved.nunique() == 60, "no digit is lost"


@pytest.mark.parametrize(
    "name", ["num_children", "number of rooms", "paid", "humid", "index", "bid", "valid", "user rating", "idle", "key"]
)
def test_numbers_whose_names_only_look_like_that_stay_quantities(name: str, tmp_path: Path) -> None:
    found = drafted(tmp_path, {name: REPEATED})
    assert found.contract["columns"][name]["type"] == "integer"
    assert "group" not in found.contract


@pytest.mark.parametrize(
    ("columns", "group"),
    [
        ({"customer_id": REPEATED}, "customer_id"),
        ({"movieId": REPEATED % 40, "userId": REPEATED}, "userId"),
        ({"patient": [f"P{n:03}" for n in REPEATED]}, "patient"),
        ({"countyid": REPEATED}, "countyid"),
        ({"order_id": np.arange(COUNT) // 2, "store_id": REPEATED}, "store_id"),
        ({"customer_id": REPEATED % 5}, None),  # too few to keep apart
        ({"customer_id": [f"C{n}" for n in range(COUNT)]}, None),  # none repeats
        ({"zip": REPEATED}, None),  # a place, to which nobody belongs
        ({"city": [f"city {n}" for n in REPEATED]}, None),
    ],
)
def test_what_several_rows_belong_to_is_proposed_as_group(columns: Any, group: str | None, tmp_path: Path) -> None:
    found = drafted(tmp_path, columns)
    assert found.contract.get("group") == group
    if group:
        assert found.contract["columns"][group]["type"] == "text"
        assert any(remark.startswith(f"{group} repeats (60 values in 300 rows)") for remark in found.remarks)
        assert "group" not in drafted(tmp_path, columns, group="none").contract


def test_with_a_time_the_group_is_named_and_taken_if_it_is_asked_for(tmp_path: Path) -> None:
    columns = {"date": pd.date_range("2020-01-01", periods=COUNT), "customer_id": REPEATED}
    found = drafted(tmp_path, columns)
    assert (found.contract["time"], found.contract.get("group")) == ("date", None)
    assert any("set GROUP='customer_id' to keep them together" in remark for remark in found.remarks)
    assert drafted(tmp_path, columns, group="customer_id").contract["group"] == "customer_id"
    assert drafted(tmp_path, columns, group="number").contract["group"] == "number"
    with pytest.raises(ProjectError, match="GROUP=nobody: no such column"):
        drafted(tmp_path, columns, group="nobody")
    with pytest.raises(ProjectError, match="is also chosen as key, as time, as group"):
        drafted(tmp_path, columns, group="y")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project in which the test runs."""
    folder = models.adoptable(tmp_path / "home", {"dvc.yaml": "stages: {}\n\nplots: []\n", "pyproject.toml": ""})
    monkeypatch.chdir(folder)
    monkeypatch.setattr(candidates, "CANDIDATES", candidates.CANDIDATES[3:4])
    return folder


def adopted(home: Path, table: dict[str, Any], target: str, *words: str) -> str:
    """Return what the command prints."""
    pd.DataFrame(table).to_csv(home.parent / "table.csv", index=False)
    done = CliRunner().invoke(main, [str(home.parent / "table.csv"), "--target", target, *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_sum_that_a_target_is_is_named(home: Path) -> None:
    parts = {name: RANDOM.integers(0, high, COUNT) for name, high in (("labour", 1500), ("spare parts", 9000))}
    table = {**parts, "hours": OTHER, "total": sum(parts.values())}
    assert "leak: total = labour + spare parts: the review refuses" in adopted(home, table, "total")


def test_rows_without_a_target_are_counted(home: Path) -> None:
    lacking = pd.Series(ANSWER).mask(NUMBER < 45)
    printed = adopted(home, {"number": NUMBER, "other": OTHER, "y": lacking}, "y")
    assert f"{lacking.isna().sum()} of 300 rows have no value of the target y: not used" in printed
    assert "not used" not in adopted(home, {"number": NUMBER, "y": ANSWER}, "y")


def test_the_threshold_is_printed_with_its_aim(home: Path) -> None:
    printed = adopted(home, {"number": NUMBER, "other": OTHER, "y": ANSWER}, "y")
    assert "threshold: 0." in printed
    assert "recall on cross-validated predictions" in printed
    assert Params.load(Path("params.yaml")).evaluate.threshold == "youden"


def test_a_group_that_hinders_the_split_is_not_taken_unless_asked_for(home: Path) -> None:
    table = {"number": NUMBER, "patient": [f"P{n}" for n in REPEATED // 5], "y": np.where(REPEATED < 5, "ill", "well")}
    printed = adopted(home, table, "y")
    assert "please check: patient is not used as the group of a row: split: no row of the" in printed
    assert Contract.load(Path("contract.yaml")).columns["patient"].type == "category"


def test_a_small_table_holds_out_more_rows_of_a_small_class(home: Path) -> None:
    rare = np.where(np.arange(81) % 5 == 0, "present", "absent")
    printed = adopted(home, {"number": NUMBER[:81], "other": OTHER[:81], "y": rare}, "y")
    assert "30% of the rows are the test part, not 20%" in printed
    assert Params.load(Path("params.yaml")).split.test == 0.3


@pytest.mark.parametrize(
    ("classes", "share", "remark"),
    [
        ({"a": 60, "b": 21}, 0.25, "25% of the rows are the test part"),
        ({"a": 60, "b": 25}, 0.2, ""),
        ({"a": 60, "b": 6}, 0.4, "rare classes: b (6 rows): with fewer than 5 test rows"),
        ({"a": 5000, "b": 6}, 0.2, "rare classes: b (6 rows)"),
        ({}, 0.2, ""),
    ],
)
def test_classes_of_a_handful_of_rows_are_named(classes: dict[str, int], share: float, remark: str) -> None:
    found = ContractDraft({}, rows=Counts(sum(classes.values()), 0), classes=classes)
    assert decisions.test_share(found, contracts.PARAMS) == share
    assert remark in " ".join(found.remarks)
    assert bool(found.remarks) == bool(remark)
