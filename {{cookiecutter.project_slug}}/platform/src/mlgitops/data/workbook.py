"""Reads a sheet of a workbook: .xlsx, .xls, .xlsb or .ods."""

from collections.abc import Iterator
from datetime import time
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.params import Ingest
from . import cells
from .reading import Reading, require, unique

TITLE_CELLS = 2  # a first row with fewer values than this, in a wider sheet, is a title and not the header


def batches(path: Path, settings: Ingest, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a sheet: the one that *settings* name, or the first one with values."""
    calamine = require("python_calamine", "xlsx", f"{path}: a workbook")
    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            sheet = _sheet(book, path, settings, reading)
            rows = sheet.to_python(skip_empty_area=False)
    except calamine.CalamineError as error:
        raise ProjectError(f"{path}: cannot be read as a workbook: {error}: save the sheet as .csv") from error
    start = _header(rows, path, settings)
    header = [cells.text(cell) for cell in rows[start - 1]] if start else [""] * max(map(len, rows))
    used = [
        position for position in range(len(header)) if any(row[position] != "" for row in rows[max(0, start - 1) :])
    ]
    names = unique([header[position] for position in used])
    reading.format = "workbook"
    reading.details |= {"sheet": sheet.name, "header": start}
    filled = [row for row in rows[start:] if any(cell != "" for cell in row)]
    del rows
    types = cells.ColumnTypes()
    table = ([_cell(row[position]) for position in used] for row in filled)
    records = [dict(zip(names, row, strict=True)) for row in table]
    for record in records:
        types.see(record)
    yield from cells.batches(records, types.schema)


def _sheet(book: Any, path: Path, settings: Ingest, reading: Reading) -> Any:
    names = list(book.sheet_names)
    if settings.table is not None and settings.table not in names:
        raise ProjectError(f"{path}: TABLE={settings.table}: no such sheet; the sheets are {', '.join(names)}")
    sheets = [book.get_sheet_by_name(name) for name in ([settings.table] if settings.table else names)]
    filled = [sheet for sheet in sheets if sheet.total_height > 0]
    if not filled:
        raise ProjectError(f"{path}: the workbook has no sheet with values")
    if len(filled) > 1:
        others = ", ".join(sheet.name for sheet in filled[1:])
        reading.remarks.append(f"the sheet {filled[0].name} is read; the workbook also has {others} (or set TABLE=)")
    return filled[0]


def _header(rows: list[list[Any]], path: Path, settings: Ingest) -> int:
    """Return the number of the row that names the columns; 0 if none does."""
    if settings.header is not None:
        if settings.header > len(rows):
            raise ProjectError(f"{path}: HEADER={settings.header}, and the sheet has {len(rows)} rows")
        return settings.header
    counts = [sum(cell != "" for cell in row) for row in rows]
    least = min(TITLE_CELLS, max(counts, default=0))
    return next((number for number, count in enumerate(counts, 1) if count and count >= least), 1)


def _cell(value: Any) -> Any:
    """Return the value of a cell: whole numbers as such, and blanks as missing."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, float) and value.is_integer() and abs(value) < cells.MAX_INTEGER:
        return int(value)
    return value.isoformat() if isinstance(value, time) else value
