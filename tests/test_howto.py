"""Each step of the how-to pages is done in a project, in order: diffs are applied, commands are run."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from helpers import servers
from helpers.acting import Actions
from helpers.pages import blocks
from helpers.support import TEMPLATE, copied, run, sources

DOCS = TEMPLATE / "docs"


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


def test_model_answers_the_same_in_the_three_ways_of_the_page(work: Path, tmp_path: Path) -> None:
    package, tracked, client = (text for language, text in blocks("reference/python.md") if language == "python")
    with servers.scoring(work, tmp_path) as url:
        served = run(".venv/bin/python", "-c", client.replace("http://127.0.0.1:3000", url), cwd=work)
    assert len(re.findall("'prediction': (?:True|False)", served)) == 3
    table, rows = (run(".venv/bin/python", "-c", text, cwd=work).splitlines() for text in (package, tracked))
    assert rows[0].split() == ["prediction", "probability"]
    assert table[0].split() == ["prediction", "probability", "error"]
    assert [line.split()[:3] for line in table[1:4]] == [line.split()[:3] for line in rows[1:4]]


@pytest.mark.nightly
def test_tutorial_shows_the_effect_of_a_change_without_a_champion(workspace: Path) -> None:
    run("make", "review", "register", cwd=workspace)
    (look,) = blocks("tutorial.md", "2. See the effect of a change")
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    changed = re.search(r"`(learning_rate: [\d.]+)` instead of `([\d.]+)`", text)
    assert changed
    before = f"learning_rate: {changed[2]}\n"
    replaced(workspace, before, changed[1] + "\n")
    replaced(
        workspace, "max_drop: 0.005 # largest", "max_drop: null # largest"
    )  # of few flights, the change is no gain
    output = do(workspace, [look])
    assert re.findall(r"Running stage '(\w+)'", output) == ["train", "evaluate", "export"]
    assert "version 1" in output
    replaced(workspace, changed[1] + "\n", before)
    output = do(workspace, [look])
    assert "is cached - skipping run" in output
    assert "Running stage" not in output


def replaced(work: Path, before: str, after: str) -> None:
    """Replace the one line of the settings of the model that ends so."""
    path = work / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.mark.nightly
def test_algorithm_of_ones_own_is_trained_reviewed_and_served(work: Path) -> None:
    output = do(work, blocks("how-to/features-and-model.md", "Use another algorithm"))
    assert re.findall(r"Running stage '(\w+)'", output) == ["train", "evaluate", "export"]
    assert "ExtraTreesClassifier, cross-validated" in output
    assert re.search(r"Model (accepted|refused)", output)
    assert "golden rows" in output
    run(".venv/bin/ruff", "check", "src", cwd=work)


LIBRARIES = {
    "LightGBM": (blocks("how-to/libraries.md", "LightGBM"), "lightgbm onnxmltools", "LGBMClassifier"),
    "XGBoost": (blocks("how-to/libraries.md", "XGBoost"), "xgboost-cpu onnxmltools", "XGBClassifier"),
    "CatBoost": (blocks("how-to/libraries.md", "CatBoost"), "catboost", "CatBoostClassifier"),
    "PyTorch": (blocks("how-to/libraries.md", "PyTorch"), "torch onnxscript", "Network"),
    "Keras": (blocks("how-to/libraries.md", "Keras"), "torch onnxscript keras", "Network"),
}


def torch_for_processors() -> list[str]:
    """Return how PyTorch is installed without what graphics cards need: from a folder of packages, if there is one."""
    wheels = sorted(Path(os.environ.get("PIP_FIND_LINKS", "/nowhere")).glob("torch-*.whl"))
    return [str(wheels[-1])] if wheels else ["torch", "--torch-backend=cpu"]


@pytest.mark.nightly
def test_client_is_added_to_the_project_of_a_caller(work: Path, tmp_path: Path) -> None:
    (_, text), _ = blocks("how-to/other-platforms.md", "A typed Python client")
    make, add = text.splitlines(keepends=True)
    do(work, [("sh", make)])
    caller = tmp_path / "caller"
    caller.mkdir()
    run("uv", "init", "--quiet", "--bare", cwd=caller)
    do(caller, [("sh", add)])
    assert "flight" in (caller / "pyproject.toml").read_text(encoding="utf-8")
    run("uv", "run", "python", "-c", "from flight_delays.client import PredictionError, predict", cwd=caller)


@pytest.mark.nightly
@pytest.mark.parametrize("library", LIBRARIES)
def test_library_is_added_trained_reviewed_and_served(
    library: str, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (diff, (_, text)), packages, estimator = LIBRARIES[library]
    add, follow = text.split("\n", 1)
    do(work, [diff, ("sh", add)])
    locked = (work / "uv.lock").read_text(encoding="utf-8")
    names = [word for name in packages.split() for word in (torch_for_processors() if name == "torch" else [name])]
    pins = re.findall(r'(?m)^name = "(numpy|pandas|onnx|protobuf|scikit-learn|scipy)"\nversion = "(.*)"$', locked)
    environment = [f"{name}=={version}" for name, version in reversed(pins)]
    (tmp_path / "constraints.txt").write_text("\n".join({pin.split("==")[0]: pin for pin in environment}.values()))
    options = [
        "--target",
        str(tmp_path / "library"),
        "--python",
        ".venv",
        "--constraints",
        str(tmp_path / "constraints.txt"),
    ]
    run("uv", "pip", "install", "--quiet", *options, *names, cwd=work)
    assert all(f'name = "{name}"' in locked for name in packages.split())
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "library"), prepend=os.pathsep)
    output = do(work, [("sh", follow)])
    assert re.findall(r"Running stage '(\w+)'", output) == ["train", "evaluate", "export"]
    assert f"{estimator}, cross-validated roc_auc 0." in output
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
def test_space_is_freed_and_nothing_else_is_lost(work: Path) -> None:
    run("git", "remote", "add", "origin", str(work), cwd=work)
    (work / "data/unused.csv").write_text("a\n1\n", encoding="utf-8")
    run("uv", "run", "dvc", "add", "data/unused.csv", cwd=work)
    (work / "data/unused.csv.dvc").unlink()
    objects = len([path for path in (work / ".dvc/cache").rglob("*") if path.is_file()])
    output = do(work, blocks("how-to/clean-up.md"))
    assert re.search(r"would remove 1 object.*nothing was deleted.*Removed 1 object", output, re.DOTALL)
    assert len([path for path in (work / ".dvc/cache").rglob("*") if path.is_file()]) == objects - 1
    run("uv", "run", "dvc", "checkout", "--force", cwd=work)
    assert run("uv", "run", "dvc", "status", cwd=work).strip().endswith("up to date.")


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
def test_version_is_tried_as_a_shadow_and_as_a_canary(work: Path) -> None:
    shadow, canary = blocks("how-to/promote.md", "Try a version before it answers")
    run("make", "smoke", cwd=work, SCORING_LOG="prediction-log", SCORING_LOG_COLUMNS="*")
    do(work, blocks("how-to/monitor.md", "Collect them"))
    said = do(work, [("sh", shadow[1].partition(";")[0])])
    assert re.search(
        r"On the [1-9]\d* newest rows that version \w+ answered, 100\.00% of the decisions are the same", said
    )
    rendered = do(work, [canary])
    assert rendered.count("kind: Deployment\nmetadata:") == 2
    assert re.findall(r"weight: (\d+)", rendered) == ["80", "20"]


@pytest.mark.nightly
def test_load_is_measured(work: Path, tmp_path: Path) -> None:
    ((_, text),) = blocks("how-to/monitor.md", "Measure the load that the service bears")
    (tmp_path / "service").mkdir()
    with servers.scoring(work, tmp_path / "service") as url:
        said = do(work, [("sh", text.replace("http://127.0.0.1:3000", url).replace("DURATION=30", "DURATION=2"))])
    assert re.findall(r"(\d+) callers, .* predictions, ", said) == ["8", "32"]


@pytest.mark.nightly
def test_table_is_scored_and_its_drift_is_seen(work: Path) -> None:
    take = "import pandas as pd; pd.read_parquet('data/test.parquet').to_csv({!r}, index=False)"
    for name in ("new.csv", "recent.csv"):
        run(".venv/bin/python", "-c", take.format(name), cwd=work)
    said = do(work, blocks("how-to/score.md")[:1])
    assert len(re.findall(r"rows scored by version 1 ", said)) == 2
    assert (work / "scored.parquet").is_file()
    assert "scored by version" in do(work, blocks("how-to/reasons.md", "Get reasons"))
    names = "import pyarrow.parquet as pq; print(pq.read_schema('reasons.parquet').names)"
    assert "'reason_5', 'contribution_5'" in run(".venv/bin/python", "-c", names, cwd=work)
    assert "PSI" in do(work, blocks("how-to/monitor.md", "Explain it with drift"))
