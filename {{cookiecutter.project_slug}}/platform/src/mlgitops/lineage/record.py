"""What git and the prediction log know of a version: when its data was read, and what it has answered."""

from dataclasses import dataclass

from ..common.record import Record
from ..monitoring.place import Place
from ..registry.versions import RAW
from ..store.git import NO_COMMIT, git
from .origin import Origin

MODEL_CHARS = 12  # of the digest that a service without a version calls itself by


@dataclass(frozen=True)
class Read(Record):
    """The first commit whose dvc.lock has the data of a version, and its time: the data was read just before."""

    commit: str
    at: str


@dataclass(frozen=True)
class Answered(Record):
    """The predictions of a version that were collected, and the days of the first and the last."""

    rows: int
    first: str
    last: str


@dataclass(frozen=True)
class Traced(Record):
    """The lineage of a version, when its data was read, and what it has answered."""

    origin: Origin
    read: Read | None
    answered: Answered | None


def traced(origin: Origin, place: Place) -> Traced:
    """Return the lineage of a version with what git and the predictions say of it."""
    return Traced(origin, _read(origin.files.get(RAW)), _answered(origin, place))


def _read(md5: str | None) -> Read | None:
    options = ("--all", "--reverse", "--format=%H %cI")
    log = git("log", *options, f"-S{md5}", "--", "dvc.lock", fails=NO_COMMIT) if md5 else None
    return Read(*log.splitlines()[0].split(" ")) if log else None


def _answered(origin: Origin, place: Place) -> Answered | None:
    names = frozenset({origin.version, origin.digests.get("model_sha256", "")[:MODEL_CHARS]} - {""})
    days = list(place.days_of(names))
    if not days:
        return None
    return Answered(sum(rows for _, rows in days), days[0][0].isoformat(), days[-1][0].isoformat())
