"""What the contract means for callers: the model of a request, its JSON schema, and example rows."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, create_model

from .contract import Column, Contract


def request_model(contract: Contract) -> type[BaseModel]:
    """Return the model of one row: strict types, ranges and values; columns that may be missing default to null."""
    fields: dict[str, Any] = {}
    for position, (name, column) in enumerate(contract.inputs.items()):
        kind = _type(column)
        info = Field(None if column.missing else ..., alias=name, description=column.description or None)
        fields[f"field_{position}"] = (kind | None if column.missing else kind, info)
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)
    return create_model("Row", __config__=config, **fields)


def _type(column: Column) -> Any:
    if column.values:
        return Literal[column.values]
    limits = {"ge": column.min, "le": column.max}
    if column.type == "date":
        limits = {key: bound.date() for key, bound in limits.items() if isinstance(bound, datetime)}
        return Annotated[date, Field(**limits)]
    kind = {"number": float, "integer": int, "boolean": bool, "datetime": datetime}.get(column.type, str)
    if kind is str:
        return Annotated[str, Field(min_length=1, max_length=1000)]
    return Annotated[kind, Field(**{key: bound for key, bound in limits.items() if bound is not None})]


def json_schema(contract: Contract) -> dict[str, Any]:
    """Return the JSON schema of one row."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **request_model(contract).model_json_schema()}


def example_rows(contract: Contract, count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return *count* rows, as JSON values, that keep the contract: the same ones for the same *seed*."""
    rng = np.random.default_rng(seed)
    return [{name: _cell(column, rng) for name, column in contract.inputs.items()} for _ in range(count)]


def _cell(column: Column, rng: np.random.Generator) -> Any:
    if column.missing and rng.random() < 0.1:
        return None
    if column.type == "boolean":
        return bool(rng.random() < 0.5)
    if column.type in ("datetime", "date"):
        low, high = (np.datetime64(b or d, "s") for b, d in ((column.min, "2020-01-01"), (column.max, "2030-01-01")))
        moment = (low + (high - low) * rng.random()).astype(datetime)
        return moment.date().isoformat() if column.type == "date" else moment.isoformat()
    if column.type in ("number", "integer"):
        low_number = float(column.min) if isinstance(column.min, float) else 0.0
        high_number = float(column.max) if isinstance(column.max, float) else low_number + 100.0
        number = low_number + (high_number - low_number) * rng.random()
        return round(number) if column.type == "integer" else round(number, 2)
    return str(rng.choice(np.array(column.values))) if column.values else f"example {rng.integers(5)}"
