"""Your features: each public function is one, computed alike in training, serving and batch scoring.

Its parameters are columns of contract.yaml: numpy arrays with one entry per row. Numbers are float64 with NaN where
missing, categories str with "" where missing, dates datetime64[s] with NaT. Its annotation says what it returns,
numbers or categories, and its docstring is its description. Import numpy and the standard library only.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

RUNWAY = 40  # degrees


def dew_point_spread(temperature: Numbers, dew_point: Numbers) -> Numbers:
    """Temperature less dew point in degrees Fahrenheit: near 0 there is fog or low cloud."""
    return temperature - dew_point


def crosswind(wind_direction: Numbers, wind_speed: Numbers) -> Numbers:
    """Wind across the runways that New York's three airports share, 040/220 degrees, in miles per hour."""
    across = wind_speed * np.sin(np.deg2rad(wind_direction - RUNWAY))
    return np.round(across, 1)  # processors differ in the last digits of a sine
