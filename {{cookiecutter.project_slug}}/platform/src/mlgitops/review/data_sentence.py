"""The change of the data in one sentence."""

from collections.abc import Iterable, Iterator

from .data_change import DataChange
from .data_phrases import share, shifts, target

NAMED = 3  # columns or values that the sentence names
NAME_CHARACTERS = 40  # of each


def sentence(change: DataChange) -> str:
    """Return the change in one sentence, for readers who do not read tables."""
    if change.same:
        return "The data has not changed: train and test part are the same."
    clauses = [*_rows(change), *_columns(change), *_values(change), *_shifts(change), *_targets(change)]
    if not change.parts and not clauses:
        return f"The change of the data is unknown: {change.note or 'there is nothing to compare with'}."
    return f"The data changed: {'; '.join(clauses)}." if clauses else "The data hardly changed."


def _rows(change: DataChange) -> Iterator[str]:
    before, after = sum(part.before for part in change.parts), sum(part.after for part in change.parts)
    if before != after:
        change_in_percent = f"{(after - before) / max(before, 1):+.1%}".replace("-", "\N{MINUS SIGN}")
        yield f"{after:,} rows instead of {before:,} ({change_in_percent})"
    moves = change.rows
    if moves:
        kinds = (("added", moves.added), ("gone", moves.gone), ("changed", moves.changed))
        counted = [f"{number:,} {'row' if number == 1 else 'rows'} {kind}" for kind, number in kinds if number]
        yield from [", ".join(counted)] if counted else []


def _columns(change: DataChange) -> Iterator[str]:
    if change.added:
        yield f"{_named(change.added)} {'is' if len(change.added) == 1 else 'are'} new"
    if change.gone:
        yield f"{_named(change.gone)} {'is' if len(change.gone) == 1 else 'are'} gone"
    if change.retyped:
        yield f"another type: {_named([f'{c.name} ({c.before} is now {c.after})' for c in change.retyped])}"


def _values(change: DataChange) -> Iterator[str]:
    empty = dict.fromkeys(name for part in change.parts for name in part.empty)
    if empty:
        yield f"{_named(empty)} {'has' if len(empty) == 1 else 'have'} no value any more"
    columns = {c.name: c for part in reversed(change.parts) for c in part.columns if c.name not in empty}
    lost = {name: c for name, c in columns.items() if c.lost}
    gained = {name: c.gained for name, c in columns.items() if c.gained}
    for name, column in list(lost.items())[:NAMED]:
        before = f" ({share(column.shift.before)} before)" if (column.shift.moved,) == column.lost else ""
        yield f"no row has {_short(name)} = {_named(column.lost)} any more{before}"
    for name, values in list(gained.items())[:NAMED]:
        yield f"{_short(name)} = {_named(values)} is new"


def _shifts(change: DataChange) -> Iterator[str]:
    named = {name for part in change.parts for name in part.empty}
    named |= {c.name for part in change.parts for c in part.columns if c.lost or c.gained}
    pairs = [(part, column) for part, column in shifts(change) if column.name not in named]
    if pairs:
        part, column = pairs[0]
        shift, names = column.shift, {column.name for _, column in pairs}
        others = f" and {len(names) - 1} other column{'s' if len(names) > 2 else ''}" if len(names) > 1 else ""
        moved = f"{_short(shift.moved)}: {share(shift.before)} of the {part.name} rows, now {share(shift.after)}"
        yield f"{_short(column.name)}{others} shifted ({moved})"


def _targets(change: DataChange) -> Iterator[str]:
    for part in change.parts[:1]:
        if part.target and part.target.beyond_chance:
            name, old, new = target(part.target)
            yield f"{_short(name)} went from {old} to {new} in the {part.name} part"


def _named(names: Iterable[str]) -> str:
    listed = [_short(name) for name in names]
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…"
