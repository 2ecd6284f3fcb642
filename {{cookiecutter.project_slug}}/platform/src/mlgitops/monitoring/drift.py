"""Measures drift between recent rows and the reference rows that the model was evaluated on."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from scipy.special import chdtri

from ..batch.score import chunks
from ..common import files
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..data import frame
from ..model.scorer import Scorer
from ..serving.rows import score

NUMBER_BINS = 10  # quantiles of the reference
CATEGORY_BINS = 20  # the most frequent categories; all others share one more bin
FALSE_ALARM_RATE = 0.001  # significance level: share of unchanged columns whose index exceeds `chance`
MISSING, OTHER = "missing", "others"


def compare(before: pd.Series, after: pd.Series) -> dict[str, Any]:
    """Return the population stability index of two samples of a column, and the value that chance alone can reach.

    Also the bin with the largest change, and its share in both samples.
    """
    old, new = _shares(before, after)
    sizes = len(before), len(after)
    smooth = [np.clip(shares, 0.5 / size, None) for shares, size in zip((old, new), sizes, strict=True)]
    index = float(((smooth[1] - smooth[0]) * np.log(smooth[1] / smooth[0])).sum())
    # for two samples of one population, index / sum(1 / size) has a chi-square distribution
    chance = float(chdtri(max(len(old) - 1, 1), FALSE_ALARM_RATE)) * sum(1 / size for size in sizes)
    bin_name = (new - old).abs().idxmax()
    shares = {"before": float(old[bin_name]), "after": float(new[bin_name])}
    return {"psi": index, "chance": chance, "moved": str(bin_name), **shares}


def _shares(before: pd.Series, after: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the share of rows per bin in both samples; the bins are derived from *before*."""
    if pd.api.types.is_float_dtype(before):
        cuts = np.unique(before.quantile(np.linspace(0, 1, NUMBER_BINS + 1)[1:-1]).dropna())  # empty without numbers
        edges = np.r_[-np.inf, cuts, np.inf]
        binned = [pd.cut(values, edges).astype("string") for values in (before, after)]
    else:
        frequent = before.astype("string").value_counts().index[:CATEGORY_BINS]
        binned = [
            values.astype("string").where(lambda v: v.isin(frequent) | v.isna(), OTHER) for values in (before, after)
        ]
    counts = [values.fillna(MISSING).value_counts(normalize=True) for values in binned]
    names = counts[0].index.union(counts[1].index)
    old, new = (count.reindex(names, fill_value=0.0) for count in counts)
    return old, new


def monitor(
    scorer: Scorer, reference: Iterable[pd.DataFrame], recent: Iterable[pd.DataFrame], limit: float
) -> dict[str, Any]:
    """Return the drift of all inputs and of the predictions, the largest first; dates are skipped: they always shift.

    Both tables are iterables of chunks. Rows that break the contract are counted and skipped.
    """
    (before, refused_before), (after, refused) = _valid_rows(scorer, reference), _valid_rows(scorer, recent)
    columns = [{"column": name, **compare(before[name], after[name])} for name in before]
    columns = [{**column, "drifted": column["psi"] > max(limit, column["chance"])} for column in columns]
    return {
        "model": scorer.manifest["files"]["model.onnx"],
        "target": scorer.contract.target,
        "limit": limit,
        "rows": len(after) + refused,
        "refused": refused,
        "reference_rows": len(before) + refused_before,
        "drifted": [column["column"] for column in columns if column["drifted"]],
        "columns": sorted(columns, key=lambda column: -column["psi"]),
    }


def _valid_rows(scorer: Scorer, parts: Iterable[pd.DataFrame]) -> tuple[pd.DataFrame, int]:
    """Return inputs and predictions of all valid rows, and the number of invalid rows."""
    contract, frames, refused = scorer.contract, [], 0
    names = [name for name, column in contract.inputs.items() if column.type not in ("date", "datetime")]
    output = "probability" if len(contract.classes) == 2 else "prediction"
    for rows in parts:
        predictions = score(scorer, rows)
        kept = predictions["error"].isna().to_numpy()
        typed = frame.parse(rows[kept].reindex(columns=names), contract)
        frames.append(typed.assign(**{f"the model's {output}": predictions.loc[kept, output].array}))
        refused += int((~kept).sum())
    return pd.concat(frames, ignore_index=True), refused


def _frames(source: Path, contract: Contract) -> Iterator[pd.DataFrame]:
    return (part.to_pandas() for part in chunks(source, contract))


def page(report: dict[str, Any]) -> str:
    """Return the drift as a table for a terminal."""
    lines = [f"{'':2}{'PSI':>6}  {'column':30}  largest change (share before, now)"]
    lines += [
        f"{'!' if column['drifted'] else '':2}{column['psi']:6.3f}  {column['column'][:30]:30}  "
        f"{column['moved'][:30]}: {column['before']:.1%}, {column['after']:.1%}"
        for column in report["columns"]
    ]
    summary = f"{report['rows']:,} recent rows, {report['reference_rows']:,} reference rows"
    return "\n".join([summary + (f"; {report['refused']:,} break the contract" if report["refused"] else ""), *lines])


@click.command()
@click.argument("recent", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), default="models/export")
@click.option("--reference", type=click.Path(path_type=Path, exists=True), default="data/test.parquet")
def main(recent: Path, report: Path, model: Path, reference: Path) -> None:
    """Compare the table RECENT (or a .sql query) with REFERENCE and write REPORT; fails if a column has drifted."""
    scorer, limit = Scorer(model), Params.load(Path("params.yaml")).monitor.max_psi
    result = monitor(scorer, _frames(reference, scorer.contract), _frames(recent, scorer.contract), limit)
    files.write_json(report, result)
    click.echo(page(result))
    if result["drifted"]:
        raise ProjectError(
            f"{', '.join(result['drifted'])} drifted: the population stability index (PSI) is above {limit} "
            "(params.yaml: monitor.max_psi): check the source of the data, then retrain on newer rows"
        )
