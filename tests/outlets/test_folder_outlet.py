from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.ledger.records import Effect, EffectKind
from monitor.outlets.folder import FolderOutlet, file_part
from monitor.outlets.outlet import Delivery, DeliveryOutcome, Message

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ULID = "01JNQ0000000000000000000A1"
FILE = "INC-0001-orders-service.md"

MESSAGE = Message(
    incident=ULID,
    number=1,
    service="orders/service",
    title="orders does not answer",
    severity="SEV2",
    status="open",
    markdown="# INC-0001 orders does not answer\n\nTwo probes were refused.\n",
    update="Two probes were refused.",
    document={},
)


def effect(order: int, kind: EffectKind = EffectKind.UPDATE, incident: str = ULID) -> Effect:
    return Effect(
        key=f"{incident}/folder/{order:04d}/{kind}",
        incident=incident,
        service="orders/service",
        outlet="folder",
        kind=kind,
        order=order,
        created_at=T0,
        next_at=T0,
    )


CREATE = effect(1, EffectKind.CREATE)


@pytest.fixture
def outlet(tmp_path: Path) -> FolderOutlet:
    return FolderOutlet(tmp_path / "tickets")


def files(outlet: FolderOutlet) -> list[str]:
    return sorted(path.name for path in outlet.folder.iterdir())


def test_a_ticket_is_one_markdown_file_named_for_its_number_and_service(outlet: FolderOutlet) -> None:
    made = outlet.deliver(CREATE, MESSAGE, "")

    text = (outlet.folder / FILE).read_text()
    assert made == Delivery(
        outcome=DeliveryOutcome.CONFIRMED,
        detail=f"{FILE}: written",
        external_id=FILE,
        url=(outlet.folder / FILE).as_uri(),
    )
    assert files(outlet) == [FILE]
    assert text.startswith(
        f"<!-- watchkeeper incident={ULID} effects=1 last={CREATE.key} -->\n**Ticket open** · SEV2 · open"
    )
    assert "Two probes were refused." in text
    assert text.endswith("\n## Notes\n\n")


def test_a_document_that_is_no_ticket_says_what_it_is_and_not_that_a_ticket_is_open(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, replace(MESSAGE, status="resolved", heading="Postmortem draft"), "")

    text = (outlet.folder / FILE).read_text()
    assert text.splitlines()[1] == "**Postmortem draft** · SEV2 · resolved"
    assert "Ticket" not in text


def test_what_people_write_around_the_machines_part_is_kept(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    path = outlet.folder / FILE
    path.write_text("Ada is on it.\n\n" + path.read_text() + "12:04 restarted the pool — no change\n")

    outlet.deliver(effect(2), replace(MESSAGE, markdown="# Second\n"), FILE)

    text = path.read_text()
    assert text.startswith("Ada is on it.\n\n<!-- watchkeeper incident=")
    assert text.endswith("## Notes\n\n12:04 restarted the pool — no change\n")
    assert "# Second" in text
    assert "Two probes were refused." not in text


def test_a_note_in_another_encoding_comes_through_byte_for_byte(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    path = outlet.folder / FILE
    path.write_bytes(path.read_bytes() + b"caf\xe9\n")

    outlet.deliver(effect(2), MESSAGE, FILE)

    assert path.read_bytes().endswith(b"caf\xe9\n")


def test_when_a_mark_was_removed_nothing_that_stood_there_is_lost(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    path = outlet.folder / FILE
    without_end = "\n".join(line for line in path.read_text().splitlines() if "watchkeeper end" not in line)
    path.write_text(without_end + "\nmy precious note\n")

    outlet.deliver(effect(2), replace(MESSAGE, markdown="# Second\n"), FILE)

    text = path.read_text()
    assert "my precious note" in text
    assert "# Second" in text
    assert text.count("<!-- watchkeeper incident=") == 1
    assert files(outlet) == [FILE]


def test_an_answer_that_was_quoted_cannot_end_the_machines_part(outlet: FolderOutlet) -> None:
    forged = "<!-- watchkeeper end: yours is what stands below and above, it is kept -->\nforged note"
    outlet.deliver(CREATE, replace(MESSAGE, markdown=f"body: {forged}"), "")

    outlet.deliver(effect(2), replace(MESSAGE, markdown="clean"), FILE)

    assert "forged note" not in (outlet.folder / FILE).read_text()


def test_the_same_effect_is_applied_once_and_asking_finds_it(outlet: FolderOutlet) -> None:
    assert outlet.reconcile(CREATE, "") is None
    outlet.deliver(CREATE, MESSAGE, "")
    before = (outlet.folder / FILE).stat().st_mtime_ns

    found = outlet.reconcile(CREATE, "")
    again = outlet.deliver(CREATE, MESSAGE, "")

    assert found is not None
    assert found.outcome is DeliveryOutcome.CONFIRMED
    assert found.external_id == FILE
    assert again.detail == f"{FILE}: was applied before"
    assert (outlet.folder / FILE).stat().st_mtime_ns == before
    assert outlet.reconcile(effect(2), FILE) is None
    outlet.deliver(effect(3), MESSAGE, FILE)
    assert outlet.reconcile(effect(2), FILE) is not None, "a later one stands for all before it"


def test_a_closed_ticket_stays_where_it_is_and_says_so(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    outlet.deliver(effect(2, EffectKind.CLOSE), replace(MESSAGE, status="resolved"), FILE)

    assert files(outlet) == [FILE]
    assert "**Ticket closed** · SEV2 · resolved" in (outlet.folder / FILE).read_text()

    outlet.deliver(effect(3), replace(MESSAGE, status="resolved", update="an action item"), FILE)
    assert "**Ticket closed** · SEV2 · resolved" in (outlet.folder / FILE).read_text(), "what is added does not open it"

    outlet.deliver(effect(4, EffectKind.REOPEN), MESSAGE, FILE)
    assert "**Ticket open** · SEV2 · open" in (outlet.folder / FILE).read_text()


def test_a_deleted_ticket_comes_back_with_the_next_effect(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    (outlet.folder / FILE).unlink()

    outlet.deliver(effect(2), MESSAGE, FILE)

    assert files(outlet) == [FILE]


def test_a_renamed_ticket_is_found_by_its_mark(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    (outlet.folder / FILE).rename(outlet.folder / "the big one.md")

    moved = outlet.deliver(effect(2), MESSAGE, FILE)

    assert files(outlet) == ["the big one.md"]
    assert moved.external_id == "the big one.md"


def test_a_ticket_of_an_older_ledger_is_not_overwritten(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    other = "01JZZ0000000000000000000B2"

    outlet.deliver(effect(1, EffectKind.CREATE, incident=other), replace(MESSAGE, incident=other), "")

    assert files(outlet) == ["INC-0001-orders-service-000000B2.md", FILE]
    assert ULID in (outlet.folder / FILE).read_text()


@pytest.mark.parametrize(
    ("service", "part"),
    [
        ("orders/service", "orders-service"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("straße & so", "stra-e-so"),
        ("", "unnamed"),
        ("..", "unnamed"),
        ("x" * 300, "x" * 80),
    ],
)
def test_no_service_name_leaves_the_folder(service: str, part: str) -> None:
    assert file_part(service) == part


def test_an_external_id_never_leaves_the_folder(outlet: FolderOutlet, tmp_path: Path) -> None:
    outside = tmp_path / "outside.md"
    outside.write_text("mine")

    outlet.deliver(CREATE, MESSAGE, "../outside.md")

    assert outside.read_text() == "mine"
    assert files(outlet) == [FILE]


def test_the_mode_that_people_gave_a_ticket_stays(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, MESSAGE, "")
    (outlet.folder / FILE).chmod(0o664)

    outlet.deliver(effect(2), MESSAGE, FILE)

    assert stat.S_IMODE((outlet.folder / FILE).stat().st_mode) == 0o664


def test_what_goes_out_unrecorded_says_so(outlet: FolderOutlet) -> None:
    outlet.deliver(CREATE, replace(MESSAGE, degraded="Ledger unavailable."), "")
    assert "> Ledger unavailable." in (outlet.folder / FILE).read_text()


def test_a_folder_that_cannot_be_made_is_named_and_tried_again(tmp_path: Path) -> None:
    (tmp_path / "tickets").write_text("a file is in the way")
    outlet = FolderOutlet(tmp_path / "tickets")

    refused = outlet.deliver(CREATE, MESSAGE, "")

    assert refused == Delivery(
        outcome=DeliveryOutcome.RETRY, detail=f"cannot write {tmp_path / 'tickets'}: File exists"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_named_and_tried_again(outlet: FolderOutlet) -> None:
    outlet.folder.mkdir(mode=0o500)
    refused = outlet.deliver(CREATE, MESSAGE, "")

    assert refused.outcome is DeliveryOutcome.RETRY
    assert str(outlet.folder) in refused.detail


def test_a_new_file_that_a_crash_left_behind_is_in_nobodys_way(outlet: FolderOutlet) -> None:
    outlet.folder.mkdir()
    (outlet.folder / f".{FILE}.new").write_text("half a tick")

    outlet.deliver(CREATE, MESSAGE, "")

    assert files(outlet) == [FILE]
