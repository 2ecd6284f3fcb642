"""What a model would have answered to the requests in the prediction log, against what was answered: a shadow."""

import tempfile
from pathlib import Path

import click
import numpy as np
import pandas as pd

from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model import metrics
from ..model.scorer import Scorer
from ..monitoring.labelled import labelled, logged
from ..monitoring.performance import predicted
from ..monitoring.place import Place
from . import row_change
from .compare import Predictions, metric_scores
from .data import profile_of
from .movement import movement
from .shadow_report import Shadow

ROWS = 50_000  # the newest of the log, at most
ADVICE = (
    "turn the log of the service on with SCORING_LOG and SCORING_LOG_COLUMNS=*, and collect it with `make collect "
    "LOG=folder`"
)


def score(scorer: Scorer, version: str, place: Place, params: Params) -> Shadow:
    """Return the shadow of a model on the rows of the version that answered last; raises ProjectError without any."""
    contract = scorer.contract
    rows = logged(place, contract)
    if not len(rows):
        raise ProjectError(f"{place.address}: no logged row has all inputs of the model: {ADVICE}")
    against = rows["log.version"].iloc[-1]
    rows, learned = _unseen(scorer, rows[rows["log.version"] == against].tail(ROWS))
    accepted = row_change.accepted(rows.assign(**{contract.target: 0}), contract)
    rows, refused = rows[accepted].reset_index(drop=True), int((~accepted).sum())
    if not len(rows):
        raise ProjectError(
            f"{place.address}: no row is left for version {version}: it may have learned from {learned or 0:,} and "
            f"refuses {refused:,}: collect newer predictions, or compare the contracts"
        )
    new, old = _predictions(scorer, rows)
    truth, known = _outcomes(place, contract, rows)
    pair = [Predictions(model.values[known], model.threshold) for model in (new, old)]
    return Shadow(
        version=version,
        against=str(against),
        metric=metrics.name(contract),
        rows=len(rows),
        refused=refused,
        learned=learned,
        changed_share=_changed(contract, new, old),
        mean_absolute_change=float(np.abs(new.values - old.values).mean()),
        labelled=len(truth),
        score=metric_scores(contract, truth, pair, params.review)[0].score if len(truth) else None,
        moved=movement(contract, truth, *pair) if len(truth) else None,
    )


def _unseen(scorer: Scorer, rows: pd.DataFrame) -> tuple[pd.DataFrame, int | None]:
    """Return the rows that are newer than those that the model learned from, and the number of the others, if known."""
    time, profile = scorer.contract.time, profile_of(scorer)
    part = "test" if scorer.manifest.get("refit") else "train"
    last = profile.parts[part].columns[time].last if time and profile and part in profile.parts else None
    if last is None:
        return rows, None
    newer = np.asarray(rows[time] > pd.Timestamp(last), dtype=bool)
    return rows[newer].reset_index(drop=True), int((~newer).sum())


def _predictions(scorer: Scorer, rows: pd.DataFrame) -> tuple[Predictions, Predictions]:
    """Return what the model predicts for logged rows, and what was answered."""
    answered = rows[[name for name in rows if name.startswith("log.")]].rename(columns=lambda n: n.removeprefix("log."))
    values = scorer.predict(frame.columns(rows, scorer.contract))
    old = predicted(scorer.contract, answered)
    return Predictions(values, scorer.threshold), Predictions(old, float(answered["threshold"].iloc[-1]))


def _changed(contract: Contract, new: Predictions, old: Predictions) -> float | None:
    if not contract.classes:
        return None
    if len(contract.classes) == 2:
        decisions = [model.values[:, 1] >= model.threshold for model in (new, old)]
    else:
        decisions = [model.values.argmax(axis=1) for model in (new, old)]
    return float((decisions[0] != decisions[1]).mean())


def _outcomes(place: Place, contract: Contract, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the targets of the rows whose outcome is known, and which those are."""
    known = labelled(place, contract)
    if not len(known):
        return np.zeros(0), np.zeros(len(rows), dtype=bool)
    present = known.set_index("log.id").reindex(rows["log.id"])[[contract.target]].reset_index(drop=True)
    mask = present[contract.target].notna().to_numpy(dtype=bool)
    return frame.target(present[mask], contract), mask


def section(version: str) -> str:
    """Return the shadow of a version of the registry as Markdown for a pull request; "" if nothing was logged."""
    params = Params.load(Path("params.yaml"))
    place = Place(params.monitor.predictions)
    if next(place.tables(), None) is None:
        return ""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            lines = score(_model(version, Path(scratch) / "model"), version, place, params).sentences
    except ProjectError as error:
        lines = [error.message]
    return "\n\n".join(["### As a shadow of production", *lines])


def _model(which: str, folder: Path) -> Scorer:
    """Return the model in the folder *which*, or of the version with this number or alias, fetched to *folder*."""
    if Path(which).is_dir():
        return Scorer(Path(which))
    from ..registry.command import fetch, number  # MLflow takes seconds to import

    fetch(number(which), folder)
    return Scorer(folder)


@click.command()
@click.argument("model", default="challenger")
@click.option("--predictions", default=None, help="Folder or bucket; by default monitor.predictions in params.yaml.")
def main(model: str, predictions: str | None) -> None:
    """Score the prediction log with MODEL, a version, an alias or a folder, and compare with what was answered.

    Writes reports/shadow.json and .md. Callers notice nothing: no request is sent.
    """
    params = Params.load(Path("params.yaml"))
    with tempfile.TemporaryDirectory() as scratch:
        scorer = _model(model, Path(scratch) / "model")
        result = score(scorer, model, Place(predictions or params.monitor.predictions), params)
    result.save(Path("reports/shadow.json"))
    files.write(Path("reports/shadow.md"), "\n\n".join(result.sentences) + "\n")
    click.echo("\n".join(result.sentences))
