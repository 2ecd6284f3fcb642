"""What makes the numbers of a model doubtful: columns that leak the target, and classes with few test rows."""

import numpy as np
import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Gates
from ..data import frame
from ..model import metrics
from ..model.leaks import Leak
from ..model.scorer import Scorer
from .report import Evidence


def leaks(scorer: Scorer) -> tuple[str, ...]:
    """Return the leaks that training found and the contract does not acknowledge, in words."""
    contract, metric = scorer.contract, metrics.name(scorer.contract)
    recorded = [Leak(**{**leak, "columns": tuple(leak["columns"])}) for leak in scorer.manifest.get("leaks", [])]
    new = [leak for leak in recorded if not set(leak.columns) <= set(contract.acknowledged_leaks)]
    return tuple(leak.explain(contract.target, metric) for leak in new)


def class_rows(contract: Contract, rows: pd.DataFrame) -> dict[str, int]:
    """Return the number of rows of each class."""
    if not contract.classes:
        return {}
    counts = np.bincount(frame.target(rows, contract), minlength=len(contract.classes))
    return dict(zip(contract.classes, counts.tolist(), strict=True))


def few(unproven: tuple[str, ...]) -> list[str]:
    """Return the sentence on classes with few test rows, if there are any."""
    named = ", ".join(unproven)
    return [f"Few test rows: {named}. The intervals are wide, so this is no proof of the model."] if unproven else []


def unproven(evidence: Evidence, limits: Gates) -> tuple[str, ...]:
    """Return the classes with so few test rows that no verdict on the model is proven, with their numbers."""
    least = limits.min_class_rows or 0
    return tuple(f"{name} ({count})" for name, count in evidence.class_rows.items() if count < least)
