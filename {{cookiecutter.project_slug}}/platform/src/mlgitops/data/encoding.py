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

import pyarrow as pa
from charset_normalizer import from_bytes

CHUNK_BYTES = 1 << 20  # in memory at once
ASIAN = ["cp932", "gb18030", "big5", "cp949"]  # several bytes per character
NON_LATIN = ["cp1251", "cp1253", "koi8_r"]  # Cyrillic and Greek
LATIN = ["cp1252", "cp1250"]  # Western Europe, Central Europe
SYMBOL_IN_WORD = re.compile(r"[\u00a1-\u00bf\u00d7\u00f7](?=[a-z])|\ufffd")


def encoding(path: Path, head: bytes) -> str:
    """Return the encoding of the text file *path*; *head* is its first bytes."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _is_utf8(path):
        return "utf-8"
    high = [byte for byte in head if byte > 127]
    if sum(map(len, re.findall(rb"[\x80-\xff]{3,}", head))) < 0.4 * len(high):
        return min(LATIN, key=lambda name: _oddness(head, name))
    if sum(byte >= 0xC0 for byte in high) > 0.95 * len(high):
        return min(NON_LATIN, key=lambda name: _oddness(head, name))
    best = from_bytes(head, cp_isolation=ASIAN).best()
    return best.encoding if best else "cp1252"


@contextmanager
def in_utf8(path: Path, encoding_name: str) -> Iterator[Path]:
    """Yield *path*, or a temporary copy of it in UTF-8."""
    if encoding_name == "utf-8":
        yield path
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "text.csv"
        source = io.TextIOWrapper(pa.input_stream(str(path)), encoding_name, newline="")
        with source, copy.open("w", encoding="utf-8", newline="") as text:
            shutil.copyfileobj(source, text, CHUNK_BYTES)
        yield copy


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with pa.input_stream(str(path)) as file:
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
