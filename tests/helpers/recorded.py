"""Lets the service of a project answer the flights of a period at the times at which they were scheduled.

    python recorded.py MODEL TABLE SINCE UNTIL

A process of the project runs it. The application of the service answers and logs, as the settings of the environment
say; only its clock is that of the flights.
"""

import sys
from pathlib import Path

import pandas as pd
from mlgitops.serving import bento, prediction_log
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits
from mlgitops.serving.log_settings import LogSettings
from starlette.testclient import TestClient

UNKNOWN = ["late", "tail_number"]  # what callers do not send


def main(model: Path, table: Path, since: str, until: str) -> None:
    """Answer all flights of four hours in one request."""
    now = [0.0]
    prediction_log.time = lambda: now[0]
    api = Api()
    bento.start(api, model, Limits(), LogSettings.from_environment())
    client = TestClient(api)
    flights = pd.read_parquet(table)
    flights = flights[(flights["scheduled"] >= since) & (flights["scheduled"] < until)]
    sent = flights.drop(columns=UNKNOWN).astype(object)
    sent = sent.where(sent.notna(), None)
    sent["scheduled"] = [time.isoformat() for time in flights["scheduled"]]
    for start, rows in sent.groupby(flights["scheduled"].dt.floor("4h")):
        now[0] = start.tz_localize("UTC").timestamp()
        answer = client.post("/predict", json=rows.to_dict("records"))
        assert answer.status_code == 200, answer.text
    print(answer.headers["x-prediction-id"])
    api._log.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:5])
