"""The public's page as files: whole at every instant, each text once, and nothing that a text could do to a reader."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from faults import Clock
from lives import KILLS, REACH, STORY, Killed
from loguru import logger
from public_lives import PublicLife

from monitor.ledger.records import Effect, EffectKind, EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.outlet import DeliveryOutcome, Message, PublicNotice
from monitor.outlets.status import outlet as status_module
from monitor.outlets.status.outlet import StatusFilesOutlet

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOSTILE = """</p><script>alert(1)</script><img src=x onerror=alert(1)> ]]> &amp; {{ 7 * 7 }} javascript:x \x00\x1b[31m
@channel "quoted" 'single' \ud800"""


def notice(number: int = 1, stage: str = "investigating", **changed: object) -> PublicNotice:
    made = PublicNotice(
        number=number, title="Orders are slow", text=f"text {number}", stage=stage, services=("orders", "search"),
        notify=False, at=T0 + timedelta(minutes=number),
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type]


def message(public: PublicNotice | None, incident: str = "01JNQ") -> Message:
    return Message(
        incident=incident, number=1, service="orders", title="INC-0001 SEV2 orders: status 503 of 10.0.0.7",
        severity="SEV2", status="open", markdown="# internal", update="who: Ada", document={}, public=public,
    )  # fmt: skip


def effect(order: int = 1, kind: EffectKind = EffectKind.CREATE, incident: str = "01JNQ") -> Effect:
    return Effect(
        key=f"{incident}/status/{order:04d}/{kind}", incident=incident, service="orders", outlet="status", kind=kind,
        order=order, created_at=T0, next_at=T0, attempts=1,
    )  # fmt: skip


@pytest.fixture
def outlet(tmp_path: Path) -> StatusFilesOutlet:
    return StatusFilesOutlet(tmp_path / "public" / "status", "https://status.example/", wall=lambda: T0)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path / "state", slow_after=60.0)
    # The process is killed in words alone, so the disk is not waited for: that has tests of its own.
    opened._writer.connection.execute("PRAGMA synchronous = OFF")
    logger.disable("monitor.outlets")
    yield opened
    logger.enable("monitor.outlets")
    opened.close()


class Seen(HTMLParser):
    """What a browser would make of it: elements, and the words between them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words += [data.strip()] if data.strip() else []


def seen(outlet: StatusFilesOutlet) -> Seen:
    return Seen((outlet.folder / "index.html").read_text())


def document(outlet: StatusFilesOutlet) -> dict:
    return json.loads((outlet.folder / "status.json").read_text())


def test_an_incident_from_the_first_text_to_the_last(outlet: StatusFilesOutlet) -> None:
    first = outlet.deliver(effect(), message(notice()), "")
    assert (first.outcome, first.detail) == (DeliveryOutcome.CONFIRMED, "text 1 is published")
    assert (first.external_id, first.url) == ("01JNQ", "https://status.example/")
    assert "1 incident" in seen(outlet).words
    assert (document(outlet)["status"], document(outlet)["incidents"][0]["status"]) == ("incident", "investigating")

    outlet.deliver(effect(2, EffectKind.CLOSE), message(notice(2, "resolved", text="It is over.\nSorry.\n\nBye.")), "")

    words = seen(outlet).words
    assert "No known incidents" in words
    assert words[words.index("Last 90 days") :][1:8] == [
        "Orders are slow", "orders, search", "resolved", "2026-03-01 12:02 UTC", "It is over.", "Sorry.", "Bye."
    ]  # fmt: skip
    told = document(outlet)
    assert (told["generator"], told["status"]) == ("Watchkeeper", "operational")
    assert [(one["number"], one["text"]) for one in told["incidents"][0]["updates"]] == [
        (2, "It is over.\nSorry.\n\nBye."), (1, "text 1")
    ]  # fmt: skip
    channel = ET.parse(outlet.folder / "feed.rss").getroot().find("channel")
    assert channel is not None
    assert [item.findtext("title") for item in channel.iter("item")] == [
        "Resolved: Orders are slow", "Investigating: Orders are slow"
    ]  # fmt: skip
    assert channel.findtext("item/pubDate") == "Sun, 01 Mar 2026 12:02:00 GMT"
    assert channel.findtext("item/description") == "<p>It is over.<br>Sorry.</p>\n<p>Bye.</p>"
    guids = [item.findtext("guid") for item in channel.iter("item")]
    assert len(set(guids)) == 2


def test_without_an_approved_text_no_file_is_made(outlet: StatusFilesOutlet) -> None:
    assert outlet.deliver(effect(), message(None), "").outcome is DeliveryOutcome.CONFIRMED
    assert not outlet.folder.exists()


def test_a_text_that_is_there_is_not_told_again_and_one_of_a_restored_ledger_is(outlet: StatusFilesOutlet) -> None:
    outlet.deliver(effect(), message(notice(2)), "")
    again = outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2)), "01JNQ")
    assert again.detail == "text 2 was published before"

    outlet.deliver(effect(9), message(notice(2, text="after the restore", at=T0 + timedelta(hours=1))), "")

    assert [one["text"] for one in document(outlet)["incidents"][0]["updates"]] == ["after the restore", "text 2"]


def test_hostile_words_are_words_in_every_file(outlet: StatusFilesOutlet) -> None:
    outlet.deliver(effect(), message(notice(title=HOSTILE, text=HOSTILE, services=(HOSTILE,))), "")

    page = seen(outlet)
    assert not {"script", "img"} & set(page.tags)
    assert not any(name.startswith("on") for name in page.attributes)
    assert any("<script>alert(1)</script>" in words for words in page.words), "as it was written"
    assert any("{{ 7 * 7 }}" in words for words in page.words)
    source = (outlet.folder / "index.html").read_bytes()
    assert not {0x00, 0x1B} & set(source)
    channel = ET.parse(outlet.folder / "feed.rss").getroot().find("channel")
    assert channel is not None
    shown = Seen(channel.findtext("item/description") or "")
    assert set(shown.tags) == {"p", "br"}
    assert "<script>alert(1)</script>" in " ".join(shown.words)
    assert document(outlet)["incidents"][0]["updates"][0]["text"].startswith("</p><script>")


def test_a_megabyte_is_cut(outlet: StatusFilesOutlet) -> None:
    outlet.deliver(effect(), message(notice(title="&" * 1_000_000, text="<" * 1_000_000)), "")

    assert sum(file.stat().st_size for file in outlet.folder.iterdir()) < 200_000
    assert document(outlet)["incidents"][0]["updates"][0]["text"] == "<" * 5_000 + "…"


def test_nothing_of_what_is_internal_is_in_any_file(outlet: StatusFilesOutlet) -> None:
    outlet.deliver(effect(), message(notice()), "")

    said = "".join(file.read_text() for file in outlet.folder.iterdir())
    for internal in ("INC-0001", "10.0.0.7", "who: Ada", "# internal", "503", "SEV2"):
        assert internal not in said


def test_what_is_over_is_shown_for_ninety_days_and_what_is_open_for_ever(tmp_path: Path) -> None:
    now = [T0]
    outlet = StatusFilesOutlet(tmp_path, wall=lambda: now[0])
    outlet.deliver(effect(incident="OPEN"), message(notice(), "OPEN"), "")
    over = notice(stage="resolved", at=T0)
    outlet.deliver(effect(incident="OVER"), message(over, "OVER"), "")

    shown = []
    for order, left in enumerate((timedelta(seconds=1), timedelta(0)), 1):
        now[0] = T0 + timedelta(days=90) - left
        outlet.deliver(effect(order, incident="NEW"), message(notice(order, at=now[0]), "NEW"), "")
        shown.append([one["id"] for one in document(outlet)["incidents"]])
    assert shown == [["NEW", "OPEN", "OVER"], ["NEW", "OPEN"]]


def test_a_service_has_the_stage_of_its_newest_open_incident(outlet: StatusFilesOutlet) -> None:
    outlet.deliver(effect(incident="A"), message(notice(1, "identified", services=("orders", "search")), "A"), "")
    outlet.deliver(effect(incident="B"), message(notice(2, "monitoring", services=("orders",)), "B"), "")
    assert document(outlet)["services"] == [
        {"name": "orders", "status": "monitoring"}, {"name": "search", "status": "identified"}
    ]  # fmt: skip

    outlet.deliver(effect(2, incident="B"), message(notice(3, "resolved", services=("orders",)), "B"), "")
    assert document(outlet)["services"][0] == {"name": "orders", "status": "identified"}, "the other one is not over"
    outlet.deliver(effect(2, incident="A"), message(notice(4, "resolved", services=("orders", "search")), "A"), "")
    assert {one["status"] for one in document(outlet)["services"]} == {"resolved"}
    words = seen(outlet).words
    assert words[words.index("Services") :][1:5] == ["orders", "no known incident", "search", "no known incident"]


@pytest.mark.parametrize("name", ["index.html", "feed.rss", "status.json"])
@pytest.mark.parametrize("content", ["<h1>Our shop</h1>", '{"incidents": []}', "", '{"generator": "Watchkeeper"}', "["])
def test_another_program_s_files_are_never_written_over(outlet: StatusFilesOutlet, name: str, content: str) -> None:
    outlet.folder.mkdir(parents=True)
    (outlet.folder / name).write_text(content)
    if name != "status.json" and "Watchkeeper" in content:
        return

    told = outlet.deliver(effect(), message(notice()), "")

    assert told.outcome is DeliveryOutcome.RETRY
    assert told.detail.startswith(f"{outlet.folder / name} is not ours")
    assert told.detail.endswith("move it away, or choose another folder")
    asked = outlet.reconcile(effect(), "")
    assert asked is not None
    assert asked.outcome is DeliveryOutcome.RETRY
    assert [file.name for file in outlet.folder.iterdir()] == [name]
    assert (outlet.folder / name).read_text() == content


@contextmanager
def disk_that_takes(size: int) -> Iterator[None]:
    """The kernel refuses to write a file beyond *size* bytes, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_on_a_full_disk_the_old_page_stays_and_the_text_comes_later(outlet: StatusFilesOutlet) -> None:
    outlet.deliver(effect(), message(notice()), "")
    before = {file.name: file.read_bytes() for file in outlet.folder.iterdir()}

    with disk_that_takes(64):
        told = outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2)), "01JNQ")
    assert told.outcome is DeliveryOutcome.RETRY
    assert told.detail == f"cannot write {outlet.folder}: File too large"
    assert {file.name: file.read_bytes() for file in outlet.folder.iterdir()} == before

    outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2)), "01JNQ")
    assert [one["number"] for one in document(outlet)["incidents"][0]["updates"]] == [2, 1]


def test_a_folder_that_cannot_be_made_is_said(outlet: StatusFilesOutlet, tmp_path: Path) -> None:
    (tmp_path / "public").write_text("a file")

    told = outlet.deliver(effect(), message(notice()), "")

    assert told.outcome is DeliveryOutcome.RETRY
    assert told.detail == f"cannot write {outlet.folder}: Not a directory"


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_web_server_may_read_them_whatever_the_umask_of_the_service(outlet: StatusFilesOutlet, umask: int) -> None:
    before = os.umask(umask)
    try:
        outlet.deliver(effect(), message(notice()), "")
    finally:
        os.umask(before)
    assert stat.S_IMODE(outlet.folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(file.stat().st_mode) for file in outlet.folder.iterdir()} == {0o644}


def test_modes_that_people_gave_stay(outlet: StatusFilesOutlet) -> None:
    outlet.deliver(effect(), message(notice()), "")
    outlet.folder.chmod(0o750)
    for file in outlet.folder.iterdir():
        file.chmod(0o640)

    outlet.deliver(effect(2, EffectKind.UPDATE), message(notice(2)), "01JNQ")

    assert stat.S_IMODE(outlet.folder.stat().st_mode) == 0o750
    assert {stat.S_IMODE(file.stat().st_mode) for file in outlet.folder.iterdir()} == {0o640}


@pytest.mark.parametrize("way", KILLS)
@pytest.mark.parametrize("passed", [0, 1, 4])
@pytest.mark.parametrize("at_once", [True, False])
def test_killed_at_any_point_each_text_is_there_once(
    way: str, passed: int, at_once: bool, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "status"
    life = PublicLife(ledger, Clock(), lambda: StatusFilesOutlet(folder), incident="01JNQ")
    life.deaths = {way: passed}
    monkeypatch.setattr(REACH, life.reach)

    life.tell(STORY, at_once=at_once)

    assert life.killed == 1
    taken = [f"text {one.order}" for one in life.effects() if one.state is EffectState.CONFIRMED]
    shown = json.loads((folder / "status.json").read_text())
    assert [one["text"] for one in reversed(shown["incidents"][0]["updates"])] == taken
    assert shown["status"] == "operational"


@pytest.mark.parametrize("way", ["full before", "full after", "killed after"])
@pytest.mark.parametrize("newest", [True, False])
def test_whichever_file_fails_each_text_is_there_once_and_the_page_has_what_the_record_has(
    way: str, newest: bool, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first file, and others of each kind: each text makes three."""
    replaced = status_module.replace_file
    for failing in range(0, 18, 5):
        folder, left = tmp_path / str(failing), [failing]

        def replace_or_fail(path: Path, content: bytes, new_mode: int, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == -1 and way == "full before":
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            replaced(path, content, new_mode)
            if left[0] == -1:
                raise Killed if way == "killed after" else OSError(errno.EDQUOT, "Disk quota exceeded", str(path))

        monkeypatch.setattr(status_module, "replace_file", replace_or_fail)
        outlet = StatusFilesOutlet(folder, wall=lambda: T0)
        life = PublicLife(ledger, Clock(), lambda one=outlet: one, incident=f"01JNR{failing:02d}", newest=newest)
        life.tell(STORY, at_once=newest)

        assert {one.state for one in life.effects()} <= {EffectState.CONFIRMED, EffectState.SUPERSEDED}
        texts = [one["text"] for one in reversed(document(outlet)["incidents"][0]["updates"])]
        assert texts == sorted(set(texts)), f"file {failing}"
        assert texts[-1] == "text 6"
        assert [words for words in seen(outlet).words if words.startswith("text ")] == texts[::-1]
