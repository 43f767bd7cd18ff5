"""The daemon and its prober run out of descriptors: nothing is lost, nobody is blamed, one line says what to do."""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.store import Ledger

REMEDY = r"too many open files.*LimitNOFILE"


@contextmanager
def no_more_descriptors(pid: int) -> Iterator[None]:
    """
    Not one more than it has; what it closes itself it may open again, so the lowest free number is the limit.

    What it has is what it had at each of many looks: a request under way would leave its number behind.
    """
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    for _ in range(20):
        time.sleep(0.05)
        used &= {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    lowest_free = next(n for n in range(len(used) + 1) if n not in used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


def port_of(daemon: Any) -> int:
    return int(daemon.wait_for_line(r"http://127\.0\.0\.1:(\d+)")[1])


def status_of(daemon: Any) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port_of(daemon), timeout=10)
    try:
        connection.request("GET", "/api/v1/status")
        status: dict[str, Any] = json.loads(connection.getresponse().read())
        return status
    finally:
        connection.close()


def outcomes(daemon: Any) -> set[tuple[str, str]]:
    (service,) = status_of(daemon)["services"]
    return {(check["outcome"], check["reason"] or "") for check in service["checks"]}


def test_a_prober_without_descriptors_calls_its_probes_unknown_and_blames_no_service(
    target: Any, write_config: Callable[..., Path], start: Callable[[Path], Any], wait_until: Callable[..., Any]
) -> None:
    config = write_config()
    document = json.loads(config.read_text())
    checks = document["services"]["orders-service"]["checks"]
    # Looking up a name takes a descriptor before anything is asked, be it for the hosts file.
    checks["by-name"] = {**checks["ready"], "http": checks["ready"]["http"].replace("127.0.0.1", "localhost")}
    config.write_text(json.dumps(document))
    daemon = start(config)
    wait_until(lambda: outcomes(daemon) == {("ok", "")}, "good results")
    with no_more_descriptors(status_of(daemon)["parts"]["prober"]["pid"]):
        wait_until(lambda: outcomes(daemon) == {("unknown", "internal")}, "unknown results")
        daemon.wait_for_line(REMEDY)
    wait_until(lambda: outcomes(daemon) == {("ok", "")}, "good results again")
    daemon.wait_for_line("every check can be asked again")
    status = status_of(daemon)
    assert (status["services"][0]["state"], status["incidents"]) == ("clear", [])
    assert status["parts"]["results"]["bad"] == 0
    assert status["parts"]["prober"]["restarts"] == 0
    assert len([line for line in daemon.lines if "too many open files" in line]) == 1
    assert "Traceback" not in daemon.log()


def test_a_daemon_without_descriptors_records_the_incident_and_answers_again_once_it_has_some(
    target: Any, write_config: Callable[..., Path], start: Callable[[Path], Any], wait_until: Callable[..., Any]
) -> None:
    daemon = start(write_config())
    wait_until(lambda: target.seen, "a probe")
    status_of(daemon)
    with no_more_descriptors(daemon.process.pid):
        waiting = socket.create_connection(("127.0.0.1", port_of(daemon)), timeout=120)
        waiting.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        daemon.wait_for_line(REMEDY)
        target.status = 503
        daemon.wait_for_line(r"orders-service: pending => open")
        wait_until(lambda: Ledger.open_read_only(daemon.state).incidents(live_only=True), "the ledger has it meanwhile")
        spent = cpu(daemon.process.pid)
        asked = len(target.seen)
        wait_until(lambda: len(target.seen) >= asked + 3, "seconds that pass")
        assert cpu(daemon.process.pid) - spent < 1.0, "a loop that turns for nothing"
    assert waiting.recv(100).startswith(b"HTTP/1.1 200")
    waiting.close()
    (incident,) = status_of(daemon)["incidents"]
    wait_until(lambda: list((daemon.state / "tickets").glob("*.md")), "the ticket")
    said = [line for line in daemon.lines if "too many open files" in line]
    assert len(said) <= 6, said
    assert "Traceback" not in daemon.log()
    daemon.kill()
    again = start(daemon.config)
    (kept,) = status_of(again)["incidents"]
    assert (kept["id"], kept["state"]) == (incident["id"], "open")


@pytest.mark.slow
def test_a_prober_that_cannot_be_started_again_is_the_monitors_own_incident_and_nobody_elses(
    target: Any, write_config: Callable[..., Path], start: Callable[[Path], Any], wait_until: Callable[..., Any]
) -> None:
    daemon = start(write_config())
    wait_until(lambda: outcomes(daemon) == {("ok", "")}, "good results")
    with no_more_descriptors(daemon.process.pid):
        # The end of the prober gives two numbers back, and a new one needs more: a pair, and the pipe of its start.
        taken = [socket.create_connection(("127.0.0.1", port_of(daemon)), timeout=30) for _ in range(4)]
        os.kill(prober_of(daemon.process.pid), signal.SIGKILL)
        daemon.wait_for_line(rf"the prober could not be started: OSError: {REMEDY}")
        wait_until(lambda: "watchkeeper: pending => open" in daemon.log(), "two minutes of blindness", within=600)
    asked = len(target.seen)
    wait_until(lambda: len(target.seen) > asked, "the next prober asks", within=300)
    for connection in taken:
        connection.close()
    status = status_of(daemon)
    assert status["services"][0]["state"] == "clear"
    assert [incident["service"] for incident in status["incidents"]] == ["watchkeeper"]


def prober_of(pid: int) -> int:
    (prober,) = [
        int(child)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if b"monitor.probing.prober" in command_of(child)
    ]
    return prober


def command_of(pid: str) -> bytes:
    """Nothing of one that has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
