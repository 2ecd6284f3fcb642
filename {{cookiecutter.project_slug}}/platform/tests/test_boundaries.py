"""Each part of the package knows what it may: frameworks stay at the edge, and parts do not reach into each other."""

import ast
from pathlib import Path

import pytest

import mlgitops

PACKAGE = Path(mlgitops.__file__).parent
FRAMEWORKS = {  # framework -> the modules and packages that may import it
    "bentoml": {"service"},
    "_bentoml_impl": {"service"},
    "great_expectations": {"data_docs", "validate"},
    "mlflow": {"registry", "storage", "tracking"},
    "optuna": {"search"},
    "skl2onnx": {"export"},
}
PARTS: dict[str, set[str]] = {  # package -> the other packages that it may import from
    "adopt": set(),
    "gitops": {"image", "registry", "review"},  # carries out what the others have decided
    "image": {"registry"},
    "registry": {"service"},  # a version reads a request as the service does
    "review": {"registry"},  # which knows the champion
    "service": set(),
}
DOORS = {  # the modules beside the packages that may import from one
    "answers": {"service"},  # a table is read as a request is
    "score": {"registry"},
    "serve": {"service"},
}


def imports(path: Path) -> set[tuple[str, ...]]:
    """Return what the file imports, also inside functions: ("", ...) is below this package, ("mlflow", ...) another."""
    found: set[tuple[str, ...]] = set()
    inside = ("", *path.relative_to(PACKAGE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = (inside[: -node.level] if node.level else ()) + tuple((node.module or "").split("."))
            found |= {(*base, alias.name) if node.module else (*base[:-1], alias.name) for alias in node.names}
    return found


def owner(path: Path) -> str:
    """Return the package, or the module beside the packages, that the file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


FILES = {path: imports(path) for path in PACKAGE.rglob("*.py")}


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_is_imported_only_where_it_belongs(framework: str) -> None:
    users = {owner(path) for path, names in FILES.items() if framework in {name[0] for name in names}}
    assert users
    assert users <= FRAMEWORKS[framework]


def test_a_part_imports_only_from_the_parts_that_it_may_know() -> None:
    assert {path.parent.name for path in FILES if path.parent != PACKAGE} == PARTS.keys()
    crossed = {(owner(path), name[1]) for path, names in FILES.items() for name in names if name[0] == ""}
    crossed = {(user, used) for user, used in crossed if used in PARTS and user != used}
    assert crossed == {(user, used) for user, parts in (PARTS | DOORS).items() for used in parts}


def test_of_the_service_the_registry_knows_how_a_request_is_read_and_no_more() -> None:
    names = {name for path, names in FILES.items() if owner(path) == "registry" for name in names}
    assert {name[2] for name in names if name[:2] == ("", "service")} == {"request"}


def test_a_package_imports_nothing_before_it_is_asked() -> None:
    assert [path for path, names in FILES.items() if path.name == "__init__.py" and names] == []
