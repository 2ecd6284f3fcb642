"""Each step of the how-to pages is done in a project, in order: diffs are applied, commands are run."""

import json
import re
import shutil
from pathlib import Path

import pytest
from helpers.acting import Actions
from helpers.pages import blocks
from helpers.support import copied, run, sources


@pytest.fixture
def work(champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy to change of a project with a champion, and the same environment."""
    copy = copied(champion, tmp_path)
    monkeypatch.setenv("UV_NO_SYNC", "1")
    for name, value in sources(copy).items():
        monkeypatch.setenv(name, value)
    return copy


def do(work: Path, steps: list[tuple[str, str]]) -> str:
    """Apply diffs, run commands, and return what they print."""
    output = ""
    for language, text in steps:
        if language == "diff":
            (work / "change.diff").write_text(text, encoding="utf-8")
            run("git", "apply", "change.diff", cwd=work)
        else:
            assert language == "sh"
            output += run("bash", "-euc", text, cwd=work)
    return output


def inputs_of_model(work: Path) -> str:
    """Return the names of the exported model's inputs."""
    session = "onnxruntime.InferenceSession('models/export/model.onnx')"
    return run(
        ".venv/bin/python", "-c", f"import onnxruntime; print([i.name for i in {session}.get_inputs()])", cwd=work
    )


def test_feature_is_one_function_that_is_trained_exported_and_served(work: Path) -> None:
    assert "'gust_excess'" not in inputs_of_model(work)
    changed, command, *_ = blocks("how-to/features-and-model.md", "Add a feature")
    assert changed[1].count("\n+++ ") == 1
    output = do(work, [changed, command])
    assert re.findall(r"Running stage '(\w+)'", output) == ["train", "evaluate", "export"]
    assert "golden rows" in output
    assert "'gust_excess'" in inputs_of_model(work)
    assert "gust_excess" not in (work / "models/export/request.schema.json").read_text(encoding="utf-8")
    run(".venv/bin/ruff", "check", "src", cwd=work)


@pytest.mark.nightly
def test_algorithm_of_ones_own_is_trained_reviewed_and_served(work: Path) -> None:
    output = do(work, blocks("how-to/features-and-model.md", "Use another algorithm"))
    assert re.findall(r"Running stage '(\w+)'", output) == ["train", "evaluate", "export"]
    assert "ExtraTreesClassifier, cross-validated" in output
    assert re.search(r"Model (accepted|refused)", output)
    assert "golden rows" in output
    run(".venv/bin/ruff", "check", "src", cwd=work)


@pytest.mark.nightly
def test_package_is_added_and_locked(work: Path) -> None:
    ((_, text),) = blocks("how-to/features-and-model.md", "Add a package")
    do(work, [("sh", text)])
    assert 'name = "holidays"' in (work / "uv.lock").read_text(encoding="utf-8")


@pytest.mark.nightly
def test_model_from_elsewhere_is_taken_in_put_into_production_and_taken_back(work: Path) -> None:
    shutil.copy(work / "models/export/model.onnx", work / "model.onnx")
    assert "version 2 of flight_delays, the challenger" in do(work, blocks("how-to/import.md")[:1])
    ((_, promote),) = blocks("how-to/promote.md", "Promote")
    said = do(work, [("sh", promote.replace("VERSION=7", "VERSION=1"))])
    assert re.findall(r"version (\d) is now the champion", said) == ["2", "1"]
    assert "version 2 is the champion again" in do(work, blocks("how-to/promote.md", "Roll back"))
    assert re.search(r"rolled back to +2 ", run("make", "history", cwd=work))


@pytest.mark.nightly
def test_repository_is_made_pushed_shared_and_ruled_at_github(work: Path, tmp_path: Path) -> None:
    ((_, text),) = blocks("how-to/github.md")
    run("git", "reset", "--quiet", "--soft", "HEAD~1", cwd=work)
    (tmp_path / "github").mkdir()
    github = Actions(tmp_path / "github", work, {})
    run("bash", "-euc", text, cwd=work, **github.laptop)
    github.close()
    assert github.hub.settings["created"]["visibility"] == "PRIVATE"
    assert run("git", "log", "-1", "--format=%s", "main", cwd=github.origin) == "First model\n"
    assert run("git", "ls-tree", "--name-only", "store", cwd=github.origin).split() == ["dvc", "mlflow"]
    rules = [json.loads(path.read_text(encoding="utf-8")) for path in (work / ".github/rulesets").iterdir()]
    assert [rule["name"] for rule in github.hub.rulesets.values()] == sorted(rule["name"] for rule in rules)
    assert github.hub.policies == {"staging": ["main"], "production": ["main"]}


@pytest.mark.nightly
def test_conflict_in_the_lock_file_ends_with_a_model_of_the_merged_change(work: Path, tmp_path: Path) -> None:
    run("git", "clone", "--quiet", "--bare", str(work), str(tmp_path / "origin"), cwd=work)
    run("git", "remote", "add", "origin", str(tmp_path / "origin"), cwd=work)
    for branch, setting in (("more-trees", "max_iter: 30"), ("main", "max_leaf_nodes: 15")):
        name = setting.partition(":")[0]
        run("git", "switch", "--quiet", *(["-c"] if branch != "main" else []), branch, cwd=work)
        params = (work / "params.yaml").read_text(encoding="utf-8")
        (work / "params.yaml").write_text(re.sub(rf"\b{name}: \d+", setting, params, count=1), encoding="utf-8")
        run("make", "pipeline", cwd=work)
        run("git", "commit", "--quiet", "--all", "--no-verify", "--message", setting, cwd=work)
        run("git", "push", "--quiet", "--no-verify", "--set-upstream", "origin", branch, cwd=work)
    first, second = blocks("how-to/conflict.md")
    assert "CONFLICT (content): Merge conflict in dvc.lock" in do(work, [("sh", f"set +e\n{first[1]}true"), second])
    assert run("uv", "run", "dvc", "status", cwd=work).strip().endswith("up to date.")
    params = (work / "params.yaml").read_text(encoding="utf-8")
    assert "max_iter: 30" in params
    assert "max_leaf_nodes: 15" in params
    assert run("git", "status", "--porcelain", "--untracked-files=no", cwd=work) == ""


@pytest.mark.nightly
def test_space_that_could_be_freed_is_shown(work: Path) -> None:
    run("git", "remote", "add", "origin", str(work), cwd=work)
    (work / "data/unused.csv").write_text("a\n1\n", encoding="utf-8")
    run("uv", "run", "dvc", "add", "data/unused.csv", cwd=work)
    (work / "data/unused.csv.dvc").unlink()
    objects = len([*(work / ".dvc/cache").rglob("*")])
    assert re.search(r"\b1 object", do(work, blocks("how-to/clean-up.md")))
    assert len([*(work / ".dvc/cache").rglob("*")]) == objects


@pytest.mark.nightly
def test_predictions_are_logged_collected_and_measured(work: Path) -> None:
    logged, collected = blocks("how-to/monitor.md", "Log predictions"), blocks("how-to/monitor.md", "Collect them")
    output = do(work, [*logged, *collected])
    assert re.search(r"prediction-log: [1-9]\d* rows of 1 files -> \.store/predictions", output)
    predictions = "import pandas as pd; t = pd.read_parquet('.store/predictions')"
    write = "t.assign(actual=t.index % 2 == 0)[['id', 'actual']].to_csv('outcomes.csv', index=False)"
    run(".venv/bin/python", "-c", f"{predictions}; {write}", cwd=work)
    assert "100.0%" in do(work, blocks("how-to/monitor.md", "Measure the performance"))
    assert (work / "reports/production.html").is_file()
    assert "no alarm" in do(work, blocks("how-to/monitor.md", "Decide about an alarm"))


@pytest.mark.nightly
def test_table_is_scored_and_its_drift_is_seen(work: Path) -> None:
    take = "import pandas as pd; pd.read_parquet('data/test.parquet').to_csv({!r}, index=False)"
    for name in ("new.csv", "recent.csv"):
        run(".venv/bin/python", "-c", take.format(name), cwd=work)
    said = do(work, blocks("how-to/score.md")[:1])
    assert len(re.findall(r"rows scored by version 1 ", said)) == 2
    assert (work / "scored.parquet").is_file()
    assert "PSI" in do(work, blocks("how-to/monitor.md", "Explain it with drift"))
