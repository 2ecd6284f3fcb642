"""dvc.yaml says the truth: what a stage reads, in which order stages run, and what git need not keep."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlgitops
from mlgitops.contract.params import Params

PACKAGE = Path(mlgitops.__file__).parent
PIPELINE: dict[str, Any] = yaml.safe_load((samples.ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES: dict[str, Any] = PIPELINE["stages"]
TELL = {"train"}  # hands all settings to MLflow, as what the run was asked; the files that it makes follow from its own
ORDER = ["ingest", "validate", "split", "train", "evaluate", "export"]


def module(stage: str) -> str:
    """Return the module that *stage* runs."""
    found = re.fullmatch(rf"{PACKAGE.name} (\w+) .*", STAGES[stage]["cmd"])
    assert found, STAGES[stage]["cmd"]
    return found[1]


def entries(stage: str, *kinds: str) -> list[str]:
    """Return the paths or parameters that *stage* lists, with and without options."""
    listed = [entry for kind in kinds for entry in STAGES[stage].get(kind, [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in listed]


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))


@cache
def imported(name: str) -> frozenset[str]:
    """Return the modules of the package that module *name* names in imports, also those inside functions."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    return frozenset(found)


def needed(name: str) -> set[str]:
    """Return module *name* and all that it imports, directly or not."""
    found, left = set(), [name]
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left += imported(one)
    return found


def test_the_stages_are_the_verbs_in_their_order() -> None:
    assert [stage for stage in STAGES if stage in ORDER] == ORDER
    assert [module(stage) for stage in ORDER] == ORDER


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_depends_on_every_module_that_it_imports_and_on_no_other(stage: str) -> None:
    listed = {path for path in entries(stage, "deps") if path.startswith("src/")}
    assert listed == {f"src/{PACKAGE.name}/{name}.py" for name in needed(module(stage))}
    assert entries(stage, "deps") == sorted(entries(stage, "deps"), key=lambda path: (path != "${ingest.source}", path))


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_depends_on_every_file_that_its_command_names(stage: str) -> None:
    named = [word for word in STAGES[stage]["cmd"].split()[3:] if "/" in word]
    known = entries(stage, "deps", "outs", "metrics", "plots")
    assert {word for word in named if word not in known} <= {
        "reports/data_docs"
    }  # only to look at, with its time in it
    reads_contract = any(
        isinstance(n, ast.Constant) and n.value == "contract.yaml" for n in ast.walk(tree(module(stage)))
    )
    assert ("contract.yaml" in known) == reads_contract


def test_every_stage_reads_only_what_an_earlier_one_has_made() -> None:
    made: set[str] = set()
    for stage in ORDER:
        for path in entries(stage, "deps"):
            assert path in made or path.startswith(("src/", "${")) or path == "contract.yaml", (stage, path)
        outs = entries(stage, "outs", "metrics", "plots")
        assert not made & set(outs)
        made |= set(outs)


def test_what_must_come_first_does() -> None:
    assert "reports/validation.json" in entries(
        "split", "deps"
    )  # nothing is learned from a table that is not validated
    readers = {stage for stage in ORDER if "data/test.parquet" in entries(stage, "deps")}
    assert readers == {"evaluate", "export"}  # what training has seen is no test
    for before, after in pairwise(["train", "evaluate", "export"]):
        assert set(entries(before, "outs", "metrics")) & set(entries(after, "deps"))


def names_of_params(function: ast.FunctionDef) -> set[str]:
    """Return the names that hold the whole of params.yaml in *function*."""
    every = [*function.args.args, *function.args.kwonlyargs]
    names = {a.arg for a in every if isinstance(a.annotation, ast.Name) and a.annotation.id == "Params"}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
            both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
            pairs = zip(target.elts, value.elts, strict=True) if both else [(target, value)]
            names |= {to.id for to, what in pairs if isinstance(to, ast.Name) and is_load(what)}
    return names


def is_load(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "Params.load"


def read(name: str, function: str) -> Iterator[str]:
    """Yield the parameters that a function of module *name* reads, itself or in functions that it hands them to."""
    (found,) = (n for n in tree(name).body if isinstance(n, ast.FunctionDef) and n.name == function)
    names = names_of_params(found)

    def whole(node: ast.AST) -> bool:
        return is_load(node) or (isinstance(node, ast.Name) and node.id in names)

    inner: set[ast.AST] = set()
    for node in ast.walk(found):
        if isinstance(node, ast.Attribute) and node not in inner:
            keys = [node.attr]
            below = node.value
            while isinstance(below, ast.Attribute):
                inner.add(below)
                keys, below = [below.attr, *keys], below.value
            if whole(below) and keys[0] in Params.model_fields:
                yield ".".join(keys[:2])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and whole(node.func.value):
            left_out = next((ast.literal_eval(k.value) for k in node.keywords if k.arg == "exclude"), set())
            if node.func.attr == "model_dump" and name not in TELL:
                yield from Params.model_fields.keys() - left_out
        if isinstance(node, ast.Call) and any(isinstance(a, ast.Name) and a.id in names for a in node.args):
            called = ast.unparse(node.func).split(".")
            if len(called) == 2 and called[0] in imported(name):
                yield from read(*called)
            elif len(called) == 1 and any(
                isinstance(n, ast.FunctionDef) and n.name == called[0] for n in tree(name).body
            ):
                yield from read(name, called[0])


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_lists_every_parameter_that_it_reads_and_no_other(stage: str) -> None:
    listed = set(entries(stage, "params"))
    needs = set(read(module(stage), "main"))

    def covers(one: str, other: str) -> bool:
        return other == one or other.startswith(f"{one}.")

    assert [key for key in needs if not any(covers(one, key) for one in listed)] == []
    assert [one for one in listed if not any(covers(one, key) or covers(key, one) for key in needs)] == []


def test_every_section_of_params_belongs_to_a_stage_or_to_the_review() -> None:
    sections = {key.split(".")[0] for stage in ORDER for key in entries(stage, "params")}
    assert sections <= Params.model_fields.keys()
    assert Params.model_fields.keys() - sections <= {"image", "review", "monitor", "serve", "service"}


def test_git_ignores_what_the_pipeline_makes_and_keeps_what_it_needs(tmp_path: Path) -> None:
    made = [path for stage in ORDER for path in entries(stage, "outs", "metrics", "plots")] + [
        "reports/data_docs/index.html"
    ]
    kept = [path for stage in ORDER for path in entries(stage, "deps") if path.startswith("src/")]
    kept += ["contract.yaml", "params.yaml", "dvc.yaml", "dvc.lock", "uv.lock"]
    shutil.copy(samples.ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    answer = subprocess.run(["git", "check-ignore", *made, *kept], cwd=tmp_path, capture_output=True, text=True)
    assert sorted(answer.stdout.split()) == sorted(made)


def test_plots_are_drawn_from_files_that_evaluate_writes() -> None:
    outs = entries("evaluate", "outs", "plots")
    drawn = [path for plot in PIPELINE["plots"] for what in plot.values() for axis in "xy" for path in what[axis]]
    assert drawn
    assert all(any(path.startswith(f"{out}/") for out in outs) for path in drawn)
