"""What a request costs is bounded before anything is built from it, and rows are read as without the bound."""

import contextlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from helpers import bodies, contracts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgitops.common import files
from mlgitops.contract.synthetic import example_rows
from mlgitops.serving import bento, body_parts
from mlgitops.serving.app import Api
from mlgitops.serving.limits import Limits
from mlgitops.serving.refusal import RequestError
from mlgitops.serving.request import RequestParser

SIZE = 1_500_000
BUILT_BYTES = 4_000_000  # Python objects that a body of any size may take
JSON_SPACE = st.sampled_from(["", "", " ", "\n", "\t \r\n"])
FLAT = st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(st.sampled_from('ab{}[],:"\\é\U0001f600\n'))
ROWS = st.lists(st.dictionaries(st.text('a{},"\\', max_size=3), FLAT, max_size=3), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def api(exported: Path) -> Api:
    api = Api()
    bento.start(api, exported, Limits())
    return api


@pytest.fixture(scope="module")
def row(exported: Path) -> dict[str, Any]:
    return dict(files.read_json(exported / "golden.json")["rows"][0])


@pytest.mark.parametrize("shape", bodies.SHAPES)
def test_a_body_of_any_shape_is_refused_before_much_is_built(api: Api, row: dict[str, Any], shape: str) -> None:
    body = bytearray(bodies.SHAPES[shape](row, SIZE))
    tracemalloc.start()
    try:
        with pytest.raises(RequestError) as refused:
            api.score(body)
        built = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refused.value.status in (400, 413, 422)
    assert built < BUILT_BYTES
    assert len(refused.value.details) <= 20


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    head=st.sampled_from(["", "[", "{", '{"a":', "[{", '[{"a":', '["', "[[", '{"columns":[1],"data":[']),
    unit=st.sampled_from(["{}", "[]", '"a":1', "1", '"x"', '{"a":1}', '{"a":[1]}', '"', "}", "[", '{"a":', "\\", " "]),
    between=st.sampled_from([",", "", " , ", "\n"]),
    tail=st.sampled_from(["", "]", "}", "}]", "]}", '"}]']),
)
def test_no_more_than_a_part_and_a_row_are_ever_parsed_at_once(head: str, unit: str, between: str, tail: str) -> None:
    body = (head + between.join([unit] * (400_000 // len(unit + between))) + tail).encode()
    sizes = []
    with contextlib.suppress(RequestError):
        for part in body_parts.parts(body, 70_000, 9):
            sizes.append(len(part.json))
    assert max(sizes, default=0) <= body_parts.PART_BYTES + 70_000 + 2


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, escape=st.booleans(), space=JSON_SPACE, before=JSON_SPACE)
def test_parts_hold_the_rows_of_the_body_in_their_order(
    monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], escape: bool, space: str, before: str
) -> None:
    monkeypatch.setattr(body_parts, "PART_BYTES", 30)
    texts = [json.dumps(row, ensure_ascii=escape) for row in rows]
    body = f"{before}[{space}{f'{space},{before}'.join(texts)}{space}]{before}".encode()
    parts = list(body_parts.parts(body, 2000, 9))
    assert [row for part in parts for row in json.loads(part.json)] == rows
    assert all(body[part.offset + 1 :].startswith(part.json[1:-1]) for part in parts)
    assert len(parts) > 1 or len(body) < 400


@pytest.mark.parametrize("mistake", ['"c": 1', '"a": 1', '"b": 2', '"b" 3', '"b": {"c": 1}', '"b": [{"c": 1}, {}]'])
@pytest.mark.parametrize("indent", [None, 1])
def test_an_error_in_a_later_part_names_its_row_and_its_place(
    monkeypatch: pytest.MonkeyPatch, mistake: str, indent: int | None
) -> None:
    contract = contracts.contract({"a": "{type: number}", "b": "{type: category}"})
    good = json.dumps(example_rows(contract, 50), indent=indent)
    at = [position for position, character in enumerate(good) if character == "}"][40]
    body, details = f"{good[:at]}, {mistake}{good[at:]}".encode(), []
    for part_bytes in (1_000_000, 100):
        monkeypatch.setattr(body_parts, "PART_BYTES", part_bytes)
        with pytest.raises(RequestError) as refused:
            RequestParser(contract, 1000).read(body)
        details.append(refused.value.details[0])
    whole, in_parts = details
    assert whole["row"] == in_parts["row"] == (None if mistake == '"b" 3' else 40)
    assert whole["field"] == in_parts["field"]
    assert whole["message"] == in_parts["message"] or in_parts["message"] == "Input should be a single value"
