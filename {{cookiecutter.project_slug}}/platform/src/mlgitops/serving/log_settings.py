"""Settings of the prediction log, read from environment variables because they depend on where the service runs."""

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ..common.errors import ProjectError
from ..contract.contract import Contract
from .limits import whole_number

ALL = "*"


@dataclass(frozen=True)
class LogSettings:
    """What is logged, and how much of it."""

    folder: str = ""  # folder of the log; without one, nothing is logged
    columns: tuple[str, ...] = ()  # inputs to log, separated by commas, or * for all; key columns only by name
    key: str = ""  # secret that hashes the contract's key columns; without one, no key is logged
    share: float = 1.0  # share of the requests that are logged, chosen by a hash of the prediction id
    rows: int = 1_000  # largest number of rows logged of one request, evenly spaced
    bytes: int = 1_000_000_000  # size of the folder; above it, predictions are counted but not logged
    file_bytes: int = 64_000_000  # size at which a file is closed, and can be collected
    file_seconds: int = 900  # age at which a file is closed

    @classmethod
    def from_environment(cls) -> Self:
        """Read SCORING_LOG, the folder, and SCORING_LOG_* for the other settings; raises ProjectError."""
        names = ("rows", "bytes", "file_bytes", "file_seconds")
        numbers = {name: whole_number(f"SCORING_LOG_{name.upper()}") for name in names}
        columns = os.environ.get("SCORING_LOG_COLUMNS", "")
        return cls(
            folder=os.environ.get("SCORING_LOG", ""),
            columns=tuple(name.strip() for name in next(csv.reader([columns], skipinitialspace=True), []) if name),
            key=os.environ.get("SCORING_LOG_KEY", ""),
            share=_share("SCORING_LOG_SHARE"),
            **{name: number for name, number in numbers.items() if number},
        )

    def check(self, contract: Contract) -> None:
        """Raise ProjectError unless the folder can be written and the columns are those of a request of *contract*."""
        if not self.folder:
            return
        names = (*contract.inputs, *contract.request_keys)
        unknown = [name for name in self.columns if name not in names and name != ALL]
        if unknown:
            raise ProjectError(
                f"SCORING_LOG_COLUMNS: {', '.join(unknown)}: not in the requests; choose among {', '.join(names)}, or "
                "* for all inputs"
            )
        try:
            Path(self.folder).mkdir(mode=0o750, parents=True, exist_ok=True)
        except OSError as error:
            raise ProjectError(f"SCORING_LOG: {self.folder}: {error.strerror}: name a folder to write to") from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise ProjectError(f"SCORING_LOG: {self.folder}: permission denied: name a folder to write to")

    def names(self, contract: Contract) -> tuple[str, ...]:
        """Return the inputs of *contract* that are logged, in its order, and then the keys that are."""
        inputs = [name for name in contract.inputs if ALL in self.columns or name in self.columns]
        return (*inputs, *(name for name in contract.request_keys if name in self.columns))


OFF = LogSettings()


def _share(variable: str) -> float:
    text = os.environ.get(variable) or "1"
    if not re.fullmatch(r"0?\.[0-9]{1,9}|0|1(\.0*)?", text):
        raise ProjectError(f"{variable}: {text!r} is not a number from 0 to 1: correct or unset it")
    return float(text)
