"""What a user gives to make never becomes a command: it reaches recipes in the environment, and quoted."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from helpers.support import GENERATED, TEMPLATE, bake

MAKEFILES = {path: path.read_text(encoding="utf-8") for path in (
    TEMPLATE / "Makefile", GENERATED / "Makefile", GENERATED / "platform/ci.mk",
)}  # fmt: skip
# set by the machine, not by a user
OF_MAKE = {"CI", "GITHUB_ACTIONS", "GITHUB_EVENT_NAME", "GITHUB_REPOSITORY", "GITHUB_STEP_SUMMARY", "PATH", "PWD"}
NO_ARGUMENTS = {
    "REFRESH",
    "REGISTRY_PASSWORD",
    "STEP",
    "WORKERS",
}  # compared with a word or a pattern; from standard input
VARIABLE = re.compile(r"\$\$\{?([A-Z][A-Z_]*)")


def recipes(makefile: str) -> list[str]:
    """Return the lines of all recipes, each with those that continue it and the parts that it shares with others."""
    return re.findall(r"(?m)^\t(.*)$", expanded(makefile))


def expanded(makefile: str) -> str:
    """Return a makefile in which each variable that holds a part of a recipe is replaced by that part."""
    text = makefile.replace("\\\n", " ")
    for name, part in re.findall(r"(?m)^([A-Z]+) :?= (.*\$\$.*)$", text):
        text = text.replace(f"$({name})", part)
    return text


def inputs(makefile: str) -> list[str]:
    """Return the variables that a makefile lists as those of its users."""
    return [name for line in re.findall(r"(?m)^INPUTS [:+]= (.*)$", makefile) for name in line.split()]


OF_PROJECT = inputs(MAKEFILES[GENERATED / "Makefile"])
OF_TEMPLATE = inputs(MAKEFILES[TEMPLATE / "Makefile"])
INPUTS = {path: OF_TEMPLATE if path == TEMPLATE / "Makefile" else OF_PROJECT for path in MAKEFILES}


def unsafe(line: str, names: list[str]) -> list[str]:
    """Return which of the users' variables *names* a line of a recipe holds unquoted, or expanded by make."""
    expanded = [name for name in names if f"$({name})" in line or re.search(rf"(?<!\$)\${{{name}}}", line)]
    bare = re.sub(r'"[^"]*"', '""', line)  # what is between double quotes reaches the program as one word
    bare = re.sub(r"\$\$\{[A-Z_]+:\+", "", bare)  # whether the variable is set, not what it holds
    return expanded + VARIABLE.findall(bare)


@pytest.mark.parametrize("path", MAKEFILES, ids=lambda path: path.relative_to(TEMPLATE).as_posix())
def test_recipe_quotes_every_variable_of_a_user(path: Path) -> None:
    lines = recipes(MAKEFILES[path])
    assert lines
    assert not [(line, names) for line in lines if (names := unsafe(line, INPUTS[path]))]
    used = {name for line in lines for name in VARIABLE.findall(line)}
    assert used - OF_MAKE <= {*INPUTS[path]}


@pytest.mark.parametrize(
    "line", ["promote $(VERSION)", "promote ${VERSION}", "promote $$VERSION", "promote $${VERSION:+$$VERSION}",
             'promote "$(VERSION)"', "promote '$(VERSION)'", 'echo "a" $$DATA "b"'],
)  # fmt: skip
def test_unsafe_recipe_is_found(line: str) -> None:
    assert unsafe(line, OF_PROJECT)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a baked project with a hollow environment."""
    made = bake(tmp_path_factory.mktemp("recipes"))
    (made / ".venv").mkdir()
    (made / ".venv/pyvenv.cfg").touch()
    return made


def test_a_target_before_the_set_up_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(["make", "all"], cwd=bake(tmp_path), check=False, capture_output=True, encoding="utf-8")
    assert done.returncode != 0
    assert "there is no environment yet: run `make setup` first" in done.stderr


def target_of(name: str, paths: list[Path]) -> str:
    """Return a target of one of these makefiles whose recipe uses the input *name*."""
    for path in paths:
        for target, recipe in re.findall(r"(?m)^([a-z-]+):[^\n]*\n((?:\t.*\n)+)", expanded(MAKEFILES[path])):
            if re.search(rf"\$\$\{{?{name}\b", recipe):
                return str(target)
    pytest.fail(f"no recipe uses {name}")


ATTACKS = ["--eval=$(shell touch X)", "SHELL=touch X;", "0; touch X #", "$(shell touch X)", "`touch X`", "$$(touch X)",
           '"; touch X; "', "0' ; touch X ; '"]  # fmt: skip


@pytest.mark.parametrize("given", ["as an argument", "in the environment"])
@pytest.mark.parametrize(
    ("name", "of_template"), [*((name, False) for name in OF_PROJECT), *((name, True) for name in OF_TEMPLATE)]
)
def test_value_of_a_user_is_never_run(name: str, of_template: bool, given: str, project: Path, tmp_path: Path) -> None:
    target = target_of(name, [path for path in MAKEFILES if (path.parent == TEMPLATE) == of_template])
    for program in ("cosign", "gh", "git", "python", "uv"):
        (tmp_path / program).write_text(f'#!/bin/sh\nprintf "<%s>" "$@" >> "{tmp_path}/words"\n', encoding="utf-8")
        (tmp_path / program).chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    command = ["make", "-f", str(TEMPLATE / "Makefile"), "-o", ".venv/installed"] if of_template else ["make"]
    folder = tmp_path / "here" if of_template else project
    folder.mkdir(exist_ok=True)
    for value in ATTACKS:
        words, environment = ([f"{name}={value}"], {}) if given == "as an argument" else ([], {name: value})
        subprocess.run(
            [*command, target, *words], cwd=folder, check=False, capture_output=True,
            env={**os.environ, **environment, "PATH": path},
        )  # fmt: skip
        assert not list(folder.rglob("X")), value
        record = tmp_path / "words"
        assert name in NO_ARGUMENTS or value in record.read_text(encoding="utf-8"), "it arrives as it is"
        record.unlink(missing_ok=True)


CLOUDS = {"AWS": "aws", "oauth2accesstoken": "gcloud", "00000000-0000-0000-0000-000000000000": "az", "ada": None}


@pytest.mark.parametrize("user", CLOUDS)
@pytest.mark.parametrize("working", [True, False])
def test_the_password_of_a_clouds_registry_is_that_of_the_login(user: str, working: bool, tmp_path: Path) -> None:
    program = CLOUDS[user]
    scripts = {name: "echo stray" for name in CLOUDS.values() if name}
    if program:
        scripts[program] = "echo from-the-login" if working else "exit 1"
    for name, script in {**scripts, "cosign": 'echo "$@" "$(cat)"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    variables = {"REGISTRY": "registry.example.org/a/b", "REGISTRY_USER": user, "REGISTRY_PASSWORD": "from-a-secret"}
    path = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", "--silent", "-f", "platform/ci.mk", "login"]
    done = subprocess.run(
        command, cwd=GENERATED, env=os.environ | path | variables, capture_output=True, encoding="utf-8", check=False
    )
    if working or not program:
        password = "from-the-login" if program else "from-a-secret"
        assert done.stdout == f"login registry.example.org --username {user} --password-stdin {password}\n"
    else:
        assert done.returncode
        assert done.stdout == ""
