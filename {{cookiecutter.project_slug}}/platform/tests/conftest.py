"""A small real model of this project's contract, whatever that says."""

from pathlib import Path

import exports
import pytest
from repositories import git

from mlgitops.contract.contract import Contract

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an exported model, trained on example rows of contract.yaml."""
    return exports.exported(Contract.load(ROOT / "contract.yaml"), tmp_path_factory.mktemp("model"))


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """Return a bare repository."""
    git("init", "--quiet", "--bare", "-b", "main", str(tmp_path / "origin.git"), cwd=tmp_path)
    return tmp_path / "origin.git"
