"""Verifies that the workflow `release` of this repository's main made an image: its signature and its attestation."""

import os
import shutil
from typing import Any

from ..common.errors import ProjectError
from ..common.process import run
from . import api

WORKFLOW = f".github/workflows/release.yml@refs/heads/{api.DEFAULT}"
ISSUER = "https://token.actions.githubusercontent.com"
NO_PROGRAM = """{image}: its signature cannot be verified, because cosign is not installed: see
https://docs.sigstore.dev/cosign/system_config/installation, or let a workflow do it: gh workflow run promote.yml"""


def verify(image: str) -> str:
    """Return what was verified about *image*; raises ProjectError unless `release` on main made it.

    Of a repository whose images have attestations, either program is enough on a laptop; a workflow needs both.
    """
    repository = api.api("")
    identity = f"{repository['html_url']}/{WORKFLOW}"
    proofs = []
    if attested(repository):
        _check(image, "gh", "attestation", "verify", f"oci://{image}", "--repo", repository["full_name"],
               "--cert-identity", identity, "--cert-oidc-issuer", ISSUER)  # fmt: skip
        proofs.append("attestation")
    if shutil.which("cosign"):
        _check(image, "cosign", "verify", "--certificate-identity", identity, "--certificate-oidc-issuer", ISSUER,
               "--output", "text", image)  # fmt: skip
        proofs.append("signature")
    elif not proofs or os.environ.get("CI"):
        raise ProjectError(NO_PROGRAM.format(image=image))
    return f"{image}: verified the {' and the '.join(proofs)} of {identity}"


def attested(repository: dict[str, Any]) -> bool:
    """Return whether GitHub keeps attestations of this repository: of private ones, it depends on the plan."""
    return not repository.get("private") or os.environ.get("ATTESTATIONS") == "true"


def _check(image: str, *command: str) -> None:
    try:
        run(*command)
    except ProjectError as error:
        raise ProjectError(f"{image} was not made by {WORKFLOW} of this repository: {error.message}") from error
