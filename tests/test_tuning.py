"""The search for settings in several processes that share a study, of which one is killed, and on PostgreSQL."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from helpers.servers import postgres
from helpers.support import run, sources

DIES_ONCE = """

import multiprocessing
import signal
from pathlib import Path

default = build


def build(contract: Contract, **settings: Any) -> BaseEstimator:
    \"\"\"Return the estimator; the first process of a search that calls it is killed.\"\"\"
    if multiprocessing.parent_process() is not None and not Path("killed").exists():
        Path("killed").touch()
        signal.raise_signal(signal.SIGKILL)
    return default(contract, **settings)
"""
TRIALS = 4

pytestmark = pytest.mark.nightly


@pytest.fixture
def small(workspace: Path) -> Path:
    """Return a project with a train part whose search takes a moment for each trial."""
    params = yaml.safe_load((workspace / "params.yaml").read_text(encoding="utf-8"))
    params["model"] |= {"max_iter": 5}
    params["tune"]["space"] = {"boosting": {"learning_rate": [0.05, 0.5]}, "linear": {"C": [0.1, 1.0]}}
    (workspace / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    return workspace


def tune(project: Path, **environment: str) -> "subprocess.Popen[str]":
    """Start the search of the project."""
    command = [str(project / ".venv/bin/flight_delays"), "tune", "--trials", str(TRIALS)]
    variables = os.environ | sources(project) | {"WORKERS": "2", "OMP_NUM_THREADS": "1"} | environment
    return subprocess.Popen(
        command, cwd=project, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def trials(project: Path) -> list[dict[str, object]]:
    """Return the trials of the evidence."""
    evidence: dict[str, list[dict[str, object]]] = json.loads((project / "reports/tuning.json").read_text("utf-8"))
    return evidence["trials"]


def test_a_process_that_is_killed_costs_its_trial_alone(small: Path) -> None:
    model = small / "src/flight_delays/model.py"
    model.write_text(model.read_text(encoding="utf-8") + DIES_ONCE, encoding="utf-8")
    params = (small / "params.yaml").read_bytes()
    search = tune(small)
    output, _ = search.communicate()
    assert search.returncode == 0, output
    assert (small / "killed").is_file()
    assert output.count("was killed by signal 9") == 1, output
    assert TRIALS <= len(trials(small)) <= TRIALS + 1
    assert {trial["state"] for trial in trials(small)} <= {"complete", "pruned"}
    (small / "params.yaml").write_bytes(params)  # the winner may be there, and other settings are another search
    again, _ = tune(small).communicate()
    assert "going on after" in again
    assert len(trials(small)) <= TRIALS + 1, "a finished search tries nothing"


def test_searches_that_start_at_once_on_an_empty_database_share_the_trials(small: Path) -> None:
    run("git", "add", "--all", cwd=small)
    with postgres() as database:
        searches = [tune(small, OPTUNA_STORAGE=f"postgresql://{database}", WORKERS="2") for _ in range(2)]
        outputs = [search.communicate()[0] for search in searches]
    assert [search.returncode for search in searches] == [0, 0], outputs
    assert TRIALS <= len(trials(small)) <= TRIALS + 3, "each of the other processes may be in a trial at the end"
