"""The deploy key that alone may create the tags model/v*: a secret of an environment to which only main deploys."""

import shutil
import tempfile
from pathlib import Path

from ..common.errors import ProjectError
from ..common.process import run
from ..common.project import root
from . import api

ENVIRONMENT, SECRET, TITLE = "release", "RELEASE_KEY", "release: creates the tags model/v*"


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
    return f"deploy key {TITLE!r}: created; environment {ENVIRONMENT} has it as the secret {SECRET}"
