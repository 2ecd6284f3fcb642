"""The paths of other protocols at which the service answers, beside /predict."""

from ..model.scorer import Scorer
from . import invocations, open_inference
from .limits import Limits
from .protocol import Adapter


def by_path(scorer: Scorer, version: str, limits: Limits) -> dict[str, Adapter]:
    """Return the adapters by path; the model is known by its project's name, with _ or with - as in Kubernetes."""
    name, rows = str(scorer.manifest.get("project") or "model"), limits.max_rows
    paths = invocations.adapters(scorer.contract, rows)
    for spelling in dict.fromkeys((name, name.replace("_", "-"))):
        paths |= open_inference.adapters(scorer.contract, spelling, version, rows)
    return paths | invocations.vertex_adapters()
