"""The differences between what two models were made with: contracts and settings."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from ..contract.contract import Contract
from ..model.scorer import Scorer
from .report import Change

KINDS = {"integer": "number", "boolean": "number", "date": "datetime", "text": "category"}


def incompatibilities(champion: Contract, candidate: Contract) -> tuple[str, ...]:
    """Return why the *champion* cannot be evaluated on rows of the *candidate*'s contract; empty where it can."""
    reasons = [
        f"{name} was {old!r} and is {new!r}"
        for name in ("task", "target", "classes")
        if (old := getattr(champion, name)) != (new := getattr(candidate, name))
    ]
    for name, column in champion.inputs.items():
        current = candidate.columns.get(name)
        if current is None:
            reasons.append(f"it reads column {name!r}, which is no longer there")
        elif KINDS.get(current.type, current.type) != KINDS.get(column.type, column.type):
            reasons.append(f"it reads column {name!r} as {column.type}, which is now {current.type}")
    return tuple(reasons)


def of_params(before: Scorer, after: Scorer) -> tuple[Change, ...] | None:
    """Return the settings that differ; None where a model does not record its settings."""
    old, new = before.manifest.get("params"), after.manifest.get("params")
    return difference(old, new) if old and new else None


def of_contract(before: Contract, after: Contract) -> tuple[Change, ...]:
    """Return what differs between two contracts."""
    return difference(before.model_dump(mode="json"), after.model_dump(mode="json"))


def difference(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], prefix: str = "") -> tuple[Change, ...]:
    """Return every value that differs in two nested settings."""
    changes: list[Change] = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changes += difference(old, new, f"{prefix}{key}.")
        elif isinstance(old, list) and isinstance(new, list) and old != new:
            removed, added = [v for v in old if v not in new], [v for v in new if v not in old]
            both = (removed, added) if removed or added else (old, new)
            changes.append(Change(prefix + key, _listed(both[0]), _listed(both[1])))
        elif old != new:
            changes.append(Change(prefix + key, _brief(old), _brief(new)))
    return tuple(changes)


def _listed(values: Sequence[JsonValue]) -> str:
    return ", ".join(map(str, values)) or "—"


def _brief(value: JsonValue) -> JsonValue:
    return value.get("type", "present") if isinstance(value, dict) else value
