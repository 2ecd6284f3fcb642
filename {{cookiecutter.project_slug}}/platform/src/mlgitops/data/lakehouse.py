"""Reads a version of a Delta or Iceberg table, and records which one that was."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import Field

from ..common.document import Document
from ..common.errors import ProjectError
from .reading import Reading, require

BATCH_ROWS = 1 << 16
DELTA_LOG, ICEBERG_METADATA = "_delta_log", "metadata"


class TableReference(Document):
    """A file that names a table elsewhere: `.delta` or `.iceberg`."""

    table: str = Field(min_length=1, description="Address of the table; catalog.namespace.name of an Iceberg table.")
    version: int | None = Field(None, description="Version of a Delta table, or snapshot of an Iceberg table, to read.")


def is_delta(path: Path) -> bool:
    """Return whether a folder is a Delta table."""
    return (path / DELTA_LOG).is_dir()


def is_iceberg(path: Path) -> bool:
    """Return whether a folder is an Iceberg table."""
    return any((path / ICEBERG_METADATA).glob("*.metadata.json"))


def referenced(path: Path, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of the table that the file *path* names; raises ProjectError."""
    reference = TableReference.load(path)
    read = delta if path.suffix == ".delta" else iceberg
    return read(reference.table, reference.version, reading)


def delta(table: str, version: int | None, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a Delta table at a path or address, in its newest or the given *version*."""
    deltalake = require("deltalake", "delta", f"{table}: a Delta table")
    reading.format = "Delta table"
    try:
        opened = deltalake.DeltaTable(table, version=version)
        reading.details["version"] = opened.version()
        newest: dict[str, Any] = next(iter(opened.history(1)), {})
        if "timestamp" in newest:
            reading.details["committed"] = _moment(newest["timestamp"])
        dataset = opened.to_pyarrow_dataset()
    except (deltalake.exceptions.DeltaError, OSError) as error:
        raise ProjectError(f"{table}: cannot be read as a Delta table: {error}") from error
    yield from dataset.to_batches(batch_size=BATCH_ROWS)


def iceberg(table: str, snapshot: int | None, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of an Iceberg table: of a catalog, of a folder, or at the address of its metadata file."""
    require("pyiceberg", "iceberg", f"{table}: an Iceberg table")
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.table import StaticTable

    reading.format = "Iceberg table"
    try:
        opened: Any = StaticTable.from_metadata(_metadata(table)) if "/" in table else _of_catalog(table)
    except (NoSuchTableError, OSError, ValueError) as error:
        raise ProjectError(f"{table}: cannot be read as an Iceberg table: {error}") from error
    chosen = opened.snapshot_by_id(snapshot) if snapshot else opened.current_snapshot()
    if chosen is None:
        raise ProjectError(f"{table}: has no snapshot {snapshot or ''}".rstrip() + ": write rows first, or correct it")
    reading.details |= {"version": chosen.snapshot_id, "committed": _moment(chosen.timestamp_ms)}
    yield from opened.scan(snapshot_id=chosen.snapshot_id).to_arrow_batch_reader()


def _of_catalog(table: str) -> Any:
    from pyiceberg.catalog import load_catalog

    catalog, _, name = table.partition(".")
    return load_catalog(catalog).load_table(name)


def _metadata(table: str) -> str:
    """Return the address of the newest metadata file of a table in a folder."""
    if table.endswith(".metadata.json"):
        return table
    folder = Path(table) / ICEBERG_METADATA
    files = sorted(folder.glob("*.metadata.json"), key=lambda path: (path.stat().st_mtime, path.name))
    if not files:
        raise ProjectError(f"{table}: no {ICEBERG_METADATA}/*.metadata.json: name the metadata file of the table")
    return str(max(files, key=_number))


def _number(path: Path) -> int:
    """Return the version in the name of a metadata file: v3.metadata.json or 00003-....metadata.json."""
    digits = path.name.lstrip("v").partition("-")[0].partition(".")[0]
    return int(digits) if digits.isdigit() else -1


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
