"""Alarms against real decay: each month of the demo's flights, for models of spring and of summer; writes README.md.

    PROJECT/.venv/bin/python benchmarks/alarms.py PROJECT

A model has really decayed in a month if one that was trained on all flights before that month is better on its
flights, paired and beyond noise. It is compared with what `make alarm` decides from outcomes at the end of the month,
and with what drift alone would have decided. Every fourth flight is used.
"""

import re
import sys
from contextlib import chdir
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params
from mlgitops.data import frame
from mlgitops.model import metrics, train
from mlgitops.monitoring import drift, performance, production_report
from mlgitops.monitoring.log_reader import Header
from mlgitops.monitoring.variation import Reference, spread
from mlgitops.review.compare import Predictions, metric_scores

README = Path(__file__).parent / "README.md"
SHARE, THRESHOLD, PRESENT = 4, 0.5, "model"
DEPLOYED = {"spring": ("2013-03-01", "2013-05-13", "2013-06-01"), "summer": ("2013-01-01", "2013-07-16", "2013-09-01")}
HEAD = [
    "model of",
    "month",
    "evaluated",
    "roc_auc",
    "retrained",
    "difference (95 %)",
    "decay",
    "`make alarm`",
    "drifted",
]


@dataclass
class Model:
    """A pipeline that was fitted on some flights."""

    contract: Contract
    pipeline: object

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the probabilities of the classes."""
        return np.asarray(self.pipeline.predict_proba(frame.features(rows, self.contract)))


def between(flights: pd.DataFrame, since: str, until: str) -> pd.DataFrame:
    """Return the flights of a period."""
    times = flights["scheduled"]
    return flights[(times >= since) & (times < until)].reset_index(drop=True)


def month(flights: pd.DataFrame, start: pd.Timestamp) -> pd.DataFrame:
    """Return the flights of a month."""
    return between(flights, str(start), str(start + pd.offsets.MonthBegin()))


def logged(rows: pd.DataFrame, values: np.ndarray, contract: Contract) -> pd.DataFrame:
    """Return rows as the log and the outcomes have them."""
    at = rows["scheduled"].astype("datetime64[us]").dt.tz_localize("UTC")
    actual = frame.target(rows, contract).astype(float)
    known = {"probability": values[:, 1], "actual": actual, "known_at": at + timedelta(days=1)}
    return pd.DataFrame({"at": at, "model": PRESENT, **known})


def drifted(before: pd.DataFrame, after: pd.DataFrame, contract: Contract, limit: float) -> int:
    """Return the number of inputs that have drifted."""
    names = [name for name in contract.inputs if name != contract.time]
    return sum(drift._drift(name, before[name], after[name], (limit, 1.0)).drifted for name in names)


def line(name: str, flights: pd.DataFrame, contract: Contract, params: Params) -> list[list[str]]:
    """Return a line of the table for each month of a deployment."""
    first, held_out, deployed = DEPLOYED[name]
    champion = fit(between(flights, first, held_out), contract, params)
    reference = between(flights, held_out, deployed)
    values, truth = champion.predict(reference), frame.target(reference, contract)
    evaluated = metrics.primary(contract.task, truth, values)
    facts = {"version": name, "model": PRESENT, "contract": "", "threshold": THRESHOLD, "columns": {}}
    header = Header(log=1, prediction="boolean", classes=contract.classes, **facts,
                    metrics={"roc_auc": evaluated, "rows": len(reference)})  # fmt: skip
    spreads = {PRESENT: Reference(None, spread(contract, reference, values, params.monitor))}
    lines = []
    for start in pd.date_range(deployed, "2013-12-01", freq="MS"):
        rows, end = month(flights, start), (start + pd.offsets.MonthBegin()).to_pydatetime().replace(tzinfo=UTC)
        so_far = between(flights, deployed, str(end.date()))
        log = logged(so_far, champion.predict(so_far), contract)
        periods = performance.periods(contract, log, {PRESENT: header}, params, end, spreads)
        judged = production_report.judged_periods(periods, name, params.monitor.periods)
        newer = fit(between(flights, "2013-01-01", str(start)), contract, params)
        pair = [Predictions(model.predict(rows), THRESHOLD) for model in (newer, champion)]
        score = metric_scores(contract, frame.target(rows, contract), pair, params.review)[0].score
        columns = drifted(reference, rows, contract, params.monitor.max_psi)
        alarm = bool(production_report.reasons(judged, params))
        gain = f"{score.difference:+.3f} [{score.low:+.3f}, {score.high:+.3f}]"
        scores = [f"{value:.3f}" for value in (evaluated, score.champion, score.candidate)]
        verdicts = ["yes" if score.verdict == "better" else "no", "alarm" if alarm else "no", str(columns)]
        lines.append([name, f"{start:%B}", *scores, gain, *verdicts])
        print(*lines[-1], sep=" | ", flush=True)
    return lines


def fit(rows: pd.DataFrame, contract: Contract, params: Params) -> Model:
    """Fit the project's model."""
    return Model(contract, train.fit(contract, params.model, rows))


def written(lines: list[list[str]]) -> str:
    """Return the table with its sums as Markdown."""
    rows = "\n".join("| " + " | ".join(cells) + " |" for cells in [HEAD, ["---"] * len(HEAD), *lines])
    decayed = {n for n, cells in enumerate(lines) if cells[6] == "yes"}
    alarms = {n for n, cells in enumerate(lines) if cells[7] == "alarm"}
    moved = {n for n, cells in enumerate(lines) if cells[8] != "0"}
    sentence = (
        f"Of {len(lines)} months, {len(decayed)} have real decay. `make alarm` gives an alarm in {len(alarms)}, "
        f"of which {len(alarms & decayed)} have it; drift of any input in {len(moved)}, "
        f"of which {len(moved & decayed)} have it."
    )
    return f"{rows}\n\n{sentence}\n"


def main(project: Path) -> None:
    """Measure, and write the table between the markers of README.md."""
    with chdir(project):
        sys.path.insert(0, "src")
        contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
        (dataset,) = Path("src").glob("*/dataset.py")
        module = __import__(f"{dataset.parent.name}.dataset", fromlist=["load"])
        flights = module.load().sort_values(["scheduled", "flight"]).iloc[::SHARE].reset_index(drop=True)
        flights = frame.parse(flights, contract)
        lines = [cells for name in DEPLOYED for cells in line(name, flights, contract, params)]
    text = README.read_text(encoding="utf-8")
    start, end = "<!-- alarms -->\n", "<!-- /alarms -->"
    README.write_text(re.sub(f"(?s){start}.*?{end}", lambda _: start + written(lines) + end, text), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
