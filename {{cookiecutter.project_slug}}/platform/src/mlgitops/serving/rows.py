"""Scores a table with the rules of the service, for batch scoring and MLflow."""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from ..contract.contract import Contract
from ..data import frame
from ..model.scorer import Scorer
from .refusal import RequestError
from .request import RequestParser

CHUNK_ROWS = 10_000  # read and scored at once


def answer(scorer: Scorer, rows: pd.DataFrame, first: int = 0) -> list[dict[str, Any]]:
    """Return one answer per row, as delivered or typed; raises RequestError, its rows counted from *first*."""
    parser = RequestParser(scorer.contract, len(rows) or 1)
    return scorer.answers(_read(parser, frame.records(rows, scorer.contract), first))


def score(scorer: Scorer, rows: pd.DataFrame, first: int = 0) -> pd.DataFrame:
    """Return one answer per row as columns; if the service would refuse a row, `error` has the reason instead."""
    parser, sent = RequestParser(scorer.contract, len(rows) or 1), frame.records(rows, scorer.contract)
    refused: dict[int, str] = {}
    try:
        columns = _read(parser, sent, first)
    except RequestError:
        for position, row in enumerate(sent):
            try:
                _read(parser, [row], first + position)
            except RequestError as error:
                refused[position] = describe(error)
        kept = [row for position, row in enumerate(sent) if position not in refused]
        columns = _read(parser, kept, first) if kept else {}
    answers = [_flat(row) for row in scorer.answers(columns)] if columns else []
    accepted = [position for position in range(len(sent)) if position not in refused]
    names = answer_columns(scorer.contract)
    scored = pd.DataFrame(answers, index=accepted).reindex(index=range(len(sent)), columns=names)
    scored["error"] = pd.Series(refused, dtype="string")
    return scored.astype(_types(scorer.contract))


def _read(parser: RequestParser, rows: list[dict[str, Any]], first: int) -> dict[str, list[Any]]:
    try:
        return parser.read(json.dumps(rows, ensure_ascii=False).encode())[0]
    except RequestError as error:
        raise error.shifted(first) from None


def describe(error: RequestError) -> str:
    """Return an error as one line: row, field and reason of each detail."""
    return "; ".join(f"row {d['row']}, {d['field']}: {d['message']}" for d in error.details) or error.error


def _flat(answer: dict[str, Any]) -> dict[str, Any]:
    shares = answer.pop("probabilities", {})
    return answer | {f"probability {label}": share for label, share in shares.items()}


def missing_columns(contract: Contract, present: Iterable[str]) -> list[str]:
    """Return the columns that every row needs and that are not among *present*."""
    names = set(present)
    return [name for name, column in contract.inputs.items() if name not in names and not column.missing]


def answer_columns(contract: Contract) -> list[str]:
    """Return the columns of an answer."""
    probabilities = [f"probability {label}" for label in contract.classes] if len(contract.classes) > 2 else []
    return ["prediction", *contract.ends, *(["probability"] if len(contract.classes) == 2 else probabilities)]


def _types(contract: Contract) -> dict[str, str]:
    prediction = "float64" if contract.prediction == "number" else contract.prediction
    return dict.fromkeys(answer_columns(contract), "float64") | {"prediction": prediction, "error": "string"}
