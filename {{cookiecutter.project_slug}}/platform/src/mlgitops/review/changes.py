"""What differs between what two models were made with: contracts and settings."""

from collections.abc import Mapping
from typing import Any

from ..contract.contract import Contract

KINDS = {"integer": "number", "boolean": "number", "date": "datetime", "text": "category"}


def unreadable(champion: Contract, candidate: Contract) -> list[str]:
    """Return why the *champion* cannot be judged on rows of the *candidate*'s contract; empty where it can."""
    found = [
        f"{name} was {old!r} and is {new!r}"
        for name in ("task", "target", "classes")
        if (old := getattr(champion, name)) != (new := getattr(candidate, name))
    ]
    for name, column in champion.inputs.items():
        now = candidate.columns.get(name)
        if now is None:
            found.append(f"it reads column {name!r}, which is no longer there")
        elif KINDS.get(now.type, now.type) != KINDS.get(column.type, column.type):
            found.append(f"it reads column {name!r} as {column.type}, which is now {now.type}")
    return found


def difference(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[dict[str, Any]]:
    """Return every value that differs in two nested settings: name, before, after (None where it is absent)."""
    found = []
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key), after.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found += difference(old, new, f"{prefix}{key}.")
        elif isinstance(old, list) and isinstance(new, list) and old != new:
            gone, come = [v for v in old if v not in new], [v for v in new if v not in old]
            both = (gone, come) if gone or come else (old, new)
            found.append({"name": prefix + key, "before": _listed(both[0]), "after": _listed(both[1])})
        elif old != new:
            found.append({"name": prefix + key, "before": _brief(old), "after": _brief(new)})
    return found


def _listed(values: list[Any]) -> str:
    return ", ".join(map(str, values)) or "—"


def _brief(value: Any) -> Any:
    return value.get("type", "present") if isinstance(value, Mapping) else value
