"""Reads files of the prediction log into tables; a line that cannot be read is skipped and counted."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

CHUNK_LINES = 20_000  # in memory at once
TYPES = {"number": pa.float64(), "integer": pa.float64(), "boolean": pa.bool_()}
INPUT = "input."  # prefix of the columns with inputs
FACTS = b"mlgitops"  # the metadata of a table with the first line of its file


class Header(BaseModel):
    """The first line of a file: the model that answered, and the types of what it logged."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    log: int = Field(ge=1)
    version: str
    model: str
    contract: str
    threshold: float
    prediction: str
    classes: tuple[str, ...]
    columns: dict[str, str]
    metrics: dict[str, Any]


class Line(BaseModel):
    """One request: the answers to its rows, or the inputs for which it was refused."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    id: str = Field(min_length=1)
    at: float = Field(ge=0, le=253_402_300_799)
    batch: bool = False
    step: int = Field(1, ge=1)
    keys: list[str | None] | None = None
    rows: dict[str, list[Any]] = {}
    answers: list[dict[str, Any]] = []
    refused: list[str] | None = None

    @model_validator(mode="after")
    def _complete(self) -> "Line":
        lengths = {len(self.answers), *map(len, self.rows.values()), *([len(self.keys)] if self.keys else [])}
        if len(lengths) > 1 or bool(self.answers) == (self.refused is not None):
            raise ValueError("the line is not complete")
        return self


@dataclass(frozen=True)
class LogTable:
    """Rows of the log that share a day and a first line."""

    day: str
    header: Header
    rows: pa.Table


def read(path: Path) -> Iterator[LogTable | int]:
    """Yield the rows of a file in chunks, and the numbers of lines that were skipped, such as half-written ones.

    Each line is read by the contract that was in force when it was written: the first line of the file has it.
    """
    header = None
    with path.open("rb") as file:
        while chunk := list(islice(file, CHUNK_LINES)):
            lines: list[Line] = []
            skipped = 0
            for text in chunk:
                if text.startswith(b'{"log":'):
                    yield from _tables(lines, header)
                    header, lines = _header(text), []
                elif (line := _line(text, header)) is not None:
                    lines.append(line)
                else:
                    skipped += 1
            yield from _tables(lines, header)
            yield skipped


def _header(text: bytes) -> Header | None:
    try:
        return Header.model_validate_json(text)
    except ValidationError:
        return None


def _line(text: bytes, header: Header | None) -> Line | None:
    """Return a line, or None if it is half-written or its model is unknown."""
    try:
        line = Line.model_validate_json(text) if header and text.endswith(b"\n") else None
    except ValidationError:
        return None
    complete = line and header and (line.refused is not None or set(header.columns) == set(line.rows))
    return line if complete else None


def _tables(lines: list[Line], header: Header | None) -> Iterator[LogTable]:
    days: dict[str, list[Line]] = {}
    for line in lines:
        days.setdefault(datetime.fromtimestamp(line.at, UTC).date().isoformat(), []).append(line)
    for day, entries in days.items():
        if header:
            yield LogTable(day, header, _table(entries, header))


def _table(lines: list[Line], header: Header) -> pa.Table:
    """Return one row per answer, and one per refused request."""
    per_row = [(line, k) for line in lines for k in range(len(line.answers) or 1)]
    moments = pa.array([round(line.at * 1e6) for line, _ in per_row], pa.int64())
    refused = [None if line.refused is None else ", ".join(line.refused) for line, _ in per_row]
    columns = {
        "id": _typed([f"{line.id}/{k * line.step}" if line.batch else line.id for line, k in per_row], "text"),
        "at": moments.cast(pa.timestamp("us", "UTC")),
        "key": _typed([line.keys[k] if line.keys else None for line, k in per_row], "text"),
        "refused": _typed(refused, "text"),
        **_answers([line.answers[k] if line.answers else {} for line, k in per_row], header),
    }
    for name, kind in header.columns.items():
        columns[INPUT + name] = _typed([line.rows[name][k] if line.answers else None for line, k in per_row], kind)
    table = pa.table(columns)
    return table.replace_schema_metadata({FACTS: header.model_dump_json().encode()})


def _answers(answers: list[dict[str, Any]], header: Header) -> dict[str, pa.Array]:
    predictions = [answer.get("prediction") for answer in answers]
    if not header.classes:
        return {"prediction": _typed(predictions, "number")}
    labels = [str(value).lower() if isinstance(value, bool) else value for value in predictions]
    columns = {"prediction": _typed(labels, "text")}
    if len(header.classes) == 2:
        return columns | {"probability": _typed([answer.get("probability") for answer in answers], "number")}
    shares = [answer.get("probabilities") or {} for answer in answers]
    return columns | {f"probability {c}": _typed([share.get(c) for share in shares], "number") for c in header.classes}


def _typed(values: list[Any], kind: str) -> pa.Array:
    """Return values with the type that the contract declared; None where a value is of another type."""
    if kind in ("number", "integer"):
        values = [float(v) if isinstance(v, int | float) and math.isfinite(v) else None for v in values]
    elif kind == "boolean":
        values = [v if isinstance(v, bool) else None for v in values]
    else:
        values = [None if v is None else str(v) for v in values]
    return pa.array(values, TYPES.get(kind, pa.string()))
