"""
The Dockerfile, built and run by a real engine (podman, runc). No registry is asked: a Debian with its Python moved to
where the official image has it stands in for the base, under the base's own name, and a folder of wheels for PyPI.

Both are kept in ~/.cache/watchkeeper-test, or in $WATCHKEEPER_TEST_CACHE; images and containers are gone afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

PROJECT = Path(__file__).parent.parent.parent.parent
CACHE = Path(os.environ.get("WATCHKEEPER_TEST_CACHE") or Path.home() / ".cache" / "watchkeeper-test")
BASE = "docker.io/library/python:3.11-slim-bookworm"
IMAGE = "localhost/watchkeeper"
PACKAGES = "python3.11,python3-pip-whl,ca-certificates"
PATIENCE = 60.0
DECOY = "hunter2-must-not-be-in-the-image"

STAND_IN = r"""
set -eu
cd "$1"
rm -rf var/lib/apt/lists/* var/cache/apt/* usr/local/lib/python3.11
find . -name '*.pyc' -delete
mv usr/lib/python3.11 usr/local/lib/
mv usr/bin/python3.11 usr/local/bin/
rm usr/local/lib/python3.11/EXTERNALLY-MANAGED
ln -s python3.11 usr/local/bin/python3
ln -s python3.11 usr/local/bin/python
mkdir -p usr/local/lib/python3.11/site-packages
ln -s site-packages usr/local/lib/python3.11/dist-packages
python3 -m zipfile -e usr/share/python-wheels/pip-*.whl usr/local/lib/python3.11/site-packages
rm -r usr/share/python-wheels
touch usr/local/bin/pip usr/local/bin/pip3
"""
"""As the official image has it: Python and pip in /usr/local, nothing compiled, no leftovers of apt."""

HARDENED = (
    *("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"),
    # An engine's own idea of limits may be above ours, and where it may not raise them nothing would start.
    *("--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"),
)


class Engine:
    """
    podman with a store of its own.

    Args:
        run: For what lives only while it runs; podman allows its path 50 characters.
    """

    def __init__(self, folder: Path, run: Path) -> None:
        self._options = [f"--root={folder}/storage", f"--runroot={run}/run", f"--tmpdir={run}/tmp"]
        self._options += ["--cgroup-manager=cgroupfs", "--runtime=runc", "--events-backend=none"]

    def run(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        command = ["podman", *self._options, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **more)

    def do(self, *arguments: str) -> str:
        """What it printed; it must succeed."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"podman {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}"
        return done.stdout


class Container:
    """Watchkeeper, as hardened as an engine can make it, on the host's own loopback."""

    def __init__(self, engine: Engine, name: str, config: Path, volume: str) -> None:
        self._engine, self.name = engine, name
        mounts = [f"--volume={config}:/etc/watchkeeper/config.yaml:ro", f"--volume={volume}:/var/lib/watchkeeper"]
        engine.do("run", "--detach", f"--name={name}", "--network=host", *HARDENED, *mounts, IMAGE)

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        return self._engine.run("exec", self.name, *command)

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._engine.do("inspect", self.name))[0]["State"]
        return found

    def log(self) -> str:
        done = self._engine.run("logs", self.name)
        return done.stdout + done.stderr

    def checked(self) -> int:
        """The HEALTHCHECK's verdict: 0 healthy, 1 not."""
        return self._engine.run("healthcheck", "run", self.name).returncode

    def wait(self, fact: Callable[[], T], what: str) -> T:
        deadline = time.monotonic() + PATIENCE
        while not (found := fact()):
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE:g} s\n{self.log()}"
            time.sleep(0.1)
        return found

    def wait_for_line(self, pattern: str) -> None:
        self.wait(lambda: re.search(pattern, self.log()), f"a log line with {pattern!r}")

    def end(self) -> tuple[int, float]:
        """SIGTERM to its PID 1: the exit code, and how many seconds it took."""
        began = time.monotonic()
        self._engine.do("kill", "--signal=TERM", self.name)
        self.wait(lambda: self.state()["Status"] == "exited", "the container has exited")
        return self.state()["ExitCode"], time.monotonic() - began

    def remove(self) -> None:
        self._engine.run("rm", "--force", "--time=0", self.name)


@pytest.fixture(scope="package")
def base() -> Path:
    """The stand-in as a tar file."""
    if os.geteuid() != 0:
        pytest.skip("only root makes a base image")
    missing = [name for name in ("podman", "runc", "debootstrap") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install podman runc debootstrap")
    recipe = hashlib.sha256(f"{PACKAGES}{STAND_IN}".encode()).hexdigest()[:8]
    kept = CACHE / f"python-3.11-slim-bookworm-{recipe}.tar"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="base-", dir=CACHE) as folder:
            root, begun = Path(folder, "root"), Path(folder, "tar")
            make = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root)]
            done = subprocess.run(make, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"debootstrap makes no system here: {done.stdout.strip().splitlines()[-1:]}")
            subprocess.run(["sh", "-c", STAND_IN, "stand-in", str(root)], check=True)
            subprocess.run(["tar", "-C", root, "-cf", begun, "."], check=True)
            begun.rename(kept)
    return kept


@pytest.fixture(scope="package")
def wheels() -> Path:
    """What the lock names, each file with the hash that stands there."""
    lock = PROJECT / "requirements.lock"
    folder = CACHE / f"locked-{hashlib.sha256(lock.read_bytes()).hexdigest()[:8]}"
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="locked-", dir=CACHE) as beside:
            subprocess.run([sys.executable, "-m", "venv", f"{beside}/venv"], check=True)
            pip = [f"{beside}/venv/bin/python", "-m", "pip", "download", "-q", "--disable-pip-version-check"]
            pip += ["--only-binary=:all:", "--no-deps", "--require-hashes", f"--requirement={lock}"]
            done = subprocess.run([*pip, f"--dest={beside}/wheels"], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                pytest.skip(f"the wheels cannot be fetched: {done.stderr.strip().splitlines()[-1:]}")
            Path(beside, "wheels").rename(folder)
    return folder


@pytest.fixture(scope="package")
def engine(base: Path, wheels: Path) -> Iterator[Engine]:
    """With the image built in it, from a checkout in which secrets lie about as they do on a developer's machine."""
    with (
        tempfile.TemporaryDirectory(prefix="engine-", dir=CACHE, ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryDirectory(prefix="engine-", dir="/tmp", ignore_cleanup_errors=True) as run,
    ):
        checkout = Path(folder, "checkout")
        checkout.mkdir()
        for name in ("Dockerfile", ".dockerignore", "requirements.lock", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(PROJECT / name, checkout)
        for name in ("monitor", "checks"):
            shutil.copytree(PROJECT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("config.yaml", ".env", "state/token", "monitor/.env"):
            (checkout / name).parent.mkdir(exist_ok=True)
            (checkout / name).write_text(DECOY)
        engine = Engine(Path(folder), Path(run))
        try:
            local = ["--change=ENV PIP_NO_INDEX=1", "--change=ENV PIP_FIND_LINKS=/wheels", str(base), BASE]
            engine.do("import", "--quiet", *local)
            if (tried := engine.run("run", "--rm", "--network=host", *HARDENED, BASE, "true")).returncode != 0:
                pytest.skip(f"no container runs here: {tried.stderr.strip().splitlines()[-1:]}")
            # The chroot needs no cgroups of its own; the docker format alone knows HEALTHCHECK.
            how = ["--isolation=chroot", "--format=docker", "--pull=never", f"--volume={wheels}:/wheels:ro"]
            engine.do("build", "--quiet", *how, f"--tag={IMAGE}", str(checkout))
            yield engine
        finally:
            engine.run("rm", "--all", "--force", "--time=0")
            engine.run("rmi", "--all", "--force")
            engine.run("volume", "rm", "--all", "--force")
            engine.run("system", "reset", "--force")


@pytest.fixture
def decoy() -> str:
    """What lay about beside the sources when the image was built."""
    return DECOY


@pytest.fixture(scope="package")
def files(engine: Engine) -> Iterator[Path]:
    """The image's files, seen from outside."""
    yield Path(engine.do("image", "mount", IMAGE).strip())
    engine.do("image", "unmount", IMAGE)


@pytest.fixture
def service() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own parameter
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/healthz"
        server.shutdown()


@pytest.fixture
def start(engine: Engine, tmp_path: Path, service: str, request: pytest.FixtureRequest) -> Callable[..., Container]:
    """`start("first", volume="kept")`: a container that watches one service."""
    config = tmp_path / "config.yaml"
    checks = {"live": {"http": service, "interval": "1s", "timeout": "500ms"}}
    config.write_text(json.dumps({"monitor": {"listen": "127.0.0.1:0"}, "services": {"orders": {"checks": checks}}}))

    def start(name: str, volume: str = "") -> Container:
        container = Container(engine, name, config, volume or f"{name}-state")
        request.addfinalizer(container.remove)
        return container

    return start
