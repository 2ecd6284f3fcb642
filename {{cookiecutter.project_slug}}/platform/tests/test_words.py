"""The words of free text are features: the same in training and in ONNX, bounded, and proposed where they help."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from helpers import contracts, models
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sklearn.base import BaseEstimator

from mlgitops.contract import strings
from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import request_model
from mlgitops.data import frame, row_check, validate
from mlgitops.data.encode import encode
from mlgitops.model import conversion, pipeline, train
from mlgitops.model.scorer import Scorer
from mlgitops.model.words import Words
from mlgitops.onboard import candidates, texts
from mlgitops.onboard.command import main
from mlgitops.serving.request import RequestParser

COUNT = 300
RANDOM = np.random.default_rng(7)
COMMON = ["the", "parcel", "came", "on", "monday", "Ärger", "naïve", "中文", "naïve_1", "42"]
ANSWER = RANDOM.random(COUNT) < 0.5
NOTES = [" ".join([*RANDOM.choice(COMMON, 7), "Broken" if late else "fine", "glass"]) for late in ANSWER]
ODD = [
    "", " ", "\t\n", "-", "...", "broken", "BROKEN GLASS", "Broken, glass!", "broken\u00a0glass", "ﬁne", "İstanbul",
    "ß", "e\u0301", "na\u0131\u0308ve", "\u202ebroken", "\x00broken\x00", "broken" * 1000, "broken " * 1400,
    "中文 glass", "😀 broken",
    "broken-glass", "a  b", "_", "NA", "\u2028broken", "٣ ½ ²",
]  # fmt: skip
ANY_WORDS = st.lists(st.sampled_from([*COMMON, *ODD])).map(" ".join)


def declared(task: str = "binary", words: int = 30) -> Contract:
    return contracts.contract({"note": f"{{type: text, words: {words}, missing: true}}", "n": "{type: number}"}, task)


def table(task: str = "binary") -> pd.DataFrame:
    """Return rows whose notes tell the target."""
    y: Any = {"binary": ANSWER, "regression": ANSWER + 0.1 * RANDOM.normal(size=COUNT)}.get(task)
    y = np.where(ANSWER, "high", np.where(np.arange(COUNT) % 2, "low", "mid")) if y is None else y
    notes = [None if n % 20 == 0 else note for n, note in enumerate(NOTES)]
    return frame.parse(pd.DataFrame({"note": notes, "n": RANDOM.normal(size=COUNT), "y": y}), declared(task))


@cache
def model(algorithm: str, task: str) -> tuple[BaseEstimator, onnxruntime.InferenceSession]:
    fitted = train.fit(declared(task), contracts.settings(algorithm), table(task))
    return fitted, onnxruntime.InferenceSession(conversion.convert(fitted, declared(task)))


def compare(rows: list[str | None], algorithm: str, task: str) -> None:
    """Check that the exported model answers as the trained one."""
    fitted, session = model(algorithm, task)
    typed = pd.DataFrame({"note": pd.Series(rows, dtype="object"), "n": 0.5})
    inputs = encode(frame.columns(typed, declared(task)), declared(task))
    trained = pipeline.predict(fitted, frame.features(typed, declared(task)), declared(task))
    exported = session.run(None, inputs)[-1]
    np.testing.assert_allclose(exported.reshape(trained.shape), trained, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("task", contracts.TARGETS)
@pytest.mark.parametrize("algorithm", contracts.ALGORITHMS)
def test_the_exported_model_reads_odd_texts_as_the_trained_one(algorithm: str, task: str) -> None:
    compare([*ODD, None], algorithm, task)
    for alone in ("", None, "Broken glass"):
        compare([alone], algorithm, task)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.none() | st.text(max_size=60) | ANY_WORDS, min_size=1))
def test_the_exported_model_reads_any_texts_as_the_trained_one(rows: list[str | None]) -> None:
    compare(rows, "linear", "binary")


def test_the_words_are_those_that_tell_most_and_their_number_is_bounded() -> None:
    fitted, _ = model("linear", "binary")
    words = next(step for name, step, _ in fitted["inputs"].transformers_ if name == "words of note")
    assert len(words.vocabulary_) == 30
    assert {"broken", "fine", "broken glass", "fine glass"} <= set(words.vocabulary_)
    few = Words(1).fit(frame.features(table(), declared())[["note"]], ANSWER.astype(int))
    assert few.vocabulary_ in (["broken"], ["broken glass"], ["fine"], ["fine glass"])
    probabilities = pipeline.predict(fitted, frame.features(table(), declared()), declared())
    assert np.mean((probabilities[:, 1] > 0.5) == ANSWER) > 0.95


def test_texts_without_a_frequent_word_train_a_model() -> None:
    rows = table().assign(note=pd.Series([f"w{n}" for n in range(COUNT)], dtype="string"))
    fitted = train.fit(declared(), contracts.settings("boosting"), rows)
    session = onnxruntime.InferenceSession(conversion.convert(fitted, declared()))
    inputs = encode(frame.columns(rows, declared()), declared())
    trained = pipeline.predict(fitted, frame.features(rows, declared()), declared())
    np.testing.assert_allclose(session.run(None, inputs)[-1], trained, atol=1e-5)


def test_a_text_reaches_the_service_within_its_bound(tmp_path: Path) -> None:
    contract = declared(words=5)
    longest = "\U0001f600" * strings.MAX_TEXT_CHARS
    columns, _ = RequestParser(contract, 1).read(pd.io.json.ujson_dumps({"note": longest, "n": 1}).encode())
    assert columns["note"] == [longest]
    row = TypeAdapter(request_model(contract))
    with pytest.raises(ValidationError, match="at most 10000 characters"):
        row.validate_python({"note": f"{longest}x", "n": 1.0})
    assert row.json_schema()["properties"]["note"]["anyOf"][0]["maxLength"] == strings.MAX_TEXT_CHARS
    scorer = Scorer(models.exported(contract, tmp_path))
    sent = frame.records(pd.DataFrame({"note": ["Example 1", None, longest], "n": 1.0}), contract)
    assert len(scorer.answers({name: [row[name] for row in sent] for name in contract.inputs})) == 3


def test_a_text_that_is_too_long_breaks_the_contract(tmp_path: Path) -> None:
    contract = declared()
    rows = pd.DataFrame({"note": ["x" * 10_001, "x" * 10_000, None], "n": 1.0, "y": [True, False, True]})
    assert row_check.reasons(frame.parse(rows, contract), contract) == [
        "note: the text has more than 10,000 characters", "", ""
    ]  # fmt: skip
    pq.write_table(pa.Table.from_pandas(rows), tmp_path / "raw.parquet")
    report = validate.check(tmp_path / "raw.parquet", contract)
    assert [(failure.column, failure.count) for failure in report.failures] == [("note", 1)]


@pytest.mark.parametrize(
    "column", ["{type: category, words: 9}", "{type: text, words: 9, ignore: x}", "{type: text, words: 0}"]
)
def test_words_are_of_texts_that_are_features(column: str) -> None:
    with pytest.raises(ValueError, match="words"):
        contracts.contract({"a": column, "n": "{type: number}"})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with the demo's files, in which the test runs."""
    demo = {"dvc.yaml": "stages: {}\n\nplots:\n  - A:\n      x: {a.csv: a}\n", "pyproject.toml": "[project]\n"}
    folder = models.adoptable(tmp_path / "home", demo)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(candidates, "CANDIDATES", candidates.CANDIDATES[:1])
    return folder


def test_words_are_proposed_where_they_help_and_left_out_where_they_do_not(home: Path) -> None:
    noise = [" ".join(RANDOM.choice(COMMON, 9)) for _ in range(COUNT)]
    rows = pd.DataFrame({"n": RANDOM.normal(size=COUNT), "note": NOTES, "noise": noise, "y": ANSWER})
    rows.to_csv(home.parent / "t.csv", index=False)
    done = CliRunner().invoke(main, [str(home.parent / "t.csv"), "--target", "y"])
    assert done.exit_code == 0, done.output
    contract = Contract.load(Path("contract.yaml"))
    assert (contract.columns["note"].words, contract.columns["note"].ignore) == (200, None)
    assert (contract.columns["noise"].words, contract.columns["noise"].ignore) == (None, texts.NO_USE)
    assert "text: note: 200 words and pairs of words are features (words): roc_auc" in done.output
    assert f"left out: noise: {texts.NO_USE}" in done.output
    rows[["note", "y"]].to_csv(home.parent / "t.csv", index=False)
    done = CliRunner().invoke(main, [str(home.parent / "t.csv"), "--target", "y"])
    assert "there is no other column" in done.output
