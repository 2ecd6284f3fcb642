"""Metrics of a ranking: what the rows with the largest probabilities contain."""

import re

import numpy as np

from ..contract.contract import Contract

USUAL = ("recall_at_precision_0.9", "lift_at_0.1")
NAME = re.compile(r"(recall_at_precision|lift_at)_(0\.\d+)")


def names(contract: Contract) -> tuple[str, ...]:
    """Return the metrics of a binary ranking; the level of one may be that of the contract's metric."""
    chosen = NAME.fullmatch(contract.metric or "")
    return tuple(chosen[0] if chosen and name.startswith(chosen[1]) else name for name in USUAL)


def scores(contract: Contract, hits: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """Return the metrics of a ranking, of which the first *rows* contain *hits* positive ones, both cumulated."""
    values = {}
    for name in names(contract):
        kind, level = NAME.fullmatch(name).groups()  # type: ignore[union-attr]  # it matches by construction
        values[name] = (recall_at_precision if kind == "recall_at_precision" else lift_at)(hits, rows, float(level))
    return values


def cumulated(positive: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many positive rows, and how many rows, have at least each probability, the largest first."""
    order = np.argsort(-probability, kind="stable")
    ranked = probability[order]
    last = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True])
    return positive[order].cumsum()[last].astype("float64"), last + 1.0


def recall_at_precision(hits: np.ndarray, rows: np.ndarray, precision: float) -> float:
    """Return the largest recall at a threshold with at least this precision; 0 if there is none."""
    reached = hits[hits >= precision * rows - 1e-9]
    return float(reached.max(initial=0.0) / hits[-1]) if hits[-1] else float("nan")


def lift_at(hits: np.ndarray, rows: np.ndarray, share: float) -> float:
    """Return how many times more positive rows this share of the ranking contains than as many random rows."""
    return float(gain(hits, rows, np.array([share]))[0] / share)


def gain(hits: np.ndarray, rows: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return the share of the positive rows in each share of the ranking; rows of equal probability count evenly."""
    above = np.interp(shares * rows[-1], np.r_[0.0, rows], np.r_[0.0, hits])
    return np.asarray(above / (hits[-1] or np.nan))
