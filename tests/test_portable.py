"""What bakes and what is generated runs where there is no POSIX: no module, call or file needs one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.support import GENERATED, TEMPLATE, run

CODE = sorted([*GENERATED.rglob("src/**/*.py"), *TEMPLATE.glob("hooks/*.py")])
# a table is copied where links fail; the others look at the system before they import
ALLOWED = {"source.py": {"symlink_to"}, "bentoml_runtime.py": {"resource"}, "log_file.py": {"fcntl"}}
MODULES = {"crypt", "fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
CALLS = {"chmod", "chown", "fork", "getuid", "killpg", "mkfifo", "system", "umask"}
CONTAINERS = {"engine.py"}  # what is said there is about the inside of a Linux container


def needs(text: str) -> Iterator[str]:
    """Yield what *text*, the code of a module, has that only some systems have."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from {alias.name for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from {str(node.module)} & MODULES
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"/(?:tmp|dev|etc|usr)/\S*", node.value)
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = {word.arg: word.value for word in node.keywords}
            if name in CALLS or name == "symlink_to":
                yield name
            if "shell" in given or "preexec_fn" in given or "start_new_session" in given:
                yield f"{name}(shell, preexec_fn or start_new_session)"
            if name == "write_text" and "newline" not in given:
                yield "write_text() without newline: another line end, another digest"
            if name == "to_csv" and "lineterminator" not in given:
                yield "to_csv() without lineterminator"


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(TEMPLATE).as_posix())
def test_module_needs_no_posix(path: Path) -> None:
    needed = set(needs(path.read_text(encoding="utf-8"))) - ALLOWED.get(path.name, set())
    assert needed == set() or path.name in CONTAINERS


@pytest.mark.parametrize(
    "text",
    ["import fcntl", "from pwd import getpwnam", "os.fork()", "run('a', shell=True)", "path.chmod(0o755)",
     "path.write_text('a', encoding='utf-8')", "open('/tmp/a')", "path.symlink_to(b)", "table.to_csv(path)"],
)  # fmt: skip
def test_what_needs_posix_is_found(text: str) -> None:
    assert list(needs(text))


def test_text_files_are_opened_with_their_encoding() -> None:
    places = [str(GENERATED / "src"), str(GENERATED / "platform/src"), str(TEMPLATE / "hooks"), str(TEMPLATE / "tests")]
    run("ruff", "check", "--no-cache", "--isolated", "--preview", "--select", "PLW1514", "--target-version", "py311",
        *places, cwd=TEMPLATE)  # fmt: skip
