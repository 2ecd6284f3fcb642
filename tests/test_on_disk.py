"""A project works in any folder and with any settings of make and git; where it was copied or moved, it says so."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException
from helpers.support import GENERATED, bake, run

MAKEFILE = "".join((GENERATED / name).read_text(encoding="utf-8") for name in ("Makefile", "platform/ci.mk"))
RUNS = re.findall(r"(?m)^([a-z-]+):[^\n]*\n(?:\t.*\n)*?\t.*\$\(RUN\)", MAKEFILE)
ELSEWHERE = "this project was copied, moved or renamed"
FAKE = '#!/bin/sh\nprintf "<%s>" "$@" >> "{words}"; echo >> "{words}"\n[ ! -f "{failing}" ]\n'


class Machine:
    """A project with a hollow environment, and a uv that only writes down what it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Bake the project in *folder*, whose path is as people have them."""
        self.project, self.programs = bake(folder / "a b ü #1"), folder / "pro grams"
        self.words, self.failing = folder / "words", folder / "failing"
        self.programs.mkdir()
        (self.programs / "uv").write_text(FAKE.format(words=self.words, failing=self.failing), encoding="utf-8")
        (self.programs / "uv").chmod(0o755)
        self.environment(self.project)

    def environment(self, project: Path, made_in: Path | None = None) -> Path:
        """Give *project* an environment that was made in the folder *made_in*, by default its own."""
        (project / ".venv/bin").mkdir(parents=True, exist_ok=True)
        (project / ".venv/pyvenv.cfg").touch()
        activate = f"VIRTUAL_ENV='{made_in or project}/.venv'\nexport VIRTUAL_ENV\n"
        (project / ".venv/bin/activate").write_text(activate, encoding="utf-8")
        return project

    def make(self, *words: str, cwd: Path | None = None, **environment: str) -> tuple[int, str, list[str]]:
        """Return the exit code of make, what it prints, and what uv was asked for, by line."""
        self.words.unlink(missing_ok=True)
        inherited = {name: value for name, value in os.environ.items() if name not in {"CI", "MAKEFLAGS"}}
        env = {**inherited, "PATH": f"{self.programs}:/usr/bin:/bin", **environment}
        done = subprocess.run(
            ["make", *words], cwd=cwd or self.project, env=env, check=False, capture_output=True, encoding="utf-8"
        )
        asked = self.words.read_text(encoding="utf-8").splitlines() if self.words.exists() else []
        return done.returncode, done.stdout + done.stderr, asked


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Return a machine with a project, as the last test has left it."""
    return Machine(tmp_path_factory.mktemp("machine"))


@pytest.fixture
def machine(used: Machine) -> Machine:
    """Return a machine with a project whose environment is its own."""
    used.failing.unlink(missing_ok=True)
    environment = used.project / ".venv"
    environment.unlink() if environment.is_symlink() else shutil.rmtree(environment, ignore_errors=True)
    used.environment(used.project)
    return used


def test_targets_run_one_after_the_other_whatever_makeflags_say(machine: Machine) -> None:
    code, _, asked = machine.make("all", MAKEFLAGS="-j4")
    assert code == 0
    verbs = ["<dvc><repro>", "<flight_delays><review>", "<flight_delays><register>", "<flight_delays><smoke>"]
    assert asked == [f"<run><--no-sync>{verb}" for verb in verbs]
    machine.failing.touch()
    code, _, asked = machine.make("all", MAKEFLAGS="-j4")
    assert code != 0
    assert asked == ["<run><--no-sync><dvc><repro>"], "review waits for the pipeline"


def test_a_ci_machine_pulls_what_the_pipeline_needs(machine: Machine) -> None:
    code, _, asked = machine.make("pipeline", CI="true")
    assert code == 0
    assert asked == ["<run><--no-sync><dvc><repro><--pull>"]


def test_table_is_adopted_after_the_set_up_whatever_makeflags_say(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "table.csv").write_text("a,y\n1,2\n", encoding="utf-8")
    machine.failing.touch()
    machine.words.unlink(missing_ok=True)
    monkeypatch.setenv("MAKEFLAGS", "-j4")
    monkeypatch.setenv("PATH", f"{machine.programs}:{os.environ['PATH']}")
    with pytest.raises(FailedHookException):
        bake(tmp_path / "other", data=str(tmp_path / "table.csv"), target="y")
    assert machine.words.read_text(encoding="utf-8").splitlines() == ["<sync><--quiet>"]


@pytest.mark.parametrize("target", RUNS)
def test_target_runs_in_a_folder_with_blanks_and_not_with_the_environment_of_another(
    target: str, machine: Machine
) -> None:
    code, said, asked = machine.make(target, CI="", STEP="register")
    assert code == 0, said
    assert asked
    assert all(words.count("<") == words.count(">") and "<a>" not in words for words in asked)
    for made_in in (machine.project.parent / "original", machine.project.parent):
        made_in.mkdir(exist_ok=True)
        machine.environment(made_in)
        machine.environment(machine.project, made_in)
        code, said, asked = machine.make(target, CI="", STEP="register")
        assert (code, asked) == (2, [])
        assert re.search(rf"{ELSEWHERE}.*: run `make setup` first", said)
    machine.environment(machine.project, Path("/no such folder"))
    assert ELSEWHERE in machine.make(target, CI="", STEP="register")[1]


def test_set_up_makes_a_new_environment_where_the_one_there_is_of_another_folder(machine: Machine) -> None:
    sync, clear = "<sync><--quiet>", "<venv><--quiet><--clear>"
    assert machine.make("setup", CI="1")[2] == [sync]
    machine.environment(machine.project, machine.project.parent / "original")
    assert machine.make("setup", CI="1")[2] == [clear, sync]
    shutil.rmtree(machine.project / ".venv")
    assert machine.make("setup", CI="1")[2] == [sync]


def test_environment_may_be_a_link_or_anywhere(machine: Machine, tmp_path: Path) -> None:
    elsewhere = machine.environment(tmp_path / "scratch" / "else where")
    shutil.rmtree(machine.project / ".venv")
    assert machine.make("test", UV_PROJECT_ENVIRONMENT=str(elsewhere / ".venv"))[0] == 0
    assert "there is no environment yet" in machine.make("test")[1]
    (machine.project / ".venv").symlink_to(elsewhere / ".venv")
    assert machine.make("test")[0] == 0


def test_worktree_leaves_the_hooks_of_the_main_checkout_alone(machine: Machine, tmp_path: Path) -> None:
    main, hook = machine.project, machine.project / ".git/hooks/pre-commit"
    install = "<run><--no-sync><pre-commit><install><--allow-missing-config>"
    tree = tmp_path / "work tree"
    run("git", "worktree", "add", "--quiet", "-b", "other", str(tree), cwd=main)
    machine.environment(tree)
    assert machine.make("hooks", cwd=tree)[2] == [install], "there are none yet"
    python = tmp_path / "a b/python"
    python.parent.mkdir()
    python.symlink_to("/bin/sh")
    hook.write_text(f"#!/bin/sh\nINSTALL_PYTHON='{python}'\n", encoding="utf-8")
    assert machine.make("hooks", cwd=tree)[2] == []
    assert machine.make("hooks", cwd=main)[2] == [install], "they are its own"
    python.unlink()
    assert machine.make("hooks", cwd=tree)[2] == [install], "their environment is gone"


@pytest.mark.nightly
def test_copy_writes_nothing_into_its_original_and_is_set_up_again(baked: Path, tmp_path: Path) -> None:
    copy, moved = tmp_path / "copy", tmp_path / "moved"
    shutil.copytree(baked, copy, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    run("cp", "--archive", "--link", str(baked / ".venv"), str(copy), cwd=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in baked.rglob("*") if ".venv" not in path.parts}
    for program, words in {"flight_delays": ["history"], "python": ["-m", "pytest", "-q"]}.items():
        done = subprocess.run(
            [copy / ".venv/bin" / program, *words], cwd=copy, check=False, capture_output=True, encoding="utf-8"
        )
        assert done.returncode != 0
        assert "this environment runs the code of another project" in done.stdout + done.stderr
    copy.rename(moved)
    with pytest.raises(AssertionError, match=ELSEWHERE):
        run("make", "history", cwd=moved)
    run("make", "setup", cwd=moved)
    assert "no version was promoted yet" in run("make", "history", cwd=moved)
    code = "import json, mlgitops, sys; print(json.dumps([mlgitops.__file__, sys.prefix]))"
    first = (moved / ".venv/bin/dvc").read_text(encoding="utf-8").splitlines()[0]
    for python in (moved / ".venv/bin/python", Path(first.removeprefix("#!"))):
        assert all(place.startswith(str(moved)) for place in json.loads(run(str(python), "-c", code, cwd=moved)))
    run("git", "commit", "--quiet", "--allow-empty", "-m", "Hooks work", cwd=moved)
    after = {path: path.stat().st_mtime_ns for path in baked.rglob("*") if ".venv" not in path.parts}
    assert after == before
