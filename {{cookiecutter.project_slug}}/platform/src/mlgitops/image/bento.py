"""Packs an exported model, and the code that answers with it, as a Bento: what the scoring image holds."""

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

PACKAGE = Path(__file__).parents[1]
ENTRIES = ("serving.bento", "serving.serve")  # what the image runs
TEMPLATE = re.compile(r'"([\w/]+\.(?:html\.j2|css|js))"')  # as `common.html` names one: by its path in the package


def pack(model: Path, labels: dict[str, str], created: int, docker: dict[str, str], folder: Path) -> None:
    """Make *folder* the Bento of the exported *model*; the same arguments give the same bytes.

    BentoML would resolve the packages anew, without hashes, and note the index that it asked, credentials included. So
    it is handed the lines of uv.lock. It imports what was gathered: what is missing shows here.
    """
    with tempfile.TemporaryDirectory() as scratch:
        source, home = Path(scratch) / "source", Path(scratch) / "bentoml"
        _gather(model, source)
        files.write(source / "requirements.txt", locked())
        files.write(source / "bentofile.yaml", _bentofile(labels, docker))
        path = f"{Path(_uv()).parent}{os.pathsep}{os.environ['PATH']}"  # without an uv there, it would install one
        own = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": str(source), "PATH": path}
        run(sys.executable, "-m", "bentoml", "build", "--version", labels["version"], cwd=source, environment=own)
        (built,) = (home / "bentos").glob("*/*/")
        shutil.copy(source / "requirements.txt", built / "env" / "python" / "requirements.txt")
        said = yaml.safe_load((built / "bento.yaml").read_text(encoding="utf-8"))
        said["creation_time"] = datetime.fromtimestamp(created, UTC)
        files.write(built / "bento.yaml", yaml.safe_dump(said, allow_unicode=True, sort_keys=False))
        shutil.copytree(built, folder)


def _bentofile(labels: dict[str, str], docker: dict[str, str]) -> str:
    wanted = {
        "service": f"{PACKAGE.name}.serving.bento:Scoring",
        "labels": labels,
        "description": f"Scores rows with version {labels['version']} of the model.\n",
        "include": [f"{PACKAGE.name}/**", "models/**"],
        "docker": docker,
        "python": {"requirements_txt": "requirements.txt", "lock_packages": False},
    }
    return yaml.safe_dump(wanted, allow_unicode=True)


def _gather(model: Path, source: Path) -> None:
    """Copy to *source* the model and the files of this package that serving needs, and no other."""
    shutil.copytree(model, source / "models" / "export")
    code = modules(*ENTRIES)
    for path in [*code, *templates(code)]:
        copy = source / PACKAGE.name / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def modules(*entries: str) -> list[Path]:
    """Return the files of the modules *entries* of this package, and of those that they import, directly or not."""
    found: set[Path] = set()
    waiting = [PACKAGE.joinpath(*entry.split(".")).with_suffix(".py") for entry in entries]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        waiting += [folder / "__init__.py" for folder in path.parents if folder.is_relative_to(PACKAGE)]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                named = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
                places = [named.with_suffix(".py"), *(named / f"{alias.name}.py" for alias in node.names)]
                waiting += [place for place in places if place.is_file()]
    return sorted(found)


def templates(code: list[Path]) -> list[Path]:
    """Return the templates, style sheets and scripts that *code* names, and those that these name, directly or not."""
    found: set[Path] = set()
    waiting = list(code)
    while waiting:
        names = TEMPLATE.findall(waiting.pop().read_text(encoding="utf-8"))
        new = {path for name in names if (path := PACKAGE / name).is_file()} - found
        found |= new
        waiting += new
    return sorted(found)


def uv(*words: str) -> str:
    """Return what uv prints; raises ProjectError with what it says where it fails."""
    return run(_uv(), *words)


def _uv() -> str:
    own = root() / ".uv" / "bin" / "uv"  # which `make setup` makes where the machine has none
    program = os.environ.get("UV") or shutil.which("uv") or (str(own) if own.is_file() else None)
    if not program:
        raise ProjectError("uv is not on PATH: run `make setup`, or install uv")
    return program


def locked() -> str:
    """Return what uv.lock names for serving, one package with its hashes after the other."""
    return uv("export", "--frozen", "--only-group", "serving", "--no-emit-workspace", "--no-header", "--no-annotate")


def install(folder: Path, python: str, machine: str) -> None:
    """Put the packages for serving into *folder*, for Linux with that version of Python, whatever runs here."""
    requirements = folder.with_name("requirements.txt")
    files.write(requirements, locked())
    chosen = ["--python-version", python, "--python-platform", f"{machine}-manylinux_2_28", "--only-binary", ":all:"]
    checked = ["--require-hashes", "--no-deps", "--requirement", str(requirements)]
    uv("pip", "install", "--quiet", "--target", str(folder), *chosen, *checked)
