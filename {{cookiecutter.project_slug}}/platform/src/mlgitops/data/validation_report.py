"""What Great Expectations found: the failures as JSON values, and in words."""

import json
from typing import Any

import pandas as pd

from ..contract.contract import Contract

SHOWN = 5  # offending rows per expectation


def report(failures: list[dict[str, Any]], rows: int, expectations: int) -> dict[str, Any]:
    """Return the verdict on a table of so many *rows* as JSON values: success, counts, and each failure."""
    # a column of the wrong type cannot be compared either: that is what there is to say of it
    told = {f["column"] for f in failures if f["expectation"] == "expect_column_values_to_be_in_type_list"}
    failures = [f for f in failures if f["count"] is not None or not told & set(f["column"].split(", "))]
    return {"success": not failures, "rows": rows, "expectations": expectations, "failures": failures}


def about(asked: dict[str, Any]) -> list[str]:
    """Return the columns that an expectation with these arguments is about; none where that is the table."""
    return asked.get("column_list") or [asked[key] for key in ("column",) if key in asked]


def failure(result: Any, rows: pd.DataFrame, contract: Contract) -> dict[str, Any]:
    """Say what failed: column, expectation, how many rows (None where it could not be tried), and the first of them.

    Of the table, *rows* has the key and the columns that the expectation is about.
    """
    kwargs, found = result.expectation_config.kwargs, result.result
    names = about(kwargs)
    wanted = {key: value for key, value in kwargs.items() if key not in ("column", "column_list", "batch_id")}
    observed = found.get("observed_value")
    if "column_set" in wanted:  # most columns are as they should be: only the others are worth a word
        missing = [name for name in contract.columns if name not in rows]
        unexpected = [name for name in rows if name not in contract.columns]
        wanted, observed = {}, {"missing": missing, "unexpected": unexpected}
    elif "partial_missing_list" in found:
        observed = {"missing": found["partial_missing_list"]}
    return {
        "column": ", ".join(names) or "the table",
        "expectation": result.expectation_config.type,
        "wanted": _json({key: value for key, value in wanted.items() if value is not None}),
        "found": _json(observed),
        "count": found.get("unexpected_count", 0) if found else None,
        "rows": _rows(_offending(rows, names, found), [*contract.key, *names]),
    }


def _json(value: Any) -> Any:
    """Return *value* in JSON values; times become text, and so do the numbers that JSON lacks."""
    return json.loads(json.dumps(value, default=str), parse_constant=str)


def _offending(rows: pd.DataFrame, names: list[str], found: dict[str, Any]) -> pd.DataFrame:
    if not found.get("unexpected_count"):
        return rows.iloc[:0]
    unexpected = found["partial_unexpected_list"]
    if len(names) > 1:
        return rows[pd.MultiIndex.from_frame(rows[names]).isin([tuple(cells.values()) for cells in unexpected])]
    cells = rows[names[0]]
    return rows[cells.isin(unexpected) if unexpected and not pd.isna(unexpected[0]) else cells.isna()]


def _rows(bad: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    shown: Any = bad[[name for name in dict.fromkeys(names) if name in bad]].head(SHOWN).astype(object)
    cells = shown.where(shown.notna(), None).to_dict("records")
    return [{"row": int(row), **_json(values)} for row, values in zip(shown.index, cells, strict=True)]


def explain(report: dict[str, Any]) -> str:
    """Return a report in words: a line per failure, and one per offending row."""
    lines = [f"the data breaks the contract: {len(report['failures'])} of {report['expectations']} expectations fail"]
    for failure in report["failures"]:
        wanted = ", ".join(f"{key}={value}" for key, value in failure["wanted"].items())
        found = failure["found"]
        if isinstance(found, dict):
            found = "; ".join(f"{what} {', '.join(map(str, names))}" for what, names in found.items() if names)
        told = f"{failure['count']} rows" if failure["count"] else f"found {found}"
        lines.append(f"  {failure['column']}: {failure['expectation']}({wanted}): {told}")
        lines += ["    " + ", ".join(f"{key} {value}" for key, value in row.items()) for row in failure["rows"]]
    return "\n".join(lines)
