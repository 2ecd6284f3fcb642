"""The next delivery: rows are added once, changed ones take the place of the old, and all or nothing is written."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result
from helpers import contracts
from helpers.workbook import workbook

from mlgitops.common.errors import ProjectError
from mlgitops.contract.params import Params
from mlgitops.data import delivery, table_file, tracked_file

COLUMNS = {
    "id": "{type: integer}",
    "price": "{type: number, min: 0, max: 100, missing: true}",
    "kind": "{type: category, categories: [a, b]}",
    "day": "{type: date, format: '%d/%m/%Y'}",
    "note": "{type: text, ignore: free text, missing: true}",
}
TABLE = "id;price;kind;day;note;y\n1;1,5;a;31/01/2020;x;yes\n2;2;b;01/02/2020;;no\n3;;a;02/02/2020;x;yes\n"
HEADER, *LINES = TABLE.splitlines()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with a table of three rows, and count what is added to DVC."""
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    declare(key=["id"])
    settings = (contracts.EXAMPLE / "params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(settings.replace("src/example/dataset.py", "data/t.csv"), encoding="utf-8")
    Path("data/t.csv").write_text(TABLE, encoding="utf-8")
    monkeypatch.setattr(tracked_file, "dvc", lambda *words: Path(f"{words[1]}.dvc").write_text("tracked"))
    return tmp_path


def declare(columns: dict[str, str] | None = None, **rest: Any) -> None:
    """Write contract.yaml."""
    contract = contracts.contract(columns or COLUMNS, **{"decimal": ",", **rest})
    text = yaml.safe_dump(contract.model_dump(mode="json", exclude_none=True, exclude_defaults=True), sort_keys=False)
    Path("contract.yaml").write_text(text, encoding="utf-8")


def deliver(lines: list[str], *words: str, verb: str = "append", header: str = HEADER) -> Result:
    """Run the command with a delivery of *lines*."""
    Path("new.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")
    return CliRunner().invoke(delivery.main, [verb, "new.csv", *words])


def lines() -> list[str]:
    return Path("data/t.csv").read_text(encoding="utf-8").splitlines()[1:]


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "new.csv"}


@pytest.mark.usefixtures("home")
def test_rows_are_added_once_and_changed_ones_take_the_place_of_the_old() -> None:
    new = ["2;2,00;b;01/02/2020;;no", "3;7;b;02/02/2020;;yes", "4;5;a;03/02/2020;new;no", "4;5;a;03/02/2020;new;no"]
    done = deliver(new)
    assert done.exit_code == 0, done.output
    assert "new.csv: 1 added, 2 repeated, 1 changed\n" in done.output
    assert "id 3: price nothing became 7; kind a became b; note x became nothing\n" in done.output
    assert "data/t.csv: 3 rows became 4; commit this change, then: make pipeline" in done.output
    assert lines() == [LINES[0], LINES[1], "3;7;b;02/02/2020;;yes", "4;5;a;03/02/2020;new;no"]
    before = Path("data/t.csv").read_bytes()
    again = deliver(new)
    assert "new.csv: 0 added, 4 repeated, 0 changed\ndata/t.csv: nothing changes\n" in again.output
    assert Path("data/t.csv").read_bytes() == before


@pytest.mark.usefixtures("home")
def test_without_a_key_a_row_that_occurs_more_often_is_added_as_often() -> None:
    declare()
    done = deliver([LINES[0], LINES[0], "9;1;a;01/01/2020;;no", "9;1;a;01/01/2020;;no"])
    assert "new.csv: 3 added, 1 repeated, 0 changed\n" in done.output
    assert lines() == [*LINES, LINES[0], *["9;1;a;01/01/2020;;no"] * 2]
    assert "nothing changes" in deliver([LINES[0], LINES[0], "9;1;a;01/01/2020;;no", "9;1;a;01/01/2020;;no"]).output


@pytest.mark.usefixtures("home")
def test_a_replacement_says_which_rows_are_gone() -> None:
    done = deliver([LINES[1], "3;;b;02/02/2020;x;yes", "5;1;a;01/01/2020;;no"], verb="replace")
    assert "new.csv: 1 added, 1 repeated, 1 changed, 1 gone\n" in done.output
    assert lines() == [LINES[1], "3;;b;02/02/2020;x;yes", "5;1;a;01/01/2020;;no"]
    assert "nothing changes" in deliver([lines()[1], lines()[0], lines()[2]], verb="replace").output


BROKEN = {  # a delivered line, and why it is refused
    "4;x;a;01/01/2020;;no": "row 2: price: 'x' is not of type number",
    "4;101;a;01/01/2020;;no": "row 2: price: 101.0 is more than 100.0",
    "4;-1;a;01/01/2020;;no": "row 2: price: -1.0 is less than 0.0",
    "4;1;c;01/01/2020;;no": "row 2: kind: 'c' is not one of a, b",
    "4;1;;01/01/2020;;no": "row 2: kind: the value is missing",
    "4;1;a;2020-13-01;;no": "row 2: day: '2020-13-01' is not of type date",
    "4;1;a;01/01/2020;;maybe": "row 2: y: 'maybe' is not of type boolean",
    ";1;a;01/01/2020;;no": "row 2: id: the value is missing",
    "4,5;1;a;01/01/2020;;no": "row 2: id: '4,5' is not of type integer",
}


@pytest.mark.parametrize("verb", ["append", "replace"])
@pytest.mark.parametrize("line", BROKEN)
def test_rows_that_break_the_contract_refuse_the_delivery_or_are_left_out(line: str, verb: str, home: Path) -> None:
    before, new = tree(home), ["7;1;a;01/01/2020;;no", line]
    done = deliver(new, verb=verb)
    assert done.exit_code == 1
    assert f"new.csv: 1 of 2 rows break the contract:\n  {BROKEN[line]}\nnothing was changed" in done.output
    assert tree(home) == before
    done = deliver(new, "--skip", "yes", verb=verb)
    assert done.exit_code == 0, done.output
    assert lines() == [*(LINES if verb == "append" else []), "7;1;a;01/01/2020;;no"]


@pytest.mark.parametrize(
    ("header", "new", "message"),
    [
        ("id;price;kind;day;y", ["4;1;a;01/01/2020;no"], "new.csv: has no column 'note': correct the table, or change"),
        (f"{HEADER};z", ["4;1;a;01/01/2020;;no;5"], "new.csv: has the new column 'z': correct"),
        (HEADER, [], "new.csv: the table has no row"),
        (HEADER, ["4;1;a;01/01/2020;;no", "4;2;a;01/01/2020;;no"], "new.csv: 1 rows repeat the key of another row"),
        (HEADER, ["4;1;a"], "new.csv:2: 3 values, but the header names 6 columns"),
    ],
)
def test_a_delivery_that_cannot_be_right_changes_nothing(header: str, new: list[str], message: str, home: Path) -> None:
    before = tree(home)
    for verb in ("append", "replace"):
        done = deliver(new, verb=verb, header=header)
        assert (done.exit_code, message in done.output) == (1, True), done.output
        assert tree(home) == before


def test_columns_may_come_in_another_order_and_as_other_types(home: Path) -> None:
    delivered = pd.DataFrame(
        {"y": [True, False], "day": pd.to_datetime(["2020-03-01", "2020-03-02"]), "note": [None, "ü;"],
         "kind": ["a", "b"], "price": [1234e-4, None], "id": [4, 2**53 - 1]}
    )  # fmt: skip
    delivered.to_parquet("new.parquet")
    done = CliRunner().invoke(delivery.main, ["append", "new.parquet"])
    assert done.exit_code == 0, done.output
    assert lines() == [*LINES, "4;0,1234;a;01/03/2020;;true", f'{2**53 - 1};;b;02/03/2020;"ü;";false']
    assert "nothing changes" in CliRunner().invoke(delivery.main, ["append", "new.parquet"]).output


def test_a_parquet_table_keeps_its_types(home: Path) -> None:
    table = pa.table(
        {"id": pa.array([1], pa.int64()), "price": pa.array([1], pa.int64()), "kind": ["a"], "note": pa.nulls(1),
         "day": pa.array([0], pa.date32()), "y": [True]}
    )  # fmt: skip
    pq.write_table(table, "data/t.parquet")
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("data/t.csv", "data/t.parquet"))
    assert deliver(["2;3;a;02/01/1970;;no"]).exit_code == 0
    assert pq.read_schema("data/t.parquet").field("price").type == pa.int64()
    done = deliver(["3;2,5;b;02/01/1970;new;no"])
    assert done.exit_code == 0, done.output
    rows = pq.read_table("data/t.parquet").to_pandas()
    assert rows["price"].tolist() == [1, 3, 2.5]
    assert rows["note"].tolist() == [None, None, "new"]
    assert [str(day) for day in rows["day"]] == ["1970-01-01", "1970-01-02", "1970-01-02"]


def test_a_time_that_joins_columns_is_no_column_of_the_delivery(home: Path) -> None:
    contract = {"n": "{type: integer}", "m": "{type: integer}", "when": "{type: date, join: [n, m], ignore: parts}"}
    declare(contract, time="when")
    Path("data/t.csv").write_text("n,m,y\n2015,12,yes\n2016,1,no\n", encoding="utf-8")
    done = deliver(["2016,1,no", "2016,2,no"], header="n,m,y")
    assert done.exit_code == 0, done.output
    assert "1 added, 1 repeated" in done.output
    assert lines() == ["2015,12,yes", "2016,1,no", "2016,2,no"]


def test_a_table_in_a_format_that_is_only_read_becomes_parquet(home: Path) -> None:
    rows = [["id", "price", "kind", "day", "note", "y"], [1, 1.5, "a", "31/01/2020", None, True]]
    workbook(home / "data/t.xlsx", {"Sheet": rows})
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("data/t.csv", "data/t.xlsx"))
    done = deliver([LINES[1]])
    assert done.exit_code == 0, done.output
    assert "data/t.xlsx is in a format that is only read: params.yaml now names data/t.parquet" in done.output
    assert Params.load(Path("params.yaml")).ingest.source == "data/t.parquet"
    assert pq.read_table("data/t.parquet").num_rows == 2
    assert "nothing changes" in deliver([LINES[1]]).output


def test_the_encoding_and_the_lines_above_the_header_stay(home: Path) -> None:
    path = Path("data/t.csv")
    path.write_bytes(f"Größen\n\n{TABLE}".replace(";x;", ";ß;").encode("cp1252"))
    text = Path("params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(
        text.replace("ingest:\n", "ingest:\n  encoding: cp1252\n  header: 3\n"), encoding="utf-8"
    )
    Path("new.csv").write_bytes(f"\n\n{HEADER}\n4;5;a;03/02/2020;é;no\n".encode("cp1252"))
    done = CliRunner().invoke(delivery.main, ["append", "new.csv"])
    assert done.exit_code == 0, done.output
    assert path.read_bytes().decode("cp1252").splitlines() == [
        "Größen", "", HEADER, *(line.replace(";x;", ";ß;") for line in LINES), "4;5;a;03/02/2020;é;no",
    ]  # fmt: skip
    before = tree(home)
    Path("new.csv").write_bytes(f"{HEADER}\n5;5;a;03/02/2020;Ж;no\n".encode())
    done = CliRunner().invoke(delivery.main, ["append", "new.csv", "--encoding", "utf-8", "--header", "1"])
    assert (done.exit_code, "a new value cannot be written as cp1252" in done.output) == (1, True), done.output
    assert tree(home) == before


def test_quotes_are_written_as_they_were_read(home: Path) -> None:
    settings = Path("params.yaml").read_text(encoding="utf-8").replace("ingest:\n", "ingest:\n  quoting: escaped\n")
    Path("params.yaml").write_text(settings, encoding="utf-8")
    new = r'4;5;a;03/02/2020;"5\" pipe; a\\b";no'
    assert deliver([new]).exit_code == 0
    assert lines()[-1] == new
    assert "nothing changes" in deliver([new]).output


@pytest.mark.parametrize("step", ["write", "ingest", "track"])
def test_a_failure_on_the_way_changes_nothing(step: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tree(home)

    def fails(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr({"write": table_file, "ingest": delivery, "track": tracked_file}[step], step, fails)
    assert deliver(["4;5;a;03/02/2020;;no"]).exit_code == 1
    assert tree(home) == before


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("data/q.sql", "a query"),
        ("src/x/dataset.py", "load()"),
        ("s3://b/t.csv", "an address"),
        ("a.delta", "a Delta table"),
    ],
)
def test_rows_of_a_table_elsewhere_go_there(source: str, kind: str) -> None:
    Path("params.yaml").write_text(Path("params.yaml").read_text().replace("data/t.csv", source))
    done = deliver(LINES)
    assert f"the table comes from {kind} ({source}): put new rows there, then: make refresh" in done.output
    assert done.exit_code == 1


def test_a_file_that_git_has_is_not_added_to_dvc(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracked_file, "_in_git", lambda path: True)
    assert deliver(["4;5;a;03/02/2020;;no"]).exit_code == 0
    assert not list(home.glob("data/*.dvc"))


def test_without_data_the_command_says_so(home: Path) -> None:
    done = CliRunner().invoke(delivery.main, ["append"])
    assert "name the table with the new rows: DATA=february.csv" in done.output
    with pytest.raises(ProjectError):
        tracked_file.own_source(Params.load(Path("params.yaml")).ingest.model_copy(update={"source": "x.py"}))
