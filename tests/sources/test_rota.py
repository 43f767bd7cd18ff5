"""A calendar to shifts: rules, exceptions, time zones, whole days, and what strangers may write."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitor.core.rotation import Shift, on_call
from monitor.sources import rota, rotas
from monitor.sources.rota import Unreadable, shifts
from monitor.sources.rotas import Place, Unread, read

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 24, 12, 0, tzinfo=UTC)
WEEKLY = """
BEGIN:VEVENT
UID:week@rota.example
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260323T090000
DTEND;TZID=Europe/Berlin:20260330T090000
RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3
SUMMARY:Ada
END:VEVENT
"""


def calendar(*events: str) -> bytes:
    head = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//rota//EN\n"
    lines = (head + "".join(events) + "\nEND:VCALENDAR\n").split("\n")
    return "\r\n".join(line for line in lines if line).encode()


def found(*events: str, days: int = 35, zone: ZoneInfo = BERLIN) -> list[str]:
    rows = sorted(shifts(calendar(*events), zone, NOON, NOON + timedelta(days=days)))
    return [f"{start[5:16]} {end[5:16]} {who}" for start, end, who in rows]


def test_a_rule_over_the_change_of_clocks_keeps_the_hour_of_the_wall() -> None:
    """09:00 in Berlin is 08:00 UTC before the 29th of March and 07:00 after it."""
    assert found(WEEKLY) == [
        "03-23T08:00 03-30T07:00 Ada",
        "04-06T07:00 04-13T07:00 Ada",
        "04-20T07:00 04-27T07:00 Ada",
    ]


def test_a_shift_that_is_left_out_and_one_that_is_moved() -> None:
    moved = """
BEGIN:VEVENT
UID:week@rota.example
DTSTAMP:20260102T000000Z
RECURRENCE-ID;TZID=Europe/Berlin:20260420T090000
DTSTART;TZID=Europe/Berlin:20260421T120000
DTEND;TZID=Europe/Berlin:20260422T120000
SUMMARY:Grace for Ada
END:VEVENT
"""
    left_out = WEEKLY.replace("SUMMARY", "EXDATE;TZID=Europe/Berlin:20260406T090000\nSUMMARY")
    assert found(left_out, moved) == ["03-23T08:00 03-30T07:00 Ada", "04-21T10:00 04-22T10:00 Grace for Ada"]


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("DTSTART:20260325T080000Z\nDTEND:20260325T200000Z\nSUMMARY:Ada", "03-25T08:00 03-25T20:00 Ada"),
        ("DTSTART:20260325T080000\nDURATION:PT2H\nSUMMARY:floating", "03-25T07:00 03-25T09:00 floating"),
        ("DTSTART;VALUE=DATE:20260325\nDTEND;VALUE=DATE:20260326\nSUMMARY:a day", "03-24T23:00 03-25T23:00 a day"),
        (
            "DTSTART:20260325T080000Z\nDTEND:20260325T200000Z\nSUMMARY:Primary\n"
            "ATTENDEE;CN=Ada Lovelace:mailto:ada@example.org",
            "03-25T08:00 03-25T20:00 Ada Lovelace <ada@example.org>",
        ),
        (
            "DTSTART:20260325T080000Z\nDTEND:20260325T200000Z\nSUMMARY:Primary\n"
            "ATTENDEE:mailto:ada@example.org\nATTENDEE:mailto:lin@example.org",
            "03-25T08:00 03-25T20:00 ada@example.org",
        ),
    ],
)
def test_one_shift(lines: str, wanted: str) -> None:
    event = f"BEGIN:VEVENT\nUID:x\nDTSTAMP:20260101T000000Z\n{lines}\nEND:VEVENT"
    assert found(event) == [wanted]


@pytest.mark.parametrize("line", ["STATUS:CANCELLED", "SUMMARY:"])
def test_nobody_is_on_call_by_what_was_called_off_or_names_nobody(line: str) -> None:
    event = WEEKLY.replace("SUMMARY:Ada", "SUMMARY:Ada\n" + line if line.startswith("STATUS") else line)
    assert found(event) == []


def test_a_hostile_name_is_one_short_line() -> None:
    name = "Ada\\n# @channel \x1b[31m" + "x" * 100_000
    (row,) = shifts(calendar(WEEKLY.replace("SUMMARY:Ada", f"SUMMARY:{name}")), BERLIN, NOON, NOON + timedelta(days=1))
    assert row[2].startswith("Ada # @channel [31mxxx")
    assert len(row[2]) == 200


@pytest.mark.parametrize(
    "text", [b"", b"<html>please log in</html>", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", b"\xff\xfe"]
)
def test_what_is_no_calendar(text: bytes) -> None:
    with pytest.raises(Unreadable, match="it is no calendar that can be read"):
        list(shifts(text, BERLIN, NOON, NOON + timedelta(days=1)))


# -- by a process of its own ------------------------------------------------------------------------------------


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "rota.ics").write_bytes(calendar(WEEKLY))
    known = read(Place(file=str(tmp_path / "rota.ics")), "Europe/Berlin", NOON)
    assert known[0] == Shift(datetime(2026, 3, 23, 8, 0, tzinfo=UTC), datetime(2026, 3, 30, 7, 0, tzinfo=UTC), "Ada")
    assert on_call(known, NOON) == "Ada"


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file or directory"), (b"x" * (rota.MOST_BYTES + 1), "it has more than 5242880 bytes")],
)
def test_a_file_that_cannot_be_read(content: bytes | None, why: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "rota.ics").write_bytes(content)
    with pytest.raises(Unread, match=why):
        read(Place(file=str(tmp_path / "rota.ics")), "UTC", NOON)


def test_a_rule_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shift a second for sixty years: more than a processor does in the time that it has."""
    endless = WEEKLY.replace("FREQ=WEEKLY;INTERVAL=2;COUNT=3", "FREQ=SECONDLY")
    (tmp_path / "rota.ics").write_bytes(calendar(endless))
    program = "import monitor.sources.rota as rota; rota._SECONDS = 1; rota.main()"
    monkeypatch.setattr(rotas, "_COMMAND", (*rotas._COMMAND[:1], "-c", program))
    with pytest.raises(Unread, match=r"^reading it ended with -\d+$"):
        read(Place(file=str(tmp_path / "rota.ics")), "UTC", NOON)


@pytest.fixture
def served() -> Iterator[Callable[[int, bytes], str]]:
    """A server that answers so from now on; its address."""
    answers: list[tuple[int, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[-1]
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(status: int, body: bytes) -> str:
        answers.append((status, body))
        return f"http://127.0.0.1:{server.server_address[1]}/s3cr3t.ics"

    yield serve
    server.shutdown()
    server.server_close()


def test_an_address(served: Callable[[int, bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    place = Place(url=served(200, calendar(WEEKLY)))
    assert on_call(read(place, "UTC", NOON), NOON) == "Ada"
    assert "s3cr3t" not in repr(place)


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (404, b"", "its server answered 404"),
        (302, b"", "its server answered 302, a redirect, which is not followed"),
        (200, b"x" * (rota.MOST_BYTES + 1), "it has more than 5242880 bytes"),
    ],
)
def test_an_address_that_cannot_be_read(
    status: int, body: bytes, why: str, served: Callable[[int, bytes], str]
) -> None:
    with pytest.raises(Unreadable) as caught:
        rota.of_url(served(status, body))
    assert str(caught.value) == why


def test_an_address_where_nobody_answers_is_not_shown(free_port: Callable[[], int]) -> None:
    with pytest.raises(Unreadable) as caught:
        rota.of_url(f"http://127.0.0.1:{free_port()}/s3cr3t.ics")
    assert str(caught.value) == "its server cannot be asked: ConnectionError"
