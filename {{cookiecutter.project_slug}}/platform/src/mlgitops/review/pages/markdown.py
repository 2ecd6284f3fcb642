"""The review as one Markdown page that fits a comment of a pull request, whatever the data is called."""

from collections.abc import Sequence

from .. import phrases
from ..doubts import few
from ..performance import Score
from ..phrases import SIGNS, interval, number, signed
from ..report import Change, Evidence, Report
from . import mermaid
from .blocks import details, table
from .data_section import data
from .escape import code, prose

MARKER = "<!-- model-review -->"  # finds the comment again, to update it in place
LIMIT = 60_000  # characters; GitHub refuses comments of more than 65,536
OMITTED = "_Left out, too long for a comment: see review.html._"


def page(report: Report) -> str:
    """Return the page; its longest parts are left out where it would not fit."""
    evidence = report.evidence
    parts = [
        _head(report),
        _metrics(evidence),
        _gates(report),
        _behaviour(evidence),
        _intervals(evidence),
        data(evidence),
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
    lines = [f"{report.verdict}: {report.outcome}", *_sentence(report.evidence), *report.evidence.notes]
    lines += few(report.unproven)
    for gate in report.gates:
        if gate.passed is False:
            lines.append(f"  {gate.name}: {gate.measured}; required: {gate.required}\n    {gate.advice}")
    return "\n".join(lines)


def _head(report: Report) -> str:
    lines = [
        f"## {'❌' if not report.accepted else '⚠️' if report.unproven else '✅'} {report.verdict}",
        prose(report.outcome),
    ]
    lines += [f"**{prose(text)}**" for text in _sentence(report.evidence)]
    lines += [f"> {prose(note)}" for note in (*few(report.unproven), *report.evidence.notes)]
    lines += [
        f"- **{gate.name}**: {prose(gate.measured)}; required: {prose(gate.required)}. To fix: {prose(gate.advice)}."
        for gate in report.gates
        if gate.passed is False
    ]
    return "\n\n".join(lines)


def _sentence(evidence: Evidence) -> list[str]:
    return [evidence.data.sentence] if evidence.data else []


def _head_of_scores(evidence: Evidence) -> list[str]:
    return ["candidate", evidence.opponent, "difference", "95 % interval", ""] if evidence.compared else ["candidate"]


def _scores(score: Score, evidence: Evidence) -> list[str]:
    if not evidence.compared:
        return [number(score.candidate)]
    exact = [number(score.candidate), number(score.champion), signed(score.difference)]
    return [*exact, interval(score), SIGNS[score.verdict]]


def _metrics(evidence: Evidence) -> str:
    rows = [
        [
            f"**{metric.name}**" if metric.name == evidence.metric else metric.name,
            number(metric.baseline),
            *_scores(metric.score, evidence),
        ]
        for metric in evidence.performance.metrics
    ]
    return table(["metric", f"baseline ({phrases.baseline(evidence.task)})", *_head_of_scores(evidence)], rows)


def _gates(report: Report) -> str:
    signs = {True: "✅", False: "❌", None: "—"}
    rows = [[signs[gate.passed], gate.name, prose(gate.measured), prose(gate.required)] for gate in report.gates]
    return "### Gates\n\n" + table(["", "gate", "measured", "required"], rows)


def _behaviour(evidence: Evidence) -> str:
    if not evidence.behaviour:
        return ""
    rows = [[prose(text) for text in row] for row in phrases.behaviour(evidence.behaviour)]
    return "### Behaviour\n\n" + table(["statement", "checked", "violations", "worst example", "verdict"], rows)


def _intervals(evidence: Evidence) -> str:
    columns = 3 if evidence.compared else 2
    rows = [[*row[:columns]] for row in phrases.intervals(evidence)]
    return "### Prediction intervals\n\n" + table(["", "candidate", evidence.opponent][:columns], rows) if rows else ""


def _slices(evidence: Evidence) -> str:
    slices = evidence.performance.slices
    if not slices:
        return ""
    rows = [[f"{code(s.column)} = {code(s.value)}", f"{s.rows:,}", *_scores(s.score, evidence)] for s in slices]
    order = "moved most" if evidence.compared else "are lowest"
    title = f"Slices that {order} ({evidence.metric}, {len(rows)} in all)"
    return details(title, table(["slice", "rows", *_head_of_scores(evidence)], rows))


def _changes(evidence: Evidence) -> str:
    parts = [f"**Validation**: {prose(phrases.validation(evidence))}"]
    movement = evidence.performance.movement
    if movement:
        moved = "; ".join(f"{name} {value}" for name, value in phrases.movement(movement, evidence.task))
        parts.insert(0, f"**Predictions**: {moved}.")
    if evidence.champion:
        opponent = evidence.opponent
        parts += [_changed("Parameters", evidence.params, opponent), _changed("Contract", evidence.contract, opponent)]
    return "### What changed\n\n" + "\n\n".join(parts)


def _changed(title: str, changes: Sequence[Change] | None, opponent: str) -> str:
    if not changes:
        return f"**{title}**: {'no difference' if changes is not None else 'not recorded for both models'}."
    values = [(change.name, change.before, change.after) for change in changes]
    rows = [[code("—" if value is None else value) for value in row] for row in values]
    return f"**{title}**:\n\n" + table(["setting", opponent, "candidate"], rows)


def _origin(evidence: Evidence) -> str:
    columns = 3 if evidence.champion else 2
    head = ["", "candidate", evidence.opponent][:columns]
    lineage = [
        [prose(name), code(candidate), code(champion)][:columns]
        for name, candidate, champion in phrases.lineage(evidence)
    ]
    cost = [row[:columns] for row in phrases.cost(evidence)]
    return "\n\n".join([table(head, cost), details("Lineage", table(head, lineage))])
