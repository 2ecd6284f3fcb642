"""Finds the model that made a prediction, in the predictions that `collect` has kept."""

import json

import pyarrow.compute as pc

from ..monitoring.log_reader import FACTS
from ..monitoring.place import Place


def model_of(prediction: str, place: Place) -> tuple[str, ...]:
    """Return the digest of the model that made a prediction and its version, by the id in `X-Prediction-Id`.

    Row k of a request with several has the id of the request, a slash and k. Empty where no prediction has this id.
    """
    for table in place.tables():
        request = pc.split_pattern(table["id"], "/", max_splits=1, reverse=True)
        same = pc.or_(pc.equal(table["id"], prediction), pc.equal(pc.list_element(request, 0), prediction))
        if len(table) and pc.any(same).as_py():
            facts = json.loads((table.schema.metadata or {}).get(FACTS, b"{}"))
            return tuple(str(facts[name]) for name in ("model", "version") if facts.get(name))
    return ()
