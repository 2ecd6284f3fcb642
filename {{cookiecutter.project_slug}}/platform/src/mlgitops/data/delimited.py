"""Reads text tables of any encoding and separator, in chunks, with all values as strings."""

import codecs
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from ..common.errors import ProjectError
from ..contract.params import Ingest
from .encoding import encoding, example, in_utf8, unmarked
from .quoting import QuoteCheck, rows
from .reading import Reading, plain, unique

NA_VALUES = [""]  # whether a word such as NA is a value is for the contract to say, see contract.column
HEAD_BYTES = 1 << 20  # from which separator and header are detected
BLOCK_BYTES = 1 << 23  # one value has to fit
SAMPLE_LINES = 50  # from which the separator is detected
RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")  # Arrow's message
SEPARATOR = re.compile(r'"?sep=(.)"?\s*')  # a line before the header, written and read by spreadsheets
NUMBER = re.compile(r"\s*[-+]?\d[\d.,]*\s*")
LFS_POINTER = "version https://git-lfs.github.com/"
MARKUP = re.compile(r"\s*<(!doctype|html|\?xml)", re.IGNORECASE)


def batches(path: Path, settings: Ingest, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the text table in *path* in chunks.

    Raises ProjectError naming the file and the line that cannot be read. Raises pa.ArrowInvalid and UnicodeError.
    """
    head = _head(path)
    encoding_name, guessed = (settings.encoding, False) if settings.encoding else encoding(path, head)
    lines = _lines(path, head, encoding_name)
    separator, skipped, header = layout(lines, path, settings)
    names = unique(header)
    reading.format = "text"
    reading.details |= {"encoding": encoding_name, "separator": separator, "header": skipped}
    if guessed and (word := example(head, encoding_name)):
        reading.remarks.append(
            f"the encoding is a guess: {encoding_name}, with words such as {word} (or set ENCODING=)"
        )
    if settings.header is None and any(map(NUMBER.fullmatch, header)):
        reading.remarks.append(f"the first line names the columns {', '.join(names[:5])} (if it is data, set HEADER=0)")
    if repeated := [name for name, title in zip(names, map(plain, header), strict=True) if title and name != title]:
        reading.remarks.append(f"the header has names twice: the later columns are {', '.join(repeated[:5])}")
    with in_utf8(path, encoding_name) as text:
        check = QuoteCheck(path, text, separator, skipped, settings)
        try:
            for part in _parts(text, names, separator, skipped, settings):
                check.see(part)
                yield part
        except pa.ArrowInvalid as error:
            raise _explained(error, path, check) from error
    if check.breaks:
        reading.details["line breaks inside values"] = check.breaks


def _parts(text: Path, names: list[str], separator: str, skipped: int, settings: Ingest) -> Iterator[pa.RecordBatch]:
    # no encoding and no row handler: Arrow's threads would hold those Python objects, even after Python ends
    read = pa.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=skipped)
    quoted = settings.quoting != "none"
    parse = pa.csv.ParseOptions(
        delimiter=separator,
        quote_char='"' if quoted else False,
        double_quote=settings.quoting in ("checked", "trusted"),
        escape_char="\\" if settings.quoting == "escaped" else False,
        newlines_in_values=quoted,
    )
    types = dict.fromkeys(names, pa.string())
    convert = pa.csv.ConvertOptions(column_types=types, null_values=NA_VALUES, strings_can_be_null=True)
    yield from pa.csv.open_csv(str(text), read, parse, convert)


def _explained(error: Exception, path: Path, check: QuoteCheck) -> Exception:
    """Return a ProjectError that names the line, if Arrow's message does, else *error*."""
    if ragged := RAGGED.search(message := str(error)):
        row, expected, actual = ragged.groups()
        advice = "fix that line, or remove the lines before the header (HEADER= is the line of the header)"
        if check.settings.quoting == "checked" and check.is_escaped():
            advice = "quotes are escaped by a backslash, as Spark writes them: add QUOTING=escaped"
        return ProjectError(f"{path}:{row}: {actual} values, but the header names {expected} columns: {advice}")
    if "straddl" in message or "out of sync" in message:
        return ProjectError(f"{path}: a value is longer than {BLOCK_BYTES >> 20} MB: {check.longest()}")
    return error


def _head(path: Path) -> bytes:
    """Return the first bytes of a text file; raises ProjectError if it is empty or binary."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip():
        raise ProjectError(f"{path}: is empty")
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
    if b"\0" in head and not head.startswith(marks) and not unmarked(head):
        raise ProjectError(f"{path}: not a text file, nor a table of a known format: save it as .csv or .parquet")
    return head


def _lines(path: Path, head: bytes, encoding_name: str) -> list[str]:
    """Return the complete lines of *head*; raises ProjectError if they are not those of a table."""
    text = head.decode(encoding_name, errors="ignore").lstrip("\ufeff")
    if MARKUP.match(text):
        raise ProjectError(f"{path}: not a table but a web page or XML: check the address")
    if text.startswith(LFS_POINTER):
        raise ProjectError(f"{path}: only a pointer of Git LFS, not the table: git lfs pull")
    lines = list(io.StringIO(text, newline=""))
    lines = lines[:-1] if len(head) == HEAD_BYTES else lines  # the last one may be incomplete
    if not lines:
        raise ProjectError(f"{path}: the first line, which must name the columns, is longer than a megabyte")
    return lines


def layout(lines: list[str], path: Path, settings: Ingest) -> tuple[str, int, list[str]]:
    """Return the separator, the number of lines before the first row of data, and the names of the columns."""
    declared = SEPARATOR.fullmatch(lines[0])
    before = int(bool(declared)) if settings.header is None else max(0, settings.header - 1)
    if before >= len(lines):
        raise ProjectError(f"{path}: HEADER={settings.header}, and the file has {len(lines)} lines")
    rest = lines[before:]
    detected = declared[1] if declared else "\t" if ".tsv" in path.suffixes else None
    separator = settings.separator or detected or _separator(rest[:SAMPLE_LINES], settings)
    last, header = next(
        ((last, row) for _, last, row in rows(rest, separator, settings) if any(map(str.strip, row))), (0, list[str]())
    )
    if settings.header == 0:
        return separator, before, [""] * len(header)
    return separator, before + last, _named(header, rest[last:][:SAMPLE_LINES], separator, settings)


def _named(header: list[str], lines: list[str], separator: str, settings: Ingest) -> list[str]:
    """Return the *header* with a name for each value: R writes none for the names of rows, others a last separator."""
    values = [row for _, _, row in rows(lines, separator, settings) if row]
    if len(values) < 2 or any(len(row) != len(header) + 1 for row in values) or len(header) < 2:
        return header
    return ["", *header] if any(row[-1].strip() for row in values) else [*header, ""]


def _separator(lines: list[str], settings: Ingest) -> str:
    """Return the separator that splits the most lines into as many values as the first; on a tie, the most values."""

    def evenness(separator: str) -> tuple[float, int]:
        widths = [len(row) for _, _, row in rows(lines, separator, settings) if row]
        return (sum(width == widths[0] for width in widths) / len(widths), widths[0]) if max(widths) > 1 else (0, 0)

    best = max(",;\t|", key=evenness)
    blanks = evenness(" ") if evenness(best)[1] <= 1 else (0, 0)  # of old data sets; a text, too, has blanks
    return " " if blanks[0] == 1 and blanks[1] > 2 and len(lines) > 2 else best
