"""Stage train: cross-validate and fit the pipeline; record the run in MLflow."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from threadpoolctl import threadpool_limits

from ..common import files
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import counts, frame, window
from . import behaviour, calibration, cross_validation, interval, metrics, pipeline, refit, tracking, trained
from .cross_validation import FoldPredictions, outcomes_of, predicting, prepare
from .leaks import leaks
from .rehearsal import exported, rehearse

RARE_ROWS = 20  # classes with fewer train rows are named


def fit(contract: Contract, settings: Mapping[str, Any], rows: pd.DataFrame) -> BaseEstimator:
    """Return the project's estimator fitted on typed *rows*."""
    return pipeline.fit(contract, settings, frame.features(rows, contract), frame.target(rows, contract))


@click.command()
@click.argument("train", type=click.Path(path_type=Path, exists=True))
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("report", type=click.Path(path_type=Path))
def main(train: Path, model: Path, report: Path) -> None:
    """Fit on TRAIN, write the pipeline to MODEL and the cross-validation to REPORT, and record the run in MLflow."""
    contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
    pipeline.build(contract, params.model)  # report mistakes in the settings before the slow steps
    tracking.check()
    rows, table = window.learned([train], contract, params.train.window), counts.counts(train)
    for remark in filter(None, [table.explain(contract.target), rare(contract, frame.target(rows, contract))]):
        click.echo(remark)
    behaviour.check(contract, rows)
    with threadpool_limits(1):  # several threads sum in varying order: models would not be reproducible
        prepared = prepare(contract, params.train, rows)
        inputs, truth = prepared.inputs, prepared.truth
        rehearse(contract, params.model, inputs, truth, params.export)
        with predicting(contract, params.model, prepared) as results:
            fitted = pipeline.fit(contract, params.model, inputs, truth)
            validated = results()
        curves = calibration.fit_on(contract, params.train.calibration, validated)
        result = _report(contract, rows, validated, curves)
        converted, description = exported(contract, params.model, fitted, inputs)
        description = replace(description, interval=interval.offsets(contract, validated))
        if params.train.refit:
            description = replace(description, recipe=refit.recipe(len(rows), params.model, curves))
        converted = calibration.append(converted, curves) if curves else converted
    with files.replacing(model) as new:
        trained.write(new, converted, description)
    files.write_json(report, result)
    training = tracking.Training(contract, params.of_model(), model, description.label, result, train)
    score = f"{result['metric']} {result['mean']:.4f} ± {result['std']:.4f}"
    click.echo(f"{model}: {description.label}, cross-validated {score}; {_recorded(training)}")


def _recorded(training: tracking.Training) -> str:
    """Record the run, and return its id; a server that fails after the training must not cost the model."""
    try:
        return f"run {tracking.record(training)}"
    except tracking.RecordError as error:
        click.secho(f"Warning: {error.message}; `make register` will record it", fg="yellow", err=True)
        return "no run yet"


def _report(
    contract: Contract,
    rows: pd.DataFrame,
    validated: Sequence[FoldPredictions],
    curves: Sequence[calibration.Curve] = (),
) -> dict[str, Any]:
    """Return the cross-validation, the outcomes of each threshold, and the leaks, which are printed too."""
    scores, metric = [fold.score for fold in validated], metrics.name(contract)
    usual = [metrics.primary(contract.task, fold.truth, fold.predicted) for fold in validated]
    leaking = leaks(contract, rows, float(np.mean(usual)))
    for leak in leaking:
        click.secho(f"leak: {leak.explain(contract.target, metrics.PRIMARY[contract.task])}", fg="yellow")
    result = {"metric": metric, "mean": float(np.mean(scores)), "std": float(np.std(scores)), "folds": scores}
    if contract.time:
        result["backtest"] = cross_validation.backtest(rows[contract.time], validated)
    result["leaks"] = [asdict(leak) for leak in leaking]
    if curves:
        validated = [replace(fold, predicted=calibration.apply(curves, fold.predicted)) for fold in validated]
    return result | ({"thresholds": asdict(outcomes_of(validated))} if contract.task == "binary" else {})


def rare(contract: Contract, truth: np.ndarray) -> str:
    """Return in words which classes have few rows; "" if none has."""
    counts = np.bincount(truth, minlength=len(contract.classes)).tolist() if contract.classes else list[int]()
    few = [f"{name} ({count})" for name, count in zip(contract.classes, counts, strict=True) if count < RARE_ROWS]
    return f"{contract.target}: few rows to learn from: {', '.join(few)}" if few else ""
