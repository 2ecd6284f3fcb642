"""Stage evaluate: look at the model on the test part, which nothing else has read."""

from pathlib import Path

import click
import numpy as np
import pandas as pd
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline

from . import estimator, files, metrics, table
from .contract import Contract
from .settings import Evaluate, Params
from .train import predict

POINTS = 101  # of a curve: enough to draw, few enough to diff


def curves(contract: Contract, truth: np.ndarray, predicted: np.ndarray, threshold: float) -> dict[str, pd.DataFrame]:
    """Return the curves that fit the task, by name, as tables ready to plot."""
    if contract.task == "regression":
        return _number_curves(truth, predicted)
    classes = list(contract.classes)
    decided = (predicted[:, 1] >= threshold).astype(int) if len(classes) == 2 else predicted.argmax(axis=1)
    counts = sk.confusion_matrix(truth, decided, labels=range(len(classes)))
    cells = [
        (actual, guess, int(n))
        for actual, row in zip(classes, counts, strict=True)
        for guess, n in zip(classes, row, strict=True)
    ]
    found = {"confusion": pd.DataFrame(cells, columns=["actual", "predicted", "rows"])}
    return found | (_binary_curves(truth, predicted[:, 1]) if len(classes) == 2 else {})


def _binary_curves(truth: np.ndarray, probability: np.ndarray) -> dict[str, pd.DataFrame]:
    grid = np.linspace(0, 1, POINTS)
    false_rate, true_rate, _ = sk.roc_curve(truth, probability)
    precision, recall, _ = sk.precision_recall_curve(truth, probability)
    actual, expected = calibration_curve(truth, probability, n_bins=10, strategy="quantile")
    return {
        "roc": pd.DataFrame(
            {"false positive rate": grid, "true positive rate": np.interp(grid, false_rate, true_rate)}
        ),
        "precision_recall": pd.DataFrame({"recall": grid, "precision": np.interp(grid, recall[::-1], precision[::-1])}),
        "calibration": pd.DataFrame({"predicted": expected, "actual": actual}),
    }


def _number_curves(truth: np.ndarray, predicted: np.ndarray) -> dict[str, pd.DataFrame]:
    error = predicted - truth
    shares = np.linspace(0, 1, POINTS)
    order = np.argsort(predicted, kind="stable")
    groups = np.array_split(order, 10)
    return {
        "residuals": pd.DataFrame({"share of rows": shares, "residual": np.quantile(error, shares)}),
        "calibration": pd.DataFrame(
            {"predicted": [predicted[g].mean() for g in groups], "actual": [truth[g].mean() for g in groups]}
        ),
    }


def slices(contract: Contract, rows: pd.DataFrame, predicted: np.ndarray, params: Evaluate) -> pd.DataFrame:
    """Return the primary metric of every value of the contract's closed categories: column, value, rows, metric."""
    truth, name = table.target(rows, contract), metrics.PRIMARY[contract.task]
    found = []
    for column in contract.slices:
        cells = rows[column].astype("string").fillna("missing")
        for value, positions in sorted(cells.groupby(cells).indices.items()):
            score = metrics.primary(contract.task, truth[positions], predicted[positions])
            if len(positions) >= params.min_slice and not np.isnan(score):
                found.append((column, value, len(positions), score))
    return pd.DataFrame(found, columns=["column", "value", "rows", name])


def importance(contract: Contract, pipeline: Pipeline, rows: pd.DataFrame, params: Evaluate, seed: int) -> pd.DataFrame:
    """Return how much the primary metric falls when a feature is shuffled: feature, importance, std."""
    some = rows.sample(min(len(rows), params.importance_rows), random_state=seed)

    def score(model: Pipeline, inputs: pd.DataFrame, truth: np.ndarray) -> float:
        return metrics.primary(contract.task, truth, predict(model, inputs))

    inputs, truth = table.features(some, contract), table.target(some, contract)
    found = permutation_importance(pipeline, inputs, truth, scoring=score, n_repeats=3, random_state=seed)
    named = pd.DataFrame(
        {"feature": inputs.columns, "importance": found.importances_mean, "std": found.importances_std}
    )
    return named.sort_values("importance", ascending=False, kind="stable")


@click.command()
@click.argument("test", type=click.Path(path_type=Path, exists=True))
@click.argument("model", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path))
@click.argument("plots", type=click.Path(path_type=Path))
def main(test: Path, model: Path, report: Path, plots: Path) -> None:
    """Score TEST with MODEL; write metrics to REPORT, and curves, slices and importance to the folder PLOTS."""
    contract, params = Contract.load(Path("contract.yaml")), Params.load(Path("params.yaml"))
    rows, pipeline = pd.read_parquet(test), estimator.load(model)
    truth, predicted = table.target(rows, contract), predict(pipeline, table.features(rows, contract))
    found = metrics.scores(contract, truth, predicted, params.evaluate.threshold)
    tables = curves(contract, truth, predicted, params.evaluate.threshold)
    tables["slices"] = slices(contract, rows, predicted, params.evaluate)
    tables["importance"] = importance(contract, pipeline, rows, params.evaluate, params.train.seed)
    with files.replacing(plots) as new:
        new.mkdir()
        for name, content in tables.items():
            content.to_csv(new / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
    files.write_json(report, {"rows": len(rows), **found})
    click.echo(f"{report}: " + ", ".join(f"{name} {value:.4f}" for name, value in found.items()))
