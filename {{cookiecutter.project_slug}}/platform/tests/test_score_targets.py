"""A scored table in a folder or a bucket: each run is complete or absent, and a run that has ended does nothing."""

from pathlib import Path

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from helpers import contracts, models

from mlgitops.batch import parts, remote, score, targets
from mlgitops.common import failures, files
from mlgitops.common.errors import ProjectError
from mlgitops.data import address

CONTRACT = contracts.contract({"age": "{type: integer, min: 0}", "city": "{type: category}"})
ADDRESS = "https://ada:hunter2@example.org/rows.csv"  # pragma: allowlist secret


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.exported(CONTRACT, tmp_path_factory.mktemp("model"))


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a table of seven rows, the fourth of which breaks the contract, that is scored by two rows."""
    monkeypatch.setattr(parts, "CHUNK_ROWS", 2)
    monkeypatch.setattr(score, "WRITTEN_ROWS", 2)
    monkeypatch.setattr(targets, "PART_ROWS", 3)
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"age": [1, 2, 3, -4, 5, 6, 7], "city": ["Bern"] * 7}), path)
    return path


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> MemoryFileSystem:
    """Return an empty bucket, which has the protocol of S3 for this process."""
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])
    monkeypatch.setitem(remote.PROTOCOLS, "s3", ("memory", "dvc-s3"))
    return fsspec.filesystem("memory")


def command(source: Path | str, scored: Path | str, model: Path, *options: str) -> Result:
    return CliRunner().invoke(score.main, [str(source), str(scored), "--model", str(model), *options])


@pytest.mark.parametrize("place", ["scored", "scored/", "s3://bucket/scored"])
def test_each_run_is_a_folder_of_parts_which_can_be_scored_again_as_a_table(
    place: str, rows: Path, model: Path, tmp_path: Path, bucket: MemoryFileSystem
) -> None:
    target = place if "://" in place else f"{tmp_path}/{place}"
    for _ in range(2):  # the second time, it has ended
        done = command(rows, target, model, "--run", "monday")
        assert done.exit_code == 1
        assert "6 of 7 rows scored" in done.output
        assert "1 rows break the contract" in done.output
    assert "row 3, age" not in done.output
    pq.write_table(pq.read_table(rows).slice(0, 2), rows)
    assert command(rows, target, model, "--run", "tuesday").exit_code == 0
    folder = tmp_path / "scored"
    if "://" in place:
        bucket.get("/bucket/scored/", str(folder), recursive=True)
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    monday = [f"run=monday/{name}" for name in ("_SUCCESS", *(f"part-0000{n}.parquet" for n in range(3)))]
    assert names == [*monday, "run=tuesday/_SUCCESS", "run=tuesday/part-00000.parquet"]
    scored = pd.concat([batch.to_pandas() for batch in parts.parts(folder)])
    assert scored["age"].tolist() == [1, 2, 3, -4, 5, 6, 7, 1, 2]
    assert scored["run"].tolist() == ["monday"] * 7 + ["tuesday"] * 2
    assert scored["error"].notna().tolist() == [False] * 3 + [True] + [False] * 5


@pytest.mark.parametrize("name", ["scored.parquet", "scored.csv"])
def test_a_file_in_a_bucket_is_replaced_as_a_whole(
    name: str, rows: Path, model: Path, tmp_path: Path, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.pipe_file(f"/bucket/{name}", b"of the night before")
    with monkeypatch.context() as patch:
        patch.setattr(score, "answers", failing_after_a_part)
        assert isinstance(command(rows, f"s3://bucket/{name}", model).exception, OSError)
    assert bucket.cat_file(f"/bucket/{name}") == b"of the night before"
    assert "6 of 7 rows scored" in command(rows, f"s3://bucket/{name}", model).output
    bucket.get_file(f"/bucket/{name}", str(tmp_path / name))
    scored = pd.read_csv(tmp_path / name) if name.endswith("csv") else pd.read_parquet(tmp_path / name)
    assert len(scored) == 7


def failing_after_a_part(*arguments, **options):  # type: ignore[no-untyped-def]  # as the function whose place it takes
    from mlgitops.batch.answers import answers

    yield next(answers(*arguments, **options))
    raise OSError("the source has gone away")


@pytest.mark.parametrize("place", ["scored", "s3://bucket/scored"])
def test_a_run_that_fails_is_absent_and_the_same_run_begins_again(
    place: str, rows: Path, model: Path, tmp_path: Path, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = place if "://" in place else str(tmp_path / place)
    command(rows, target, model, "--run", "before")
    with monkeypatch.context() as patch:
        patch.setattr(targets, "PART_ROWS", 1)
        patch.setattr(score, "answers", failing_after_a_part)
        assert isinstance(command(rows, target, model, "--run", "night").exception, OSError)
    assert not bucket.exists("/bucket/scored/run=night/_SUCCESS")
    assert [path.name for path in tmp_path.glob("scored/*")] in ([], ["run=before"])
    assert "6 of 7 rows scored" in command(rows, target, model, "--run", "night").output
    if "://" in place:
        bucket.get("/bucket/scored/", str(tmp_path / "scored"), recursive=True)
    assert {path.name for path in tmp_path.glob("scored/*")} == {"run=before", "run=night"}
    assert sum(part.num_rows for part in parts.parts(tmp_path / "scored/run=night")) == 7


@pytest.mark.parametrize("name", ["scored.parquet", "scored.csv", "scored"])
def test_a_full_disk_leaves_the_old_result_whole(
    name: str, rows: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(rows, tmp_path / name, model, "--run", "before")
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    full = tmp_path / "full"  # a file, or a folder whose files have no room
    monkeypatch.setattr(files, "_temporary", lambda *_: full)
    if name == "scored":
        monkeypatch.setattr(targets._Parts, "_path", lambda *_: Path("/dev/full"))
    else:
        full.symlink_to("/dev/full")
    error = command(rows, tmp_path / name, model, "--run", "now").exception
    assert isinstance(error, Exception)
    assert failures.fault(error) == failures.DISK_FULL
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == kept
    assert not full.is_symlink()


REFUSED = {  # DATA, OUT and the name of the run -> what is wrong
    ("", "scored.csv", "r"): "DATA is empty: name the table to score",
    ("rows.parquet", "", "r"): "OUT is empty: name a file, a folder, an address or table:NAME",
    (
        "rows.parquet",
        "scored.v1",
        "r",
    ): "scored.v1: unknown file type: use the suffix .parquet or .csv, or end a folder",
    ("rows.parquet", "scored/", "a/b"): "run 'a/b': write a name of letters, digits, dots, - and _ for a folder",
    (
        "rows.parquet",
        "ftp://host/scored",
        "r",
    ): "ftp://host/scored/run=r: results are written to s3://, gs://, azure://",
    ("rows.parquet", "spark", "r"): "spark/run=r: another program has written it: choose another RUN_NAME",
    (
        "rows.parquet",
        "azure://x/scored",
        "r",
    ): 'azure:// needs a package that is not installed: uv add --group pipeline "',
}


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_written_is_named(
    case: tuple[str, str, str], model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(known_implementations, "absent", {"class": "absent.Files", "err": "no package"})
    monkeypatch.setitem(remote.PROTOCOLS, "azure", ("absent", "dvc-azure"))
    (tmp_path / "spark/run=r").mkdir(parents=True)
    (tmp_path / "spark/run=r/_SUCCESS").touch()
    source, scored, run = case
    done = command(source, scored, model, "--run", run)
    assert done.exit_code == 1
    assert REFUSED[case] in done.output


def test_a_bucket_that_does_not_answer_is_one_clear_error(
    rows: Path, model: Path, bucket: MemoryFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(MemoryFileSystem, "put_file", refused)
    for name in ("scored.csv", "scored"):
        done = command(rows, f"s3://bucket/{name}", model, "--run", "night")
        assert done.exit_code == 1
        assert "Access Denied: check the name of the bucket, and the login" in done.output
    assert not bucket.exists("/bucket/scored/run=night/_SUCCESS")


def test_no_message_shows_the_login_in_an_address(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rejected(*words: str) -> None:
        raise ProjectError(f"dvc get-url failed: {words[1]} is not there")

    monkeypatch.setattr(address, "dvc", rejected)
    done = command(ADDRESS, tmp_path / "scored.csv", model)
    assert done.exit_code == 1
    assert "https://***@example.org/rows.csv is not there" in done.output
    assert address.shown("s3://bucket/a@b.csv") == "s3://bucket/a@b.csv"
