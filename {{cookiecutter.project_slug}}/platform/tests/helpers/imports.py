"""What the files of the platform import, also inside functions: read from the source, nothing is run."""

import ast
from functools import cache
from pathlib import Path

import mlgitops

PACKAGE = Path(mlgitops.__file__).parent


@cache
def imports(path: Path) -> frozenset[tuple[str, ...]]:
    """Return what a file imports: ("", "model", "train") is of this package, ("mlflow", "types") of another."""
    names: set[tuple[str, ...]] = set()
    inside = ("", *path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            base = (inside[: -node.level] if node.level else ()) + module
            names |= {(*base, alias.name) for alias in node.names}
    return frozenset(names)


@cache
def used(path: Path) -> frozenset[Path]:
    """Return the files of this package that a file imports itself."""
    files = set()
    for name in imports(path):
        if name[0] in ("", PACKAGE.name):
            places = [PACKAGE.joinpath(*name[1:]).with_suffix(".py"), PACKAGE.joinpath(*name[1:-1]).with_suffix(".py")]
            files |= {place for place in places if place.is_file()}
    return frozenset(files)


def closure(*paths: Path) -> set[Path]:
    """Return the files and all that they import, directly or not."""
    files: set[Path] = set()
    waiting = list(paths)
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += used(path)
    return files


def room(path: Path) -> str:
    """Return the folder of the package that a file belongs to; "" for those beside the folders."""
    return path.relative_to(PACKAGE).parts[0] if path.parent != PACKAGE else ""
