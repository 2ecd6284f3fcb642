"""Compares what production sees with the rows that the model was judged on: has the data drifted from under it?"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy.special import chdtri

from ..batch.score import delivered
from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model.scorer import Scorer
from ..serving.rows import score

BINS = 10  # of a number, with as many rows of the reference in each
LEVELS = 20  # of a category, the most frequent ones; the others are one bin
UNLIKELY = 0.001  # the share of columns that did not move, and of which chance says otherwise
MISSING, OTHERS = "missing", "others"


def compare(before: pd.Series, after: pd.Series) -> dict[str, Any]:
    """Return how far two samples of one column are apart: their population stability index, and what chance explains.

    Besides it: the bin whose share moved most, and both of its shares.
    """
    old, new = _shares(before, after)
    sizes = len(before), len(after)
    smooth = [np.clip(shares, 0.5 / size, None) for shares, size in zip((old, new), sizes, strict=True)]
    index = float(((smooth[1] - smooth[0]) * np.log(smooth[1] / smooth[0])).sum())
    # of samples of one population, the index is distributed as chi-square times this
    chance = float(chdtri(max(len(old) - 1, 1), UNLIKELY)) * sum(1 / size for size in sizes)
    most = (new - old).abs().idxmax()
    shares = {"before": float(old[most]), "after": float(new[most])}
    return {"psi": index, "chance": chance, "moved": str(most), **shares}


def _shares(before: pd.Series, after: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the share of rows in each bin; the bins are made from *before*."""
    if pd.api.types.is_float_dtype(before):
        cuts = np.unique(before.quantile(np.linspace(0, 1, BINS + 1)[1:-1]).dropna())  # none, where none has a number
        edges = np.r_[-np.inf, cuts, np.inf]
        binned = [pd.cut(cells, edges).astype("string") for cells in (before, after)]
    else:
        known = before.astype("string").value_counts().index[:LEVELS]
        binned = [cells.astype("string").where(lambda c: c.isin(known) | c.isna(), OTHERS) for cells in (before, after)]
    counts = [cells.fillna(MISSING).value_counts(normalize=True) for cells in binned]
    names = counts[0].index.union(counts[1].index)
    old, new = (count.reindex(names, fill_value=0.0) for count in counts)
    return old, new


def monitor(
    scorer: Scorer, reference: Iterable[pd.DataFrame], recent: Iterable[pd.DataFrame], limit: float
) -> dict[str, Any]:
    """Return the drift of every input but times, which move by nature, and of the model's answers, the largest first.

    Both tables come part by part. Rows that break the contract are counted, and left out.
    """
    (before, others), (after, refused) = _seen(scorer, reference), _seen(scorer, recent)
    columns = [{"column": name, **compare(before[name], after[name])} for name in before]
    columns = [{**one, "drifted": one["psi"] > max(limit, one["chance"])} for one in columns]
    return {
        "model": scorer.manifest["files"]["model.onnx"],
        "target": scorer.contract.target,
        "limit": limit,
        "rows": len(after) + refused,
        "refused": refused,
        "reference_rows": len(before) + others,
        "drifted": [one["column"] for one in columns if one["drifted"]],
        "columns": sorted(columns, key=lambda one: -one["psi"]),
    }


def _seen(scorer: Scorer, parts: Iterable[pd.DataFrame]) -> tuple[pd.DataFrame, int]:
    """Return what is compared of the rows that keep the contract, inputs and answers, and how many others there are."""
    contract, seen, refused = scorer.contract, [], 0
    names = [name for name, column in contract.inputs.items() if column.type not in ("date", "datetime")]
    said = "probability" if len(contract.classes) == 2 else "prediction"
    for rows in parts:
        answers = score(scorer, rows)
        kept = answers["error"].isna().to_numpy()
        typed = frame.parse(rows[kept].reindex(columns=names), contract)
        seen.append(typed.assign(**{f"the model's {said}": answers.loc[kept, said].array}))
        refused += int((~kept).sum())
    return pd.concat(seen, ignore_index=True), refused


def _frames(source: Path, contract: Contract) -> Iterator[pd.DataFrame]:
    return (part.to_pandas() for part in delivered(source, contract))


def page(found: dict[str, Any]) -> str:
    """Return the drift as a table for a terminal."""
    lines = [f"{'':2}{'PSI':>6}  {'column':30}  what moved most (share before, now)"]
    lines += [
        f"{'!' if one['drifted'] else '':2}{one['psi']:6.3f}  {one['column'][:30]:30}  "
        f"{one['moved'][:30]}: {one['before']:.1%}, {one['after']:.1%}"
        for one in found["columns"]
    ]
    said = f"{found['rows']:,} rows against {found['reference_rows']:,}"
    return "\n".join([said + (f"; {found['refused']:,} break the contract" if found["refused"] else ""), *lines])


@click.command()
@click.argument("recent", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), default="models/export")
@click.option("--reference", type=click.Path(path_type=Path, exists=True), default="data/test.parquet")
def main(recent: Path, report: Path, model: Path, reference: Path) -> None:
    """Compare the table RECENT (or a .sql query) with REFERENCE, write REPORT, and fail where something has drifted."""
    scorer, limit = Scorer(model), Params.load(Path("params.yaml")).monitor.max_psi
    found = monitor(scorer, _frames(reference, scorer.contract), _frames(recent, scorer.contract), limit)
    files.write_json(report, found)
    click.echo(page(found))
    if found["drifted"]:
        raise ProjectError(
            f"{', '.join(found['drifted'])} drifted: the population stability index is above {limit} (params.yaml: "
            "monitor.max_psi): look at where the data comes from, then train on newer rows"
        )
