"""Nothing leaves the machine: the loop works without a network, and with one it asks nobody."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.loop import environment, houses, walk
from helpers.support import TEMPLATE, bake, run

ASKED = re.compile(
    r"(?:connect|sendto|sendmsg|sendmmsg)\(.*?sa_family=(AF_\w+).*?(?:inet_addr\(|AF_INET6, )\"([^\"]+)\""
)
HERE = re.compile(r"127\.|::1$|::ffff:127\.|0\.0\.0\.0$|::$")
CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "sh", "-ec", 'ip link set lo up; exec "$@"', "--"]


@pytest.fixture
def alone() -> list[str]:
    """Return the words before a command that has no network but its own 127.0.0.1."""
    if not shutil.which("unshare") or subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a machine without a network cannot be made here: unshare or ip is absent, or not allowed")
    return UNSHARE


@pytest.fixture
def watch(tmp_path: Path) -> list[str]:
    """Return the words before a command whose connections are written to `tmp_path / "asked"`."""
    words = ["strace", "--follow-forks", "--seccomp-bpf", "--quiet=all", "-e", CALLS, "-e", "signal=none",
             "--output-append-mode", "--output", str(tmp_path / "asked")]  # fmt: skip
    if not shutil.which("strace") or subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace, which sees connections, does not work here")
    return words


def outside(trace: Path) -> list[str]:
    """Return the addresses beyond this machine that were asked, name servers too."""
    return [found[2] for found in ASKED.finditer(trace.read_text(encoding="utf-8")) if not HERE.match(found[2])]


@pytest.mark.tools
@pytest.mark.usefixtures("baked")  # with a network, so that the packages are in uv's cache, also on a new machine
def test_everything_works_without_a_network(alone: list[str], tmp_path: Path) -> None:
    gone = subprocess.run(
        [*alone, sys.executable, "-c", "import socket; socket.create_connection(('192.0.2.1', 9))"],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert "Network is unreachable" in gone.stderr
    houses(tmp_path / "houses.csv")
    made = tmp_path / "made"
    answers = [f"data={tmp_path / 'houses.csv'}", "target=price"]
    cookiecutter = [sys.executable, "-m", "cookiecutter", "--no-input", "--output-dir", str(made)]
    template = str(TEMPLATE)
    run(*alone, *cookiecutter, template, *answers, cwd=tmp_path, UV_OFFLINE="1")
    project = made / "flight-delays"
    told = run(*alone, "make", "setup", "all", cwd=project, UV_OFFLINE="1")
    assert "Model accepted" in told
    assert "golden rows" in told
    run("git", "add", "--all", cwd=project)
    run("git", "commit", "--quiet", "--no-verify", "-m", "Houses", cwd=project)
    run(*alone, "make", "lint", cwd=project, UV_OFFLINE="1")
    assert " passed" in run(*alone, "make", "test", cwd=project, UV_OFFLINE="1")


@pytest.mark.tools
def test_the_watch_sees_who_is_asked(watch: list[str], tmp_path: Path) -> None:
    ask = "import socket; [s.connect_ex((a, 9)) for a in ('127.0.0.1', '192.0.2.1') for s in [socket.socket(2, 2)]]"
    run(*watch, sys.executable, "-c", ask, cwd=tmp_path)
    run(*watch, sys.executable, "-c", "import socket; s = socket.socket(2, 2); s.sendto(b'?', ('192.0.2.2', 53))",
        cwd=tmp_path)  # fmt: skip
    assert outside(tmp_path / "asked") == ["192.0.2.1", "192.0.2.2"]


@pytest.mark.nightly
def test_the_loop_asks_nobody(watch: list[str], tmp_path: Path) -> None:
    project, surroundings = bake(tmp_path / "made"), environment(tmp_path / "bin")
    home = tmp_path / "home"  # a new user's: what was answered once about telemetry is not known
    home.mkdir()
    cache = run("uv", "cache", "dir", cwd=tmp_path).strip()
    surroundings |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "UV_CACHE_DIR": cache}

    def step(*words: str, cwd: Path) -> str:
        watched = [] if words == ("uv", "sync") else watch  # the package registry may be asked
        done = subprocess.run(
            [*watched, *words], cwd=cwd, env=surroundings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-4000:]}"
        return done.stdout

    assert os.environ["PATH"] != surroundings["PATH"]
    walk(project, step)
    said = (tmp_path / "asked").read_text(encoding="utf-8")
    assert "127.0.0.1" in said  # of the smoke test: the watch was there
    assert outside(tmp_path / "asked") == []
