"""The review as one Markdown page that fits a comment of a pull request, whatever the data is called."""

from typing import Any

from .. import phrases
from ..phrases import SIGNS, between, number, signed
from . import mermaid
from .escape import code, prose

MARKER = "<!-- model-review -->"  # finds the comment again, to update it in place
LIMIT = 60_000  # characters; GitHub refuses comments of more than 65,536
SHOWN = 15  # rows of a table that may be long


def page(found: dict[str, Any]) -> str:
    """Return the page for a review; its longest parts are left out where it would not fit."""
    parts = [
        _head(found),
        _metrics(found),
        _gates(found),
        mermaid.chart(found),
        _slices(found),
        _changes(found),
        _origin(found),
    ]
    while len(text := "\n\n".join([MARKER, *filter(None, parts)]) + "\n") > LIMIT:
        parts[max(range(len(parts)), key=lambda n: len(parts[n]))] = (
            "_Left out, too long for a comment: see review.html._"
        )
    return text


def summary(found: dict[str, Any]) -> str:
    """Return the verdict for a terminal: what failed, and what can be done."""
    lines = [f"{phrases.verdict(found)}: {phrases.outcome(found)}", *found["notes"]]
    for gate in found["gates"]:
        if gate["passed"] is False:
            lines.append(f"  {gate['name']}: {gate['measured']}; wanted: {gate['wanted']}\n    {gate['advice']}")
    return "\n".join(lines)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table; a long one is cut."""
    rule = ["---"] * len(head)
    more = [f"\n… and {len(rows) - SHOWN} more in review.html."] if len(rows) > SHOWN else []
    return "\n".join([*("| " + " | ".join(row) + " |" for row in [head, rule, *rows[:SHOWN]]), *more])


def _details(title: str, *content: str) -> str:
    return "\n\n".join([f"<details><summary>{title}</summary>", *content, "</details>"])


def _head(found: dict[str, Any]) -> str:
    lines = [f"## {'✅' if found['accepted'] else '❌'} {phrases.verdict(found)}", prose(phrases.outcome(found))]
    lines += [f"> {prose(note)}" for note in found["notes"]]
    lines += [
        f"- **{gate['name']}**: {prose(gate['measured'])}; wanted: {prose(gate['wanted'])}. "
        f"To do: {prose(gate['advice'])}."
        for gate in found["gates"]
        if gate["passed"] is False
    ]
    return "\n\n".join(lines)


def _metrics(found: dict[str, Any]) -> str:
    rows = [
        [
            f"**{one['name']}**" if one["name"] == found["metric"] else one["name"],
            number(one["candidate"]),
            number(one["champion"]),
            signed(one["difference"]),
            between(one["low"], one["high"]),
            SIGNS[one["verdict"]],
        ]
        for one in found["metrics"]
    ]
    head = ["metric", "candidate", "champion", "difference", "95 % interval", ""]
    return _table(head, rows)


def _gates(found: dict[str, Any]) -> str:
    signs = {True: "✅", False: "❌", None: "—"}
    rows = [[signs[g["passed"]], g["name"], prose(g["measured"]), prose(g["wanted"])] for g in found["gates"]]
    return "### Gates\n\n" + _table(["", "gate", "measured", "wanted"], rows)


def _slices(found: dict[str, Any]) -> str:
    if not found["slices"]:
        return ""
    rows = [
        [
            f"{code(s['column'])} = {code(s['value'])}",
            f"{s['rows']:,}",
            number(s["candidate"]),
            number(s["champion"]),
            signed(s["difference"]),
            between(s["low"], s["high"]),
            SIGNS[s["verdict"]],
        ]
        for s in found["slices"]
    ]
    compared = any(s["difference"] is not None for s in found["slices"])
    title = f"Slices that {'moved most' if compared else 'are lowest'} ({found['metric']}, {len(rows)} in all)"
    head = ["slice", "rows", "candidate", "champion", "difference", "95 % interval", ""]
    return _details(title, _table(head, rows))


def _changes(found: dict[str, Any]) -> str:
    parts = [f"**Data**: {prose(phrases.validation(found))}"]
    if found["movement"]:
        said = "; ".join(f"{name} {value}" for name, value in phrases.movement(found))
        parts.insert(0, f"**Predictions**: {said}.")
    if found["champion"]:
        for title, rows in (("Parameters", found["params"]), ("Contract", found["contract"])):
            if rows:
                cells = [[code(one["name"]), code(one["before"]), code(one["after"])] for one in rows]
                parts.append(f"**{title}**:\n\n" + _table(["setting", "champion", "candidate"], cells))
            else:
                parts.append(f"**{title}**: {'no difference' if rows is not None else 'not known of both models'}.")
    return "### What changed\n\n" + "\n\n".join(parts)


def _origin(found: dict[str, Any]) -> str:
    cost = [[f"{name}, {unit}", new, old] for name, unit, new, old in phrases.cost(found)]
    lineage = [[name, code(new), code(old)] for name, new, old in phrases.lineage(found)]
    head = ["", "candidate", "champion"]
    return "\n\n".join([_table(head, cost), _details("Lineage", _table(head, lineage))])
