"""Outcomes: a table with the actual value of predictions, by prediction id or by the contract's key."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from ..common.errors import ProjectError
from ..common.record import Record
from ..contract.contract import Contract
from ..data import frame
from ..data.arrow_types import to_frame
from ..data.ingest import parts
from ..serving.hashed_key import KeyHash

ID, ACTUAL, AT = ("prediction_id", "id"), "actual", "at"


@dataclass(frozen=True)
class OutcomeCounts(Record):
    """What became of the rows of the table of outcomes."""

    rows: int = 0
    without_value: int = 0  # no outcome yet
    invalid: int = 0  # not a value of the target
    repeated: int = 0  # rows beyond the first of an id, with the same value
    contradictory: int = 0  # rows beyond the first of an id that has several values
    unknown: int = 0  # ids that no prediction has
    rule: str = "last"  # which of several values counts


class Outcomes(NamedTuple):
    """One row per id, or hashed key: `actual` (class index or number) and `at`, when it was known."""

    by: Literal["id", "key"]
    table: pd.DataFrame
    counts: OutcomeCounts


def read(source: Path, contract: Contract, rule: Literal["first", "last"]) -> Outcomes:
    """Read the outcomes in a table or the result of a query; raises ProjectError if columns are missing."""
    batches = [to_frame(part) for part in parts(source)]
    delivered = pd.concat(batches, ignore_index=True) if batches else pd.DataFrame()
    if not len(delivered):
        raise ProjectError(f"{source}: the table has no rows")
    value = next((name for name in (ACTUAL, contract.target) if name in delivered), None)
    if value is None:
        raise ProjectError(
            f"{source}: no column {ACTUAL!r} or {contract.target!r}: name the column with the outcome so"
        )
    by, ids = _ids(source, delivered, contract)
    table = pd.DataFrame({by: ids, "actual": _actual(delivered[value], contract)})
    moments = delivered[AT] if AT in delivered else pd.Series(pd.NaT, delivered.index)
    table["at"] = pd.to_datetime(moments, utc=True, errors="coerce")
    present = delivered[value].notna() & (delivered[value].astype("string").str.strip() != "") & table[by].notna()
    valid = present & table["actual"].notna()
    kept, repeated, contradictory = _unique(table[valid], by, rule)
    absent, invalid = int((~present).sum()), int((present & ~valid).sum())
    counts = OutcomeCounts(len(delivered), absent, invalid, repeated, contradictory, rule=rule)
    return Outcomes(by, kept, counts)


def _ids(source: Path, delivered: pd.DataFrame, contract: Contract) -> tuple[Literal["id", "key"], pd.Series]:
    """Return how predictions are named, and the id or hashed key of each row."""
    name = next((name for name in ID if name in delivered and name not in contract.key), None)
    if name:
        return "id", delivered[name].astype("string").str.strip()
    if not contract.key or any(column not in delivered for column in contract.key):
        keys = f", or the key columns {', '.join(contract.key)}" if contract.key else ""
        raise ProjectError(f"{source}: no column {ID[0]!r}{keys}: outcomes need the id of the prediction")
    secret = os.environ.get("SCORING_LOG_KEY")
    if not secret:
        raise ProjectError(f"{source}: set SCORING_LOG_KEY to the secret of the service: keys are hashed in the log")
    typed = frame.parse(delivered[list(contract.key)], contract).astype(object)
    keys_hash, rows = KeyHash(contract, secret), typed.where(typed.notna(), None)
    hashes = [keys_hash.row(list(row)) for row in rows.itertuples(index=False, name=None)]
    return "key", pd.Series(hashes, index=delivered.index, dtype="string")


def _actual(values: pd.Series, contract: Contract) -> pd.Series:
    """Return class indices or numbers as float64, NaN where the value is not one of the target."""
    typed = frame.parse(values.to_frame(contract.target), contract)[contract.target]
    if contract.task == "regression":
        return pd.to_numeric(typed, errors="coerce").astype("float64")
    labels = typed.astype("string").str.lower() if contract.prediction == "boolean" else typed.astype("string")
    codes = pd.Categorical(labels, categories=list(contract.classes)).codes
    return pd.Series(np.where(codes < 0, np.nan, codes), index=values.index)


def _unique(table: pd.DataFrame, by: str, rule: Literal["first", "last"]) -> tuple[pd.DataFrame, int, int]:
    """Return one row per id, and the numbers of further rows with the same and with another value."""
    if table["at"].notna().all():
        table = table.sort_values("at", kind="stable")  # the order of time; otherwise that of the table
    further = table.duplicated(by, keep=rule)
    values = table.groupby(by)["actual"].transform("nunique")
    contradictory = int((further & (values > 1)).sum())
    return table[~further].reset_index(drop=True), int(further.sum()) - contradictory, contradictory


def join(predictions: pd.DataFrame, outcomes: Outcomes) -> tuple[pd.DataFrame, OutcomeCounts]:
    """Return the predictions with `actual` and `known_at`, and the counts with the outcomes of unknown ids."""
    table = outcomes.table.rename(columns={"at": "known_at"})
    joined = predictions.merge(table, how="left", on=outcomes.by)
    unknown = int((~table[outcomes.by].isin(predictions[outcomes.by])).sum())
    return joined, _with_unknown(outcomes.counts, unknown)


def _with_unknown(counts: OutcomeCounts, unknown: int) -> OutcomeCounts:
    return OutcomeCounts(**{**counts.__dict__, "unknown": unknown})


def unlabelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the predictions without outcomes."""
    return predictions.assign(actual=np.nan, known_at=pd.Series(pd.NaT, predictions.index, dtype="datetime64[ns, UTC]"))


def unique_ids(predictions: Iterable[pd.DataFrame], rule: Literal["first", "last"]) -> tuple[pd.DataFrame, int]:
    """Return all predictions, each id once, and the number of repeated ids; callers that retry repeat theirs."""
    table = pd.concat(list(predictions), ignore_index=True).sort_values("at", kind="stable")
    repeated = table["refused"].isna() & table.duplicated(["id", "refused"], keep=rule)
    return table[~repeated].reset_index(drop=True), int(repeated.sum())
