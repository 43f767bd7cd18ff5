"""What systemd hears on its socket, and what it does not."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from monitor.core.incident import Incident, State
from monitor.core.severity import Severity
from monitor.daemon.notify import Notify, status_line

T0 = datetime(2026, 11, 24, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


class Manager:
    """Systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)

    def hear(self, within: float = 0.0) -> list[str]:
        """The next datagram's lines; none when nothing was said."""
        self._socket.settimeout(within)
        try:
            return self._socket.recv(4096).decode().split("\n")
        except (BlockingIOError, TimeoutError):
            return []

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    name = f"@watchkeeper-test-{secrets.token_hex(8)}" if request.param == "abstract" else str(tmp_path / "notify")
    started = Manager(name)
    yield started
    started.close()


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="WARNING")
    yield said
    logger.remove(sink)


def watched(manager: Manager, seconds: float = 60.0, **environ: str) -> Notify:
    microseconds = {"WATCHDOG_USEC": str(int(seconds * 1_000_000)), "WATCHDOG_PID": "4242"}
    return Notify.from_environ({"NOTIFY_SOCKET": manager.address} | microseconds | environ, 4242)


def test_ready_reloading_and_stopping_are_told(manager: Manager) -> None:
    notify = Notify.from_environ({"NOTIFY_SOCKET": manager.address}, 4242)

    notify.ready()
    assert manager.hear() == ["READY=1"]
    notify.reloading()
    said, clock = manager.hear()
    assert said == "RELOADING=1"
    assert clock.removeprefix("MONOTONIC_USEC=").isdecimal()
    notify.stopping()
    assert manager.hear() == ["STOPPING=1"]


def test_the_watchdog_is_fed_by_turns_and_no_more_often_than_four_times_in_its_interval(manager: Manager) -> None:
    notify = watched(manager, 60)

    heard = []
    for seconds in (0, 1, 14.999, 15, 16, 29.999, 30):
        notify.turn(after(seconds), "")
        heard.append((seconds, manager.hear()))

    assert heard == [
        (0, ["WATCHDOG=1"]),
        (1, []),
        (14.999, []),
        (15, ["WATCHDOG=1"]),
        (16, []),
        (29.999, []),
        (30, ["WATCHDOG=1"]),
    ]


@pytest.mark.parametrize(
    ("environ", "fed"),
    [
        ({"WATCHDOG_PID": "4242"}, True),
        ({"WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "0"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
        ({"WATCHDOG_USEC": ""}, False),
    ],
)
def test_only_our_own_watchdog_is_fed(environ: dict[str, str], fed: bool, manager: Manager) -> None:
    watched(manager, **environ).turn(T0, "")

    assert manager.hear() == (["WATCHDOG=1"] if fed else [])


def test_a_watchdog_without_a_pid_is_ours(manager: Manager) -> None:
    Notify.from_environ({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "60000000"}, 4242).turn(T0, "")

    assert manager.hear() == ["WATCHDOG=1"]


def test_the_status_is_told_when_it_changed_and_at_most_every_five_seconds(manager: Manager) -> None:
    notify = Notify(manager.address)

    heard = []
    for seconds, status in ((0, "a"), (1, "b"), (4.999, "b"), (5, "b"), (60, "b"), (61, "c"), (62, "b")):
        notify.turn(after(seconds), status)
        heard.append((seconds, manager.hear()))

    assert heard == [
        (0, ["STATUS=a"]),
        (1, []),
        (4.999, []),
        (5, ["STATUS=b"]),
        (60, []),
        (61, ["STATUS=c"]),
        (62, []),
    ]


def test_a_status_of_several_lines_cannot_say_anything_else_to_systemd(manager: Manager) -> None:
    Notify(manager.address).turn(T0, "the ledger cannot be written: disk\nMAINPID=1\r\nREADY=1")

    assert manager.hear() == ["STATUS=the ledger cannot be written: disk MAINPID=1 READY=1"]


def test_without_a_socket_nothing_is_said_and_nothing_complained_of(complaints: list[str]) -> None:
    notify = Notify.from_environ({"WATCHDOG_USEC": "60000000"}, 4242)

    notify.ready()
    notify.turn(T0, "well")
    notify.stopping()

    assert complaints == []


def test_a_manager_that_went_away_is_complained_of_once(manager: Manager, complaints: list[str]) -> None:
    notify = Notify(manager.address)
    manager.close()
    Path(manager.address).unlink(missing_ok=True)

    notify.ready()
    notify.turn(T0, "well")

    assert len(complaints) == 1
    assert complaints[0].startswith("systemd is not told how we are: $NOTIFY_SOCKET: ")


def test_a_manager_that_does_not_listen_holds_nobody_up(manager: Manager, complaints: list[str]) -> None:
    notify = Notify(manager.address)

    for _ in range(2000):  # more than any system queues
        notify.ready()

    assert complaints == ["systemd is not told how we are: $NOTIFY_SOCKET: Resource temporarily unavailable"]


def incident(number: int, service: str, severity: Severity | None) -> Incident:
    return Incident(service=service, state=State.OPEN, since=T0, number=number, severity=severity)


@pytest.mark.parametrize(
    ("live", "lag", "trouble", "line"),
    [
        ([], 0.0042, "", "312 checks, no incidents, lag 4 ms"),
        ([], None, "", "312 checks, no incidents, no prober"),
        ([incident(7, "search", Severity.SEV3)], 0.0, "", "312 checks, 1 incident (SEV3 search), lag 0 ms"),
        (
            [incident(1, "d", None), incident(2, "c", Severity.SEV2), incident(3, "b", Severity.SEV2)],
            1.25,
            "",
            "312 checks, 3 incidents (SEV2 c, SEV2 b, no severity d), lag 1250 ms",
        ),
        (
            [incident(number, name, Severity.SEV4) for number, name in enumerate("abcd")],
            0.001,
            "disk full",
            "312 checks, 4 incidents (SEV4 a, SEV4 b, SEV4 c, ...), lag 1 ms, the ledger cannot be written: disk full",
        ),
    ],
)
def test_the_status_line_says_the_worst_first(live: list[Incident], lag: float | None, trouble: str, line: str) -> None:
    assert status_line(checks=312, live=live, lag=lag, trouble=trouble) == line


def test_one_check_is_one_check() -> None:
    assert status_line(checks=1, live=[], lag=0.0, trouble="") == "1 check, no incidents, lag 0 ms"


def hear_of(manager: Manager, daemon: Any, what: str) -> list[str]:
    """The next datagram that holds *what*."""
    while what not in "\n".join(lines := manager.hear(120)):
        assert lines, f"systemd heard no {what!r}; the daemon said:\n{daemon.log()}"
    return lines


def test_a_daemon_tells_from_its_start_to_its_end(
    target: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write_config: Callable[..., Any],
    start: Callable[..., Any],
) -> None:
    manager = Manager(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", "4000000")
    daemon = start(write_config())

    assert manager.hear(120) == ["READY=1"]
    assert manager.hear(120)[0] == "WATCHDOG=1"
    assert hear_of(manager, daemon, "STATUS=")[-1].startswith("STATUS=1 check, no incidents, lag ")
    target.status = 503
    assert "1 incident (SEV2 orders-service)" in hear_of(manager, daemon, " incident ")[-1]
    assert daemon.terminate(120)[0] == 0
    last = []
    while lines := manager.hear():
        last = lines
    assert last == ["STOPPING=1"]
    manager.close()
