"""Whatever a table holds, adopting it succeeds or says in one sentence why not, without a traceback."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from mlgitops.common.errors import ProjectError
from mlgitops.contract import row_schema
from mlgitops.contract.contract import Contract
from mlgitops.data import frame
from mlgitops.data.encode import encode
from mlgitops.data.ingest import ingest
from mlgitops.onboard import project_files
from mlgitops.onboard.draft import AdoptOptions, draft
from mlgitops.onboard.sampling import sample

EXAMPLES = int(os.environ.get("MLGITOPS_FUZZ_EXAMPLES", "25"))  # the nightly run tries thousands
WORDS = [
    "", " ", "NA", "None", "nan", "null", "NULL", "-", "?", "inf", "-inf", "Infinity", "1e999", "true", "FALSE",
    "yes", "0", "1", "007", "1.5", "1,5", "1.234,5", "-3\u2212", "(5)", "%", "$", "5 kg", "<5", "5+", "EUR 5", "1.2M",
    "5 EUR", "6 USD", "9" * 400, "1e-320", "9223372036854775808", "2015-02-30", "9999-12-31", "0001-01-01",
    "31.12.2015", "Feb-2018", "12:30", "2015-10-03 20:43:26 UTC", "03-OCT-15 08.43.26 PM", "20150105", "1443904406",
    "24:00:00", "\u0661\u0662", "\ufeffx", "a,b", '"', "'", '""', "a\nb", "a\r", ";", "\t", "\x01", "\U0001f600",
    "\u202e", "e\u0301", "Z\u00fcrich", "=1+1", "x" * 1001, "x" * 5000, "!!python/object:os.system", "{{ x }}",
    "a: b #c",
]  # fmt: skip
EXTREMES = [0.0, -0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, 2.0**53, 1e39, 0.1]
WHOLE = [0, 1, -1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 20150105, 1443904406, 201502]
NAMES = [
    "a",
    "a b",
    "",
    "y ",
    "class",
    "null",
    "1",
    "id",
    "date",
    "year",
    "month",
    "x: y #z",
    "\u00fc",
    '"',
    "a,b",
    "_",
    "a" * 300,
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252", "cp1251", "shift_jis"]


def columns(rows: int) -> st.SearchStrategy[list[Any]]:
    """Return a strategy for the values of one column: few distinct ones, which repeat, or many."""
    strings = st.sampled_from(WORDS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    values = st.sampled_from([strings, st.sampled_from(EXTREMES), st.sampled_from(WHOLE), st.booleans(), st.none()])
    pools = values.flatmap(lambda kind: st.lists(kind | st.none(), min_size=1, max_size=5))
    repeated = pools.map(lambda pool: [pool[(7 * n) % len(pool)] for n in range(rows)])
    return repeated | pools.map(lambda pool: [pool[0], *pool, *range(rows)][:rows])


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Return a strategy for small tables with a target `y`, which may be one that cannot be predicted."""
    rows = draw(st.sampled_from([0, 1, 2, *[60, 120] * 4]))
    names = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
    table = {name: draw(columns(rows)) for name in names}
    if draw(st.integers(0, 9)):  # most tables can be learned from, whatever else they hold
        random = np.random.default_rng(7)
        return pd.DataFrame({**table, "size": random.normal(size=rows), "y": random.choice(["a", "b"], rows)})
    return pd.DataFrame({**table, "y": draw(columns(rows))})


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes]:
    """Return a strategy for the name and the content of a file with such a table, or with anything."""
    table = draw(tables())
    kind = draw(st.sampled_from(["csv", "parquet", "csv", "parquet", "csv", "bytes"]))
    if kind == "bytes":
        return "table.csv", draw(st.binary(max_size=200))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"table.{kind}"
        if kind == "parquet":
            arrays = [_array(table[name]) for name in table]
            pq.write_table(pa.Table.from_arrays(arrays, names=list(table)), path)
        else:
            encoding = draw(st.sampled_from(ENCODINGS))
            separator = draw(st.sampled_from([",", ";", "\t", "|"]))
            text = table.to_csv(index=False, sep=separator, quoting=draw(st.sampled_from([0, 1])))
            path.write_bytes(text.encode(encoding, errors="replace"))
        return path.name, path.read_bytes()


def _array(values: pd.Series) -> pa.Array:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError):
        return pa.array(values.astype("string"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 25,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # the tables are small enough: no time for smaller ones
)
@given(files())
def test_adopting_any_table_succeeds_or_says_why_not(file: tuple[str, bytes]) -> None:
    name, content = file
    with tempfile.TemporaryDirectory() as folder:
        path, raw = Path(folder) / name, Path(folder) / "raw.parquet"
        path.write_bytes(content)
        try:
            rows = ingest(path, raw).rows
            drafted = draft(raw, AdoptOptions("y"))
            contract = Contract.parse(project_files.contract(drafted.contract, path), "contract.yaml")
            typed = frame.load(raw, contract, contract.columns)
            sample(raw, contract, 0.2)
        except ProjectError:
            event("refused")
            return
        event("adopted")
        assert len(typed) == rows
        assert {str(typed[name].dtype) for name in typed} <= {"float64", "boolean", "datetime64[ms]", "string"}
        _same_in_table_and_service(typed, contract)


def _same_in_table_and_service(typed: pd.DataFrame, contract: Contract) -> None:
    """Check that the service takes each row of the table, and that the model gets the same inputs from both."""
    records = frame.records(typed, contract)
    received = TypeAdapter(list[row_schema.request_model(contract)]).validate_json(json.dumps(records))  # type: ignore[misc]  # built at run time
    hot = encode({name: [row.get(name) for row in received] for name in contract.inputs}, contract)
    for name, values in encode(frame.columns(typed, contract), contract).items():
        np.testing.assert_array_equal(hot[name], values, err_msg=name)


def test_the_fuzz_covers_tables_that_work() -> None:
    table = pd.DataFrame({"a": ["5 kg", "7 kg"] * 60, "y": ["a", "b", "b", "a"] * 30})
    with tempfile.TemporaryDirectory() as folder:
        path, raw = Path(folder) / "table.csv", Path(folder) / "raw.parquet"
        table.to_csv(path, index=False)
        ingest(path, raw)
        drafted = draft(raw, AdoptOptions("y"))
        contract = Contract.parse(project_files.contract(drafted.contract, path), "contract.yaml")
        _same_in_table_and_service(frame.load(raw, contract, contract.columns), contract)
    assert contract.columns["a"].unit == "kg"
