"""Detects the encoding of a text file: spreadsheets use that of their country and do not record it."""

import codecs
import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from charset_normalizer import from_bytes

CHUNK_BYTES = 1 << 20  # in memory at once
ASIAN = ["cp932", "gb18030", "big5", "cp949"]  # several bytes per character
NON_LATIN = ["cp1251", "cp1253", "koi8_r"]  # Cyrillic and Greek
LATIN = ["cp1252", "cp1250"]  # Western Europe, Central Europe
CARONS = b"\x8a\x8d\x8e\x8f\x9a\x9d\x9e\x9f"  # S, T, Z with marks in cp1250; hardly a letter of Western Europe
WESTERN = "àãåêñ".encode("cp1252")  # hardly letters of cp1250: they are others there
NOT_HUNGARIAN = "ãäç".encode("cp1252")  # which õ has beside it in Portuguese and Estonian
SYMBOL_IN_WORD = re.compile(r"[\u00a1-\u00bf\u00d7\u00f7](?=[a-z])|\ufffd")


def encoding(path: Path, head: bytes) -> tuple[str, bool]:
    """Return the encoding of the text file *path*, and whether it is a guess; *head* is its first bytes."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32", False
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", False
    if wide := unmarked(head):
        return wide, True
    return ("utf-8", False) if _is_utf8(path) else (_guess(head), True)


def unmarked(head: bytes) -> str | None:
    """Return the kind of UTF-16 if *head* is text of that encoding without its mark: one byte of most pairs is 0."""
    zeros = head[0::2].count(0), head[1::2].count(0)
    if min(zeros) or max(zeros) < 0.2 * len(head):
        return None
    return "utf-16-be" if zeros[0] else "utf-16-le"


def _guess(head: bytes) -> str:
    high = [byte for byte in head if byte > 127]
    if sum(map(len, re.findall(rb"[\x80-\xff]{3,}", head))) < 0.4 * len(high):
        if _is_central(high):
            return "cp1250"
        return min(LATIN, key=lambda name: _oddness(head, name))
    if sum(byte >= 0xC0 for byte in high) > 0.95 * len(high):
        return min(NON_LATIN, key=lambda name: _oddness(head, name))
    best = from_bytes(head, cp_isolation=ASIAN).best()
    return best.encoding if best else "cp1252"


def _is_central(high: list[int]) -> bool:
    """Return whether letters are those of Czech and its neighbours, or of Hungarian, which cp1252 lacks."""
    carons, western = (sum(byte in letters for byte in high) for letters in (CARONS, WESTERN))
    return (carons > 0.05 * len(high) and carons > western) or (high.count(0xF5) > 1 and not {*NOT_HUNGARIAN} & {*high})


def example(head: bytes, name: str) -> str:
    """Return words of *head* that another encoding would spell otherwise."""
    words = dict.fromkeys(word for word in re.findall(r"\w+", head.decode(name, "replace")) if not word.isascii())
    return ", ".join(list(words)[:3])


@contextmanager
def in_utf8(path: Path, encoding_name: str) -> Iterator[Path]:
    """Yield *path*, or a temporary copy of it in UTF-8."""
    if encoding_name == "utf-8":
        yield path
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "text.csv"
        source = io.TextIOWrapper(path.open("rb"), encoding_name, newline="")
        with source, copy.open("w", encoding="utf-8", newline="") as text:
            shutil.copyfileobj(source, text, CHUNK_BYTES)
        yield copy


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _oddness(head: bytes, name: str) -> int:
    """Count symbols within words and capitals after lower-case letters, which a wrong encoding produces."""
    text = head.decode(name, errors="replace")
    capitals = sum(left.islower() and right.isupper() for left, right in pairwise(text) if right > "\x7f")
    return len(SYMBOL_IN_WORD.findall(text)) + capitals
