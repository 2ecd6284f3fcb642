"""Writes Markdown in which nothing that comes from data can become markup."""

import re

MAX_CHARACTERS = 60  # of a value
NO_LINK = "&#8203;"  # a zero-width space: GitHub makes no mention and no link of what it divides
TAGS = "details|summary|code|br"  # those that our own pages have


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
    return re.sub(special, _entity, " ".join(text.split()))[:4000]


def _entity(match: re.Match[str]) -> str:
    # GitHub looks for mentions and issues after it has decoded the entities
    return f"&#{ord(match[0])};" + (NO_LINK if match[0] in "@#" else "")


def defused(page: str) -> str:
    """Return a page of Markdown that somebody else wrote: it notifies nobody, links, loads and hides nothing.

    Tables, emphasis, code and folded sections stay; headings become smaller than ours.
    """
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", page.replace("\r\n", "\n"))
    text = re.sub(rf"<(?!/?(?:{TAGS})\s*/?>)", "&lt;", text)  # comments, images, styles, forms
    text = re.sub(r"&(#0*(?:64|35)|#[xX]0*(?:40|23)|commat|num);", rf"&\1;{NO_LINK}", text)
    text = re.sub(r"@|(?<!&)#(?=\w)", rf"\g<0>{NO_LINK}", text)
    text = re.sub(r"(?i)\bGH-(?=\d)", rf"GH{NO_LINK}-", text)
    text = re.sub(r"(?i)(?<=http)(s?):", r"\1&#58;", text)
    text = re.sub(r"(?i)\bwww\.", "www&#46;", text)
    text = re.sub(r"\](?=[(\[:])", f"]{NO_LINK}", text)  # links and images
    text = re.sub(r"(?m)^( {0,3})#{1,3}(?=\s)", r"\1####", text)
    return _closed(text)


def _closed(text: str) -> str:
    """Return *text* with the end of a code block and of the sections that it leaves open."""
    fences = re.findall(r"(?m)^ {0,3}(`{3,}|~{3,})", text)
    ends = [fences[-1]] if len(fences) % 2 else []
    ends += ["</details>"] * (text.count("<details>") - text.count("</details>"))
    return "\n\n".join([text.rstrip("\n"), *ends]) + "\n"
