"""Request bodies of every shape that used to cost more than they may: as many bytes as asked for, few of them rows."""

import json
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]


def repeated(head: bytes, unit: bytes, tail: bytes, size: int) -> bytes:
    """Return *head*, as many *unit* as make *size* bytes, with commas, and *tail*."""
    return head + b",".join([unit] * (size // (len(unit) + 1))) + tail


def _numbered(head: bytes, size: int, tail: bytes) -> bytes:
    """Return an object of numbered fields."""
    return head + b",".join(b'"f%d":1' % number for number in range(size // 12)) + tail


def _split(row: Row, size: int) -> bytes:
    """Return what MLflow and pandas call `split`."""
    head = b'{"columns":%b,"data":[' % json.dumps(list(row)).encode()
    return repeated(head, json.dumps(list(row.values())).encode(), b"]}", size)


def _first(row: Row) -> bytes:
    return json.dumps(next(iter(row))).encode()


SHAPES: dict[str, Callable[[Row, int], bytes]] = {
    "one field again and again": lambda row, size: repeated(b"{", b'"a":1', b"}", size),
    "many unknown fields": lambda row, size: _numbered(b"{", size, b"}"),
    "many unknown fields in an array": lambda row, size: _numbered(b"[{", size, b"}]"),
    "empty rows": lambda row, size: repeated(b"[", b"{}", b"]", size),
    "a field of empty rows": lambda row, size: repeated(b'{"x":[', b"{}", b"]}", size),
    "rows below a row": lambda row, size: repeated(b'[{"x":[', b'{"a":1}', b"]}]", size),
    "split": _split,
    "columns of index and value": lambda row, size: _numbered(b"{%b:{" % _first(row), size, b"}}"),
    "columns as arrays": lambda row, size: repeated(b"{%b:[" % _first(row), b"0", b"]}", size),
    "one row of arrays": lambda row, size: repeated(b"[{%b:[" % _first(row), b"0", b"]}]", size),
    "arrays": lambda row, size: repeated(b"[", b"[]", b"]", size),
    "nested arrays": lambda row, size: repeated(b"[", b"[[[[]]]]", b"]", size),
    "numbers": lambda row, size: repeated(b"[", b"1", b"]", size),
    "strings": lambda row, size: repeated(b"[", b'""', b"]", size),
    "deep arrays": lambda row, size: b"[" * size,
    "deep objects": lambda row, size: b'{"a":' * (size // 5),
    "quotes": lambda row, size: b"[" + b'"' * size,
    "braces": lambda row, size: b"[{" + b"}" * size,
    "commas": lambda row, size: b"[" + b"," * size,
    "one string": lambda row, size: b'{"a":"%b"}' % (b"\\u0041" * (size // 6)),
    "one string of places between rows": lambda row, size: repeated(b'[{"a":"', b"},{", b'"}]', size),
    "one number": lambda row, size: b'[{"a":%b}]' % (b"9" * size),
    "good rows and a wrong one": lambda row, size: repeated(b"[", json.dumps(row).encode(), b",[]]", size),
    "good rows and a wide one": lambda row, size: (
        repeated(b"[", json.dumps(row).encode(), b",", size // 2) + _numbered(b"{", size // 2, b"}]")
    ),
    "rows with a field twice": lambda row, size: repeated(
        b"[", b"%b,%b:null}" % (json.dumps(row)[:-1].encode(), _first(row)), b"]", size
    ),
}
