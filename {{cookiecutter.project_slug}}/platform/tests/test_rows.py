"""Rows become the model's inputs in one way, hot and cold."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, tables
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mlgitops.contract import row_schema
from mlgitops.contract.strings import BLANKS
from mlgitops.data import frame
from mlgitops.data.encode import encode

MOMENTS = [
    datetime(2000, 1, 1),
    datetime(1999, 12, 31, 23, 59, 59),
    datetime(2024, 2, 29, 12),
    datetime(1969, 7, 20, 20, 17),
    datetime(1900, 3, 1),
    datetime(2013, 12, 31, 23),
    datetime(2099, 6, 15, 6, 30),
]
PARTS = {
    "days": lambda t: (t - datetime(2000, 1, 1)) / timedelta(days=1),
    "month": lambda t: t.month,
    "day": lambda t: t.day,
    "weekday": lambda t: t.weekday(),
    "hour": lambda t: t.hour,
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_a_time_is_what_the_calendar_says(part: str) -> None:
    contract = contracts.contract({"t": "{type: datetime, parts: [" + part + "]}"})
    found = encode({"t": MOMENTS}, contract)[f"t_{part}"]
    assert found.shape == (len(MOMENTS), 1)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 0], np.float32([PARTS[part](moment) for moment in MOMENTS]))


@pytest.mark.parametrize("part", PARTS)
def test_a_missing_time_has_no_part_and_says_so_without_a_warning(part: str) -> None:
    contract = contracts.contract({"t": "{type: datetime, missing: true, parts: [" + part + "]}"})
    for cells in ([None, MOMENTS[0]], ["NaT", "2000-01-01"], np.array(["NaT", "2000-01-01"], "datetime64[ms]")):
        with np.errstate(all="raise"):
            found = encode({"t": cells}, contract)[f"t_{part}"]
        assert np.isnan(found[0, 0])
        assert found[1, 0] == PARTS[part](MOMENTS[0])


def test_text_and_datetime64_say_the_same_moment() -> None:
    contract = contracts.contract({"t": "{type: datetime}"})
    texts = [moment.isoformat() for moment in MOMENTS]
    ways = [encode({"t": cells}, contract) for cells in (MOMENTS, texts, np.array(MOMENTS, "datetime64[ms]"))]
    for name in ways[0]:
        np.testing.assert_array_equal(ways[0][name], ways[1][name])
        np.testing.assert_array_equal(ways[0][name], ways[2][name])


def test_missing_cells_are_nan_or_empty_text() -> None:
    contract = contracts.contract(
        {
            "n": "{type: number, missing: true}",
            "b": "{type: boolean, missing: true}",
            "c": "{type: category, missing: true}",
        }
    )
    found = encode({"n": [1.5, None, float("nan")], "b": [True, False, None], "c": ["x", None, float("nan")]}, contract)
    np.testing.assert_array_equal(found["n"][:, 0], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(found["b"][:, 0], [1, 0, np.nan])
    assert found["c"][:, 0].tolist() == ["x", "", ""]
    assert found["c"].dtype == object


def test_no_row_is_no_row() -> None:
    found = encode({name: [] for name in contracts.wide().inputs}, contracts.wide())
    assert {cells.shape for cells in found.values()} == {(0, 1)}


def test_an_absent_column_is_an_error_not_a_guess() -> None:
    with pytest.raises(KeyError, match="last"):
        encode({"first": [1.0]}, contracts.contract({"first": "{type: number}", "last": "{type: number}"}))


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name, cells in one.items():
        assert cells.dtype == other[name].dtype, name
        np.testing.assert_array_equal(cells, other[name], err_msg=name)


def sent(rows: list[dict[str, Any]], contract: Any) -> dict[str, list[Any]]:
    """Return the columns that the service makes of *rows* that a caller sends as JSON."""
    reader = TypeAdapter(list[row_schema.request_model(contract)])
    read = reader.validate_json(json.dumps(rows))
    return {name: [row.get(name) for row in read] for name in contract.inputs}


@pytest.mark.parametrize("strange", [False, True])
def test_hot_and_cold_path_give_the_model_the_same_inputs(strange: bool) -> None:
    contract = contracts.wide()
    cold = frame.parse(tables.rows(seed=5, strange=strange), contract)
    cold = cold[
        cold["été"].isin(contract.columns["été"].categories) & cold["plain"].notna()
    ]  # the service refuses others
    hot = encode(sent(frame.records(cold, contract), contract), contract)
    assert len(cold) > 20
    same(hot, encode(frame.columns(cold, contract), contract))
    features = frame.features(cold, contract)
    assert list(features) == list(hot)
    for name in features:
        np.testing.assert_array_equal(features[name].to_numpy(), hot[name][:, 0], err_msg=name)


def test_rows_in_a_batch_are_the_same_as_one_by_one() -> None:
    contract = contracts.wide()
    columns = sent(frame.records(frame.parse(tables.rows(count=20), contract), contract), contract)
    single = [encode({name: cells[n : n + 1] for name, cells in columns.items()}, contract) for n in range(20)]
    same({name: np.concatenate([row[name] for row in single]) for name in single[0]}, encode(columns, contract))


def test_records_are_json_that_says_what_the_table_says() -> None:
    contract = contracts.contract(
        {
            "i": "{type: integer, missing: true}",
            "b": "{type: boolean, missing: true}",
            "d": "{type: date, missing: true}",
            "t": "{type: datetime, missing: true, zone: UTC}",
            "c": "{type: category, missing: true}",
        }
    )
    delivered = pd.DataFrame(
        {
            "i": [2.0, None],
            "b": [None, True],
            "d": [date(2020, 2, 29), None],
            "t": [datetime(2020, 2, 29, 1, 2, 3, tzinfo=UTC), None],
            "c": [None, "ü"],
            "y": [True, False],
        }
    )
    found = frame.records(frame.parse(delivered, contract), contract)
    assert json.loads(json.dumps(found, allow_nan=False)) == [
        {"i": 2, "b": None, "d": "2020-02-29", "t": "2020-02-29T01:02:03", "c": None},
        {"i": None, "b": True, "d": None, "t": None, "c": "ü"},
    ]
    assert isinstance(found[0]["i"], int)


HOURS = {  # zone of the column -> the hour of each delivery; None where it is refused
    None: {"2021-07-01T12:00:00": 12, "2021-07-01T12:00:00Z": None, "2021-07-01T12:00:00-04:00": None},
    "UTC": {"2021-07-01T12:00:00": 12, "2021-07-01T12:00:00Z": 12, "2021-07-01T12:00:00-04:00": 16},
    "Europe/Vienna": {
        "2021-07-01T12:00:00": 12,
        "2021-07-01T12:00:00Z": 14,
        "2021-01-01T12:00:00Z": 13,
        "2021-07-01T12:00:00-04:00": 18,
    },
}


@pytest.mark.parametrize("zone", HOURS)
@pytest.mark.parametrize("mixed", [False, True])
def test_a_time_with_a_zone_is_the_same_hour_in_table_and_request_or_refused_in_both(
    zone: str | None, mixed: bool
) -> None:
    contract = contracts.contract({"t": "{type: datetime, parts: [hour]" + (f", zone: {zone}" if zone else "") + "}"})
    cells = HOURS[zone]
    for delivered in [list(cells)] if mixed else [[cell] for cell in cells]:
        typed = frame.parse(pd.DataFrame({"t": delivered}, dtype=object), contract)["t"]
        for cell, value in zip(delivered, typed, strict=True):
            if cells[cell] is None:
                assert value == cell, "kept as delivered, for validate to report"
                with pytest.raises(ValidationError, match="no time zone"):
                    sent([{"t": cell}], contract)
            else:
                assert value.hour == cells[cell]
                assert sent([{"t": cell}], contract)["t"] == [value]
                records = frame.records(pd.DataFrame({"t": [cell]}), contract)
                assert sent(records, contract)["t"] == [value]


def test_typed_times_with_a_zone_are_read_by_the_same_rule() -> None:
    times = pd.Series(pd.to_datetime(["2021-07-01T12:00:00Z", None]))
    for zone, expected in {None: None, "UTC": 12, "America/New_York": 8}.items():
        contract = contracts.contract({"t": "{type: datetime" + (f", zone: {zone}" if zone else "") + "}"})
        typed = frame.parse(pd.DataFrame({"t": times}), contract)["t"]
        assert pd.isna(typed[1])
        assert isinstance(typed[0], str) if expected is None else typed[0].hour == expected


@pytest.mark.parametrize("column", ["{type: datetime, zone: Mars/Base}", "{type: date, zone: UTC}"])
def test_a_zone_that_is_none_or_has_no_hours_is_refused(column: str) -> None:
    with pytest.raises(ValidationError, match="zone"):
        contracts.contract({"t": column})


STRINGS = st.text(st.sampled_from("aBcÉßİΣ \t\xa0\u2003\x1f\x85\U0001f600"), max_size=6) | st.text(max_size=4)


@pytest.mark.parametrize("steps", ["[]", "[trim]", "[lower]", "[trim, lower]"])
@pytest.mark.parametrize("kind", ["category", "text"])
def test_a_string_is_normalized_in_table_and_request_alike(steps: str, kind: str) -> None:
    entry = (
        f"{{type: {kind}, missing: true, normalize: {steps}, na_values: [], feature: {str(kind != 'text').lower()}}}"
    )
    contract = contracts.contract({"c": entry, "n": "{type: number}"})

    @settings(max_examples=150, deadline=None)
    @given(STRINGS)
    def holds(text: str) -> None:
        (value,) = frame.parse(pd.DataFrame({"c": [text], "n": [1.0]}), contract)["c"]
        try:
            requested = sent([{"c": text, "n": 1}], contract)["c"][0]
        except ValidationError:
            assert pd.isna(value), "an empty string is missing in a table, and an error in a request"
        else:
            assert requested == value
            assert "trim" not in steps or text.strip(BLANKS).lower() == value.lower()
            assert "lower" not in steps or value == value.lower()
            assert steps != "[]" or value == text

    holds()


@pytest.mark.parametrize(("steps", "accepted"), [("[]", {"abc"}), ("[trim, lower]", {"abc", " ABC\t", "Abc"})])
def test_listed_categories_are_compared_after_that(steps: str, accepted: set[str]) -> None:
    contract = contracts.contract({"c": f"{{type: category, categories: [abc, d], normalize: {steps}}}"})
    for text in ("abc", " ABC\t", "Abc", "x", ""):
        if text in accepted:
            assert sent([{"c": text}], contract)["c"] == ["abc"]
            assert frame.parse(pd.DataFrame({"c": [text]}), contract)["c"].tolist() == ["abc"]
        else:
            with pytest.raises(ValidationError):
                sent([{"c": text}], contract)
    assert row_schema.json_schema(contract)["properties"]["c"]["enum"] == ["abc", "d"]


@pytest.mark.parametrize(
    "column", ["{type: category, categories: [Abc], normalize: [lower]}", "{type: number, normalize: [lower]}"]
)
def test_a_contract_that_normalizes_what_it_cannot_is_refused(column: str) -> None:
    with pytest.raises(ValidationError, match="normalize"):
        contracts.contract({"c": column})
