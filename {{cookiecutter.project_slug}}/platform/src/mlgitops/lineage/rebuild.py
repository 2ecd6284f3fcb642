"""Makes the model of a version again, from its commit and its data, and compares every file byte for byte.

It runs in a checkout and an environment of its own: neither the run cache of DVC nor the history in MLflow is read or
changed. The data is not read from its source again, which may have changed; DVC has it by its digest.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..common.process import run
from ..common.project import root
from ..common.provenance import short
from ..github import api
from ..image.bento import uv_program
from ..registry.versions import RAW
from . import command
from .checkout import checkout, commit_of, outputs
from .origin import Origin

FIRST = "validate"  # the first stage that runs again; the one before it reads the source
SETTINGS = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "DVC_NO_ANALYTICS": "true"}  # as in the Makefile
# of this environment: other packages, and servers that would record the run and the search
FOREIGN = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH", "MLFLOW_TRACKING_URI", "OPTUNA_STORAGE")
REMOTE = re.compile(r"remote\..+\.url")


@dataclass(frozen=True)
class Output:
    """A file or folder of the pipeline: its digest in the version, and that of the one that was made again."""

    path: str
    recorded: str
    rebuilt: str | None

    @property
    def equal(self) -> bool:
        """Return whether the bytes are the same."""
        return self.recorded == self.rebuilt


def compare(recorded: dict[str, str], rebuilt: dict[str, str]) -> tuple[Output, ...]:
    """Return each output that a version has recorded, with what was made again."""
    return tuple(Output(path, digest, rebuilt.get(path)) for path, digest in recorded.items())


def rebuild(origin: Origin, folder: Path) -> tuple[Output, ...]:
    """Run the pipeline again in *folder*, a checkout of the version's commit, and compare all outputs."""
    recorded = outputs((folder / "dvc.lock").read_text(encoding="utf-8"))
    _uv(folder, "sync", "--frozen", "--quiet")
    _find_data(folder)
    _dvc(folder, "pull", "--quiet", RAW)
    _dvc(folder, "repro", "--force", "--no-run-cache", "--downstream", FIRST)
    rebuilt = outputs((folder / "dvc.lock").read_text(encoding="utf-8"))
    return compare(recorded | origin.files, rebuilt)


def _find_data(folder: Path) -> None:
    """Let DVC of the checkout take the data from the cache of the project, or else from its storage."""
    local, md5 = root() / ".dvc" / "config.local", outputs((folder / "dvc.lock").read_text(encoding="utf-8"))[RAW]
    if local.is_file():
        (folder / ".dvc" / "config.local").write_bytes(local.read_bytes())
    for line in own_dvc("config", "--list").splitlines():
        name, _, address = line.partition("=")
        if REMOTE.fullmatch(name) and "://" not in address:  # a path, which DVC shows as an absolute one
            _dvc(folder, "config", "--local", name, address)
    cache = Path(own_dvc("cache", "dir").strip())
    if (cache / "files" / "md5" / md5[:2] / md5[2:]).is_file():
        _dvc(folder, "remote", "add", "--local", "--default", "--force", "project-cache", str(cache))


def own_dvc(*arguments: str) -> str:
    """Run DVC in the project itself, and return its output."""
    return run(sys.executable, "-m", "dvc", *arguments, cwd=root())


def _dvc(folder: Path, *arguments: str) -> None:
    _uv(folder, "run", "--no-sync", "dvc", *arguments)


def _uv(folder: Path, *arguments: str) -> None:
    run(uv_program(), *arguments, cwd=folder, environment=SETTINGS | dict.fromkeys(FOREIGN, ""))


def text(origin: Origin, result: tuple[Output, ...]) -> str:
    """Return the comparison, a line for each output, and the conclusion as the last one."""
    lines = [f"{'equal' if output.equal else 'DIFFERS':8} {output.recorded:36} {output.path}" for output in result]
    different = sum(not output.equal for output in result)
    conclusion = f"{different} of {len(result)} outputs differ" if different else f"all {len(result)} outputs are equal"
    return "\n".join([*lines, f"version {origin.version}, made again from its commit and data: {conclusion}"])


@click.command()
@click.argument("version")
def main(version: str) -> None:
    """Make the model of VERSION again from its commit and its data, and compare it byte for byte.

    VERSION is anything that `lineage` takes. Another processor or system may round differently; on the same kind of
    machine, every byte is the same.
    """
    matches = command.find(version, command.known(), command.place())
    if len(matches) != 1:
        raise ProjectError(f"{version} is of the versions {', '.join(each.version for each in matches)}: name one")
    (origin,) = matches
    commit = commit_of(origin)
    click.echo(f"version {origin.version}: running the pipeline of commit {short(commit)} in a checkout of its own")
    with checkout(commit) as folder:
        result = rebuild(origin, folder)
    report = text(origin, result)
    api.note("GITHUB_STEP_SUMMARY", f"```\n{report}\n```\n")
    click.echo(report)
    if not all(output.equal for output in result):
        raise click.exceptions.Exit(1)
