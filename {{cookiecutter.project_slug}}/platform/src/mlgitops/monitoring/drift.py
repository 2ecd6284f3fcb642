"""Measures drift between recent rows and the reference rows that the model was evaluated on."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pandas as pd

from ..batch.parts import chunks
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Monitor, Params
from ..data import frame
from ..data.arrow_types import to_frame
from ..data.distribution import count, distribution, shift
from ..model.scorer import Scorer
from ..serving.rows import score
from .report import ColumnDrift, Drift
from .windows import unseen, usual

ADVICE = "`score` names the reason for each row; then fix the rows, or contract.yaml and train again"


def monitor(
    scorer: Scorer,
    reference: Iterable[pd.DataFrame],
    recent: Iterable[pd.DataFrame],
    limit: float,
    max_unseen: float = 1.0,
) -> Drift:
    """Return the drift of all inputs and of the predictions, the largest first; dates are skipped: they always shift.

    Both tables are iterables of chunks. Rows that break the contract are counted and skipped; if no recent row is left,
    no column is compared. Raises ProjectError if no reference row is left.
    """
    (before, refused_before), (after, refused) = _valid_rows(scorer, reference), _valid_rows(scorer, recent)
    if not len(before):
        raise ProjectError(
            f"none of the {refused_before:,} reference rows satisfies the contract of the model: {ADVICE}"
        )
    time = scorer.contract.time
    before = before.sort_values(time, kind="stable", ignore_index=True) if time else before
    names = [name for name in before if name != time] if len(after) else []
    columns = [_drift(name, before[name], after[name], (limit, max_unseen)) for name in names]
    return Drift(
        model=scorer.manifest["files"]["model.onnx"],
        target=scorer.contract.target,
        limit=limit,
        rows=len(after) + refused,
        refused=refused,
        reference_rows=len(before) + refused_before,
        drifted=tuple(column.column for column in columns if column.drifted),
        columns=tuple(sorted(columns, key=lambda column: -column.shift.psi)),
    )


def _drift(name: str, before: pd.Series, after: pd.Series, limits: tuple[float, float]) -> ColumnDrift:
    bins = distribution(before)
    difference, chance, new = shift(bins, count(after, bins)), usual(before, bins, len(after)), unseen(before, after)
    strange = new > max(limits[1], chance.unseen)  # a number outside the range may be a season: that explains, too
    number = pd.api.types.is_float_dtype(before)
    return ColumnDrift(
        column=name,
        drifted=difference.psi > max(limits[0], difference.chance, chance.psi) or (strange and number),
        shift=difference,
        usual=chance.psi,
        unseen=new,
        strange=strange and not number,
    )


def _valid_rows(scorer: Scorer, parts: Iterable[pd.DataFrame]) -> tuple[pd.DataFrame, int]:
    """Return inputs and predictions of all valid rows, and the number of invalid rows."""
    contract, frames, refused = scorer.contract, [], 0
    excluded = ("date", "datetime", "text")
    names = [name for name, c in contract.inputs.items() if c.type not in excluded or name == contract.time]
    output = "probability" if len(contract.classes) == 2 else "prediction"
    for rows in parts:
        predictions = score(scorer, rows)
        kept = predictions["error"].isna().to_numpy()
        refused += int((~kept).sum())
        if kept.any():
            typed = frame.parse(rows[kept].reindex(columns=names), contract)
            frames.append(typed.assign(**{f"the model's {output}": predictions.loc[kept, output].array}))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(), refused


def _frames(source: Path, contract: Contract) -> Iterator[pd.DataFrame]:
    rows = 0
    for part in chunks(source, contract):
        yield to_frame(part)
        rows += part.num_rows
    if not rows:
        raise ProjectError(f"{source}: the table has no rows")


def page(report: Drift) -> str:
    """Return the drift as a table for a terminal."""
    lines = [f"{'':2}{'PSI':>6}  {'usual':>6}  {'column':30}  largest change (share before, now)"]
    lines += [
        f"{'!' if column.drifted else '':2}{column.shift.psi:6.3f}  {column.usual:6.3f}  {column.column[:30]:30}  "
        f"{column.shift.moved[:30]}: {column.shift.before:.1%}, {column.shift.after:.1%}"
        for column in report.columns
    ]
    summary = f"{report.rows:,} recent rows, {report.reference_rows:,} reference rows"
    refused = f"; {report.refused:,} break the contract ({report.refused_share:.1%})" if report.refused else ""
    return "\n".join([summary + refused, *lines])


def alarms(report: Drift, limits: Monitor) -> list[str]:
    """Return why the report is an alarm; empty where it is not."""
    reasons = []
    if report.refused == report.rows:
        return [f"none of the {report.rows:,} recent rows satisfies the contract of the model: {ADVICE}"]
    if report.refused_share > limits.max_refused:
        reasons.append(
            f"{report.refused:,} of {report.rows:,} recent rows break the contract, more than {limits.max_refused:.0%} "
            "(params.yaml: monitor.max_refused): `score` names the reason for each row"
        )
    strange = [column for column in report.columns if column.strange]
    if strange:
        shares = ", ".join(f"{column.column} ({column.unseen:.1%})" for column in strange)
        reasons.append(
            f"recent rows have categories that no reference row has: {shares}, more than {limits.max_unseen:.0%} "
            "(params.yaml: monitor.max_unseen): check the source of the data, then retrain on newer rows"
        )
    if report.drifted and limits.drift_alarm:
        reasons.append(
            f"{', '.join(report.drifted)} drifted: the population stability index (PSI) is above {report.limit} "
            "(params.yaml: monitor.max_psi): check the source of the data, then retrain on newer rows"
        )
    return reasons


@click.command()
@click.argument("recent", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path, exists=True, file_okay=False), default="models/export")
@click.option("--reference", type=click.Path(path_type=Path, exists=True), default="data/test.parquet")
def main(recent: Path, report: Path, model: Path, reference: Path) -> None:
    """Compare the table RECENT (or a .sql query) with REFERENCE and write REPORT.

    Drift explains, and fails only with monitor.drift_alarm; too many rows that break the contract, or with categories
    that the reference does not have, fail.
    """
    scorer, limits = Scorer(model), Params.load(Path("params.yaml")).monitor
    result = monitor(
        scorer, _frames(reference, scorer.contract), _frames(recent, scorer.contract), limits.max_psi, limits.max_unseen
    )
    result.save(report)
    click.echo(page(result))
    if reasons := alarms(result, limits):
        raise ProjectError("\n".join(reasons))
