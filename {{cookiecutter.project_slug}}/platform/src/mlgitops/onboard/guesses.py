"""Guesses what the values of a column are: booleans, dates, numbers, or words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from ..contract import zones
from ..data import casting
from . import date_formats, elapsed_times, quantities
from .date_formats import DateFormat

PLACEHOLDERS = {  # common spellings of a missing value, in lower case
    "?", "-", "--", "---", ".", "*", "x", "unknown", "unk", "missing", "none", "nil", "na", "n.a.", "n/a", "nan",
    "null", "(null)", "\\n", "tbd", "not available", "not applicable", "not recorded", "no data", "undefined", "<na>",
    "#n/a", "#value!", "#div/0!", "#ref!", "#name?", "#num!", "#null!", "inf", "-inf", "infinity", "-nan", "1.#ind",
    "-1.#ind", "1.#qnan", "0000-00-00", "0000-00-00 00:00:00",
}  # fmt: skip
MOST = 0.9  # of the values must be dates
EXACT = 2**53
CODED = r"[-+]?0\d"  # 00123 is a code, not a number


@dataclass
class Guess:
    """An entry of the contract that may fit a column, and what the user should check about how it is read.

    *resembles* says what the values look like if that is something that is not read.
    """

    entry: dict[str, Any]
    remarks: list[str] = field(default_factory=list)
    resembles: str | None = None


def of(name: str, values: pd.Series, decimal: str) -> Iterator[Guess]:
    """Yield the guesses for the *values* of a sample, none of which is missing, the likeliest first."""
    if pd.api.types.is_bool_dtype(values):
        yield Guess({"type": "boolean"})
    elif pd.api.types.is_datetime64_any_dtype(values):
        yield _dates(DateFormat(None), values)
    elif pd.api.types.is_numeric_dtype(values):
        yield from _since_1970(name, values)
        whole = values[(values % 1 == 0) & (values.abs() < EXACT)].astype("int64").astype("string")
        yield from _without_separators(name, whole, len(values))
        yield Guess({"type": "number"}, elapsed_times.spreadsheet_days(name, values))
    elif pd.api.types.is_timedelta64_dtype(values):
        yield Guess({"type": "number"})
    else:
        yield from _of_strings(name, values.astype("string"), decimal)
        return
    yield Guess({"type": "category", "na_values": []})


def _of_strings(name: str, strings: pd.Series, decimal: str) -> Iterator[Guess]:
    if (numbers := _plain(strings)) is not None:
        yield from _since_1970(name, numbers)
        whole = strings[(numbers % 1 == 0).to_numpy()]
        yield from _digits(name, whole, len(strings))
        if not strings.str.match(CODED).any():
            yield Guess({"type": "number"}, elapsed_times.spreadsheet_days(name, numbers))
        yield Guess({"type": "category", "na_values": []})
        return
    if set(strings.str.lower().unique()) <= {"true", "false"}:
        yield Guess({"type": "boolean"})
    values = strings[~strings.str.lower().isin(PLACEHOLDERS)]
    if dates := date_formats.of_strings(values):
        yield _dates(dates, values)
    yield from _since_1970(name, pd.to_numeric(values.astype(object), errors="coerce").astype("float64"))
    yield from _digits(name, values, len(values))
    quantity = quantities.of(values, decimal)
    coded = strings.str.match(CODED).any()
    if quantity and quantity.keys:
        yield Guess({"type": "number", **quantity.keys}, quantity.remarks)
    elif not coded and casting.numbers(strings, decimal).notna().mean() > 0.5:
        yield Guess({"type": "number"}, quantity.remarks if quantity else [])
    resembles = quantity.remarks[0] if quantity and not quantity.keys and quantity.remarks else None
    resembles = resembles or date_formats.resemblance(values)
    remarks = [resembles] if resembles else quantities.made_of_numbers(values, decimal)
    yield Guess({"type": "category", "na_values": []}, remarks, resembles)


def _plain(strings: pd.Series) -> pd.Series | None:
    """Return *strings* as numbers if all are plain ones, such as 12, -0.5 or 1e3; then nothing else has to be tried."""
    numbers = pd.to_numeric(strings.astype(object), errors="coerce").astype("float64")
    return numbers if np.isfinite(numbers).all() else None


def _since_1970(name: str, numbers: pd.Series) -> Iterator[Guess]:
    if elapsed := elapsed_times.since_1970(name, numbers):
        yield Guess({"type": "datetime", "format": elapsed.format}, [str(elapsed.remark)])


def _digits(name: str, values: pd.Series, rows: int) -> Iterator[Guess]:
    if len(values) > MOST * rows:
        digits = values[values.str.fullmatch(r"\d+(\.0+)?")].str.replace(r"\.0+$", "", regex=True)
        yield from _without_separators(name, digits, rows)


def _without_separators(name: str, digits: pd.Series, rows: int) -> Iterator[Guess]:
    if len(digits) > MOST * rows and (dates := date_formats.of_digits(name, digits)):
        yield _dates(dates, digits)


def _dates(dates: DateFormat, values: pd.Series) -> Guess:
    entry = {"type": "datetime"} | ({"format": dates.format} if dates.format else {})
    if (
        dates.format is None
        and casting.timestamps(values, zone=None).isna().mean() > casting.timestamps(values).isna().mean()
    ):
        entry["zone"] = zones.UTC_NAME  # some have a zone
    return Guess(entry, [dates.remark] if dates.remark else [])
