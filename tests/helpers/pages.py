"""What the pages say is to be done: each block of code, and of commands, as it stands there."""

import re

from .support import GENERATED, TEMPLATE

MADE = re.compile(r"(?m)^<!-- made by docs/build\.py: (\w+) -->$")


def blocks(page: str, heading: str = "") -> list[tuple[str, str]]:
    """Return language and text of each block of a page of docs/, or of one of its sections.

    Where the site shows a page of the project, that page is read.
    """
    text = MADE.sub(lambda marker: _of_project(marker[1]), (TEMPLATE / "docs" / page).read_text(encoding="utf-8"))
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", text)
    assert found, f"{page} has no block{f' below {heading}' if heading else ''}"
    return found


def _of_project(name: str) -> str:
    path = GENERATED / "docs" / f"{name.replace('_', '-')}.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text.replace("{{ cookiecutter.project_slug }}", "flight-delays")
