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
import stat
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

from monitor import __version__

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.xdist_group("container")]

T = TypeVar("T")

PROJECT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("WATCHKEEPER_TEST_CACHE") or Path.home() / ".cache" / "watchkeeper-test")
BASE = "docker.io/library/python:3.11-slim-bookworm"
IMAGE = "localhost/watchkeeper"
PACKAGES = "python3.11,python3-pip-whl,ca-certificates"
USER = 65532
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
    """podman with a store of its own."""

    def __init__(self, folder: Path) -> None:
        self._options = [f"--root={folder}/storage", f"--runroot={folder}/run", f"--tmpdir={folder}/tmp"]
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


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def engine(base: Path, wheels: Path) -> Iterator[Engine]:
    """With the image built in it, from a checkout in which secrets lie about as they do on a developer's machine."""
    with tempfile.TemporaryDirectory(prefix="engine-", dir=CACHE, ignore_cleanup_errors=True) as folder:
        checkout = Path(folder, "checkout")
        checkout.mkdir()
        for name in ("Dockerfile", ".dockerignore", "requirements.lock", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(PROJECT / name, checkout)
        for name in ("monitor", "checks"):
            shutil.copytree(PROJECT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("config.yaml", ".env", "state/token", "monitor/.env"):
            (checkout / name).parent.mkdir(exist_ok=True)
            (checkout / name).write_text(DECOY)
        engine = Engine(Path(folder))
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


@pytest.fixture(scope="module")
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


def test_it_watches_without_a_right_and_without_a_place_to_write_but_its_volume(start):
    container = start("watching")
    container.wait_for_line("baselines: ")  # even the fitting, which needs a temporary file

    assert container.checked() == 0
    container.wait(lambda: container.inside("monitor", "healthy", "--ready").returncode == 0, "every check was heard")
    seen = json.loads(container.inside("monitor", "status", "--format", "json").stdout)
    assert (seen["source"], seen["services"][0]["checks"][0]["outcome"]) == ("daemon", "ok")
    status = container.inside("cat", "/proc/1/status").stdout
    assert re.search(r"^Uid:(\s+65532){4}$", status, re.MULTILINE)
    assert re.findall(r"^Cap\w+:\s+(\w+)$", status, re.MULTILINE) == ["0" * 16] * 5
    assert "NoNewPrivs:\t1" in status
    for folder in ("/", "/tmp", "/opt/watchkeeper", "/etc/watchkeeper"):
        assert "Read-only file system" in container.inside("touch", f"{folder}/x").stderr, folder
    assert container.inside("sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '").stdout.endswith("monitor run ")
    assert not re.search("WARN|ERROR|Traceback", container.log())


def test_sigterm_to_the_first_process_ends_it_in_order(start):
    container = start("ending")
    container.wait_for_line("watching 1 services")

    code, seconds = container.end()

    assert code == 0
    assert seconds < 6, "docker would kill it after 10"


def test_sigterm_is_heard_before_the_daemon_has_begun(start):
    container = start("early")
    container.wait(lambda: "monitor" in container.inside("cat", "/proc/1/cmdline").stdout, "the first process runs")

    code, seconds = container.end()

    assert code in (0, 143)
    assert seconds < 6


def test_what_it_knows_is_in_the_volume_and_outlives_the_container(start):
    first = start("first", volume="kept")
    first.wait_for_line("watching 1 services")
    reported = first.inside("monitor", "incident", "report", "--service", "orders", "--symptoms", "customers call")
    assert reported.stdout == "reported: INC-0001 orders (open, SEV3)\n", reported.stderr
    first.end()
    first.remove()

    second = start("second", volume="kept")
    second.wait_for_line("watching 1 services")

    assert "INC-0001" in second.inside("monitor", "incident", "list").stdout


def test_a_volume_of_somebody_else_is_one_line_with_the_remedy(start, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir(mode=0o755)

    container = start("foreign", volume=str(foreign))
    container.wait(lambda: container.state()["Status"] == "exited", "it gives up")

    assert container.state()["ExitCode"] == 3
    assert container.log().strip() == (
        "Error: monitor.state: /var/lib/watchkeeper cannot be written by user 65532: Permission denied; "
        "give it to that user (chown 65532 /var/lib/watchkeeper), or name another folder"
    )


def test_nothing_is_in_it_that_builds_or_installs(files):
    bins = ("usr/bin", "usr/sbin", "usr/local/bin", "opt/watchkeeper/bin")
    commands = {path.name for folder in bins for path in (files / folder).iterdir()}
    assert not commands & {"gcc", "cc", "make", "ld", "git", "curl", "wget", "pip", "pip3", "pip3.11"}
    for folder in ("opt/watchkeeper/lib/python3.11", "usr/local/lib/python3.11"):
        packages = {path.name for path in (files / folder).rglob("*") if path.is_dir()}
        assert not packages & {"pip", "setuptools", "ensurepip", "wheel"}, folder
    assert list((files / "var/lib/apt/lists").glob("*_Packages*")) == []
    assert list((files / "opt").rglob("tests")) == []


def test_its_user_owns_the_volume_alone_and_can_change_nothing_else(files):
    owned, loose = [], []
    for path in files.rglob("*"):
        found = path.lstat()
        if found.st_uid == USER or found.st_gid == USER:
            owned.append(str(path.relative_to(files)))
        shared = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX and not stat.S_ISLNK(found.st_mode)
        if shared and not stat.S_ISCHR(found.st_mode):
            loose.append(str(path.relative_to(files)))

    assert owned == ["var/lib/watchkeeper"]
    assert loose == []


def test_what_lay_beside_the_sources_is_not_in_it(engine, files):
    found = subprocess.run(["grep", "-rlF", DECOY, files], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (1, "")
    assert DECOY not in engine.do("history", "--no-trunc", IMAGE)


def test_everything_is_compiled_so_that_a_health_check_costs_little(files):
    """Nothing can be kept at run time: what is not compiled now would be compiled at every single start."""
    stale = [
        str(path.relative_to(files))
        for folder in ("opt/watchkeeper/lib/python3.11/site-packages", "usr/local/lib/python3.11")
        for path in (files / folder).rglob("*.py")
        if not (path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc").exists()
        and not re.search(r"/(idlelib|lib2to3|pydoc_data|test|tkinter|turtledemo)/", str(path))
    ]

    assert stale == []


def test_it_says_of_itself_what_it_is(engine):
    [image] = json.loads(engine.do("image", "inspect", IMAGE))
    config, labels = image["Config"], image["Labels"]

    assert config["User"] == f"{USER}:{USER}"
    assert (config["Entrypoint"], config["Cmd"]) == (["monitor"], ["run"])
    assert list(config["Volumes"]) == ["/var/lib/watchkeeper"]
    assert config.get("StopSignal") in ("SIGTERM", "15")
    assert image["Healthcheck"]["Test"] == ["CMD", "monitor", "healthy"]
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.base.name"] == BASE


def test_it_is_small(engine):
    sizes = {name: json.loads(engine.do("image", "inspect", name))[0]["Size"] / 1e6 for name in (BASE, IMAGE)}

    added = sizes[IMAGE] - sizes[BASE]
    print(f"\n{added:.0f} MB on top of the base's {sizes[BASE]:.0f} MB")
    assert added < 280
