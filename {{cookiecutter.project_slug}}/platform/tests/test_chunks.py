"""The stages read a table in chunks, and their results do not depend on how large these are."""

import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import pytest
import sklearn.metrics
from click.testing import CliRunner
from helpers import contracts, models, tables
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgitops.data import frame, part_files, part_rows
from mlgitops.data.profile import column_profile
from mlgitops.model import evaluate, metrics
from mlgitops.model.scorer import Scorer
from mlgitops.review import measure
from mlgitops.review.inputs import Model
from mlgitops.review.report import Source

TYPED = frame.parse(tables.rows("regression", count=60), contracts.wide("regression"))


@settings(deadline=None, max_examples=25)
@given(st.sets(st.integers(1, 59)), st.sampled_from(list(TYPED)), st.integers(0, 60))
def test_the_profile_of_a_column_is_that_of_its_chunks(cuts: set[int], name: str, missing: int) -> None:
    contract = contracts.wide("regression", key=["day"])
    whole = TYPED[name].mask(np.arange(60) < missing)
    chunks = [whole.iloc[start:end] for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 60], strict=True)]
    assert column_profile(chunks, name, contract) == column_profile([whole], name, contract)


def test_the_profile_of_numbers_takes_few_copies_of_them() -> None:
    random, rows = np.random.default_rng(0), 400_000
    chunks = (pd.Series(np.where(random.random(20_000) < 0.03, np.nan, random.normal(size=20_000))) for _ in range(20))
    tracemalloc.start()
    try:
        profiled = column_profile(chunks, "x", contracts.contract({"x": "{type: number, missing: true}"}))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert profiled.distribution
    assert profiled.distribution.rows == rows
    assert most < 20 * rows  # two and a half copies


@given(st.lists(st.integers(0, 59), unique=True), st.integers(1, 70))
@settings(deadline=None, max_examples=25)
def test_rows_at_positions_are_those_of_the_whole_table(part: Path, positions: list[int], chunk: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame, "CHUNK_ROWS", chunk)
        rows = part_rows.rows_at(part, np.array(positions, dtype="int64"))
        chunks = list(part_rows.chunks(part))
    assert max(map(len, chunks)) <= chunk
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), pd.read_parquet(part))
    pd.testing.assert_frame_equal(rows, pd.read_parquet(part).iloc[positions].reset_index(drop=True))


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("part") / "test.parquet"
    TYPED.to_parquet(path, index=False)
    return path


def test_rows_of_the_other_part_are_written_nowhere(
    part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, stream = [], pa.ipc.new_stream

    def recorded(path: str, schema: pa.Schema) -> pa.ipc.RecordBatchStreamWriter:
        opened.append(Path(path).name)
        return stream(path, schema)

    monkeypatch.setattr(pa.ipc, "new_stream", recorded)
    part_files.write(part, contracts.wide("regression"), np.array([30, 1]), tmp_path / "train.parquet", {})
    assert opened == ["0"]
    assert len(pd.read_parquet(tmp_path / "train.parquet")) == 2


def test_wide_tables_have_chunks_of_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [part_rows.chunk_rows(columns) for columns in (8, 500)] == [frame.CHUNK_ROWS, 4_194]
    monkeypatch.setattr(part_rows, "MAX_VALUES", 10)
    assert part_rows.chunk_rows(500) == 1


def test_the_evaluation_is_the_same_whatever_the_size_of_the_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models.project(tmp_path, "binary"))
    monkeypatch.delattr(pd, "read_parquet")  # which would read all rows at once
    results = []
    for chunk in (1000, 7):
        monkeypatch.setattr(frame, "CHUNK_ROWS", chunk)
        done = CliRunner().invoke(evaluate.main, ["test.parquet", "trained.onnx", "metrics.json", "plots"])
        assert done.exit_code == 0, done.output
        results.append({path: path.read_bytes() for path in [Path("metrics.json"), *sorted(Path("plots").iterdir())]})
    assert results[0] == results[1]
    assert pd.read_csv("plots/slices.csv")["value"].nunique() > 1


@pytest.mark.parametrize("classes", [2, 3])
def test_the_log_loss_is_that_of_its_chunks(classes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, classes, 100), random.dirichlet(np.ones(classes), 100).astype("float32")
    whole, asked, loss = metrics.log_loss(truth, predicted), [], sklearn.metrics.log_loss
    assert whole == loss(truth, metrics.summing_to_one(predicted), labels=range(classes))

    def recorded(truth: np.ndarray, predicted: np.ndarray, **settings: object) -> float:
        asked.append(len(truth))
        return float(loss(truth, predicted, **settings))

    monkeypatch.setattr(sklearn.metrics, "log_loss", recorded)
    monkeypatch.setattr(metrics, "LOSS_VALUES", 30 * classes)
    assert metrics.log_loss(truth, predicted) == pytest.approx(whole, rel=1e-14)
    assert asked == [30, 30, 30, 10]


def test_the_review_predicts_in_chunks_what_the_model_predicts_for_all_rows(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer, asked = Scorer(exported), []
    rows, run = tables.rows_of(scorer.contract), scorer.run
    expected = scorer.predict(frame.columns(rows, scorer.contract))

    def recorded(features: Mapping[str, np.ndarray]) -> np.ndarray:
        asked.append(len(next(iter(features.values()))))
        return run(features)

    monkeypatch.setattr(scorer, "run", recorded)
    monkeypatch.setattr(part_rows, "MAX_VALUES", 7 * len(rows.columns))
    predicted = measure.predictions(Model(scorer, Source("candidate")), rows)
    np.testing.assert_array_equal(predicted.values, expected)
    assert max(asked) == 7
