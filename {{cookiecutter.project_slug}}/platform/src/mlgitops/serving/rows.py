"""Answers a table as the service answers requests, with its refusals: the half of batch scoring that MLflow shares."""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

from ..contract.contract import Contract
from ..data import frame
from ..model.scorer import Scorer
from .request import Reader, RequestError

PART = 10_000  # rows that are read and answered at once


def answer(scorer: Scorer, rows: pd.DataFrame, first: int = 0) -> list[dict[str, Any]]:
    """Return one answer per row, delivered or typed; raises RequestError, its rows counted from *first*."""
    return scorer.answers(_read(Reader(scorer.contract, len(rows) or 1), frame.records(rows, scorer.contract), first))


def score(scorer: Scorer, rows: pd.DataFrame, first: int = 0) -> pd.DataFrame:
    """Return one answer per row as columns; a row that the service would refuse has the reason in `error` instead."""
    reader, sent = Reader(scorer.contract, len(rows) or 1), frame.records(rows, scorer.contract)
    refused: dict[int, str] = {}
    try:
        columns = _read(reader, sent, first)
    except RequestError:
        for position, row in enumerate(sent):
            try:
                _read(reader, [row], first + position)
            except RequestError as error:
                refused[position] = worded(error)
        kept = [row for position, row in enumerate(sent) if position not in refused]
        columns = _read(reader, kept, first) if kept else {}
    answers = [_flat(one) for one in scorer.answers(columns)] if columns else []
    there = [position for position in range(len(sent)) if position not in refused]
    found = pd.DataFrame(answers, index=there).reindex(index=range(len(sent)), columns=names(scorer.contract))
    found["error"] = pd.Series(refused, dtype="string")
    return found.astype(_types(scorer.contract))


def _read(reader: Reader, rows: list[dict[str, Any]], first: int) -> dict[str, list[Any]]:
    try:
        return reader.read(json.dumps(rows, ensure_ascii=False).encode())[0]
    except RequestError as error:
        details = [one | {"row": one["row"] + first} if one["row"] is not None else one for one in error.details]
        raise RequestError(error.status, error.error, details) from None


def worded(error: RequestError) -> str:
    """Return a refusal as text: which field of which row, and why."""
    return "; ".join(f"row {d['row']}, {d['field']}: {d['message']}" for d in error.details) or error.error


def _flat(answer: dict[str, Any]) -> dict[str, Any]:
    shares = answer.pop("probabilities", {})
    return answer | {f"probability {label}": share for label, share in shares.items()}


def lacking(contract: Contract, there: Iterable[str]) -> list[str]:
    """Return the columns that every row needs, and that are not *there*."""
    known = set(there)
    return [name for name, column in contract.inputs.items() if name not in known and not column.missing]


def names(contract: Contract) -> list[str]:
    """Return the columns of an answer."""
    several = [f"probability {label}" for label in contract.classes] if len(contract.classes) > 2 else []
    return ["prediction", *(["probability"] if len(contract.classes) == 2 else several)]


def _types(contract: Contract) -> dict[str, str]:
    prediction = "float64" if contract.prediction == "number" else contract.prediction
    return dict.fromkeys(names(contract), "float64") | {"prediction": prediction, "error": "string"}
