"""Predictions in PostgreSQL: every row exactly once, whatever happens in the middle of a run."""

import json
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.pages import blocks
from helpers.servers import postgres, scoring
from helpers.support import copied, representatives, run, sources

PARTS = 6
# Scores with chunks of 500 rows; before the mark of the third part is set, HARM happens.
CODE = """
import os, signal, sys
import psycopg
from mlgitops.batch import parts, predictions
from mlgitops.cli import main
parts.CHUNK_ROWS, marks, execute = 500, [], predictions.Predictions._execute
def harmed(self, text, values=None):
    marks.append(text == predictions.MARK)
    if sum(marks) == 3 and marks[-1]:
        HARM
    return execute(self, text, values)
predictions.Predictions._execute = harmed
main()
"""
PLAIN = "from mlgitops.cli import main; main()"
HARMS = {
    "kill -9": "os.kill(os.getpid(), signal.SIGKILL)",
    "a lost connection": "psycopg.connect(os.environ['OTHER']).execute("
    "'select pg_terminate_backend(pid) from pg_stat_activity where pid != pg_backend_pid()')",
}


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Return the address of an empty database."""
    with postgres() as address:
        yield address


@pytest.fixture(scope="module")
def rows(champion: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table of rows with different keys, of which two break the contract."""
    golden = json.loads((champion / "models/export/golden.json").read_text(encoding="utf-8"))["rows"]
    table = [{**golden[number % len(golden)], "flight": f"number {number}"} for number in range(500 * PARTS)]
    table[700]["distance"] = table[2100]["distance"] = -1
    path = tmp_path_factory.mktemp("rows") / "rows.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    return path


def score(project: Path, code: str, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the verb `score` in a project, with a password in the address."""
    python = str(project / ".venv/bin/python")
    address = f"postgresql://{database.replace('@', ':hunter2@')}"  # pragma: allowlist secret
    environment = {"DATABASE_URL": address, "OTHER": f"postgresql://{database}", **sources(project)}
    command = [python, "-c", code, "score", *arguments, "--model", "models/export"]
    return subprocess.run(
        command, cwd=project, env=os.environ | environment, capture_output=True, encoding="utf-8", check=False
    )


def sql(database: str, query: str) -> str:
    """Return the result of *query* on one line; values are separated by a bar."""
    command = ["psql", f"postgresql://{database}", "--no-psqlrc", "--tuples-only", "--no-align", "-c", query]
    return run(*command, cwd=Path.cwd()).strip()


@pytest.mark.tools
@pytest.mark.parametrize("harm", representatives(HARMS, "kill -9"))
def test_a_run_that_was_stopped_continues_and_has_every_row_once(
    harm: str, champion: Path, rows: Path, database: str
) -> None:
    name = f"p{re.sub('[^a-z]', '', harm)}"
    arguments = [str(rows), f"table:{name}", "--run", harm]
    broken = score(champion, CODE.replace("HARM", HARMS[harm]), database, *arguments)
    assert broken.returncode != 0
    assert "hunter2" not in broken.stdout + broken.stderr
    state = "select rows, refused, ended is null, (select count(*) from NAME) from NAME_runs".replace("NAME", name)
    assert sql(database, state) == "1000|1|t|1000"
    for code in (PLAIN, CODE.replace("HARM", "raise SystemExit(9)")):  # the second time, there is nothing to do
        done = score(champion, code, database, *arguments)
        assert "2,998 of 3,000 rows scored" in done.stdout, done.stderr
        assert "2 rows break the contract" in done.stderr
        assert sql(database, state) == "3000|2|f|3000"
    assert sql(database, f"select count(distinct key), count(error) from {name}") == "3000|2"  # noqa: S608  # ours


@pytest.mark.nightly
def test_another_run_and_the_hot_path_replace_the_answer_of_a_key(champion: Path, rows: Path, database: str) -> None:
    """A row has one answer per version, whoever gave it last."""
    score(champion, PLAIN, database, str(rows), "table:answers_", "--run", "first")
    sql(database, "update answers_ set source = 'online', run = null where key like '%number 5\"%'")
    done = score(champion, PLAIN, database, str(rows), "table:answers_", "--run", "second")
    assert "2,998 of 3,000" in done.stdout, done.stderr
    assert sql(database, "select source, run, count(*) from answers_ group by 1, 2") == "batch|second|3000"
    again = score(champion, PLAIN, database, str(rows), "table:answers_", "--run", "first")
    assert "2,998 of 3,000" in again.stdout
    assert sql(database, "select distinct run from answers_") == "second"


@pytest.mark.tools
def test_what_cannot_be_written_is_one_clear_error_and_nothing_is_written(
    champion: Path, rows: Path, database: str, tmp_path: Path
) -> None:
    sql(database, "create table other (key text primary key, amount numeric)")
    table = json.loads(rows.read_text(encoding="utf-8"))[:3]
    twice = tmp_path / "twice.json"
    twice.write_text(json.dumps([*table, table[0]]), encoding="utf-8")
    cases = {
        (str(rows), "table:other"): 'failed: column "model" does not exist',
        (str(twice), "table:fresh"): "a key is twice in the rows to score",
    }
    for arguments, message in cases.items():
        done = score(champion, PLAIN, database, *arguments)
        assert done.returncode == 1, arguments
        assert message in done.stderr, done.stderr
        assert "hunter2" not in done.stderr
        assert "Traceback" not in done.stderr
    assert sql(database, "select count(*) from fresh") == "0"
    nowhere = score(champion, PLAIN, "tester@127.0.0.1:1/postgres", str(rows), "table:fresh")
    assert "writing predictions on postgresql://tester:***@127.0.0.1:1/postgres failed" in nowhere.stderr
    assert "hunter2" not in nowhere.stderr


@pytest.mark.tools
def test_the_log_of_the_service_fills_the_same_table_and_nothing_is_there_twice(
    champion: Path, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, log = copied(champion, tmp_path), tmp_path / "log"
    golden = json.loads((work / "models/export/golden.json").read_text(encoding="utf-8"))["rows"]
    golden = [{**row, "flight": f"number {number}"} for number, row in enumerate(golden)]
    (tmp_path / "rows.json").write_text(json.dumps(golden), encoding="utf-8")
    ((_, commands),) = blocks("how-to/score.md", "Hot and cold path in one table")
    _, serve, collect = (
        commands.replace("LOG=prediction-log", f"LOG={log}").replace("table:predictions", "table:both_").splitlines()
    )
    for name, value in re.findall(r"(\w+)=(\S+) ", serve):
        monkeypatch.setenv(name, value)
    (tmp_path / "server").mkdir()
    with scoring(work, tmp_path / "server") as url:
        for rows in (golden, golden[:5]):  # the last answer to a key counts
            body, kind = json.dumps(rows).encode(), {"Content-Type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(f"{url}/predict", body, kind), timeout=30).close()  # noqa: S310
    environment = {"DATABASE_URL": f"postgresql://{database}", **sources(work)}
    shown = "select source, count(*), count(run), count(probability) from both_ group by 1"
    python = [str(work / ".venv/bin/python"), "-c", PLAIN, "collect", str(log), "--table", "table:both_", "--keep"]
    for command in (python, ["sh", "-ec", collect]):
        said = run(*command, cwd=work, **environment)
        assert f"{len(golden) + 5} answers -> table:both_" in said
        assert sql(database, shown) == f"online|{len(golden)}|0|{len(golden)}"
    assert not list(log.iterdir())
    score_ = ["make", "score", f"DATA={tmp_path / 'rows.json'}", "OUT=table:both_", "MODEL=models/export"]
    before = sql(database, "select key, prediction, probability from both_ order by key")
    run(*score_, "RUN_NAME=night", cwd=work, **environment)
    versions = "select count(*), count(distinct key) from both_"
    assert sql(database, f"{versions} where source = 'batch' and run = 'night'") == f"{len(golden)}|{len(golden)}"
    assert before == sql(database, "select key, prediction, probability from both_ where source = 'batch' order by key")


@pytest.mark.nightly
def test_the_commands_of_the_page_write_the_rows_of_a_query(champion: Path, database: str, tmp_path: Path) -> None:
    work = copied(champion, tmp_path)
    table = json.loads((work / "models/export/golden.json").read_text(encoding="utf-8"))["rows"]
    table = [{**row, "flight": f"number {number}"} for number, row in enumerate(table)]
    numeric = {name for row in table for name, value in row.items() if isinstance(value, int | float)}
    columns = ", ".join(f'"{name}" {"float" if name in numeric else "text"}' for name in table[0])
    query = f"select * from json_to_recordset('{json.dumps(table)}') as rows ({columns})"  # noqa: S608  # ours
    (work / "query.sql").write_text(query, encoding="utf-8")
    ((_, commands),) = blocks("how-to/score.md", "Into a database")
    for line in commands.replace("user@host/name", database).splitlines():
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("#")[0].strip().partition("=")
            environment = {name: value}
        else:
            output = run("sh", "-c", line, cwd=work, **environment, **sources(work))
            assert f"{len(table):,} of {len(table):,} rows scored by version 1 -> table:predictions" in output
    assert sql(database, "select count(*), min(run) from predictions") == f"{len(table)}|2026-11-26"
