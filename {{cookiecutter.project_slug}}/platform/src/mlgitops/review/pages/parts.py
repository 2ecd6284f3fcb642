"""Parts of the HTML page: tables, and what is drawn of curves, slices and classes."""

from collections.abc import Iterable
from typing import Any

from ..phrases import between, number, signed
from . import charts
from .markup import Markup, join, tag

SHOWN = 25  # rows of a long table before the rest is folded away
MOST = 300  # slices on the page; review.json has them all
TITLES = {
    "roc": "ROC curve",
    "precision_recall": "Precision and recall",
    "calibration": "Calibration",
    "residuals": "Residuals by quantile",
}


def section(title: str, *content: object) -> Markup:
    """Return a card of the page."""
    return tag("section", tag("h2", title), *content)


def table(head: list[str], rows: Iterable[Markup]) -> Markup:
    """Return a table; columns whose head begins with # hold numbers. The end of a long one is folded away."""
    names = [tag("th", name.lstrip("#"), class_="number" if name.startswith("#") else None) for name in head]
    every = list(rows)

    def table(some: list[Markup]) -> Markup:
        inside = tag("table", tag("thead", tag("tr", *names)), tag("tbody", *some))
        return tag("div", inside, class_="scroll", tabindex=0)  # to be scrolled by keyboard, too

    rest = every[SHOWN:]
    return join(
        table(every[:SHOWN]),
        tag("details", tag("summary", f"{len(rest)} more"), table(rest)) if rest else None,
    )


def numbers(*values: str) -> list[Markup]:
    """Return cells that hold numbers."""
    return [tag("td", value, class_="number") for value in values]


def key(found: dict[str, Any], *more: Markup) -> Markup:
    """Return the legend: which colour is which model."""
    old = (tag("i", class_="champion"), f"champion ({found['champion']['name']})") if compared(found) else ()
    return tag("p", tag("i", class_="candidate"), "candidate", *old, *more, class_="key")


def compared(found: dict[str, Any]) -> bool:
    """Return whether the champion was scored on the same rows."""
    return bool(found["champion"] and not found["unreadable"])


def curves(found: dict[str, Any]) -> Markup | None:
    """Return the curves of both models, drawn."""
    figures = []
    for name, title in TITLES.items():
        if name in found["curves"]:
            curve = found["curves"][name]
            series = {model: curve[model] for model in ("candidate", "champion") if model in curve}
            x, y = curve["columns"]
            drawn = charts.lines(series, x, y, diagonal=name in ("roc", "calibration"), dots=name == "calibration")
            figures.append(tag("figure", tag("figcaption", title), drawn))
    return section("Curves", key(found), tag("div", *figures, class_="grid")) if figures else None


def slices(found: dict[str, Any]) -> Markup | None:
    """Return the primary metric in every slice."""
    every, floor = found["slices"], found["slice_floor"]
    if not every:
        return None
    red = () if floor is None else (tag("i", class_="floor"), f"floor {floor:g}")
    order = "moved most against noise first" if compared(found) else "lowest first"
    left = f"; {len(every) - MOST:,} more in review.json" if len(every) > MOST else ""
    said = tag("p", f"{len(every)} slices, {order}{left}", class_="key")
    names = [join(s["column"], " = ", tag("code", s["value"])) for s in every]
    return section(f"{found['metric']} by slice", key(found, *red), said, _pairs("slice", names, every[:MOST], floor))


def classes(found: dict[str, Any]) -> Markup | None:
    """Return how well each of several classes is told."""
    every = found["classes"]
    names = [tag("code", one["value"]) for one in every]
    return section("F1 by class", key(found), _pairs("class", names, every[:MOST], None)) if every else None


def _pairs(kind: str, names: list[Markup], every: list[dict[str, Any]], floor: float | None) -> Markup:
    """Return a table of groups of rows, in which both models are drawn on one scale."""
    values = [one[model] for one in every for model in ("candidate", "champion") if one[model] is not None]
    low, high = charts.limits(values)
    low = floor if floor is not None and low - (high - low) < floor < low else low
    spread = any("low" in one for one in every)
    rows = [
        tag(
            "tr",
            tag("td", name, class_="long"),
            tag("td", charts.pair(one["candidate"], one["champion"], low, high, floor, kind), class_="chart"),
            *numbers(number(one["candidate"]), number(one["champion"]), signed(one["difference"])),
            *numbers(*([between(one["low"], one["high"])] if spread else []), f"{one['rows']:,}"),
        )
        for name, one in zip(names, every, strict=False)
    ]
    head = [kind, f"{low:.2f} to {high:.2f}", "#candidate", "#champion", "#difference"]
    return table([*head, *(["#95 % interval"] if spread else []), "#rows"], rows)
