"""A project runs on every Python that it allows, and its model and its reports are the same bytes on each."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.support import GENERATED, run

pytestmark = pytest.mark.nightly

ABOUT = (GENERATED / "pyproject.toml").read_text(encoding="utf-8")
LOWEST, BEYOND = map(int, re.findall(r'(?m)^requires-python = ">=3\.(\d+),<3\.(\d+)"$', ABOUT)[0])
OTHERS = [f"3.{minor}" for minor in range(LOWEST, BEYOND) if minor != sys.version_info.minor]
MADE = ("data/*.parquet", "models/**/*", "reports/*.json", "reports/plots/*")
MANIFEST = "models/export/manifest.json"


def interpreter(version: str) -> str:
    """Return a Python of this machine, or the version, which uv then installs."""
    paths = [Path(shutil.which(f"python{version}") or "")]
    paths += sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}"))
    asked = ("-c", "import sys; print(sys.version_info[:2])")  # a shim of pyenv may be there without what it starts
    runs = [p for p in paths if p.is_file() and not subprocess.run([p, *asked], capture_output=True).returncode]
    return str(runs[0]) if runs else version


def contents(project: Path) -> dict[str, bytes]:
    """Return the files that the pipeline of *project* has made."""
    paths = (path for pattern in MADE for path in project.glob(pattern) if path.is_file())
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in sorted(paths)}


@pytest.mark.parametrize("version", OTHERS)
def test_another_python_makes_the_same_bytes(version: str, baked: Path, project: Path, tmp_path: Path) -> None:
    work = tmp_path / baked.name
    shutil.copytree(baked, work, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    run("make", "setup", cwd=work, UV_PYTHON=interpreter(version))
    assert run(".venv/bin/python", "--version", cwd=work).startswith(f"Python {version}.")
    run("make", "pipeline", cwd=work)
    mine, theirs = contents(work), contents(project)
    # the manifest names the packages: uv.lock may pin a newer numpy for a newer Python
    manifests = [json.loads(files.pop(MANIFEST)) for files in (mine, theirs)]
    packages = [manifest.pop("packages") for manifest in manifests]
    assert manifests[0] == manifests[1]
    assert packages[0].keys() == packages[1].keys()
    assert {"models/export/model.onnx", "models/trained.onnx", "reports/metrics.json"} < theirs.keys()
    assert [name for name in theirs if mine.get(name) != theirs[name]] == []
    run("make", "review", "register", "smoke", "test", cwd=work)
