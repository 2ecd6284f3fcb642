"""Writes the table of a project again: a text table as text, any other as Parquet."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.column import Column
from ..contract.contract import Contract
from ..contract.params import Ingest
from .frame import CHUNK_ROWS
from .parquet import parquet_writer
from .reading import IngestReport


def stored(delivered: pa.Table, typed: pd.DataFrame, types: pa.Schema, contract: Contract) -> pa.Table:
    """Return delivered rows with the columns of the table whose *types* are given, and its types where they fit.

    A value of another type is written as the contract reads it: a number with its decimal separator, a date in its
    format. A type that is too narrow for a new value becomes a wider one.
    """
    columns = {}
    for field in types:
        values = delivered.column(field.name).combine_chunks()
        if values.type != field.type:
            values = _converted(values, typed[field.name], contract.columns[field.name], field.type, contract.decimal)
        columns[field.name] = values
    return pa.table(columns)


def _converted(values: pa.Array, typed: pd.Series, column: Column, kind: pa.DataType, decimal: str) -> pa.Array:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array(_strings(values, typed, column, decimal), kind)
    natural = pa.array(typed.to_numpy(dtype=object, na_value=None), from_pandas=True)
    if pa.types.is_null(kind):
        return natural
    try:
        return natural.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return natural


def _strings(values: pa.Array, typed: pd.Series, column: Column, decimal: str) -> list[str | None]:
    if column.type in ("number", "integer") and pa.types.is_integer(values.type):
        return [None if value is None else str(value) for value in values.to_pylist()]
    missing = typed.isna()
    if column.type in ("number", "integer"):
        strings = [np.format_float_positional(value, trim="-") for value in typed]
        strings = [text.replace(".", decimal) for text in strings]
    elif column.type in ("datetime", "date"):
        written = "%Y-%m-%d" if column.type == "date" else "%Y-%m-%d %H:%M:%S"
        strings = typed.dt.strftime(column.format or written).tolist()
    elif column.type == "boolean":
        strings = typed.astype("string").str.lower().tolist()
    else:
        strings = typed.astype("string").tolist()
    return [None if absent else text for text, absent in zip(strings, missing, strict=True)]


def path_of(source: Path, report: IngestReport) -> Path:
    """Return where the table is written: the file itself, or for a format that is only read, a Parquet file beside."""
    plain = report.format in ("text", "Parquet") and "compression" not in report.details and source.is_file()
    name = source.name.partition(".")[0] if source.is_file() else source.name
    return source if plain else source.with_name(f"{name}.parquet")


def write(table: pa.Table, new: Path, source: Path, report: IngestReport, settings: Ingest) -> None:
    """Write *table* to *new*, in the format of *source*, which *report* and *settings* describe."""
    if report.format != "text" or new.suffix == ".parquet":
        with parquet_writer(new, table.schema) as writer:
            writer.write_table(table)
        return
    encoding = settings.encoding or "utf-8"
    before = (settings.header or 1) - 1  # lines above the header, which stay
    with source.open("rb") as old, new.open("wb") as file:
        file.writelines(old.readline() for _ in range(before))
    for start in range(0, max(1, table.num_rows), CHUNK_ROWS):
        chunk = table.slice(start, CHUNK_ROWS).to_pandas()
        try:
            chunk.to_csv(
                new,
                mode="a",
                sep=settings.separator or str(report.details["separator"]),
                encoding=encoding,
                index=False,
                header=start == 0 and settings.header != 0,
                lineterminator="\n",
                quoting=csv.QUOTE_NONE if settings.quoting == "none" else csv.QUOTE_MINIMAL,
                doublequote=settings.quoting != "escaped",
                escapechar="\\" if settings.quoting == "escaped" else None,
            )
        except (UnicodeEncodeError, csv.Error) as error:
            raise ProjectError(
                f"{source}: a new value cannot be written as {encoding}: {error}: remove ingest.encoding or "
                "ingest.quoting from params.yaml after saving the table as UTF-8"
            ) from error
