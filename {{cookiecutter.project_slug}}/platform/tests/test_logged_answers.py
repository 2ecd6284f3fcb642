"""The log of the service fills the table of predictions, with the keys and the values that batch scoring writes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from helpers import contracts, prediction_logs

from mlgitops.batch.to_database import keys
from mlgitops.common.errors import ProjectError
from mlgitops.monitoring import logged_answers
from mlgitops.monitoring.collect import collect
from mlgitops.monitoring.place import Place

CONTRACT = contracts.contract(
    {"id": "{type: text}", "day": "{type: date}", "age": "{type: integer}"}, key=["id", "day"]
)
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
LOGGED = {"id": "text", "day": "date"}
KEYS = {"id": ["a", "b", None], "day": ["2024-01-01", "2024-01-02", "2024-01-03"]}
CASES: dict[str, tuple[dict[str, Any], list[Any], list[tuple[Any, ...]]]] = {
    "boolean": (
        {"prediction": "boolean", "classes": ["false", "true"]},
        [{"prediction": True, "probability": 0.75}, {"prediction": False, "probability": 0.25}],
        [("true", 0.75, None, None), ("false", 0.25, None, None)],
    ),
    "classes": (
        {"prediction": "string", "classes": ["x", "y", "ü"]},
        [{"prediction": "ü", "probabilities": {"x": 0.25, "y": 0.25, "ü": 0.5}}] * 2,
        [('"ü"', None, '{"x": 0.25, "y": 0.25, "ü": 0.5}', None)] * 2,
    ),
    "number": (
        {"prediction": "number", "classes": []},
        [{"prediction": 1.5}, {"prediction": 2}],
        [("1.5", None, None, None), ("2.0", None, None, None)],
    ),
}


class Table:
    """Keeps what is written."""

    def __init__(self) -> None:
        """Start empty."""
        self.written: list[Any] = []

    def write(self, answers: list[Any]) -> None:
        """Keep the answers."""
        self.written += answers


def logged(folder: Path, **header: Any) -> Path:
    columns = header.setdefault("columns", LOGGED)
    answers = header.pop("answers")
    rows = {name: KEYS[name] for name in columns}
    line = {"id": "r", "at": NOW.timestamp(), "batch": True, "answers": answers, "rows": rows}
    refused = {"id": "s", "at": NOW.timestamp(), "refused": ["age"]}
    prediction_logs.write(folder / "0.closed.jsonl", line, refused, **header)
    return folder


@pytest.mark.parametrize("task", CASES)
def test_an_answer_is_written_as_batch_scoring_writes_it(task: str, tmp_path: Path) -> None:
    header, answers, expected = CASES[task]
    folder = logged(tmp_path / "log", **header, answers=[*answers, answers[0]])
    table = Table()
    sink = logged_answers.AnswerTable(table, CONTRACT)  # type: ignore[arg-type]  # it has no database
    collect(folder, Place(str(tmp_path / "predictions")), keep=True, answered=sink.write)
    delivered = pa.RecordBatch.from_pydict({name: values[:2] for name, values in KEYS.items()})
    names = keys(delivered, CONTRACT)
    assert table.written == [("3", (name, *values), NOW) for name, values in zip(names, expected, strict=True)]
    assert (sink.rows, sink.without_key) == (2, 1)


def test_a_log_without_the_key_is_an_error_and_nothing_is_moved(tmp_path: Path) -> None:
    header, answers, _ = CASES["boolean"]
    folder = logged(tmp_path / "log", **header, columns={"id": "text"}, answers=[answers[0]] * 3)
    sink = logged_answers.AnswerTable(Table(), CONTRACT)  # type: ignore[arg-type]  # it has no database
    with pytest.raises(ProjectError, match="has no day, which is part of the key in contract"):
        collect(folder, Place(str(tmp_path / "predictions")), answered=sink.write)
    assert list(folder.iterdir())
    assert not list((tmp_path).glob("predictions/*"))


def test_another_place_than_a_table_is_refused() -> None:
    with (
        pytest.raises(ProjectError, match="write table:NAME"),
        logged_answers.opened("answers.csv", CONTRACT),
    ):
        pass
