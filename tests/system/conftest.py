"""
A whole Debian with a real systemd, booted by systemd-nspawn, into which Watchkeeper is installed as the docs say.

The bare system (debootstrap) and the wheels are kept in ~/.cache/watchkeeper-test, or in $WATCHKEEPER_TEST_CACHE; each
run boots one of its own, with a layer in memory over the kept one and no network but its loopback.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

PROJECT = Path(__file__).parent.parent.parent
CACHE = Path(os.environ.get("WATCHKEEPER_TEST_CACHE") or Path.home() / ".cache" / "watchkeeper-test")
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,ca-certificates"
PATIENCE = 60.0
"""Seconds for one thing to happen on a busy machine; nothing waits longer than it takes."""

CONFIG: dict[str, Any] = {
    "monitor": {"token_file": "secrets/token"},
    "services": {
        "orders-service": {
            "criticality": "high",
            "checks": {"ready": {"http": "http://127.0.0.1:8080/", "interval": "1s", "timeout": "500ms"}},
        }
    },
    "incidents": {"open_after": "2s", "stable_for": "1h"},
}
TARGET = """
import http.server, pathlib
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(pathlib.Path("/srv/answer").read_text()))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""


class Machine:
    """
    A booted Debian: its files from outside, its commands from inside.

    Attributes:
        checkout: Where Watchkeeper's sources lie in it.
        token: For everything that writes.
    """

    checkout = "/usr/local/src/watchkeeper"

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root = root
        self.token = secrets.token_urlsafe(24)
        self.console = root.with_name("console")
        self._wheels = wheels
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0

    def boot(self) -> None:
        # Without a manager outside that knows of machines: it may not be there, and we need nothing of it.
        command = ["systemd-nspawn", "-qbD", self.root, "--register=no", "--keep-unit", "--private-network"]
        command += ["--console=pipe", f"--bind-ro={self._wheels}:/srv/wheels"]
        with self.console.open("wb") as console:
            self._nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self.wait(self._is_up, "the machine is up")

    def _is_up(self) -> bool:
        assert self._nspawn is not None
        assert self._nspawn.poll() is None, "systemd-nspawn ended"
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        self._leader = int(children[0]) if children else 0
        # degraded: a bare Debian has units that want what a container has not.
        return bool(children) and self.run("systemctl is-system-running").stdout.strip() in ("running", "degraded")

    def close(self) -> None:
        """At once: what is thrown away needs no orderly end, and its first process takes all others with it."""
        if self._nspawn is not None and self._nspawn.poll() is None:
            os.kill(self._leader or self._nspawn.pid, signal.SIGKILL)
            self._nspawn.wait(PATIENCE)

    def run(self, command: str, cwd: str = "/") -> subprocess.CompletedProcess[str]:
        """As root's shell would, with the variables that pip needs where there is no network."""
        environ = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root"}
        environ |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/srv/wheels"}
        return subprocess.run(
            ["nsenter", "-t", str(self._leader), "-a", "sh", "-c", f"cd {cwd} && {command}"],
            capture_output=True,
            text=True,
            timeout=300,
            env=environ,
            check=False,
        )

    def do(self, command: str, cwd: str = "/") -> str:
        """What it printed; it must succeed."""
        done = self.run(command, cwd)
        assert done.returncode == 0, f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    def read(self, path: str) -> str:
        return (self.root / path.lstrip("/")).read_text()

    def show(self, name: str, unit: str = "monitor") -> str:
        return self.do(f"systemctl show --value -p {name} {unit}").strip()

    def journal(self, unit: str = "monitor") -> str:
        return self.do(f"journalctl --no-pager -o cat -u {unit}")

    def monitor(self, arguments: str) -> Any:
        """What a command of root's beside the daemon answers."""
        return json.loads(self.do(f"/opt/watchkeeper/bin/monitor {arguments} --format json"))

    def incident(self) -> dict[str, Any]:
        """The only one that there is."""
        [found] = self.monitor("incident list --state all")["incidents"]
        return found  # type: ignore[no-any-return]

    def configure(self, **service: Any) -> None:
        """The configuration of the start with more of its service, reloaded."""
        [(name, before)] = CONFIG["services"].items()
        self.write("/etc/watchkeeper/config.yaml", json.dumps(CONFIG | {"services": {name: before | service}}))
        self.do("systemctl reload monitor")

    def target_answers(self, status: int) -> None:
        self.write("/srv/answer", str(status))

    @staticmethod
    def commands(heading: str) -> list[str]:
        """What docs/operations.md tells an operator to type under *heading*."""
        text = (PROJECT / "docs" / "operations.md").read_text()
        block = re.search(rf"^### {heading}\n.*?^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        assert block, f"docs/operations.md has no commands under {heading!r}"
        return block[1].splitlines()

    @staticmethod
    def wait(fact: Callable[[], T], what: str, within: float = PATIENCE) -> T:
        """What *fact* answers, as soon as it is true."""
        deadline = time.monotonic() + within
        while not (found := fact()):
            assert time.monotonic() < deadline, f"{what}: not within {within:g} s"
            time.sleep(0.1)
        return found


@pytest.fixture(scope="session")
def bare() -> Path:
    """A Debian that nobody has booted."""
    if os.geteuid() != 0:
        pytest.skip("only root boots a system")
    missing = [name for name in ("debootstrap", "systemd-nspawn", "nsenter") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install debootstrap systemd-container")
    root = CACHE / f"{SUITE}-{hashlib.sha256(PACKAGES.encode()).hexdigest()[:8]}"
    if not root.exists():
        begun = root.with_suffix(f".{os.getpid()}")
        arguments = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(begun)]
        CACHE.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(begun, ignore_errors=True)
            pytest.skip(f"debootstrap makes no system here: {done.stdout.strip().splitlines()[-1:]}")
        # Each copy is a machine of its own, and has no network to wait for.
        (begun / "etc" / "machine-id").unlink(missing_ok=True)
        (begun / "etc/systemd/system/systemd-networkd-wait-online.service").symlink_to("/dev/null")
        begun.rename(root)
    return root


@pytest.fixture(scope="session")
def wheels() -> Path:
    """What pip would fetch inside, had the machine a network."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], "wheel"]
    folder = CACHE / f"wheels-{hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:8]}"
    if not folder.exists():
        begun = folder.with_suffix(f".{os.getpid()}")
        with tempfile.TemporaryDirectory() as beside:
            subprocess.run([sys.executable, "-m", "venv", beside], check=True)
            pip = [f"{beside}/bin/python", "-m", "pip", "download", "-q", "--disable-pip-version-check"]
            pip += ["--only-binary=:all:", f"--python-version={PYTHON}", "-d", str(begun)]
            done = subprocess.run([*pip, *wanted], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(begun, ignore_errors=True)
            pytest.skip(f"the wheels cannot be fetched: {done.stderr.strip().splitlines()[-1:]}")
        begun.rename(folder)
    return folder


@pytest.fixture(scope="session")
def machine(bare: Path, wheels: Path) -> Iterator[Machine]:
    """Installed as documented, and started on a configuration whose times are short."""
    with _layered(bare) as root:
        _copy_checkout(root / Machine.checkout.lstrip("/"))
        booted = Machine(root, wheels)
        try:
            try:
                booted.boot()
            except AssertionError as problem:
                console = booted.console.read_text(errors="replace").strip().splitlines()[-3:]
                pytest.skip(f"no systemd boots here: {problem} {console}")
            _install(booted)
            yield booted
        finally:
            booted.close()


@contextmanager
def _layered(bare: Path) -> Iterator[Path]:
    """
    The bare system with a layer in memory over it, which is gone at once: to copy and to remove twenty thousand files
    takes minutes on a busy disk.
    """
    folder = Path(tempfile.mkdtemp(prefix="watchkeeper-machine-"))
    root, upper, work = (folder / name for name in ("root", "upper", "work"))
    try:
        _mount("tmpfs", "size=1g,mode=0755", folder)
        for made in (root, upper, work):
            made.mkdir()
        _mount("overlay", f"lowerdir={bare},upperdir={upper},workdir={work}", root)
        yield root
    finally:
        for mounted in (root, folder):
            subprocess.run(["umount", "-l", mounted], capture_output=True, check=False)
        folder.rmdir()


def _mount(kind: str, options: str, where: Path) -> None:
    command = ["mount", "-t", kind, "-o", options, kind, where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no {kind} can be mounted here: {done.stderr.strip()}")


def _copy_checkout(into: Path) -> None:
    for name in ("pyproject.toml", "README.md", "LICENSE", "config.yaml"):
        into.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, into)
    for name in ("systemd", "monitor", "checks"):
        shutil.copytree(PROJECT / name, into / name, ignore=shutil.ignore_patterns("__pycache__"))


def _install(machine: Machine) -> None:
    machine.write("/srv/target.py", TARGET)
    machine.target_answers(200)
    machine.do("systemd-run -q --unit=target python3 /srv/target.py")
    first, second, third = machine.commands("Install")
    machine.do(first, machine.checkout)
    machine.do(second, machine.checkout)
    machine.do("/opt/watchkeeper/bin/monitor validate")  # the example, before anybody has touched it
    machine.write("/etc/watchkeeper/config.yaml", json.dumps(CONFIG))
    machine.write("/etc/watchkeeper/secrets/token", machine.token, 0o600)
    machine.do(third, machine.checkout)
