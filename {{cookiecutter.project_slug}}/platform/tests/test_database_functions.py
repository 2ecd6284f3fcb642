"""The functions of databases give the predictions and the errors of batch scoring, bit for bit."""

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers import contracts, models, tables

from mlgitops.batch import duckdb_function
from mlgitops.batch.by_column import TableScorer
from mlgitops.batch.row_function import RowFunction
from mlgitops.data import frame
from mlgitops.model.scorer import Scorer
from mlgitops.serving.refusal import NOT_FINITE

CONTRACT = contracts.contract({"age": "{type: integer, min: 0, max: 120}", "city": "{type: category}"})
ROWS = pa.RecordBatch.from_pydict(
    {"age": [40, 200, None, 41], "city": ["Bern", "Bern", "Graz", None], "id": [0, 1, 2, 3]}
)


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_duckdb_answers_a_table_as_batch_scoring_does(task: str, tmp_path: Path) -> None:
    contract = contracts.wide(task)
    folder = models.exported(contract, tmp_path)
    rows = tables.rows_of(contract, 50).drop(columns="y").assign(number=range(50))
    part = pa.RecordBatch.from_pandas(rows, preserve_index=False)
    pq.write_table(pa.Table.from_batches([part] * 60), tmp_path / "rows.parquet")  # more than a vector of DuckDB has
    with duckdb.connect() as connection:
        duckdb_function.register(connection, folder)
        source = f"read_parquet('{tmp_path / 'rows.parquet'}')"
        query = f"select unnest(score(t)) from {source} as t order by number"  # noqa: S608  # ours
        found = connection.sql(query).to_arrow_table()
    expected = TableScorer(Scorer(folder)).score(part).columns
    assert found.schema.names == expected.schema.names
    for name in expected.schema.names:
        assert found.column(name).to_pylist() == [v for v in expected.column(name).to_pylist() for _ in range(60)]


def test_duckdb_words_what_is_wrong_with_a_row_and_names_an_absent_column(tmp_path: Path) -> None:
    folder = models.exported(CONTRACT, tmp_path)
    expected = TableScorer(Scorer(folder)).score(ROWS).columns.to_pylist()
    rows = pa.Table.from_batches([ROWS])  # DuckDB finds it by its name
    with duckdb.connect() as connection:
        duckdb_function.register(connection, folder, "late")
        found = connection.sql("select unnest(late(rows)) from rows").to_arrow_table()
        with pytest.raises(duckdb.Error, match="late: missing columns that the model needs: city"):
            connection.sql("select late(t) from (select age from rows) as t").fetchall()
        assert connection.sql("select late(rows) from rows where age > 1000").fetchall() == []
    assert found.to_pylist() == expected
    assert [row["error"] is None for row in expected] == [True, False, False, False]
    assert rows.num_rows == len(expected)


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_a_row_as_json_is_answered_as_batch_scoring_does(task: str, tmp_path: Path) -> None:
    contract = contracts.wide(task)
    folder = models.exported(contract, tmp_path)
    answered = RowFunction(str(folder))
    rows = frame.records(tables.rows_of(contract, 20), contract)
    found = [json.loads(answered(json.dumps(row | {"of the table": 1}))) for row in rows]
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    assert [json.loads(answered(json.dumps(row))) for row in golden["rows"]] == golden["answers"]
    part = pa.RecordBatch.from_pandas(tables.rows_of(contract, 20), preserve_index=False)
    assert [row["prediction"] for row in found] == TableScorer(Scorer(folder)).score(part).columns.column(0).to_pylist()


def test_a_row_that_breaks_the_contract_has_the_error_of_batch_scoring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = models.exported(CONTRACT, tmp_path)
    answered, expected = RowFunction(str(folder)), TableScorer(Scorer(folder)).score(ROWS).columns
    found = [json.loads(answered(json.dumps(row))) for row in ROWS.to_pylist()]
    assert [answer.get("error") for answer in found] == expected.column("error").to_pylist()
    assert [list(answer) for answer in found[1:]] == [["error"]] * 3
    predict = Scorer.predict
    monkeypatch.setattr(Scorer, "predict", lambda self, columns: predict(self, columns) * float("inf"))
    assert json.loads(answered('{"age": 40, "city": "Bern"}')) == {"error": NOT_FINITE}
