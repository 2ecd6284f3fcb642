"""A part of a table that is scored by column gets the answers and refusals of the service's reader, bit for bit."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from helpers import contracts, models
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mlgitops.batch.by_column import TableScorer, fields
from mlgitops.batch.inputs import ColumnReader
from mlgitops.batch.parts import cores, in_order
from mlgitops.batch.words import Words
from mlgitops.common.errors import ProjectError
from mlgitops.data import frame
from mlgitops.data.encode import encode
from mlgitops.model.scorer import Scorer
from mlgitops.serving import rows
from mlgitops.serving.refusal import RequestError, reasons
from mlgitops.serving.request import RequestParser

NUMBERS = [0.0, -0.0, 1.0, 5.0, -999.0, 1.5, 119.99, 120.0, 121.0, 3.5e38, 2.0**53, float("inf"), float("nan"), None]
WHOLE = [0, 1, 5, 120, 121, -999, 2**53 - 1, 2**53, -(2**62), None]
TIMES = [
    datetime(2020, 1, 1),
    datetime(2019, 12, 31, 23, 59, 59, 999_999),
    datetime(2020, 12, 31, 0, 0, 0, 500_000),
    datetime(1969, 12, 31, 23, 59, 59, 500_000),
    datetime(1600, 1, 1),
    datetime(2262, 1, 1),
    datetime(9999, 12, 31),
    None,
]
STRINGS = [
    *("a", " a", "A", "b b", "ç", "Σ", "İ", "na", "NA", "\x1cNA", "unknown", "", " ", "\u2003", "\x00", '"\\'),
    *("x" * 1001, "1", "1.0", "-0", "1,234.5", "5 EUR", "1.2k", "<5", "1e999", "yes", "True", "false", "0"),
    *("2020-06-01", "2020-06-01T10:00:00.9", "2020-06-01 10:00Z", "31.12.2020", "1577836800", "9999-12-31"),
]  # fmt: skip
COLUMNS = {
    "plain": "{type: number}",
    "spelled": "{type: number, missing: true, unit: EUR, multipliers: {k: 1000}, na_values: [-999, unknown]}",
    "limited": "{type: number, missing: true, below_detection: missing, above_detection: limit, min: 0}",
    "count": "{type: integer, missing: true, min: 0, max: 120}",
    "large": "{type: integer}",
    "flag": "{type: boolean, missing: true}",
    "kind": '{type: category, categories: [a, b b, "ç", na], missing: true, na_values: [unknown]}',
    "city": "{type: category, missing: true, normalize: [trim, lower], na_values: [na]}",
    "raw": "{type: category, normalize: []}",
    "seen": "{type: datetime, missing: true, min: 2020-01-01 00:00:00, max: 2020-12-31}",
    "any": "{type: datetime, missing: true, zone: Europe/Vienna}",
    "day": "{type: date, min: 2020-01-01, max: 2020-12-31, na_values: [9999-12-31], missing: true}",
    "german": '{type: date, format: "%d.%m.%Y", missing: true}',
    "unix": "{type: datetime, format: unix_s, missing: true}",
}
GOOD: dict[str, list[Any]] = {
    "plain": [1.5, -0.0, 3.4e38],
    "spelled": ["2.5", "7 EUR", "1.2k", "unknown", None],
    "limited": ["3", "<5", ">7", None],
    "count": [0, 5, 120, None],
    "large": [-0.0, 7.0, 2.0**53 - 1],
    "flag": [True, False, None],
    "kind": ["a", "b b", "ç", "na", None],
    "city": ["linz", "Graz", "Σ", None],
    "raw": [" a", "A", '"\\', "x" * 1000],
    "seen": [datetime(2020, 5, 1, 12, 0, 1, 500_000), TIMES[0], None],
    "any": [*TIMES[:4], None],
    "day": [date(2020, 1, 1), date(2020, 12, 31), None],
    "german": ["31.12.2020", "2020-06-01", None],
    "unix": [1577836800, 0, None],
}
DELIVERED: list[tuple[list[Any], pa.DataType]] = [
    (NUMBERS, pa.float64()),
    ([0.0, 1.5, 120.0, None], pa.float32()),
    (WHOLE, pa.int64()),
    ([0, 1, 120, None], pa.int8()),
    ([True, False, None], pa.bool_()),
    (TIMES, pa.timestamp("us")),
    (TIMES[:4], pa.timestamp("ns")),
    (TIMES[:4], pa.timestamp("us", "Europe/Vienna")),
    ([date(2020, 1, 1), date(2021, 1, 1), date(1600, 1, 1), None], pa.date32()),
    ([*STRINGS, None], pa.string()),
    ([*STRINGS, None], pa.large_string()),
    (["a", "na", None], pa.dictionary(pa.int32(), pa.string())),
    ([None], pa.null()),
]


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> tuple[TableScorer, RequestParser]:
    """Return a model of the columns that are hard to read, and the service's reader of them."""
    scorer = Scorer(models.exported(contracts.contract(COLUMNS), tmp_path_factory.mktemp("hard")))
    return TableScorer(scorer), RequestParser(scorer.contract, 1)


@st.composite
def parts(draw: st.DrawFn) -> pa.RecordBatch:
    """Return a part of a table: most columns have good values, the others any type, with good values and bad ones."""
    random, columns = draw(st.randoms()), {}
    for name, good in GOOD.items():
        values, kind = random.choice(DELIVERED) if random.random() < 0.25 else (good, None)
        columns[name] = pa.array(random.choices(values, k=12), kind)
    return pa.RecordBatch.from_pydict(columns)


def by_row(parser: RequestParser, sent: list[dict[str, Any]]) -> list[dict[str, Any] | str]:
    """Return for each row its columns as the service reads them, or the reason why it is refused."""
    read: list[dict[str, Any] | str] = []
    for row in sent:
        try:
            read.append(parser.read(json.dumps([row]).encode())[0])
        except RequestError as error:
            read.append(reasons(error))
    return read


@given(parts())
@settings(max_examples=30, deadline=None, phases=(Phase.explicit, Phase.generate))  # to shrink takes minutes
def test_a_part_gets_the_answers_of_the_reader(hard: tuple[TableScorer, RequestParser], part: pa.RecordBatch) -> None:
    table, parser = hard
    read = by_row(parser, frame.records(part.to_pandas(), table.contract))
    scored, kept = table.score(part), [columns for columns in read if isinstance(columns, dict)]
    assert scored.refused == {position: reason for position, reason in enumerate(read) if isinstance(reason, str)}
    columns = {name: [row[name][0] for row in kept] for name in table.contract.inputs}
    answers = table.scorer.answers(columns) if kept else []
    assert [row["prediction"] for row in answers] == scored.columns["prediction"].drop_null().to_pylist()
    assert [row["probability"] for row in answers] == scored.columns["probability"].drop_null().to_pylist()
    assert [reason if isinstance(reason, str) else None for reason in read] == scored.columns["error"].to_pylist()
    inputs = table.reader.read(part)
    for position in np.flatnonzero(inputs.sure).tolist():
        expected = read[position]
        assert isinstance(expected, dict), expected
        arrays = encode({n: values.array[[position]] for n, values in inputs.values.items()}, table.contract)
        for name, array in encode(expected, table.contract).items():
            assert str(array) == str(arrays[name]), name  # which tells -0 from 0


def test_most_rows_of_a_clean_table_are_sure() -> None:
    part = pa.RecordBatch.from_pydict({name: [values[0], values[-1]] for name, values in GOOD.items()})
    assert ColumnReader(contracts.contract(COLUMNS)).read(part).sure.tolist() == [True, True]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_the_other_tasks_get_the_answers_of_the_reader(task: str, tmp_path: Path) -> None:
    types = {"age": "{type: integer, min: 0}", "city": "{type: category}"}
    scorer = Scorer(models.exported(contracts.contract(types, task), tmp_path))
    ages, cities = [*range(40), -1, 5], [*("Bern", "Graz") * 20, "Bern", None]
    part = pa.RecordBatch.from_pydict({"age": ages, "city": cities})
    expected, by_column = rows.score(scorer, part.to_pandas()), TableScorer(scorer).score(part)
    for name in rows.answer_columns(scorer.contract):
        assert by_column.columns[name].to_pandas().dropna().tolist() == expected[name].dropna().tolist()
    assert list(by_column.refused) == [40, 41]
    assert by_column.columns.schema.names == [field.name for field in fields(scorer.contract)]


def test_a_column_of_ever_new_strings_keeps_a_bounded_number_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgitops.batch.words.MAX_KEPT", 10)
    words = Words(contracts.contract({"city": "{type: category}"}).columns["city"], 1000)
    for start in range(0, 100, 10):
        cities = [f"city {number}" for number in range(start, start + 10)]
        strings, sure = words.read(pa.array(cities))
        assert strings.tolist() == cities
        assert sure.all()
        assert len(words._kept) <= 20


def test_parts_are_answered_in_order_and_few_are_read_ahead() -> None:
    read, ahead = [], []

    def items() -> Iterator[int]:
        for number in range(200):
            read.append(number)
            yield number

    results = []
    for result in in_order(lambda number: 2 * number, items()):
        results.append(result)
        ahead.append(len(read) - len(results))
    assert results == [2 * number for number in range(200)]
    assert max(ahead) <= 2 * cores() + 1


def test_an_error_in_a_part_ends_the_scoring() -> None:
    def fails(number: int) -> int:
        if number == 3:
            raise ProjectError("the third")
        return number

    with pytest.raises(ProjectError, match="the third"):
        list(in_order(fails, iter(range(1000))))
