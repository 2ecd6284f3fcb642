"""Builds the comparison of the data: profiles where nothing else is left, rows where DVC has the champion's tables."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ..common.errors import ProjectError
from ..data.profile import FILE, Profile, digests
from ..model.scorer import Scorer
from . import champion_data, changes, data_parts, row_change
from .data_change import DataChange
from .data_sentence import sentence
from .inputs import Model

NO_PROFILE = "the champion was exported without a profile of its data, by an older platform or another tool"
UNREADABLE = (
    "the champion was exported by another release of the platform, whose profile of the data has another format"
)
NO_ROWS = "the champion's rows are not in DVC's cache or storage here, so its profile was compared, not its rows"


@dataclass(frozen=True)
class Comparison:
    """The change of the data, and what is known of the rows that the models were trained on.

    *unseen* are the typed rows that neither has, *learned* is how many rows of the test part the champion has.
    """

    change: DataChange | None
    unseen: pd.DataFrame | None = None
    learned: int | None = None


def compare(champion: Model, candidate: Model, tables: Mapping[str, Path], test: pd.DataFrame) -> Comparison:
    """Return how the data changed; *tables* are the candidate's, *test* is the content of its test part."""
    old, new, profile = champion.scorer.contract, candidate.scorer.contract, champion.profile
    added, gone, retyped = data_parts.columns(old, new)
    change = DataChange("", False, None, None, added, gone, retyped, ())
    if profile is None:
        return _worded(replace(change, note=_without_profile(champion.scorer)))
    missing = [name for name in profile.parts if name not in tables]
    note = f"the {', '.join(missing)} part is not here" if missing else None
    recorded = {name: part.sha256 for name, part in profile.parts.items()}
    if {name: digests(path)[0] for name, path in tables.items()} == recorded and not (added or gone or retyped):
        return _worded(replace(change, same=True, parts=data_parts.parts(profile, new, tables)))
    change = replace(change, note=note, parts=data_parts.parts(profile, new, tables))
    before = champion_data.tables(profile) if tables.keys() >= {"train", "test"} else {}
    if not before:
        return _worded(replace(change, note=note or NO_ROWS))
    rows = row_change.rows(before, old, tables, new)
    comparable = not changes.incompatibilities(old, new) and not changes.incompatibilities(new, old)
    worded = _worded(replace(change, rows=row_change.change(rows))).change
    if not comparable or not row_change.identified(rows):
        return Comparison(worded)
    return Comparison(worded, row_change.unseen(rows, before, new, test), row_change.learned(rows))


def _worded(change: DataChange) -> Comparison:
    return Comparison(replace(change, sentence=sentence(change)))


def profile_of(scorer: Scorer) -> Profile | None:
    """Return the profile that was exported with a model, or None without one that this platform reads."""
    try:
        return Profile.load(scorer.folder / FILE) if (scorer.folder / FILE).is_file() else None
    except ProjectError:  # of another release of the platform; `_without_profile` says so
        return None


def _without_profile(champion: Scorer) -> str:
    return UNREADABLE if (champion.folder / FILE).is_file() else NO_PROFILE
