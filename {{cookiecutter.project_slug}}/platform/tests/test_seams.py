"""The project's three files: what a mistake in them is called, and that their features are the same everywhere."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers import contracts, models, tables

from mlgitops.batch import score
from mlgitops.batch.stamp import Stamp
from mlgitops.common import files, project
from mlgitops.common.errors import ProjectError
from mlgitops.contract import features
from mlgitops.contract.contract import Contract
from mlgitops.contract.row_schema import json_schema
from mlgitops.data import frame
from mlgitops.data.encode import encode
from mlgitops.data.ingest import ingest
from mlgitops.model import behaviour, pipeline, trained
from mlgitops.model.scorer import Scorer, difference
from mlgitops.serving import bento
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits

HEAD = """import numpy as np
from numpy.typing import NDArray
N, C = NDArray[np.float64], NDArray[np.str_]
"""  # functions begin on line 4


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project like the example, in which the test runs."""
    monkeypatch.chdir(models.write_project(tmp_path, contracts.example()))
    return tmp_path


def written(name: str, text: str) -> Path:
    """Write one of the three files, and return its path."""
    path = Path("src/example", name)
    path.write_text(text, encoding="utf-8")
    return path


def table() -> pd.DataFrame:
    """Return typed rows of the example's contract, some of them with missing values."""
    return tables.rows_of(contracts.example(), 50)


def read_features(text: str) -> None:
    """Do what the stage train does with features.py before it takes time."""
    written("features.py", HEAD + text)
    behaviour.check(Contract.of_project(), table())


FEATURES = {  # a mistake -> the text after HEAD, and how the error goes on after "src/example/features.py:"
    "a parameter that is no column": (
        "def f(wieght: N) -> N:\n    return wieght\n",
        "4: f(wieght): parameter 'wieght': contract.yaml has no such column; did you mean 'weight'?",
    ),
    "a parameter like no column": (
        "def f(zzz: N) -> N:\n    return zzz\n",
        "4: f(zzz): parameter 'zzz': contract.yaml has no such column; the inputs are sent, weight, value, items,",
    ),
    "the target": (
        "def f(returned: N) -> N:\n    return returned\n",
        "4: f(returned): parameter 'returned': that column is the target, so no function can read it",
    ),
    "a key": (
        "def f(parcel: C) -> C:\n    return parcel\n",
        "4: f(parcel): parameter 'parcel': that column is a key, which the model does not read",
    ),
    "an ignored column": (
        "def f(note: C) -> C:\n    return note\n",
        "4: f(note): parameter 'note': that column is ignored (free text), so no function can read it",
    ),
    "the name of a column": (
        "def weight(value: N) -> N:\n    return value\n",
        "4: weight(value): contract.yaml has a column or feature of that name: rename the function",
    ),
    "the name of a part of a date": (
        "def sent_hour(value: N) -> N:\n    return value\n",
        "4: sent_hour(value): contract.yaml has a column or feature of that name",
    ),
    "too few entries": (
        "def f(value: N) -> N:\n    return value[1:]\n",
        "4: f(value): returns an array of shape (49,) for 50 rows: return one entry per row, shape (50,)",
    ),
    "one number": (
        "def f(value: N) -> N:\n    return value.mean()\n",
        "4: f(value): returns an array of shape () for 50",
    ),
    "an exception": (
        "def f(value: N, weight: N) -> N:\n    value = value + 1\n    return value / [][0]\n",
        "6: f(value, weight): IndexError: list index out of range",
    ),
    "an exception in a function that it calls": (
        "def f(value: N) -> N:\n    return _g(value)\n\n\ndef _g(x: N) -> N:\n    raise KeyError('k')\n",
        "9: f(value): KeyError: 'k'",
    ),
    "an exception on a missing value": (
        "def f(postcode: C) -> N:\n    return np.array([float(int(c[8:])) for c in postcode])\n",
        "5: f(postcode): ValueError: invalid literal for int() with base 10: ''",
    ),
    "an import": (
        "import pandas as pd\n",
        "4: imports pandas: the scoring image has numpy and",
    ),
    "an import inside a function": (
        "def f(value: N) -> N:\n    from scipy import stats\n    return stats.zscore(value)\n",
        "5: imports scipy: the scoring image has numpy",
    ),
    "an import of the package": ("from . import dataset\n", "4: imports .: the scoring image has numpy"),
    "no annotation": ("def f(value):\n    return value\n", "4: f(): annotate what it returns: NDArray[np.float64] for"),
    "an annotation without a kind": (
        "def f(value: N) -> np.ndarray:\n    return value\n",
        "4: f(): annotate what it returns",
    ),
    "an annotation that does not exist": ("def f(value: N) -> 'M':\n    return value\n", ": f(): NameError: name 'M'"),
    "no parameter": (
        "def f() -> N:\n    return np.zeros(1)\n",
        "4: f(): has no parameters: add the columns that",
    ),
    "*args": (
        "def f(*value: N) -> N:\n    return value[0]\n",
        "4: f(): parameter 'value': every parameter must be the",
    ),
    "**more": (
        "def f(value: N, **more: N) -> N:\n    return value\n",
        "4: f(): parameter 'more': every parameter must be the",
    ),
    "text for numbers": (
        "def f(shop: C) -> N:\n    return shop\n",
        "4: f(shop): the annotation says numbers, but the function returns object",
    ),
    "the mean of the other rows": (
        "def f(value: N) -> N:\n    return value - value.mean()\n",
        "4: f(value): returns ",
    ),
    "the row before": ("def f(value: N) -> N:\n    return np.roll(value, 1)\n", "4: f(value): returns "),
    "chance": ("def f(value: N) -> N:\n    return np.random.random(len(value))\n", "4: f(value): returns "),
    "a syntax error": ("def f(value: N -> N:\n", "4: SyntaxError: invalid syntax"),
    "an exception at import": ("A = 1 / 0\n", "4: ZeroDivisionError: division by zero"),
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("mistake", FEATURES)
def test_a_mistake_in_features_is_named_with_file_line_and_function(mistake: str) -> None:
    text, message = FEATURES[mistake]
    with pytest.raises(ProjectError) as refused:
        read_features(text)
    assert refused.value.message.startswith(f"src/example/features.py:{message}".replace("::", ":")), (
        refused.value.message
    )


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("mistake", ["the mean of the other rows", "the row before", "chance"])
def test_a_feature_that_depends_on_other_rows_is_told_what_to_do_instead(mistake: str) -> None:
    with pytest.raises(ProjectError, match=r"a feature must depend on its own row only \(write statistics"):
        read_features(FEATURES[mistake][0])


@pytest.mark.usefixtures("here")
def test_private_functions_and_what_is_imported_are_no_features() -> None:
    read_features(
        "from math import floor\nfrom collections import Counter\n\n\ndef _helper(x: int) -> int:\n    return x\n"
    )
    assert [feature.name for feature in Contract.of_project().features if feature.function] == []


@pytest.mark.usefixtures("here")
def test_a_function_takes_dates_booleans_and_categories_and_its_docstring_is_its_description() -> None:
    read_features(
        "def is_late(sent: NDArray[np.datetime64], gift: N, shop: C) -> NDArray[np.bool_]:\n"
        '    """Sent in the evening, and no gift of the south."""\n'
        "    hour = (sent - sent.astype('datetime64[D]')) / np.timedelta64(1, 'h')\n"
        "    return (hour > 17) & (gift < 1) & (shop != 'south')\n"
    )
    (function,) = features.load(Path("src/example/features.py"))
    assert (function.kind, function.columns) == ("number", ("sent", "gift", "shop"))
    assert function.description == "Sent in the evening, and no gift of the south."
    contract = Contract.of_project()
    cells = {"sent": ["2021-05-06T18:00:00", "2021-05-06T08:00:00"], "gift": [False, False], "shop": ["west", "west"]}
    rows = {name: cells.get(name, [None, None]) for name in contract.inputs}
    assert encode(rows, contract)["is_late"].tolist() == [[1.0], [0.0]]


MODELS = {  # a mistake -> model.py, and the error
    "no build": (
        "make = 1\n",
        "src/example/model.py: define a function build(contract, ...) that returns the estimator",
    ),
    "build is no function": ("build = 1\n", "src/example/model.py: define a function build(contract, ...)"),
    "no estimator": (
        "def build(contract, **settings):\n    return 7\n",
        "src/example/model.py: build() returned int; return an estimator with fit()",
    ),
    "nothing": (
        "def build(contract, **settings):\n    pass\n",
        "src/example/model.py: build() returned NoneType; return",
    ),
    "an exception": (
        "def build(contract, **settings):\n    x = {}\n    return x['y']\n",
        "src/example/model.py:3: build(): KeyError: 'y'",
    ),
    "a module that is not installed": (
        "import lightgbm9\n",
        "src/example/model.py:1: no module 'lightgbm9': add it with",
    ),
    "a module that is imported late": (
        "def build(contract, **settings):\n    import lightgbm9\n",
        "src/example/model.py:2: build(): no module 'lightgbm9': add it with `uv add`, or correct the name",
    ),
    "a syntax error": ("def build(:\n", "src/example/model.py:1: SyntaxError: invalid syntax"),
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("mistake", MODELS)
def test_a_mistake_in_model_is_named_with_file_line_and_function(mistake: str) -> None:
    text, message = MODELS[mistake]
    written("model.py", text)
    with pytest.raises(ProjectError) as refused:
        pipeline.build(contracts.example(), {"algorithm": "boosting"})
    assert refused.value.message.startswith(message), refused.value.message


OWN = """from sklearn.tree import DecisionTreeClassifier


def build(contract, depth=3):
    return DecisionTreeClassifier(max_depth=depth)
"""


@pytest.mark.parametrize(
    ("model", "settings", "key", "message"),
    [
        (None, {"algorithm": "boosting", "max_leafs": 9}, "max_leafs", "HistGradientBoostingClassifier() has no such"),
        (None, {"algorithm": "boosting", "n_estimators": 9}, "n_estimators", "HistGradientBoostingClassifier() has no"),
        (
            None,
            {"algorithm": "boosting", "max_iter": -1},
            "max_iter",
            "The 'max_iter' parameter of HistGradientBoosting",
        ),
        (None, {"algorithm": "forest", "max_depth": "deep"}, "max_depth", "The 'max_depth' parameter of RandomForest"),
        (None, {"algorithm": "linear", "C": -1.0}, "C", "The 'C' parameter of LogisticRegression must be"),
        (OWN, {"depth": 3, "width": 4}, "width", "build() has no such setting; check"),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_its_line_in_params(
    here: Path, model: str | None, settings: dict[str, Any], key: str, message: str
) -> None:
    if model:
        written("model.py", model)
    text = Path("params.yaml").read_text(encoding="utf-8")
    head, _, rest = text.partition("model:\n")
    lines = [f"  {name}: {value}\n" for name, value in settings.items()]
    Path("params.yaml").write_text(f"{head}model:\n{''.join(lines)}{rest[rest.index('train:') :]}", encoding="utf-8")
    line = head.count("\n") + 2 + list(settings).index(key)
    with pytest.raises(ProjectError) as refused:
        pipeline.build(contracts.example(), settings)
    assert refused.value.message.startswith(f"params.yaml:{line}: model.{key}: {message}"), refused.value.message


@pytest.mark.usefixtures("here")
def test_an_algorithm_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ProjectError, match=r"algorithm 'magic': choose one of boosting, forest, linear"):
        pipeline.build(contracts.example(), {"algorithm": "magic"})


@pytest.mark.usefixtures("here")
def test_an_estimator_of_ones_own_takes_its_own_settings() -> None:
    written("model.py", OWN)
    assert pipeline.build(contracts.example(), {"depth": 5}).max_depth == 5


DATASETS = {  # a mistake -> dataset.py, and the error
    "no load": ("load = None\n", "src/example/dataset.py: has no function load() that returns the table"),
    "an exception": (
        "def load():\n    rows = []\n    return rows[3]\n",
        "src/example/dataset.py:3: load(): IndexError: list index out of range",
    ),
    "an exception elsewhere": (
        "import json\n\n\ndef load():\n    return json.loads('{')\n",
        "src/example/dataset.py:5: load(): JSONDecodeError: ",
    ),
    "a module that is not installed": (
        "import duckdb9\n",
        "src/example/dataset.py:1: no module 'duckdb9': add it with",
    ),
    "no frame": (
        "def load():\n    return [1, 2]\n",
        "src/example/dataset.py: load() returned list: return a pandas DataFrame",
    ),
    "nothing": (
        "def load():\n    pass\n",
        "src/example/dataset.py: load() returned NoneType: return a pandas DataFrame",
    ),
    "no row": (
        "import pandas as pd\n\n\ndef load():\n    return pd.DataFrame({'a': []})\n",
        "src/example/dataset.py: the table has no row",
    ),
    "no column": (
        "import pandas as pd\n\n\ndef load():\n    return pd.DataFrame()\n",
        "src/example/dataset.py: the table has no row",
    ),
}


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("mistake", DATASETS)
def test_a_mistake_in_dataset_is_named_with_file_line_and_function(mistake: str) -> None:
    text, message = DATASETS[mistake]
    path = written("dataset.py", text)
    with pytest.raises(ProjectError) as refused:
        ingest(path, Path("raw.parquet"))
    assert refused.value.message.startswith(message), refused.value.message
    assert not Path("raw.parquet").exists()


@pytest.mark.usefixtures("here")
def test_the_table_of_load_is_written_as_it_is() -> None:
    report = ingest(Path("src/example/dataset.py"), Path("raw.parquet"))
    assert (report.rows, report.columns, report.format) == (400, 11, "load()")
    assert list(pd.read_parquet("raw.parquet")) == list(contracts.example().columns)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("name", ["dataset.py", "features.py"])
def test_a_file_that_is_absent_is_named(name: str) -> None:
    Path("src/example", name).unlink()
    with pytest.raises(ProjectError, match=rf"src/example/{name}: no such file: restore it with git"):
        project.file(name)


@pytest.mark.parametrize(("packages", "message"), [(["example"], ""), (["example", "more"], "found example, more")])
def test_the_package_is_the_only_one_with_a_model(here: Path, packages: list[str], message: str) -> None:
    for name in packages[1:]:
        shutil.copytree("src/example", Path("src", name))
    Path("src/notes").mkdir()
    if not message:
        assert project.name() == "example"
    else:
        with pytest.raises(ProjectError, match=f"expected exactly one package with a model.py, {message}"):
            project.name()


def test_features_are_the_same_in_training_service_batch_and_mlflow(exported: Path, tmp_path: Path) -> None:
    from mlgitops.registry.pyfunc import ExportedModel

    contract, scorer, rows = contracts.example(), Scorer(exported), table().drop(columns="returned")
    learned = trained.load(exported.parent / "trained.onnx", contract).predict(frame.features(rows, contract))
    records = frame.records(rows, contract)
    api = Api()
    bento.start(api, exported, Limits())
    served = json.loads(api.score(json.dumps(records).encode())[0])
    np.testing.assert_allclose([answer["probability"] for answer in served], learned[:, 1], atol=1e-5)
    rows.to_parquet(tmp_path / "rows.parquet", index=False)
    score.run(tmp_path / "rows.parquet", tmp_path / "scored.parquet", scorer, Stamp.now("1"))
    scored = pd.read_parquet(tmp_path / "scored.parquet")[["prediction", "probability"]].to_dict("records")
    assert difference(served, scored) == ""
    loaded = ExportedModel()
    loaded.scorer = scorer
    assert difference(served, loaded.predict(None, rows[list(contract.inputs)]).to_dict("records")) == ""


def test_a_request_holds_the_columns_that_functions_read_and_not_what_they_return() -> None:
    asked = json_schema(contracts.example())["properties"]
    assert "postcode" in asked
    assert not {"area", "value_per_kilogram"} & asked.keys()


def test_features_travel_with_the_model_and_cannot_be_changed(exported: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(exported, tmp_path / "export")
    assert "features.py" in files.read_json(folder / "manifest.json")["files"]
    path = folder / "features.py"
    path.write_text(path.read_text(encoding="utf-8").replace("weight + 1", "weight + 2"), encoding="utf-8")
    with pytest.raises(ProjectError, match=r"features\.py is not the file that was exported with this model"):
        Scorer(folder)


def test_models_with_different_features_answer_side_by_side(exported: Path, here: Path) -> None:
    written("features.py", HEAD + "def value_per_kilogram(value: N) -> N:\n    return -value\n")
    folder = here / "other"
    folder.mkdir()
    other = Scorer(models.exported(Contract.of_project(), folder))
    one, rows = Scorer(exported), table()
    assert [feature.name for feature in one.contract.features if feature.function] == ["value_per_kilogram", "area"]
    assert [feature.name for feature in other.contract.features if feature.function] == ["value_per_kilogram"]
    columns = frame.columns(rows, one.contract)
    first = encode(columns, one.contract)["value_per_kilogram"]
    assert (first >= 0)[~np.isnan(first)].all()
    assert (encode(columns, other.contract)["value_per_kilogram"] <= 0).all()
    assert one.predict(columns).shape == other.predict(columns).shape == (50, 2)
