"""What changed in the data is on the page in words, and data that shrank makes no gate easier."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, models
from helpers.reviews import VALID, contract, data, export, exported, params, tables

from mlgitops.common import files
from mlgitops.data.distribution import count, distribution, shift
from mlgitops.data.profile import FILE, profile
from mlgitops.review import champion_data, row_change
from mlgitops.review.build import build
from mlgitops.review.data import compare, profile_of
from mlgitops.review.data_change import DataChange
from mlgitops.review.inputs import Context, Model
from mlgitops.review.pages import html, markdown
from mlgitops.review.report import Report, Source

OLD = Source("version 1")
GROUPS = ["AA", "B6", "DL"]


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the current folder be a project without DVC, in which no champion's rows are at hand."""
    monkeypatch.chdir(models.touch_package(tmp_path))
    monkeypatch.setattr(champion_data, "tables", lambda recorded: {})


def change(before: pd.DataFrame, after: pd.DataFrame, columns: dict[str, str], **more: Any) -> DataChange:
    """Return the change of the data between two tables of one contract, by their profiles or, in DVC, their rows."""
    declared = contracts.contract(columns, **more)
    old, new = (tables(Path(name), rows) for name, rows in (("old", before), ("new", after)))
    champion = Model(_Scorer(declared, Path("old")), OLD, profile(old, declared))
    compared = compare(champion, Model(_Scorer(declared, Path("new")), OLD), new, pd.read_parquet(new["test"]))
    assert compared.change is not None
    return compared.change


class _Scorer:
    """What the comparison of data asks of a model."""

    def __init__(self, declared: Any, folder: Path) -> None:
        """Hold the contract and the folder."""
        self.contract, self.folder = declared, folder


def people(count: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"id": [f"p{n}" for n in range(count)], "age": rng.integers(20, 80, count).astype(float)})
    table["city"] = pd.Series(rng.choice(["Bern", "Graz", "Linz"], count), dtype="string")
    table["member"] = pd.array(rng.random(count) < 0.5, dtype="boolean")
    table.loc[::7, "member"] = pd.NA
    table["y"] = pd.array(rng.random(count) < 0.3, dtype="boolean")
    return table


PEOPLE = {
    "id": "{type: text, ignore: it is a name}",
    "age": "{type: number, missing: true}",
    "city": "{type: category, missing: true}",
    "member": "{type: boolean, missing: true}",
}


def in_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the champion's rows be at hand."""
    old = {name: Path("old", f"{name}.parquet") for name in ("train", "test")}
    monkeypatch.setattr(champion_data, "tables", lambda recorded: old)


# The example: a table that was cut to a few percent of its rows, with one airline gone.


def cut(tmp_path: Path, noise: float, at_hand: bool, monkeypatch: pytest.MonkeyPatch, **gates: Any) -> Report:
    """Review a model of a table cut to 4 % of its rows, without DL, against that of the whole table."""
    declared, whole = contract("binary", GROUPS), data("binary", GROUPS, count=12_000)
    shrunk = whole[whole["group"] != "DL"].iloc[::17].reset_index(drop=True)
    old, new = tables(tmp_path / "old", whole), tables(tmp_path / "new", shrunk)
    best = exported(tmp_path / "best", declared, 0.0, old, OLD)
    candidate = exported(tmp_path / "candidate", declared, noise, new)
    if at_hand:
        monkeypatch.setattr(champion_data, "tables", lambda recorded: old)
    rows = pd.read_parquet(new["test"])
    compared = compare(best, candidate, new, rows)
    return build(candidate, best, rows, params(**gates), VALID, None, Context(compared.change, compared.unseen))


@pytest.mark.parametrize("at_hand", [False, True])
def test_a_table_cut_short_is_refused_and_the_page_says_what_is_gone(
    tmp_path: Path, at_hand: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = cut(tmp_path, 0.0, at_hand, monkeypatch)
    assert report.refused_by == ("min_test_rows",)
    sentence = report.evidence.data.sentence
    assert sentence.startswith("The data changed: 465 rows instead of 12,000 (\N{MINUS SIGN}96.1%)")
    assert "no row has group = DL any more (34.7% before)" in sentence
    assert ("11,535 rows gone" in sentence) == at_hand
    for page in (html.page(report), markdown.page(report), markdown.summary(report)):
        assert "no row has group = DL any more" in page.replace("&#61;", "=")
    assert ("not its rows" in html.page(report).replace("was compared, ", "")) == (not at_hand)


@pytest.mark.parametrize("at_hand", [False, True])
def test_a_drop_is_no_noise_because_the_test_part_shrank(
    tmp_path: Path, at_hand: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the few rows that are left, the interval of this worse model reaches far above zero."""
    report = cut(tmp_path, 0.35, at_hand, monkeypatch, min_test_rows=None)
    assert report.evidence.primary.high > -0.005  # by the test rows alone, it was accepted
    assert report.refused_by == ("max_drop",)
    drop = report.evidence.drop
    assert drop.high < -0.005
    if at_hand:
        assert drop.rows > 2000
        assert drop.which == "rows of both test parts that neither model was trained on"
    else:
        assert (drop.rows, drop.noise_rows) == (116, 3000)
        assert "with the noise of 3,000 rows" in next(gate.measured for gate in report.gates if gate.name == "max_drop")


@pytest.mark.parametrize("rows", [100, 400, 1600])
def test_fewer_test_rows_never_widen_the_noise_that_is_excused(tmp_path: Path, rows: int) -> None:
    declared = contract("binary", ["a"])
    new = export(tmp_path / "new", declared, 0.4)
    best = export(tmp_path / "old", declared, 0.0, OLD, metrics={"rows": 1600})
    drop = build(new, best, data("binary", ["a"], count=rows), params(), VALID).evidence.drop
    assert drop.high - drop.difference < 0.025  # as on 1,600 rows


def test_a_slice_is_no_noise_because_the_test_part_shrank(tmp_path: Path) -> None:
    declared, rows = contract("binary", ["a", "few"]), data("binary", ["a"], count=300)
    rows.loc[:24, "group"] = "few"
    rows.loc[:24, "answer"] = rows.loc[:24, "first"].rank() % 2 == 0
    new = export(tmp_path / "new", declared, 0.0)
    for before, refused in ((300, ()), (30_000, ("min_slice_score",))):
        best = export(tmp_path / f"old {before}", declared, 0.0, OLD, metrics={"rows": before})
        limits = params(min_slice_score=0.6, min_test_rows=None)
        assert build(new, best, rows, limits, VALID).refused_by == refused


@pytest.mark.parametrize(("rows", "accepted"), [(600, True), (300, True), (299, False)])
def test_test_rows_are_compared_with_those_of_the_champion(tmp_path: Path, rows: int, accepted: bool) -> None:
    declared = contract("binary", ["a"])
    new = export(tmp_path / "new", declared, 0.0)
    best = export(tmp_path / "old", declared, 0.0, OLD, metrics={"rows": 600})
    report = build(new, best, data("binary", ["a"], count=rows), params(), VALID)
    assert report.refused_by == (() if accepted else ("min_test_rows",))


# Rows


def test_rows_are_compared_by_key(monkeypatch: pytest.MonkeyPatch) -> None:
    in_dvc(monkeypatch)
    before = people(400)
    after = pd.concat([before.iloc[40:], people(20, 1).assign(id=lambda t: "new " + t["id"])], ignore_index=True)
    after.loc[5:9, "age"] += 1
    after.loc[3, "member"] = pd.NA if pd.notna(after.loc[3, "member"]) else True
    rows = change(before, after, PEOPLE, key=["id"]).rows
    assert (rows.added, rows.gone, rows.changed) == (20, 40, 6)
    assert rows.moved == 25  # the test part is the last quarter: of 400 rows, then of 380


def test_rows_without_a_key_are_compared_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    in_dvc(monkeypatch)
    before = pd.concat([people(300).iloc[:10]] * 4 + [people(300)], ignore_index=True).drop(columns="id")
    after = before.drop(index=[0, 1, 2]).reset_index(drop=True)
    columns = {name: text for name, text in PEOPLE.items() if name != "id"}
    rows = change(before, after, columns).rows
    assert (rows.added, rows.gone, rows.changed) == (0, 3, None)


def test_rows_that_either_model_was_trained_on_decide_no_drop() -> None:
    declared = contracts.contract(PEOPLE, key=["id"])
    whole = people(400)
    old, new = tables(Path("old"), whole), tables(Path("new"), whole.iloc[::-1])  # its test part is the other end
    grown = tables(Path("grown"), pd.concat([whole, people(600).iloc[400:]]))
    rows = row_change.rows(old, declared, grown, declared)
    unseen = row_change.unseen(rows, old, declared, pd.read_parquet(grown["test"]))
    assert set(unseen["id"]) == {f"p{n}" for n in range(450, 600)}  # the old test rows are in the new train part
    assert row_change.learned(rows) == 0
    rows = row_change.rows(old, declared, new, declared)
    assert len(row_change.unseen(rows, old, declared, pd.read_parquet(new["test"]))) == 0
    assert row_change.learned(rows) == 100  # the whole test part


@pytest.mark.parametrize("key", [[], ["id"]])
def test_rows_that_cannot_be_recognised_are_not_taken_for_unseen(key: list[str]) -> None:
    """Without a key, a column that changed in every row makes those that the champion has learned look new."""
    declared = contracts.contract(PEOPLE, key=key)
    old, new = tables(Path("old"), people(400)), tables(Path("new"), people(400).assign(age=33.0))
    rows = row_change.rows(old, declared, new, declared)
    assert row_change.identified(rows) == bool(key)
    assert row_change.identified(row_change.rows(old, declared, tables(Path("cut"), people(400)[:50]), declared))


def test_rows_that_the_candidate_refuses_decide_no_drop() -> None:
    declared = contracts.contract({**PEOPLE, "age": "{type: number, min: 30}", "city": "{type: category}"}, key=["id"])
    rows = people(100)
    rows.loc[:4, "city"] = None
    accepted = row_change.accepted(rows, declared)
    assert accepted.tolist() == [n > 4 and age >= 30 for n, age in enumerate(rows["age"])]


def test_the_same_data_is_the_same() -> None:
    compared = change(people(400), people(400), PEOPLE)
    assert compared.same
    assert compared.sentence == "The data has not changed: train and test part are the same."


# Columns


def test_other_rows_of_the_same_kind_are_no_shift() -> None:
    for seed in range(1, 6):
        compared = change(people(2000), people(2000, seed), PEOPLE)
        assert compared.sentence == "The data hardly changed."
        assert [column for part in compared.parts for column in part.shifted] == []


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (lambda t: t.assign(age=t["age"] + 40), "age shifted (above"),
        (
            lambda t: t.assign(city=t["city"].replace("Linz", "Wien")),
            "no row has city = Linz any more (34.2% before); city = Wien is",
        ),
        (lambda t: t.assign(age=np.nan), "age has no value any more"),
        (lambda t: t.assign(city=pd.Series(pd.NA, t.index, dtype="string")), "city has no value any more"),
        (lambda t: t.assign(y=t["y"] | (t["age"] > 50)), "y = true went from"),
        (lambda t: t.iloc[:200], "200 rows instead of 2,000 (\N{MINUS SIGN}90.0%)"),
    ],
    ids=["numbers", "a category", "no number", "no category", "target", "rows"],
)
def test_what_moved_is_in_the_sentence(moved: Any, words: str) -> None:
    assert words in change(people(2000), moved(people(2000, 1)), PEOPLE).sentence


def test_a_rare_value_that_is_absent_by_chance_is_not_called_gone() -> None:
    before = people(2000)
    before.loc[:11, "city"] = "Hof"
    assert "Hof" not in change(before, people(300, 1), PEOPLE).sentence


def test_columns_that_came_went_or_changed_their_type_are_named() -> None:
    old = contracts.contract({**PEOPLE, "gone": "{type: number}"})
    new = contracts.contract({**PEOPLE, "age": "{type: category}", "extra": "{type: number}"})
    parts = tables(Path("old"), people(200).assign(gone=1.0))
    after = tables(Path("new"), people(200).assign(age="old", extra=1.0))
    champion = Model(_Scorer(old, Path("old")), OLD, profile(parts, old))
    compared = compare(champion, Model(_Scorer(new, Path("new")), OLD), after, people(50))
    assert "extra is new; gone is gone; another type: age (number is now category)" in compared.change.sentence


@pytest.mark.parametrize("written", [None, '{"another": "format"}'])
def test_a_champion_without_a_readable_profile_is_a_sentence(tmp_path: Path, written: str | None) -> None:
    declared = contract("binary", GROUPS)
    best, parts = export(tmp_path / "best", declared, 0.0, OLD), tables(tmp_path, data("binary", GROUPS))
    if written:
        (tmp_path / "best" / FILE).write_text(written, encoding="utf-8")
    best = replace(best, profile=profile_of(best.scorer))
    candidate, rows = exported(tmp_path / "new", declared, 0.0, parts), pd.read_parquet(parts["test"])
    report = build(candidate, best, rows, params(), VALID, None, Context(compare(best, candidate, parts, rows).change))
    assert report.accepted
    assert report.evidence.data.sentence.startswith("The change of the data is unknown: the champion was exported ")
    assert "unknown: the champion was exported" in html.page(report)
    assert gate(report, "max_psi") is None


def test_a_part_that_is_not_here_is_a_note() -> None:
    declared = contracts.contract(PEOPLE)
    parts = tables(Path("old"), people(400))
    champion = Model(_Scorer(declared, Path("old")), OLD, profile(parts, declared))
    test = {"test": parts["test"]}
    compared = compare(
        champion, Model(_Scorer(declared, Path("new")), OLD), test, pd.read_parquet(parts["test"])
    ).change
    assert (compared.note, [part.name for part in compared.parts]) == ("the train part is not here", ["test"])


def test_a_category_without_rows_is_compared_as_any_other() -> None:
    columns = {**PEOPLE, "city": "{type: category, categories: [Bern, Graz, Linz, Nowhere], missing: true}"}
    assert change(people(2000), people(2000, 1), columns).sentence == "The data hardly changed."
    moved = people(2000, 1).assign(city=lambda t: t["city"].replace("Linz", "Nowhere"))
    assert "city = Nowhere is new" in change(people(2000), moved, columns).sentence


def gate(report: Report, name: str) -> bool | None:
    return next(gate.passed for gate in report.gates if gate.name == name)


def test_a_champion_of_another_contract_is_compared_by_what_both_have(tmp_path: Path) -> None:
    """It reads a column that is gone, so that it cannot be evaluated; its data still says what changed."""
    old, new = contract("binary", GROUPS, {"gone": {"type": "number"}}), contract("binary", GROUPS)
    rows = data("binary", GROUPS)
    before, after = tables(tmp_path / "a", rows.assign(gone=1.0)), tables(tmp_path / "b", rows.assign(first=9.0))
    best = exported(tmp_path / "best", old, 0.0, before, OLD)
    candidate, test = exported(tmp_path / "new", new, 0.0, after), pd.read_parquet(after["test"])
    context = Context(compare(best, candidate, after, test).change)
    report = build(candidate, best, test, params(min_score=None), VALID, None, context)
    assert gate(report, "max_drop") is None
    assert "gone is gone" in report.evidence.data.sentence
    assert "first shifted" in report.evidence.data.sentence
    page = html.page(report)
    assert "cannot be evaluated on these rows" in page
    assert '<th role="columnheader" class="number">difference</th>' not in page


def test_the_index_of_empty_columns_is_zero() -> None:
    for values in (
        pd.Series([], dtype="float64"),
        pd.Series([], dtype="string"),
        pd.Series([None] * 9, dtype="string"),
    ):
        bins = distribution(values, ["a", "b"] if values.dtype == "string" else ())
        assert shift(bins, count(values, bins)).psi == 0


@pytest.mark.parametrize(("limit", "refused"), [(None, ()), (0.3, ("max_psi",)), (50.0, ())])
def test_a_shift_refuses_a_model_only_where_a_limit_is_set(
    tmp_path: Path, limit: float | None, refused: tuple[str, ...]
) -> None:
    declared, rows = contract("binary", GROUPS), data("binary", GROUPS)
    before, after = tables(tmp_path / "a", rows), tables(tmp_path / "b", rows.assign(noise=rows["noise"] + 3))
    best = exported(tmp_path / "best", declared, 0.0, before, OLD)
    candidate, test = exported(tmp_path / "new", declared, 0.0, after), pd.read_parquet(after["test"])
    context = Context(compare(best, candidate, after, test).change)
    report = build(candidate, best, test, params(max_psi=limit), VALID, None, context)
    assert report.refused_by == refused
    assert "noise shifted" in markdown.summary(report)
    report.save(tmp_path / "review.json")
    assert Report.load(tmp_path / "review.json") == report


# DVC


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with DVC and a storage, and let it be the current folder."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.undo()
    monkeypatch.chdir(models.touch_project(folder))
    for command in (
        ["git", "init", "-q"],
        [sys.executable, "-m", "dvc", "init", "-q"],
        [sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "storage", str(tmp_path / "storage")],
    ):
        subprocess.run(command, check=True)
    return folder


def test_the_rows_of_a_champion_come_from_dvc_by_their_digest(repository: Path) -> None:
    declared = contracts.contract(PEOPLE)
    parts = tables(repository / "data", people(100))
    recorded = profile(parts, declared)
    assert champion_data.tables(recorded) == {}
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "add", "-q", *map(str, parts.values())], check=True)
    subprocess.run([*dvc, "push", "-q"], check=True)
    content = parts["train"].read_bytes()
    for path in parts.values():
        path.unlink()
    assert champion_data.tables(recorded)["train"].read_bytes() == content
    files.remove(repository / ".dvc/cache")
    assert champion_data.tables(recorded)["train"].read_bytes() == content  # from the storage
    assert not list(repository.glob("data/.champion*"))
    files.remove(repository / ".dvc/cache")
    files.remove(repository.parent / "storage")
    assert champion_data.tables(recorded) == {}
