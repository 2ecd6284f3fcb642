"""The rows that the service shows to callers: synthetic ones by default, because golden rows are real rows."""

import json
from dataclasses import dataclass
from typing import Any

from ..common.errors import ProjectError
from ..contract.synthetic import example_rows
from ..model.scorer import Scorer
from .request import RequestParser

NUMBER = 10


@dataclass(frozen=True)
class Examples:
    """Rows as a caller sends them, and their answers, if the model has any."""

    rows: list[dict[str, Any]]
    answers: list[dict[str, Any]]


def synthetic(scorer: Scorer) -> Examples:
    """Return rows that satisfy the contract; without answers if a function of features.py fails for them."""
    rows = example_rows(scorer.contract, NUMBER)
    columns, _ = RequestParser(scorer.contract, NUMBER).read(json.dumps(rows).encode())
    try:
        return Examples(rows, scorer.answers(columns))
    except ProjectError:
        return Examples(rows, [])


def golden(reference: dict[str, Any]) -> Examples:
    """Return the rows of golden.json."""
    return Examples(reference["rows"], reference["answers"])
