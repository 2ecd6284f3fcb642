"""Spark gives the answers of this machine, bit for bit: on a standalone cluster, and by Spark Connect."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers import spark
from helpers.pages import blocks
from helpers.support import bake, once, run

CLUSTER = "--conf spark.executor.memory=640m --conf spark.ui.enabled=false --archives"
# A small model, and four files of rows, of which three rows break the contract; names that are syntax to Spark.
MAKE = """
import sys
from pathlib import Path
from helpers import contracts, models, tables
folder, contract = Path(sys.argv[1]), contracts.contract({
    "2nd.age": "{type: integer, min: 0, max: 120}", "it's the `city`.of \\"birth\\"": "{type: category, missing: true}",
    "seen, last (UTC)": "{type: datetime, missing: true}"})
models.exported(contract, folder)
rows = tables.rows_of(contract, 400).drop(columns="y")
rows["row"] = range(400)
for name in ("a.b", "a", "`quoted`", "c;d=e{f}", "select", "100 %", "\u00e9t\u00e9"):
    rows[name] = name
(folder / "rows").mkdir()
rows.loc[[3, 150, 399], "2nd.age"] = 200
for part in range(4):
    rows[100 * part : 100 * part + 100].to_parquet(folder / f"rows/{part}.parquet", index=False)
"""
EQUAL = """
import sys
import pandas as pd
local, scored = (pd.read_parquet(path).sort_values("row", ignore_index=True) for path in sys.argv[1:])
(seen,) = local.filter(like="seen")
local[seen] = local[seen].astype(scored[seen].dtype)  # Spark has microseconds only
names = [name for name in local if name not in ("made", "run")]
assert scored["row"].is_unique and scored["error"].notna().sum() == 3
pd.testing.assert_frame_equal(local[names], scored[names], check_exact=True, check_dtype=False)
print("equal", len(scored))
"""
# Two tables of every type in four files, the second one with faults of every kind, and what this machine finds.
CHECK = """
import sys
from pathlib import Path
import numpy as np
import pandas as pd
import yaml
from helpers import contracts
from mlgitops.data import frame, profile, validate
folder = Path(sys.argv[1])
contract = contracts.contract({
    "id": "{type: text}", "2nd.size": "{type: number, min: 0, missing: 0.02}",
    "count": "{type: integer, missing: true}", "it's `a`": "{type: category, categories: [a, b b, z]}",
    "city": "{type: category, missing: true}", "flag": "{type: boolean, missing: true}",
    "seen": "{type: datetime, missing: true}", "day": "{type: date}", "note": "{type: text, ignore: free text}",
    "year": "{type: integer}", "month": "{type: integer}",
    "start": "{type: date, join: [year, month]}"}, key=["id"])
Path("contract.yaml").write_text(yaml.safe_dump(contract.model_dump(mode="json", exclude_defaults=True)))
random, count = np.random.default_rng(0), 400
rows = pd.DataFrame({
    "id": [f"row {n}" for n in range(count)], "2nd.size": random.normal(50, 9, count).round(3).astype(str),
    "count": random.integers(0, 9, count), "it's `a`": random.choice(["a", "b b"], count),
    "city": random.choice([f"city {n}" for n in range(30)], count), "flag": random.choice(["yes", "no", None], count),
    "seen": pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 10**8, count), unit="s"),
    "day": ["2021-02-03"] * count, "note": "n", "year": 2020, "month": 1 + np.arange(count) % 12,
    "y": random.choice(["yes", "no"], count)})
rows["seen"] = rows["seen"].astype("datetime64[us]").mask(random.random(count) < 0.1)
bad = rows.assign(extra=1).drop(columns="day")
bad.loc[[5, 105, 205], "2nd.size"] = "-1"
bad.loc[[6, 306], "2nd.size"] = "many"
bad.loc[10:19, "2nd.size"] = None
bad.loc[[7, 8, 390], "it's `a`"] = "c"
bad.loc[[1, 2, 399], "id"] = "row 0"
bad.loc[9, "month"] = 13
for name, table in {"good": rows, "bad": bad}.items():
    (folder / name / "rows").mkdir(parents=True)
    for part in range(4):
        table[100 * part : 100 * part + 100].to_parquet(folder / name / f"rows/{part}.parquet", index=False)
    table.to_parquet(folder / name / "raw.parquet", index=False)
    validate.check(folder / name / "raw.parquet", contract).save(folder / name / "local/validation.json")
typed = frame.parse(rows, contract)[list(contract.columns)]
typed.to_parquet(folder / "typed.parquet", index=False)
profile.profile({"table": folder / "typed.parquet"}, contract).save(folder / "good/local/profile.json")
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
    _, (_, submit), *_ = blocks("how-to/spark.md")
    with spark.cluster(home / "flight-delays/.venv", tmp_path / "cluster") as master:
        here = {"s3a://BUCKET/rows": str(home / "rows"), "s3a://BUCKET/scored": str(tmp_path / "scored")}
        here |= {"models/export": str(home / "export"), "2026-11-26": "tonight"}
        here |= {"spark://HOST:7077": master, "--archives": CLUSTER}
        for word, value in here.items():
            submit = submit.replace(word, value)
        code, output = score(home, f"set -e\n{submit}")
        assert code == 1, output
        assert "397 of 400 rows scored" in output
        assert "2nd.age: Input should be less than or equal to 120" in output
        used = [folder for folder in (tmp_path / "cluster").glob("*/app-*/*") if folder.is_dir()]
        assert all((folder / "environment/bin/python").exists() for folder in used)
    shutil.rmtree(tmp_path / "cluster")  # two copies of the environment
    assert len({folder.parents[1] for folder in used}) == 2
    assert equal(home, tmp_path / "scored/run=tonight") == "equal 400"


@pytest.mark.tools
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
            code, output = night("second", "table:default.answers")
            assert (code, "397 of 400 rows scored" in output) == (2, True), output
    assert equal(home, scored / "run=first") == "equal 400"


@pytest.mark.nightly
def test_a_table_of_spark_is_checked_and_profiled_as_on_this_machine(home: Path, tmp_path: Path) -> None:
    project = home / "flight-delays"
    helpers = {"PYTHONPATH": os.pathsep.join(str(project / f"platform/{part}") for part in ("tests", "src"))}
    run(str(project / ".venv/bin/python"), "-c", CHECK, str(tmp_path), cwd=project, **helpers)
    ((_, command),) = blocks("how-to/spark.md", "Validate and profile a table")
    with spark.connect(project / ".venv", tmp_path / "connect") as address:
        for name in ("good", "bad"):
            here = command.replace("=rows", f"={tmp_path / name / 'rows'}").replace("=checked", f"={tmp_path / name}")
            code, output = score(home, here, SPARK_REMOTE=address)
            assert code == (0 if name == "good" else 2), output
            local, checked = (findings(tmp_path / name / folder) for folder in ("local", "."))
            assert checked == local
    assert len(checked["failures"]) == 6
    local, checked = (columns(tmp_path / "good" / folder / "profile.json") for folder in ("local", "."))
    for column in checked.values():  # here, sums have another order, and a quantile is between two values of the table
        column["mean"] = pytest.approx(column["mean"])
        if bins := column["distribution"]:
            bins["cuts"] = pytest.approx(bins["cuts"], abs=0.2)
    assert checked == local


def findings(folder: Path) -> Any:
    """Return a report of validation without the number of rows, which a table of Spark does not have."""
    report = json.loads((folder / "validation.json").read_text(encoding="utf-8"))
    for failure in report["failures"]:
        rows = [{name: row[name] for name in row if name != "row"} for row in failure["rows"]]
        failure["rows"] = sorted(rows, key=str)
    return report


def columns(file: Path) -> Any:
    """Return the profiles of all columns."""
    return json.loads(file.read_text(encoding="utf-8"))["parts"]["table"]["columns"]


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
