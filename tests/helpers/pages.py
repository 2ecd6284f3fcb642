"""The blocks of the pages: code and commands, exactly as they are written there."""

import re

from .support import TEMPLATE


def blocks(page: str, heading: str = "") -> list[tuple[str, str]]:
    """Return language and text of each block of a page of docs/, or of one of its sections."""
    text = (TEMPLATE / "docs" / page).read_text(encoding="utf-8")
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", text)
    assert found, f"{page} has no block{f' below {heading}' if heading else ''}"
    return found
