"""What changed between two contracts, and whether callers of the service break by it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from helpers import contracts
from pydantic import TypeAdapter, ValidationError

from mlgitops.contract.contract import Contract
from mlgitops.contract.diff import changes
from mlgitops.contract.row_schema import request_model
from mlgitops.contract.synthetic import example_rows
from mlgitops.data.contract_diff import main

BASE: dict[str, str] = {
    "n": "{type: number, min: 0, max: 10}",
    "i": "{type: integer, min: 0, max: 9}",
    "c": "{type: category, categories: [a, b]}",
    "o": "{type: category, missing: 0.2}",
    "d": "{type: date, min: 2020-01-01}",
}
GONE = "removed: requests that contain it are refused"
CHANGES = {  # column -> its new entry (None where it goes), what is said, whether it breaks callers
    "wider range": ("n", "{type: number, min: -1, max: 11}", ["min 0.0 became -1.0", "max 10.0 became 11.0"], False),
    "open range": ("n", "{type: number}", ["min 0.0 became none", "max 10.0 became none"], False),
    "higher min": ("n", "{type: number, min: 1, max: 10}", ["min 0.0 became 1.0"], True),
    "lower max": ("n", "{type: number, min: 0, max: 9}", ["max 10.0 became 9.0"], True),
    "later min": ("d", "{type: date, min: 2021-01-01}", ["min 2020-01-01 00:00:00 became 2021-01-01 00:00:00"], True),
    "whole numbers only": ("n", "{type: integer, min: 0, max: 10}", ["type number became integer"], True),
    "broken numbers too": ("i", "{type: number, min: 0, max: 9}", ["type integer became number"], False),
    "a clock too": ("d", "{type: datetime, min: 2020-01-01}", ["type date became datetime"], False),
    "another type": ("c", "{type: boolean}", ["type category became boolean", "every value is allowed"], True),
    "fewer values": ("c", "{type: category, categories: [a]}", ["no longer allowed: b"], True),
    "more values": ("c", "{type: category, categories: [a, b, z]}", ["now allowed: z"], False),
    "any value": ("c", "{type: category}", ["every value is allowed"], False),
    "only some values": ("o", "{type: category, missing: 0.2, categories: [x]}", ["now limited to x"], True),
    "required": ("o", "{type: category}", ["may no longer be missing"], True),
    "optional": ("n", "{type: number, min: 0, max: 10, missing: true}", ["may be missing"], False),
    "more missing": ("o", "{type: category, missing: 0.5}", ["largest share of missing values: 0.2 became 0.5"], False),
    "described": ("c", "{type: category, categories: [a, b], description: x}", ["description: none became x"], False),
    "removed": ("c", None, [GONE], True),
    "ignored": ("c", "{type: text, ignore: old}", [GONE], True),
    "new and required": ("new", "{type: number}", ["new number, required in every request"], True),
    "new and optional": ("new", "{type: number, missing: true}", ["new optional number"], False),
    "new and ignored": ("new", "{type: text, ignore: a}", ["changed in the data; requests do not contain it"], False),
}  # fmt: skip


def changed(what: str) -> Contract:
    """Return the contract of `BASE` with one of `CHANGES`."""
    column, entry, _, _ = CHANGES[what]
    return contracts.contract({name: one for name, one in (BASE | {column: entry}).items() if one is not None})


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_named_and_judged(what: str) -> None:
    column, _, said, breaking = CHANGES[what]
    found = changes(contracts.contract(BASE), changed(what))
    assert {change.where for change in found} == {column}
    assert [change.what for change in found] == said
    assert any(change.breaking for change in found) == breaking


@pytest.mark.parametrize("what", [what for what in CHANGES if not CHANGES[what][3]])
def test_what_breaks_nobody_lets_every_old_request_pass(what: str) -> None:
    request = TypeAdapter(request_model(changed(what)))
    for row in example_rows(contracts.contract(BASE), 50):
        request.validate_python(row)


@pytest.mark.parametrize("what", [what for what in CHANGES if CHANGES[what][3]])
def test_what_breaks_somebody_refuses_an_old_request(what: str) -> None:
    request = TypeAdapter(request_model(changed(what)))
    rows = [{"n": n, "i": 1, "c": c, "d": "2020-06-01"} for n in (0, 0.5, 10) for c in ("a", "b")]
    rows += [row | {"o": "y"} for row in rows]

    def refused(row: dict[str, Any]) -> bool:
        try:
            request.validate_python(row)
        except ValidationError:
            return True
        return False

    assert any(map(refused, rows))
    assert not any(TypeAdapter(request_model(contracts.contract(BASE))).validate_python(row) is None for row in rows)


@pytest.mark.parametrize(
    ("before", "after", "breaking"),
    [("", ", zone: UTC", False), (", zone: UTC", ", zone: Europe/Vienna", True), (", zone: UTC", "", True)],
)
def test_a_zone_that_changes_or_goes_breaks_callers_that_send_one(before: str, after: str, breaking: bool) -> None:
    old, new = (contracts.contract({"t": "{type: datetime" + zone + "}"}) for zone in (before, after))
    assert [(change.where, change.breaking) for change in changes(old, new)] == [("t", breaking)]


@pytest.mark.parametrize(("before", "after", "breaking"), [("[]", "[lower]", False), ("[trim, lower]", "[trim]", True)])
def test_normalizing_less_breaks_callers_that_rely_on_it(before: str, after: str, breaking: bool) -> None:
    old, new = (contracts.contract({"c": f"{{type: category, normalize: {steps}}}"}) for steps in (before, after))
    assert [(change.where, change.breaking) for change in changes(old, new)] == [("c", breaking)]


def test_answers_that_mean_something_else_break_callers() -> None:
    low = contracts.contract(BASE, "multiclass")
    answers = low.columns["y"].model_copy(update={"categories": ("low", "mid", "top")})
    high = low.model_copy(update={"columns": low.columns | {"y": answers}})
    assert [(c.where, c.breaking) for c in changes(low, high)] == [("classes", True), ("y", False)]
    other = changes(contracts.contract(BASE), contracts.contract(BASE, "regression"))
    assert ("task", True) in [(c.where, c.breaking) for c in other]


def test_contracts_that_are_the_same_have_no_change() -> None:
    assert changes(contracts.contract(BASE), contracts.contract(BASE)) == []


def write(contract: Contract) -> None:
    """Write contract.yaml here."""
    text = yaml.safe_dump(contract.model_dump(mode="json", exclude_none=True, exclude_defaults=True))
    Path("contract.yaml").write_text(text, encoding="utf-8")


def test_the_command_compares_commits_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def git(*words: str) -> None:
        identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *identity, *words], check=True, capture_output=True)

    git("init")
    for contract in (contracts.contract(BASE), changed("more values")):
        write(contract)
        git("add", "contract.yaml")
        git("commit", "--message", "contract")
    runner = CliRunner()
    assert "compatible      c: now allowed: z\n" in runner.invoke(main).output
    assert runner.invoke(main, ["HEAD"]).output == "no change\n"
    assert runner.invoke(main, ["HEAD~1", "HEAD", "--check"]).exit_code == 0
    back = runner.invoke(main, ["HEAD", "HEAD~1", "--check"])
    assert back.exit_code == 1
    assert "breaks callers  c: no longer allowed: z\n1 changes, 1 of which break callers" in back.output
    assert runner.invoke(main, ["HEAD", "HEAD~1"]).exit_code == 0
    write(changed("removed"))
    assert runner.invoke(main, ["HEAD", "contract.yaml", "--check"]).exit_code == 1
    absent = runner.invoke(main, ["v9", "contract.yaml"])
    assert (absent.exit_code, "v9: no such file, and no git revision with a contract.yaml" in absent.output) == (
        1,
        True,
    )


def test_the_command_compares_the_rows_of_the_table_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    columns = {"id": "{type: integer}", "n": "{type: number, missing: true}"}
    write(contracts.contract(columns, key=["id"]))
    settings = (contracts.EXAMPLE / "params.yaml").read_text(encoding="utf-8")
    Path("params.yaml").write_text(settings.replace("src/example/dataset.py", "data/t.csv"), encoding="utf-8")
    Path("data").mkdir()

    def table(*lines: str) -> None:
        Path("data/t.csv").write_text("\n".join(["id,n,y", *lines, ""]), encoding="utf-8")
        run(sys.executable, "-m", "dvc", "add", "--quiet", "data/t.csv")

    def run(*words: str) -> None:
        subprocess.run(words, check=True, capture_output=True)

    runner = CliRunner()
    run("git", "init")
    run(sys.executable, "-m", "dvc", "init", "--quiet")
    table("1,1,yes", "2,2,no", "3,3,yes")
    run("git", "add", ".")
    run("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--message", "table")
    assert runner.invoke(main, ["HEAD"]).output == "no change\nrows: data/t.csv: the same table\n"
    table("1,1.0,yes", "2,,no", "4,4,no", "5,4,no")
    assert runner.invoke(main, ["HEAD"]).output == (
        "no change\nrows: data/t.csv: 3 became 4: 2 added, 1 changed, 1 gone\n  id 2: n 2 became nothing\n"
    )
    write(contracts.contract({**columns, "new": "{type: number}"}, key=["id"]))
    assert "rows: not compared: data/t.csv at HEAD: has no column 'new'" in runner.invoke(main, ["HEAD"]).output
    assert "rows" not in runner.invoke(main, ["HEAD", "HEAD"]).output


@pytest.mark.parametrize(
    ("before", "after", "breaking"),
    [
        ("{type: number}", "{type: number, unit: EUR}", False),
        ("{type: number, unit: EUR}", "{type: number}", True),
        ("{type: number, unit: EUR}", "{type: number, unit: kg}", True),
        ("{type: date, format: '%d.%m.%Y'}", "{type: date}", True),
        ("{type: category}", "{type: category, na_values: []}", False),
    ],
)
def test_a_spelling_that_is_no_longer_read_breaks_callers_that_send_it(before: str, after: str, breaking: bool) -> None:
    (change,) = changes(contracts.contract({"c": before}), contracts.contract({"c": after}))
    assert change.breaking == breaking
