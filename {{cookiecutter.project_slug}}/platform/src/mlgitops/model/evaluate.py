"""Stage evaluate: measure the model on the test part, which no earlier stage has used."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance

from ..common import files
from ..contract.contract import Contract
from ..contract.params import Evaluate, Params
from ..data import counts, frame, part_rows
from . import decision, interval, metrics, scored_rows, slices, trained
from .curves import confusion, curves
from .trained import Trained


def importance(contract: Contract, model: Trained, sample: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return permutation importance, the decrease of the primary metric: feature, importance, std."""

    def score(_: object, inputs: pd.DataFrame, truth: np.ndarray) -> float:
        return metrics.score(contract, truth, model.predict(inputs))

    inputs, truth = frame.features(sample, contract), frame.target(sample, contract)
    frozen = FrozenEstimator(model)  # which scikit-learn does not fit
    shuffled = permutation_importance(frozen, inputs, truth, scoring=score, n_repeats=3, random_state=seed)
    table = pd.DataFrame(
        {"feature": inputs.columns, "importance": shuffled.importances_mean, "std": shuffled.importances_std}
    )
    return table.sort_values("importance", ascending=False, kind="stable")


def decided(
    contract: Contract, truth: np.ndarray, predicted: np.ndarray, params: Evaluate, threshold: float
) -> dict[str, Any]:
    """Return what the model decides: its threshold, its confusion table, and what the most frequent class would score.

    The rows of the confusion table are the actual classes, its columns the predicted ones, in the contract's order.
    """
    most = int(np.bincount(truth).argmax())
    rows = confusion(contract, truth, predicted, threshold)["rows"].to_numpy()
    result: dict[str, Any] = {"confusion": rows.reshape(len(contract.classes), -1).tolist()}
    always = metrics.of_classes(contract, truth, np.full_like(truth, most))
    result["most_frequent"] = {"class": contract.classes[most], **always}
    if contract.task == "binary":
        result |= {"threshold": threshold, "aim": decision.describe(params.threshold)}
    return result


@click.command()
@click.argument("test", type=click.Path(path_type=Path, exists=True))
@click.argument("model", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path))
@click.argument("plots", type=click.Path(path_type=Path))
@click.option("--cross-validation", type=click.Path(path_type=Path, exists=True), help="The report of train.")
def main(test: Path, model: Path, report: Path, plots: Path, cross_validation: Path | None) -> None:
    """Score TEST with MODEL; write metrics to REPORT, and curves, slices and importance to the folder PLOTS."""
    contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
    validated = files.read_json(cross_validation) if cross_validation else {}
    threshold = decision.threshold(contract, params.evaluate.threshold, validated)
    loaded, seed = trained.load(model, contract), params.train.random_state
    scored = scored_rows.score(test, contract, loaded)
    truth, predicted = scored.truth, scored.predicted
    scores = metrics.scores(contract, truth, predicted, threshold)
    tables = curves(contract, truth, predicted, threshold)
    tables["slices"] = slices.scored(contract, scored.labels, truth, predicted, params.evaluate)
    drawn = np.random.RandomState(seed).choice(
        len(truth), min(len(truth), params.evaluate.importance_rows), replace=False
    )
    tables["importance"] = importance(contract, loaded, part_rows.rows_at(test, drawn), seed)
    with files.replacing(plots) as new:
        new.mkdir()
        for name, content in tables.items():
            content.to_csv(new / f"{name}.csv", index=False, float_format="%.6g", lineterminator="\n")
    table = {"table": asdict(counts.counts(test)), "leaks": validated.get("leaks", [])}
    if contract.classes:
        table["decision"] = decided(contract, truth, predicted, params.evaluate, threshold)
    if limits := loaded.description().interval if contract.interval else None:
        table["interval"] = {"coverage": contract.interval, **asdict(interval.measured(limits, truth, predicted))}
    files.write_json(report, {"rows": len(truth), **scores, **table})
    click.echo(f"{report}: " + ", ".join(f"{name} {value:.4f}" for name, value in scores.items()))
