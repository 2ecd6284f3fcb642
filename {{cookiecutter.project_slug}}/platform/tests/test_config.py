"""Settings and contracts that are wrong are refused with file, line and key."""

from pathlib import Path

import pytest
import yaml
from helpers import contracts
from pydantic import ValidationError

from mlgitops.common.errors import ProjectError
from mlgitops.contract.contract import Contract
from mlgitops.contract.params import Params

GOOD = """task: binary
target: bought
columns:
  age:
    type: number
  country:
    type: category
    categories: [DE, FR]
  bought:
    type: boolean
"""


def refusal(text: str) -> str:
    with pytest.raises(ProjectError) as refused:
        Contract.parse(text, "contract.yaml")
    return refused.value.message


def test_the_files_of_a_project_are_read_from_the_current_folder() -> None:
    assert {"value_per_kilogram", "area"} < {feature.name for feature in Contract.of_project().features}
    assert Params.load(Path("params.yaml")).train.folds >= 2


def test_the_good_contract_is_accepted() -> None:
    assert list(Contract.parse(GOOD, "contract.yaml").columns) == ["age", "country", "bought"]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "task: binary",
            "task: ternary",
            "contract.yaml:1: task: Input should be 'binary', 'multiclass' or 'regression'",
        ),
        (
            "target: bought",
            "target: sold",
            "contract.yaml:2: target: no column 'sold'; the columns are age, country, bought",
        ),
        ("target: bought\n", "", "contract.yaml:1: target: Field required"),
        ("type: number", "typ: number", "contract.yaml:5: columns.age.typ: no such setting: check the spelling"),
        ("type: number", "type: numeric", "contract.yaml:5: columns.age.type: Input should be 'number'"),
        ("type: number", "type: number\n    min: old", "contract.yaml:6: columns.age.min: Input should be"),
        (
            "type: number",
            "type: number\n    min: 9\n    max: 3",
            "contract.yaml:4: columns.age: min 9.0 is larger than",
        ),
        ("type: number", "type: number\n    missing: 1.5", "contract.yaml:6: columns.age.missing: "),
        ("  country:", "  age:", "contract.yaml:6: age: duplicate key"),
        ("[DE, FR]", "[DE, NO]", "contract.yaml:8: columns.country.categories.1: False is not text: put it in quotes"),
        ("[DE, FR]", "[DE, 1.5]", "contract.yaml:8: columns.country.categories.1: 1.5 is not text: put it in quotes"),
        ("[DE, FR]", "[DE, FR", "contract.yaml:9: expected ',' or ']'"),
        ("  age:", "\tage:", "contract.yaml:4: found character '\\t'"),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(right: str, wrong: str, message: str) -> None:
    assert right in GOOD
    assert message in refusal(GOOD.replace(right, wrong))


def test_every_mistake_is_named_at_once() -> None:
    text = GOOD.replace("number", "numeric").replace("boolean", "bool")
    assert [line.split(":")[1] for line in refusal(text).splitlines()] == ["5", "10"]


@pytest.mark.parametrize(
    "text", ["", "just words", "- a\n- list\n", "task: [binary\n", "a: b: c\n", "!!python/name:os\n"]
)
def test_text_that_is_no_contract_is_refused_without_a_traceback(text: str) -> None:
    assert refusal(text).startswith("contract.yaml:")


def test_a_number_with_a_leading_quote_is_a_value_and_an_integer_becomes_one() -> None:
    contract = Contract.parse(GOOD.replace("[DE, FR]", "['NO', 7]"), "contract.yaml")
    assert contract.columns["country"].categories == ("NO", "7")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "contract.yaml"
    if content:
        path.write_bytes(content)
    with pytest.raises(ProjectError, match=r"contract\.yaml: cannot be read"):
        Contract.load(path)


def test_an_unknown_or_absent_setting_in_params_is_refused() -> None:
    text = yaml.safe_dump(contracts.PARAMS.model_dump(mode="json"), sort_keys=False)
    line = text.splitlines().index("split:") + 2
    with pytest.raises(ProjectError) as refused:
        Params.parse(text.replace("split:\n  test:", "split:\n  tset:"), "params.yaml")
    assert f"params.yaml:{line}: split.tset: no such setting: check the spelling" in refused.value.message
    assert f"params.yaml:{line - 1}: split.test: Field required" in refused.value.message


def test_settings_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        contracts.PARAMS.train.folds = 1
