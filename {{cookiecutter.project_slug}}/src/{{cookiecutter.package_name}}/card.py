"""The model card: what the exported model is, for those who meet it without this repository."""

from pathlib import Path
from typing import Any

import pandas as pd

from .contract import Contract
from .settings import Params


def card(contract: Contract, params: Params, scores: dict[str, Any], plots: Path) -> str:
    """Return the card in Markdown; *plots* is the folder that evaluate wrote."""
    target = contract.columns[contract.target]
    classes = f", one of {', '.join(contract.classes)}" if contract.classes else ""
    held_out = f"the newest {params.split.test:.0%} of the rows by {contract.time}" if contract.time else f"{params.split.test:.0%} of the rows"
    return "\n".join(
        [
            f"# Model card: {contract.target}",
            "",
            f"Predicts **{contract.target}** ({target.description or contract.task}{classes}) with {params.train.algorithm}"
            f" from {len(contract.inputs)} columns.",
            "",
            "## Results",
            "",
            f"On {scores['rows']:,} rows that training did not see: {held_out}.",
            "",
            *_table(pd.DataFrame([(name, f"{value:.4f}") for name, value in scores.items() if name != "rows"], columns=["metric", "value"])),
            "",
            "## By group",
            "",
            *_table(pd.read_csv(plots / "slices.csv", keep_default_na=False)),
            "",
            "## What it looks at",
            "",
            *_table(pd.read_csv(plots / "importance.csv").head(10)),
            "",
            "## Inputs",
            "",
            *_table(pd.DataFrame([(n, c.type, c.description) for n, c in contract.inputs.items()], columns=["column", "type", "meaning"])),
            "",
            "## Limits",
            "",
            "It is only as good as the results above on data that keeps contract.yaml, which travels with it: rows that break the",
            "contract are refused. Groups that are not listed had too few rows to say anything about.",
            "",
        ]
    )


def _table(rows: pd.DataFrame) -> list[str]:
    lines = [list(map(str, rows.columns)), ["---"] * rows.shape[1], *rows.astype(str).to_numpy().tolist()]
    return ["| " + " | ".join(line) + " |" for line in lines]
