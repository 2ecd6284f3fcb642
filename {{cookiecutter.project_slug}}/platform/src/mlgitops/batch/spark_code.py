"""How code of this platform runs on the workers of Spark: they get it as a file, and a table in parts."""

import atexit
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pyarrow as pa

Parts = Iterator[pa.RecordBatch]
Function = Callable[[Parts], Parts]  # what a worker makes of a table


def code() -> Path:
    """Return the code of this platform as a ZIP file, named by its content: Spark takes another one as an error."""
    package = Path(__file__).parents[1]
    files = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    folder = Path(tempfile.mkdtemp(prefix="mlgitops-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # executors that start later fetch it as well
    digest = hashlib.sha256()
    with ZipFile(folder / "code.zip", "w") as archive:
        for path in files:
            name, content = path.relative_to(package.parent).as_posix(), path.read_bytes()
            digest.update(content)
            archive.writestr(ZipInfo(name), content)
    return (folder / "code.zip").rename(folder / f"{package.name}-{digest.hexdigest()[:12]}.zip")
