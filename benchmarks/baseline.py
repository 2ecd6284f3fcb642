"""Compares an adopted project's model with what an expert writes in ten lines, on the same rows; prints JSON.

Run by adoption.py in the adopted project, with the project's Python. The expert's choice of algorithm and our settings
are made once, without the test part; then both are fitted and scored on it, and on repeated splits of the whole table.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params
from mlgitops.data import frame
from mlgitops.model import metrics, pipeline, train
from scipy import stats
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GroupShuffleSplit,
    KFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

SCORE = {"binary": "roc_auc", "multiclass": "f1_macro", "regression": "r2"}


def plain(number: bool) -> dict[str, Any]:
    """Return the three models that an expert tries first, with the defaults of scikit-learn."""
    texts, others = make_column_selector(dtype_include=object), make_column_selector(dtype_exclude=object)
    scaled = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), others),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=2), texts),
    )
    coded = make_column_transformer(
        (SimpleImputer(strategy="median"), others),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), texts),
    )
    boosting = HistGradientBoostingRegressor if number else HistGradientBoostingClassifier
    forest = RandomForestRegressor if number else RandomForestClassifier
    return {
        "boosting": make_pipeline(coded, boosting(random_state=0)),
        "forest": make_pipeline(coded, forest(random_state=0)),
        "linear": make_pipeline(scaled, Ridge() if number else LogisticRegression(max_iter=1000)),
    }


def inputs(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return the contract's inputs as an expert gives them to scikit-learn."""
    found = rows[list(contract.inputs)].copy()
    for name, column in contract.inputs.items():
        if column.type in ("date", "datetime"):
            moments = pd.to_datetime(found.pop(name))
            found[name] = moments.astype("datetime64[s]").astype("int64") / 86400
            found[f"{name} month"], found[f"{name} hour"] = moments.dt.month, moments.dt.hour
        elif column.type == "boolean":
            found[name] = found[name].astype("float64")
        elif column.type == "category":
            found[name] = found[name].astype(object).where(found[name].notna(), "missing")
    return found


def splits(contract: Contract, rows: pd.DataFrame, truth: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return repeated splits as the project splits: later rows as test, or rows whose content is not in both parts."""
    if contract.time:
        return list(TimeSeriesSplit(6).split(rows))[1:]
    count = 20 if len(rows) < 5000 else 5
    together = [contract.group] if contract.group else list(contract.key or contract.inputs)
    content = pd.util.hash_pandas_object(rows[together], index=False)
    if content.duplicated().any():
        return list(GroupShuffleSplit(count, test_size=0.2, random_state=0).split(rows, truth, content))
    kind = ShuffleSplit if contract.task == "regression" else StratifiedShuffleSplit
    return list(kind(count, test_size=0.2, random_state=0).split(rows, truth))


def hand_over(contract: Contract, known: pd.DataFrame, held: pd.DataFrame, ours: np.ndarray) -> None:
    """Write the rows as the expert sees them, and our predictions of the test part, for automl.py."""
    folder = Path("compared")
    folder.mkdir(exist_ok=True)
    for part, rows in {"train": known, "test": held}.items():
        inputs(rows, contract).assign(target=frame.target(rows, contract)).to_parquet(folder / f"{part}.parquet")
    np.save(folder / "ours.npy", ours)
    if contract.group:
        np.save(folder / "groups.npy", pd.factorize(known[contract.group])[0])
    split = "group" if contract.group else "time" if contract.time else "auto"
    plan = {"task": contract.task, "classes": len(contract.classes), "split": split}
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")


def main() -> None:
    """Print what both reach."""
    warnings.simplefilter("ignore")
    contract, params = Contract.of_project(), Params.load(Path("params.yaml")).model
    known, held = (pd.read_parquet(f"data/{part}.parquet") for part in ("train", "test"))
    number, score = contract.task == "regression", SCORE[contract.task]
    folds = (
        TimeSeriesSplit(5) if contract.time else (KFold if number else StratifiedKFold)(5, shuffle=True, random_state=0)
    )
    models = plain(number)
    found = {}
    for name, model in models.items():
        scores = []
        x, y = inputs(known, contract), frame.target(known, contract)
        for one, other in folds.split(x, y):
            if len(np.unique(y[one])) >= len(contract.classes):
                fitted = model.fit(x.iloc[one], y[one])
                scores.append(
                    metrics.primary(contract.task, y[other], pipeline.predict(fitted, x.iloc[other], contract))
                )
        found[name] = float(np.nanmean(scores))
    best = max(found, key=lambda name: found[name])

    def both(one: pd.DataFrame, other: pd.DataFrame) -> tuple[float, float]:
        y, v = frame.target(one, contract), frame.target(other, contract)
        ours = pipeline.predict(train.fit(contract, params, one), frame.features(other, contract), contract)
        theirs = pipeline.predict(models[best].fit(inputs(one, contract), y), inputs(other, contract), contract)
        return metrics.primary(contract.task, v, ours), metrics.primary(contract.task, v, theirs)

    ours, theirs = both(known, held)
    fitted = train.fit(contract, params, known)
    hand_over(contract, known, held, pipeline.predict(fitted, frame.features(held, contract), contract))
    rows = pd.concat([known, held], ignore_index=True)
    if contract.time:
        rows = rows.sort_values(contract.time, kind="stable", ignore_index=True)
    truth = frame.target(rows, contract)
    apart = []
    for one, other in splits(contract, rows, truth):
        if len(np.unique(truth[one])) >= len(contract.classes):
            left, right = both(rows.iloc[one], rows.iloc[other])
            apart.append(left - right)
    apart = [one for one in apart if not np.isnan(one)]
    # Splits share rows, so their differences are not independent: the variance is corrected as Nadeau and Bengio do.
    spread = np.std(apart, ddof=1) * np.sqrt(1 / len(apart) + (0.25 if not contract.time else 0))
    noise = float(stats.t.ppf(0.975, len(apart) - 1) * spread)
    print(
        json.dumps(
            {"metric": score, "ours": ours, "theirs": theirs, "best": best, "tried": found}
            | {"apart": float(np.mean(apart)), "noise": noise, "splits": len(apart)}
        )
    )


if __name__ == "__main__":
    main()
