"""The deploy key that alone may create the tags model/v*: a secret of an environment to which only main deploys."""

import shutil
import tempfile
from pathlib import Path

from ..common.errors import ProjectError
from ..common.process import run
from ..common.project import root
from . import api

ENVIRONMENT, SECRET, TITLE = "release", "RELEASE_KEY", "release: creates the tags model/v*"
WORKFLOW = "release.yml"


def create() -> str:
    """Create the key and its secret unless GitHub has the key; return a message. The secret is kept nowhere else."""
    if TITLE in [key["title"] for key in api.api("/keys?per_page=100")]:
        return f"deploy key {TITLE!r}: exists"
    if not shutil.which("ssh-keygen"):
        raise ProjectError("ssh-keygen is not installed: it makes the key that may create the tags model/v*")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "key"
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", TITLE, "-f", str(path))
        secret, public = path.read_text(encoding="utf-8"), path.with_suffix(".pub").read_text(encoding="utf-8")
    run("gh", "secret", "set", SECRET, "--env", ENVIRONMENT, stdin=secret, cwd=root())
    api.api("/keys", "POST", {"title": TITLE, "key": public.strip(), "read_only": False})
    message = f"deploy key {TITLE!r}: created; environment {ENVIRONMENT} has it as the secret {SECRET}"
    return f"{message}; the run of release that began without it was started again" if _restarted() else message


def _restarted() -> bool:
    """Start `release` again if it is running: a run has the secrets of the time at which it began."""
    answer = api.api(f"/actions/workflows/{WORKFLOW}/runs?branch={api.DEFAULT}&per_page=20", missing=("Not Found",))
    runs = [run["id"] for run in (answer or {"workflow_runs": []})["workflow_runs"] if run["status"] != "completed"]
    for run_id in runs:
        api.api(f"/actions/runs/{run_id}/cancel", "POST", missing=("Cannot cancel",))
    if runs:
        api.api(f"/actions/workflows/{WORKFLOW}/dispatches", "POST", {"ref": api.DEFAULT})
    return bool(runs)
