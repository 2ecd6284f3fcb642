"""The change of the data in the rows of tables and the bars of charts."""

from collections.abc import Sequence

from ..data.distribution import OTHERS
from ..monitoring.report import Drift
from .data_change import ColumnShift, DataChange, PartChange, RowChange, TargetChange
from .phrases import NOTHING, number
from .report import Evidence

BARS = 10  # of a chart
DRAWN = 6  # charts


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


def drawn(pairs: Sequence[tuple[PartChange, ColumnShift]]) -> list[tuple[PartChange, ColumnShift]]:
    """Return the columns that get a chart, each once: of the part in which it shifted more."""
    first = {pair[1].name: pair for pair in reversed(pairs) if pair[1].bins}
    return [pair for pair in pairs if first.get(pair[1].name) is pair][:DRAWN]


def bins(column: ColumnShift) -> list[tuple[str, float, float]]:
    """Return the bins of a column as bars, the candidate's share first; of many, those that changed most."""
    ranked = sorted(column.bins, key=lambda b: (b.label == OTHERS, -abs(b.after - b.before)))
    kept = set(ranked[:BARS])
    bars = [(b.label, b.after, b.before) for b in column.bins if b in kept]
    rest = ranked[BARS:]
    return [*bars, (OTHERS, sum(b.after for b in rest), sum(b.before for b in rest))] if rest else bars


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


def _period(period: str | None) -> str:
    return (period or NOTHING).replace(" 00:00:00", "")
