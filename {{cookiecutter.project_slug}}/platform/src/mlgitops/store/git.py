"""Runs git in the project's folder, with the token of the environment if there is one."""

import getpass
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..common.errors import ProjectError
from ..common.project import root
from ..common.provenance import DIRTY
from .paths import store

# the token serves this one command and is not stored
CREDENTIAL_OPTIONS = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")
ENGLISH_MESSAGES = {"LC_ALL": "C"}  # the language of the messages that *fails* is compared with
NO_COMMIT = ("not a git repository", "Needed a single revision", "does not have any commits yet")
UNTRUSTED = "dubious ownership"  # the folder belongs to another user; git's message says how to trust it
HOOK_VARIABLES = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"}  # set by a git hook for its own repository
# how git says that another push came first; every other refusal is the host's decision, with a reason of its own
OVERTAKEN = re.compile(
    r"! \[(?:remote )?rejected\] .*\((?:fetch first|non-fast-forward|stale info|already exists|failed to update ref"
    r"|reference already exists|incorrect old value provided|cannot lock ref (?!.*cannot create).*)\)"
)
Failure = str | re.Pattern[str]


def git(*arguments: str, fails: tuple[Failure, ...] = (), cwd: Path | None = None) -> str | None:
    """Return git's output, or None if it fails with one of the messages *fails*; raises ProjectError otherwise.

    A folder that git does not trust is always an error: its commit would be missing from the lineage.
    """
    login = CREDENTIAL_OPTIONS if os.environ.get("GH_TOKEN") else ()
    email = os.environ.get("GIT_AUTHOR_EMAIL", "git@localhost")
    identity = ("-c", f"user.name={current_user()}", "-c", f"user.email={email}")
    result = _run(*login, *identity, *arguments, cwd=cwd)
    if result.returncode == 0:
        return result.stdout.rstrip("\n")
    expected = any(re.search(re.escape(text) if isinstance(text, str) else text, result.stderr) for text in fails)
    if expected and UNTRUSTED not in result.stderr:
        return None
    verb = next(argument for argument in arguments if not argument.startswith("-") and "=" not in argument)
    raise ProjectError(f"git {verb} failed: {result.stderr.strip()}")


def push_ref(url: str, refspec: str, config: tuple[str, ...] = (), in_store: bool = False) -> bool:
    """Push to *url*; return False if another push came first.

    Raises ProjectError with the host's words if it refuses the push: by a rule, a permission, or a hook.
    """
    run = git_in_store if in_store else git
    return run(*config, "push", "--quiet", url, refspec, fails=(OVERTAKEN,)) is not None


def git_in_store(*arguments: str, fails: tuple[Failure, ...] = ()) -> str | None:
    """Run git on .store, but in the project's folder, because the URL of a remote may be relative to it."""
    folder = [] if arguments[0] == "init" else [f"--git-dir={store() / '.git'}", f"--work-tree={store()}"]
    settings = ("-c", "core.autocrlf=false", "-c", "gc.auto=0", "-c", "commit.gpgSign=false")  # nobody can be asked
    return git(*settings, *folder, *arguments, fails=fails)


@contextmanager
def work_tree(commit: str) -> Iterator[Path]:
    """Yield a work tree of its own at *commit*, in which no file is checked out: uncommitted changes stay untouched."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        git("worktree", "add", "--quiet", "--detach", "--no-checkout", str(tree), commit)
        try:
            git("reset", "--quiet", cwd=tree)
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def current_user() -> str:
    """Return the current user: of GitHub in a workflow, otherwise of git or of the machine."""
    return os.environ.get("GITHUB_ACTOR") or _run("config", "user.name").stdout.strip() or getpass.getuser()


def commit() -> str:
    """Return the current commit, with the suffix -dirty if files were changed; empty without a repository or commit.

    dvc.lock does not count: the pipeline writes it, and the same commit gives the same one.
    """
    head = git("rev-parse", "--verify", "HEAD", fails=NO_COMMIT)
    if not head:
        return ""
    unchanged = git("diff", "--quiet", "HEAD", "--", ":/", ":(exclude)dvc.lock", fails=("",)) is not None
    return head if unchanged else head + DIRTY


def _run(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    env = {key: value for key, value in os.environ.items() if key not in HOOK_VARIABLES} | ENGLISH_MESSAGES
    command, folder = ["git", *arguments], cwd or root()
    try:
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise ProjectError("git is not on PATH: install it") from error
