"""The loop of a small project, step by step and without make: what a laptop with nothing but git and uv does."""

import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from .support import run

PACKAGE = "flight_delays"
TABLE = "my houses.csv"
STEPS = (  # as the README of a project says them
    ("uv", "sync"),
    ("uv", "run", "pre-commit", "install", "--allow-missing-config"),
    ("uv", "run", PACKAGE, "adopt", TABLE, "--target", "price"),
    ("uv", "sync"),
    ("uv", "run", "dvc", "repro"),
    ("git", "add", "--all"),
    ("git", "commit", "--quiet", "-m", "Houses"),
    ("uv", "run", PACKAGE, "review"),
    ("uv", "run", PACKAGE, "register"),
    ("uv", "run", PACKAGE, "smoke"),
    ("uv", "run", PACKAGE, "promote"),
    ("uv", "run", PACKAGE, "score", TABLE, "answers.csv"),
    ("uv", "run", PACKAGE, "history"),
    ("uv", "run", "dvc", "push", "--run-cache"),
)
TOLD = ("DO_NOT_TRACK", "TELEMETRY", "ANALYTICS", "NO_USAGE")  # what could silence somebody: the project alone has to
MADE_BY = {"CI", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", "GITHUB_ACTIONS"}  # some say nothing where tests run


def houses(path: Path, rows: int = 400) -> Path:
    """Write a table of houses, the same each time, whose price follows from the rest but for a little noise."""
    chance = random.Random(1)  # noqa: S311  # no secret
    cities = {"Lyon": 0, "Oslo": 40_000, "Porto": 9_000}
    lines = ["size,rooms,city,price"]
    for _ in range(rows):
        size, city = chance.randint(20, 200), chance.choice(list(cities))
        price = 1000 * size + cities[city] + chance.randint(0, 9000)
        lines.append(f"{size},{1 + size // 30},{city},{price}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a laptop without make, and with nothing set that silences telemetry.

    The programs that it finds are git, uv and what they need; *folder* is for them.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in MADE_BY and not any(word in name for word in TOLD)
    }
    if os.name == "posix":
        folder.mkdir(exist_ok=True)
        for place in os.environ["PATH"].split(os.pathsep):
            for program in Path(place).glob("*") if Path(place).is_dir() else ():
                if "make" not in program.name and not (folder / program.name).is_symlink():
                    (folder / program.name).symlink_to(program)
        kept["PATH"] = str(folder)
    else:
        places = kept["PATH"].split(os.pathsep)
        kept["PATH"] = os.pathsep.join(place for place in places if not shutil.which("make", path=place))
    kept.pop("VIRTUAL_ENV", None)
    return {**kept, "UV_PYTHON": sys.executable}


def walk(project: Path, step: Callable[..., str] = run) -> dict[str, str]:
    """Take every step in *project* by *step*, and return what each said."""
    houses(project / TABLE)
    with (project / ".git/info/exclude").open("a", encoding="utf-8") as excluded:
        excluded.write(f"{TABLE}\nanswers.csv\n")
    return {" ".join(words): step(*words, cwd=project) for words in STEPS}
