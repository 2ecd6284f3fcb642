"""GitHub, asked through its own program `gh`, which finds address and token."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..common.errors import ProjectError
from ..store.git import git

DEFAULT = "main"  # the branch that says what is approved
BODY = 60_000  # characters; GitHub refuses more than 65,536


def note(variable: str, text: str) -> bool:
    """Append *text* to the file that a workflow names in an environment variable; return False outside of one."""
    name = os.environ.get(variable)
    if name:
        with Path(name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return bool(name)


def repository() -> str:
    """Return owner/name; inside a workflow the environment says it, elsewhere gh finds it from the remote."""
    return os.environ.get("GITHUB_REPOSITORY") or "{owner}/{repo}"


def api(path: str, method: str = "GET", body: Any = None, missing: tuple[str, ...] = ()) -> Any:
    """Return what GitHub answers to a request below the repository, None where it says one of *missing*.

    Raises ProjectError with its answer otherwise.
    """
    words = ["--method", method] + (["--input", "-"] if body is not None else [])
    done = _ask(path, *words, given=None if body is None else json.dumps(body).encode())
    said = (done.stderr + done.stdout).decode(errors="replace").strip()
    if done.returncode and any(text in said for text in missing):
        return None
    if done.returncode:
        raise ProjectError(f"GitHub refuses {method} {path}: {said}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def download(path: str) -> bytes:
    """Return the file at a path below the repository; raises ProjectError where it is not given."""
    done = _ask(path)
    if done.returncode:
        raise ProjectError(f"GitHub does not give {path}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _ask(path: str, *words: str, given: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
    if not shutil.which("gh"):
        raise ProjectError("gh, GitHub's command-line program, is not installed: https://cli.github.com")
    return subprocess.run(["gh", "api", f"repos/{repository()}{path}", *words], input=given, capture_output=True)


def propose(branch: str, title: str, body: str) -> str:
    """Open a pull request of a pushed branch into main, or change the one that is open; return its address.

    Its checks are started here: what a workflow's own token pushes starts none, except by an explicit dispatch.
    """
    owner = repository().partition("/")[0]
    opened = api(f"/pulls?state=open&base={DEFAULT}&head={quote(f'{owner}:{branch}', safe=':{}')}")
    said = {"title": title, "body": body[:BODY]}
    if opened:
        made = api(f"/pulls/{opened[0]['number']}", "PATCH", said)
    else:
        made = api("/pulls", "POST", {**said, "head": branch, "base": DEFAULT})
    check(branch)
    return str(made["html_url"])


def check(branch: str) -> None:
    """Start the required checks on the head of *branch*."""
    for workflow in ("ci.yml", "train.yml"):
        api(f"/actions/workflows/{workflow}/dispatches", "POST", {"ref": branch})


def merged() -> list[dict[str, Any]]:
    """Return the pull requests that the commit of this workflow belongs to, or was merged by; none outside of one."""
    commit = os.environ.get("GITHUB_SHA")
    return (api(f"/commits/{commit}/pulls", missing=("No commit found",)) if commit else None) or []


def comment(number: int, marker: str, body: str) -> None:
    """Write a comment that begins with *marker* below a pull request, or change the one that is there."""
    text = body if body.startswith(marker) else f"{marker}\n{body}"
    page = 1
    while found := api(f"/issues/{number}/comments?per_page=100&page={page}"):
        for one in found:
            if one["body"].startswith(marker) and one["user"]["login"].endswith("[bot]"):
                api(f"/issues/comments/{one['id']}", "PATCH", {"body": text[:BODY]})
                return
        page += 1
    api(f"/issues/{number}/comments", "POST", {"body": text[:BODY]})


def fetch() -> None:
    """Bring main and all tags of the models."""
    git("fetch", "--quiet", "--force", "origin", f"+refs/heads/{DEFAULT}:refs/remotes/origin/{DEFAULT}",
        "+refs/tags/model/*:refs/tags/model/*")  # fmt: skip
