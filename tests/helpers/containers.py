"""Containers for the tests: an engine that keeps everything in one folder, a base image, a registry."""

import contextlib
import fcntl
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import TEMPLATE, run

TOOLS = ["podman", "runc", "docker-registry"]
SUITE, LEFT_OUT = "bookworm", ["share/doc", "share/info", "share/locale", "share/man"]
SETTINGS = {
    # runc and these limits work inside of containers too, where CI may run
    "containers.conf": """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
runtime = "runc"
""",
    "storage.conf": """\
[storage]
driver = "overlay"
graphroot = "{folder}/graph"
runroot = "{folder}/run"
""",
    "registries.conf": """\
unqualified-search-registries = []
[[registry]]
location = "{registry}"
insecure = true
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "{registry}"
insecure = true
""",
    "registry.yml": """\
version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/registry}}}}
http: {{addr: "{registry}"}}
""",
}


def engine(folder: Path, registry: str) -> dict[str, str]:
    """Return the environment in which Podman keeps everything in *folder* and trusts *registry*."""
    for name, text in SETTINGS.items():
        filled = text.format(folder=folder, registry=registry) if "{folder}" in text or "{registry}" in text else text
        (folder / name).write_text(filled, encoding="utf-8")
    names = {"CONTAINERS_CONF": "containers", "CONTAINERS_STORAGE_CONF": "storage"}
    files = {variable: str(folder / f"{name}.conf") for variable, name in names.items()}
    registries = {"CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf")}
    return {**files, **registries, "BUILDAH_ISOLATION": "chroot", "IMAGE_ENGINE": "podman"}


def base(name: str, registry: str, scratch: Path, environment: dict[str, str]) -> str:
    """Return the image *name*, pinned by its digest, to build on.

    It is pulled or, where there is no registry to pull from, made of Debian's packages, and pushed to *registry*, which
    stands in for the one in its name: whoever builds on it pulls it by its digest, under its real name.
    """
    pulled = subprocess.run(["podman", "pull", "--quiet", name], env=environment, capture_output=True, check=False)
    if pulled.returncode:
        copy = name.replace("docker.io", registry)
        run("podman", "import", "--quiet", str(debian(scratch)), copy, cwd=scratch, **environment)
        run("podman", "push", "--quiet", f"--digestfile={scratch / 'digest'}", copy, cwd=scratch, **environment)
        run("podman", "rmi", copy, cwd=scratch, **environment)
        return f"{name}@{(scratch / 'digest').read_text(encoding='utf-8').strip()}"
    found = run("podman", "image", "inspect", "--format={{.Digest}}", name, cwd=scratch, **environment)
    return f"{name}@{found.strip()}"


def debian(scratch: Path) -> Path:
    """Return an archive of a small Debian with Python."""
    archive = TEMPLATE / "build" / f"base-{SUITE}.tar"  # a minute's work, kept for the next time
    archive.parent.mkdir(exist_ok=True)
    with archive.with_suffix(".lock").open("w") as lock:  # the tests' workers need the same one
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.is_file():
            bootstrap(archive, scratch)
    return archive


def bootstrap(archive: Path, scratch: Path) -> None:
    """Write *archive*: Debian's minimal system with Python, without what a scoring image does not need."""
    if not shutil.which("debootstrap"):
        pytest.skip("the base image cannot be pulled, and debootstrap is not installed to make one")
    packages = "--include=python3,ca-certificates"
    run("debootstrap", "--variant=minbase", packages, SUITE, str(scratch / "root"), cwd=scratch)
    omitted = [f"--exclude=./usr/{path}" for path in LEFT_OUT]
    omitted += [f"--exclude=./{path}" for path in ("dev", "proc", "sys", "var/cache/*", "var/lib/apt/lists/*")]
    partial = archive.with_suffix(".new")
    run("tar", "--create", f"--file={partial}", "--numeric-owner", *omitted, ".", cwd=scratch / "root")
    partial.replace(archive)
    shutil.rmtree(scratch / "root")


@contextlib.contextmanager
def serving(folder: Path, registry: str) -> Iterator[None]:
    """Run a registry of images at the address *registry*."""
    log = (folder / "registry.log").open("w", encoding="utf-8")
    with (
        log,
        subprocess.Popen(["docker-registry", "serve", str(folder / "registry.yml")], stdout=log, stderr=log) as it,
    ):
        try:
            wait_for(f"http://{registry}/v2/")
            yield
        finally:
            it.terminate()


def wait_for(url: str, seconds: int = 60) -> None:
    """Return when *url* answers with success; fail when it does not within *seconds*."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, urllib.error.URLError):
            if urllib.request.urlopen(url, timeout=5).status == 200:  # noqa: S310  # one of this machine
                return
        time.sleep(0.1)
    pytest.fail(f"{url} did not answer within {seconds} seconds")
