"""What the tests of a project ask of its dataset, features and model; see the project's tests/."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import TypeAdapter
from sklearn.base import BaseEstimator

from .contract.contract import Contract
from .contract.params import Params
from .contract.row_schema import limits, request_model
from .contract.synthetic import example_rows
from .data import frame
from .data.encode import encode
from .data.ingest import ingest
from .data.spacing import evenly_spaced
from .data.split import split
from .model import metrics, train

RAW = Path("data/raw.parquet")  # what the stage ingest has written, if it ran


def delivered(source: Path) -> pd.DataFrame:
    """Return the whole table as the stage ingest writes it; raises ProjectError where its source is not at hand."""
    if RAW.is_file():
        return pd.read_parquet(RAW)
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder) / RAW.name
        ingest(source, raw)
        return pd.read_parquet(raw)


def sample(table: pd.DataFrame, contract: Contract, count: int) -> pd.DataFrame:
    """Return at most *count* rows of the table, evenly spaced, with the contract's types."""
    rows = table.iloc[evenly_spaced(len(table), count)]
    return frame.parse(rows[[name for name in contract.columns if name in rows]], contract)


def synthetic(contract: Contract, count: int) -> pd.DataFrame:
    """Return rows that keep the contract, typed, with a target that follows from nothing."""
    rows = pd.DataFrame(example_rows(contract, count), columns=list(contract.inputs))
    rng = np.random.default_rng(0)
    if contract.classes:
        drawn = np.array(contract.classes, dtype=object)[rng.permutation(np.arange(count) % len(contract.classes))]
    else:
        low, high = limits(contract.columns[contract.target])
        drawn = np.round(rng.uniform(max(low, -1000), max(min(high, 1000), low), count))
    return frame.parse(rows.assign(**{contract.target: drawn}), contract)


def served(rows: pd.DataFrame, contract: Contract) -> dict[str, np.ndarray]:
    """Return the features of *rows* as the service computes them, each row read from JSON and by itself."""
    reader = TypeAdapter(request_model(contract))
    requests = [reader.validate_json(json.dumps(row)) for row in frame.records(rows, contract)]
    answers = [encode({name: [request.get(name)] for name in contract.inputs}, contract) for request in requests]
    return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}


def trained(rows: pd.DataFrame, contract: Contract) -> dict[str, np.ndarray]:
    """Return the features of *rows* as training computes them, all rows at once."""
    return encode(frame.columns(rows, contract), contract)


def without(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return *rows* with every value missing that the contract lets be missing."""
    missing = {name: None for name, column in contract.inputs.items() if column.missing}
    return frame.parse(rows.assign(**missing), contract)


def fit(rows: pd.DataFrame, contract: Contract, params: Params) -> BaseEstimator:
    """Return the project's model with the settings of params.yaml, fitted on typed *rows*."""
    return train.fit(contract, params.model, rows)


def against_baseline(rows: pd.DataFrame, contract: Contract, params: Params) -> tuple[float, float]:
    """Return the primary metric of the model on held-out rows, and that of always predicting the same.

    The same is the most frequent class of the train part, or the mean of its target.
    """
    known, unknown = split(rows, contract, params.split.test)
    before, truth = frame.target(known, contract), frame.target(unknown, contract)
    if contract.classes:
        constant = np.bincount(before, minlength=len(contract.classes)) / len(before)
        always = np.tile(constant, (len(truth), 1))
    else:
        always = np.full(len(truth), before.mean())
    predicted = predictions(fit(known, contract, params), unknown, contract)
    return metrics.score(contract, truth, predicted), metrics.score(contract, truth, always)


def predictions(fitted: BaseEstimator, rows: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return probabilities of shape (rows, classes), or numbers of shape (rows,)."""
    from .model.pipeline import predict

    return predict(fitted, frame.features(rows, contract), contract)


def exported(fitted: BaseEstimator, rows: pd.DataFrame, contract: Contract) -> np.ndarray:
    """Return the same predictions by the model's ONNX export."""
    from .model.conversion import convert
    from .model.trained import Trained

    return Trained(convert(fitted, contract), contract).predict(frame.features(rows, contract))
