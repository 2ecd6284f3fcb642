"""Decides whether words such as NA and None in a column of words are values, or stand for missing ones."""

from dataclasses import dataclass

import pandas as pd

from ..contract.column import NA_VALUES
from ..data.casting import BOOLEANS

COMMON = 0.01  # the share of rows from which such a word is a value
MIN_ROWS = 5
BOOLEAN_WORDS = {*BOOLEANS, "y", "n", "t", "f"}


@dataclass(frozen=True)
class MissingWords:
    """The words of a column that mean a missing value, None if it holds none; and what the user should check."""

    na_values: list[str] | None
    remarks: list[str]


def decide(name: str, strings: pd.Series, markers: frozenset[str]) -> MissingWords:
    """Return which of the words in NA_VALUES mean a missing value in *strings*, all values of the column *name*.

    A word is a value if it is common, or looks like the other values, as NA does among country codes. It is missing if
    it is one of the *markers*, which stand among the table's numbers, or if the other values are yes and no.
    """
    present = set(strings[strings.isin(NA_VALUES)].unique())
    words = [word for word in NA_VALUES if word in present]
    if not words:
        return MissingWords(None, [])
    counts = strings.value_counts()
    others = counts.drop(words)
    missing, remarks = [], []
    for word in words:
        rows = f"{name}: {word} ({counts[word]:,} rows)"
        if reason := _reason(word, int(counts[word]), others, len(strings), markers):
            missing.append(word)
            remarks.append(f"{rows} is read as missing, {reason}; without it in na_values, it is a value")
        else:
            remarks.append(f"{rows} is a value like the others; na_values: [{word}] makes it a missing one")
    return MissingWords(missing, remarks)


def _reason(word: str, count: int, others: pd.Series, rows: int, markers: frozenset[str]) -> str | None:
    """Return why *word* is missing, None if it is a value."""
    if others.empty or {str(value).lower() for value in others.index} <= BOOLEAN_WORDS:
        return "as the others are yes and no" if len(others) else "as there is no other"
    if word in markers:
        return "as among the numbers of this table"
    common = count >= max(MIN_ROWS, COMMON * rows) or count >= max(MIN_ROWS, others.median())
    return None if common or _alike(word, others) else "as it is rare"


def _alike(word: str, others: pd.Series) -> bool:
    """Return whether *word* has the form of the other values: codes of the same length in capitals."""
    return word.isupper() and all(len(str(value)) == len(word) and str(value).isupper() for value in others.index)
