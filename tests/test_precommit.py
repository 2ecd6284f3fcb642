"""The hooks of a generated project: a fresh project passes, each fault is caught by its own hook, data follow git."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from helpers.support import representatives, run

PACKAGE = "flight_delays"
CONFLICT = "".join(f"{sign * 7}{rest}\n" for sign, rest in [("<", " ours"), ("=", ""), (">", " theirs")])
SECRET = f"{'-' * 5}BEGIN RSA PRIVATE KEY{'-' * 5}"  # in parts: this file holds none
FAULTS: dict[str, tuple[str, str | Callable[[str], str]]] = {  # hook -> file, and its content or what changes it
    "nbstripout": (
        "notebooks/explore.ipynb",
        lambda text: text.replace('"execution_count": null', '"execution_count": 7'),
    ),
    "ruff-check": ("tests/new.py", '"""New."""\n\nprint(unknown)\n'),
    "ruff-format": ("tests/new.py", '"""New."""\n\nx = [1,2]\n'),
    "mypy": (f"src/{PACKAGE}/new.py", '"""New."""\n\nNUMBER: int = "text"\n'),
    "reference": ("params.yaml", lambda text: text.replace("folds:", "fold:")),
    "check-yaml": ("new.yaml", "a: [1\n"),
    "check-toml": ("new.toml", "a =\n"),
    "check-merge-conflict": ("new.txt", CONFLICT),
    "check-added-large-files": ("new.bin", "0" * 2**20),
    "detect-secrets": ("new.env", f"KEY={SECRET}\n"),
}
FOLLOW_GIT = {"dvc-pre-commit", "dvc-pre-push", "dvc-post-checkout"}


def failing(project: Path, *command: str) -> str:
    """Return what *command* prints in *project* before it fails."""
    done = subprocess.run(
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    assert done.returncode == 1, done.stdout
    return done.stdout


@pytest.fixture
def hooked(workspace: Path) -> Path:
    """Return a project whose hooks are installed."""
    run("make", "hooks", cwd=workspace)
    return workspace


def test_fresh_project_passes_and_is_committed_as_it_is(hooked: Path) -> None:
    run("git", "add", "uv.lock", cwd=hooked)
    run(".venv/bin/pre-commit", "run", "--all-files", cwd=hooked)
    assert "notebooks are kept" in run("git", "commit", "-m", "The first model", cwd=hooked)
    assert run("git", "status", "--short", "--untracked-files=no", cwd=hooked) == ""


def test_digests_that_the_template_writes_are_no_secrets(workspace: Path) -> None:
    state = {"template": "https://example.org/template", "commit": "0123456789abcdef" * 2 + "89abcdef", "context": {}}
    (workspace / ".cruft.json").write_text(json.dumps(state, indent=2), encoding="utf-8")
    run("git", "add", "--all", cwd=workspace)
    run(".venv/bin/pre-commit", "run", "detect-secrets", "--all-files", cwd=workspace)
    run("git", "mv", ".cruft.json", "other.json", cwd=workspace)
    failing(workspace, ".venv/bin/pre-commit", "run", "detect-secrets", "--all-files")  # what the exception is for


def test_every_hook_has_its_test(project: Path) -> None:
    config = yaml.safe_load((project / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (local,) = config["repos"]
    assert local["repo"] == "local", "nothing is fetched"
    assert {hook["id"] for hook in local["hooks"]} == FAULTS.keys() | FOLLOW_GIT


@pytest.mark.parametrize("hook", representatives(FAULTS, "reference", "detect-secrets"))
def test_fault_is_caught_by_its_hook(hook: str, workspace: Path) -> None:
    name, content = FAULTS[hook]
    path = workspace / name
    path.write_text(
        content if isinstance(content, str) else content(path.read_text(encoding="utf-8")), encoding="utf-8"
    )
    run("git", "add", name, cwd=workspace)
    assert f"hook id: {hook}" in failing(workspace, ".venv/bin/pre-commit", "run", hook)


@pytest.mark.nightly
def test_stripped_notebook_is_as_before(workspace: Path) -> None:
    path = workspace / "notebooks/explore.ipynb"
    before = path.read_text(encoding="utf-8")
    notebook = json.loads(before)
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cell["execution_count"] = 1
    cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": ["1\n"]}]
    notebook["metadata"]["language_info"] = {"name": "python", "version": "3.11.7"}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    failing(workspace, ".venv/bin/pre-commit", "run", "nbstripout", "--files", "notebooks/explore.ipynb")
    assert path.read_text(encoding="utf-8") == before


@pytest.mark.nightly
def test_commit_is_refused_without_an_activated_environment(hooked: Path) -> None:
    (hooked / "new.yaml").write_text("a: [1\n", encoding="utf-8")
    run("git", "add", "new.yaml", cwd=hooked)
    output = failing(hooked, "env", "PATH=/usr/bin:/bin", "git", "commit", "-m", "Bad")
    assert "hook id: check-yaml" in output
    assert "not found" not in output


def test_data_follow_checkout_and_push(hooked: Path) -> None:
    table = hooked / "data/extra.csv"
    for content in ("a\n1\n", "a\n2\n"):
        table.write_text(content, encoding="utf-8")
        run(".venv/bin/dvc", "add", "--quiet", "data/extra.csv", cwd=hooked)
        run("git", "add", "data/extra.csv.dvc", "data/.gitignore", cwd=hooked)
        run("git", "commit", "--quiet", "--no-verify", "-m", content[2], cwd=hooked)
    run("git", "checkout", "--quiet", "-b", "before", "HEAD~1", cwd=hooked)
    assert table.read_text(encoding="utf-8") == "a\n1\n"

    remote = hooked.parent / "remote.git"
    run("git", "init", "--quiet", "--bare", str(remote), cwd=hooked)
    run("git", "push", "--quiet", str(remote), "before", cwd=hooked)
    (digest,) = [out["md5"] for out in yaml.safe_load((hooked / "data/extra.csv.dvc").read_text())["outs"]]
    assert (hooked / ".store/dvc/files/md5" / digest[:2] / digest[2:]).read_text(encoding="utf-8") == "a\n1\n"


@pytest.mark.nightly
def test_branch_that_holds_no_project_can_be_committed_to(hooked: Path) -> None:
    """As the branch that keeps the state: git runs the same hooks in all work trees of a repository."""
    tree = hooked.parent / "tree"
    run("git", "worktree", "add", "--quiet", "-b", "store", str(tree), cwd=hooked)
    run("git", "rm", "--quiet", "-r", ".", cwd=tree)
    run("git", "commit", "--quiet", "-m", "Empty", cwd=tree)
    assert run("git", "ls-files", cwd=tree) == ""


def test_hooks_of_others_are_left_alone(workspace: Path) -> None:
    (workspace / ".git/hooks/pre-commit").unlink(missing_ok=True)
    run("git", "config", "core.hooksPath", "/somewhere", cwd=workspace)
    assert "no git hooks" in run("make", "hooks", cwd=workspace)
    assert not (workspace / ".git/hooks/pre-commit").exists()
    run("git", "config", "--unset", "core.hooksPath", cwd=workspace)
    (workspace / ".git").rename(workspace.parent / ".git")  # part of a larger repository
    assert "no git hooks" in run("make", "hooks", cwd=workspace)
    assert not (workspace.parent / ".git/hooks/pre-commit").exists()
