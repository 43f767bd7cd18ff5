"""Debian's blackbox_exporter and our daemon side by side, on one modules file and the same targets."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from .cases import CASES

HERE = Path(__file__).parent
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
ZONE = """
$ORIGIN example.test.
$TTL 3600
@ SOA ns hostmaster 2026112401 7200 600 86400 300
@ NS ns
@ MX 10 mail
ns A 192.0.2.53
www 60 A 192.0.2.1
a\\.b TXT "v=spf1 -all" "a \\"quoted\\" one"
nobody MX 10 mail
"""
NSD = """
server:
  ip-address: 127.0.0.1@{port}
  ip-address: 127.0.0.1@{secured}
  tls-port: {secured}
  tls-service-key: "{folder}/good.key"
  tls-service-pem: "{folder}/good.cert"
  username: ""
  chroot: ""
  database: ""
  server-count: 1
  version: "NSD for tests"
  zonesdir: "{folder}"
  xfrdir: "{folder}"
  pidfile: "{folder}/pid"
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zones"
  logfile: "{folder}/log"
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: zone
"""
NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; default_type text/html; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{h2} ssl http2; root {folder}/www; ssl_certificate {folder}/good.cert;
    ssl_certificate_key {folder}/good.key;
  }}
  server {{ listen 127.0.0.1:{h1} http2; root {folder}/www; }}
}}
"""


def get(url: str, headers: dict[str, str] | None = None) -> str:
    with DIRECT.open(urllib.request.Request(url, headers=headers or {}), timeout=180) as answer:
        return str(answer.read().decode())


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with socket.socket() as knock:
            knock.settimeout(5)
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, f"{process.args!r} has ended"
        time.sleep(0.05)
    raise AssertionError(f"{process.args!r} does not listen")


def wait_for_the_prober(url: str) -> None:
    deadline = time.monotonic() + 120
    while not probes(url):
        assert time.monotonic() < deadline, "no prober"
        time.sleep(0.05)


def probes(url: str) -> bool:
    try:
        return bool(get(url))
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise
        return False


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for program in ("prometheus-blackbox-exporter", "nsd", "nginx"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: apt install {program})")
    return tmp_path_factory.mktemp("targets")


@pytest.fixture(scope="module")
def places(folder: Path, free_port: Callable[[], int]) -> Iterator[dict[str, str]]:
    """HOST:PORT by name, and under `NAME_port` the port alone."""
    with ExitStack() as running:

        def start(*argv: str, stdin: int | None = None) -> subprocess.Popen[bytes]:
            with (folder / "servers.log").open("ab") as log:
                process = subprocess.Popen(argv, stdin=stdin, stdout=log, stderr=log)
            running.callback(process.wait, 60)
            running.callback(process.terminate)
            return process

        servers = start(sys.executable, str(HERE / "targets.py"), str(folder), stdin=subprocess.PIPE)
        deadline = time.monotonic() + 120
        while not (folder / "places.json").exists():
            assert servers.poll() is None, (folder / "servers.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found: dict[str, str] = json.loads((folder / "places.json").read_text())
        names = ("nsd", "nsdtls", "h2", "h1")
        ports = {name: free_port() for name in names}
        (folder / "zone").write_text(ZONE + "".join(f"many A 10.0.0.{n}\n" for n in range(100)))
        (folder / "nsd.conf").write_text(NSD.format(folder=folder, port=ports["nsd"], secured=ports["nsdtls"]))
        (folder / "www").mkdir()
        (folder / "www" / "index.html").write_text("hello " * 100)
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, h2=ports["h2"], h1=ports["h1"]))
        nsd = start("nsd", "-d", "-c", str(folder / "nsd.conf"))
        nginx = start("nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"))
        for name, process in zip(names, (nsd, nsd, nginx, nginx), strict=True):
            wait_for_port(ports[name], process)
        found |= {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        yield found | {f"{name}_port": place.rpartition(":")[2] for name, place in found.items()}


@pytest.fixture(scope="module")
def modules(folder: Path, places: dict[str, str]) -> Path:
    path = folder / "blackbox.yml"
    path.write_text(yaml.safe_dump({"modules": {case.name: case.module(str(folder), places) for case in CASES}}))
    return path


@pytest.fixture(scope="module")
def theirs(modules: Path, folder: Path, free_port: Callable[[], int]) -> Iterator[str]:
    """Address of blackbox_exporter."""
    port = free_port()
    argv = ["prometheus-blackbox-exporter", f"--config.file={modules}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "theirs.log").open("wb") as log, subprocess.Popen(argv, stderr=log) as process:
        wait_for_port(port, process)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture(scope="module")
def ours(modules: Path, folder: Path, free_port: Callable[[], int]) -> Iterator[str]:
    """Address of a daemon that has nothing else to do."""
    port = free_port()
    config = folder / "config.yaml"
    config.write_text(f"monitor: {{listen: '127.0.0.1:{port}', probe_modules: {modules.name}}}\n")
    argv = [sys.executable, "-m", "monitor", "-c", str(config), "run"]
    with (folder / "ours.log").open("wb") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        wait_for_port(port, process)
        wait_for_the_prober(f"http://127.0.0.1:{port}/probe?module={CASES[0].name}&target=127.0.0.1:1")
        yield f"http://127.0.0.1:{port}"
        process.terminate()
