"""Unpacks a compressed table into a temporary file; what would fill the disk is refused."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

import pyarrow as pa

from ..common.errors import ProjectError
from ..contract.params import Ingest

CHUNK_BYTES = 1 << 20  # in memory at once
MAX_RATIO, MAX_FREE_BYTES = 250, 1 << 30  # a file of more than 1 GB may be unpacked to 250 times its size
MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
SUFFIXES = {".gz", ".bz2", ".xz", ".zst", ".zip"}
OFFICE = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")  # members of a workbook, which is a zip archive, too


def compression(head: bytes) -> str | None:
    """Return the name of the compression of a file that begins with *head*."""
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)


def is_workbook(path: Path) -> bool:
    """Return whether the zip archive *path* is a workbook; raises ProjectError if it is broken or a bomb."""
    with _archive(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        _check_size(path, size, path.stat().st_size)
        return any(name in OFFICE for name in archive.namelist())


@contextmanager
def unpacked(path: Path, kind: str, settings: Ingest) -> Iterator[Path]:
    """Yield the content of the compressed file *path* as a temporary file, named without the suffix.

    Raises ProjectError for an archive that does not hold exactly one table, or the one that *settings* name.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        name = path.stem if path.suffix.lower() in SUFFIXES else path.name
        with _archive(path) if kind == "zip" else nullcontext() as archive:
            member = _member(path, archive, settings) if archive else None
            inner = Path(folder) / (Path(member.filename).name if member else name)
            stream = archive.open(member) if archive and member else _stream(path, kind)
            with stream as packed, inner.open("wb") as plain:
                size = 0
                while chunk := packed.read(CHUNK_BYTES):
                    size += len(chunk)
                    _check_size(path, size, path.stat().st_size)
                    plain.write(chunk)
        yield inner


def _stream(path: Path, kind: str) -> AbstractContextManager[IO[bytes]]:
    opened: Any = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}.get(kind)
    return cast(
        AbstractContextManager[IO[bytes]],
        opened(path) if opened else pa.CompressedInputStream(pa.OSFile(str(path)), kind),
    )


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ProjectError(f"{path}: a broken zip archive or workbook; check that it is complete: {error}") from error


def _member(path: Path, archive: zipfile.ZipFile, settings: Ingest) -> zipfile.ZipInfo:
    """Return the table in an archive; raises ProjectError unless it is clear which file that is."""
    members = {m.filename: m for m in archive.infolist() if not m.is_dir() and not _hidden(m.filename)}
    names = ", ".join(list(members)[:10]) or "none"
    if settings.table and settings.table not in members:
        raise ProjectError(f"{path}: TABLE={settings.table}: no such file in the archive; it holds {names}")
    if not settings.table and len(members) != 1:
        raise ProjectError(f"{path}: the archive must hold one table, or name one with TABLE=; it holds {names}")
    member = members[settings.table or next(iter(members))]
    if member.flag_bits & 1:
        raise ProjectError(f"{path}: {member.filename} is encrypted: unpack the archive first")
    return member


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _check_size(path: Path, size: int, packed: int) -> None:
    if size > max(MAX_FREE_BYTES, MAX_RATIO * packed):
        raise ProjectError(
            f"{path}: unpacks to more than {MAX_RATIO} times its size, and to more than "
            f"{MAX_FREE_BYTES >> 20:,} MB: if that is right, unpack it first"
        )
