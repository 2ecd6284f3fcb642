"""GitHub, asked through its own program `gh`, which finds address and token."""

import json
import os
import shutil
import subprocess
from typing import Any
from urllib.parse import quote

from ..config import ProjectError
from ..git import git

DEFAULT = "main"  # the branch that says what is approved
BODY = 60_000  # characters; GitHub refuses more than 65,536
ALREADY = "already exists"


def repository() -> str:
    """Return owner/name; inside a workflow the environment says it, elsewhere gh finds it from the remote."""
    return os.environ.get("GITHUB_REPOSITORY") or "{owner}/{repo}"


def api(path: str, method: str = "GET", body: Any = None, missing: tuple[str, ...] = ()) -> Any:
    """Return what GitHub answers to a request below the repository, None where it says one of *missing*.

    Raises ProjectError with its answer otherwise.
    """
    if not shutil.which("gh"):
        raise ProjectError("gh, GitHub's command-line program, is not installed: https://cli.github.com")
    command = ["gh", "api", "--method", method, f"repos/{repository()}{path}"]
    command += ["--input", "-"] if body is not None else []
    text = None if body is None else json.dumps(body)
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8")
    if done.returncode:
        said = (done.stderr + done.stdout).strip()
        if any(text in said for text in missing):
            return None
        raise ProjectError(f"GitHub refuses {method} {path}: {said}")
    return json.loads(done.stdout) if done.stdout.strip() else None


def pull_request(branch: str, title: str, body: str) -> str:
    """Open a pull request of *branch* into main, or change the one that is open; return its address."""
    owner = repository().partition("/")[0]
    opened = api(f"/pulls?state=open&base={DEFAULT}&head={quote(f'{owner}:{branch}')}")
    said = {"title": title, "body": body[:BODY]}
    if opened:
        return str(api(f"/pulls/{opened[0]['number']}", "PATCH", said)["html_url"])
    return str(api("/pulls", "POST", {**said, "head": branch, "base": DEFAULT})["html_url"])


def propose(branch: str, title: str, body: str) -> str:
    """Open a pull request of a branch that was pushed with the workflow's own token, and start its checks.

    What such a token pushes starts no workflow, except by an explicit dispatch.
    """
    url = pull_request(branch, title, body)
    check(branch)
    return url


def check(branch: str) -> None:
    """Start the required checks on the head of *branch*."""
    for workflow in ("ci.yml", "train.yml"):
        api(f"/actions/workflows/{workflow}/dispatches", "POST", {"ref": branch})


def pulls_of(commit: str) -> list[dict[str, Any]]:
    """Return the pull requests that a commit belongs to, or was merged by."""
    found: list[dict[str, Any]] = api(f"/commits/{commit}/pulls", missing=("No commit found",)) or []
    return found


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
