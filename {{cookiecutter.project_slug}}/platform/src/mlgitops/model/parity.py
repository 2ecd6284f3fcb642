"""Parity: how far the ONNX model is from the estimator that it was converted from."""

from dataclasses import dataclass

import numpy as np

from ..common.errors import ProjectError
from ..common.record import Record
from ..contract.contract import Contract
from ..contract.params import Export

EXAMPLES = 5  # rows that a message shows


@dataclass(frozen=True)
class Parity(Record):
    """The largest difference between the exported model and the trained one on *rows* rows."""

    rows: int
    largest_difference: float
    tolerance: float


@dataclass(frozen=True)
class Difference(Record):
    """The largest difference between two models on *rows* rows, and the rows that differ most, in words."""

    rows: int
    largest: float
    examples: tuple[str, ...]


def differences(contract: Contract, trained: np.ndarray, exported: np.ndarray) -> np.ndarray:
    """Return one difference per row: absolute for probabilities, relative for numbers; NaN where one is no number.

    A number close to zero has no size of its own: the mean magnitude counts there.
    """
    difference = np.abs(trained - exported)
    if contract.classes:
        return np.asarray(difference.max(axis=1))
    size = np.maximum(np.abs(trained), np.abs(trained).mean())
    return np.asarray(difference / np.maximum(size, np.finfo(np.float32).tiny))


def measure(contract: Contract, trained: np.ndarray, exported: np.ndarray) -> Difference:
    """Return the difference of the answers of both models."""
    worst = differences(contract, trained, exported)
    worst = np.where(np.isnan(worst), np.inf, worst)
    largest = np.argsort(-worst, kind="stable")[:EXAMPLES]
    return Difference(len(worst), float(worst.max()), _examples(trained, exported, largest))


def parity(contract: Contract, trained: np.ndarray, exported: np.ndarray, params: Export) -> Parity:
    """Compare the exported model with the trained one; raises ProjectError if they differ beyond the tolerance."""
    worst, tolerance = differences(contract, trained, exported), tolerance_of(contract, params)
    beyond = np.flatnonzero(~(worst <= tolerance))
    if len(beyond):
        largest = beyond[np.argsort(-worst[beyond], kind="stable")][:EXAMPLES]
        count = f"{len(beyond)} of {len(worst)} rows differ"
        raise _too_far(count, tolerance, _examples(trained, exported, largest))
    return Parity(len(worst), float(worst.max()), tolerance)


def tolerance_of(contract: Contract, params: Export) -> float:
    """Return the tolerance of the contract's task."""
    return params.probability_tolerance if contract.classes else params.number_tolerance


def accepted(difference: Difference, tolerance: float) -> Parity:
    """Return the parity of a difference that was measured; raises ProjectError beyond the tolerance."""
    if not difference.largest <= tolerance:
        raise _too_far(f"some of {difference.rows} rows differ", tolerance, difference.examples)
    return Parity(difference.rows, difference.largest, tolerance)


def _examples(trained: np.ndarray, exported: np.ndarray, rows: np.ndarray) -> tuple[str, ...]:
    return tuple(f"row {row}: trained {trained[row].tolist()}, exported {exported[row].tolist()}" for row in rows)


def _too_far(count: str, tolerance: float, examples: tuple[str, ...]) -> ProjectError:
    shown = "".join(f"  {example}\n" for example in examples)
    return ProjectError(
        f"export: {count} by more than {tolerance:g}; the most:\n{shown}"
        "try another algorithm, or raise the tolerance in params.yaml (export)"
    )
