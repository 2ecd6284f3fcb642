"""Git as this project asks it: in the project's folder, with the token of the environment where there is one."""

import getpass
import os
import subprocess
from pathlib import Path

from ..common.errors import ProjectError
from ..common.project import root
from .paths import store

# a token is used for the address that is asked, and kept nowhere
LOGIN = ("-c", "credential.helper=", "-c", "credential.helper=!gh auth git-credential")
ENGLISH = {"LC_ALL": "C"}  # in which the texts are that a failure is known by
CALLERS = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"}  # what a git hook says of the repository that runs it


def git(*words: str, fails: tuple[str, ...] = (), cwd: Path | None = None) -> str | None:
    """Return what git says, or None where it fails with one of the texts *fails*; raises ProjectError otherwise."""
    login = LOGIN if os.environ.get("GH_TOKEN") else ()
    identity = ("-c", f"user.name={who()}", "-c", f"user.email={os.environ.get('GIT_AUTHOR_EMAIL', 'git@localhost')}")
    done = _run(*login, *identity, *words, cwd=cwd)
    if done.returncode == 0:
        return done.stdout.rstrip("\n")
    if any(text in done.stderr for text in fails):
        return None
    verb = next(word for word in words if not word.startswith("-") and "=" not in word)
    raise ProjectError(f"git {verb} says: {done.stderr.strip()}")


def git_in_store(*words: str, fails: tuple[str, ...] = ()) -> str | None:
    """Return what git says about .store, asked in the project's folder, where an address may be relative."""
    folder = [] if words[0] == "init" else [f"--git-dir={store() / '.git'}", f"--work-tree={store()}"]
    return git("-c", "core.autocrlf=false", "-c", "gc.auto=0", *folder, *words, fails=fails)


def who() -> str:
    """Return the person behind this process: who started the workflow in CI, or the user of git or of the machine."""
    return os.environ.get("GITHUB_ACTOR") or _run("config", "user.name").stdout.strip() or getpass.getuser()


def commit() -> str:
    """Return the git commit of the work tree, with -dirty where it differs; empty outside a repository."""
    return git("describe", "--always", "--abbrev=40", "--dirty", "--exclude=*", fails=("",)) or ""


def _run(*words: str, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    here = {key: value for key, value in os.environ.items() if key not in CALLERS} | ENGLISH
    command, where = ["git", *words], cwd or root()
    return subprocess.run(command, cwd=where, env=here, capture_output=True, encoding="utf-8", errors="replace")
