"""Reasons are the Shapley values of the columns that a caller sends: they add up, and equal those of all orders."""

import math
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, models
from helpers.tables import rows_of

from mlgitops.common import files
from mlgitops.contract.contract import Contract
from mlgitops.data import frame
from mlgitops.model import background, mixtures
from mlgitops.model.reasons import Explainer
from mlgitops.model.scorer import Scorer, digests

SMALL = {
    "a": "{type: number, missing: true}",
    "kind": "{type: category, categories: [p, q, r], missing: true}",
    "day": "{type: date}",
    "text": "{type: text, words: 20, missing: true}",
}


def table(contract: Contract, count: int = 300) -> pd.DataFrame:
    """Return typed rows whose target follows all columns, two of them only together."""
    random = np.random.default_rng(0)
    a, kind = random.normal(size=count), random.choice(["p", "q", "r"], count)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(random.integers(0, 700, count), unit="D")
    text = random.choice(["all is well", "it is late", "late again", "well"], count)
    score = (
        a * (1 + 2 * (kind == "p"))
        + 2 * (kind == "q")
        + (day.weekday > 4) * 2
        + 3 * np.char.count(text, "late") * (a > 0)
    )
    labels = {"binary": score > 1, "regression": 100 * score}
    labels["multiclass"] = pd.cut(score, [-99, 0, 2, 99], labels=["low", "mid", "high"]).astype(object)
    made = pd.DataFrame({"a": a, "kind": kind, "day": day.date, "text": text, "y": labels[contract.task]})
    made.loc[::7, ["a", "kind"]] = None
    return frame.parse(made, contract)


def exact(scorer: Scorer, row: dict[str, Any], shown: int | None) -> dict[str, float]:
    """Return the Shapley values by their definition: over all sets of columns, each weighted by its size."""
    names, rows = Explainer(scorer).columns, background.read(scorer.folder, scorer.contract)
    sets = [frozenset(chosen) for size in range(len(names) + 1) for chosen in combinations(names, size)]
    mixed = [{**other, **{name: row[name] for name in chosen}} for chosen in sets for other in rows]
    predicted = scorer.predict({name: [m.get(name) for m in mixed] for name in scorer.contract.inputs})
    outputs = (predicted if shown is None else predicted[:, shown]).astype("float64")
    value = dict(zip(sets, outputs.reshape(len(sets), len(rows)).mean(axis=1), strict=True))
    return {
        name: sum(
            (value[chosen | {name}] - value[chosen]) / (len(names) * math.comb(len(names) - 1, len(chosen)))
            for chosen in sets
            if name not in chosen
        )
        for name in names
    }


def signed(folder: Path) -> Path:
    manifest = files.read_json(folder / "manifest.json")
    files.write_json(folder / "manifest.json", {**manifest, "files": digests(folder)})
    return folder


def inputs(scorer: Scorer, count: int) -> dict[str, Any]:
    rows = table(scorer.contract) if "kind" in scorer.contract.inputs else rows_of(scorer.contract)
    return frame.columns(rows.iloc[:count], scorer.contract)


@pytest.fixture(scope="module", params=contracts.TARGETS)
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    """Return a model of four columns, of which a date and a text are several features."""
    contract = contracts.contract(SMALL, request.param)
    folder = models.exported(contract, tmp_path_factory.mktemp(request.param), table=table(contract))
    background.write(folder, frame.records(table(contract).iloc[:50], contract), contract)
    return Scorer(signed(folder))


def test_base_and_reasons_add_up_to_the_prediction(small: Scorer, exported: Path) -> None:
    for scorer in (small, Scorer(exported)):
        columns = inputs(scorer, 20)
        predicted = scorer.predict(columns)
        computed = Explainer(scorer).reasons(columns, predicted)
        shown = predicted.max(axis=1) if len(scorer.contract.classes) == 3 else predicted.reshape(20, -1)[:, -1]
        sums = computed.base + computed.contributions.sum(axis=1)
        np.testing.assert_allclose(sums, shown.astype("float64"), rtol=1e-12, atol=1e-12)


def test_reasons_are_close_to_the_shapley_values_over_all_sets_of_columns(small: Scorer) -> None:
    columns = inputs(small, 30)
    predicted = small.predict(columns)
    computed = Explainer(small).reasons(columns, predicted)
    expected = np.empty_like(computed.contributions)
    for row in range(30):
        shown = {0: None, 2: 1, 3: int(predicted[row].argmax())}[len(small.contract.classes)]
        values = exact(small, {name: columns[name][row] for name in small.contract.inputs}, shown)
        expected[row] = [values[name] for name in computed.columns]
    assert np.abs(expected).mean(axis=0).min() > 0.01 * np.abs(expected).max()
    assert np.abs(computed.contributions - expected).sum() < 0.1 * np.abs(expected).sum()


def test_the_model_scores_blocks_of_mixtures_and_the_reasons_are_those_of_all_at_once(
    small: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 500 columns, all mixtures of one row would be 25 million values."""
    columns, asked = inputs(small, 3), []
    predicted, run = small.predict(columns), small.run

    def recorded(features: Mapping[str, np.ndarray]) -> np.ndarray:
        asked.append(len(next(iter(features.values()))))
        return run(features)

    monkeypatch.setattr(small, "run", recorded)
    expected = Explainer(small).reasons(columns, predicted)
    monkeypatch.setattr(mixtures, "VALUES", 7 * len(small.features))
    explainer = Explainer(small)
    asked.clear()
    np.testing.assert_array_equal(explainer.reasons(columns, predicted).contributions, expected.contributions)
    assert max(asked) == 7
    assert sum(asked) == 3 * explainer.cost
