"""What the Python workers of Spark run: the model travels with the job, as bytes, and is loaded once per worker."""

import tempfile
from pathlib import Path

from ..model.scorer import Scorer
from .by_column import TableScorer
from .spark_code import Function, Parts
from .stamp import Stamp

_scorers: dict[bytes, TableScorer] = {}  # by manifest, which holds the digests of all files


def packed(folder: Path) -> dict[str, bytes]:
    """Return the files of an exported model, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def answering(model: dict[str, bytes], stamp: Stamp) -> Function:
    """Return the function that adds answers to parts of a table, for `mapInArrow`."""

    def answered(parts: Parts) -> Parts:
        scorer = _loaded(model)
        for part in parts:
            yield stamp.beside(part, scorer.score(part))

    return answered


def _loaded(model: dict[str, bytes]) -> TableScorer:
    manifest = model["manifest.json"]
    if manifest not in _scorers:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in model.items():
                Path(folder, name).write_bytes(content)
            _scorers[manifest] = TableScorer(Scorer(Path(folder)))
    return _scorers[manifest]
