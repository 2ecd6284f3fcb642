"""Writes Markdown in which nothing that comes from data can become markup."""

import re

MAX_CHARACTERS = 60  # of a value


def code(text: object) -> str:
    """Return *text*, whatever it holds, as code that can stand in a table."""
    plain = " ".join(str(text).split()) or " "
    plain = plain if len(plain) <= MAX_CHARACTERS else plain[: MAX_CHARACTERS - 1] + "…"
    if re.fullmatch(r"[\w .,:;/+=()%—…-]+", plain):
        return f"`{plain}`"
    return f"<code>{''.join(c if c.isalnum() or c == ' ' else f'&#{ord(c)};' for c in plain)}</code>"


def prose(text: str) -> str:
    """Return a sentence that may quote data, safe to stand between our own words."""
    special = r"[\\`*\[\]<>|#@~&$!]|\b_|_\b|:(?=//)|(?<=www)\."
    return re.sub(special, lambda match: f"&#{ord(match[0])};", " ".join(text.split()))[:4000]
