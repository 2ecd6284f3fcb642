"""The model card of a version, and a skeleton of the technical documentation that the EU AI Act asks for."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..common import files
from ..common.errors import ProjectError
from ..common.provenance import DIRTY
from ..contract.contract import Contract
from ..data.profile import FILE as PROFILE
from ..data.profile import ColumnProfile, PartProfile, Profile
from ..github import api, production
from ..model.scorer import read_manifest
from ..registry import command as registry
from ..registry.owner_card import FILE, OwnerCard
from ..review.pages.escape import code, prose
from ..store.git import NO_COMMIT, git
from . import command
from .checkout import NOT_THERE, commit_of
from .origin import Origin

CARD, ANNEX = Path("reports/model-card.md"), Path("reports/annex-iv.md")
MISSING = f"*to be written by the owner ({FILE} or this document)*"
STATED = {
    "Owner": "owner",
    "Contact": "contact",
    "Intended use": "intended_use",
    "Intended users": "intended_users",
    "Affected people": "affected",
    "Out of scope": "out_of_scope",
    "Limits": "limits",
    "Risks": "risks",
    "Human oversight": "oversight",
}
NAME = re.compile(r"[\w.:@/+-]{1,300}")
NO_TIME = ColumnProfile("datetime", 0, None, None, None, None)


@dataclass(frozen=True)
class Approval:
    """A commit that approved the model or let production run it."""

    at: str
    subject: str
    commit: str
    by: str


def approvals(origin: Origin) -> tuple[Approval, ...]:
    """Return the commits of git that approved a version, the oldest first: its dvc.lock, and its deployments."""
    try:
        commit: str | None = commit_of(origin)
    except ProjectError:  # imported, or of a history that is not here; nobody has approved files that no commit has
        commit = None if (origin.commit or "").endswith(DIRTY) else origin.commit
    format_ = "--format=%cI%x00%s%x00%H%x00%an"
    line = git("log", "-1", format_, commit, fails=(*NO_COMMIT, *NOT_THERE)) if commit else None
    approved = [Approval(*line.split("\0"))] if line else []
    if origin.image and git("remote"):
        api.fetch()
        declared = [entry for entry in production.history() if entry.image == origin.image]
        approved += [Approval(entry.at, entry.subject, entry.commit, entry.by) for entry in declared]
    return tuple(approved)


def pages(origin: Origin, model: Path, owner: OwnerCard, names: bool) -> dict[Path, str]:
    """Return the card and the technical documentation of a version with the exported *model*; *names* shows people."""
    values = _values(origin, model, owner) | {"approvals": approvals(origin), "names": names}
    templates = Environment(  # noqa: S701  # Markdown: the filters escape
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {"code": code, "name": _name, "prose": prose}
    rendered = {CARD: "model_card.md.j2", ANNEX: "annex_iv.md.j2"}
    return {path: templates.get_template(name).render(values) for path, name in rendered.items()}


def _name(value: str) -> str:
    """Return a digest or the name of an image in full, and anything else as `code` does."""
    return f"`{value}`" if NAME.fullmatch(value) else code(value)


def _values(origin: Origin, model: Path, owner: OwnerCard) -> dict[str, Any]:
    manifest, contract = read_manifest(model), Contract.load(model / "contract.yaml")
    parts = Profile.load(model / PROFILE).parts if (model / PROFILE).is_file() else {}
    metrics = {name: value for name, value in (manifest.get("metrics") or {}).items() if name != "rows"}
    return {
        "origin": origin,
        "target": contract.target,
        "inputs": contract.inputs,
        "facts": _facts(origin),
        "stated": {name: getattr(owner, field) for name, field in STATED.items()},
        "missing": MISSING,
        "parts": parts,
        "times": {name: _time(part, contract) for name, part in parts.items()},
        "metrics": {name: f"{value:.4f}" for name, value in metrics.items()},
        "metric": next(iter(metrics), "metric"),
        "slices": [tuple(entry.values()) for entry in manifest.get("slices", ())],
        "algorithm": str(manifest.get("params", {}).get("model", {}).get("algorithm", "an imported model")),
        "threshold": manifest.get("threshold"),
    }


def _time(part: PartProfile, contract: Contract) -> ColumnProfile:
    return part.columns.get(contract.time or "", NO_TIME)


def _facts(origin: Origin) -> dict[str, str | None]:
    return {
        "image": origin.image,
        "commit": origin.commit,
        "MLflow run": origin.run_id,
        "model (SHA-256)": origin.digests.get("model_sha256"),
        "review (SHA-256)": origin.digests.get("review_sha256"),
        "runs in": ", ".join(origin.environments) or None,
    }


def of_version(version: str, known: tuple[Origin, ...]) -> str | None:
    """Return the card of a version, which names nobody; None if the registry does not have its model."""
    origin = next((each for each in known if each.version == version), None)
    written = _written(origin, OwnerCard.of_project(), names=False) if origin else None
    return written[CARD] if written else None


def _written(origin: Origin, owner: OwnerCard, names: bool) -> dict[Path, str] | None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        return pages(origin, folder, owner, names) if registry.fetch(origin.version, folder) else None


@click.command()
@click.argument("version", default="challenger")
@click.option("--names", is_flag=True, help="Name the people who approved, as git does.")
def main(version: str, names: bool) -> None:
    """Write the model card of VERSION, and the skeleton of its technical documentation (EU AI Act, Annex IV)."""
    (origin,) = command.find(version, command.known(), command.place())[:1]
    owner = OwnerCard.of_project()
    written = _written(origin, owner, names)
    if written is None:
        raise ProjectError(f"version {origin.version} is not in the registry: `make pull-store`")
    for path, text in written.items():
        files.write(path, text)
        click.echo(path)
    empty = [field for field in STATED.values() if not getattr(owner, field)]
    if empty:
        click.echo(f"{FILE}: for you to write: {', '.join(empty)}")
