"""No project can have a name that hides a package of its environment, whatever storage it uses."""

import json
import runpy
import sys
import tomllib
from pathlib import Path

import pytest
from helpers.support import CHOICES, TEMPLATE, bake, representatives, run

HOOK = runpy.run_path(str(TEMPLATE / "hooks/pre_gen_project.py"))
IMPORTABLE = "import importlib.metadata, json; print(json.dumps(list(importlib.metadata.packages_distributions())))"


def free(names: set[str]) -> list[str]:
    """Return which of the names a project's package may have."""
    return sorted(name for name in names if HOOK["refuse_package"](name) is None)


def test_every_package_that_an_environment_imports_is_refused(baked: Path) -> None:
    importable = set(json.loads(run(str(baked / ".venv/bin/python"), "-c", IMPORTABLE, cwd=baked)))
    assert len(importable) > 100
    assert free(importable - {baked.name.replace("-", "_")}) == []


@pytest.mark.parametrize("storage", representatives(CHOICES["storage"], "git"))
def test_every_package_that_is_locked_is_refused(storage: str, tmp_path: Path) -> None:
    project = bake(tmp_path, storage=storage)
    run("uv", "lock", "--quiet", cwd=project)
    lock = tomllib.loads((project / "uv.lock").read_text(encoding="utf-8"))
    locked = [package["name"] for package in lock["package"]]
    names = {name.replace("-", "_").replace(".", "_") for name in locked} - sys.stdlib_module_names
    assert len(names) > 100
    assert free(names) == ["flight_delays"]
    assert [name for name in locked if HOOK["refuse_slug"](name) is None] == ["flight-delays"]
