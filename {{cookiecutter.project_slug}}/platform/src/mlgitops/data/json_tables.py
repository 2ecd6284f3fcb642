"""Reads JSON lines, and JSON documents that hold a table: a list of records, or columns by name."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.params import Ingest
from . import cells
from .reading import Reading, plain, unique

HEAD_BYTES = 1 << 16
SHAPES = "use a list of records, one record per line, or columns by name"


def looks_like(path: Path) -> bool:
    """Return whether a file begins as JSON does, whatever its name."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    text = head.decode(json.detect_encoding(head), errors="ignore").lstrip("\ufeff \t\r\n")
    return (text[:1] == "{" and text[1:].lstrip()[:1] in ('"', "}")) or (
        text[:1] == "[" and text[1:].lstrip()[:1] in ("{", "[", "]")
    )


def batches(path: Path, settings: Ingest, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a JSON file; a record inside a record gives columns such as user.age, a list is left out.

    Raises ProjectError naming the line that is not JSON.
    """
    reading.format = "JSON lines" if _is_lines(path, settings) else "JSON"
    lists: set[str] = set()
    types = cells.ColumnTypes()
    for record in _records(path, settings, reading):
        types.see(_flat(record, lists))
    for name in sorted(lists):
        types.types.pop(name, None)
        reading.remarks.append(f"{name} is left out: it contains lists")
    yield from cells.batches((_flat(record, lists) for record in _records(path, settings, reading)), types.schema)


def _records(path: Path, settings: Ingest, reading: Reading) -> Iterable[dict[str, Any]]:
    return _lines(path, settings) if reading.format == "JSON lines" else _document(path, settings)


def _is_lines(path: Path, settings: Ingest) -> bool:
    """Return whether the first line with text is a record of its own: the only one holds no lists and records."""
    with path.open(encoding=_encoding(path, settings)) as file:
        lines = (line for line in file if line.strip())
        try:
            first = json.loads(next(lines, ""))
        except ValueError:
            return path.suffix.lower() in (".jsonl", ".ndjson")
        return isinstance(first, dict) and (
            next(lines, None) is not None or not any(isinstance(value, list | dict) for value in first.values())
        )


def _encoding(path: Path, settings: Ingest) -> str:
    with path.open("rb") as file:
        detected = json.detect_encoding(file.read(4))
    return settings.encoding or ("utf-8-sig" if detected == "utf-8" else detected)


def _lines(path: Path, settings: Ingest) -> Iterator[dict[str, Any]]:
    with path.open(encoding=_encoding(path, settings)) as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                raise ProjectError(f"{path}:{number}: not JSON: {error}: fix that line") from error
            if not isinstance(record, dict):
                raise ProjectError(f"{path}:{number}: {type(record).__name__}, not a record: {SHAPES}")
            yield record


def _document(path: Path, settings: Ingest) -> list[dict[str, Any]]:
    try:
        document = json.loads(path.read_text(encoding=_encoding(path, settings)))
    except json.JSONDecodeError as error:
        raise ProjectError(f"{path}:{error.lineno}: not JSON: {error.msg}: fix that line") from error
    table = _table(document, path, settings)
    if table is None:
        raise ProjectError(f"{path}: JSON, but not a table: {SHAPES}")
    return table


def _table(document: Any, path: Path, settings: Ingest) -> list[dict[str, Any]] | None:
    """Return the records of a document: a list, a list in it, columns by name, or columns and their data."""
    if isinstance(document, dict):
        lists = {name: value for name, value in document.items() if _is_records(value)}
        if (settings.table is not None and settings.table not in lists) or (not settings.table and len(lists) > 1):
            raise ProjectError(f"{path}: name one of the lists of records with TABLE=: {', '.join(lists) or 'none'}")
        if isinstance(document.get("columns"), list) and isinstance(document.get("data"), list):
            document = [dict(zip(map(str, document["columns"]), row, strict=False)) for row in document["data"]]
        elif lists:
            document = lists[settings.table or next(iter(lists))]
        elif columns := _columns(document):
            document = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return list(document) if _is_records(document) else None


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(record, dict) for record in value)


def _columns(document: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns of a document that maps names to lists, or to rows by their labels, all of one length."""
    columns = {name: list(column.values()) if isinstance(column, dict) else column for name, column in document.items()}
    lengths = {len(column) if isinstance(column, list) else -1 for column in columns.values()}
    return columns if len(lengths) == 1 and -1 not in lengths else {}


def _flat(record: dict[str, Any], lists: set[str], prefix: str = "") -> dict[str, Any]:
    """Return the values of a record and of the records in it; names of columns with lists are added to *lists*."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        name = plain(f"{prefix}{key}") or unique([""])[0]
        if isinstance(value, dict):
            flat |= _flat(value, lists, f"{name}.")
        elif isinstance(value, list):
            lists.add(name)
        else:
            flat[name] = value
    return flat
