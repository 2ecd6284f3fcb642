"""The report of validation: each expectation that fails, with its first rows, as a record and in words."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from pydantic import JsonValue

from ..common.record import Record
from ..contract.contract import Contract


@dataclass(frozen=True)
class Failure(Record):
    """An expectation that fails; *count* is its number of rows, 0 if it is about the table.

    *rows* has the first of these rows: their number in the table, their key, and the columns of the expectation.
    """

    column: str
    expectation: str
    arguments: dict[str, JsonValue]
    observed: JsonValue
    count: int
    rows: tuple[dict[str, JsonValue], ...]


@dataclass(frozen=True)
class ValidationReport(Record):
    """The result of checking a table of so many *rows* against so many *expectations*.

    *without_target* of the rows have no value of the target: they are valid, but no part of the split has them.
    """

    success: bool
    rows: int
    expectations: int
    failures: tuple[Failure, ...]
    without_target: int = 0

    def explain(self) -> str:
        """Return the report in words: a line per failure, and one per offending row."""
        lines = [f"the data breaks the contract: {len(self.failures)} of {self.expectations} expectations fail"]
        for failure in self.failures:
            arguments = ", ".join(f"{name}={value}" for name, value in failure.arguments.items())
            result = f"{failure.count} rows" if failure.count else f"found {_observed(failure.observed)}"
            lines.append(f"  {failure.column}: {failure.expectation}({arguments}): {result}")
            lines += [f"    {describe(row)}" for row in failure.rows]
        return "\n".join(lines)


def describe(row: dict[str, JsonValue]) -> str:
    """Return an offending row in words."""
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _observed(value: JsonValue) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{kind} {', '.join(map(str, names))}" for kind, names in value.items() if names)  # type: ignore[arg-type]  # lists of names
    return str(value)


def columns_of(arguments: dict[str, Any]) -> list[str]:
    """Return the columns that an expectation with these arguments is about; none where that is the table."""
    return arguments.get("column_list") or [arguments[key] for key in ("column",) if key in arguments]


def failure(result: Any, rows: Sequence[dict[str, JsonValue]], columns: Sequence[str], contract: Contract) -> Failure:
    """Return the failure that a *result* of Great Expectations stands for, of a table with these *columns*.

    *rows* are the first that are not as expected, with the key and the columns that the expectation is about.
    """
    kwargs, details = result.expectation_config.kwargs, result.result
    names = columns_of(kwargs)
    arguments = {key: value for key, value in kwargs.items() if key not in ("column", "column_list", "batch_id")}
    observed = details.get("observed_value")
    if "column_set" in arguments:  # most columns are as expected: only the others are reported
        missing = [name for name in contract.delivered if name not in columns]
        unexpected = [name for name in columns if name not in contract.columns]
        arguments, observed = {}, {"missing": missing, "unexpected": unexpected}
    elif "partial_missing_list" in details:
        observed = {"missing": details["partial_missing_list"]}
    return Failure(
        column=", ".join(names) or "the table",
        expectation=result.expectation_config.type,
        arguments=_json({key: value for key, value in arguments.items() if value is not None}),
        observed=_json(observed),
        count=details.get("unexpected_count", 0),
        rows=tuple(rows),
    )


def _json(value: Any) -> Any:
    """Return *value* in JSON values; times become text, and so do the numbers that JSON lacks."""
    return json.loads(json.dumps(value, default=str), parse_constant=str)


def records(rows: pd.DataFrame) -> list[dict[str, JsonValue]]:
    """Return typed *rows* as JSON values."""
    shown: Any = rows.astype(object)
    return [_json(record) for record in shown.where(shown.notna(), None).to_dict("records")]
