"""Writes HTML and SVG in which nothing that comes from data can become markup."""

from html import escape

VOID = {"circle", "line", "meta", "path", "polyline", "rect"}


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def tag(element: str, *content: object, **attributes: object) -> Markup:
    """Return an element; content that is not Markup is escaped, None is left out, `class_` is the attribute class."""
    named = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if element in VOID and not content:
        return Markup(f"<{element}{named} />")
    return Markup(f"<{element}{named}>{join(*content)}</{element}>")


def join(*content: object) -> Markup:
    """Return *content* one after the other, escaped where it is not Markup."""
    return Markup("".join(c if isinstance(c, Markup) else escape(str(c)) for c in content if c is not None))
