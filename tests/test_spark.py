"""Spark gives the answers of this machine, bit for bit: on a standalone cluster, and by Spark Connect."""

import os
import subprocess
from pathlib import Path

import pytest
from helpers import spark
from helpers.pages import blocks
from helpers.support import bake, once, run

CLUSTER = ["spark.executor.memory=640m", "spark.ui.enabled=false", "spark.files.fetchTimeout=300s"]
# A small model, and four files of rows, of which three rows break the contract.
MAKE = """
import sys
from pathlib import Path
from helpers import contracts, models, tables
folder, contract = Path(sys.argv[1]), contracts.contract({
    "age": "{type: integer, min: 0, max: 120}", "city": "{type: category, missing: true}",
    "seen": "{type: datetime, missing: true}"})
models.exported(contract, folder)
rows = tables.rows_of(contract, 400).drop(columns="y")
rows["row"] = range(400)
(folder / "rows").mkdir()
rows.loc[[3, 150, 399], "age"] = 200
for part in range(4):
    rows[100 * part : 100 * part + 100].to_parquet(folder / f"rows/{part}.parquet", index=False)
"""
EQUAL = """
import sys
import pandas as pd
local, scored = (pd.read_parquet(path).sort_values("row", ignore_index=True) for path in sys.argv[1:])
local["seen"] = local["seen"].astype(scored["seen"].dtype)  # Spark has microseconds only
local["seen"] = local["seen"].astype(scored["seen"].dtype)  # Spark has microseconds only
names = [name for name in local if name not in ("made", "run")]
assert scored["row"].is_unique and scored["error"].notna().sum() == 3
pd.testing.assert_frame_equal(local[names], scored[names], check_exact=True, check_dtype=False)
print("equal", len(scored))
"""
# Workers of Spark import it, and nobody else: the first one is killed, or all fail.
TROUBLE = """
import os as _os, signal as _signal, sys as _sys
from pathlib import Path as _Path
if "daemon" in _sys.argv[0] or getattr(_sys.modules["__main__"].__spec__, "name", "") == "pyspark.daemon":
    if _Path({fail!r}).exists():
        raise ArithmeticError("no answer today")
    if not _Path({killed!r}).exists():
        _Path({killed!r}).touch()
        _os.kill(_os.getpid(), _signal.SIGKILL)
"""


@pytest.fixture(scope="session")
def home(shared: Path) -> Path:
    """Return a folder of a baked project, its environment, a model, rows, and their answers by this machine."""
    folder = shared / "spark"
    once(folder, lambda: setup(folder))
    return folder


def setup(folder: Path) -> None:
    project = bake(folder)
    run("uv", "sync", "--quiet", "--group", "spark", cwd=project)
    helpers = {"PYTHONPATH": os.pathsep.join(str(project / f"platform/{part}") for part in ("tests", "src"))}
    run(str(project / ".venv/bin/python"), "-c", MAKE, str(folder), cwd=project, **helpers)
    local = f"make score DATA={folder / 'rows'} MODEL={folder / 'export'} OUT={folder / 'local.parquet'}"
    code, output = score(folder, local)
    assert (code, "397 of 400 rows scored" in output) == (2, True), output


def score(home: Path, command: str, **environment: str) -> tuple[int, str]:
    """Run a command of make in the project; return its exit code and output."""
    variables = {name: value for name, value in os.environ.items() if name != "CI"} | spark.LOCAL | environment
    shell, project = ["bash", "-c", command], home / "flight-delays"
    done = subprocess.run(shell, cwd=project, env=variables, capture_output=True, encoding="utf-8", check=False)
    return done.returncode, done.stdout + done.stderr


def equal(home: Path, scored: Path) -> str:
    python = str(home / "flight-delays/.venv/bin/python")
    return run(python, "-c", EQUAL, str(home / "local.parquet"), str(scored), cwd=home).splitlines()[-1]


@pytest.mark.nightly
def test_a_cluster_of_two_workers_gives_the_answers_of_this_machine(home: Path, tmp_path: Path) -> None:
    project, python = home / "flight-delays", home / "flight-delays/.venv/bin/python"
    with spark.cluster(project / ".venv", tmp_path / "cluster") as master:
        command = [str(spark.programs(project / ".venv") / "spark-submit"), "--master", master]
        command += [word for setting in CLUSTER for word in ("--conf", setting)]
        command += [str(project / "deploy/spark/score.py"), str(home / "rows"), str(tmp_path / "scored")]
        words = [*command, "--model", str(home / "export"), "--run", "tonight"]
        variables = os.environ | spark.LOCAL | {"PYSPARK_PYTHON": str(python), "PYSPARK_DRIVER_PYTHON": str(python)}
        done = subprocess.run(words, cwd=project, env=variables, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "397 of 400 rows scored" in done.stdout
        assert "age: Input should be less than or equal to 120" in done.stdout  # spark-submit merges both outputs
        used = [folder for folder in (tmp_path / "cluster").glob("*/app-*/*") if folder.is_dir()]
    assert len({folder.parents[1] for folder in used}) == 2
    assert equal(home, tmp_path / "scored/run=tonight") == "equal 400"


@pytest.mark.nightly
def test_connect_survives_a_killed_worker_and_a_failed_run_changes_nothing(home: Path, tmp_path: Path) -> None:
    fail, killed, model = tmp_path / "fail", tmp_path / "killed", tmp_path / "export"
    run(str(home / "flight-delays/.venv/bin/python"), "-c", troubled(home / "export", model, fail, killed), cwd=home)
    scored = tmp_path / "scored"
    with spark.connect(home / "flight-delays/.venv", tmp_path / "connect") as address:

        def night(name: str, target: str) -> tuple[int, str]:
            (_, command), *_ = blocks("how-to/spark.md")
            here = {"=rows": f"={home / 'rows'}", "=scored": f"={target}", "=models/export": f"={model}"}
            for word, value in {**here, "2026-11-26": name}.items():
                command = command.replace(word, value)
            return score(home, command, SPARK_REMOTE=address)

        code, output = night("first", str(scored))
        assert (code, "397 of 400 rows scored" in output, killed.exists()) == (2, True, True), output
        before = {path: path.read_bytes() for path in scored.rglob("*") if path.is_file()}
        fail.touch()
        code, output = night("second", str(scored))
        assert (code, "ArithmeticError: no answer today" in output) == (2, True), output
        assert f"{scored} is as it was" in output
        assert "Traceback" not in output
        assert {path: path.read_bytes() for path in scored.rglob("*.parquet") if path.is_file()} == {
            path: content for path, content in before.items() if path.suffix == ".parquet"
        }
        code, output = night("first", str(scored))  # it has ended, so that it starts no worker
        assert (code, "397 of 400 rows scored" in output) == (2, True), output
        fail.unlink()
        for _ in range(2):  # the second time it has ended
            code, output = night("second", "table:answers")
            assert (code, "397 of 400 rows scored" in output) == (2, True), output
    assert equal(home, scored / "run=first") == "equal 400"


def troubled(export: Path, model: Path, fail: Path, killed: Path) -> str:
    """Return code that copies an exported model to *model*, with TROUBLE at the end of its features.py."""
    code = TROUBLE.format(fail=str(fail), killed=str(killed))
    return f"""
import json, shutil
from pathlib import Path
from mlgitops.model.scorer import digests
folder = Path(shutil.copytree({str(export)!r}, {str(model)!r}))
with (folder / "features.py").open("a") as file:
    file.write({code!r})
manifest = json.loads((folder / "manifest.json").read_text())
manifest["files"] = digests(folder)
(folder / "manifest.json").write_text(json.dumps(manifest))
"""
