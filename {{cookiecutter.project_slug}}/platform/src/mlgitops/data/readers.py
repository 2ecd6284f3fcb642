"""Reads tables as they are delivered, part by part: Parquet, or text of any encoding and separator."""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from ..common.errors import ProjectError
from .encoding import encoding, in_utf8

KINDS = (".csv", ".tsv", ".txt", ".parquet", ".csv.gz", ".tsv.gz", ".txt.gz")
EMPTY = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>"]  # as pandas reads them
HEAD = 1 << 20  # bytes from which separator and header are found out
RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")  # what Arrow says of it
SEPARATOR = re.compile(r'"?sep=(.)"?\s*')  # a line before the header, which spreadsheets write and obey
BINARY = {  # how files begin that are no text, and what to do about them
    b"PK": "unpack the archive, or save the sheet of the workbook as .csv",
    b"\xd0\xcf\x11\xe0": "save the sheet of the workbook as .csv",
    b"\x1f\x8b": "it is compressed with gzip, so let its name end with .csv.gz",
    b"PAR1": "it is Parquet, so let its name end with .parquet",
}
TEXTS = {  # how texts begin that are no table, and what they are
    re.compile(r'\s*(\{\s*"|\[\s*[\[{])'): "JSON: save it as .csv or .parquet",
    re.compile(r"\s*<(!doctype|html|\?xml)", re.IGNORECASE): "a web page or XML: is it the right address?",
}


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the table in *path* part by part: Parquet as it is, a text table with every cell as text.

    The encoding and the separator of a text table are found out. Raises ProjectError naming the file, and the line
    where one cannot be read.
    """
    if not path.name.lower().endswith(KINDS):
        raise ProjectError(f"{path}: not a table that can be read; save it as one of {', '.join(KINDS)}")
    try:
        if path.suffix.lower() == ".parquet":
            for part in pq.ParquetFile(path).iter_batches():
                # without what pandas keeps beside the columns: an index is a column like any other
                yield pa.RecordBatch.from_arrays(part.columns, names=unique(part.schema.names))
        else:
            yield from _text_batches(path)
    except (OSError, EOFError, pa.ArrowInvalid, UnicodeError) as error:
        raise ProjectError(
            f"{path}: cannot be read as a table: is it complete, and what its name says? {error}"
        ) from error


def _text_batches(path: Path) -> Iterator[pa.RecordBatch]:
    head = _head(path)
    named = encoding(path, head)
    lines = _lines(path, head, named)
    told = SEPARATOR.fullmatch(lines[0])
    separator = told[1] if told else "\t" if ".tsv" in path.suffixes else _separator(lines[:50])
    skipped, header = _header(lines, separator, int(bool(told)))
    names = unique(header)
    # no encoding and no handler of rows: they are Python that Arrow's threads hold, and may hold after Python's end
    read = pa.csv.ReadOptions(use_threads=False, block_size=1 << 23, column_names=names, skip_rows=skipped)
    parse = pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    types = dict.fromkeys(names, pa.string())
    convert = pa.csv.ConvertOptions(column_types=types, null_values=EMPTY, strings_can_be_null=True)
    try:
        with in_utf8(path, named) as text:
            yield from pa.csv.open_csv(str(text), read, parse, convert)
    except pa.ArrowInvalid as error:
        if not (ragged := RAGGED.search(str(error))):
            raise
        row, expected, actual = ragged.groups()
        raise ProjectError(
            f"{path}:{row}: {actual} cells, and the header names {expected} columns: "
            "mend that line, or remove what stands before the header"
        ) from error


def _head(path: Path) -> bytes:
    """Return the first bytes of a text; raises ProjectError where it is none."""
    with pa.input_stream(str(path)) as file:
        head: bytes = file.read(HEAD)
    if not head.strip():
        raise ProjectError(f"{path}: is empty")
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        todo = next((todo for magic, todo in BINARY.items() if head.startswith(magic)), "save it as .csv or .parquet")
        raise ProjectError(f"{path}: is not text, so no table: {todo}")
    return head


def _lines(path: Path, head: bytes, named: str) -> list[str]:
    """Return the whole lines of *head*; raises ProjectError where they are those of no table."""
    text = head.decode(named, errors="ignore").lstrip("\ufeff")
    for beginning, what in TEXTS.items():
        if beginning.match(text):
            raise ProjectError(f"{path}: is no table but {what}")
    lines = list(io.StringIO(text, newline=""))
    lines = lines[:-1] if len(head) == HEAD else lines  # the last one may be cut
    if not lines:
        raise ProjectError(f"{path}: its first line, which has to name the columns, does not end within a megabyte")
    return lines


def _separator(lines: list[str]) -> str:
    """Return the separator that cuts the first lines into the same number of cells, the more the better."""

    def evenness(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        return (sum(width == widths[0] for width in widths) / len(widths), widths[0]) if max(widths) > 1 else (0, 0)

    return max(",;\t|", key=evenness)


def _header(lines: list[str], separator: str, skipped: int) -> tuple[int, list[str]]:
    """Return how many lines come before the first row of data, and the cells of the header."""
    reader = csv.reader(lines[skipped:], delimiter=separator)
    header = next((row for row in reader if any(map(str.strip, row))), [])
    return skipped + reader.line_num, header


def unique(header: list[str]) -> list[str]:
    """Return the names of the columns: none empty, none twice."""
    names: list[str] = []
    for position, name in enumerate(header, 1):
        one = plain(name) or f"column {position}"
        names.append(one if one not in names else f"{one}.{position}")
    return names


def plain(name: str) -> str:
    """Return the name of a column without blanks around it, and with single ones in it."""
    return " ".join(name.split())
