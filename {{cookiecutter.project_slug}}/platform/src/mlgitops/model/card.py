"""The model card: describes the exported model to readers who do not have this repository."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Params

EMPTY: dict[str, Any] = {}
CARD = """# Model card: {target}

Predicts **{target}** ({meaning}) with {algorithm} from {inputs} columns.

## Results

On {rows:,} rows that were held out of training: {held_out}.{window}{calibration}{interval}{refit}

{results}

## Results by slice

{slices}

## Feature importance

{importance}

## Inputs

{columns}

## Limits

The results hold for rows that satisfy contract.yaml, which is part of the exported model; other rows are refused.
Slices with too few rows for a result are not listed.
"""


def card(
    contract: Contract,
    params: Params,
    algorithm: str,
    evaluation: dict[str, Any],
    plots: Path,
    manifest: dict[str, Any] = EMPTY,
) -> str:
    """Return the card in Markdown; *evaluation* and the folder *plots* were written by evaluate.

    *manifest* has the entry `refit` of a model that was fitted again on all rows, and `reasons` of a model that
    gives reasons: the mean absolute contribution of each column, the largest first.
    """
    scores = {name: value for name, value in evaluation.items() if isinstance(value, int | float)}
    target = contract.columns[contract.target]
    results = {name: value for name, value in scores.items() if name != "rows"}
    test = params.split.test
    share = f"{test:.0%} of the rows" if isinstance(test, float) else f"those of {test.removesuffix('d')} days"
    method = params.train.calibration if contract.classes else None
    calibrated = f" Its probabilities are calibrated ({method})." if method else ""
    window = (
        f" It was fitted on the {params.train.window.removesuffix('d')} days before." if params.train.window else ""
    )
    return CARD.format(
        target=contract.target,
        meaning="; ".join(filter(None, [target.description, " or ".join(contract.classes)])) or contract.task,
        algorithm=algorithm,
        inputs=len(contract.inputs),
        rows=scores["rows"],
        held_out=f"{share}, the newest by {contract.time}" if contract.time else share,
        window=window,
        calibration=calibrated,
        interval=_interval(evaluation.get("interval")),
        results=_table(["metric", "value"], ((name, f"{value:.4f}") for name, value in results.items())),
        refit=_refit(manifest.get("refit")),
        slices=_frame(pd.read_csv(plots / "slices.csv", keep_default_na=False)),
        importance=_importance(next(iter(results)), plots, manifest.get("reasons")),
        columns=_table(["column", "type", "meaning"], ((n, c.type, c.description) for n, c in contract.inputs.items())),
    )


def _refit(fact: dict[str, Any] | None) -> str:
    if not fact:
        return ""
    return (
        f"\n\n**The exported model is a refit on {fact['rows']:,} rows, these ones included** (`train.refit`). The "
        f"results below are those of the model with the same settings that was fitted on {fact['evaluated_rows']:,} "
        "rows and had not seen them."
    )


def _interval(measured: dict[str, float] | None) -> str:
    if not measured:
        return ""
    return f" {measured['covered']:.1%} of these rows are in their interval, of {measured['coverage']:.0%} asked for."


def _importance(metric: str, plots: Path, reasons: Mapping[str, float] | None) -> str:
    if reasons is None:
        shuffled = _frame(pd.read_csv(plots / "importance.csv").head(10))
        return f"Decrease of {metric} when the values of a feature are shuffled.\n\n{shuffled}"
    strongest = _table(["column", "mean contribution"], list(reasons.items())[:10])
    return (
        "Mean absolute contribution of a column to a prediction, on the prediction's scale.\n\n"
        f"{strongest}\n\nFor these reasons, the exported model contains rows of the train part, in background.json."
    )


def _frame(rows: pd.DataFrame) -> str:
    return _table(list(rows.columns), rows.itertuples(index=False))


def _table(head: list[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(value).replace("|", "\\|") for value in line) + " |" for line in lines)
