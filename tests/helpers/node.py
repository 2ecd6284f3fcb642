"""Node.js and packages of npm for tests, installed once per test run."""

import json
import os
import shutil
from pathlib import Path

import pytest

from .support import once, run

PACKAGES = {  # pinned: what the tests were written with
    "@cdktf/hcl2json": "0.21.0",
    "@types/node": "24.10.1",
    "onnxruntime-node": "1.30.0",
    "onnxruntime-web": "1.30.0",
    "openapi-fetch": "0.17.0",
    "openapi-typescript": "7.13.0",
    "typescript": "5.9.3",
}


def packages(shared: Path) -> Path:
    """Return a folder with PACKAGES in node_modules."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed: apt-get install nodejs npm")
    folder = shared / "node"

    def install() -> None:
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}), encoding="utf-8")
        # the install script of onnxruntime-node fetches CUDA from a host that is not a registry
        quiet = {"ONNXRUNTIME_NODE_INSTALL": "skip", "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
        run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", cwd=folder, **quiet)

    once(folder, install)
    return folder


def node(folder: Path, script: str, *arguments: str) -> str:
    """Run an ES module beside the packages in *folder* and return its output."""
    path = folder / f"script-{os.getpid()}.mjs"
    path.write_text(script, encoding="utf-8")
    return run("node", "--no-warnings", str(path), *arguments, cwd=folder)
