"""Applies the settings of the GitHub repository: rulesets, environments, permissions of workflows."""

from pathlib import Path

import click

from ..common import files
from ..image.overlay import ENVIRONMENTS
from . import api

RULESETS = Path(".github/rulesets")
MAIN_ONLY = {"protected_branches": False, "custom_branch_policies": True}


@click.command()
def main() -> None:
    """Apply .github/rulesets and the environments to the GitHub repository; idempotent."""
    ids = {entry["name"]: entry["id"] for entry in api.api("/rulesets")}
    for path in sorted(RULESETS.glob("*.json")):
        rule = files.read_json(path)
        endpoint = f"/rulesets/{ids[rule['name']]}" if rule["name"] in ids else "/rulesets"
        api.api(endpoint, "PUT" if rule["name"] in ids else "POST", rule)
        click.echo(f"{path}: {'updated' if rule['name'] in ids else 'created'}")
    for name in ENVIRONMENTS:
        api.api(f"/environments/{name}", "PUT", {"deployment_branch_policy": MAIN_ONLY})
        endpoint = f"/environments/{name}/deployment-branch-policies"
        if api.DEFAULT not in [entry["name"] for entry in api.api(endpoint)["branch_policies"]]:
            api.api(endpoint, "POST", {"name": api.DEFAULT})
        click.echo(f"environment {name}: deploys only from {api.DEFAULT}")
    permissions = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    api.api("/actions/permissions/workflow", "PUT", permissions)  # opening and approving are one setting
    api.api("", "PATCH", {"delete_branch_on_merge": True})
    click.echo("workflows may open pull requests; merged branches are deleted")
