"""What a lineage is asked of: a name, a digest, a file, an exported model, a running service or its answer."""

import json
import urllib.request
from pathlib import Path
from urllib.error import URLError

from ..common.errors import ProjectError
from ..data.profile import digests
from ..model.scorer import digest

SECONDS = 10  # for a service to answer


def identities(subject: str) -> tuple[str, ...]:
    """Return the names and digests by which a version can know *subject*, the surest first.

    A folder is an exported model, known by its manifest; a file by its content; an address is a service, which says
    its version. Anything else is a name, a commit, or a digest or its first characters.
    """
    path = Path(subject)
    if subject.startswith(("http://", "https://")):
        return _service(subject)
    if subject and path.is_dir():
        manifest = path / "manifest.json"
        if not manifest.is_file():
            raise ProjectError(f"{subject}: this folder is no exported model: it has no manifest.json")
        return (digest(manifest),)
    if path.is_file():
        return digests(path)
    return (subject.removeprefix("sha256:"),)


def _service(address: str) -> tuple[str, ...]:
    """Return the version of a running service and the digest of its model, as its page /lineage says."""
    url = f"{address.rstrip('/').removesuffix('/lineage')}/lineage"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310  # an address of the user
            facts = json.load(answer)
    except (URLError, OSError, ValueError) as error:
        raise ProjectError(f"{url}: the service does not say what it runs: {error}") from None
    if not isinstance(facts, dict):
        raise ProjectError(f"{url}: not the lineage of a model")
    files = (facts.get("model") or {}).get("files") or {}
    known = (facts.get("image"), files.get("model.onnx"), facts.get("version"))
    return tuple(str(value) for value in known if value)
