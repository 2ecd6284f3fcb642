"""How single values are written in contract.yaml: YAML's own types, read as what the contract means."""

from datetime import date, datetime, time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from . import zones

MISSING = ""  # stands for a missing category in the model's input


def _label(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is not text: put it in quotes")
    if value == MISSING:
        raise ValueError("an empty string means a missing value: remove it and set missing: true")
    return str(value)


def _word(value: object) -> object:
    return str(value) if isinstance(value, int | float | date) and not isinstance(value, bool) else value


def _timestamp(value: object) -> object:
    return datetime.combine(value, time()) if isinstance(value, date) and not isinstance(value, datetime) else value


def _zone(name: str) -> str:
    zones.zone(name)
    return name


Label = Annotated[str, BeforeValidator(_label, json_schema_input_type=str | int)]
Word = Annotated[str, BeforeValidator(_word, json_schema_input_type=str | float)]
Bound = Annotated[float | datetime, BeforeValidator(_timestamp)]
Zone = Annotated[str, AfterValidator(_zone)]
