"""What a review says, in words and rows of text that the Markdown and the HTML page share."""

from typing import Any

SIGNS = {"better": "▲ better", "worse": "▼ worse", "same": "within noise", None: ""}
Row = tuple[str, str, str]


def number(value: Any, digits: int = 4) -> str:
    """Return a number as text; a dash where there is none."""
    return "—" if value is None else f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def signed(value: Any) -> str:
    """Return a difference as text, always with its sign."""
    return "—" if value is None else f"{value:+.4f}".replace("-", "\N{MINUS SIGN}")


def between(low: Any, high: Any) -> str:
    """Return an interval as text."""
    return "—" if low is None or high is None else f"{signed(low)} to {signed(high)}"


def verdict(found: dict[str, Any]) -> str:
    """Return the verdict in a few words."""
    return "Model accepted" if found["accepted"] else f"Model refused by {', '.join(found['refused_by'])}"


def outcome(found: dict[str, Any]) -> str:
    """Return the sentence that a reviewer wants first."""
    first, rows = found["metrics"][0], f"{found['rows']:,} test rows"
    value = f"{found['metric']} {number(first['candidate'])} on {rows}"
    if not found["champion"]:
        return f"{value}. There is no champion yet: the absolute gates decide."
    name = found["champion"]["name"]
    if first["difference"] is None:
        return f"{value}. The champion ({name}) cannot be judged on these rows: the absolute gates decide."
    told = {"better": "better than", "worse": "worse than"}
    said = told.get(first["verdict"], "not told apart from")
    step = f"{signed(first['difference'])}, 95 % interval {between(first['low'], first['high'])}"
    return f"{value}, {said} the champion ({name}) with {number(first['champion'])}: {step}."


def movement(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Return how predictions move from champion to candidate, as names and values."""
    moved = found["movement"]
    unit = "" if found["task"] == "regression" else " of the probability"
    said = []
    if "changed_share" in moved:
        said.append(("rows whose class changes", f"{moved['changed_share']:.2%}"))
        said += [(f"rows that became {side}", f"{moved[f'became_{side}']:,}") for side in ("right", "wrong")]
    said.append((f"mean absolute change{unit}", number(moved["mean_absolute_change"])))
    if moved["rank_correlation"] is not None:
        said.append(("rank correlation", number(moved["rank_correlation"])))
    return said


def cost(found: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Return what is measured of size and latency, its unit, and the values of candidate and champion."""
    return [
        ("model.onnx", "MB", *_both(found, lambda model: number(model["size_bytes"] / 1e6, 2))),
        ("one row, median", "ms", *_both(found, lambda model: number(model["latency_ms"], 2))),
    ]


def lineage(found: dict[str, Any]) -> list[Row]:
    """Return where candidate and champion come from."""
    names = {
        "version": "version",
        "commit": "git commit",
        "run_id": "MLflow run",
        "model_sha256": "model.onnx",
        "pipeline_sha256": "pipeline",
        "test_sha256": "test rows it was made with",
        "contract_sha256": "contract.yaml",
    }
    rows = [
        (name, *_both(found, lambda model, key=key: str(model.get(key) or "—")[:12])) for key, name in names.items()
    ]
    packages = dict.fromkeys(name for side in ("candidate", "champion") for name in _packages(found[side]))
    rows += [(name, *_both(found, lambda model, name=name: _packages(model).get(name, "—"))) for name in packages]
    return [row for row in rows if set(row[1:]) != {"—"}]


def _packages(model: dict[str, Any] | None) -> dict[str, str]:
    return (model or {}).get("packages") or {}


def _both(found: dict[str, Any], say: Any) -> tuple[str, str]:
    return say(found["candidate"]), say(found["champion"]) if found["champion"] else "—"


def validation(found: dict[str, Any]) -> str:
    """Return what validate said of the data, in one sentence."""
    checked = found["validation"]
    if not checked:
        return "The data was not validated."
    kept = checked["expectations"] - len(checked["failures"])
    return f"{kept} of {checked['expectations']} expectations of the contract hold on {checked['rows']:,} rows."
