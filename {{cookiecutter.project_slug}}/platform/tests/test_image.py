"""Which image runs where, and what is in it: nothing is built here."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers import contracts, models

from mlgitops.common.errors import ProjectError
from mlgitops.image import bento, command, engine, overlay

PIN = f"registry.example.org/team/model@sha256:{'ab' * 32}"
OVERLAY = f"""resources: [../../base]
images: # `make promote` changes these lines
  - name: scoring
    newName: localhost/model
    digest: {overlay.NO_DIGEST}
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose overlays run nothing yet, as the current folder."""
    models.write_project(tmp_path, contracts.example())
    for name in overlay.ENVIRONMENTS:
        path = tmp_path / overlay.OVERLAYS / name / overlay.OVERLAY_FILE
        path.parent.mkdir(parents=True)
        path.write_text(OVERLAY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_pinning_an_image_changes_two_lines_and_is_shown(checkout: Path) -> None:
    path = checkout / "deploy/overlays/staging/kustomization.yaml"
    before = path.read_text(encoding="utf-8").splitlines()
    assert CliRunner().invoke(overlay.main, ["pin", "staging", PIN]).exit_code == 0
    after = path.read_text(encoding="utf-8").splitlines()
    assert len(before) == len(after)
    assert sum(one != other for one, other in zip(before, after, strict=True)) == 2
    assert CliRunner().invoke(overlay.main, ["show", "staging"]).output == f"{PIN}\n"
    assert PIN not in CliRunner().invoke(overlay.main, ["show", "production"]).output


@pytest.mark.parametrize("name", ["model:latest", "model", f"model@sha256:{'ab' * 31}", f"mod el@sha256:{'ab' * 32}"])
def test_an_image_without_a_digest_is_not_pinned(name: str, checkout: Path) -> None:
    done = CliRunner().invoke(overlay.main, ["pin", "production", name])
    assert done.exit_code == 1
    assert "write name@sha256:" in done.output
    assert (checkout / "deploy/overlays/production/kustomization.yaml").read_text(encoding="utf-8") == OVERLAY


@pytest.mark.usefixtures("checkout")
def test_what_was_not_built_is_neither_pushed_nor_pinned() -> None:
    for main, words in ((command.main, ["push"]), (overlay.main, ["pin", "staging"])):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 1
        assert re.search(r"no image was (built|pushed) yet: run `make [\w-]+`", done.output)


def test_an_image_that_no_registry_is_named_for_is_not_pushed(checkout: Path) -> None:
    (checkout / "build").mkdir()
    (checkout / "build/image.json").write_text('{"name": "localhost/model:v1"}', encoding="utf-8")
    done = CliRunner().invoke(command.main, ["push"])
    assert done.exit_code == 1
    assert "IMAGE_REPOSITORY" in done.output


def test_an_engine_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGE_ENGINE", "no-such-engine")
    with pytest.raises(ProjectError, match="no-such-engine"):
        engine.Engine.find()


def test_what_the_image_runs_imports_nothing_but_the_packages_for_serving() -> None:
    about = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    extra = about["project"]["optional-dependencies"]["serving"]
    names = {re.split(r"[^\w-]", line)[0].lower().replace("-", "_") for line in extra}
    brought = {"_bentoml_impl", "bentoml_cli", "pydantic_core", "typing_extensions", "uvicorn", "yaml"}  # by those
    allowed = names | brought | sys.stdlib_module_names
    modules = bento.modules(*bento.ENTRIES)
    here = {path.relative_to(bento.PACKAGE).as_posix() for path in modules}
    assert {"__init__.py", "model/scorer.py", "serving/__init__.py", "serving/app.py", "serving/serve.py"} < here
    assert {name.partition("/")[0] for name in here} == {
        "__init__.py",
        "common",
        "contract",
        "data",
        "model",
        "serving",
    }
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            wanted = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                wanted = [str(node.module)]
            assert {one.partition(".")[0] for one in wanted} <= allowed, path
