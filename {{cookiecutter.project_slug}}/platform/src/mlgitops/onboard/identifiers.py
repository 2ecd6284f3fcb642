"""Recognizes numbers that name something, such as customers or counties: categories or groups, no quantities."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from ..contract.column import MAX_MAGNITUDE, Column
from ..data import frame
from .profile import ColumnProfile, complete

ACTORS = (  # that several rows may belong to; the rows of one resemble each other
    "patient|subject|participant|respondent|person|people|user|customer|client|member|employee|worker|student|pupil"
    "|teacher|driver|player|player|buyer|seller|owner|borrower|applicant|household|family|subscriber|account|donor|guest"
    "|visitor|child|mother|twin|animal|sample|specimen|device|sensor|machine|engine|vehicle|car|truck|plane|aircraft"
)
PLACES = "county|country|region|district|city|town|village|state|school|hospital|clinic|store|shop|branch|station|site"
THINGS = (
    "movie|film|book|song|article|item|product|sku|order|invoice|session|visit|trip|ride|storm|event|game|match|team"
)
WHAT = f"{ACTORS}|{PLACES}|{THINGS}|business|company|firm|vendor|supplier|merchant|host|listing|author|artist"
NUMBERED = "ids?|uuid|guid|key|code|no|nr|num|number"
CODES = (
    "zip|zip[ _.-]?code|post[ _.-]?code|postal[ _.-]?code|plz|fips|naics|sic|isbn|ean|upc|gtin|sku|iban|ssn|phone"
    "|telephone|mobile|barcode|serial"
)
# names of columns whose numbers are names: customer_id, userId, countyid, "Customer No.", zip, statefips, product code
NAME = re.compile(
    rf"(^|[\s_.-])(ids?|uuid|guid|code|{CODES})[\s_.:\d-]*$|({WHAT})[\s_.-]?({NUMBERED})\.?$", re.IGNORECASE
)
CAMEL = re.compile(r"[a-z](I[dD]|Code|Fips|Zip)$")
JOINED = re.compile(r"^\w*(fips|zip|zipcode|postcode)$", re.IGNORECASE)
BELONGS = re.compile(rf"(^|[\s_.-])ids?[\s_.:\d-]*$|({WHAT})[\s_.-]?({NUMBERED})\.?$", re.IGNORECASE)
BELONGS_CAMEL = re.compile(r"[a-z]I[dD]$")
ACTOR = re.compile(rf"^({ACTORS})s?$|(^|[\s_.-])({ACTORS})[\s_.-]?({NUMBERED})\.?$", re.IGNORECASE)
MIN_GROUPS, MIN_ROWS_PER_GROUP, MAX_GROUP_SHARE = 10, 1.5, 0.3


def names_something(name: str, values: pd.Series) -> bool:
    """Return whether the numbers of a column are names: by its own name, or because they have too many digits."""
    filled = values.dropna()
    if not pd.api.types.is_any_real_numeric_dtype(filled) or filled.empty or (filled % 1 != 0).any():
        return False
    size = np.abs(filled.to_numpy(dtype="float64"))
    if (size > MAX_MAGNITUDE["integer"]).mean() > 0.5:
        return bool(size.max() < 1e20)  # more digits than a number keeps
    return bool((filled >= 0).all() and (NAME.search(name) or CAMEL.search(name) or JOINED.search(name)))


def as_category(file: pq.ParquetFile, name: str, profile: ColumnProfile, decimal: str) -> ColumnProfile:
    """Return *profile*, as that of a category if its numbers are names, read again as written: digits may be lost."""
    if not names_something(name, profile.values):
        return profile
    entry = {"type": "category"} | {key: profile.entry[key] for key in ("na_values",) if key in profile.entry}
    values = frame.read(file, name, Column.model_validate(entry), decimal)
    return complete(name, ColumnProfile(entry, values, remarks=profile.remarks))


def repeats(name: str, profile: ColumnProfile) -> int:
    """Return the number of groups, if the values of a column name what several rows belong to, else 0."""
    if profile.entry["type"] != "category" or "ignore" in profile.entry:
        return 0
    if not (BELONGS.search(name) or BELONGS_CAMEL.search(name) or ACTOR.search(name)):
        return 0
    counts = profile.values.value_counts()
    enough = len(counts) >= MIN_GROUPS and counts.sum() >= MIN_ROWS_PER_GROUP * len(counts)
    return len(counts) if enough and counts.max() <= MAX_GROUP_SHARE * counts.sum() else 0


def group(candidates: Mapping[str, int]) -> str | None:
    """Return the column whose values keep rows together: of a person or a device first, then that of the fewest groups.

    *candidates* are the numbers of groups by column.
    """
    names = [name for name, count in candidates.items() if count]
    return min(names, key=lambda name: (not ACTOR.search(name), candidates[name]), default=None)
