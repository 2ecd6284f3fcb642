"""The review as one HTML page that needs nothing else: the page that a reviewer opens."""

from pathlib import Path
from typing import Any

from .. import phrases
from ..phrases import SIGNS, between, number, signed
from . import charts
from .markup import Markup, tag
from .parts import classes, curves, numbers, section, slices, table

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(found: dict[str, Any]) -> str:
    """Return the page for a review."""
    style = Path(__file__).with_name("review.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{phrases.verdict(found)}: {found['target']}"),
        tag("style", Markup(style)),
    )
    parts = (_header(found), _tiles(found), _gates(found), _metrics(found), curves(found), classes(found))
    body = tag("body", tag("main", *parts, slices(found), _changes(found), _validation(found), _origin(found)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _header(found: dict[str, Any]) -> Markup:
    return tag(
        "header",
        tag("p", f"Model review · {found['project']} · {found['task']} model of {found['target']}", class_="kind"),
        tag("h1", phrases.verdict(found)),
        tag("p", phrases.outcome(found)),
        *(tag("p", note, class_="note") for note in found["notes"]),
        class_="accepted" if found["accepted"] else "refused",
    )


def _tiles(found: dict[str, Any]) -> Markup:
    first = found["metrics"][0]
    tiles = [(number(first["candidate"]), f"{first['name']}, champion {number(first['champion'])}")]
    if first["difference"] is not None:
        tiles.append((signed(first["difference"]), f"95 % {between(first['low'], first['high'])}"))
    if found["movement"] and "changed_share" in found["movement"]:
        tiles.append((f"{found['movement']['changed_share']:.2%}", "of rows change class"))
    for name, unit, new, old in phrases.cost(found):
        tiles.append((f"{new} {unit}", f"{name}, champion {old}"))
    return tag("div", *(tag("div", tag("b", value), tag("span", name)) for value, name in tiles), class_="tiles")


def _gates(found: dict[str, Any]) -> Markup:
    signs = {True: ("✓", "yes"), False: ("✗", "no"), None: ("—", "soft")}
    rows = [
        tag(
            "li",
            tag("b", signs[gate["passed"]][0], class_=signs[gate["passed"]][1]),
            tag("code", gate["name"]),
            tag("span", gate["measured"]),
            tag("span", gate["wanted"], class_="soft"),
            tag("p", gate["advice"][:1].upper(), gate["advice"][1:], ".") if gate["advice"] else None,
        )
        for gate in found["gates"]
    ]
    return section("Gates", tag("ul", *rows, class_="gates"))


def _metrics(found: dict[str, Any]) -> Markup:
    rows = [
        tag(
            "tr",
            tag("td", one["name"], class_="fixed"),
            *numbers(number(one["candidate"]), number(one["champion"]), signed(one["difference"])),
            *numbers(between(one["low"], one["high"])),
            tag("td", SIGNS[one["verdict"]], class_=f"word {one['verdict'] or 'soft'}"),
            class_="main" if one["name"] == found["metric"] else None,
        )
        for one in found["metrics"]
    ]
    first, margin = found["metrics"][0], found["margin"]
    chart = None
    if first["low"] is not None and first["high"] is not None:
        said = "" if margin is None else ", and in red what the gate refuses when the whole interval lies there"
        drawn = charts.spread(
            first["low"], first["difference"], first["high"], margin, f"difference of {first['name']}"
        )
        chart = tag(
            "figure", tag("figcaption", f"{first['name']}, candidate minus champion: 95 % interval{said}"), drawn
        )
    head = ["metric", "#candidate", "#champion", "#difference", "#95 % interval", ""]
    return section("Metrics", tag("div", chart, class_="grid") if chart else None, table(head, rows))


def _changes(found: dict[str, Any]) -> Markup | None:
    if not found["champion"]:
        return None
    parts: list[Markup] = []
    if found["movement"]:
        rows = [tag("tr", tag("td", name), *numbers(value)) for name, value in phrases.movement(found)]
        parts += [tag("h3", "Predictions"), table(["", "#"], rows)]
    for title, changed in (("Parameters", found["params"]), ("Contract", found["contract"])):
        parts.append(tag("h3", title))
        if changed:
            cells = [[tag("code", one["name"]), one["before"], one["after"]] for one in changed]
            lines = [tag("tr", *(tag("td", "—" if cell is None else cell) for cell in row)) for row in cells]
            parts.append(table(["setting", "champion", "candidate"], lines))
        else:
            said = "No difference." if changed is not None else "Not known of both models."
            parts.append(tag("p", said, class_="soft"))
    return section("What changed", *parts)


def _validation(found: dict[str, Any]) -> Markup:
    failures = (found["validation"] or {}).get("failures", [])
    rows = [
        tag(
            "tr",
            tag("td", tag("code", failure["column"])),
            tag("td", failure["expectation"], class_="long"),
            *numbers("—" if failure["count"] is None else f"{failure['count']:,}"),
            tag("td", "; ".join(_row(row) for row in failure["rows"]), class_="long"),
        )
        for failure in failures
    ]
    failed = table(["column", "expectation", "#rows", "first of them"], rows) if rows else None
    return section("Data validation", tag("p", phrases.validation(found)), failed)


def _row(row: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items())


def _origin(found: dict[str, Any]) -> Markup:
    rows = [
        tag("tr", tag("td", name), tag("td", tag("code", new)), tag("td", tag("code", old)))
        for name, new, old in phrases.lineage(found)
    ]
    return section("Lineage", table(["", "candidate", "champion"], rows))
