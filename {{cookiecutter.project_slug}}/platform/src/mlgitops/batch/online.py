"""Answers of the service in the table of predictions, which batch runs fill too: the latest per key and version."""

from collections.abc import Iterable
from datetime import datetime

from .predictions import Prediction, PredictionTable

UPSERT = """
insert into {predictions} as old (key, model, source, prediction, probability, probabilities, made)
select distinct on (key) key, %s, 'online', prediction, probability, probabilities, made from new_predictions
order by key, made desc
on conflict (key, model) do update set source = 'online', prediction = excluded.prediction,
  probability = excluded.probability, probabilities = excluded.probabilities, error = null, made = excluded.made
where old.made < excluded.made
"""  # the name of a run stays: the run has written this key, and does not score it again


class OnlinePredictions(PredictionTable):
    """The part of the table that the service answers; what was written already is not written again."""

    def write(self, answers: Iterable[tuple[str, Prediction, datetime]]) -> None:
        """Write answers, each with the version of the model and its time; those of a version all or nothing."""
        versions: dict[str, list[tuple[object, ...]]] = {}
        for version, prediction, made in answers:
            versions.setdefault(version, []).append((*prediction, made))
        for version, rows in versions.items():
            with self._connection.transaction():
                self._copy((*Prediction._fields, "made"), rows)
                self._execute(UPSERT, [version])
