"""Scores parts of a table by column; predictions and errors equal those of the service, whose reader sees odd rows."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ..contract.column import MISSING, TEMPORAL, WORDS
from ..contract.contract import Contract
from ..data import frame
from ..data.casting import typed
from ..data.encode import timestamps
from ..model.scorer import Scorer
from ..serving.refusal import NOT_FINITE, RequestError, reasons
from ..serving.request import RequestParser
from ..serving.rows import answer_columns
from .inputs import ColumnReader, Inputs
from .reasons import ReasonColumns, spread_over


@dataclass(frozen=True)
class Answers:
    """The columns that scoring adds to a part of a table, and for each refused row its position and the reason."""

    columns: pa.RecordBatch
    refused: dict[int, str]


class TableScorer:
    """Scores parts of tables with one model; several threads may share it."""

    def __init__(self, scorer: Scorer, reasons: int = 0) -> None:
        """Score with *scorer*, with so many *reasons* for each prediction; raises ProjectError if it has none."""
        self.scorer, self.contract = scorer, scorer.contract
        self._reasons = ReasonColumns(scorer, reasons)
        self.reader = ColumnReader(scorer.contract)
        self._parser = RequestParser(scorer.contract, max_rows=1)

    def score(self, part: pa.RecordBatch) -> Answers:
        """Return one answer per row: predictions, or the `error` with which the service would refuse the row."""
        inputs = self.reader.read(part)
        kept, refused = inputs.sure.copy(), dict[int, str]()
        arrays = {name: values.array for name, values in inputs.values.items()}
        if not kept.all():
            odd = np.flatnonzero(~kept)
            accepted, refused = self._read(odd, self._sent(part, inputs, odd))
            kept[list(accepted)] = True
            arrays = _merged(arrays, accepted, self.contract) if accepted else arrays
        if refused:
            arrays = {name: array[kept] for name, array in arrays.items()}
        predicted = self.scorer.predict(arrays) if kept.any() else None
        if predicted is not None and not (finite := _finite(predicted)).all():
            refused |= dict.fromkeys(np.flatnonzero(kept)[~finite].tolist(), NOT_FINITE)
            kept[np.flatnonzero(kept)[~finite]] = False
            arrays = {name: array[finite] for name, array in arrays.items()}
            predicted = predicted[finite] if finite.any() else None
        answered = _columns(self.scorer, predicted, kept, refused)
        return Answers(self._reasons.added(answered, arrays, predicted, kept), refused)

    def _sent(self, part: pa.RecordBatch, inputs: Inputs, odd: np.ndarray) -> list[dict[str, Any]]:
        """Return the rows at *odd* positions as a caller of the service would send them."""
        columns = {}
        for name, column in self.contract.inputs.items():
            if name in part.schema.names:
                values = inputs.typed.get(name)
                if values is None:
                    values = typed(part.column(name).take(pa.array(odd)).to_pandas(), column, self.contract.decimal)
                else:
                    values = values.iloc[odd]
                columns[name] = frame.json_values(values, column)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def _read(self, odd: np.ndarray, sent: list[dict[str, Any]]) -> tuple[dict[int, dict[str, Any]], dict[int, str]]:
        """Return what the service's reader makes of rows: the values of accepted ones, the reasons for refused ones."""
        accepted, refused = dict[int, dict[str, Any]](), dict[int, str]()
        for position, row in zip(odd.tolist(), sent, strict=True):
            try:
                columns, _ = self._parser.read(json.dumps([row], ensure_ascii=False).encode())
            except RequestError as error:
                refused[position] = reasons(error)
            else:
                accepted[position] = {name: values[0] for name, values in columns.items()}
        return accepted, refused


def _finite(predicted: np.ndarray) -> np.ndarray:
    finite: np.ndarray = np.isfinite(predicted).reshape(len(predicted), -1).all(axis=1)
    return finite


def _merged(
    arrays: dict[str, np.ndarray], accepted: dict[int, dict[str, Any]], contract: Contract
) -> dict[str, np.ndarray]:
    """Return *arrays* with the values that the service's reader has read."""
    positions, merged = list(accepted), {}
    for name, column in contract.inputs.items():
        values = [row[name] for row in accepted.values()]
        merged[name] = arrays[name].copy()
        if column.type in WORDS:
            merged[name][positions] = [MISSING if value is None else value for value in values]
        elif column.type in TEMPORAL:
            merged[name][positions] = timestamps(values)
        else:
            merged[name][positions] = np.array(values, dtype="float64")
    return merged


def fields(contract: Contract) -> list[pa.Field]:
    """Return the columns that scoring adds to a table, except for `model`."""
    kind = {"number": pa.float64(), "boolean": pa.bool_(), "string": pa.string()}[contract.prediction]
    prediction, *numbers = answer_columns(contract)
    return [
        pa.field(prediction, kind),
        *(pa.field(name, pa.float64()) for name in numbers),
        pa.field("error", pa.string()),
    ]


def _columns(scorer: Scorer, predicted: np.ndarray | None, kept: np.ndarray, refused: dict[int, str]) -> pa.RecordBatch:
    schema = pa.schema(fields(scorer.contract))
    errors = pa.array(map(refused.get, range(len(kept))), pa.string()) if refused else pa.nulls(len(kept), pa.string())
    if predicted is None:
        answers = [pa.nulls(len(kept), kind) for kind in schema.types[:-1]]
    else:
        spread = None if kept.all() else spread_over(kept)
        values = zip(_answers(scorer, predicted), schema.types, strict=False)
        columns = [pa.array(column, kind, from_pandas=True) for column, kind in values]
        answers = columns if spread is None else [column.take(spread) for column in columns]
    return pa.RecordBatch.from_arrays([*answers, errors], schema=schema)


def _answers(scorer: Scorer, predicted: np.ndarray) -> Iterable[np.ndarray]:
    """Return the columns of `Scorer.to_answers`."""
    labels, numbers = np.array(scorer.contract.classes, dtype=object), predicted.astype("float64")
    if not len(labels):
        return [numbers, *scorer.interval(predicted)]
    if len(labels) > 2:
        return [labels[predicted.argmax(axis=1)], *numbers.T]
    positive = numbers[:, 1] >= scorer.threshold
    return [positive if scorer.contract.prediction == "boolean" else labels[positive.astype(int)], numbers[:, 1]]
