"""Stand-ins for the actions that workflows use: what each declares, and what it does on the machine of the tests.

The real ones are other people's code and are not here; the inputs are theirs, so that a misspelt one is found.
"""

from dataclasses import dataclass, field
from pathlib import Path

import yaml

CHECKOUT = """\
set -euo pipefail
git init -q -b main .
git remote add origin "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"
git fetch -q --depth 1 --no-tags origin "${ref:-$GITHUB_SHA}"
git -c advice.detachedHead=false checkout -q --force -B "${GITHUB_REF_NAME:-main}" FETCH_HEAD
"""
UPLOAD = """\
set -euo pipefail
[ "$archive" != false ] || name=$(basename "$path")
to="$FAKE_ARTIFACTS/$GITHUB_RUN_ID/$name"
[ ! -e "$to" ] || { echo "::error::409 Conflict: an artifact with this name already exists: $name"; exit 1; }
[ -e "$path" ] || { echo "::warning::No files were found with the provided path: $path"; exit 0; }
mkdir -p "$to"
if [ -d "$path" ]; then cp -r "$path/." "$to"; else cp "$path" "$to"; fi
"""


@dataclass(frozen=True)
class Double:
    """An action: its inputs with their defaults, and the shell that stands in for it."""

    inputs: dict[str, str]
    shell: str = "true"
    outputs: dict[str, str] = field(default_factory=dict)


def _optional(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, "")


DOUBLES = {
    "actions/attest": Double(
        _optional("subject-name", "subject-digest", "subject-path", "sbom-path", "push-to-registry", "predicate-type")
    ),
    "actions/checkout": Double(
        _optional("repository", "ref", "token", "path", "fetch-depth", "fetch-tags", "persist-credentials"), CHECKOUT
    ),
    "actions/deploy-pages": Double(_optional("artifact_name", "timeout")),
    "actions/setup-python": Double(_optional("python-version", "cache")),
    "actions/upload-artifact": Double(
        {"name": "artifact", "archive": "true"}
        | _optional("path", "if-no-files-found", "retention-days", "overwrite", "include-hidden-files"),
        UPLOAD,
    ),
    "actions/upload-pages-artifact": Double(_optional("name", "path", "retention-days"), 'test -s "$path/index.html"'),
    "anchore/scan-action": Double(
        _optional("image", "path", "sbom", "fail-build", "severity-cutoff", "only-fixed", "output-format"),
        'test -s "$sbom"',
    ),
    "astral-sh/setup-uv": Double(_optional("version", "python-version", "enable-cache"), "uv --version"),
    "aws-actions/configure-aws-credentials": Double(_optional("role-to-assume", "aws-region", "role-session-name")),
    "azure/login": Double(_optional("client-id", "tenant-id", "subscription-id")),
    "google-github-actions/auth": Double(_optional("workload_identity_provider", "service_account", "project_id")),
    "sigstore/cosign-installer": Double(_optional("cosign-release")),
}


def write(folder: Path) -> None:
    """Write every stand-in to *folder*; each notes its name and inputs in the file that FAKE_CALLS names."""
    for name, double in DOUBLES.items():
        environment = {key.replace("-", "_"): f"${{{{ inputs.{key} }}}}" for key in double.inputs}
        note = {"INPUTS": "${{ toJSON(inputs) }}", "NAME": name}
        record = 'jq -nc --arg name "$NAME" --argjson with "$INPUTS" \'{$name, $with}\' >> "$FAKE_CALLS"'
        action = {
            "name": name,
            "description": "a stand-in",
            "inputs": {key: {"description": key, "default": value} for key, value in double.inputs.items()},
            "runs": {
                "using": "composite",
                "steps": [
                    {"shell": "bash", "env": note, "run": record},
                    {"shell": "bash", "env": environment, "run": double.shell},
                ],
            },
        }
        path = folder / name / "action.yml"
        path.parent.mkdir(parents=True)
        path.write_text(yaml.safe_dump(action, sort_keys=False), encoding="utf-8")
