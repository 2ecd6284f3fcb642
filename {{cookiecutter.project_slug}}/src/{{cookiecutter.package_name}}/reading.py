"""Reads tables as they are delivered, part by part: Parquet, or text of any encoding and separator."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from .config import ProjectError

KINDS = (".csv", ".tsv", ".txt", ".parquet")
EMPTY = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>"]  # as pandas reads them


def batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the table in *path* part by part: Parquet as it is, a text table with every cell as text.

    The encoding and the separator of a text table are found out. Raises ProjectError naming the file, and the line
    where one cannot be read.
    """
    if path.suffix.lower() not in KINDS:
        raise ProjectError(f"{path}: not a table that can be read; use one of {', '.join(KINDS)}")
    try:
        if path.suffix.lower() == ".parquet":
            yield from pq.ParquetFile(path).iter_batches()
        else:
            yield from _text_batches(path)
    except (OSError, pa.ArrowInvalid, UnicodeError) as error:
        raise ProjectError(f"{path}: cannot be read as a table: {error}") from error


def _text_batches(path: Path) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as file:
        head = file.read(1 << 20)
    if not head.strip() or (b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        raise ProjectError(f"{path}: {'is not text' if head.strip() else 'is empty'}")
    encoding = _encoding(path, head)
    first = head.decode(encoding, errors="ignore").lstrip("\ufeff")
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(first)
    names = _names(next(csv.reader(first.splitlines(), delimiter=separator)))
    yield from pa.csv.open_csv(
        path,
        pa.csv.ReadOptions(column_names=names, skip_rows=1, encoding=encoding, block_size=1 << 23),
        pa.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), null_values=EMPTY, strings_can_be_null=True
        ),
    )


def _encoding(path: Path, head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        with path.open(encoding="utf-8") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return "cp1252"  # what spreadsheets write where they do not write UTF-8
    return "utf-8"


def _separator(text: str) -> str:
    """Return the separator that cuts the first lines into the same number of cells, the more the better."""
    lines = text.splitlines()[:50]

    def evenness(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator) if row]
        return (sum(width == widths[0] for width in widths) / len(widths) if widths[0] > 1 else 0, widths[0])

    return max(",;\t|", key=evenness)


def _names(header: list[str]) -> list[str]:
    """Return the names of the columns: none empty, none twice."""
    names: list[str] = []
    for position, name in enumerate(header, 1):
        plain = name.strip() or f"column {position}"
        names.append(plain if plain not in names else f"{plain}.{position}")
    return names
