"""Finds out the encoding of a text: spreadsheets write that of the country, and do not say which."""

import codecs
import re
from itertools import pairwise

from charset_normalizer import from_bytes

ASIAN = ["cp932", "gb18030", "big5", "cp949"]  # of several bytes a letter
OTHER = ["cp1251", "cp1253", "koi8_r"]  # alphabets that share no letter with this one
LATIN = ["cp1252", "cp1250"]  # of Western Europe, of Central Europe
ODD = re.compile(r"[\u00a1-\u00bf\u00d7\u00f7](?=[a-z])|\ufffd")  # a sign within a word


def encoding(head: bytes, utf8: bool) -> str:
    """Return the encoding of a text that begins with *head*; *utf8* says whether all of it can be read so."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if utf8:
        return "utf-8"
    high = [byte for byte in head if byte > 127]
    if sum(map(len, re.findall(rb"[\x80-\xff]{3,}", head))) < 0.4 * len(high):
        return min(LATIN, key=lambda name: _oddness(head, name))
    if sum(byte >= 0xC0 for byte in high) > 0.95 * len(high):
        return min(OTHER, key=lambda name: _oddness(head, name))
    best = from_bytes(head, cp_isolation=ASIAN).best()
    return best.encoding if best else "cp1252"


def _oddness(head: bytes, name: str) -> int:
    """Count what words of the right encoding do not have: signs, and capitals after small letters."""
    text = head.decode(name, errors="replace")
    capitals = sum(one.islower() and other.isupper() for one, other in pairwise(text) if other > "\x7f")
    return len(ODD.findall(text)) + capitals
