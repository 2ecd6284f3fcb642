"""Measures the performance of production by period, from predictions and their outcomes."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Monitor, Params
from ..model import bootstrap, metrics
from .log_reader import INPUT, Header
from .production import Period, SliceScore, Value, Verdict
from .variation import EPOCH, Reference

Z = 1.96  # of a 95 % interval


def predicted(contract: Contract, rows: pd.DataFrame) -> np.ndarray:
    """Return logged predictions as the scorer returns them: probabilities by class, or numbers."""
    if not contract.classes:
        return np.asarray(rows["prediction"], dtype="float64")
    if len(contract.classes) == 2:
        positive = np.asarray(rows["probability"], dtype="float64")
        return np.column_stack([1 - positive, positive])
    return np.asarray(rows[[f"probability {label}" for label in contract.classes]], dtype="float64")


def periods(
    contract: Contract,
    rows: pd.DataFrame,
    models: dict[str, Header],
    params: Params,
    now: datetime,
    references: dict[str, Reference],
) -> list[Period]:
    """Return each version in each period, the oldest first.

    *rows* has `at`, `model`, predictions, `actual` and `known_at`; *models* are by digest, as in `model`.
    """
    days = params.monitor.period_days
    number = (rows["at"] - EPOCH) // pd.Timedelta(days=days)
    result = []
    for (period, model), every in rows.groupby([number, "model"], sort=True):
        # the classes of another contract are not those of the outcomes: its predictions are counted, not measured
        other = models[str(model)].classes != contract.classes
        group = every.assign(actual=np.nan) if other else every
        start = EPOCH + timedelta(days=int(period) * days)
        reference = Reference() if other else references.get(str(model), Reference())
        result.append(_period(contract, group, models[str(model)], params, (start, now), reference))
    return result


def _period(
    contract: Contract,
    rows: pd.DataFrame,
    header: Header,
    params: Params,
    times: tuple[pd.Timestamp, datetime],
    reference: Reference,
) -> Period:
    (start, now), estimate = times, reference.estimate
    labelled = rows[rows["actual"].notna()]
    end = start + timedelta(days=params.monitor.period_days)
    evaluated = header.metrics.get(metrics.name(contract))
    score, error, values = measured(contract, labelled, header.threshold, params)
    delays = (labelled["known_at"] - labelled["at"]).dt.total_seconds() / 86_400
    delay = delays[delays >= 0].median()
    verdict = _verdict(
        (score.value, max(error, reference.spread), len(labelled)),
        (evaluated, int(header.metrics.get("rows") or 0)),
        params.monitor,
        mature=end + timedelta(days=params.monitor.label_delay_days) <= now,
    )
    return Period(
        start=start.date().isoformat(),
        end=end.date().isoformat(),
        version=header.version,
        rows=len(rows),
        labelled=len(labelled),
        label_delay_days=None if pd.isna(delay) else round(float(delay), 2),
        evaluated=evaluated,
        score=score,
        metrics=values,
        estimated=estimate(predicted(contract, rows)) if estimate and len(rows) >= params.monitor.min_rows else None,
        verdict=verdict,
    )


def measured(
    contract: Contract, rows: pd.DataFrame, threshold: float, params: Params
) -> tuple[Value, float, dict[str, float | None]]:
    """Return the primary metric with its interval and standard error, and all metrics, of rows with outcomes."""
    if not len(rows):
        return Value(), math.nan, {}
    actual = rows["actual"].to_numpy()
    truth = actual if contract.task == "regression" else actual.astype("int64")
    measure = bootstrap.measure(contract, truth, predicted(contract, rows), threshold)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = {name: metrics.finite(value) for name, value in measure(np.ones(len(rows))).items()}
    primary = metrics.name(contract)
    drawn = bootstrap.resample([measure], len(rows), params.review.resamples, params.review.random_state)[0][primary]
    low, high = (metrics.finite(end) for end in bootstrap.interval(drawn))
    error = float(np.nanstd(drawn)) if np.isfinite(drawn).any() else math.nan
    return Value(values[primary], low, high), error, values


def _verdict(
    score: tuple[float | None, float, int], reference: tuple[float | None, int], limits: Monitor, mature: bool
) -> Verdict:
    (value, error, rows), (evaluated, reference_rows) = score, reference
    if not mature:
        return "too recent"
    if rows < limits.min_rows:
        return "too few outcomes"
    if value is None or evaluated is None or not math.isfinite(error):
        return "undefined"
    # the reference has an error of its own, larger if it had fewer rows
    noise = Z * error * math.sqrt(1 + rows / max(reference_rows, 1))
    drop = evaluated - value
    return "worse" if drop > limits.max_drop and drop > noise else "as evaluated"


def slices(contract: Contract, rows: pd.DataFrame, header: Header, params: Params) -> Iterator[SliceScore]:
    """Yield the metric of each value of the logged columns by which results are reported."""
    labelled = rows[rows["actual"].notna()]
    for column in contract.slices:
        if INPUT + column not in labelled:
            continue
        values = labelled[INPUT + column].astype("string").fillna("missing")
        for value, group in labelled.groupby(values, sort=True):
            if len(group) >= params.evaluate.min_slice_rows:
                score, _, _ = measured(contract, group, header.threshold, params)
                yield SliceScore(column, str(value), len(group), score)
