"""Runs git in the project's folder, with the token of the environment if there is one."""

import getpass
import os
import subprocess
from pathlib import Path

from ..common.errors import ProjectError
from ..common.project import root
from .paths import store

# the token serves this one command and is not stored
CREDENTIAL_OPTIONS = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")
ENGLISH_MESSAGES = {"LC_ALL": "C"}  # the language of the messages that *fails* is compared with
NO_COMMIT = ("not a git repository", "bad revision 'HEAD'", "Not a valid object name", "does not have any commits yet")
UNTRUSTED = "dubious ownership"  # the folder belongs to another user; git's message says how to trust it
HOOK_VARIABLES = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"}  # set by a git hook for its own repository


def git(*arguments: str, fails: tuple[str, ...] = (), cwd: Path | None = None) -> str | None:
    """Return git's output, or None if it fails with one of the messages *fails*; raises ProjectError otherwise.

    A folder that git does not trust is always an error: its commit would be missing from the lineage.
    """
    login = CREDENTIAL_OPTIONS if os.environ.get("GH_TOKEN") else ()
    email = os.environ.get("GIT_AUTHOR_EMAIL", "git@localhost")
    identity = ("-c", f"user.name={current_user()}", "-c", f"user.email={email}")
    result = _run(*login, *identity, *arguments, cwd=cwd)
    if result.returncode == 0:
        return result.stdout.rstrip("\n")
    if any(text in result.stderr for text in fails) and UNTRUSTED not in result.stderr:
        return None
    verb = next(argument for argument in arguments if not argument.startswith("-") and "=" not in argument)
    raise ProjectError(f"git {verb} failed: {result.stderr.strip()}")


def git_in_store(*arguments: str, fails: tuple[str, ...] = ()) -> str | None:
    """Run git on .store, but in the project's folder, because the URL of a remote may be relative to it."""
    folder = [] if arguments[0] == "init" else [f"--git-dir={store() / '.git'}", f"--work-tree={store()}"]
    settings = ("-c", "core.autocrlf=false", "-c", "gc.auto=0", "-c", "commit.gpgSign=false")  # nobody can be asked
    return git(*settings, *folder, *arguments, fails=fails)


def current_user() -> str:
    """Return the current user: of GitHub in a workflow, otherwise of git or of the machine."""
    return os.environ.get("GITHUB_ACTOR") or _run("config", "user.name").stdout.strip() or getpass.getuser()


def commit() -> str:
    """Return the current commit, with the suffix -dirty if files were changed; empty without a repository or commit."""
    return git("describe", "--always", "--abbrev=40", "--dirty", "--exclude=*", fails=NO_COMMIT) or ""


def _run(*arguments: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    env = {key: value for key, value in os.environ.items() if key not in HOOK_VARIABLES} | ENGLISH_MESSAGES
    command, folder = ["git", *arguments], cwd or root()
    try:
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8", errors="replace")
    except FileNotFoundError as error:
        raise ProjectError("git is not on PATH: install it") from error
