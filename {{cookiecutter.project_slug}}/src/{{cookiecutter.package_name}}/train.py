"""Stage train: fit the pipeline, with cross-validation and, where asked, a search; record the run in MLflow."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from . import estimator, files, metrics, table, tracking
from .config import ProjectError
from .contract import Contract
from .scorer import digest
from .search import Trial, search
from .settings import Params, Train
from .storage import store


def fit(contract: Contract, params: Train, rows: pd.DataFrame) -> Pipeline:
    """Return the pipeline fitted on typed *rows*."""
    return estimator.fit(contract, params, table.features(rows, contract), table.target(rows, contract))


def cross_validate(contract: Contract, params: Train, rows: pd.DataFrame) -> list[float]:
    """Return the primary metric of each fold; as in the split, with a time column it is tested on what came after it.

    Folds that lack a class are left out. Raises ProjectError when none is left.
    """
    inputs, truth = table.features(rows, contract), table.target(rows, contract)
    scores = []
    for train, test in _folds(contract, params, rows, truth):
        if len(np.unique(truth[train])) >= len(contract.classes):
            pipeline = estimator.fit(contract, params, inputs.iloc[train], truth[train])
            scores.append(metrics.primary(contract.task, truth[test], predict(pipeline, inputs.iloc[test])))
    scores = [score for score in scores if not np.isnan(score)]
    if not scores:
        raise ProjectError(
            f"train: in each of {params.folds} folds the target is the same in all rows or a class is absent: "
            "lower train.folds in params.yaml, or bring more rows"
        )
    return scores


def _folds(
    contract: Contract, params: Train, rows: pd.DataFrame, truth: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield positions to fit on and to test on; rows that the split would not part are in the same fold."""
    if contract.time:
        yield from TimeSeriesSplit(params.folds).split(rows)
        return
    group = pd.factorize(table.hashes(rows[list(contract.key or contract.inputs)]))[0]
    first = np.unique(group, return_index=True)[1]
    if len(first) < params.folds:  # rows that are all alike are not to be kept apart
        group = first = np.arange(len(rows))
    kind = KFold if contract.task == "regression" else StratifiedKFold
    folds = kind(params.folds, shuffle=True, random_state=params.seed)
    for _, held in folds.split(first, truth[first]):
        test = np.isin(group, held)
        yield np.flatnonzero(~test), np.flatnonzero(test)


def predict(pipeline: Pipeline, inputs: pd.DataFrame) -> np.ndarray:
    """Return probabilities of shape (rows, classes), or numbers of shape (rows,)."""
    answer: np.ndarray = (
        pipeline.predict_proba(inputs) if hasattr(pipeline, "predict_proba") else pipeline.predict(inputs)
    )
    return answer


def tune(contract: Contract, params: Train, rows: pd.DataFrame, name: str) -> tuple[Train, list[Trial]]:
    """Return the best of `train.search.trials` settings and the trials; without trials, *params* as they are."""
    if not params.search.trials:
        return params, []
    storage = os.environ.get("OPTUNA_STORAGE") or f"sqlite:///{store() / 'search.db'}"
    with click.progressbar(length=params.search.trials, label="search") as bar:

        def score(settings: Train) -> float:
            bar.update(1)
            return float(np.mean(cross_validate(contract, settings, rows)))

        return search(params, score, storage, name)


@click.command()
@click.argument("train", type=click.Path(path_type=Path, exists=True))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("report", type=click.Path(path_type=Path))
def main(train: Path, model: Path, report: Path) -> None:
    """Fit on TRAIN, write the pipeline to MODEL and its cross-validation to REPORT, and record the run."""
    contract, params = Contract.load(Path("contract.yaml")), Params.load(Path("params.yaml"))
    rows = pd.read_parquet(train)
    with threadpool_limits(1):  # more threads add up numbers in another order: the model would not be the same twice
        chosen, trials = tune(contract, params.train, rows, _study(contract, params.train, train))
        scores = cross_validate(contract, chosen, rows)
        pipeline = fit(contract, chosen, rows)
    with files.replacing(model) as new:
        estimator.save(pipeline, new)
    found: dict[str, Any] = {
        "metric": metrics.PRIMARY[contract.task],
        "mean": float(np.mean(scores)),
        "std": float(np.std(scores)),
        "folds": scores,
    }
    if trials:
        found["settings"] = getattr(chosen, chosen.algorithm).model_dump()
    files.write_json(report, found)
    asked = params.model_dump(mode="json", exclude={"review", "train", "image"}) | {
        "train": chosen.model_dump(mode="json")
    }
    run = tracking.record(tracking.Training(contract, asked, model, found, train, pipeline, tuple(trials)))
    score = f"{found['metric']} {found['mean']:.4f} ± {found['std']:.4f}"
    click.echo(f"{model}: {chosen.algorithm}, cross-validated {score}; run {run}")


def _study(contract: Contract, params: Train, train: Path) -> str:
    """A name for the search that is the same only when everything that decides its scores is the same."""
    everything = params.model_copy(update={"search": params.search.model_copy(update={"trials": 0})}).model_dump_json()
    return hashlib.sha256((contract.model_dump_json() + everything + digest(train)).encode()).hexdigest()[:16]
