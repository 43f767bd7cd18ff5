"""The draft of a postmortem, as it is handed to the outlet that keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.core.alerts import Alert, Notification, Routing
from monitor.core.incident import Incident, State
from monitor.core.meeting import WorkingHours
from monitor.core.severity import Criticality
from monitor.outlets.outlet import Attachment
from monitor.response.alerts import Intake
from monitor.response.impact import SpentBudget
from monitor.response.people import People
from monitor.response.postmortem import Gathered, draft, postmortem_message, similar_to
from monitor.sources.failed_requests import Requests

DUE = datetime(2026, 3, 3, 12, 4, 30, tzinfo=UTC)


def part(text: str, title: str) -> list[str]:
    """The lines below a heading that say something."""
    below = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return [line for line in below.splitlines() if line and not line.startswith("_")]


def test_the_draft_is_headed_as_a_draft_and_due_from_the_resolution_on(begin):
    evening = begin()
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()

    message = postmortem_message(case, evening.book.rules.roles, evening.now, evening.now)

    assert message.heading == "Postmortem draft"
    assert message.status == "resolved"
    assert message.markdown.startswith("# Postmortem of INC-0001: payments\n\nDue by 2026-03-03 12:04:30 UTC.")
    assert (
        "- Meeting: Monday 2026-03-02 09:00:00 UTC; the invitation lies beside the file of this draft.\n"
        in message.markdown
    )
    assert [file.suffix for file in message.attachments] == [".ics"]


def test_before_the_end_nobody_is_invited(begin):
    evening = begin()
    evening.play(payments="FFFF")
    [case] = evening.book.cases.values()

    message = postmortem_message(case, (), evening.now, evening.now)

    assert "Due by" not in message.markdown
    assert message.attachments == ()


def test_who_never_works_meets_nobody(begin):
    evening = begin(meetings=WorkingHours(length=timedelta(hours=9)))
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()

    assert case.events[-1].text.endswith("; no working hours were found for a meeting")
    assert postmortem_message(case, (), evening.now, evening.now).attachments == ()


def test_what_can_be_computed_is(begin):
    """The first failure at 12:00:30, open at 12:02:00, calm from 12:02:30 on, and two minutes of that prove it."""
    evening = begin()
    evening.play(payments="FFFF")
    People(evening.book).acknowledge("1", "Ada", evening.now + timedelta(seconds=10), evening.now)
    evening.play(payments="......")
    [case] = evening.book.cases.values()

    text = draft(case, ())

    assert part(text, "Detection and response gaps") == [
        "- Time to detect: 1m30s, from the first failure to the incident",
        "- Time to acknowledge: 10s, from the opening until somebody took it",
        "- Time to recover: 2m0s, from the beginning until it was calm for good",
        "- Time to resolve: 4m0s, from the beginning until that was proven or said",
        "- Nobody said what mitigated it.",
    ]
    assert part(text, "Impact") == [
        "- It lasted 2m0s, from the first sign until it was calm for good.",
        "- No error budget was spent, or there is no objective.",
    ]


def test_nobody_came(begin):
    evening = begin()
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()

    told = part(draft(case, ()), "Detection and response gaps")

    assert told[-3:] == [
        "- Nobody acknowledged it in 2m30s.",
        "- Nobody said what mitigated it.",
        "- The log holds no word of a person.",
    ]


def test_a_calm_that_did_not_last_is_no_recovery(begin):
    evening = begin()
    evening.play(payments="FFFF..FF......")
    [case] = evening.book.cases.values()

    text = draft(case, ())

    assert "- Time to recover: 4m0s, from the beginning until it was calm for good" in text
    assert "- It seemed over and failed again, once." in text


def test_a_relapse_does_not_change_when_it_began(begin):
    evening = begin()
    evening.play(payments="FFFF......")
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()
    assert case.incident.reopened == 1

    text = draft(case, ())

    assert "- Time to detect: 1m30s, from the first failure to the incident" in text
    assert "- It was resolved and came back, once." in text


def test_users_knew_first(begin):
    evening = begin()
    evening.play(payments="..")
    People(evening.book).declare("payments", "Ada", "cannot pay", None, "a", evening.now, evening.now)
    evening.play(payments="FFFF")
    People(evening.book).resolve("1", "Ada", "rolled back", evening.now, evening.now)
    [case] = evening.book.cases.values()

    told = part(draft(case, ()), "Detection and response gaps")

    assert not any(line.startswith("- Time to detect") for line in told), "it was open before a check failed"
    assert "- Others knew first: told at 12:01:00 UTC, 30s before a check of ours failed." in told
    assert "- Time to resolve: 2m0s, from the beginning until that was proven or said" in told


def test_none_of_our_checks_saw_it(begin):
    evening = begin()
    evening.play(payments="..")
    People(evening.book).declare("payments", "Ada", "cannot pay", None, "a", evening.now, evening.now)
    People(evening.book).resolve("1", "Ada", "rolled back", evening.now, evening.now)
    [case] = evening.book.cases.values()

    assert "- None of our checks ever failed: Ada told of it." in draft(case, ())


def test_updates_that_were_missed_are_counted(begin):
    evening = begin()
    evening.play(payments="FFFF")
    for minutes in (15, 61):
        at = evening.now + timedelta(minutes=minutes)
        evening.keep(*evening.book.due(at, at))
    evening.play(payments="......")
    [case] = evening.book.cases.values()

    told = part(draft(case, ()), "Detection and response gaps")

    assert "- 2 updates were missed; the first that made up for it came at 13:03:00 UTC." in told


def test_the_budgets_that_were_spent_stand_in_the_log(begin):
    evening = begin()
    asked = []

    def spent(services, since, now):
        asked.append((services, since, now))
        return (SpentBudget(service="payments", objective="success", bad=4, share=0.093, left=0.5),)

    evening.book.spent = spent
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()

    assert asked == [
        (("payments",), evening.now - timedelta(minutes=4, seconds=30), evening.now - timedelta(seconds=30))
    ]
    impact = part(draft(case, ()), "Impact")
    assert impact[1:] == ["- payments success: 4 bad, 9.3 % of the budget; 50 % of it is left"]


def test_what_others_know_is_in_it(begin):
    evening = begin()
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()
    requests = Requests(service="payments", failed=1200, total=4000, worst=(DUE, 0.9))
    earlier = Incident(
        service="payments",
        since=DUE,
        number=0,
        state=State.RESOLVED,
        reason="<b>gone</b>",
        opened_at=DUE,
        resolved_at=DUE + timedelta(minutes=9),
    )

    text = draft(case, (), Gathered((requests,), (earlier,)))

    assert "- payments: about 1,200 requests failed of 4,000 (30 %); at worst 90 % at 12:04 UTC" in text
    assert "- INC-0000 &lt;b>gone&lt;/b> (2026-03-03, 9m0s)" in text


def test_the_pictures_of_its_numbers_come_with_it(begin):
    evening = begin()
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()
    picture = Attachment("-evidence-traffic.svg", "image/svg+xml", b"<svg/>")

    message = postmortem_message(case, (), evening.now, evening.now, Gathered(pictures=(picture,)))

    assert "kept with this draft and in the ticket: `evidence-traffic.svg`\n" in message.markdown
    assert message.attachments[-1] is picture
    assert "picture" not in draft(case, ())


def test_an_alert_is_no_word_of_a_person(begin):
    evening = begin(routing=Routing(services={"payments": Criticality.HIGH}, service_labels=("service",)))
    firing = Alert(
        source="alertmanager", fingerprint="f", firing=True, starts_at=evening.now, labels={"service": "payments"}
    )
    ended = replace(firing, firing=False, ends_at=evening.now)
    intake = Intake(evening.book)
    for alert in (firing, ended):
        evening.keep(intake.take(Notification(source="alertmanager", alerts=(alert,)), evening.now, evening.now).commit)
    [case] = evening.book.cases.values()
    assert {event.author for event in case.events} == {"watchkeeper", "alertmanager"}

    assert "- The log holds no word of a person." in draft(case, ())
    People(evening.book).note("1", "Ada", "on it", evening.now, evening.now)
    assert "- The log holds no word of a person." not in draft(case, ())


@pytest.mark.parametrize("hostile", ["a | b", "<!-- watchkeeper end", "two\nlines"])
def test_what_a_target_says_stays_one_line_of_text(begin, hostile):
    evening = begin()
    evening.play(payments="FFFF......")
    [case] = evening.book.cases.values()
    case.symptoms = (hostile,)

    (line,) = part(draft(case, ()), "What was seen")[1:]

    assert "<" not in line
    assert line.startswith("- ")


def of(number: int, service: str = "payments", reason: str = "live: status: answered 503") -> Incident:
    return Incident(service=service, since=DUE, number=number, state=State.CLEAR, id=str(number), reason=reason)


def test_the_most_alike_come_first_then_the_newest():
    mine = of(9)
    others = [of(1), of(2, reason="latency shifted"), of(3), of(4, service="orders"), of(10), mine]

    assert [one.number for one in similar_to(mine, others)] == [3, 1, 2]


def test_numbers_do_not_make_two_outages_unlike():
    mine = of(9, reason="breached for 1m0s: live: answered 503")
    others = [of(1, reason="breached for 2m30s: live: answered 502"), of(2, reason="live: refused")]

    assert [one.number for one in similar_to(mine, others)] == [1, 2]
