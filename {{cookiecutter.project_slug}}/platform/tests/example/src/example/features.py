"""Two features: a number of two columns, and a category of a column that is no feature itself."""

import numpy as np
from numpy.typing import NDArray


def value_per_kilogram(value: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euros per kilogram, of one kilogram more than it weighs."""
    return value / (weight + 1)


def area(postcode: NDArray[np.str_]) -> NDArray[np.str_]:
    """First digit of the postcode."""
    return np.array([_first(code) for code in postcode], dtype=object)


def _first(code: str) -> str:
    return code[:1]
