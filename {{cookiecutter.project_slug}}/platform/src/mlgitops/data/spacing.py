"""Chooses rows that stand for all of them."""

import numpy as np


def evenly_spaced(rows: int, count: int) -> np.ndarray:
    """Return the positions of at most *count* among *rows* rows, evenly spaced and in their order."""
    return np.unique(np.linspace(0, rows - 1, min(count, rows)).astype(int))
