"""Columns that leak the target are found by name: one alone, a sum, a product, or a few together."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts

from mlgitops.contract.contract import Contract
from mlgitops.data import frame
from mlgitops.model import leaks
from mlgitops.model.formulas import formula
from mlgitops.model.leaks import Leak

COUNT = 400
RANDOM = np.random.default_rng(11)
A, B, C, D = (RANDOM.uniform(1, 100, COUNT).round(2) for _ in range(4))
WORDS = np.array([f"w{n}" for n in range(8)])[RANDOM.integers(0, 8, COUNT)]


def table(task: str, y: Any, **columns: Any) -> tuple[Contract, pd.DataFrame]:
    kinds = {
        name: "{type: category}" if values.dtype.kind == "U" else "{type: number}" for name, values in columns.items()
    }
    contract = contracts.contract(kinds, task)
    return contract, frame.parse(pd.DataFrame({**columns, "y": y}), contract)


def noisy(values: Any, size: float) -> Any:
    return values + RANDOM.normal(0, size, COUNT)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (A + B, "a + b"),
        (A - B + 7, "a - b"),
        (1.2 * A + 3 * B, "1.2 * a + 3 * b"),
        (A + B + C, "a + b + c"),
        (-A, "- a"),
        (A * B, "a * b"),
        (A / B * 100, "a / b"),
    ],
)
def test_a_formula_of_columns_is_written_out(y: Any, text: str) -> None:
    exact = formula(pd.DataFrame({"a": A, "d": D, "b": B, "c": C}), y)
    assert exact is not None
    terms = [name for name in ("a", "b", "c") if name in exact.columns]
    assert set(exact.columns) == set(terms) == {character for character in text if character.isalpha()}
    assert exact.text == text or sorted(exact.text) == sorted(text)


@pytest.mark.parametrize("y", [noisy(A + B, 5), A * np.sin(B), D[::-1], RANDOM.normal(size=COUNT)])
def test_what_is_only_near_a_formula_is_none(y: Any) -> None:
    assert formula(pd.DataFrame({"a": A, "b": B, "c": C}), y) is None


def test_a_formula_needs_more_rows_than_columns_and_ignores_gaps() -> None:
    many = pd.DataFrame(RANDOM.normal(size=(60, 40)))
    assert formula(many, RANDOM.normal(size=60)) is None
    gaps = pd.DataFrame({"a": A, "b": B, "empty": np.where(A > 30, np.nan, A), "one": 1.0})
    gaps.loc[::50, "a"] = np.nan
    exact = formula(gaps, A + B)
    assert exact is not None
    assert set(exact.columns) == {"a", "b"}


def test_a_sum_is_a_leak_whatever_the_model_reaches() -> None:
    contract, rows = table("regression", A + B, a=A, b=B, c=C)
    assert [set(leak.columns) for leak in leaks.leaks(contract, rows, 0.5)] == [{"a", "b"}]
    contract, rows = table("regression", noisy(A + B, 9), a=A, b=B, c=C)
    assert leaks.leaks(contract, rows, 0.9) == ()


def test_one_column_alone_is_named() -> None:
    contract, rows = table("binary", A > 50, a=noisy(A, 0.3), c=C)
    (leak,) = leaks.leaks(contract, rows, 0.99)
    assert leak.columns == ("a",)
    assert leak.explain("y", "roc_auc").startswith("a alone predicts y (roc_auc 0.9")
    assert leaks.leaks(contract, rows, 0.9) == (), "no model shows that there is a leak"


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_few_columns_that_together_give_the_target_are_named(task: str) -> None:
    flags = RANDOM.integers(0, 2, (2, COUNT)).astype(float)
    parity = (
        (flags[0] != flags[1]) if task == "binary" else np.array(["low", "mid", "high"])[flags.sum(axis=0).astype(int)]
    )
    contract, rows = table(task, parity, c=C, first=flags[0], d=D, words=WORDS, second=flags[1])
    (leak,) = leaks.leaks(contract, rows, 1.0)
    assert leak.columns == ("first", "second")
    assert leak.explain("y", "f1").startswith("together, first, second predict y (f1 1.0")
    assert leaks.leaks(contract, rows, 0.95) == ()


def test_what_many_columns_tell_a_little_each_is_no_leak() -> None:
    parts = {f"x{n}": RANDOM.normal(size=COUNT) for n in range(30)}
    contract, rows = table("binary", sum(parts.values()) > 0, **parts)
    assert leaks.leaks(contract, rows, 1.0) == ()


def test_a_leak_is_explained() -> None:
    assert Leak(("a", "b"), 0.9999, "a + b").explain("total", "r2") == "total = a + b"


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_hostile_columns_are_searched_without_an_error(task: str) -> None:
    y = {
        "binary": A > 50,
        "multiclass": np.array(["low", "mid", "high"])[(A // 34).astype(int)],
        "regression": A * 1e30,
    }
    gaps = {
        "empty": np.full(COUNT, np.nan),
        "huge": A * 1e36,
        "one": np.ones(COUNT),
        "few": np.where(B > 98, B, np.nan),
    }
    contract, rows = table(task, y[task], **gaps, words=WORDS)
    assert not [leak for leak in leaks.leaks(contract, rows, 0.5) if set(leak.columns) - {"huge"}]
    assert {"empty", "one"}.isdisjoint(*[leak.columns for leak in leaks.leaks(contract, rows, 1.0)])
    contract, rows = table(task, y[task], words=WORDS)
    assert leaks.leaks(contract, rows, 1.0) == ()
