"""Reads tables as delivered, in parts: the format is that of the content, whatever the name of the file."""

import csv
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..common.errors import ProjectError
from ..contract.params import Ingest
from . import arrow_files, database_file, delimited, json_tables, lakehouse, unpack, workbook
from .arrow_types import storable
from .reading import Reading

MAX_DEPTH = 2  # archives within archives
OLE = b"\xd0\xcf\x11\xe0"  # .xls
PARQUET, SQLITE, DUCKDB = b"PAR1", b"SQLite format 3\0", b"DUCK"
BROKEN = (  # what the readers raise for a file that is not what it seems
    *(OSError, EOFError, ValueError, RecursionError, NotImplementedError, csv.Error),
    *(pa.ArrowException, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)
TOTAL = re.compile(
    r"((grand|overall|sub)[ -]?)?totals?|sum|gesamt(summe)?|insgesamt|summe|somme|totale|totaal|razem|итого",
    re.IGNORECASE,
)
ARROW = (b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")  # a file, Feather 1, a stream


def batches(path: Path, settings: Ingest, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the table at *path*, a file or a folder, in parts with types that Parquet stores.

    A text table has all values as strings; its encoding and separator are detected unless *settings* name them. Raises
    ProjectError naming the file, and the line that cannot be read.
    """
    try:
        yield from _last_row_checked(storable(_parts(path, settings, reading, 0), reading), reading)
    except BROKEN as error:
        raise ProjectError(
            f"{path}: cannot be read as a table; check that it is complete and of the kind that its name says: {error}"
        ) from error


def _last_row_checked(parts: Iterator[pa.RecordBatch], reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the *parts*, with a remark if the last row seems to be a total of the others."""
    last = None
    for part in parts:
        last = part if part.num_rows else last
        yield part
    for name, values in zip(last.schema.names, last.columns, strict=True) if last else ():
        label = values[-1].as_py() if pa.types.is_string(values.type) else None
        if label and TOTAL.fullmatch(label.strip(" :")) and pc.sum(pc.equal(values, label)).as_py() == 1:
            reading.remarks.append(f"the last row has {name} {label!r}: if it is a total of the others, remove it")


def _parts(path: Path, settings: Ingest, reading: Reading, depth: int) -> Iterator[pa.RecordBatch]:
    if path.is_dir():
        return _folder(path, reading)
    with path.open("rb") as file:
        head = file.read(16)
    kind = unpack.compression(head)
    if (kind == "zip" and unpack.is_workbook(path)) or head.startswith(OLE):
        return workbook.batches(path, settings, reading)
    if kind or path.suffix.lower() in unpack.SUFFIXES:
        return _unpacked(path, kind, settings, reading, depth)
    if head.startswith(PARQUET):
        return arrow_files.parquet(path, reading)
    if head.startswith(ARROW):
        return arrow_files.arrow(path, reading)
    if head.startswith(SQLITE):
        return database_file.sqlite(path, settings, reading)
    if head[8:12] == DUCKDB:
        return database_file.duckdb(path, settings, reading)
    if json_tables.looks_like(path):
        return json_tables.batches(path, settings, reading)
    return delimited.batches(path, settings, reading)


def _folder(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    if lakehouse.is_delta(path):
        return lakehouse.delta(str(path), None, reading)
    if lakehouse.is_iceberg(path):
        return lakehouse.iceberg(f"{path}/", None, reading)
    return arrow_files.folder(path, reading)


def _unpacked(path: Path, kind: str | None, settings: Ingest, reading: Reading, depth: int) -> Iterator[pa.RecordBatch]:
    if kind is None or depth == MAX_DEPTH:
        reason = "archives are nested too deeply" if kind else "it is not compressed, whatever its name says"
        raise ProjectError(f"{path}: cannot be read as a table; check that it is complete: {reason}")
    with unpack.unpacked(path, kind, settings) as inner:
        try:
            yield from _parts(inner, settings, reading, depth + 1)
        except ProjectError as error:
            raise ProjectError(error.message.replace(str(inner), f"{path} ({inner.name})")) from error
        finally:
            reading.details["compression"] = kind
