"""At a terminal, the reason of a refusal is the last thing to read; for a program, cookiecutter fails as always."""

import ast
import os
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest
from helpers.support import TEMPLATE

BAD = "project_slug=Bad Slug"
ENDING = {"stop", "at_terminal", "command"}  # functions that both hooks have


def at_terminal(*command: str, cwd: Path) -> tuple[int, list[str]]:
    """Return the exit code of a command that is run at a terminal, and the lines that are not empty."""
    terminal, end = os.openpty()
    interruptible = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a machine may run tests without
    with subprocess.Popen(command, cwd=cwd, stdin=end, stdout=end, stderr=end, preexec_fn=interruptible) as process:
        os.close(end)
        output = b""
        while part := _read(terminal):
            output += part
    os.close(terminal)
    return process.returncode, [line for line in output.decode().replace("\r", "").split("\n") if line]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 10_000)
    except OSError:  # Linux: no process has it open any more
        return b""


def test_reason_is_the_last_thing_to_read_at_a_terminal(tmp_path: Path) -> None:
    code, lines = at_terminal("cookiecutter", "--no-input", "--default-config", str(TEMPLATE), BAD, cwd=tmp_path)
    assert code == 1
    *reasons, last = lines
    assert [line.partition(":")[0] for line in reasons] == ["project_slug", "package_name"]
    assert last == "Aborted!"
    assert not list(tmp_path.iterdir())


def test_reason_is_the_last_thing_to_read_with_cruft(tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(TEMPLATE / "hooks", template / "hooks")
    shutil.copy(TEMPLATE / "cookiecutter.json", template)
    (template / "{{cookiecutter.project_slug}}").mkdir()
    (template / "{{cookiecutter.project_slug}}/README.md").touch()
    for words in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "-m", "Start")):
        subprocess.run(("git", *words), cwd=template, check=True)
    code, lines = at_terminal("cruft", "create", "--no-input", str(template),
                              "--extra-context", '{"project_slug": "Bad Slug"}', cwd=tmp_path)  # fmt: skip
    assert code != 0
    assert [line.partition(":")[0] for line in lines] == ["project_slug", "package_name"]
    assert list(tmp_path.iterdir()) == [template]


@pytest.mark.parametrize("option", ["--overwrite-if-exists", "--keep-project-on-failure", "-vf"])
def test_folder_that_may_be_somebodys_is_left_to_cookiecutter(option: str, tmp_path: Path) -> None:
    folder = tmp_path / "Bad Slug"
    folder.mkdir()
    (folder / "mine").touch()
    command = ("cookiecutter", "-f", option, "--no-input", "--default-config", str(TEMPLATE), BAD)
    code, lines = at_terminal(*command, cwd=tmp_path)
    assert code == 1
    assert lines[-1] == "Hook script failed (exit status: 1)"
    assert (folder / "mine").is_file()


def test_program_that_reads_the_output_sees_a_failed_hook(tmp_path: Path) -> None:
    command = ("cookiecutter", "--no-input", "--default-config", str(TEMPLATE), BAD)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "Hook script failed (exit status: 1)"
    assert not list(tmp_path.iterdir())


def test_both_hooks_end_a_bake_in_the_same_way() -> None:
    hooks = [
        ast.parse((TEMPLATE / f"hooks/{name}_gen_project.py").read_text(encoding="utf-8")) for name in ("pre", "post")
    ]
    ways = [
        {node.name: ast.dump(node) for node in hook.body if isinstance(node, ast.FunctionDef) and node.name in ENDING}
        for hook in hooks
    ]
    assert ways[0] == ways[1], "cookiecutter runs each hook as a file of its own, which can import nothing of the other"
    assert ways[0].keys() == ENDING
