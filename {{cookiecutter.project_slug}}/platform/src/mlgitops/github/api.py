"""GitHub's REST API, called through the program `gh`, which provides address and token."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..common.errors import ProjectError
from ..store.git import git

DEFAULT = "main"  # the branch of approved models
MAIN = f"origin/{DEFAULT}"  # as it was last fetched
MAX_BODY_CHARS = 60_000  # GitHub's limit is 65,536


def note(variable: str, text: str) -> bool:
    """Append *text* to the file in an environment variable of a workflow; return False outside of a workflow."""
    name = os.environ.get(variable)
    if name:
        with Path(name).open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    return bool(name)


def repository() -> str:
    """Return owner/name in a workflow, or else placeholders, which gh replaces according to the git remote."""
    return os.environ.get("GITHUB_REPOSITORY") or "{owner}/{repo}"


def api(path: str, method: str = "GET", body: Any = None, missing: tuple[str, ...] = ()) -> Any:
    """Send a request to a path below the repository; return the response, or None if it fails with one of *missing*.

    Raises ProjectError with GitHub's message for any other failure.
    """
    options = ["--method", method] + (["--input", "-"] if body is not None else [])
    result = _request(path, *options, stdin=None if body is None else json.dumps(body).encode())
    output = (result.stderr + result.stdout).decode(errors="replace").strip()
    if result.returncode and any(message in output for message in missing):
        return None
    if result.returncode:
        raise ProjectError(f"GitHub rejected {method} {path}: {output}")
    return json.loads(result.stdout) if result.stdout.strip() else None


def download(path: str) -> bytes:
    """Return the content of a file at a path below the repository; raises ProjectError if the download fails."""
    result = _request(path)
    if result.returncode:
        raise ProjectError(f"GitHub rejected the download of {path}: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout


def _request(path: str, *options: str, stdin: bytes | None = None) -> "subprocess.CompletedProcess[bytes]":
    if not shutil.which("gh"):
        raise ProjectError("GitHub CLI (gh) is not installed: see https://cli.github.com")
    return subprocess.run(["gh", "api", f"repos/{repository()}{path}", *options], input=stdin, capture_output=True)


def propose(branch: str, title: str, body: str) -> str:
    """Open a pull request from a pushed branch into main, or update the open one; return its URL.

    Also dispatches its checks, because a push with a workflow's own token does not start them.
    """
    owner = repository().partition("/")[0]
    open_pulls = api(f"/pulls?state=open&base={DEFAULT}&head={quote(f'{owner}:{branch}', safe=':{}')}")
    fields = {"title": title, "body": body[:MAX_BODY_CHARS]}
    if open_pulls:
        pull = api(f"/pulls/{open_pulls[0]['number']}", "PATCH", fields)
    else:
        pull = api("/pulls", "POST", {**fields, "head": branch, "base": DEFAULT})
    check(branch)
    return str(pull["html_url"])


def check(branch: str) -> None:
    """Dispatch the required checks for the head of *branch*."""
    for workflow in ("ci.yml", "train.yml"):
        api(f"/actions/workflows/{workflow}/dispatches", "POST", {"ref": branch})


def merged() -> list[dict[str, Any]]:
    """Return the pull requests of the commit that this workflow runs on; empty outside of a workflow."""
    commit = os.environ.get("GITHUB_SHA")
    return (api(f"/commits/{commit}/pulls", missing=("No commit found",)) if commit else None) or []


def comment(number: int, marker: str, body: str) -> None:
    """Post a comment that starts with *marker* on a pull request, or update the existing one."""
    text = body if body.startswith(marker) else f"{marker}\n{body}"
    page = 1
    while comments := api(f"/issues/{number}/comments?per_page=100&page={page}"):
        for entry in comments:
            if entry["body"].startswith(marker) and entry["user"]["login"].endswith("[bot]"):
                api(f"/issues/comments/{entry['id']}", "PATCH", {"body": text[:MAX_BODY_CHARS]})
                return
        page += 1
    api(f"/issues/{number}/comments", "POST", {"body": text[:MAX_BODY_CHARS]})


def issue(marker: str, title: str, body: str) -> tuple[str, str | None]:
    """Open an issue whose text starts with *marker*, or update the open one.

    Return its URL, and the text that the open one had, or None for a new issue.
    """
    fields, page = {"title": title, "body": body[:MAX_BODY_CHARS]}, 1
    while entries := api(f"/issues?state=open&per_page=100&page={page}"):
        for entry in entries:
            before = entry["body"] or ""
            if before.startswith(marker) and _is_own(entry["user"]["login"]):
                return str(api(f"/issues/{entry['number']}", "PATCH", fields)["html_url"]), before
        page += 1
    return str(api("/issues", "POST", fields)["html_url"]), None


def _is_own(login: str) -> bool:
    """Return whether a text is of a workflow, or of the user whose token this is, as in a cluster."""
    return login.endswith("[bot]") or login == user()


def user() -> str | None:
    """Return the user whose token this is; None for the token of a workflow."""
    if not shutil.which("gh"):
        return None
    result = subprocess.run(["gh", "api", "user", "--jq", ".login"], capture_output=True, encoding="utf-8")
    return None if result.returncode else result.stdout.strip()


def fetch() -> None:
    """Fetch main, with its history, and all tags of models from origin."""
    whole = ["--unshallow"] if git("rev-parse", "--is-shallow-repository") == "true" else []
    git("fetch", "--quiet", "--force", *whole, "origin", f"+refs/heads/{DEFAULT}:refs/remotes/{MAIN}",
        "+refs/tags/model/*:refs/tags/model/*")  # fmt: skip


def on_main(commit: str) -> bool:
    """Return whether a commit is one of main, as it was fetched."""
    return git("merge-base", "--is-ancestor", commit, MAIN, fails=("",)) is not None


def require_main(action: str) -> None:
    """Raise ProjectError in a workflow of another branch than main."""
    ref = os.environ.get("GITHUB_REF") or f"refs/heads/{DEFAULT}"
    if ref != f"refs/heads/{DEFAULT}":
        raise ProjectError(f"{action} runs on {DEFAULT} only, not on {ref}: start the workflow on {DEFAULT}")
