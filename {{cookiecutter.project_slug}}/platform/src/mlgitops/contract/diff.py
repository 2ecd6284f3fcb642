"""Compares two contracts: what changed, and whether it breaks callers of the service."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..common.errors import ProjectError
from ..store.git import git
from .behaviour import differences
from .column import Column
from .contract import Contract

WIDER = {("integer", "number"), ("date", "datetime")}  # (narrow, wide) types


@dataclass(frozen=True)
class Change:
    """One difference; *breaking* if a correct caller would now be refused, or misread the response."""

    where: str
    what: str
    breaking: bool = False


def changes(old: Contract, new: Contract) -> list[Change]:
    """Return the differences in the order of the contract; callers send its `inputs` and read its `classes`."""
    return [*_whole(old, new), *_columns(old, new)]


def _whole(old: Contract, new: Contract) -> Iterator[Change]:
    for name in (
        "task",
        "target",
        "metric",
        "interval",
        "key",
        "time",
        "group",
        "acknowledged_leaks",
        "min_rows",
        "decimal",
    ):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield Change(name, f"{_word(before)} became {_word(after)}", name in ("task", "target"))
    for name, before, after in differences(old.behaviour, new.behaviour):
        yield Change(name, f"{before} became {after}")
    if old.task == new.task and old.classes != new.classes:
        yield Change("classes", f"{_word(old.classes)} became {_word(new.classes)}", True)


def _columns(old: Contract, new: Contract) -> Iterator[Change]:
    for name in dict.fromkeys([*old.columns, *new.columns]):
        before, after = old.inputs.get(name), new.inputs.get(name)
        if before and after:
            yield from _column(name, before, after)
        elif before:
            yield Change(name, "removed: requests that contain it are refused", True)
        elif after:
            if after.missing:
                yield Change(name, f"new optional {after.type}")
            else:
                yield Change(name, f"new {after.type}, required in every request", True)
        elif old.columns.get(name) != new.columns.get(name):
            yield Change(name, "changed in the data; requests do not contain it")


def _column(name: str, old: Column, new: Column) -> Iterator[Change]:
    if old.type != new.type:
        yield Change(name, f"type {old.type} became {new.type}", (old.type, new.type) not in WIDER)
    if bool(old.missing) != bool(new.missing):
        yield Change(name, "may be missing" if new.missing else "may no longer be missing", not new.missing)
    elif old.missing != new.missing:
        yield Change(name, f"largest share of missing values: {_word(old.missing)} became {_word(new.missing)}")
    for end, sign in (("min", 1), ("max", -1)):
        yield from _bound(name, end, sign, getattr(old, end), getattr(new, end))
    if old.type == new.type == "datetime" and old.time_zone != new.time_zone:
        yield Change(name, f"zone {_word(old.time_zone)} became {_word(new.time_zone)}", old.time_zone is not None)
    yield from _values(name, old.categories, new.categories)
    yield from _spelling(name, old, new)
    for key in ("description", "parts", "feature"):
        if getattr(old, key) != getattr(new, key):
            yield Change(name, f"{key}: {_word(getattr(old, key))} became {_word(getattr(new, key))}")


def _spelling(name: str, old: Column, new: Column) -> Iterator[Change]:
    """Yield changes of how values are written; one that is no longer understood breaks those who send it."""
    for key in ("format", "unit", "multipliers", "below_detection", "above_detection", "na_values", "normalize"):
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            changed = before is not None if key in ("format", "unit", "multipliers") else False
            changed = changed or (key == "normalize" and not set(before) <= set(after))
            old_word, new_word = (
                "the usual words" if value is None and key == "na_values" else _word(value) for value in (before, after)
            )
            yield Change(name, f"{key}: {old_word} became {new_word}", changed)


def _bound(name: str, end: str, sign: int, old: Any, new: Any) -> Iterator[Change]:
    if old != new:
        comparable = old is not None and new is not None and type(old) is type(new)
        narrower = new is not None and not (comparable and (new < old if sign > 0 else new > old))
        yield Change(name, f"{end} {_word(old)} became {_word(new)}", narrower)


def _values(name: str, old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> Iterator[Change]:
    if new is None and old is not None:
        yield Change(name, "every value is allowed")
    elif new is not None and old is None:
        yield Change(name, f"now limited to {', '.join(new)}", True)
    elif old is not None and new is not None:
        if removed := [value for value in old if value not in new]:
            yield Change(name, f"no longer allowed: {', '.join(removed)}", True)
        if added := [value for value in new if value not in old]:
            yield Change(name, f"now allowed: {', '.join(added)}")


def _word(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return "none" if value in (None, "") else str(value).lower() if isinstance(value, bool) else str(value)


def read(source: str) -> Contract:
    """Return the contract in a file, or contract.yaml at a git revision; raises ProjectError."""
    if Path(source).is_file():
        return Contract.load(Path(source))
    text = git("show", "--end-of-options", f"{source}:./contract.yaml", fails=("",), cwd=Path.cwd())
    if text is None:
        raise ProjectError(f"{source}: no such file, and no git revision with a contract.yaml")
    return Contract.parse(text, f"{source}:contract.yaml")
