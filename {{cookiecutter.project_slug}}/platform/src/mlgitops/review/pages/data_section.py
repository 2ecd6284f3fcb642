"""The change of the data in a comment."""

from .. import data_phrases
from ..phrases import number
from ..report import Evidence
from .blocks import details, table
from .escape import code, prose


def data(evidence: Evidence) -> str:
    """Return what changed in the data as a section of the comment; empty where nothing did."""
    change = evidence.data
    if not change or change.same:
        return ""
    texts = [f"{change.note[:1].upper()}{change.note[1:]}."] if change.note else []
    texts += [f"{data_phrases.rows(change.rows)}."] if change.rows else []
    head, opponent = ["column", "part", "PSI", "largest change"], evidence.opponent
    shifts = [
        [
            code(column.name),
            part.name,
            number(column.shift.psi, 3),
            code(column.shift.moved),
            data_phrases.share(column.shift.before),
            data_phrases.share(column.shift.after),
        ]
        for part, column in data_phrases.shifts(change)
    ]
    parts = [[prose(name), prose(before), prose(after)] for name, before, after in data_phrases.parts(change)]
    tables = [table(["", opponent, "candidate"], parts)] if parts else []
    tables += [table([*head, opponent, "candidate"], shifts)] if shifts else []
    return details("What changed in the data", *map(prose, texts), *tables)
