"""Finds quoted values that have swallowed rows: two stray quotes take all lines between them out of a table."""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..common.errors import ProjectError
from ..contract.params import Ingest

ESCAPED = re.compile(r'(^|\W)"[^"]*\\"')
SHOWN = 5  # places that a message names
LIMIT = 1 << 30  # characters of one value; the csv module's default of 131,072 is too few


def rows(lines: Iterable[str], separator: str, settings: Ingest) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the rows of a text table, each with the numbers of its first and its last line."""
    csv.field_size_limit(LIMIT)
    if settings.quoting == "none":
        reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
    elif settings.quoting == "escaped":
        reader = csv.reader(lines, delimiter=separator, escapechar="\\", doublequote=False)
    else:
        reader = csv.reader(lines, delimiter=separator)
    number = 1
    for row in reader:
        yield number, reader.line_num, row
        number = reader.line_num + 1


def swallowed(value: str, separator: str, width: int) -> int:
    """Return how many rows of *width* values a value has swallowed, judged by its separators; 0 if it looks sound.

    Between two stray quotes in the same column lie as many separators as in the rows that they take in. A short text
    of two lines has the same number by chance in a narrow table: there, more lines are needed.
    """
    breaks = value.count("\n") or value.count("\r")
    least = {1: LIMIT, 2: 3, 3: 2}.get(width, 1)
    return breaks if breaks >= least and value.count(separator) == breaks * (width - 1) else 0


class QuoteCheck:
    """Counts the line breaks inside values, part by part, and refuses values that have swallowed rows."""

    def __init__(self, path: Path, text: Path, separator: str, skipped: int, settings: Ingest) -> None:
        """Check the table at *path*, whose copy in UTF-8 is *text*; the first *skipped* lines are no data."""
        self.path, self.text, self.separator, self.skipped, self.settings = path, text, separator, skipped, settings
        self.breaks = 0

    def see(self, part: pa.RecordBatch) -> None:
        """Count the line breaks of a *part*; raises ProjectError naming the lines at which values swallow rows."""
        for values in part.columns:
            breaks = max(pc.sum(pc.count_substring(values, end)).as_py() or 0 for end in "\n\r")
            if not breaks:
                continue
            self.breaks += breaks
            if self.settings.quoting in ("checked", "escaped"):
                broken = values.filter(pc.match_substring_regex(values, "[\r\n]"))
                if any(swallowed(v, self.separator, part.num_columns) for v in broken.to_pylist() if v):
                    self._refuse(part.num_columns)

    def _refuse(self, width: int) -> None:
        places, lost = [], 0
        for number, row in self._rows():
            for value in row:
                if count := swallowed(value, self.separator, width):
                    places.append(f"line {number} to {number + count}")
                    lost += count
        shown = ", ".join(places[:SHOWN]) + (f" and {len(places) - SHOWN} more" if len(places) > SHOWN else "")
        raise ProjectError(
            f"{self.path}: a quoted value takes in whole rows, {lost:,} lines in all: {shown}: "
            "remove the stray double quotes there, or set ingest.quoting in params.yaml to none (QUOTING=none) if "
            "quotes are ordinary characters, or to trusted if the values are right"
        )

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        with self.text.open(encoding="utf-8", newline="") as lines:
            for _ in range(self.skipped):
                next(lines)
            for number, _, row in rows(lines, self.separator, self.settings):
                yield number + self.skipped, row

    def is_escaped(self) -> bool:
        """Return whether a quote within a quoted value is written with a backslash."""
        with self.text.open(encoding="utf-8", newline="") as lines:
            return any(ESCAPED.search(line) for line in lines)

    def longest(self) -> str:
        """Return where the value with the most lines begins: a quote without an end makes a file unreadable."""
        number, count = max(
            ((number, max(map(_breaks, row), default=0)) for number, row in self._rows()), key=lambda place: place[1]
        )
        return (
            f"the quoted value that begins at line {number} has {count + 1:,} lines: does its quote end? "
            "(or set QUOTING=none)"
        )


def _breaks(value: str) -> int:
    return value.count("\n")
