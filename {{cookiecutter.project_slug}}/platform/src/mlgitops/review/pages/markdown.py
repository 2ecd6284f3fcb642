"""The review as one Markdown page that fits a comment of a pull request, whatever the data is called."""

from collections.abc import Sequence

from .. import phrases
from ..performance import Score
from ..phrases import SIGNS, interval, number, signed
from ..report import Change, Evidence, Report
from . import mermaid
from .escape import code, prose

MARKER = "<!-- model-review -->"  # finds the comment again, to update it in place
LIMIT = 60_000  # characters; GitHub refuses comments of more than 65,536
SHOWN = 15  # rows of a table that may be long
OMITTED = "_Left out, too long for a comment: see review.html._"
SCORES = ["candidate", "champion", "difference", "95 % interval", ""]


def page(report: Report) -> str:
    """Return the page; its longest parts are left out where it would not fit."""
    evidence = report.evidence
    parts = [
        _head(report),
        _metrics(evidence),
        _gates(report),
        mermaid.chart(evidence),
        _slices(evidence),
        _changes(evidence),
        _origin(evidence),
    ]
    while len(text := "\n\n".join([MARKER, *filter(None, parts)]) + "\n") > LIMIT:
        parts[max(range(len(parts)), key=lambda n: len(parts[n]))] = OMITTED
    return text


def summary(report: Report) -> str:
    """Return the verdict for a terminal: what failed, and how to fix it."""
    lines = [f"{report.verdict}: {report.outcome}", *report.evidence.notes]
    for gate in report.gates:
        if gate.passed is False:
            lines.append(f"  {gate.name}: {gate.measured}; required: {gate.required}\n    {gate.advice}")
    return "\n".join(lines)


def _table(head: list[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; a long one is cut."""
    rule = ["---"] * len(head)
    more = [f"\n… and {len(rows) - SHOWN} more in review.html."] if len(rows) > SHOWN else []
    return "\n".join([*("| " + " | ".join(row) + " |" for row in [head, rule, *rows[:SHOWN]]), *more])


def _details(title: str, *content: str) -> str:
    return "\n\n".join([f"<details><summary>{title}</summary>", *content, "</details>"])


def _head(report: Report) -> str:
    lines = [
        f"## {'❌' if not report.accepted else '⚠️' if report.unproven else '✅'} {report.verdict}",
        prose(report.outcome),
    ]
    lines += [f"> {prose(note)}" for note in report.evidence.notes]
    lines += [
        f"- **{gate.name}**: {prose(gate.measured)}; required: {prose(gate.required)}. To fix: {prose(gate.advice)}."
        for gate in report.gates
        if gate.passed is False
    ]
    return "\n\n".join(lines)


def _scores(score: Score) -> list[str]:
    exact = [number(score.candidate), number(score.champion), signed(score.difference)]
    return [*exact, interval(score), SIGNS[score.verdict]]


def _metrics(evidence: Evidence) -> str:
    rows = [
        [f"**{metric.name}**" if metric.name == evidence.metric else metric.name, *_scores(metric.score)]
        for metric in evidence.performance.metrics
    ]
    return _table(["metric", *SCORES], rows)


def _gates(report: Report) -> str:
    signs = {True: "✅", False: "❌", None: "—"}
    rows = [[signs[gate.passed], gate.name, prose(gate.measured), prose(gate.required)] for gate in report.gates]
    return "### Gates\n\n" + _table(["", "gate", "measured", "required"], rows)


def _slices(evidence: Evidence) -> str:
    slices = evidence.performance.slices
    if not slices:
        return ""
    rows = [[f"{code(s.column)} = {code(s.value)}", f"{s.rows:,}", *_scores(s.score)] for s in slices]
    order = "moved most" if evidence.compared else "are lowest"
    title = f"Slices that {order} ({evidence.metric}, {len(rows)} in all)"
    return _details(title, _table(["slice", "rows", *SCORES], rows))


def _changes(evidence: Evidence) -> str:
    parts = [f"**Data**: {prose(phrases.validation(evidence))}"]
    movement = evidence.performance.movement
    if movement:
        moved = "; ".join(f"{name} {value}" for name, value in phrases.movement(movement, evidence.task))
        parts.insert(0, f"**Predictions**: {moved}.")
    if evidence.champion:
        parts += [_changed("Parameters", evidence.params), _changed("Contract", evidence.contract)]
    return "### What changed\n\n" + "\n\n".join(parts)


def _changed(title: str, changes: Sequence[Change] | None) -> str:
    if not changes:
        return f"**{title}**: {'no difference' if changes is not None else 'not recorded for both models'}."
    values = [(change.name, change.before, change.after) for change in changes]
    rows = [[code("—" if value is None else value) for value in row] for row in values]
    return f"**{title}**:\n\n" + _table(["setting", "champion", "candidate"], rows)


def _origin(evidence: Evidence) -> str:
    head = ["", "candidate", "champion"]
    lineage = [
        [prose(name), code(candidate), code(champion)] for name, candidate, champion in phrases.lineage(evidence)
    ]
    return "\n\n".join([_table(head, phrases.cost(evidence)), _details("Lineage", _table(head, lineage))])
