"""Records a search in MLflow: one run, and each of its trials as a child."""

from typing import TYPE_CHECKING

from ..model.tracking import COMMIT_TAG, TRAIN_TAG, RecordError, experiment, flat
from ..store.mlflow_backend import connect
from .evidence import Evidence
from .study import Trial

if TYPE_CHECKING:
    from mlflow import MlflowClient

STUDY_TAG, TRIAL_TAG, PARENT_TAG, NAME_TAG = "study", "trial", "mlflow.parentRunId", "mlflow.runName"
STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}


def record(evidence: Evidence, study: str) -> str:
    """Record the search, and the trials that are not recorded yet; return the id of its run.

    Raises RecordError if the tracking server or the disk fails meanwhile.
    """
    import mlflow

    client = connect()
    try:
        return _record(client, evidence, study)
    except (mlflow.MlflowException, OSError) as error:
        raise RecordError(f"the search could not be recorded in MLflow: {' '.join(str(error).split())}") from error


def _record(client: "MlflowClient", evidence: Evidence, study: str) -> str:
    where = experiment(client)
    same = client.search_runs([where], f"tags.{STUDY_TAG} = '{study}'", max_results=1)
    tags = {STUDY_TAG: study, COMMIT_TAG: evidence.commit, TRAIN_TAG: evidence.train_sha256, NAME_TAG: "tune"}
    run = same[0] if same else client.create_run(where, tags=tags)
    parent = str(run.info.run_id)
    children = client.search_runs([where], f"tags.`{PARENT_TAG}` = '{parent}'", max_results=50_000)
    known = {child.data.tags.get(TRIAL_TAG) for child in children}
    for trial in evidence.trials:
        if str(trial.number) not in known:
            _record_trial(client, where, parent, trial, f"cv_{evidence.metric}")
    if evidence.best.score is not None:
        client.log_metric(parent, f"cv_{evidence.metric}", evidence.best.score)
    if comparison := evidence.comparison:
        client.log_metric(parent, f"difference_{evidence.metric}", comparison.difference.value)
    client.log_text(parent, evidence.markdown(), "tuning.md")
    client.set_terminated(parent)
    return parent


def _record_trial(client: "MlflowClient", where: str, parent: str, trial: Trial, metric: str) -> None:
    from mlflow.entities import Metric, Param

    name = f"trial {trial.number}"
    tags = {PARENT_TAG: parent, TRIAL_TAG: str(trial.number), NAME_TAG: name}
    run = client.create_run(where, tags=tags)
    scores = [Metric(f"{metric}_fold", score, 0, step) for step, score in enumerate(trial.folds)]
    if trial.score is not None:
        scores.append(Metric(metric, trial.score, 0, 0))
    params = [Param(key, str(value)) for key, value in flat(trial.settings).items()]
    client.log_batch(run.info.run_id, metrics=[*scores, Metric("seconds", trial.seconds, 0, 0)], params=params)
    client.set_terminated(run.info.run_id, STATUS[trial.state])
