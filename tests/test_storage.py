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
