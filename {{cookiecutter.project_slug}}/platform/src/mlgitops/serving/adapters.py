"""The paths of other protocols at which the service answers, beside /predict."""

from dataclasses import dataclass

from ..model.scorer import Scorer
from . import invocations, open_inference
from .limits import Limits
from .protocol import Adapter


@dataclass(frozen=True)
class Adapters:
    """The adapters by path, and the one that words the errors of other paths of the Open Inference Protocol."""

    paths: dict[str, Adapter]
    unknown: Adapter

    def get(self, path: str) -> Adapter | None:
        """Return the adapter that answers at *path*."""
        return self.paths.get(path)

    def refusing(self, path: str) -> Adapter | None:
        """Return the adapter that words the errors at *path*."""
        return self.paths.get(path) or (self.unknown if path.startswith("/v2/") else None)


def by_path(scorer: Scorer, version: str, limits: Limits) -> Adapters:
    """Return the adapters; the model is known by its project's name, with _ or with - as in Kubernetes."""
    name, rows = str(scorer.manifest.get("project") or "model"), limits.max_rows
    paths = invocations.adapters(scorer.contract, rows)
    for spelling in dict.fromkeys((name, name.replace("_", "-"))):
        paths |= open_inference.adapters(scorer.contract, spelling, version, rows)
    return Adapters(paths | invocations.vertex_adapters(), open_inference.unknown(name, version))
