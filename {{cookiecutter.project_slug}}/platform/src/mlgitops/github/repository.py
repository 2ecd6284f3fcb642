"""Applies the settings of the GitHub repository: owners, rulesets, environments, permissions of workflows."""

from pathlib import Path
from typing import Any

import click

from ..common import files
from ..common.project import root
from ..image.overlay import ENVIRONMENTS
from . import api, owners, release_key

RULESETS = Path(".github/rulesets")
MAIN_ONLY = {"protected_branches": False, "custom_branch_policies": True}
NO_PLAN = """GitHub offers rules and environments for private repositories in its paid plans only. Without them
everything runs, but nothing enforces the review, and whoever can push can create the tags model/v*: docs/github.md"""
ALONE = """only {person} can write to this repository, and nobody can approve an own pull request: no approval is
required. Run `make setup-github` again once somebody else can write"""
UNAPPROVED = {
    "required_approving_review_count": 0,
    "require_code_owner_review": False,
    "require_last_push_approval": False,
}


@click.command()
@click.option("--owner", help="Who must approve changes: @user or @organization/team; default: who can write.")
def main(owner: str | None) -> None:
    """Apply .github/rulesets, the environments and the owners to the GitHub repository; idempotent."""
    # opening and approving are one setting; an approval by a workflow is none of an owner, which the rules ask for
    permissions = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    api.api("/actions/permissions/workflow", "PUT", permissions)
    api.api("", "PATCH", {"delete_branch_on_merge": True})
    click.echo("workflows may open pull requests; merged branches are deleted")
    people = owners.people()
    click.echo(owners.write(owner, people))
    if api.api("/rulesets", missing=("Upgrade to GitHub",)) is None:
        click.echo(NO_PLAN)
        return
    for name in (*ENVIRONMENTS, release_key.ENVIRONMENT):
        _environment(name)
        click.echo(f"environment {name}: deploys only from {api.DEFAULT}")
    click.echo(release_key.create())
    _rules(alone=len(people) < 2)
    if len(people) < 2:
        click.echo(ALONE.format(person=" ".join(people) or "you"))


def _environment(name: str) -> None:
    """Create an environment to which only main deploys."""
    api.api(f"/environments/{name}", "PUT", {"deployment_branch_policy": MAIN_ONLY})
    endpoint = f"/environments/{name}/deployment-branch-policies"
    if api.DEFAULT not in [entry["name"] for entry in api.api(endpoint)["branch_policies"]]:
        api.api(endpoint, "POST", {"name": api.DEFAULT})


def _rules(alone: bool) -> None:
    """Create or update each ruleset."""
    ids = {entry["name"]: entry["id"] for entry in api.api("/rulesets")}
    for path in sorted((root() / RULESETS).glob("*.json")):
        rule = files.read_json(path)
        endpoint = f"/rulesets/{ids[rule['name']]}" if rule["name"] in ids else "/rulesets"
        api.api(endpoint, "PUT" if rule["name"] in ids else "POST", without_approvals(rule) if alone else rule)
        click.echo(f"{RULESETS / path.name}: {'updated' if rule['name'] in ids else 'created'}")


def without_approvals(ruleset: dict[str, Any]) -> dict[str, Any]:
    """Return a ruleset that requires no approval of a pull request, because nobody could give one."""
    rules = [
        rule | {"parameters": rule["parameters"] | UNAPPROVED} if rule["type"] == "pull_request" else rule
        for rule in ruleset["rules"]
    ]
    return ruleset | {"rules": rules}
