"""The change of the data in words."""

from collections.abc import Iterable, Iterator

from ..monitoring.report import Drift
from .data_change import ColumnShift, DataChange, PartChange, RowChange, TargetChange
from .phrases import NOTHING, number
from .report import Evidence

NAMED = 3  # columns or values that a sentence names


def sentence(change: DataChange) -> str:
    """Return the change in one sentence, for readers who do not read tables."""
    if change.same:
        return "The data is that of the champion: its train and its test part have not changed."
    clauses = [*_rows(change), *_columns(change), *_values(change), *_shifts(change), *_targets(change)]
    if not change.parts and not clauses:
        return f"The change of the data is unknown: {change.note or 'there is nothing to compare with'}."
    return f"The data changed: {'; '.join(clauses)}." if clauses else "The data hardly changed."


def share(value: float) -> str:
    """Return a share as text, with as many digits as it needs."""
    return f"{value:.1%}" if value >= 0.001 or value == 0 else "under 0.1%"


def rows(change: RowChange) -> str:
    """Return the change of the rows as text."""
    how = f"by {', '.join(change.key)}" if change.key else "compared as a whole, since the contract names no key"
    changed = "" if change.changed is None else f", {change.changed:,} changed"
    moved = f", {change.moved:,} moved between the parts" if change.moved else ""
    return f"{change.added:,} rows added, {change.gone:,} gone{changed}{moved} ({how})"


def parts(change: DataChange) -> list[tuple[str, str, str]]:
    """Return what is compared of each part, with its value before and now."""
    lines = []
    for part in change.parts:
        lines.append((f"{part.name}: rows", f"{part.before:,}", f"{part.after:,}"))
        if part.target:
            name, before, after = target(part.target)
            lines.append((f"{part.name}: {name}", before, after))
        if part.period_before or part.period:
            lines.append((f"{part.name}: period", _period(part.period_before), _period(part.period)))
        lines += [(f"{part.name}: {name}", "has values", "missing in every row") for name in part.empty]
    return lines


def columns(change: DataChange) -> list[tuple[str, str]]:
    """Return the columns that were added, are gone, or have another type."""
    retyped = [(c.name, f"{c.before} before, {c.after} now") for c in change.retyped]
    return [(n, "added") for n in change.added] + [(n, "gone") for n in change.gone] + retyped


def shifts(change: DataChange) -> list[tuple[PartChange, ColumnShift]]:
    """Return the columns that shifted, of both parts, the largest index first."""
    pairs = [(part, column) for part in change.parts for column in part.shifted]
    return sorted(pairs, key=lambda pair: -pair[1].shift.psi)


def bins(column: ColumnShift) -> list[tuple[str, float, float]]:
    """Return the bins of a column as bars: the candidate's share is the first."""
    return [(b.label, b.after, b.before) for b in column.bins]


def drift(report: Drift, evidence: Evidence) -> str:
    """Return what `monitor` has found, and which model it is about, in one or two sentences."""
    champion = evidence.champion.model_sha256 if evidence.champion else None
    models = {evidence.candidate.model_sha256: "the candidate", champion: f"the {evidence.opponent}"}
    moved = f"{len(report.drifted)} of {len(report.columns)} columns drifted" if report.drifted else "no column drifted"
    refused = f"; {report.refused:,} rows break its contract" if report.refused else ""
    about = models.get(report.model, "another model")
    return f"{report.rows:,} recent rows against the reference rows of {about}: {moved}{refused}."


def target(change: TargetChange) -> tuple[str, str, str]:
    """Return what is compared of the target, and its share or mean before and now."""
    if change.label is None:
        return f"mean of {change.column}", number(change.before), number(change.after)
    return f"{change.column} = {change.label}", share(change.before), share(change.after)


def _rows(change: DataChange) -> Iterator[str]:
    before, after = sum(part.before for part in change.parts), sum(part.after for part in change.parts)
    if before != after:
        change_in_percent = f"{(after - before) / max(before, 1):+.1%}".replace("-", "\N{MINUS SIGN}")
        yield f"{after:,} rows instead of {before:,} ({change_in_percent})"
    moves = change.rows
    if moves and (moves.added or moves.gone or moves.changed):
        changed = f" and {moves.changed:,} changed" if moves.changed else ""
        yield f"{moves.added:,} rows added, {moves.gone:,} gone{changed}"


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
        yield f"no row has {name} = {_named(column.lost)} any more{before}"
    for name, values in list(gained.items())[:NAMED]:
        yield f"{name} = {_named(values)} is new"


def _shifts(change: DataChange) -> Iterator[str]:
    named = {name for part in change.parts for name in part.empty}
    named |= {c.name for part in change.parts for c in part.columns if c.lost or c.gained}
    pairs = [(part, column) for part, column in shifts(change) if column.name not in named]
    if pairs:
        part, column = pairs[0]
        shift, names = column.shift, {column.name for _, column in pairs}
        others = f" and {len(names) - 1} other column{'s' if len(names) > 2 else ''}" if len(names) > 1 else ""
        moved = f"{shift.moved}: {share(shift.before)} of the {part.name} rows, now {share(shift.after)}"
        yield f"{column.name}{others} shifted ({moved})"


def _targets(change: DataChange) -> Iterator[str]:
    for part in change.parts[:1]:
        if part.target and part.target.beyond_chance:
            name, old, new = target(part.target)
            yield f"{name} went from {old} to {new} in the {part.name} part"


def _period(period: str | None) -> str:
    return (period or NOTHING).replace(" 00:00:00", "")


def _named(names: Iterable[str]) -> str:
    listed = [*names]
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more
