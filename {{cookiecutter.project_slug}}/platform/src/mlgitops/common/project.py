"""Where the project is, what it is called, and its three Python files: the one place that knows them."""

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from .errors import ProjectError

DATASET, FEATURES, MODEL = "dataset.py", "features.py", "model.py"
HOME = Path(__file__).absolute().parents[4]  # the project that this platform is a part of


def root() -> Path:
    """Return the project's folder: the nearest one above the current folder, else the one that holds this platform."""
    here = Path.cwd()
    for folder in (here, *here.parents, HOME):
        if (folder / "contract.yaml").is_file() and (folder / "params.yaml").is_file():
            return folder
    return here


def name() -> str:
    """Return the name of the project's package, under which runs and versions are filed; raises ProjectError."""
    return package().name


def package() -> Path:
    """Return the folder of the project's package: the one in src/ that has a model.py; raises ProjectError."""
    found = sorted(path.parent for path in (root() / "src").glob(f"*/{MODEL}"))
    if len(found) != 1:
        names = ", ".join(folder.name for folder in found) or "none"
        raise ProjectError(f"src/: exactly one package with a {MODEL} is expected; there is {names}")
    return found[0]


def file(name: str) -> Path:
    """Return the path of one of the project's three files, relative to the project's folder; raises ProjectError."""
    path = package() / name
    if not path.is_file():
        raise ProjectError(f"{path.relative_to(root()).as_posix()}: no such file: restore it with git")
    return path.relative_to(root())


def module(name: str) -> ModuleType:
    """Import one of the project's files, *name* such as `model.py`; raises ProjectError with the line that fails."""
    path = file(name)
    source, dotted = root() / "src", f"{package().name}.{path.stem}"
    loaded = sys.modules.get(dotted)
    if loaded is not None and Path(str(loaded.__file__)).resolve() == (root() / path).resolve():
        return loaded
    for other in [key for key in sys.modules if key.partition(".")[0] == package().name]:
        del sys.modules[other]  # a package of the same name, of another project
    sys.path[:] = [str(source), *(entry for entry in sys.path if entry != str(source))]
    importlib.invalidate_caches()  # the folder may be new
    with user_code(path):
        return importlib.import_module(dotted)


@contextmanager
def user_code(path: Path, function: str = "") -> Iterator[None]:
    """Turn an exception of the project's own code in *path* into a ProjectError that names file, line and function."""
    try:
        yield
    except ProjectError:
        raise
    except ModuleNotFoundError as error:
        raise ProjectError(
            f"{_place(path, function, error)}no module {error.name!r}: add it with `uv add`, or correct the name"
        ) from error
    except Exception as error:
        raise ProjectError(f"{_place(path, function, error)}{type(error).__name__}: {error}") from error


def _place(path: Path, function: str, error: Exception) -> str:
    """Return `file:line: function(): `, the line being the innermost one in the file."""
    full = path.resolve()
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == full
    ]
    if isinstance(error, SyntaxError) and error.lineno and Path(str(error.filename)).resolve() == full:
        lines.append(error.lineno)
    where = f"{path.as_posix()}:{lines[-1]}: " if lines else f"{path.as_posix()}: "
    called = function if function.endswith(")") else f"{function}()"
    return where + (f"{called}: " if function else "")
