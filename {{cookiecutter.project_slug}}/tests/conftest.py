"""What the tests share: the contract, and rows of the table or, where its source is not at hand, made-up ones."""

from pathlib import Path

import pandas as pd
import pytest

from mlgitops import testing
from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params


@pytest.fixture(scope="session")
def contract() -> Contract:
    """Return contract.yaml with the features of features.py."""
    return Contract.of_project()


@pytest.fixture(scope="session")
def params() -> Params:
    """Return params.yaml."""
    return Params.load(Path("params.yaml"))


@pytest.fixture(scope="session")
def table(params: Params) -> pd.DataFrame:
    """Return the whole table as delivered; a test is skipped where its source is not at hand, such as a database."""
    source = Path(params.ingest.source)
    try:
        return testing.delivered(source)
    except ProjectError as error:
        if source.suffix == ".py":
            raise
        pytest.skip(f"the table is not at hand: {error.message}")


@pytest.fixture(scope="session")
def rows(table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return a sample of the table with the contract's types."""
    return testing.sample(table, contract, 4000)


@pytest.fixture(scope="session")
def synthetic(contract: Contract) -> pd.DataFrame:
    """Return rows that keep the contract, made up, with a target that follows from nothing."""
    return testing.synthetic(contract, 300)
