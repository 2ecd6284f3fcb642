"""What a model must keep to be accepted: the gates of params.yaml, with what was measured and what can be done."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..contract.params import Gates
from .phrases import between, number, signed


@dataclass(frozen=True)
class Gate:
    """The answer of one gate; *passed* is None where it is switched off or has nothing to judge."""

    name: str
    passed: bool | None
    measured: str
    wanted: str
    advice: str


def judge(found: dict[str, Any], gates: Gates) -> list[Gate]:
    """Return the answer of every gate on what review has *found*."""
    every = (_floor(found, gates), _regression(found, gates), _slice_floor(found, gates), *_facts(found, gates))
    return [_judged(gate, gates) for gate in every]


def _judged(gate: Gate, gates: Gates) -> Gate:
    if getattr(gates, gate.name) is None:
        return Gate(gate.name, None, "not judged", f"switched off: review.gates.{gate.name} is null", "")
    advice = f"{gate.advice}, or change review.gates.{gate.name} in params.yaml (null switches it off)"
    return replace(gate, advice=advice if gate.passed is False else "")


def _floor(found: dict[str, Any], gates: Gates) -> Gate:
    value, floor = found["metrics"][0]["candidate"], gates.min_score or 0.0
    return Gate(
        "min_score",
        value is not None and value >= floor,
        f"{found['metric']} {number(value)}",
        f"at least {floor:g}",
        "improve the model (more data, other columns, another algorithm)",
    )


def _regression(found: dict[str, Any], gates: Gates) -> Gate:
    first, margin = found["metrics"][0], gates.max_drop or 0.0
    if first["difference"] is None:
        unread = "the champion cannot read these rows" if found["unreadable"] else "without meaning on these rows"
        measured = unread if found["champion"] else "no champion to compare with"
        return Gate("max_drop", None, measured, "not worse than the champion", "")
    known = f"95 % interval {between(first['low'], first['high'])}"
    return Gate(
        "max_drop",
        first["high"] is None or first["high"] >= -margin,
        f"{found['metric']} {signed(first['difference'])} against the champion, {known}",
        f"the interval reaches {signed(-margin or 0.0)} or more",
        "keep the champion, or find what made this model worse in the parameters, data and slices below",
    )


def _slice_floor(found: dict[str, Any], gates: Gates) -> Gate:
    low = [s for s in found["slices"] if s["below"]]
    named = ", ".join(f"{s['column']} = {s['value']} ({s['rows']} rows): {number(s['candidate'])}" for s in low[:3])
    more = f" and {len(low) - 3} more" if len(low) > 3 else ""
    return Gate(
        "min_slice_score",
        not low if found["slices"] else None,
        f"{named}{more}" if low else f"{len(found['slices'])} slices",
        f"no slice below {gates.min_slice_score or 0.0:g} beyond noise",
        "look at these rows: too few of their kind in training, or a column that means something else for them",
    )


def _facts(found: dict[str, Any], gates: Gates) -> Iterator[Gate]:
    validation, parity, candidate = found["validation"], found["candidate"]["parity"], found["candidate"]
    failures = len(validation["failures"]) if validation else 0
    yield Gate(
        "validation",
        bool(validation and validation["success"]),
        f"{failures} of {validation['expectations']} expectations fail" if validation else "the data was not validated",
        "the data keeps contract.yaml",
        "mend the data or contract.yaml, and run the pipeline again (dvc repro)",
    )
    tolerance = found["parity_tolerance"]
    yield Gate(
        "parity",
        bool(parity and parity["largest_difference"] <= tolerance),
        f"at most {parity['largest_difference']:.1e} apart on {parity['rows']} rows" if parity else "not measured",
        f"at most {tolerance:.1e} between the exported and the trained model",
        "export the model again (dvc repro); its tolerance is in params.yaml (export)",
    )
    slow = gates.max_latency_ms or 0.0
    yield Gate(
        "max_latency_ms",
        candidate["latency_ms"] <= slow,
        f"{candidate['latency_ms']:.2f} ms for one row (median)",
        f"at most {slow:g} ms",
        "use fewer or smaller trees",
    )
    size, large = candidate["size_bytes"] / 1e6, gates.max_size_mb or 0.0
    yield Gate("max_size_mb", size <= large, f"{size:.2f} MB", f"at most {large:g} MB", "use fewer or smaller trees")
