"""Finds the project: its folder, its name and its three Python files."""

import importlib
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from .errors import ProjectError

DATASET, FEATURES, MODEL = "dataset.py", "features.py", "model.py"
LIBRARIES = ("catboost", "keras", "lightgbm", "torch", "xgboost")  # each is an extra of the platform
HOME = Path(__file__).absolute().parents[4]  # the project that contains this platform


def root() -> Path:
    """Return the project's folder: the current one or its nearest parent that is one, else that of this platform.

    Raises ProjectError if this platform belongs to another project: it would run that project's code here.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if _is_project(folder):
            _check_platform(folder)
            return folder
    return HOME if _is_project(HOME) else here


def _is_project(folder: Path) -> bool:
    return (folder / "contract.yaml").is_file() and (folder / "params.yaml").is_file()


def _check_platform(folder: Path) -> None:
    if not _is_project(HOME) or HOME.samefile(folder):
        return
    source = Path(__file__).resolve().parents[2]
    if source in [Path(entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]:
        return  # somebody chose this platform
    raise ProjectError(
        f"{folder}: this environment runs the code of another project, {HOME}: deactivate it, or, if this project was "
        "copied, moved or renamed, run `make setup` (`uv venv --clear && uv sync`) to make its own"
    )


def name() -> str:
    """Return the name of the package, also that of the experiment and the registered model; raises ProjectError."""
    return package().name


def package() -> Path:
    """Return the folder of the project's package, the one in src/ with a model.py; raises ProjectError."""
    folders = sorted(path.parent for path in (root() / "src").glob(f"*/{MODEL}"))
    if len(folders) != 1:
        names = ", ".join(folder.name for folder in folders) or "none"
        raise ProjectError(f"src/: expected exactly one package with a {MODEL}, found {names}")
    return folders[0]


def file(name: str) -> Path:
    """Return the path of one of the project's three files, relative to the project's folder; raises ProjectError."""
    path = package() / name
    if not path.is_file():
        raise ProjectError(f"{path.relative_to(root()).as_posix()}: no such file: restore it with git")
    return path.relative_to(root())


def module(name: str) -> ModuleType:
    """Import one of the project's files, *name* such as `model.py`; raises ProjectError with the failing line."""
    path = file(name)
    source, dotted = root() / "src", f"{package().name}.{path.stem}"
    loaded = sys.modules.get(dotted)
    if loaded is not None and Path(str(loaded.__file__)).resolve() == (root() / path).resolve():
        return loaded
    for stale in [key for key in sys.modules if key.partition(".")[0] == package().name]:
        del sys.modules[stale]  # a package of the same name in another project
    sys.path[:] = [str(source), *(entry for entry in sys.path if entry != str(source))]
    importlib.invalidate_caches()  # the folder may be newer than the import system's cache
    with user_code(path):
        return importlib.import_module(dotted)


@contextmanager
def user_code(path: Path, function: str = "") -> Iterator[None]:
    """Convert an exception raised by the project's file *path* to a ProjectError with file, line and function."""
    try:
        yield
    except ProjectError:
        raise
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]
        package = f" --group pipeline 'mlgitops[{library}]'" if library in LIBRARIES else ""
        raise ProjectError(
            f"{_location(path, function, error)}no module {error.name!r}: add it with `uv add{package}`, or correct "
            "the name"
        ) from error
    except Exception as error:
        raise ProjectError(f"{_location(path, function, error)}{type(error).__name__}: {error}") from error


def _location(path: Path, function: str, error: Exception) -> str:
    """Return `file:line: function: ` for the innermost line in the file."""
    full = path.resolve()
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == full
    ]
    if isinstance(error, SyntaxError) and error.lineno and Path(str(error.filename)).resolve() == full:
        lines.append(error.lineno)
    location = f"{path.as_posix()}:{lines[-1]}: " if lines else f"{path.as_posix()}: "
    return location + (f"{function}: " if function else "")
