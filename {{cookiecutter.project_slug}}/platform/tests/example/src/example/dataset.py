"""Parcels that were sent back or not, made up: the same ones each time."""

import numpy as np
import pandas as pd


def load() -> pd.DataFrame:
    """Return 400 parcels."""
    random, count = np.random.default_rng(0), 400

    def gaps(cells: object) -> pd.Series:
        return pd.Series(cells, dtype=object).mask(random.random(count) < 0.1)

    weight, value = random.uniform(0.1, 30, count).round(2), random.uniform(1, 900, count).round(2)
    late = pd.to_timedelta(random.integers(0, 3 * 365 * 86400, count), unit="s")
    return pd.DataFrame(
        {
            "parcel": [f"P{number:06}" for number in range(count)],
            "sent": (pd.Timestamp("2020-06-01") + late).floor("s"),
            "weight": gaps(weight).astype(float),
            "value": value,
            "items": gaps(random.integers(1, 9, count)).astype(float),
            "gift": random.random(count) < 0.3,
            "shop": random.choice(["north", "south", "west"], count),
            "country": gaps(random.choice(["AT", "CH", "DE", "FR", "IT"], count)),
            "postcode": gaps([f"{number:04}" for number in random.integers(1000, 9999, count)]),
            "note": gaps(random.choice(["for you", "thanks"], count)),
            "returned": value / (weight + 1) + random.normal(0, 10, count) > 30,
        }
    )
