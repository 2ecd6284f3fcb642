"""The primary metric that a contract may name: all of them are better when they are larger."""

import re

LEVEL = r"0\.\d*[1-9]\d*"
METRICS = {
    "binary": ("roc_auc", "average_precision", "recall_at_precision_0.9", "lift_at_0.1"),
    "multiclass": ("f1_macro", "balanced_accuracy", "accuracy"),
    "regression": ("r2",),
}


def check_metric(metric: str | None, task: str) -> None:
    """Raise ValueError unless the metric is one of the task; the level of the last two binary ones is free."""
    if metric is None or metric in METRICS[task]:
        return
    if task == "binary" and re.fullmatch(rf"(recall_at_precision|lift_at)_{LEVEL}", metric):
        return
    raise ValueError(
        f"metric: {metric!r} is no primary metric of task {task}: choose one of {', '.join(METRICS[task])}"
    )
