"""What the how-to pages say is done, in order, in a project: each block of code, and each command."""

import json
import re
import shutil
from pathlib import Path

import pytest
from helpers.acting import Actions
from helpers.pages import blocks
from helpers.support import bake, copied, fewer_flights, run

# where the code of a block goes: page's first line -> what it stands before, or takes the place of
PLACES = {
    "settings.py, in class Train": r'    algorithm: Literal\["linear", "boosting", "forest"\] = .*\n',
    "estimator.py, in _model": r'(?=    if params\.algorithm == "forest":\n)',
    "in the place of algorithm": r"  algorithm: boosting.*\n",
    "in the place of space": r"    space:.*\n(?:      .*\n)+",
    "contract.py, in features": r"(?=        names: dict\[str, Feature\] = \{\}\n)",
    "rows.py, at the end of encode": r"    return \{feature\.name: _input.*\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with a champion, made of few flights: to copy."""
    project = bake(tmp_path_factory.mktemp("howto"))
    fewer_flights(project)
    run("make", "setup", "pipeline", "review", "register", "promote", cwd=project)
    run("git", "add", "--all", cwd=project)
    run("git", "commit", "--quiet", "--no-verify", "-m", "The first model", cwd=project)
    return project


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy to change, with the same environment."""
    copy = copied(made, tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(copy / "src"))  # before the package that the environment points to
    monkeypatch.setenv("UV_NO_SYNC", "1")
    return copy


def do(project: Path, found: list[tuple[str, str]]) -> str:
    """Write code where it belongs, run commands, and return what they say."""
    said = ""
    for language, text in found:
        if language == "sh":
            said += run("bash", "-euc", text, cwd=project)
            continue
        first, _, code = text.partition("\n")
        name = re.split(r"[ ,]", first.removeprefix("# "))[0]
        (pattern,) = (pattern for place, pattern in PLACES.items() if place in first)
        path = project / name
        changed, times = re.subn(pattern, lambda _: code, path.read_text(encoding="utf-8"), count=1)  # noqa: B023
        assert times == 1, f"{name} has no place for it"
        path.write_text(changed, encoding="utf-8")
    return said


def test_algorithm_of_ones_own_is_trained_reviewed_and_passes_the_tests(project: Path) -> None:
    whole = blocks("how-to/custom-model.md", "An algorithm")
    with_imports = re.sub(
        r"(from sklearn\.ensemble import \()", r"\1\n    ExtraTreesClassifier,\n    ExtraTreesRegressor,",
        (project / "src/flight_delays/estimator.py").read_text(encoding="utf-8"),
    )  # fmt: skip
    assert "ExtraTrees" in with_imports
    (project / "src/flight_delays/estimator.py").write_text(with_imports, encoding="utf-8")
    said = do(project, whole)
    assert re.findall(r"Running stage '(\w+)'", said)[-3:] == ["train", "evaluate", "export"]
    assert re.search(r"Model (accepted|refused)", said)
    manifest = (project / "models/export/manifest.json").read_text(encoding="utf-8")
    assert '"algorithm": "extra"' in manifest
    assert "Extremely randomised trees" in (project / "docs/params.md").read_text(encoding="utf-8")
    run(".venv/bin/pytest", "--quiet", "tests/test_train.py", "tests/test_config.py", cwd=project)


def test_feature_of_ones_own_is_trained_exported_and_served(project: Path) -> None:
    said = do(project, blocks("how-to/custom-model.md", "A feature"))
    assert "train" in re.findall(r"Running stage '(\w+)'", said)
    assert "golden rows" in said
    session = (
        "import onnxruntime as o; print([i.name for i in o.InferenceSession('models/export/model.onnx').get_inputs()])"
    )
    assert "'spread'" in run(".venv/bin/python", "-c", session, cwd=project)
    assert "spread" not in (project / "models/export/request.schema.json").read_text(encoding="utf-8")
    run(".venv/bin/pytest", "--quiet", "tests/test_contract.py", "tests/test_rows.py", cwd=project)


def test_model_from_elsewhere_is_taken_in_put_into_production_and_taken_back(project: Path) -> None:
    shutil.copy(project / "models/export/model.onnx", project / "model.onnx")
    assert "version 2 of flight_delays, the challenger" in do(project, blocks("how-to/import.md")[:1])
    ((_, promote),) = blocks("how-to/promote.md", "Promote")
    said = do(project, [("sh", promote.replace("VERSION=7", "VERSION=1"))])
    assert re.findall(r"version (\d) is now the champion", said) == ["2", "1"]
    assert "version 2 is the champion again" in do(project, blocks("how-to/promote.md", "Roll back"))
    assert re.search(r"rolled back to +2 ", run("make", "history", cwd=project))


def test_repository_is_made_pushed_shared_and_ruled_at_github(project: Path, tmp_path: Path) -> None:
    ((_, text),) = blocks("how-to/github.md")
    run("git", "reset", "--quiet", "--soft", "HEAD~1", cwd=project)
    (tmp_path / "github").mkdir()
    github = Actions(tmp_path / "github", project, {})
    run("bash", "-euc", text, cwd=project, **github.laptop)
    github.close()
    assert github.hub.settings["created"]["visibility"] == "PRIVATE"
    assert run("git", "log", "-1", "--format=%s", "main", cwd=github.origin) == "First model\n"
    assert run("git", "ls-tree", "--name-only", "store", cwd=github.origin).split() == ["dvc", "mlflow"]
    rules = [json.loads(path.read_text(encoding="utf-8")) for path in (project / ".github/rulesets").iterdir()]
    assert [rule["name"] for rule in github.hub.rulesets.values()] == sorted(rule["name"] for rule in rules)
    assert github.hub.policies == {"staging": ["main"], "production": ["main"]}


def test_table_is_scored_and_its_drift_is_seen(project: Path) -> None:
    take = "import pandas as pd; pd.read_parquet('data/test.parquet').to_csv({!r}, index=False)"
    for name in ("new.csv", "recent.csv"):
        run(".venv/bin/python", "-c", take.format(name), cwd=project)
    said = do(project, blocks("how-to/score.md"))
    assert len(re.findall(r"rows scored by version 1 ", said)) == 2
    assert (project / "scored.parquet").is_file()
    assert "PSI" in do(project, blocks("how-to/monitor.md")[:1])
