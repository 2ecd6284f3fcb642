"""Command `performance`: predictions and outcomes to a report, as JSON, as a page, and for Prometheus."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pandas as pd

from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model import metrics
from ..model.scorer import Scorer
from . import labelled, outcomes, performance, production_pages
from .estimate import calibrated
from .log_reader import FACTS, Header
from .place import Place, oldest
from .production import Period, Production
from .variation import Reference, spread

HISTORY_PERIODS = 26  # on the page and in the report


def read_predictions(place: Place, since: datetime) -> tuple[list[pd.DataFrame], dict[str, Header]]:
    """Return the predictions since a time, with the digest of their model, and the models; raises ProjectError."""
    frames, models = [], {}
    for table in place.tables(since.date()):
        header = Header.model_validate_json(table.schema.metadata[FACTS])
        models[header.model] = header
        frames.append(table.to_pandas().assign(model=header.model))
    if not frames:
        raise ProjectError(
            f"{place.address}: no predictions since {since.date()}: turn the log of the service on with SCORING_LOG, "
            "and collect it with `make collect LOG=folder`"
        )
    return frames, models


def report(
    contract: Contract,
    params: Params,
    predictions: tuple[Sequence[pd.DataFrame], dict[str, Header]],
    known: outcomes.Outcomes | None,
    now: datetime,
    references: dict[str, Reference],
) -> Production:
    """Return the report of *predictions*, of which the outcomes in *known* are known."""
    frames, models = predictions
    rows, repeated = outcomes.unique_ids(frames, params.monitor.outcomes)
    past = _past(rows, now)
    latest = models[past["model"].iloc[-1]] if len(past) else None
    answered = rows[rows["refused"].isna()].reset_index(drop=True)
    counts = outcomes.OutcomeCounts(rule=params.monitor.outcomes)
    answered, counts = outcomes.join(answered, known) if known else (outcomes.unlabelled(answered), counts)
    periods = performance.periods(contract, answered, models, params, now, references) if len(answered) else []
    judged = judged_periods(periods, latest.version if latest else None, params.monitor.periods)
    recent = answered[answered["at"] >= pd.Timestamp(judged[0].start, tz="UTC")] if judged else answered[:0]
    recent = recent[recent["model"] == latest.model] if latest else recent
    return Production(
        target=contract.target,
        metric=metrics.name(contract),
        until=now.date().isoformat(),
        version=latest.version if latest else None,
        predictions=len(answered),
        repeated_ids=repeated,
        refused=int(rows["refused"].notna().sum()),
        refused_share=refused_share(past, latest, params) if latest else 0.0,
        outcomes=counts,
        periods=tuple(periods),
        slices=tuple(performance.slices(contract, recent, latest, params))
        if latest and latest.classes == contract.classes
        else (),
        reasons=tuple(reasons(judged, params)),
    )


def _past(rows: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """Return the rows without those from the future, of a clock that went wrong, unless there are no others."""
    past = rows[rows["at"] <= pd.Timestamp(now)]
    return past if len(past) else rows


def refused_share(rows: pd.DataFrame, latest: Header, params: Params) -> float:
    """Return the share of the requests that the *latest* model refused in as many days as the periods that decide.

    Neither the requests of a version before nor those of months ago hide that all callers are refused now.
    """
    days = pd.Timedelta(days=params.monitor.periods * params.monitor.period_days)
    own = rows[rows["model"] == latest.model]
    newest = own[own["at"] > own["at"].max() - days]
    refused = newest["refused"].notna()
    number, answered = int(refused.sum()), int(newest["id"][~refused].str.partition("/")[0].nunique())
    return number / max(number + answered, 1)


def judged_periods(periods: Sequence[Period], version: str | None, number: int) -> list[Period]:
    """Return the latest *number* periods of a version that have enough outcomes to decide."""
    return [p for p in periods if p.version == version and p.verdict in ("worse", "as evaluated")][-number:]


def reasons(judged: Sequence[Period], params: Params) -> list[str]:
    """Return why the performance is an alarm: too many of the latest periods are worse, beyond noise."""
    worse = [period for period in judged if period.verdict == "worse"]
    if len(worse) < params.monitor.worse_periods:
        return []
    last = worse[-1]
    return [
        f"{metrics_of(last)} in {len(worse)} of the latest {len(judged)} periods is below the evaluation "
        f"({last.evaluated:.4f}) by more than {params.monitor.max_drop:g} (params.yaml: monitor.max_drop), beyond noise"
    ]


def metrics_of(period: Period) -> str:
    """Return the value of a period with its interval."""
    score = period.score
    return f"version {period.version}: {score.value:.4f} [{score.low:.4f}, {score.high:.4f}]"


def references_of(folder: Path, reference: Path, params: Params) -> dict[str, Reference]:
    """Return what the *reference* table says about the model in *folder*, by its digest; nothing without the table."""
    if not (folder / "manifest.json").is_file() or not reference.is_file():
        return {}
    scorer, rows = Scorer(folder), pd.read_parquet(reference)
    truth, predicted = frame.target(rows, scorer.contract), scorer.predict(frame.columns(rows, scorer.contract))
    estimate = calibrated(scorer.contract, truth, predicted, scorer.threshold)
    varies = spread(scorer.contract, rows, predicted, params.monitor)
    return {scorer.manifest["files"]["model.onnx"]: Reference(estimate, varies)}


def _keep(place: Place, known: outcomes.Outcomes, contract: Contract) -> None:
    try:
        labelled.keep(place, known, contract)
    except OSError as error:  # a storage that may only be read
        click.echo(f"{place.address}: the outcomes could not be kept there: {error}", err=True)


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=False)
@click.option("--predictions", default=None, help="Folder or bucket; by default monitor.predictions in params.yaml.")
@click.option("--model", type=click.Path(path_type=Path), default="models/export", show_default=True)
@click.option("--reference", type=click.Path(path_type=Path), default="data/test.parquet", show_default=True)
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Last day of the report; default: today."
)
def main(table: Path | None, predictions: str | None, model: Path, reference: Path, until: datetime | None) -> None:
    """Report on production from the predictions and TABLE, their outcomes; without TABLE, the metric is estimated.

    Writes reports/production.json, .html and .prom; `alarm` decides what follows. The outcomes are kept beside the
    predictions, where the review and `shadow` find them.
    """
    contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
    now = until.replace(tzinfo=UTC) + timedelta(days=1) if until else datetime.now(UTC)
    since = datetime.combine(oldest(now.date(), HISTORY_PERIODS * params.monitor.period_days), datetime.min.time(), UTC)
    place = Place(predictions or params.monitor.predictions)
    logged = read_predictions(place, since)
    known = outcomes.read(table, contract, params.monitor.outcomes) if table else None
    if known:
        _keep(place, known, contract)
    result = report(contract, params, logged, known, now, references_of(model, reference, params))
    result.save(Path("reports/production.json"))
    production_pages.save(result, Path("reports"))
    click.echo(production_pages.text(result))
    if result.outcomes.unknown or result.outcomes.contradictory or result.outcomes.invalid:
        click.echo(json.dumps(result.outcomes.__dict__), err=True)
