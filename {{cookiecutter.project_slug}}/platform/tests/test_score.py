"""A whole table gets the answers and the refusals that the service gives to a request."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from helpers import contracts, models, tables

from mlgitops.batch import parts, score, to_database
from mlgitops.batch.stamp import Stamp
from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.data import frame
from mlgitops.model.scorer import Scorer, difference
from mlgitops.serving.app import Api
from mlgitops.serving.bento import start
from mlgitops.serving.limits import Limits


def command(source: Path, scored: Path, folder: Path, *options: str) -> tuple[int, str]:
    """Score a table with the model in *folder*; return the exit code, and what is said."""
    done = CliRunner().invoke(score.main, [str(source), str(scored), "--model", str(folder), *options])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done.exit_code, done.output


def worded(scored: pd.DataFrame, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the columns of answers as the service writes them."""
    rows = scored.to_dict("records")
    if len(classes) < 3:
        names = ["prediction", "probability"] if classes else ["prediction"]
        return [{name: row[name] for name in names} for row in rows]
    shares = [{label: row[f"probability {label}"] for label in classes} for row in rows]
    return [{"prediction": row["prediction"], "probabilities": one} for row, one in zip(rows, shares, strict=True)]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("task", contracts.TARGETS)
def test_a_table_gets_the_answers_of_the_service(
    task: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.wide(task)
    folder, rows = models.exported(contract, tmp_path), tables.rows_of(contract, 50)
    rows = rows.drop(columns="y").assign(note="kept as it is")
    source, scored = tmp_path / f"rows.{kind}", tmp_path / f"scored.{kind}"
    rows.to_csv(source, index=False) if kind == "csv" else rows.to_parquet(source, index=False)
    monkeypatch.setattr(parts, "CHUNK_ROWS", 7)
    code, said = command(source, scored, folder)
    assert code == 0, said
    assert "50 of 50 rows scored" in said
    found = pd.read_csv(scored) if kind == "csv" else pd.read_parquet(scored)
    api = Api()
    start(api, folder, Limits())
    sent = files.read_json(folder / "golden.json")["rows"]
    assert len(sent) == contracts.PARAMS.export.golden_rows
    requests = frame.records(rows, contract)
    served = json.loads(api.score(json.dumps(requests).encode())[0])
    assert difference(served, worded(found, contract.classes)) == ""
    assert set(found["note"]) == {"kept as it is"}
    assert found["error"].isna().all()
    assert set(found["model"]) == {Scorer(folder).manifest["files"]["model.onnx"][:12]}


def test_the_projects_own_model_answers_its_golden_rows(exported: Path, tmp_path: Path) -> None:
    golden = files.read_json(exported / "golden.json")
    pd.DataFrame(golden["rows"]).to_parquet(tmp_path / "rows.parquet", index=False)
    assert command(tmp_path / "rows.parquet", tmp_path / "scored.parquet", exported)[0] == 0
    found = pd.read_parquet(tmp_path / "scored.parquet")
    assert difference(golden["answers"], worded(found, Scorer(exported).contract.classes)) == ""


def test_a_row_that_breaks_the_contract_has_the_reason_and_the_others_their_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.contract({"age": "{type: integer, min: 0, max: 120}", "city": "{type: category}"})
    folder = models.exported(contract, tmp_path)
    table = "age,city\n40,Bern\n200,Bern\n41,Graz\nold,Linz\n42,Linz\n"
    (tmp_path / "rows.csv").write_text(table, encoding="utf-8")
    monkeypatch.setattr(parts, "CHUNK_ROWS", 2)
    code, said = command(tmp_path / "rows.csv", tmp_path / "scored.csv", folder)
    assert code == 1
    assert "3 of 5 rows scored" in said
    assert "row 1, age: Input should be less than or equal to 120" in said
    assert "row 3, age: Input should be a valid number" in said
    found = pd.read_csv(tmp_path / "scored.csv")
    assert found["age"].astype(str).tolist() == ["40", "200", "41", "old", "42"]
    assert found["prediction"].isna().tolist() == [False, True, False, True, False]
    assert found["error"].isna().tolist() == [True, False, True, False, True]
    assert found["error"][3] == "age: Input should be a valid number"


@pytest.mark.parametrize(
    ("table", "scored", "said"),
    [
        ("city\nBern\n", "scored.csv", "rows.csv: missing columns that the model needs: age"),
        ("age,city,prediction\n1,Bern,no\n", "scored.csv", "rows.csv: scoring would overwrite prediction"),
        ("age,city\n1,Bern\n", "scored.xlsx", "scored.xlsx: unknown file type: use the suffix .parquet or .csv"),
        ("", "scored.csv", "rows.csv: is empty"),
    ],
)
def test_what_cannot_be_scored_is_refused_and_nothing_is_written(
    table: str, scored: str, said: str, tmp_path: Path
) -> None:
    contract = contracts.contract({"age": "{type: integer}", "city": "{type: category}"})
    folder = models.exported(contract, tmp_path)
    (tmp_path / "rows.csv").write_text(table, encoding="utf-8")
    code, told = command(tmp_path / "rows.csv", tmp_path / scored, folder)
    assert code == 1
    assert said in told
    assert not list(tmp_path.glob("*scored*"))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_night_without_rows_is_a_success(kind: str, tmp_path: Path) -> None:
    contract = contracts.contract({"age": "{type: integer}", "city": "{type: category}"})
    folder = models.exported(contract, tmp_path)
    (tmp_path / "rows.csv").write_text("age,city\n", encoding="utf-8")
    (tmp_path / f"scored.{kind}").write_text("of the night before", encoding="utf-8")
    code, said = command(tmp_path / "rows.csv", tmp_path / f"scored.{kind}", folder)
    assert (code, "0 of 0 rows scored" in said) == (0, True), said
    scored = pd.read_csv(tmp_path / "scored.csv") if kind == "csv" else pd.read_parquet(tmp_path / "scored.parquet")
    assert not len(scored)
    assert list(scored)[-6:] == ["prediction", "probability", "error", "model", "run", "made"]


def test_each_row_names_its_run_and_when_it_was_made(tmp_path: Path) -> None:
    contract = contracts.contract({"age": "{type: integer}", "city": "{type: category}"})
    folder, before = models.exported(contract, tmp_path), datetime.now(UTC)
    (tmp_path / "rows").mkdir()
    for part in range(2):  # a folder of Parquet files is a table as well
        pq.write_table(pa.table({"age": [40 + part], "city": ["Bern"]}), tmp_path / f"rows/part-{part}.parquet")
    assert command(tmp_path / "rows", tmp_path / "scored.parquet", folder, "--run", "tonight")[0] == 0
    scored = pd.read_parquet(tmp_path / "scored.parquet")
    assert scored["run"].tolist() == ["tonight"] * 2
    assert all(before <= moment <= datetime.now(UTC) for moment in scored["made"])


def test_a_source_that_does_not_exist_is_named(tmp_path: Path) -> None:
    code, said = command(tmp_path / "none.csv", tmp_path / "scored.csv", tmp_path)
    assert code == 1
    assert "none.csv: no such file or folder: put the rows there, or correct DATA" in said


def test_numbers_that_the_model_cannot_take_are_an_error_as_in_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contracts.contract({"age": "{type: integer}", "city": "{type: category}"})
    folder = models.exported(contract, tmp_path)
    (tmp_path / "rows.csv").write_text("age,city\n40,Bern\n41,Graz\n", encoding="utf-8")
    predict = Scorer.predict

    def too_large(scorer: Scorer, columns: Any) -> Any:
        return predict(scorer, columns) * [[float("inf")], [1.0]]

    monkeypatch.setattr(Scorer, "predict", too_large)
    code, said = command(tmp_path / "rows.csv", tmp_path / "scored.csv", folder)
    assert code == 1
    assert "row 0, the model cannot score this row: numbers are too large" in said
    assert pd.read_csv(tmp_path / "scored.csv")["prediction"].isna().tolist() == [True, False]


def test_times_of_nanoseconds_are_written_in_microseconds_which_spark_reads(tmp_path: Path) -> None:
    contract = contracts.contract({"seen": "{type: datetime}", "day": "{type: date}"})
    folder = models.exported(contract, tmp_path)
    times = pa.array([1_577_836_800_000_000_999, 1_577_836_801_000_000_000], pa.timestamp("ns", "UTC"))
    table = pa.table({"seen": times.cast(pa.timestamp("ns")), "day": ["2020-01-01"] * 2, "note": times})
    pq.write_table(table, tmp_path / "rows.parquet")
    code, said = command(tmp_path / "rows.parquet", tmp_path / "scored.parquet", folder)
    assert code == 0, said
    units = [str(kind) for kind in pq.read_schema(tmp_path / "scored.parquet").types if pa.types.is_timestamp(kind)]
    assert units == ["timestamp[us]", "timestamp[us, tz=UTC]", "timestamp[us, tz=UTC]"]


def test_an_absent_column_that_may_be_missing_is_missing(tmp_path: Path) -> None:
    contract = contracts.contract({"age": "{type: integer}", "city": "{type: category, missing: true}"})
    folder = models.exported(contract, tmp_path)
    (tmp_path / "rows.csv").write_text("age\n40\n", encoding="utf-8")
    assert command(tmp_path / "rows.csv", tmp_path / "scored.csv", folder)[0] == 0
    (wanted,) = Scorer(folder).answers({"age": [40], "city": [None]})
    assert difference([wanted], worded(pd.read_csv(tmp_path / "scored.csv"), contract.classes)) == ""


TO_TABLE = {  # a table of predictions, DATABASE_URL and the key of the contract -> what is wrong
    ("table:x;y", "postgresql://u@127.0.0.1:1/b", "id"): "write a name of letters, digits and _, such as table:predict",
    ("table:x", "postgresql://u@127.0.0.1:1/b", ""): "contract.yaml names no `key`, which identifies the rows",
    ("table:x", "", "id"): "table:x: set DATABASE_URL to the database",
    ("table:x", "sqlite:///b.db", "id"): "predictions are written to PostgreSQL, not sqlite: write a file",
}


@pytest.mark.parametrize("case", TO_TABLE)
def test_a_table_of_predictions_needs_a_name_a_key_and_a_database(
    case: tuple[str, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, url, key = case
    columns = {"id": "{type: category}", "age": "{type: integer}"}
    contract = contracts.contract(columns, **({"key": [key]} if key else {}))
    scorer = Scorer(models.exported(contract, tmp_path))
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ProjectError) as error:
        to_database.run(tmp_path / "rows.csv", name.removeprefix("table:"), scorer, Stamp.now("1"))
    assert TO_TABLE[case] in error.value.message


def test_a_key_is_the_text_that_a_caller_sends() -> None:
    columns = {"id": "{type: text}", "day": "{type: date}", "age": "{type: integer}"}
    one, both = contracts.contract(columns, key=["id"]), contracts.contract(columns, key=["id", "day"])
    part = pa.RecordBatch.from_pydict({"id": ["a", " b"], "day": [date(2020, 1, 1), date(2020, 1, 2)]})
    assert to_database.keys(part, one) == ["a", "b"]
    assert to_database.keys(part, both) == ['["a", "2020-01-01"]', '["b", "2020-01-02"]']
    with pytest.raises(ProjectError, match="the rows have no column day, which is part of the key: add it"):
        to_database.keys(part.select(["id"]), both)
    with pytest.raises(ProjectError, match="a row has no id, which is part of the key: leave such rows out"):
        to_database.keys(pa.RecordBatch.from_pydict({"id": ["a", None]}), one)
