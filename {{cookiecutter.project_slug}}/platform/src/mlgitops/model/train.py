"""Stage train: tune if configured, cross-validate and fit the pipeline; record the run in MLflow."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit
from threadpoolctl import threadpool_limits

from ..common import files, project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params, Train
from ..data import frame
from ..store.paths import store
from . import behaviour, metrics, pipeline, tracking
from .scorer import digest
from .tuning import Trial, search


class NoScoreError(ProjectError):
    """Cross-validation has no score, because a class has too few rows."""


def fit(contract: Contract, settings: Mapping[str, Any], rows: pd.DataFrame) -> BaseEstimator:
    """Return the project's estimator fitted on typed *rows*."""
    return pipeline.fit(contract, settings, frame.features(rows, contract), frame.target(rows, contract))


def cross_validate(contract: Contract, settings: Mapping[str, Any], params: Train, rows: pd.DataFrame) -> list[float]:
    """Return the primary metric of each fold; with a time column, each fold is tested on later rows, as in the split.

    Folds that lack a class are skipped. Raises NoScoreError if all are.
    """
    inputs, truth = frame.features(rows, contract), frame.target(rows, contract)
    scores = []
    for train, test in _folds(contract, params, rows, truth):
        if len(np.unique(truth[train])) >= len(contract.classes):
            fitted = pipeline.fit(contract, settings, inputs.iloc[train], truth[train])
            predicted = pipeline.predict(fitted, inputs.iloc[test])
            scores.append(metrics.primary(contract.task, truth[test], predicted))
    scores = [score for score in scores if not np.isnan(score)]
    if not scores:
        raise NoScoreError(
            f"train: in each of {params.folds} folds the target is constant or a class is absent: "
            "lower train.folds in params.yaml, or add rows"
        )
    return scores


def _folds(
    contract: Contract, params: Train, rows: pd.DataFrame, truth: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the positions of train rows and of test rows; rows with the same key are in the same fold."""
    if contract.time:
        yield from TimeSeriesSplit(params.folds).split(rows)
        return
    group = pd.factorize(frame.hashes(rows[list(contract.key or contract.inputs)]))[0]
    first = np.unique(group, return_index=True)[1]
    if len(first) < params.folds:  # too few distinct rows to group: fold them one by one
        group = first = np.arange(len(rows))
    kind = KFold if contract.task == "regression" else StratifiedKFold
    folds = kind(params.folds, shuffle=True, random_state=params.random_state)
    for _, held_out in folds.split(first, truth[first]):
        test = np.isin(group, held_out)
        yield np.flatnonzero(~test), np.flatnonzero(test)


def tuned(contract: Contract, params: Params, rows: pd.DataFrame, name: str) -> tuple[dict[str, Any], list[Trial]]:
    """Return the best settings of `tune.trials` trials, and the trials; with 0 trials, the settings of `model`."""
    if not params.tune.trials:
        return params.model, []
    storage = os.environ.get("OPTUNA_STORAGE") or f"sqlite:///{store() / 'search.db'}"
    with click.progressbar(length=params.tune.trials, label="tuning") as bar:

        def score(settings: Mapping[str, Any]) -> float:
            bar.update(1)
            return float(np.mean(cross_validate(contract, settings, params.train, rows)))

        return search(contract, params, score, storage, name)


@click.command()
@click.argument("train", type=click.Path(path_type=Path, exists=True))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("report", type=click.Path(path_type=Path))
def main(train: Path, model: Path, report: Path) -> None:
    """Fit on TRAIN, write the pipeline to MODEL and the cross-validation to REPORT, and record the run in MLflow."""
    contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
    pipeline.build(contract, params.model)  # report mistakes in the settings before the slow steps
    tracking.check()
    rows = pd.read_parquet(train)
    behaviour.check(contract, rows)
    with threadpool_limits(1):  # several threads sum in varying order: models would not be reproducible
        settings, trials = tuned(contract, params, rows, _study(contract, params, train))
        scores = cross_validate(contract, settings, params.train, rows)
        fitted = fit(contract, settings, rows)
    with files.replacing(model) as new:
        pipeline.save(fitted, new)
    result: dict[str, Any] = {
        "metric": metrics.PRIMARY[contract.task],
        "mean": float(np.mean(scores)),
        "std": float(np.std(scores)),
        "folds": scores,
    }
    if trials:
        result["settings"] = settings
    files.write_json(report, result)
    recorded = params.model_dump(mode="json", exclude={"review", "image", "monitor", "retrain"}) | {"model": settings}
    training = tracking.Training(contract, recorded, model, result, train, fitted, tuple(trials))
    score = f"{result['metric']} {result['mean']:.4f} ± {result['std']:.4f}"
    click.echo(f"{model}: {pipeline.label(settings, fitted)}, cross-validated {score}; {_recorded(training)}")


def _recorded(training: tracking.Training) -> str:
    """Record the run, and return its id; a server that fails after the training must not cost the model."""
    try:
        return f"run {tracking.record(training)}"
    except tracking.RecordError as error:
        click.secho(f"Warning: {error.message}; `make register` will record it", fg="yellow", err=True)
        return "no run yet"


def _study(contract: Contract, params: Params, train: Path) -> str:
    """Return a name for the search, derived from everything that its scores depend on."""
    space = params.tune.model_copy(update={"trials": 0}).model_dump_json()
    code = "".join(digest(project.root() / project.file(name)) for name in (project.FEATURES, project.MODEL))
    parts = [contract.model_dump_json(), json.dumps(params.model), params.train.model_dump_json(), space, code]
    return hashlib.sha256("".join([*parts, digest(train)]).encode()).hexdigest()[:16]
