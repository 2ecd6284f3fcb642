"""Stage export: write the files that serving needs, if they match the trained estimator."""

import importlib.metadata
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd

from ..common import files, project
from ..common.errors import ProjectError
from ..contract.contract import Contract
from ..contract.params import Params
from ..contract.row_schema import json_schema
from ..data import frame, part_rows, window
from ..data.profile import FILE as PROFILE
from ..data.profile import profile
from ..data.spacing import evenly_spaced
from . import background, card, client_files, parity, reasons, refit, trained
from .decision import USUAL
from .scorer import CATEGORIES, EVALUATED, Scorer, digest, digests
from .trained import Description

EXPORT_PACKAGES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


@click.command()
@click.argument("model", type=click.Path(path_type=Path, exists=True))
@click.argument("test", type=click.Path(path_type=Path, exists=True))
@click.argument("report", type=click.Path(path_type=Path, exists=True))
@click.argument("plots", type=click.Path(path_type=Path, exists=True))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--train", type=click.Path(path_type=Path, exists=True), help="The train part, for the data's profile.")
def main(model: Path, test: Path, report: Path, plots: Path, folder: Path, train: Path | None) -> None:
    """Write MODEL to FOLDER as ONNX, with the contract, golden rows of TEST, a profile of the data, and a card.

    The card is made from REPORT and PLOTS.
    """
    contract, params = Contract.of_project(), Params.load(Path("params.yaml"))
    evaluated, rows = trained.load(model, contract).description(), part_rows.sample(test)
    columns, count = frame.columns(rows, contract), params.export.background_rows
    parts = ({"train": train} if train else {}) | {"test": test}
    with files.replacing(folder) as new:
        new.mkdir()
        description, again = evaluated, dict[str, Any]()
        if params.train.refit:
            description, again = _refitted(contract, params, evaluated, model, parts, new)
        else:
            (new / "model.onnx").write_bytes(model.read_bytes())
        agreement = parity.accepted(description.difference, parity.tolerance_of(contract, params.export))
        (new / "contract.yaml").write_bytes(Path("contract.yaml").read_bytes())
        (new / project.FEATURES).write_bytes(project.file(project.FEATURES).read_bytes())
        files.write_json(new / "request.schema.json", json_schema(contract))
        files.write_json(new / CATEGORIES, description.categories)
        profile(parts, contract).save(new / PROFILE)
        evaluation = files.read_json(report)
        metrics = {name: value for name, value in evaluation.items() if isinstance(value, int | float)}
        for name, reason in client_files.write(new, contract, columns).items():
            click.echo(f"{project.FEATURES}: {name} runs in Python only: it {reason}")
        facts = _facts(params, model, parts, evaluation) | {"metrics": metrics} | _by_part(plots)
        facts |= {"interval": description.interval if contract.interval else None}
        facts |= {"enforced": description.enforced, **again}
        if train and count:
            background.write(new, frame.records(part_rows.sample(train, count), contract), contract)
        files.write_json(new / "manifest.json", {**facts, "files": digests(new)})
        scorer = Scorer(new)
        predicted = scorer.predict(columns)
        if (new / background.FILE).is_file():
            facts["reasons"] = reasons.importance(scorer, columns, len(rows))
        files.write(new / "card.md", card.card(contract, params, description.label, evaluation, plots, facts))
        golden = evenly_spaced(len(rows), params.export.golden_rows)
        sent = frame.records(rows.iloc[golden], contract)
        files.write_json(new / "golden.json", {"rows": sent, "answers": scorer.to_answers(predicted[golden])})
        files.write_json(new / "manifest.json", {**facts, "parity": asdict(agreement), "files": digests(new)})
    margin = f"largest difference {agreement.largest_difference:.1e}"
    click.echo(f"{folder}: matches the trained estimator on {agreement.rows:,} rows ({margin})")


def _refitted(
    contract: Contract,
    params: Params,
    evaluated: Description,
    model: Path,
    parts: dict[str, Path],
    folder: Path,
) -> tuple[Description, dict[str, Any]]:
    """Write the model that is fitted on all rows, and the evaluated one beside it; return what the manifest says."""
    if "train" not in parts or evaluated.recipe is None:
        raise ProjectError(
            "params.yaml: train.refit: export needs the train part (--train), and a model that was trained with this "
            "setting: run `dvc repro`"
        )
    rows = window.learned(list(parts.values()), contract, params.train.window)
    converted, description = refit.refit(contract, params, evaluated, rows)
    trained.write(folder / "model.onnx", converted, description)
    (folder / EVALUATED).write_bytes(model.read_bytes())
    count = description.recipe.rows if description.recipe else len(rows)
    fact = {"rows": count, "evaluated_rows": evaluated.recipe.rows, "evaluated_sha256": digest(model)}
    click.echo(f"train.refit: the exported model is fitted again on {count:,} rows, the test part included")
    return description, {"refit": fact}


def _threshold(evaluation: dict[str, Any], params: Params) -> float:
    setting = params.evaluate.threshold
    return float(evaluation.get("decision", {}).get("threshold", setting if isinstance(setting, float) else USUAL))


def _by_part(plots: Path) -> dict[str, Any]:
    """Return the importance of each feature and the primary metric of each slice, as evaluate measured them."""
    slices = pd.read_csv(plots / "slices.csv", dtype={"column": str, "value": str}, keep_default_na=False)
    return {"importance": _importance(plots), "slices": slices.to_dict(orient="records")}


def _importance(plots: Path) -> dict[str, float]:
    """Return the importance of each feature as evaluate measured it, the largest first."""
    undefined = {"importance": [""]}
    table = pd.read_csv(plots / "importance.csv", dtype={"feature": str}, keep_default_na=False, na_values=undefined)
    defined = table.dropna(subset="importance")
    return {str(name): float(value) for name, value in zip(defined["feature"], defined["importance"], strict=True)}


def _facts(params: Params, model: Path, parts: dict[str, Path], evaluation: dict[str, Any]) -> dict[str, Any]:
    return {
        "project": project.name(),
        "threshold": _threshold(evaluation, params),
        "decision": evaluation.get("decision", {}),
        "leaks": evaluation.get("leaks", []),
        "table": evaluation.get("table", {}),
        "params": params.of_model(),
        "pipeline_sha256": digest(model),
        **{f"{name}_sha256": digest(path) for name, path in parts.items()},
        "contract_sha256": digest(Path("contract.yaml")),
        "packages": {name: importlib.metadata.version(name) for name in EXPORT_PACKAGES},
    }
