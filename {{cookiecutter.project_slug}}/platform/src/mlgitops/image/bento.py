"""Packs an exported model and the serving code as a Bento, the content of the scoring image."""

import ast
import os
import re
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import yaml

from ..common import files
from ..common.errors import ProjectError
from ..common.process import run
from ..common.project import root
from ..model.scorer import EVALUATED

PACKAGE = Path(__file__).parents[1]
ENTRIES = ("serving.bento", "serving.serve")  # modules that the image runs
TEMPLATE = re.compile(r'"([\w/]+\.(?:html\.j2|css|js))"')  # a path in this package, as `common.html` names templates


def pack(model: Path, labels: dict[str, str], created: int, docker: dict[str, str], folder: Path) -> None:
    """Write the Bento of the exported *model* to *folder*; equal arguments give identical bytes.

    BentoML would resolve the packages again, without hashes, and record the URL of the index with its credentials, so
    it gets the packages of uv.lock instead. The build imports the gathered code and fails if a file is missing.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, home = Path(scratch) / "source", Path(scratch) / "bentoml"
        _gather(model, source)
        files.write(source / "requirements.txt", locked())
        files.write(source / "bentofile.yaml", _bentofile(labels, docker))
        path = f"{Path(uv_program()).parent}{os.pathsep}{os.environ['PATH']}"  # otherwise BentoML would install uv
        env = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(source), "PATH": path}
        run(sys.executable, "-m", "bentoml", "build", "--version", labels["version"], cwd=source, environment=env)
        (built,) = (home / "bentos").glob("*/*/")
        shutil.copy(source / "requirements.txt", built / "env" / "python" / "requirements.txt")
        metadata = yaml.safe_load((built / "bento.yaml").read_text(encoding="utf-8"))
        metadata["creation_time"] = datetime.fromtimestamp(created, UTC)
        files.write(built / "bento.yaml", yaml.safe_dump(metadata, allow_unicode=True, sort_keys=False))
        shutil.copytree(built, folder)


def _bentofile(labels: dict[str, str], docker: dict[str, str]) -> str:
    bentofile = {
        "service": f"{PACKAGE.name}.serving.bento:Scoring",
        "labels": labels,
        "description": f"Scores rows with version {labels['version']} of the model.\n",
        "include": [f"{PACKAGE.name}/**", "models/**"],
        "docker": docker,
        "python": {"requirements_txt": "requirements.txt", "lock_packages": False},
    }
    return yaml.safe_dump(bentofile, allow_unicode=True)


def _gather(model: Path, source: Path) -> None:
    """Copy the model and only those files of this package that serving needs to *source*."""
    shutil.copytree(model, source / "models" / "export", ignore=shutil.ignore_patterns(EVALUATED))
    code = modules(*ENTRIES)
    for path in [*code, *templates(code)]:
        copy = source / PACKAGE.name / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def modules(*entries: str) -> list[Path]:
    """Return the files of the modules *entries* and of all their direct and indirect imports in this package."""
    visited: set[Path] = set()
    queue = [PACKAGE.joinpath(*entry.split(".")).with_suffix(".py") for entry in entries]
    while queue:
        path = queue.pop()
        if path in visited:
            continue
        visited.add(path)
        queue += [folder / "__init__.py" for folder in path.parents if folder.is_relative_to(PACKAGE)]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                target = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                candidates = [target.with_suffix(".py"), *(target / f"{alias.name}.py" for alias in node.names)]
                queue += [candidate for candidate in candidates if candidate.is_file()]
    return sorted(visited)


def templates(code: list[Path]) -> list[Path]:
    """Return the templates, style sheets and scripts that *code* names directly or indirectly."""
    visited: set[Path] = set()
    queue = list(code)
    while queue:
        names = TEMPLATE.findall(queue.pop().read_text(encoding="utf-8"))
        new = {path for name in names if (path := PACKAGE / name).is_file()} - visited
        visited |= new
        queue += new
    return sorted(visited)


def uv(*arguments: str) -> str:
    """Run uv and return its output; raises ProjectError with its error message if it fails."""
    return run(uv_program(), *arguments)


def uv_program() -> str:
    """Return the uv of this machine; raises ProjectError if there is none."""
    local = root() / ".uv" / "bin" / "uv"  # `make setup` installs it here if the machine has no uv
    program = os.environ.get("UV") or shutil.which("uv") or (str(local) if local.is_file() else None)
    if not program:
        raise ProjectError("uv is not on PATH: run `make setup`, or install uv")
    return program


def locked() -> str:
    """Return the requirements of the group serving in uv.lock, with hashes."""
    return uv("export", "--frozen", "--only-group", "serving", "--no-emit-workspace", "--no-header", "--no-annotate")


def install(folder: Path, python: str, machine: str) -> None:
    """Install the packages for serving into *folder*, for Linux and the given Python version, on any host."""
    requirements = folder.with_name("requirements.txt")
    files.write(requirements, locked())
    platform = ["--python-version", python, "--python-platform", f"{machine}-manylinux_2_28", "--only-binary", ":all:"]
    verified = ["--require-hashes", "--no-deps", "--requirement", str(requirements)]
    uv("pip", "install", "--quiet", "--target", str(folder), *platform, *verified)
