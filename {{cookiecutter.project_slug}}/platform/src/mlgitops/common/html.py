"""Renders HTML pages: Jinja2 templates that escape every value, on one base layout (base.html.j2)."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

PACKAGE = Path(__file__).parents[1]


def render(template: str, **values: object) -> str:
    """Return a page; *template* is a path in this package, which templates also use to name each other."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["inline"] = _inline
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}  # the default sorts keys
    return environment


def _inline(name: str) -> str:
    """Return a style sheet or script of this package; templates mark it as safe, since it holds no value."""
    return (PACKAGE / name).read_text(encoding="utf-8")
