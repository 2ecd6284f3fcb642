"""Recognizes numbers that are written with a unit, a multiplier or a limit: 90 min, EUR 5.20, 1.2M, <0.5, 1600+."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..contract import spelling
from ..contract.column import Column
from . import date_formats

CURRENCIES = (  # codes, and prefixes of more than one letter
    r"AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KES|KRW|MXN|MYR|NGN|NOK|"
    r"NZD|PEN|PHP|PKR|PLN|RMB|RON|RSD|RUB|SAR|SEK|SGD|THB|TRY|TWD|UAH|USD|VND|ZAR|"
    r"US\$|R\$|C\$|A\$|NT\$|HK\$|Rs\.?|Fr\.?|kr|zł|Kč"
)
MULTIPLIERS = {
    "k": 1e3, "K": 1e3, "M": 1e6, "Mio": 1e6, "Mio.": 1e6, "mn": 1e6, "million": 1e6, "Million": 1e6, "mil": 1e6,
    "B": 1e9, "bn": 1e9, "Bn": 1e9, "Mrd": 1e9, "Mrd.": 1e9, "billion": 1e9, "Billion": 1e9, "T": 1e12,
    "L": 1e5, "lakh": 1e5, "Lakh": 1e5, "Cr": 1e7, "crore": 1e7, "Crore": 1e7,
}  # fmt: skip
AMBIGUOUS = {"T", "L", "B"}  # tonnes, litres and bytes, unless other multipliers stand in the column
QUANTITY = re.compile(
    rf"(?P<limit>[<>\u2264\u2265]=?\s*)?(?P<sign>[-+])?(?:(?P<prefix>{CURRENCIES})\s*)?[-+]?"
    r"(?P<number>(?:\D{0,2})\d[\d.,'\u2019 ]*?)"
    r"(?P<suffix>\s*(?:[^\W\d_]|[%°$€£¥/])(?:[\w./²³°%]|\s(?=[^\W\d]))*)?(?P<plus>\s*\+)?"
)
LETTER = re.compile(r"[^\W\d_]")
MAX_UNIT = 15  # characters
MAX_UNITS = 6  # with more, what follows the numbers is no unit
MOST = 0.9  # the share of distinct values that must be numbers
MAX_CATEGORIES = 20  # up to which ranges and the like are left as they are
OF_NUMBERS = re.compile(
    r"(\W{0,3}|pt?|ca?\.?\s*)\d[\d.,]*(\s*([^\W\d_]{1,3}|\W{1,3}|to|bis)\s*\d[\d.,]*)*\s*[^\W\d_]{0,4}\W{0,3}",
    re.IGNORECASE,
)


@dataclass
class Quantity:
    """The keys of the contract by which strings are numbers, and remarks; no keys if the strings have several units."""

    keys: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


def of(strings: pd.Series, decimal: str) -> Quantity | None:
    """Return how *strings* are numbers, or None if they are none, or plain numbers."""
    distinct = strings.drop_duplicates()
    matches = [QUANTITY.fullmatch(text.translate(spelling.SIGNS).strip()) for text in distinct]
    parsed = [match for match in matches if match and _is_number(match["number"], decimal)]
    if len(parsed) <= MOST * len(distinct) or not any(_marks(match) for match in parsed):
        return None
    units = Counter(unit for match in parsed for unit in _units(match))
    quantity = Quantity()
    multipliers = {unit: MULTIPLIERS[unit] for unit in sorted(units) if unit in MULTIPLIERS}
    if multipliers.keys() <= AMBIGUOUS:
        multipliers = {}
    names = sorted(unit for unit in units if unit not in multipliers)
    if len(names) > 1:
        listed = ", ".join(f"{name} ({units[name]:,})" for name in names)
        sure = len(names) <= MAX_UNITS and min(units[name] for name in names) > 1
        return Quantity({}, [f"looks like numbers with several units, which are not read: {listed}"]) if sure else None
    if names:
        quantity.keys["unit"] = names[0]
        if bare := sum(names[0] not in _units(match) for match in parsed):
            quantity.remarks.append(f"{bare:,} of {len(parsed):,} distinct numbers have no unit; read as {names[0]}")
    if multipliers:
        quantity.keys["multipliers"] = multipliers
        listed = ", ".join(f"{name} as {factor:,.0f}" for name, factor in multipliers.items())
        quantity.remarks.append(f"read {listed} (multipliers)")
    symbols = sorted(
        {character for match in parsed for character in match[0] if unicodedata.category(character) == "Sc"}
    )
    if len(symbols) > 1:
        quantity.remarks.append(f"amounts in {' and '.join(symbols)} are not converted")
    _limits(quantity, parsed)
    return quantity if _readable(distinct, quantity, decimal) else None


def _is_number(text: str, decimal: str) -> bool:
    """Return whether *text* is a number that is not a code such as 007."""
    digits = "".join(character for character in text if not unicodedata.category(character).startswith("S")).strip()
    return spelling.number(digits, None, decimal) is not None and re.match(r"0\d", digits) is None


def _marks(match: re.Match[str]) -> bool:
    return any(match[group] for group in ("limit", "prefix", "suffix", "plus"))


def _units(match: re.Match[str]) -> list[str]:
    """Return the units in a value: those with a letter; symbols of currencies and % are read without the contract."""
    suffix = (match["suffix"] or "").strip()
    if suffix and not LETTER.search(suffix) and suffix[:1] != "°":
        suffix = ""
    words = suffix.split(" ", 1) if suffix.split(" ", 1)[0] in MULTIPLIERS else [suffix]
    return [unit for unit in (match["prefix"], *words) if unit]


def _limits(quantity: Quantity, parsed: list[re.Match[str]]) -> None:
    below = [match[0] for match in parsed if (match["limit"] or "").startswith(("<", "\u2264"))]
    above = [match[0] for match in parsed if (match["limit"] or "").startswith((">", "\u2265")) or match["plus"]]
    if below:
        quantity.keys["below_detection"] = "half"
        quantity.remarks.append(f"{_listed(below)} read as half of the limit (below_detection)")
    if above:
        quantity.keys["above_detection"] = "limit"
        quantity.remarks.append(f"{_listed(above)} read as the limit (above_detection)")


def _listed(values: list[str]) -> str:
    return f"{len(values):,} distinct values such as {values[0]} are" if len(values) > 1 else f"{values[0]} is"


def made_of_numbers(strings: pd.Series, decimal: str) -> list[str]:
    """Return a remark if *strings* are many values that are made of numbers: 1/4, 10-20, ~5, 1h 20m, 1,5 beside 2.5."""
    distinct = strings.drop_duplicates()
    if len(distinct) <= MAX_CATEGORIES or date_formats.periods(strings):
        return []
    if distinct.str.fullmatch(OF_NUMBERS).mean() <= MOST or distinct.str.isalnum().mean() > 1 - MOST:
        return []
    reason = "become categories: if they measure something, make numbers in load()"
    other = "," if decimal == "." else "."
    if sum(spelling.number(text, None, other) is not None for text in distinct) > MOST * len(distinct):
        reason = f"become categories: the other columns write decimals with {decimal!r}"
    return [f"values such as {distinct.iloc[0]!r} {reason}"]


def _readable(distinct: pd.Series, quantity: Quantity, decimal: str) -> bool:
    """Return whether the reader of the table understands most of the *distinct* values with the keys."""
    if len(quantity.keys.get("unit", "")) > MAX_UNIT:
        return False
    column = Column.model_validate({"type": "number", **quantity.keys})
    return sum(spelling.number(text, column, decimal) is not None for text in distinct) > MOST * len(distinct)
