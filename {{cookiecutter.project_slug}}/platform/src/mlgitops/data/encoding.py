"""Finds out the encoding of a text: spreadsheets write that of the country, and do not say which."""

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

PART = 1 << 20  # bytes that are in memory at once
ASIAN = ["cp932", "gb18030", "big5", "cp949"]  # of several bytes a letter
OTHER = ["cp1251", "cp1253", "koi8_r"]  # alphabets that share no letter with this one
LATIN = ["cp1252", "cp1250"]  # of Western Europe, of Central Europe
ODD = re.compile(r"[\u00a1-\u00bf\u00d7\u00f7](?=[a-z])|\ufffd")  # a sign within a word


def encoding(path: Path, head: bytes) -> str:
    """Return the encoding of the text in *path*, which begins with *head*."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if _is_utf8(path):
        return "utf-8"
    high = [byte for byte in head if byte > 127]
    if sum(map(len, re.findall(rb"[\x80-\xff]{3,}", head))) < 0.4 * len(high):
        return min(LATIN, key=lambda name: _oddness(head, name))
    if sum(byte >= 0xC0 for byte in high) > 0.95 * len(high):
        return min(OTHER, key=lambda name: _oddness(head, name))
    best = from_bytes(head, cp_isolation=ASIAN).best()
    return best.encoding if best else "cp1252"


@contextmanager
def in_utf8(path: Path, named: str) -> Iterator[Path]:
    """Yield *path*, or a copy of its text in UTF-8 that lives as long as it is read."""
    if named == "utf-8":
        yield path
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = Path(folder) / "text.csv"
        source = io.TextIOWrapper(pa.input_stream(str(path)), named, newline="")
        with source, copy.open("w", encoding="utf-8", newline="") as text:
            shutil.copyfileobj(source, text, PART)
        yield copy


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with pa.input_stream(str(path)) as file:
            while part := file.read(PART):
                decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _oddness(head: bytes, name: str) -> int:
    """Count what words of the right encoding do not have: signs, and capitals after small letters."""
    text = head.decode(name, errors="replace")
    capitals = sum(one.islower() and other.isupper() for one, other in pairwise(text) if other > "\x7f")
    return len(ODD.findall(text)) + capitals
