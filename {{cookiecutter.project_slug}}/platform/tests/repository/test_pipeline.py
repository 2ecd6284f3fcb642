"""dvc.yaml is complete and no more than that: what a stage reads, the order of stages, and what git ignores."""

import ast
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.imports import PACKAGE, closure, room
from helpers.repository import ROOT, package, read

from mlgitops.cli import VERBS
from mlgitops.contract.params import Params

PIPELINE: dict[str, Any] = yaml.safe_load(read("dvc.yaml"))
STAGES: dict[str, Any] = PIPELINE["stages"]
ORDER = ["ingest", "validate", "split", "train", "evaluate", "export"]
OWN = {  # the owner's files that a stage reads besides ingest.source
    "train": {"features.py", "model.py"},
    "evaluate": {"features.py"},
    "export": {"features.py", "model.py"},
}
PLATFORM = "${platform}/"
WHOLE = {"train", "export"}  # record all settings that made the model


def module(stage: str) -> Path:
    """Return the file of the module that a stage runs."""
    verb = re.fullmatch(rf"{package()} (\w+) .*", STAGES[stage]["cmd"])
    assert verb, STAGES[stage]["cmd"]
    return PACKAGE.joinpath(*VERBS[verb[1]][0].split(".")).with_suffix(".py")


def entries(stage: str, *kinds: str) -> list[str]:
    """Return the paths or parameters that a stage lists, with and without options."""
    listed = [entry for kind in kinds for entry in STAGES[stage].get(kind, [])]
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in listed]


def test_the_stages_are_the_verbs_in_their_order() -> None:
    assert [stage for stage in STAGES if stage in ORDER] == ORDER
    assert [module(stage).stem for stage in ORDER] == ORDER
    assert len(read("dvc.yaml").splitlines()) <= 80


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_depends_on_every_folder_that_it_imports_from_and_on_no_other(stage: str) -> None:
    folders = {path.removeprefix(PLATFORM) for path in entries(stage, "deps") if path.startswith(PLATFORM)}
    assert folders == {room(path) for path in closure(module(stage))} - {""}
    assert (ROOT / PIPELINE["vars"][0]["platform"] / "cli.py").is_file()


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_depends_on_the_files_of_the_owner_that_it_reads_and_on_no_other(stage: str) -> None:
    own = {Path(path).name for path in entries(stage, "deps") if path.startswith("src/")}
    assert own == OWN.get(stage, set())
    assert ("${ingest.source}" in entries(stage, "deps")) == (stage == "ingest")
    code = "".join(path.read_text(encoding="utf-8") for path in closure(module(stage)))
    assert "model.py" not in own or "project.MODEL" in code
    assert own == set() or "Contract.of_project()" in module(stage).read_text(encoding="utf-8")


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_depends_on_every_file_that_its_command_names(stage: str) -> None:
    named = [word for word in STAGES[stage]["cmd"].split()[2:] if "/" in word]
    known = entries(stage, "deps", "outs", "metrics", "plots")
    assert {word for word in named if word not in known} <= {"reports/data_docs"}  # it has the time in it
    text = module(stage).read_text(encoding="utf-8")
    assert ("contract.yaml" in known) == ("contract.yaml" in text or "Contract.of_project()" in text)


def test_every_stage_reads_only_what_an_earlier_one_has_made() -> None:
    made: set[str] = set()
    for stage in ORDER:
        for path in entries(stage, "deps"):
            assert path in made or path.startswith(("src/", "${")) or path == "contract.yaml", (stage, path)
        outs = entries(stage, "outs", "metrics", "plots")
        assert not made & set(outs)
        made |= set(outs)


def test_what_must_come_first_does() -> None:
    assert "reports/validation.json" in entries("split", "deps")  # nothing is learned from a table that is not valid
    readers = {stage for stage in ORDER if "data/test.parquet" in entries(stage, "deps")}
    assert readers == {"evaluate", "export"}  # what training has seen is no test
    for before, after in pairwise(["train", "evaluate", "export"]):
        assert set(entries(before, "outs", "metrics")) & set(entries(after, "deps"))


def settings(path: Path) -> set[str]:
    """Return the sections of params.yaml that a module reads as `params.SECTION` or of `Params.load(...).SECTION`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in Params.model_fields:
            owner = ast.unparse(node.value)
            names |= {node.attr} if owner == "params" or owner.startswith("Params.load(") else set()
    return names


@pytest.mark.parametrize("stage", ORDER)
def test_a_stage_lists_every_section_of_params_that_it_reads_and_no_other(stage: str) -> None:
    listed = {key.split(".")[0] for key in entries(stage, "params")}
    files = [path for path in closure(module(stage)) if "Params" in path.read_text(encoding="utf-8")]
    needed = set().union(*(settings(path) for path in files))
    assert needed <= listed
    everything = Params.model_fields.keys() - {"review", "image", "monitor", "retrain", "tune"}
    assert listed <= (everything if stage in WHOLE else needed)
    assert stage != "export" or listed == everything  # the manifest says how the model was made


def test_every_section_of_params_belongs_to_a_stage_or_to_what_follows() -> None:
    sections = {key.split(".")[0] for stage in ORDER for key in entries(stage, "params")}
    assert sections == Params.model_fields.keys() - {"image", "review", "monitor", "retrain", "tune"}


def test_git_ignores_what_the_pipeline_makes_and_keeps_what_it_needs(tmp_path: Path) -> None:
    made = [path for stage in ORDER for path in entries(stage, "outs", "metrics", "plots")]
    made.append("reports/data_docs/index.html")
    kept = [path for stage in ORDER for path in entries(stage, "deps") if path.startswith("src/")]
    kept += ["contract.yaml", "params.yaml", "dvc.yaml", "dvc.lock", "uv.lock", "platform/src/mlgitops/cli.py"]
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    ignored = subprocess.run(["git", "check-ignore", *made, *kept], cwd=tmp_path, capture_output=True, text=True)
    assert sorted(ignored.stdout.split()) == sorted(made)


def test_plots_are_drawn_from_files_that_evaluate_writes() -> None:
    outs = entries("evaluate", "outs", "plots")
    drawn = [path for plot in PIPELINE["plots"] for what in plot.values() for axis in "xy" for path in what[axis]]
    assert drawn
    assert all(any(path.startswith(f"{out}/") for out in outs) for path in drawn)
