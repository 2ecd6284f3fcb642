"""The history of champions: append-only records, which the alias `champion` follows."""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..common import project
from ..common.errors import ProjectError
from ..common.provenance import workflow
from ..store.git import commit, current_user
from .versions import aliases, existing, registered

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
TAG_PREFIX = "promotion/"


@dataclass(frozen=True)
class Promotion:
    """One change of the champion: when, by whom, to which version, and on what evidence."""

    at: str
    by: str
    version: str
    rollback: bool
    evidence: str
    commit: str
    workflow: str | None


def records(client: "MlflowClient") -> list[Promotion]:
    """Return all promotions, the oldest first.

    They are numbered tags of the registered model; a random suffix orders concurrent ones, which share a number.
    """
    model = registered(client)
    tags = model.tags if model else {}
    return [Promotion(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(TAG_PREFIX)]


def line(promotions: list[Promotion]) -> list[str]:
    """Return the versions that a rollback can go back to, and, as the last entry, the champion."""
    champions: list[str] = []
    for promotion in promotions:
        if promotion.rollback and promotion.version in champions:
            while champions[-1] != promotion.version:
                champions.pop()
        elif champions[-1:] != [promotion.version]:
            champions.append(promotion.version)
    return champions


def promote(client: "MlflowClient", version: "ModelVersion", reason: str | None = None, back: bool = False) -> bool:
    """Make *version* the champion, by a rollback if *back*; return False if it already is."""
    number = str(version.version)
    if champion(client) == number == aliases(client).get(CHAMPION):
        return False
    _record(client, version, reason, rollback=back)
    return True


def roll_back(client: "MlflowClient", reason: str | None = None) -> str:
    """Make the previous champion the champion again and return its number; raises ProjectError if there is none."""
    number = previous(records(client))
    _record(client, existing(client, number), reason, rollback=True)
    return number


def previous(promotions: list[Promotion]) -> str:
    """Return the previous champion; raises ProjectError if there is none."""
    champions = line(promotions)
    if len(champions) < 2:
        raise ProjectError(
            f"version {champions[0]} is the only champion so far: promote another version"
            if champions
            else "there is no champion yet: promote a version"
        )
    return champions[-2]


def champion(client: "MlflowClient") -> str | None:
    """Return the champion according to the records; None if no version was promoted yet."""
    return next(reversed(line(records(client))), None)


def _record(client: "MlflowClient", version: "ModelVersion", reason: str | None, rollback: bool) -> None:
    evidence = "; ".join(filter(None, [reason, version.tags.get("evidence")]))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    new = Promotion(at, current_user(), str(version.version), rollback, evidence, commit(), workflow())
    key = f"{TAG_PREFIX}{len(records(client)) + 1:06d}-{secrets.token_hex(4)}"
    client.set_registered_model_tag(project.name(), key, json.dumps(asdict(new), ensure_ascii=False))
    # of concurrent processes, the last one sees all records, so the alias ends up consistent with them
    while (last := champion(client)) and last != aliases(client).get(CHAMPION):
        client.set_registered_model_alias(project.name(), CHAMPION, last)


def page(promotions: list[Promotion]) -> str:
    """Format the promotions as a text table."""
    head = ("when", "who", "did", "version", "evidence")
    rows = [(p.at, p.by, "rolled back to" if p.rollback else "promoted", p.version, p.evidence) for p in promotions]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(map(str.rstrip, lines)) if rows else "no version was promoted yet"
