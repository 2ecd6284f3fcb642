"""Blocks of a Markdown page: tables, and parts that are folded away."""

from collections.abc import Sequence

SHOWN = 15  # rows of a table that may be long


def table(head: list[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; a long one is cut."""
    rule = ["---"] * len(head)
    more = [f"\n… and {len(rows) - SHOWN} more in review.html."] if len(rows) > SHOWN else []
    return "\n".join([*("| " + " | ".join(row) + " |" for row in [head, rule, *rows[:SHOWN]]), *more])


def details(title: str, *content: str) -> str:
    """Return a part that is folded away below its title."""
    return "\n\n".join([f"<details><summary>{title}</summary>", *content, "</details>"])
