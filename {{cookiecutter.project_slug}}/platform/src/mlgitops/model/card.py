"""The model card: what the exported model is, for those who meet it without this repository."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from ..contract.contract import Contract
from ..contract.params import Params

CARD = """# Model card: {target}

Predicts **{target}** ({meaning}) with {algorithm} from {inputs} columns.

## Results

On {rows:,} rows that training did not see: {held_out}.

{results}

## By group

{groups}

## What it looks at

How much the {metric} falls when a feature is shuffled.

{importance}

## Inputs

{columns}

## Limits

It is as good as the results above on rows that keep contract.yaml, which travels with it; other rows are refused.
Groups that are not listed had too few rows to say anything about.
"""


def card(contract: Contract, params: Params, algorithm: str, scores: dict[str, Any], plots: Path) -> str:
    """Return the card in Markdown; *plots* is the folder that evaluate wrote."""
    target = contract.columns[contract.target]
    results = {name: value for name, value in scores.items() if name != "rows"}
    share = f"{params.split.test:.0%} of the rows"
    return CARD.format(
        target=contract.target,
        meaning="; ".join(filter(None, [target.description, " or ".join(contract.classes)])) or contract.task,
        algorithm=algorithm,
        inputs=len(contract.inputs),
        rows=scores["rows"],
        held_out=f"{share}, the newest by {contract.time}" if contract.time else share,
        results=_table(["metric", "value"], ((name, f"{value:.4f}") for name, value in results.items())),
        groups=_frame(pd.read_csv(plots / "slices.csv", keep_default_na=False)),
        metric=next(iter(results)),
        importance=_frame(pd.read_csv(plots / "importance.csv").head(10)),
        columns=_table(["column", "type", "meaning"], ((n, c.type, c.description) for n, c in contract.inputs.items())),
    )


def _frame(rows: pd.DataFrame) -> str:
    return _table(list(rows.columns), rows.itertuples(index=False))


def _table(head: list[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
