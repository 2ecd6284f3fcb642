"""From anything that runs or was recorded to the version that made it, and from data to where its models run."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from helpers import gitops, models

from mlgitops.common import files
from mlgitops.common.errors import ProjectError
from mlgitops.data.profile import digests
from mlgitops.github import production, tags
from mlgitops.lineage import command, record, subject
from mlgitops.lineage.open_lineage import event
from mlgitops.lineage.origin import Origin, origins
from mlgitops.model.scorer import digest
from mlgitops.monitoring.log_reader import FACTS
from mlgitops.monitoring.place import Place

IMAGES = [f"registry.example/flights@sha256:{str(n) * 64}" for n in range(4)]
MODELS = [f"{n}{'a' * 63}" for n in range(4)]


def version(number: int, **more: str) -> Any:
    """Return a version of the registry; the data of 1 and 2 is the same."""
    data = f"{'1' if number < 3 else '3'}d{'0' * 30}"
    tag = {
        "git_commit": f"{number}c{'0' * 38}",
        "model_sha256": MODELS[number],
        "manifest_sha256": f"{number}e{'0' * 62}",
        "train_sha256": f"{data}{'f' * 32}",
        "dvc/data/train.parquet": data,
        "dvc/models/export": f"{number}b{'0' * 30}.dir",
        "other": "not of the lineage",
        **more,
    }
    return SimpleNamespace(
        version=str(number), tags=tag, run_id=f"run{number}" * 5, creation_timestamp=1_700_000_000_000
    )


@pytest.fixture
def known() -> tuple[Origin, ...]:
    released = [tags.Release(str(n), IMAGES[n], {}, "") for n in (3, 2)]
    running = {"staging": IMAGES[3], "production": IMAGES[2]}
    return origins([version(n) for n in (1, 2, 3)], {"champion": "2", "challenger": "3"}, released, running)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(str(tmp_path / "predictions"))


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ("2", ["2"]),
        ("v2", ["2"]),
        ("model/v3", ["3"]),
        ("champion", ["2"]),
        ("production", ["2"]),
        ("staging", ["3"]),
        (IMAGES[2], ["2"]),
        (f"sha256:{'2' * 64}", ["2"]),
        (MODELS[1], ["1"]),
        ("3c00000", ["3"]),
        ("run2run2run2", ["2"]),
        ("1d0000000", ["1", "2"]),  # the data: every version that was made from it
        ("3d0000000", ["3"]),
    ],
)
def test_a_name_or_a_digest_leads_to_the_versions(
    asked: str, numbers: list[str], known: tuple[Origin, ...], place: Place
) -> None:
    assert [origin.version for origin in command.find(asked, known, place)] == numbers


@pytest.mark.parametrize("asked", ["4", "nothing", "1", "sha256:", "", "3c0000"])
def test_what_is_unknown_is_a_sentence_with_what_can_be_asked(
    asked: str, known: tuple[Origin, ...], place: Place
) -> None:
    with pytest.raises(ProjectError, match="there are 2, 3") as refused:
        command.find(asked, known[1:], place)
    assert "make pull-store" in refused.value.message


def test_an_exported_model_and_a_file_are_known_by_their_content(tmp_path: Path, place: Place) -> None:
    folder, table = tmp_path / "export", tmp_path / "train.parquet"
    folder.mkdir()
    files.write_json(folder / "manifest.json", {"files": {}})
    table.write_bytes(b"rows")
    made = version(1, manifest_sha256=digest(folder / "manifest.json"))
    lost = version(2, **{"dvc/data/train.parquet": digests(table)[1]})  # DVC's MD5 is enough
    known = origins([made, lost], {}, [], {})
    assert [origin.version for origin in command.find(str(folder), known, place)] == ["1"]
    assert [origin.version for origin in command.find(str(table), known, place)] == ["2"]
    (folder / "manifest.json").unlink()
    with pytest.raises(ProjectError, match="no exported model: it has no manifest"):
        command.find(str(folder), known, place)


def test_a_prediction_leads_to_the_version_that_made_it(known: tuple[Origin, ...], place: Place) -> None:
    for number, ids in ((2, ["one", "many/0", "many/1"]), (9, ["other"])):
        facts = {FACTS: json.dumps({"model": MODELS[2] if number == 2 else "b" * 64, "version": str(number)}).encode()}
        table = pa.table({"id": pa.array(ids, pa.string())}).replace_schema_metadata(facts)
        place.write("2026-01-01", str(number), "part", table)
    for asked in ("one", "many", "many/1"):
        assert [origin.version for origin in command.find(asked, known, place)] == ["2"]
    for asked in ("other", "man", "many/2"):  # a model that the registry does not have; no prediction
        with pytest.raises(ProjectError, match="no collected prediction"):
            command.find(asked, known, place)


class Service(http.server.BaseHTTPRequestHandler):
    """Answers /lineage with what the server holds."""

    def do_GET(self) -> None:
        """Send the lineage."""
        body: bytes = self.server.lineage if self.path == "/lineage" else b"{}"  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Any]:
    with http.server.HTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("end", ["", "/", "/lineage"])
def test_a_service_leads_to_the_version_that_it_runs(
    end: str, service: Any, known: tuple[Origin, ...], place: Place
) -> None:
    facts = {"version": "e21ff97ac3a4", "image": None, "model": {"files": {"model.onnx": MODELS[3]}}}
    service.lineage = json.dumps(facts).encode()
    address = f"http://127.0.0.1:{service.server_port}{end}"
    assert [origin.version for origin in command.find(address, known, place)] == ["3"]


@pytest.mark.parametrize("answer", [b"no json", b"[]"])
def test_a_service_that_says_nothing_is_a_sentence(answer: bytes, service: Any) -> None:
    service.lineage = answer
    with pytest.raises(ProjectError, match=r"/lineage: "):
        subject.identities(f"http://127.0.0.1:{service.server_port}")
    with pytest.raises(ProjectError, match="does not say what it runs"):
        subject.identities("http://127.0.0.1:1")


def test_an_event_has_the_fields_that_open_lineage_requires(
    known: tuple[Origin, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(models.touch_package(tmp_path))
    first, again, other = event(known[0]), event(known[0]), event(known[1])
    assert first.keys() == {"eventType", "eventTime", "run", "job", "inputs", "outputs", "producer", "schemaURL"}
    assert first == again
    assert first["run"] != other["run"]
    assert first["eventTime"] == "2023-11-14T22:13:20+00:00"
    assert [dataset["name"] for dataset in first["inputs"]] == ["data/train.parquet"]
    assert {dataset["name"] for dataset in first["outputs"]} == {"models/export", "example/version/1"}
    assert first["inputs"][0]["facets"]["version"]["datasetVersion"].startswith("1d0")


def test_the_command_shows_text_or_json(known: tuple[Origin, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "known", lambda: known)
    shown = CliRunner().invoke(command.main, ["champion"]).output
    assert "2 (champion, runs in production)" in shown
    assert IMAGES[2] in shown
    assert "not of the lineage" not in shown
    (origin,) = json.loads(CliRunner().invoke(command.main, ["champion", "--json"]).output)
    assert origin["files"]["data/train.parquet"] in shown
    events = CliRunner().invoke(command.main, ["1d0000000", "--openlineage"]).output
    assert len([json.loads(line) for line in events.splitlines()]) == 2


def test_a_version_is_known_from_its_tag_when_the_registry_was_lost(place: Place) -> None:
    facts = {"commit": f"2c{'0' * 38}", "run": "run2" * 5, "data_md5": f"1d{'0' * 30}", "model": MODELS[2]}
    release = tags.Release("2", IMAGES[2], facts, "", 1_700_000_000)
    (origin,) = known = origins([], {}, [release], {"production": IMAGES[2]})
    assert (origin.created, origin.environments) == (1_700_000_000_000, ("production",))
    assert origin.files == {"data/train.parquet": f"1d{'0' * 30}"}
    for asked in ("2", "production", IMAGES[2], MODELS[2], "1d0000000", "2c00000", "run2run2"):
        assert command.find(asked, known, place) == known


def test_the_data_of_a_version_leads_to_its_source_and_to_when_it_was_read(
    origin: Path, tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = gitops.project(origin, tmp_path / "project")
    monkeypatch.chdir(folder)
    md5 = "5d" + "0" * 30
    made = version(1, source="shop.sql", source_read="shop.sql: 7 rows", **{"dvc/data/raw.parquet": md5})
    (one,) = origins([made], {}, [], {})
    assert record.traced(one, place).read is None  # its dvc.lock was not committed yet
    gitops.lock(folder, ingest=md5)
    first = gitops.push(folder, "Data")
    gitops.lock(folder, ingest=md5, train="other")
    gitops.push(folder, "Train again")
    shown = command.text(record.traced(one, place))
    assert f"(commit {first})" in shown
    assert "shop.sql: 7 rows" in shown
    (events,) = [event(one)["inputs"]]
    assert [(entry["name"], entry["facets"]["version"]["datasetVersion"]) for entry in events][-1] == ("shop.sql", md5)


def test_a_version_leads_to_what_it_has_answered(known: tuple[Origin, ...], place: Place) -> None:
    for day, name, rows in (("2026-01-02", "2", 3), ("2026-02-01", MODELS[2][:12], 4), ("2026-03-01", "3", 5)):
        place.write(day, name, "part", pa.table({"id": pa.array(["x"] * rows)}))
    assert record.traced(known[1], place).answered == record.Answered(7, "2026-01-02", "2026-02-01")
    assert record.traced(known[0], place).answered is None


def test_without_a_remote_no_environment_runs_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise ProjectError("no origin")

    monkeypatch.setattr(production, "declared", absent)
    assert command._running([]) == {}
