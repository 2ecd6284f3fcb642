"""PostgreSQL scores its own rows as batch scoring does, as docs/how-to/in-database.md says."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from helpers import environments
from helpers.pages import blocks
from helpers.support import copied, run, sources

pytestmark = pytest.mark.nightly


def test_postgresql_gives_the_golden_answers_and_the_errors_of_batch_scoring(champion: Path, tmp_path: Path) -> None:
    work = copied(champion, tmp_path)
    (_, commands), (_, query) = blocks("how-to/in-database.md", "PostgreSQL")
    golden = json.loads((work / "models/export/golden.json").read_text(encoding="utf-8"))
    changes: list[dict[str, Any]] = [
        {"distance": -1},
        {"carrier": None},
        {"scheduled": "soon"},
        {"humidity": "wet"},
        {"pressure": 1e300},
    ]
    broken = [{**golden["rows"][0], **change} for change in changes]
    (work / "rows.json").write_text(json.dumps([*golden["rows"], *broken]), encoding="utf-8")
    numbers = {name for row in golden["rows"] for name, value in row.items() if isinstance(value, int | float)}
    columns = ", ".join(f'"{name}" {"float" if name in numbers else "text"}' for name in golden["rows"][0])
    with environments.database(work, commands) as url:
        psql = ["psql", url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "-c"]
        run(*psql, f"create table flights (number serial, {columns})", cwd=work)
        filled = f"jsonb_populate_recordset(null::flights, $${json.dumps(numbered(golden['rows']))}$$)"
        run(*psql, f"insert into flights select * from {filled}", cwd=work)  # noqa: S608  # ours
        found = run(*psql, query.replace(";", " order by number"), cwd=work).splitlines()
        assert [json.loads(line.rpartition("|")[2]) for line in found] == golden["answers"]
        rows = f"select score(value) from jsonb_array_elements($${json.dumps(broken)}$$)"  # noqa: S608  # ours
        refused = [json.loads(line) for line in run(*psql, rows, cwd=work).splitlines()]
    with pytest.raises(AssertionError, match="rows break the contract"):
        run("make", "score", "DATA=rows.json", "OUT=scored.csv", "MODEL=models/export", cwd=work, **sources(work))
    with (work / "scored.csv").open(encoding="utf-8", newline="") as file:
        scored = list(csv.DictReader(file))
    assert [row["error"] for row in scored] == [""] * len(golden["rows"]) + [row["error"] for row in refused]
    assert len({row["error"] for row in refused}) == len(changes)


def test_duckdb_gives_the_answers_of_batch_scoring(champion: Path, tmp_path: Path) -> None:
    work = copied(champion, tmp_path)
    (code,) = (text for language, text in blocks("how-to/in-database.md", "DuckDB") if language == "python")
    python = str(work / ".venv/bin/python")
    run("uv", "pip", "install", "--quiet", "--python", python, "--target", str(tmp_path / "more"), "duckdb", cwd=work)
    path = sources(work)["PYTHONPATH"] + f":{tmp_path / 'more'}"
    run(python, "-c", code, cwd=work, PYTHONPATH=path)
    run("make", "score", "DATA=data/test.parquet", "OUT=cold.parquet", "MODEL=models/export", cwd=work, **sources(work))
    same = "import pandas as pd; a, b = (pd.read_parquet(f'{name}.parquet') for name in ('scored', 'cold')); "
    same += (
        "a, b = (x.astype({'scheduled': str}).sort_values(['flight', 'scheduled']) for x in (a, b)); "  # of their units
    )
    same += "print(a.reset_index(drop=True).equals(b[list(a)].reset_index(drop=True)), len(a))"
    assert run(python, "-c", same, cwd=work).startswith("True ")


def numbered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *rows* with their positions."""
    return [{"number": position, **row} for position, row in enumerate(rows)]
