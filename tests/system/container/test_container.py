"""The image as an engine runs it, and what is in it."""

from __future__ import annotations

import json
import re
import stat
import subprocess

import pytest

from monitor import __version__

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.xdist_group("container")]

BASE = "docker.io/library/python:3.11-slim-bookworm"
IMAGE = "localhost/watchkeeper"
USER = 65532


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
        "Error: the state folder /var/lib/watchkeeper cannot be written by uid 65532 (Permission denied): "
        f"run as its owner, uid {foreign.stat().st_uid}, or chown it, or name another one in monitor.state"
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


def test_what_lay_beside_the_sources_is_not_in_it(engine, files, decoy):
    found = subprocess.run(["grep", "-rlF", decoy, files], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (1, "")
    assert decoy not in engine.do("history", "--no-trunc", IMAGE)


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
