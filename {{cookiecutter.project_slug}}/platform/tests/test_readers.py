"""Tables of every kind are read alike, what is guessed is listed, and no row vanishes without a word."""

import bz2
import gzip
import http.server
import json
import lzma
import sqlite3
import threading
import zipfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.ipc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from helpers.workbook import workbook
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgitops.common.errors import ProjectError
from mlgitops.contract.params import Ingest, Params
from mlgitops.data import address, options, unpack
from mlgitops.data import ingest as stage
from mlgitops.data.reading import IngestReport

ROWS: list[dict[str, Any]] = [
    {"id": 1, "size": 1.5, "name": "Zoë", "day": datetime(2020, 1, 2), "sold": True},
    {"id": 2, "size": 2.0, "name": None, "day": datetime(2020, 1, 3, 4, 5), "sold": False},
    {"id": 3, "size": None, "name": "a,b", "day": None, "sold": None},
]
COLUMNS = ["id", "size", "name", "day", "sold"]
TABLE = pa.Table.from_pylist(ROWS)


def read(path: Path, **how: Any) -> tuple[list[dict[str, Any]], IngestReport]:
    """Return the rows that the stage ingest writes, and its report."""
    raw = path.with_name("raw.parquet")
    report = stage.ingest(path, raw, Ingest(source=str(path), **how))
    written = pq.read_table(raw)
    assert (report.rows, report.columns) == written.shape
    return written.to_pylist(), report


def text(**how: Any) -> bytes:
    return pd.DataFrame(ROWS).to_csv(index=False, **how).encode("utf-8")


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def as_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, text())
    return path


def as_ipc(path: Path, **options: Any) -> Path:
    with pa.OSFile(str(path), "wb") as file, options.pop("kind", pa.ipc.new_file)(file, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return path


def as_sqlite(path: Path, *tables: str) -> Path:
    with sqlite3.connect(path) as base:
        for table in tables:
            pd.DataFrame(ROWS).to_sql(table, base, index=False)
    base.close()
    return path


def as_duckdb(path: Path) -> Path:
    import duckdb

    with duckdb.connect(str(path)) as base:
        base.register("given", TABLE)
        base.sql("create table rows as select * from given")
    return path


def as_delta(path: Path) -> Path:
    import deltalake

    deltalake.write_deltalake(path, TABLE.slice(0, 1))
    deltalake.write_deltalake(path, TABLE.slice(1), mode="append")
    return path


def as_iceberg(path: Path) -> Path:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("test", uri=f"sqlite:///{path.with_name('catalog.db')}", warehouse=path.parent.as_uri())
    catalog.create_namespace("shop")
    table = catalog.create_table("shop.rows", schema=TABLE.schema, location=path.as_uri())
    table.append(TABLE)
    return path


def as_parts(path: Path) -> Path:
    path.mkdir()
    (path / "_SUCCESS").touch()
    for number in range(3):
        pq.write_table(TABLE.slice(number, 1), path / f"part-{number}.snappy.parquet")
    return path


def records(**how: Any) -> str:
    return pd.DataFrame(ROWS).to_json(date_format="iso", **how)


STRINGS = [
    {"id": "1", "size": "1.5", "name": "Zoë", "day": "2020-01-02 00:00:00", "sold": "True"},
    {"id": "2", "size": "2.0", "name": None, "day": "2020-01-03 04:05:00", "sold": "False"},
    {"id": "3", "size": None, "name": "a,b", "day": None, "sold": None},
]
AS_TEXT = [row | {"day": row["day"] and row["day"].isoformat(timespec="milliseconds")} for row in ROWS]
AS_SQLITE = [row | {"day": row["day"] and str(row["day"])} for row in ROWS]
KINDS: dict[str, tuple[Any, Any, str]] = {  # name of the file: how it is made, what is read, the format
    "t.csv": (lambda path: put(path, text()), STRINGS, "text"),
    "t.csv.gz": (lambda path: put(path, gzip.compress(text())), STRINGS, "text"),
    "t.csv.bz2": (lambda path: put(path, bz2.compress(text())), STRINGS, "text"),
    "t.csv.xz": (lambda path: put(path, lzma.compress(text())), STRINGS, "text"),
    "t.csv.zst": (lambda path: put(path, pa.compress(text(), "zstd", asbytes=True)), STRINGS, "text"),
    "t.zip": (lambda path: as_zip(path, "t.csv", "__MACOSX/._t.csv"), STRINGS, "text"),
    "misnamed.csv": (lambda path: put(path, gzip.compress(text())), STRINGS, "text"),
    "t.json": (lambda path: put(path, records(orient="records").encode()), AS_TEXT, "JSON"),
    "columns.json": (lambda path: put(path, records().encode()), AS_TEXT, "JSON"),
    "split.json": (lambda path: put(path, records(orient="split").encode("utf-16")), AS_TEXT, "JSON"),
    "t.jsonl": (lambda path: put(path, records(orient="records", lines=True).encode()), AS_TEXT, "JSON lines"),
    "lines.txt": (lambda path: put(path, records(orient="records", lines=True).encode()), AS_TEXT, "JSON lines"),
    "t.parquet": (lambda path: pq.write_table(TABLE, path), ROWS, "Parquet"),
    "int96.parquet": (lambda path: pq.write_table(TABLE, path, use_deprecated_int96_timestamps=True), ROWS, "Parquet"),
    "t.arrow": (as_ipc, ROWS, "Arrow"),
    "t.arrows": (lambda path: as_ipc(path, kind=pa.ipc.new_stream), ROWS, "Arrow"),
    "t.feather": (lambda path: pa.feather.write_feather(TABLE, path), ROWS, "Arrow"),
    "t.sqlite": (lambda path: as_sqlite(path, "rows"), AS_SQLITE, "SQLite file"),
    "t.duckdb": (as_duckdb, ROWS, "DuckDB file"),
    "t.xlsx": (lambda path: workbook(path, {"Sheet1": [COLUMNS, *(row.values() for row in ROWS)]}), ROWS, "workbook"),
    "parts": (as_parts, ROWS, "folder of Parquet files"),
    "delta": (as_delta, ROWS, "Delta table"),
    "iceberg": (as_iceberg, ROWS, "Iceberg table"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_table_is_read_from_every_kind_of_file(name: str, tmp_path: Path) -> None:
    make, expected, kind = KINDS[name]
    make(tmp_path / name)
    rows, report = read(tmp_path / name)
    if name == "delta":
        rows.sort(key=lambda row: row["id"])  # its files are in no order
    assert rows == expected
    assert report.format == kind
    assert report.remarks == ()


STRAY = [f"{number},u,note {number},yes" for number in range(1, 241)]
STRAY[20], STRAY[60] = '21,u,"5 inch,yes', '61,v,7" pipe,no'


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        (STRAY, "40 lines in all: line 22 to 62"),
        (['1,u,"5 inch,yes', '2,v,7" pipe,no', *STRAY[2:20]], "1 lines in all: line 2 to 3"),
        ([*STRAY, *STRAY[20:61]], "80 lines in all: line 22 to 62, line 242 to 282"),
    ],
)
def test_rows_between_two_stray_quotes_are_not_swallowed(lines: list[str], places: str, tmp_path: Path) -> None:
    path = put(tmp_path / "t.csv", "\n".join(["number,b,note,y", *lines]).encode())
    with pytest.raises(ProjectError) as refused:
        read(path)
    assert f"t.csv: a quoted value takes in whole rows, {places}: remove the stray double quotes" in str(refused.value)
    rows, report = read(path, quoting="none")
    assert len(rows) == len(lines)
    assert "line breaks inside values" not in report.details
    rows, report = read(path, quoting="trusted")
    assert report.details["line breaks inside values"] == len(lines) - len(rows) > 0


def test_quotes_that_spark_escapes_by_a_backslash_are_read(tmp_path: Path) -> None:
    path = put(tmp_path / "t.csv", b'id,note\n1,"5\\" pipe, long"\n2,"a\\\\b"\n')
    with pytest.raises(ProjectError, match=r"t\.csv:2: 3 values, .* add QUOTING=escaped"):
        read(path)
    assert [row["note"] for row in read(path, quoting="escaped")[0]] == ['5" pipe, long', "a\\b"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_breaks_inside_values_are_kept_and_counted(end: str, tmp_path: Path) -> None:
    lines = ["id,note,address", '1,"one, two",x', f'2,"a{end}b, c{end}d","5, Main St{end}Town"', "3,,z", ""]
    rows, report = read(put(tmp_path / "t.csv", end.join(lines).encode()))
    assert [row["note"] for row in rows] == ["one, two", f"a{end}b, c{end}d", None]
    assert report.details["line breaks inside values"] == 3
    assert "3 rows, 3 columns (text: encoding utf-8, separator ,, header 1, line breaks inside values 3)" in (
        report.describe()
    )


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (9, "a quoted value takes in whole rows, 9 lines in all: line 3 to 12: remove"),
        (
            30_000,
            "a value is longer than 8 MB: the quoted value that begins at line 3 has 30,001 lines: does its quote",
        ),
    ],
)
def test_a_quote_without_an_end_is_named(count: int, message: str, tmp_path: Path) -> None:
    lines = ["number,note", "1,sound", '2,"no end', *(f"{number},{'x' * 700}" for number in range(count))]
    with pytest.raises(ProjectError, match=f"t.csv: {message}"):
        read(put(tmp_path / "t.csv", "\n".join(lines).encode()))


def test_a_long_value_is_read(tmp_path: Path) -> None:
    long = "x" * 200_000
    rows, _ = read(put(tmp_path / "t.csv", f"id,note\n1,{long}\n2,b\n".encode()))
    assert [row["note"] for row in rows] == [long, "b"]


CZECH = "id;město;kůň\n1;Plzeň;žlutý\n2;Ústí;příliš\n"


@pytest.mark.parametrize("encoding", ["cp1250", "utf-8", "utf-16", "utf-32"])
def test_an_encoding_that_is_a_guess_is_listed(encoding: str, tmp_path: Path) -> None:
    rows, report = read(put(tmp_path / "t.csv", CZECH.encode(encoding)))
    assert [row["kůň"] for row in rows] == ["žlutý", "příliš"]
    guess = "the encoding is a guess: cp1250, with words such as město, kůň, Plzeň (or set ENCODING=)"
    assert report.remarks == ((guess,) if encoding == "cp1250" else ())
    assert report.details["encoding"] == encoding


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_an_encoding_without_its_mark_is_recognized(encoding: str, tmp_path: Path) -> None:
    rows, report = read(put(tmp_path / "t.csv", CZECH.encode(encoding)))
    assert [row["kůň"] for row in rows] == ["žlutý", "příliš"]
    assert report.details["encoding"] == encoding
    assert "is a guess" in report.remarks[0]


HEADERS = {  # content -> names of columns, and the start of a remark
    "names of rows": ("x,y\nr1,1,2\nr2,3,4\n", ["column 1", "x", "y"], None),
    "a last separator": ("x,y\n1,2,\n3,4,\n", ["x", "y", "column 3"], None),
    "a name twice": ("x,y,x\n1,2,3\n", ["x", "y", "x.3"], "the header has names twice: the later columns are x.3"),
    "a total": ("shop,x\na,1\nb,2\nTotal:,3\n", ["shop", "x"], "the last row has shop 'Total:': if it is a total"),
    "a word": ("shop,x\ntotal,1\nb,2\ntotal,3\n", ["shop", "x"], None),
}


@pytest.mark.parametrize("what", HEADERS)
def test_the_edges_of_a_table_are_understood(what: str, tmp_path: Path) -> None:
    content, names, remark = HEADERS[what]
    rows, report = read(put(tmp_path / "t.csv", content.encode()))
    assert list(rows[0]) == names
    assert len(report.remarks) == (1 if remark else 0)
    assert all(text.startswith(str(remark)) for text in report.remarks)
    assert len(rows) == content.count("\n") - 1


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    path = put(tmp_path / "t.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(ProjectError, match="only a pointer of Git LFS"):
        read(path)


WORDS = {  # as spreadsheets of a country save them
    "cp1250": ["příliš žlutý kůň", "čovjek žena šuma", "sőt, bőven; fűrész", "łódź gdańsk", "mačka žaba čeština"],
    "cp1252": ["à la mode; âgé; Škoda", "año niño", "ações; opiniões", "Größe über Straße", "äiti yö", "sõber käsi"],
}  # fmt: skip


@pytest.mark.parametrize(("encoding", "words"), [(name, text) for name, texts in WORDS.items() for text in texts])
def test_the_encoding_of_a_country_is_recognized(encoding: str, words: str, tmp_path: Path) -> None:
    content = "id,words\n" + "".join(f'{number},"{words}"\n' for number in range(5))
    rows, report = read(put(tmp_path / "t.csv", content.encode(encoding)))
    assert {row["words"] for row in rows} == {words}
    assert report.details["encoding"] == encoding


def test_the_settings_overrule_what_is_detected(tmp_path: Path) -> None:
    path = put(tmp_path / "t.csv", "Bericht;;\n\nid;straße\n1;Böll,5\n2;x\n".encode("cp850"))
    rows, report = read(path, encoding="cp850", separator=";", header=3)
    assert rows == [{"id": "1", "straße": "Böll,5"}, {"id": "2", "straße": "x"}]
    assert report.remarks == ()
    rows, _ = read(path, encoding="cp850", header=0, separator="|")
    assert rows[0] == {"column 1": "Bericht;;"}
    with pytest.raises(ProjectError, match="HEADER=9, and the file has 5 lines"):
        read(path, header=9)


def test_a_table_of_blanks_without_a_header_is_read(tmp_path: Path) -> None:
    path = put(tmp_path / "german.data", b"A11 6 A34\nA12 48 A32\nA14 12 A34\n")
    rows, _ = read(path, header=0)
    assert rows[0] == {"column 1": "A11", "column 2": "6", "column 3": "A34"}
    _, report = read(path)
    assert report.remarks == ("the first line names the columns A11, 6, A34 (if it is data, set HEADER=0)",)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("encoding: utf8x", "ingest.encoding: 'utf8x' is not an encoding that Python knows"),
        ("encoding: hex", "ingest.encoding: 'hex' is not an encoding"),
        ("separator: '::'", "ingest.separator: '::' is not a separator: use one character"),
        ("header: -1", "ingest.header: Input should be greater than or equal to 0"),
        ("quoting: some", "ingest.quoting: Input should be 'checked', 'trusted', 'escaped' or 'none'"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, message: str) -> None:
    text = Path("params.yaml").read_text(encoding="utf-8").replace("ingest:", f"ingest:\n  {setting}")
    with pytest.raises(ProjectError, match=f"params.yaml:\\d+: {message}"):
        Params.parse(text, "params.yaml")
    assert Params.parse(text.replace(setting, "separator: tab"), "params.yaml").ingest.separator == "\t"


def test_an_archive_holds_one_table_or_names_it(tmp_path: Path) -> None:
    as_zip(tmp_path / "t.zip", "a.csv", "deep/b.csv")
    with pytest.raises(
        ProjectError, match=r"must hold one table, or name one with TABLE=; it holds a\.csv, deep/b\.csv"
    ):
        read(tmp_path / "t.zip")
    assert len(read(tmp_path / "t.zip", table="deep/b.csv")[0]) == 3
    with pytest.raises(ProjectError, match=r"TABLE=c\.csv: no such file in the archive"):
        read(tmp_path / "t.zip", table="c.csv")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_what_would_fill_the_disk_is_refused(pack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "MAX_FREE_BYTES", 1 << 20)
    path = put(tmp_path / "bomb.csv.gz", pack(b"0" * (5 << 20)))
    with pytest.raises(ProjectError, match=r"bomb\.csv\.gz: unpacks to more than 250 times its size"):
        read(path)


def test_archives_in_archives_have_an_end(tmp_path: Path) -> None:
    content = text()
    for _ in range(4):
        content = gzip.compress(content)
    with pytest.raises(ProjectError, match="archives are nested too deeply"):
        read(put(tmp_path / "t.csv.gz", content))


def test_a_workbook_is_read_below_its_title_and_other_sheets_are_named(tmp_path: Path) -> None:
    titled = [["Sales of 2020"], [], ["id", "size", "note"], [1, 2.5, "x"], [2, None, "7"], [3, 4, 7], [None, None]]
    path = workbook(tmp_path / "t.xlsx", {"Empty": [], "Sales": titled, "Other": [["a", "b"], [1, 2]]})
    rows, report = read(path)
    assert rows == [
        {"id": 1, "size": 2.5, "note": "x"},
        {"id": 2, "size": None, "note": "7"},
        {"id": 3, "size": 4.0, "note": "7"},
    ]
    assert report.details == {"sheet": "Sales", "header": 3}
    assert report.remarks == ("the sheet Sales is read; the workbook also has Other (or set TABLE=)",)
    assert read(path, table="Other")[0] == [{"a": 1, "b": 2}]
    assert read(path, table="Other", header=0)[0] == [
        {"column 1": "a", "column 2": "b"},
        {"column 1": "1", "column 2": "2"},
    ]
    with pytest.raises(ProjectError, match="TABLE=Last: no such sheet; the sheets are Empty, Sales, Other"):
        read(path, table="Last")


def test_a_database_file_with_several_tables_needs_a_name(tmp_path: Path) -> None:
    path = as_sqlite(tmp_path / "shop.db", "sales", "stock")
    with pytest.raises(ProjectError, match="name the table with TABLE=; the tables are sales, stock"):
        read(path)
    assert read(path, table="stock")[1].details == {"table": "stock"}
    with sqlite3.connect(path) as base:
        base.execute(
            'create view "a ""b" as select id, case id when 1 then 5 when 2 then 2.5 else \'x\' end "m" from sales'
        )
    assert [row["m"] for row in read(path, table='a "b')[0]] == ["5", "2.5", "x"]


TYPES = {  # type of an Arrow column: its values, and what is stored
    "view": (pa.array(["a", None], pa.string_view()), ["a", None]),
    "dictionary": (pa.array(["a", None]).dictionary_encode(), ["a", None]),
    "runs": (pa.RunEndEncodedArray.from_arrays([1, 2], ["a", None]), ["a", None]),
    "half": (pa.array([1.5, None], pa.float16()), [1.5, None]),
    "small decimal": (pa.array(["1.50", None]).cast(pa.decimal128(5, 2)).cast(pa.decimal64(5, 2)), ["1.50", None]),
    "nested": (pa.array([{"a": 1}, None]), [{"a": 1}, None]),
    "nanoseconds": (pa.array([1999, None], pa.timestamp("ns")), [datetime(1970, 1, 1, microsecond=1), None]),
    "zone": (pa.array([0, None], pa.timestamp("s", "Europe/Paris")), [datetime(1970, 1, 1, tzinfo=UTC), None]),
    "uuid": (pa.array([b"0" * 16, None], pa.uuid()), ["30303030-3030-3030-3030-303030303030", None]),
}


def test_types_that_parquet_lacks_are_stored_as_plain_ones(tmp_path: Path) -> None:
    table = pa.table({name: values for name, (values, _) in TYPES.items()})
    table = table.append_column("span", pa.array([(1, 2, 3), None], pa.month_day_nano_interval()))
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    rows, report = read(tmp_path / "t.arrow")
    for name, (_, stored) in TYPES.items():
        values = [row[name] for row in rows]
        assert [str(value) if name == "small decimal" and value else value for value in values] == stored, name
    assert report.remarks == ("span is left out: no table stores month_day_nano_interval",)


def test_a_folder_of_parts_gives_one_table_with_the_columns_of_its_folders(tmp_path: Path) -> None:
    for month, size in ((1, pa.array([1], pa.int32())), (2, pa.array([2.5]))):
        (tmp_path / f"sales/month={month}").mkdir(parents=True)
        pq.write_table(pa.table({"size": size}), tmp_path / f"sales/month={month}/part-0.parquet")
    (tmp_path / "sales/_temporary").mkdir()
    (tmp_path / "sales/_temporary/part-9.parquet").write_bytes(b"half")
    rows, report = read(tmp_path / "sales")
    assert rows == [{"size": 1.0, "month": 1}, {"size": 2.5, "month": 2}]
    assert report.details == {"files": 2}
    pq.write_table(pa.table({"size": ["x"]}), tmp_path / "sales/month=2/part-1.parquet")
    with pytest.raises(ProjectError, match="sales: cannot be read as a table"):
        read(tmp_path / "sales")


@pytest.mark.parametrize("kind", ["delta", "iceberg"])
def test_the_version_that_was_read_is_recorded_and_can_be_pinned(kind: str, tmp_path: Path) -> None:
    {"delta": as_delta, "iceberg": as_iceberg}[kind](tmp_path / "table")
    reference = tmp_path / f"sales.{kind}"
    reference.write_text(f"table: {tmp_path / 'table'}\n", encoding="utf-8")
    rows, report = read(reference)
    assert len(rows) == 3
    version = report.details["version"]
    assert str(report.details["committed"]).startswith(f"{datetime.now(UTC).year}-")
    reference.write_text(
        f"table: {tmp_path / 'table'}\nversion: {0 if kind == 'delta' else version}\n", encoding="utf-8"
    )
    assert len(read(reference)[0]) == (1 if kind == "delta" else 3)
    reference.write_text(f"table: {tmp_path / 'table'}\nversion: 7\n", encoding="utf-8")
    with pytest.raises(ProjectError, match=f"{tmp_path / 'table'}: .*7"):
        read(reference)
    reference.write_text("tabel: x\n", encoding="utf-8")
    with pytest.raises(ProjectError, match=rf"sales\.{kind}:1: tabel: no such setting"):
        read(reference)


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [
        ("python_calamine", "t.xlsx", "xlsx"),
        ("deltalake", "delta", "delta"),
        ("pyiceberg", "iceberg", "iceberg"),
        ("duckdb", "t.duckdb", "duckdb"),
    ],
)
def test_a_missing_package_is_named_with_the_command_that_adds_it(
    module: str, name: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    KINDS[name][0](tmp_path / name)
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(ProjectError) as refused:
        read(tmp_path / name)
    assert f'needs a package that is not installed: uv add --group pipeline "mlgitops[{extra}]"' in str(refused.value)


def test_records_in_json_are_flattened_and_lists_are_left_out(tmp_path: Path) -> None:
    records = [
        {"id": 1, "user": {"age": 30, "home": {"city": "Ulm"}}, "tags": [1], "n": 2**70, "flag": True, "m": "NA"},
        {"id": 2.5, "user": {"age": None}, "tags": None, "flag": "maybe", "m": 1},
    ]
    path = put(tmp_path / "t.json", json.dumps({"total": 2, "items": records}).encode())
    rows, report = read(path)
    assert rows == [
        {"id": 1.0, "user.age": 30, "user.home.city": "Ulm", "n": str(2**70), "flag": "true", "m": "NA"},
        {"id": 2.5, "user.age": None, "user.home.city": None, "n": None, "flag": "maybe", "m": "1"},
    ]
    assert report.remarks == ("tags is left out: it contains lists",)
    with pytest.raises(ProjectError, match=r"t\.json: JSON, but not a table: use a list of records"):
        read(put(tmp_path / "t.json", b"[[1, 2], [3, 4]]"))
    path = put(tmp_path / "t.json", b'{"nodes": [{"a": 1}, {"a": 2}], "links": [{"b": 1}]}')
    with pytest.raises(ProjectError, match=r"t\.json: name one of the lists of records with TABLE=: nodes, links"):
        read(path)
    assert read(path, table="nodes")[0] == [{"a": 1}, {"a": 2}]


def test_the_stage_writes_the_same_report_for_the_same_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "t.csv", CZECH.encode("cp1250"))
    params = Path(__file__).parent / "example/params.yaml"
    changed = params.read_text(encoding="utf-8").replace("source: ", "source: t.csv # ")
    Path("params.yaml").write_text(changed, encoding="utf-8")
    reports = []
    for _ in range(2):
        done = CliRunner().invoke(stage.main, ["raw.parquet", "ingest.json"])
        assert done.exit_code == 0, done.output
        assert (
            "t.csv: 2 rows, 3 columns (text: encoding cp1250, separator ;, header 1) -> raw.parquet\n  please check"
            in (done.output)
        )
        reports.append(Path("ingest.json").read_bytes())
    assert reports[0] == reports[1]
    report = IngestReport.load(Path("ingest.json"))
    assert (report.source, report.format, report.rows, report.columns) == ("t.csv", "text", 2, 3)


def test_a_table_at_an_address_is_read_from_there(tmp_path: Path) -> None:
    served = put(tmp_path / "t.csv.gz", gzip.compress(text()))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_port}/{served.name}?version=2"
        try:
            report = stage.ingest(url, tmp_path / "raw.parquet")
        finally:
            server.shutdown()
    assert (report.source, report.rows, report.details["compression"]) == (url, 3, "gzip")


@pytest.mark.parametrize(("scheme", "package"), [("s3", "dvc-s3"), ("gs", "dvc-gs"), ("azure", "dvc-azure")])
def test_a_missing_protocol_is_named_with_the_command_that_adds_it(
    scheme: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dvc(*_: Any, **__: Any) -> CompletedProcess[str]:
        error = f"ERROR: unexpected error - {scheme} is supported, but requires '{package}' to be installed: No module"
        return CompletedProcess([], 255, "", error)

    monkeypatch.setattr(address, "run", dvc)
    with pytest.raises(ProjectError, match=f'{scheme} needs a package: uv add --group pipeline "{package}"'):
        stage.ingest(f"{scheme}://bucket/t.csv", tmp_path / "raw.parquet")


BITS = [b'"', b"\n", b"\r", b",", b";", b"\0", b"\xff", b"[" * 3000, b'{"a":', b"}", b"NaN", b"9" * 5000, b"PK\x03\x04"]
EDIT = st.tuples(st.integers(0, 9999), st.integers(0, 20), st.sampled_from([*BITS, b""]))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Return a sound file of each kind."""
    folder = tmp_path_factory.mktemp("samples")
    names = [name for name in KINDS if "." in name and name != "t.duckdb"]
    for name in names:
        KINDS[name][0](folder / name)
    return [(folder / name).read_bytes() for name in names]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 99),
    edits=st.lists(EDIT, min_size=1, max_size=4),
    suffix=st.sampled_from([".csv", ".csv.gz", ".json", ".parquet"]),
)
def test_a_broken_file_is_read_or_refused_with_a_message(
    samples: list[bytes], which: int, edits: list[tuple[int, int, bytes]], suffix: str, tmp_path: Path
) -> None:
    content = bytearray(samples[which % len(samples)])
    for place, count, new in edits:
        start = place % (len(content) + 1)
        content[start : start + count] = new
    path = put(tmp_path / f"broken{suffix}", bytes(content))
    try:
        outcome = str(read(path)[1].rows)
    except ProjectError as error:
        outcome = error.message
    assert "broken" in outcome or int(outcome) > 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"encoding": "utf9"}, "ENCODING=utf9: 'utf9' is not an encoding that Python knows"),
        ({"separator": "::"}, "SEPARATOR=::: '::' is not a separator"),
        ({"header": "x"}, "HEADER=x: Input should be a valid integer"),
        ({"quoting": "x"}, "QUOTING=x: Input should be 'checked', 'trusted', 'escaped' or 'none'"),
    ],
)
def test_a_wrong_option_is_named(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        options.settings("t.csv", option)
    assert option == {}


def test_options_overrule_the_settings() -> None:
    given_options = {"separator": "tab", "header": "3", "table": None, "key": "x"}
    chosen = options.settings("t.csv", given_options, Ingest(source="x.csv", separator=";", encoding="cp1250"))
    assert chosen == Ingest(source="t.csv", separator="\t", header=3, encoding="cp1250")
    assert given_options == {"key": "x"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.gz", gzip.compress(b"a,b\n1,2\n" * 99, mtime=0)[:20] + b"\xff" * 20),
        ("t.xz", lzma.compress(b"a,b\n1,2\n")[:20] + b"\xff" * 20),
        ("t.bz2", bz2.compress(b"a,b\n1,2\n")[:20] + b"\xff" * 20),
        ("deep.json", b"[" * 100_000),
        ("long.json", b'[{"a": ' + b"9" * 5000 + b"}]"),
    ],
    ids=["gzip", "xz", "bzip2", "deep", "long"],
)
def test_a_broken_file_is_refused_with_a_message(name: str, content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=name):
        read(put(tmp_path / name, content))
