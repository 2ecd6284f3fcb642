"""Reads tables as delivered, in chunks: Parquet, or text of any encoding and separator."""

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

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".csv.gz", ".tsv.gz", ".txt.gz")
HEAD_BYTES = 1 << 20  # from which separator and header are detected
RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")  # Arrow's message
SEPARATOR = re.compile(r'"?sep=(.)"?\s*')  # a line before the header, written and read by spreadsheets
BINARY = {  # first bytes of files that are not text -> what to do
    b"PK": "unpack the archive, or save the sheet of the workbook as .csv",
    b"\xd0\xcf\x11\xe0": "save the sheet of the workbook as .csv",
    b"\x1f\x8b": "it is compressed with gzip: rename it to end with .csv.gz",
    b"PAR1": "it is Parquet: rename it to end with .parquet",
}
NOT_TABLES = {  # beginnings of text files that are not tables -> what they are
    re.compile(r'\s*(\{\s*"|\[\s*[\[{])'): "JSON: save it as .csv or .parquet",
    re.compile(r"\s*<(!doctype|html|\?xml)", re.IGNORECASE): "a web page or XML: check the address",
}


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the table in *path* in chunks: Parquet as it is, a text table with all values as strings.

    The encoding and the separator of a text table are detected. Raises ProjectError naming the file, and the line that
    cannot be read.
    """
    if not path.name.lower().endswith(SUFFIXES):
        raise ProjectError(f"{path}: unknown kind of table: save it as one of {', '.join(SUFFIXES)}")
    try:
        if path.suffix.lower() == ".parquet":
            for batch in pq.ParquetFile(path).iter_batches():
                # drops the metadata of pandas: an index is a column like any other
                yield pa.RecordBatch.from_arrays(batch.columns, names=unique(batch.schema.names))
        else:
            yield from _text_batches(path)
    except (OSError, EOFError, pa.ArrowInvalid, UnicodeError) as error:
        raise ProjectError(
            f"{path}: cannot be read as a table; check that it is complete and of the kind that its name says: {error}"
        ) from error


def _text_batches(path: Path) -> Iterator[pa.RecordBatch]:
    head = _head(path)
    encoding_name = encoding(path, head)
    lines = _lines(path, head, encoding_name)
    declared = SEPARATOR.fullmatch(lines[0])
    separator = declared[1] if declared else "\t" if ".tsv" in path.suffixes else _separator(lines[:50])
    skipped, header = _header(lines, separator, int(bool(declared)))
    names = unique(header)
    # no encoding and no row handler: Arrow's threads would hold those Python objects, even after Python ends
    read = pa.csv.ReadOptions(use_threads=False, block_size=1 << 23, column_names=names, skip_rows=skipped)
    parse = pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    types = dict.fromkeys(names, pa.string())
    convert = pa.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    try:
        with in_utf8(path, encoding_name) as text:
            yield from pa.csv.open_csv(str(text), read, parse, convert)
    except pa.ArrowInvalid as error:
        if not (ragged := RAGGED.search(str(error))):
            raise
        row, expected, actual = ragged.groups()
        raise ProjectError(
            f"{path}:{row}: {actual} values, but the header names {expected} columns: "
            "fix that line, or remove the lines before the header"
        ) from error


def _head(path: Path) -> bytes:
    """Return the first bytes of a text file; raises ProjectError if it is empty or binary."""
    with pa.input_stream(str(path)) as file:
        head: bytes = file.read(HEAD_BYTES)
    if not head.strip():
        raise ProjectError(f"{path}: is empty")
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        advice = next((fix for magic, fix in BINARY.items() if head.startswith(magic)), "save it as .csv or .parquet")
        raise ProjectError(f"{path}: not a text file: {advice}")
    return head


def _lines(path: Path, head: bytes, encoding_name: str) -> list[str]:
    """Return the complete lines of *head*; raises ProjectError if they are not those of a table."""
    text = head.decode(encoding_name, errors="ignore").lstrip("\ufeff")
    for beginning, kind in NOT_TABLES.items():
        if beginning.match(text):
            raise ProjectError(f"{path}: not a table but {kind}")
    lines = list(io.StringIO(text, newline=""))
    lines = lines[:-1] if len(head) == HEAD_BYTES else lines  # the last one may be incomplete
    if not lines:
        raise ProjectError(f"{path}: the first line, which must name the columns, is longer than a megabyte")
    return lines


def _separator(lines: list[str]) -> str:
    """Return the separator that splits the most lines into as many values as the first; on a tie, the most values."""

    def evenness(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        return (sum(width == widths[0] for width in widths) / len(widths), widths[0]) if max(widths) > 1 else (0, 0)

    return max(",;\t|", key=evenness)


def _header(lines: list[str], separator: str, skipped: int) -> tuple[int, list[str]]:
    """Return the number of lines before the first row of data, and the values of the header."""
    reader = csv.reader(lines[skipped:], delimiter=separator)
    header = next((row for row in reader if any(map(str.strip, row))), [])
    return skipped + reader.line_num, header


def unique(header: list[str]) -> list[str]:
    """Return the names of the columns, with empty and repeated ones made unique."""
    names: list[str] = []
    for position, name in enumerate(header, 1):
        label = plain(name) or f"column {position}"
        names.append(label if label not in names else f"{label}.{position}")
    return names


def plain(name: str) -> str:
    """Return the name of a column without outer spaces, and with single spaces inside."""
    return " ".join(name.split())
