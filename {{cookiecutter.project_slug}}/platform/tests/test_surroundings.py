"""What a machine may be set up with that is no fault of the project: each works, or is one clear error."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from helpers import models
from helpers.git import git

from mlgitops.common import process
from mlgitops.common.errors import ProjectError
from mlgitops.image import labels
from mlgitops.model import tracking, train
from mlgitops.store import branch, mlflow_backend, paths
from mlgitops.store import git as store_git

LOGIN = "ada:secret"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project with data: to copy, not to change."""
    return models.project(tmp_path_factory.mktemp("made"))


@pytest.fixture
def work(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with data, in a repository with a commit and a remote, as the current folder."""
    origin, folder = tmp_path / "origin.git", tmp_path / "work"
    git("init", "--quiet", "--bare", "-b", "main", str(origin), cwd=tmp_path)
    git("clone", "--quiet", str(origin), str(folder), cwd=tmp_path)
    shutil.copytree(made, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text("/.store/\n", encoding="utf-8")
    git("add", "--all", cwd=folder)
    git("-c", "user.name=Ada", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "One", cwd=folder)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    return folder


@pytest.fixture
def database(work: Path, mlflow_database: Path) -> Path:
    """Return the project's tracking database, without a run."""
    return Path(shutil.copy(mlflow_database, work / ".store/mlflow" if paths.store() else ""))


def run_train() -> Result:
    """Run the stage train."""
    return CliRunner().invoke(train.main, ["train.parquet", "out/trained.onnx", "out/report.json"])


GIT_USERS = {
    "the commit": store_git.commit,
    "the commit's time": labels.commit_time,
    "pulling the store": branch.pull,
    "pushing the store": branch.push,
    "the check before a training": tracking.check,
}


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("name", GIT_USERS)
def test_a_checkout_of_another_user_is_an_error_and_no_missing_lineage(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GIT_USERS["the commit"]()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(ProjectError, match=r"(?s)dubious ownership.*safe\.directory"):
        GIT_USERS[name]()


def test_a_folder_without_a_repository_or_a_commit_has_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.chdir(models.touch_project(tmp_path))
    assert (store_git.commit(), labels.commit_time(), branch.pull()) == ("", 0, False)
    git("init", "--quiet", cwd=tmp_path)
    assert (store_git.commit(), labels.commit_time(), branch.pull()) == ("", 0, False)


def test_the_store_is_pushed_where_commits_are_signed_by_hand(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"commit.gpgSign": "true", "tag.gpgSign": "true", "gpg.program": "false", "gpg.format": "openpgp"}
    for number, (name, value) in enumerate(settings.items()):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(settings)))
    with pytest.raises(subprocess.CalledProcessError):
        git("commit", "--quiet", "--allow-empty", "-m", "Two", cwd=work)
    (paths.store() / "mlflow/note").write_text("kept", encoding="utf-8")
    assert branch.push()
    assert git("show", "store:mlflow/note", cwd=work.parent / "origin.git") == "kept"


def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(ProjectError, match="no-such-program is not installed"):
        process.run("no-such-program")


def test_a_run_of_another_project_is_not_continued(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MLFLOW_RUN_ID", "MLFLOW_ACTIVE_MODEL_ID"):
        monkeypatch.setenv(variable, "0123456789abcdef0123456789abcdef")  # pragma: allowlist secret
    done = run_train()
    assert done.exit_code == 0, done.output
    assert "no run yet" not in done.output
    assert database.is_file()


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("./mlruns", "MLFLOW_TRACKING_URI is ./mlruns, where MLflow keeps no runs: name a server or a database"),
        ("file:///mlruns", "MLFLOW_TRACKING_URI is file:///mlruns, where MLflow keeps no runs"),
        ("server:5000", "MLFLOW_TRACKING_URI is server:5000, where MLflow keeps no runs"),
        (f"http://{LOGIN}@127.0.0.1:9", "the tracking server at http://ada:***@127.0.0.1:9 does not answer"),
        (f"postgresql://{LOGIN}@127.0.0.1:9/x", "the tracking server at postgresql://ada:***@127.0.0.1:9/x does not"),
        ("sqlite:////dev/null/x.db", "the tracking server at sqlite:////dev/null/x.db does not answer"),
    ],
)
def test_a_place_that_keeps_no_runs_is_named(uri: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(ProjectError) as error:
        tracking.check()
    assert error.value.message.startswith(message)
    assert "unset it to keep runs in .store" in error.value.message
    assert "secret" not in error.value.message


@pytest.mark.usefixtures("work")
def test_a_full_disk_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Path) -> None:
        raise RuntimeError("(sqlite3.OperationalError) database or disk is full")

    monkeypatch.setattr(mlflow_backend, "_create_database", full)
    with pytest.raises(ProjectError, match="the disk is full: free some space"):
        tracking.check()


def test_it_is_named_before_the_training(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    done = run_train()
    assert done.exit_code == 1
    assert done.output.startswith("Error: MLFLOW_TRACKING_URI is ./mlruns")
    assert not (work / "out").exists()


class Dying(BaseHTTPRequestHandler):
    """A tracking server that answers who asks for its experiments, and then nothing."""

    asked: list[str]

    def do_POST(self) -> None:  # the name that http.server calls
        """Answer one question."""
        type(self).asked.append(self.path)
        self.reply(200 if self.path.endswith("experiments/search") else 503)

    do_GET = do_POST  # noqa: N815  # likewise

    def reply(self, status: int) -> None:
        """Send a page with the status."""
        body = json.dumps({"experiments": []}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return the paths that a dying tracking server was asked for, which the variable names."""
    handler = type("Handler", (Dying,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
        yield handler.asked
        server.shutdown()


def test_a_tracking_server_that_dies_costs_no_model(
    work: Path, dying: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")  # the test need not wait
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    done = run_train()
    assert done.exit_code == 0, done.output
    assert "Warning: the run could not be recorded in MLflow: " in done.stderr
    assert "`make register` will record it" in done.stderr
    assert "no run yet" in done.stdout
    assert (work / "out/trained.onnx").is_file()
    assert (work / "out/report.json").is_file()
    assert len(dying) < 10, "it is asked a few times"


def test_a_server_that_is_gone_costs_seconds() -> None:
    settings = mlflow_backend.DEFAULT_SETTINGS
    retries, factor = (int(settings[f"MLFLOW_HTTP_REQUEST_{name}"]) for name in ("MAX_RETRIES", "BACKOFF_FACTOR"))
    assert sum(factor * 2**n for n in range(retries + 1)) < 20, "as urllib3 waits"


def test_a_full_disk_in_the_store_costs_no_model(work: Path, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "artifact")

    monkeypatch.setattr("mlflow.log_text", full)
    done = run_train()
    assert done.exit_code == 0, done.output
    assert "No space left on device" in done.stderr
    assert (work / "out/trained.onnx").is_file()
    assert database.is_file()
