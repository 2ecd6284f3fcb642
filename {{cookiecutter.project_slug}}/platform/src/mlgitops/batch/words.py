"""The strings of one column: what each is read as, and whether the service's reader surely reads it so.

A column has few distinct strings as a rule, so each is looked at once, and kept for the next part of the table.
"""

import numpy as np
import pandas as pd
import pyarrow as pa

from ..contract.column import MISSING, Column
from ..contract.strings import BLANKS, normalized
from ..data.casting import typed

MAX_KEPT = 1 << 16  # distinct strings of a column that are kept
PLAIN = frozenset(map(chr, range(32)))  # control characters, which some readers take for blanks


class Words:
    """Reads the strings of a category or text."""

    def __init__(self, column: Column, longest: int) -> None:
        """Take no string of more than *longest* characters for sure."""
        self._column, self._longest = column, longest
        self._kept: dict[str | None, tuple[str, bool]] = {}

    def read(self, strings: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Return delivered strings as `encode` takes them, and which of them are sure."""
        encoded = strings.dictionary_encode()
        distinct = encoded.dictionary.to_pylist()
        kept = self._known()
        if new := [text for text in distinct if text not in kept]:
            values = typed(pd.Series(new, dtype=object), self._column).tolist()
            kept.update(zip(new, map(self._value, values), strict=True))
        codes = encoded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
        return self._spread([kept[text] for text in distinct], codes)

    def typed(self, values: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        """Return strings that have their type as `encode` takes them, and which of them are sure."""
        codes, distinct = pd.factorize(values)
        return self._spread([self._value(text) for text in distinct], np.where(codes < 0, len(distinct), codes))

    def _known(self) -> dict[str | None, tuple[str, bool]]:
        if len(self._kept) > MAX_KEPT:
            self._kept = {}  # a new one: another thread may be reading the old one
        return self._kept

    def _spread(self, distinct: list[tuple[str, bool]], codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        strings = np.empty(len(distinct) + 1, dtype=object)
        strings[:] = [text for text, _ in distinct] + [MISSING]
        sure = np.array([sure for _, sure in distinct] + [bool(self._column.missing)], dtype=bool)
        return strings[codes], sure[codes]

    def _value(self, text: object) -> tuple[str, bool]:
        if not isinstance(text, str):
            return MISSING, bool(self._column.missing)
        return text, self._is_sure(text)

    def _is_sure(self, text: str) -> bool:
        column = self._column
        if column.categories is not None and text not in column.categories:
            return False
        if not text.strip(BLANKS) or len(text) > self._longest or not PLAIN.isdisjoint(text):
            return False
        if text.strip() in column.missing_words or text != normalized(text, column.normalize):
            return False
        return "lower" not in column.normalize or text.isascii()
