"""Data and models leave the branch `store` for a bucket, as docs/storage.md says, and nothing is trained again."""

import os
import shutil
from pathlib import Path

import pytest
from helpers import servers
from helpers.pages import blocks
from helpers.support import run

pytestmark = pytest.mark.nightly

HERE = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "us-east-1"}


def test_a_bucket_takes_the_place_of_the_branch(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    origin, work, clone = (tmp_path / name for name in ("origin.git", project.name, "clone"))
    shutil.copytree(project, work, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    run("git", "init", "--quiet", "--bare", "-b", "main", str(origin), cwd=tmp_path)
    run("git", "remote", "add", "origin", str(origin), cwd=work)
    run("make", "setup", cwd=work)
    run("git", "add", "--all", cwd=work)
    run("git", "commit", "--quiet", "--no-verify", "-m", "The first model", cwd=work)
    ((_, both_ways),) = blocks("how-to/storage.md", "The branch store")
    run("bash", "-euc", both_ways, cwd=work)
    assert run("git", "ls-tree", "--name-only", "store", cwd=origin).split() == ["dvc", "mlflow"]
    with servers.s3(tmp_path, "BUCKET") as url:
        for name, value in {**HERE, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        ((_, block),) = blocks("how-to/storage.md", "Move to a bucket")
        for line in block.strip().splitlines():
            run("bash", "-c", line, cwd=work)
        assert "s3://BUCKET/dvc" in (work / ".dvc/config").read_text(encoding="utf-8")
        assert run("git", "status", "--porcelain", cwd=work) == ""
        run("git", "push", "--quiet", "--no-verify", "origin", "main", cwd=work)
        run("git", "clone", "--quiet", "--single-branch", str(origin), str(clone), cwd=tmp_path)
        run("make", "setup", cwd=clone)
        said = run("make", "pipeline", cwd=clone, CI="true")
        assert "Running stage" not in said
        assert (clone / "models/export/model.onnx").read_bytes() == (work / "models/export/model.onnx").read_bytes()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    done = os.environ | {"CI": "true"}
    shutil.rmtree(clone / ".dvc/cache")
    with pytest.raises(AssertionError, match=r"127\.0\.0\.1:1"):
        run(".venv/bin/dvc", "pull", cwd=clone, **done)


def test_a_bucket_holds_the_rows_and_the_predictions(
    champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / champion.name
    shutil.copytree(champion, work, ignore=shutil.ignore_patterns(".venv"), symlinks=True)
    run("make", "setup", cwd=work)
    ((_, commands),) = blocks("how-to/score.md", "Into a folder or a bucket")
    on_disk, in_bucket = commands.splitlines()
    (work / "rows").mkdir()
    shutil.copy(work / "data/test.parquet", work / "rows/part-0.parquet")
    assert "scored by version 1 -> scored/" in run("sh", "-ec", on_disk, cwd=work)
    with servers.s3(tmp_path, "bucket") as url:
        for name, value in {**HERE, "AWS_ENDPOINT_URL": url}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(AssertionError, match='uv add --group pipeline "dvc-s3"'):
            run("sh", "-ec", in_bucket, cwd=work)
        run("uv", "add", "--quiet", "--group", "pipeline", "dvc-s3", cwd=work)
        copy = "import s3fs, sys; s3fs.S3FileSystem().put(sys.argv[1], sys.argv[2], recursive=True)"
        run(".venv/bin/python", "-c", copy, "rows", "s3://bucket/rows", cwd=work)
        for _ in range(2):  # the second time, the run has ended
            assert "scored by version 1 -> s3://bucket/scored" in run("sh", "-ec", in_bucket, cwd=work)
        back = "import s3fs, sys; s3fs.S3FileSystem().get(sys.argv[1], sys.argv[2], recursive=True)"
        run(".venv/bin/python", "-c", back, "s3://bucket/scored", "fetched", cwd=work)
        run("make", "score", "DATA=rows", "OUT=s3://bucket/one.parquet", cwd=work)
        with pytest.raises(AssertionError, match="check the name of the bucket, and the login"):
            run("make", "score", "DATA=rows", "OUT=s3://absent/scored", cwd=work)
    names = sorted(path.name for path in (work / "fetched/run=2026-11-26").iterdir())
    assert names == ["_SUCCESS", "part-00000.parquet"]
    same = "import pandas as pd; a, b = (pd.read_parquet(f'{f}/run=2026-11-26') for f in ('scored', 'fetched')); "
    same += "print(a.drop(columns='made').equals(b.drop(columns='made')), len(a))"
    assert run(".venv/bin/python", "-c", same, cwd=work).startswith("True ")
