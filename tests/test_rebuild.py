"""The model of a version is made again from its commit and data, byte for byte, and nothing else changes."""

from pathlib import Path

import pytest
from helpers.support import copied, run, sources


@pytest.mark.nightly
def test_a_version_is_made_again_byte_for_byte(champion: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    copy = copied(champion, tmp_path)
    kept = {path: path.read_bytes() for path in (copy / ".store").rglob("*") if path.is_file()}
    output = run("make", "rebuild", "VERSION=champion", cwd=copy, **sources(copy))
    assert "all 10 outputs are equal" in output
    assert "models/export" in output
    assert {path: path.read_bytes() for path in (copy / ".store").rglob("*") if path.is_file()} == kept
    assert run("git", "worktree", "list", cwd=copy).count("\n") == 1
    assert run("git", "status", "--porcelain", cwd=copy) == ""
