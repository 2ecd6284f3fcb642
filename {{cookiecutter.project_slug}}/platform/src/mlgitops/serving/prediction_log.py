"""Prediction log: one JSON line per request, written before the response is sent.

It never fails or delays a request: on a full disk, or above its budget of bytes, predictions are counted as dropped.
"""

import asyncio
import atexit
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, time
from typing import Any

from pydantic_core import to_json

from ..contract.contract import Contract
from ..model.scorer import Scorer
from .admission import Scored
from .hashed_key import KeyHash
from .log_file import LogFile, close_abandoned, size
from .log_sample import LogSample
from .log_settings import LogSettings
from .refusal import RequestError

FORMAT = 1  # of the lines
SCAN_SECONDS = 1.0  # between two looks at the size of the folder
VIOLATION = 422  # the status of a request that breaks the contract
logger = logging.getLogger("bentoml.scoring")


def logged_facts(scorer: Scorer, lineage: dict[str, Any]) -> dict[str, Any]:
    """Return what the first line of a file says about the model, so that it is readable without the model."""
    manifest = scorer.manifest
    digest = manifest["files"]["model.onnx"]
    facts = {"version": lineage["version"], "model": digest, "contract": manifest["files"]["contract.yaml"]}
    return {**facts, "threshold": manifest["threshold"], "metrics": manifest.get("metrics") or {}}


class PredictionLog:
    """The log of one worker; the first request creates its file, never an import."""

    def __init__(
        self, settings: LogSettings, contract: Contract, model: dict[str, Any], count: Callable[[int, int], None]
    ) -> None:
        """Log for *model*, the facts in the first line of a file; *count* gets the rows that are logged, or dropped."""
        settings.check(contract)
        self.enabled = bool(settings.folder)
        self._settings, self._count, self._folder = settings, count, Path(settings.folder)
        self._inputs, self._names = contract.inputs, settings.names(contract)
        self._hash = KeyHash(contract, settings.key) if settings.key and contract.key and settings.folder else None
        kept = (*self._names, *contract.key) if self._hash else self._names
        self._kept = tuple(dict.fromkeys(kept)) if settings.folder else ()
        columns = {name: contract.columns[name].type for name in self._names}
        facts = {"prediction": contract.prediction, "classes": contract.classes, "columns": columns}
        self._header = to_json({"log": FORMAT, **model, **facts}) + b"\n"
        self._file: LogFile | None = None
        self._others = 0  # bytes of the other files in the folder
        self._scan_at = self._close_at = 0.0
        self._warned = False
        if self.enabled:
            close_abandoned(self._folder)
            atexit.register(self.close)

    def sample(self) -> LogSample:
        """Return the empty sample of a request."""
        return LogSample(self._kept, self._settings.rows if self.enabled else 0)

    def write(self, identifier: str, scored: Scored) -> None:
        """Log the answers to one request, unless its id is not in the sample."""
        if not self.enabled or not self._sampled(identifier):
            return
        sample = scored.sample
        parts = [b'{"id":%b,"at":%.6f' % (to_json(identifier), time())]
        if scored.batch:
            parts.append(b',"batch":true,"step":%d' % sample.step)
        if self._hash:
            parts.append(b',"keys":' + to_json(self._hash.rows(sample.columns)))
        if self._names:
            parts.append(b',"rows":' + to_json({name: sample.columns[name] for name in self._names}))
        content = scored.content if sample.step == 1 else to_json(sample.answers)
        parts.append((b',"answers":%b}\n' if scored.batch else b',"answers":[%b]}\n') % content)
        self._append(b"".join(parts), len(sample.answers))

    def refuse(self, identifier: str, refusal: RequestError) -> None:
        """Log that a request broke the contract: the names of the inputs, never the values that were sent."""
        if not self.enabled or refusal.status != VIOLATION or not self._sampled(identifier):
            return
        fields = sorted({d["field"] if d["field"] in self._inputs else "other" for d in refusal.details})
        line = {"id": identifier, "at": time(), "refused": fields}
        self._append(to_json(line) + b"\n", 1)

    def close(self) -> None:
        """Close the file, so that it can be collected; the next request creates another one."""
        if self._file:
            self._file.close()
            self._file = None

    def _sampled(self, identifier: str) -> bool:
        """Return whether the request is in the sample: all services choose the same ones."""
        return self._settings.share >= 1 or _hash(identifier) < self._settings.share * 2**64

    def _append(self, line: bytes, rows: int) -> None:
        try:
            self._ready(len(line)).append(line)
        except OSError as error:
            self._count(0, rows)
            if not self._warned:
                self._warned = True
                logger.warning("prediction log %s: %s: predictions are dropped", self._folder, error)
        else:
            self._count(rows, 0)
            self._warned = False

    def _ready(self, length: int) -> LogFile:
        """Return the file to append *length* bytes to; raises OSError if there is no room."""
        now, settings = monotonic(), self._settings  # a clock that is set back changes nothing
        limit = min(settings.file_bytes, settings.bytes // 4)
        if self._file and (now >= self._close_at or self._file.size >= limit):
            self.close()
            self._scan_at = 0.0
        if now >= self._scan_at:
            self._others = size(self._folder) - (self._file.size if self._file else 0)
            self._scan_at = now + SCAN_SECONDS
        used = self._others + (self._file.size if self._file else len(self._header))
        if used + length > settings.bytes:
            raise OSError(f"the budget of {settings.bytes:,} bytes (SCORING_LOG_BYTES) is used up")
        if not self._file:
            self._file = LogFile(self._folder, self._header)
            self._close_at = now + settings.file_seconds
            self._close_later(self._file)
        return self._file

    def _close_later(self, file: LogFile) -> None:
        """Close *file* when it is old enough, even if no request comes."""
        with suppress(RuntimeError):  # there is no event loop
            loop = asyncio.get_running_loop()
            loop.call_later(self._settings.file_seconds, lambda: self.close() if self._file is file else None)


def _hash(identifier: str) -> int:
    return int.from_bytes(hashlib.blake2b(identifier.encode(), digest_size=8).digest(), "big")
