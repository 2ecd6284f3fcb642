"""Which version is the champion, and which was when: records that are only ever added to, which the alias follows."""

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
PREFIX = "promotion/"


@dataclass(frozen=True)
class Promotion:
    """One change of the champion: when, by whom, to which version, on what evidence."""

    at: str
    by: str
    version: str
    rollback: bool
    evidence: str
    commit: str
    workflow: str | None


def records(client: "MlflowClient") -> list[Promotion]:
    """Return every promotion, the oldest first.

    They are tags of the registered model, numbered; of two with the same number, made at once, all readers agree on the
    order.
    """
    model = registered(client)
    tags = model.tags if model else {}
    return [Promotion(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(PREFIX)]


def line(past: list[Promotion]) -> list[str]:
    """Return the champion, last, after those that a rollback can go back to."""
    found: list[str] = []
    for promotion in past:
        if promotion.rollback:
            while len(found) > 1 and found[-1] != promotion.version:
                found.pop()
        elif found[-1:] != [promotion.version]:
            found.append(promotion.version)
    return found


def promote(client: "MlflowClient", version: "ModelVersion", because: str | None = None) -> bool:
    """Make *version* the champion; return False where it is already."""
    number = str(version.version)
    if champion(client) == number == aliases(client).get(CHAMPION):
        return False
    _record(client, version, because, rollback=False)
    return True


def roll_back(client: "MlflowClient", because: str | None = None) -> str:
    """Make the champion before this one the champion again and return its number; ProjectError if there is none."""
    number = previous(records(client))
    _record(client, existing(client, number), because, rollback=True)
    return number


def previous(past: list[Promotion]) -> str:
    """Return the champion before this one; raises ProjectError where there is none."""
    champions = line(past)
    if len(champions) < 2:
        raise ProjectError(
            f"no version was champion before {champions[0]}: promote another one"
            if champions
            else "no version was ever the champion: promote one"
        )
    return champions[-2]


def champion(client: "MlflowClient") -> str | None:
    """Return the champion, as the records say; None where no version was promoted yet."""
    return next(reversed(line(records(client))), None)


def _record(client: "MlflowClient", version: "ModelVersion", because: str | None, rollback: bool) -> None:
    evidence = "; ".join(filter(None, [because, version.tags.get("evidence")]))
    at = datetime.now(UTC).isoformat(timespec="seconds")
    new = Promotion(at, current_user(), str(version.version), rollback, evidence, commit(), workflow())
    key = f"{PREFIX}{len(records(client)) + 1:06d}-{secrets.token_hex(4)}"
    client.set_registered_model_tag(project.name(), key, json.dumps(asdict(new), ensure_ascii=False))
    # whoever comes last sees all records: so the alias ends where they say, whatever happened at the same time
    while (last := champion(client)) and last != aliases(client).get(CHAMPION):
        client.set_registered_model_alias(project.name(), CHAMPION, last)


def page(past: list[Promotion]) -> str:
    """Return the promotions as a table of text."""
    head = ("when", "who", "did", "version", "evidence")
    rows = [(p.at, p.by, "rolled back to" if p.rollback else "promoted", p.version, p.evidence) for p in past]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "\n".join(map(str.rstrip, lines)) if rows else "no version was promoted yet"
