"""Each room of the platform knows the rooms below it alone, and frameworks stay at the edge."""

import re
import sys
import tomllib
from pathlib import Path

import pytest
from helpers.imports import PACKAGE, closure, imports, room, used

FILES = sorted(PACKAGE.rglob("*.py"))
ROOMS: dict[str, set[str]] = {  # from the bottom up, each with the rooms that it imports from
    "common": set(),
    "store": {"common"},
    "contract": {"common", "store"},  # the diff reads another commit's contract
    "data": {"common", "contract", "store"},  # the diff reads another commit's table
    "model": {"common", "contract", "data", "store"},
    "tuning": {"common", "contract", "data", "model", "store"},
    "onboard": {"common", "contract", "data", "model"},
    "serving": {"common", "contract", "data", "model"},
    # MLflow's model answers as the service does
    "registry": {"common", "contract", "data", "model", "serving", "store"},
    "batch": {"common", "contract", "data", "model", "registry", "serving"},
    "monitoring": {"batch", "common", "contract", "data", "model", "serving"},
    "review": {"common", "contract", "data", "model", "monitoring", "registry", "store"},  # which knows the champion
    "image": {"common", "contract", "data", "model", "registry", "serving", "store"},
    "github": {
        "common",
        "contract",
        "data",
        "image",
        "monitoring",
        "registry",
        "review",
        "serving",
        "store",
        "tuning",
    },  # carries out what others decided
    "lineage": {"common", "contract", "data", "github", "image", "model", "monitoring", "registry", "review", "store"},
}
FRAMEWORKS = {  # framework -> the modules, or rooms, that may import it
    "_bentoml_impl": {"serving/bentoml_runtime"},
    "bentoml": {"serving/bento"},
    "bentoml_cli": {"serving/bentoml_runtime"},
    "dvc": set[str](),  # the command is run
    "great_expectations": {"data/data_docs", "data/judge", "data/validate"},
    "mlflow": {"model/tracking", "registry", "store/mlflow_backend", "tuning/record"},
    "optuna": {"tuning"},
    "pyspark": {"batch/spark", "batch/spark_profile", "batch/spark_session", "batch/spark_table"},
    "skl2onnx": {"model/conversion", "model/libraries", "model/words_onnx"},
}
TRAINING = {"dvc", "great_expectations", "mlflow", "onnx", "optuna", "pandas", "skl2onnx", "sklearn"}


def name(path: Path) -> str:
    """Return the module of a file below the package, such as model/train."""
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_is_imported_only_where_it_belongs(framework: str) -> None:
    users = {name(path) for path in FILES if framework in {imported[0] for imported in imports(path)}}
    assert {user for user in users if not {user, user.partition("/")[0]} & FRAMEWORKS[framework]} == set()
    assert bool(users) == bool(FRAMEWORKS[framework])


def test_every_room_is_known() -> None:
    assert {room(path) for path in FILES} - {""} == ROOMS.keys()


@pytest.mark.parametrize("which", ROOMS)
def test_a_room_imports_only_from_the_rooms_that_it_may_know(which: str) -> None:
    files = [path for path in FILES if room(path) == which]
    assert {room(other) for path in files for other in used(path)} - {which} == ROOMS[which]


def test_no_room_imports_from_one_above_it() -> None:
    order = list(ROOMS)
    assert [(one, other) for one in order for other in ROOMS[one] if order.index(other) >= order.index(one)] == []


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert [name(path) for path in FILES if path in closure(*used(path))] == []


def test_the_program_imports_a_verb_only_when_it_is_called() -> None:
    assert used(PACKAGE / "cli.py") == frozenset()


@pytest.mark.parametrize("module", ["serving/bento", "serving/serve", "model/scorer"])
def test_what_answers_requests_needs_nothing_of_training(module: str) -> None:
    files = closure(PACKAGE / f"{module}.py")
    assert {room(path) for path in files} <= {"common", "contract", "data", "model", "serving"}
    assert {imported[0] for path in files for imported in imports(path)} & TRAINING == set()


def test_a_worker_of_spark_imports_what_its_extra_installs() -> None:
    extras = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    installed = {re.split(r"[<>=]", entry)[0] for entry in extras["optional-dependencies"]["executor"]}
    modules = closure(PACKAGE / "batch/spark_worker.py", PACKAGE / "batch/spark_counts.py")
    outside = {imported[0] for path in modules for imported in imports(path)}
    outside -= {"", "pydantic_core", "typing_extensions", *sys.stdlib_module_names}  # the middle two are pydantic's
    assert {"pyyaml" if name == "yaml" else name for name in outside} == installed - {"tzdata"}  # which zoneinfo reads


def test_a_package_imports_nothing_before_it_is_asked() -> None:
    assert [path for path in FILES if path.name == "__init__.py" and imports(path)] == []


def test_every_room_says_what_it_is() -> None:
    assert [path for path in FILES if path.name == "__init__.py" and not path.read_text(encoding="utf-8").strip()] == []


def test_the_platform_never_spells_the_name_of_a_project() -> None:
    platform = PACKAGE.parents[1]
    demo = ["flight" + "_delays", "flight" + "-delays", "cookie" + "cutter.package", "cookie" + "cutter.project"]
    texts = {path: path.read_text(encoding="utf-8") for path in [*FILES, *platform.glob("*.*")] if path.is_file()}
    assert [(path.name, word) for path, text in texts.items() for word in demo if word in text] == []


def test_the_files_of_a_project_are_named_in_one_place() -> None:
    names = ('"dataset.py"', '"features.py"', '"model.py"')
    users = [name(path) for path in FILES if any(word in path.read_text(encoding="utf-8") for word in names)]
    assert users == ["common/project", "registry/mlflow_model"]  # whose model.py is the script of an MLflow model
