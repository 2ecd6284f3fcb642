"""Applies this repository's settings at GitHub: rules for branches and tags, environments, what workflows may do."""

from pathlib import Path

import click

from ..common import files
from ..image.overlay import ENVIRONMENTS
from . import api

RULES = Path(".github/rulesets")
MAIN_ALONE = {"protected_branches": False, "custom_branch_policies": True}


@click.command()
def main() -> None:
    """Apply .github/rulesets and the environments to the repository at GitHub; safe to repeat."""
    known = {one["name"]: one["id"] for one in api.api("/rulesets")}
    for path in sorted(RULES.glob("*.json")):
        rule = files.read_json(path)
        where = f"/rulesets/{known[rule['name']]}" if rule["name"] in known else "/rulesets"
        api.api(where, "PUT" if rule["name"] in known else "POST", rule)
        click.echo(f"{path}: {'updated' if rule['name'] in known else 'made'}")
    for name in ENVIRONMENTS:
        api.api(f"/environments/{name}", "PUT", {"deployment_branch_policy": MAIN_ALONE})
        where = f"/environments/{name}/deployment-branch-policies"
        if api.DEFAULT not in [one["name"] for one in api.api(where)["branch_policies"]]:
            api.api(where, "POST", {"name": api.DEFAULT})
        click.echo(f"environment {name}: deploys from {api.DEFAULT} alone")
    permissions = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    api.api("/actions/permissions/workflow", "PUT", permissions)  # GitHub has one switch for opening and approving
    api.api("", "PATCH", {"delete_branch_on_merge": True})
    click.echo("workflows may open pull requests; merged branches are deleted")
