"""Decides about an alarm: performance decides, drift explains, and invalid rows have limits of their own."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from ..common.errors import ProjectError
from ..common.record import Record
from ..contract.params import Monitor, Params
from . import drift, production_pages
from .production import Production
from .report import Drift

ALARM = 3  # the exit code of an alarm; 1 means that it could not be decided
SHOWN_PERIODS, SHOWN_COLUMNS = 8, 5


@dataclass(frozen=True)
class Alarm(Record):
    """Why there is an alarm, and what may explain it; no reasons, no alarm."""

    target: str
    version: str | None
    reasons: tuple[str, ...]
    explanations: tuple[str, ...]
    periods: tuple[tuple[str, ...], ...]  # start, version, predictions, share with an outcome, metric, verdict

    @property
    def sentence(self) -> str:
        """The alarm in one sentence."""
        return f"alarm for {self.target}: {'; '.join(self.reasons)}" if self.reasons else f"no alarm for {self.target}"


def decide(production: Production | None, moved: Drift | None, limits: Monitor) -> Alarm:
    """Return the alarm of the reports, of which one may be missing."""
    reasons = list(production.reasons) if production else []
    if production and production.refused_share > limits.max_refused:
        reasons.append(
            f"{production.refused_share:.1%} of the newest requests broke the contract, more than "
            f"{limits.max_refused:.0%} (params.yaml: monitor.max_refused)"
        )
    reasons += drift.alarms(moved, limits) if moved else []
    target = production.target if production else moved.target if moved else ""
    return Alarm(
        target=target,
        version=production.version if production else None,
        reasons=tuple(reasons),
        explanations=tuple(explanations(production, moved)),
        periods=tuple(_row(production, n) for n in range(len(production.periods)))[-SHOWN_PERIODS:]
        if production
        else (),
    )


def explanations(production: Production | None, moved: Drift | None) -> list[str]:
    """Return what may explain an alarm, and decides nothing."""
    lines = []
    if moved:
        columns = [column for column in moved.columns if column.drifted][:SHOWN_COLUMNS]
        lines += [
            f"{c.column} drifted: PSI {c.shift.psi:.2f}, at most {max(c.usual, c.shift.chance):.2f} by chance; "
            f"{c.shift.moved} was {c.shift.before:.1%} of the rows and is {c.shift.after:.1%}"
            for c in columns
        ]
    if production and production.periods and production.periods[-1].estimated is not None:
        last = production.periods[-1]
        lines.append(f"estimated {production.metric} since {last.start}, without outcomes: {last.estimated:.4f}")
    return lines


def _row(production: Production, number: int) -> tuple[str, ...]:
    period = production.periods[number]
    share, score = f"{period.labelled_share:.1%}", production_pages.interval(period.score)
    return period.start, period.version, f"{period.rows:,}", share, score, period.verdict


@click.command()
@click.argument("reports", type=click.Path(path_type=Path, file_okay=False), default="reports")
def main(reports: Path) -> None:
    """Decide from the reports of `performance` and `monitor` in the folder REPORTS whether there is an alarm.

    Writes alarm.json. The exit code is 0 without an alarm, 3 with one, and 1 if there is no report.
    """
    paths = reports / "production.json", reports / "drift.json"
    if not any(path.is_file() for path in paths):
        raise ProjectError(f"{paths[0]}, {paths[1]}: no such files: run `make performance` or `make monitor` first")
    production = Production.load(paths[0]) if paths[0].is_file() else None
    moved = Drift.load(paths[1]) if paths[1].is_file() else None
    alarm = decide(production, moved, Params.load(Path("params.yaml")).monitor)
    alarm.save(reports / "alarm.json")
    click.echo(alarm.sentence)
    if output := os.environ.get("GITHUB_OUTPUT"):  # for the next job of the workflow
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"alarm={json.dumps(asdict(alarm)) if alarm.reasons else ''}\n")
    if alarm.reasons:
        click.get_current_context().exit(ALARM)
