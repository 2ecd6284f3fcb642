"""List the digests of platform/, adopt a table, if there is one, and make the first commit of a new repository.

Only a table that cannot be adopted fails the bake.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
SLUG = ANSWERS["project_slug"]
MAKE = shutil.which("make")
COMMIT = f'git add --all && git commit -m "Start {SLUG}"'
NO_IDENTITY = (
    "-c",
    f"user.name={ANSWERS['author']}",
    "-c",
    "user.email={{ cookiecutter.author | slugify or 'author' }}@localhost",
)
CACHES = {"__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
# A git hook or a rebase that bakes has set these for its own repository, not for the new one.
CALLERS = {"GIT_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_WORK_TREE"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in CALLERS}


def git(*words: str) -> subprocess.CompletedProcess[str]:
    """Return what git answers in the new folder."""
    return subprocess.run(
        ("git", *words), capture_output=True, encoding="utf-8", errors="replace", check=False, env=ENVIRONMENT
    )


def outer_repository() -> str:
    """Return the folder of the repository that will commit the new folder, or nothing."""
    outer = git("rev-parse", "--show-toplevel") if shutil.which("git") else None
    # A repository that ignores the new folder will never commit it.
    if outer is None or outer.returncode != 0 or git("check-ignore", "--quiet", ".").returncode == 0:
        return ""
    return outer.stdout.strip()


def adopting(data: str) -> list[list[str]]:
    """Return the commands that put the table *data* in place: by make, which can bring uv, or by uv alone."""
    target = ANSWERS["target"]
    if MAKE:
        variables = (f"DATA={data}", f"TARGET={target}")
        return [["make", "setup", "adopt", *(one.replace("$", "$$") for one in variables)]]
    words = ["run", ANSWERS["package_name"], "adopt", f"--target={target}", "--", data]
    return [["uv", *step] for step in (["sync", "--quiet"], words, ["sync", "--quiet"])]


def adopt(outer: str) -> None:
    """Put the table that was asked for in the place of the demo's; exit with 1 where that fails."""
    if not outer:
        git("init", "--quiet", "-b", "main")  # DVC needs one
    data = ANSWERS["data"]
    print(f"{SLUG}: adopting {data}: installs the environment, reads the table, compares models", file=sys.stderr)
    if "://" not in data:
        data = str(Path(os.environ.get("PWD", ".."), Path(data).expanduser()))
    if any(subprocess.run(step, stdout=sys.stderr, check=False, env=ENVIRONMENT).returncode for step in adopting(data)):
        print(
            f"{SLUG}: the table could not be adopted, so there is no project: fix it, or leave data and target empty",
            file=sys.stderr,
        )
        stop()


def stop() -> NoReturn:
    """End the bake. At a terminal, no traceback of cookiecutter follows the reason, which was printed before.

    cookiecutter reports a failed hook by a traceback, and an interruption by one word. It removes the folder of the new
    project only in the first case, so that it is removed here.
    """
    if at_terminal():
        folder = Path.cwd()
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
        os.kill(os.getppid(), signal.SIGINT)
    sys.exit(1)


def at_terminal() -> bool:
    """Return whether somebody has started cookiecutter or cruft at a terminal, for a folder that is new."""
    if not sys.stderr.isatty() or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        return False
    words = command(os.getppid())
    kept = any(re.fullmatch(r"-\w*f\w*|--overwrite-if-exists|--keep-project-on-failure", word) for word in words)
    return not kept and any(Path(word).name in ("cookiecutter", "cruft") for word in words)


def command(process: int) -> list[str]:
    """Return the words of the command that started a process; none if the system has neither /proc nor ps."""
    proc = Path(f"/proc/{process}/cmdline")
    if proc.is_file():
        return proc.read_text(encoding="utf-8", errors="replace").split("\0")
    if not shutil.which("ps"):
        return []
    shown = ("ps", "-o", "args=", "-p", str(process))
    return subprocess.run(shown, capture_output=True, encoding="utf-8", check=False).stdout.split()


def first_commit(outer: str) -> str:
    """Make the first commit where that is wanted, and return what became of it."""
    if not shutil.which("git"):
        return f"no commit: git is not installed; install it, then: git init -b main && {COMMIT}"
    if outer:
        return f"no commit: it is part of the repository {outer}; there: {COMMIT}"
    if "_commit" in ANSWERS:  # cruft renders, and its own .cruft.json is yet to come
        return f"no commit yet, for cruft adds a file: git init -b main && {COMMIT}"
    identity = () if git("var", "GIT_COMMITTER_IDENT").returncode == 0 else NO_IDENTITY
    for step in (
        ("init", "--quiet", "-b", "main"),
        ("-c", "core.excludesFile=", "add", "--all"),  # the user's own excludes must not hide a file of the project
        # The hooks that adopting a table has installed would check types from cold, of files that are the template's.
        (*identity, "commit", "--quiet", "--no-verify", "-m", f"Start {ANSWERS['project_name']}"),
    ):
        done = git(*step)
        if done.returncode != 0:
            return f"no commit: {shlex.join(('git', *step))} said: {done.stderr.strip()}"
    return "one commit on main" + (f", by {ANSWERS['author']}: git knows no user.name here" if identity else "")


def write_digests(folder: Path) -> None:
    """Write the SHA-256 of each file of the platform, with which `make lint` finds what was changed.

    cruft renders both versions of an update by this hook, so that the update brings the new list. Caches that tests in
    the template's own checkout have left are removed.
    """
    for cache in [path for path in folder.rglob("*") if path.name in CACHES]:
        shutil.rmtree(cache, ignore_errors=True)
    paths = [path for path in folder.rglob("*") if path.is_file() and path != folder / "SHA256"]
    names = sorted(path.relative_to(folder).as_posix() for path in paths)
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256").write_text("".join(lines), encoding="utf-8", newline="\n")


def rendered_for_comparison() -> bool:
    """Return whether cruft renders in a temporary folder, to compare: its output is then a patch, not for reading."""
    return "_commit" in ANSWERS and Path(tempfile.gettempdir()).resolve() in Path.cwd().resolve().parents


write_digests(Path("platform"))
if not rendered_for_comparison():
    OUTER = outer_repository()
    if ANSWERS["data"] and "_commit" not in ANSWERS:  # what cruft renders is the template's alone
        adopt(OUTER)
    print(
        f"\n{SLUG}: {first_commit(OUTER)}",
        "What next:",
        f"  cd {SLUG}",
        "  make setup      the environment, once" if MAKE else "  uv sync         the environment, once",
        *(
            ["  make adopt ...  your table, as docs/own-data.md says"]
            if ANSWERS["data"] and "_commit" in ANSWERS
            else []
        ),
        "  make help       what there is to do"
        if MAKE
        else "  README.md       what there is to do, and how without make",
        sep="\n",
        file=sys.stderr,
    )
