"""Alerts of other systems: they open incidents, meet our own evidence in one, bar recovery, and count once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.core.alerts import Alert, Notification, Routing
from monitor.core.incident import State
from monitor.core.muting import Silence
from monitor.core.severity import Criticality, Severity
from monitor.ledger.records import AlertLink, Commit
from monitor.response.alerts import Intake, Taken
from monitor.response.communicate import ticket
from monitor.response.people import People

MINUTE = timedelta(minutes=1)
ROUTING = Routing(
    services={"orders": Criticality.HIGH, "payments": Criticality.CRITICAL},
    service_labels=("service", "job"),
    expires_after={"alertmanager": timedelta(hours=5)},
)


@pytest.fixture
def evening(begin):
    return begin(routing=ROUTING, depends_on={})


def alert(
    name: str = "OrdersFail", *, starts: datetime, ends: datetime | None = None, service: str = "orders",
    severity: str = "critical",
) -> Alert:  # fmt: skip
    labels = {"alertname": name, "service": service, **({"severity": severity} if severity else {})}
    return Alert(
        source="alertmanager", fingerprint=f"{name}/{service}", firing=ends is None, starts_at=starts, ends_at=ends,
        labels=labels, annotations={"summary": f"{name} of {service}"}, links={"generator": f"http://prom/{name}"},
    )  # fmt: skip


def tell(evening, *alerts: Alert, left_out: int = 0) -> Taken:
    told = Notification(source="alertmanager", alerts=alerts, left_out=left_out)
    taken = Intake(evening.book).take(told, evening.now, evening.now)
    evening.keep(taken.commit)
    return taken


def events(evening, name: str):
    return [event for commit in evening.commits for event in commit.events if event.name == name]


def kept(evening) -> dict[tuple[str, str], AlertLink]:
    """What the ledger holds of alerts."""
    return {(link.incident, link.fingerprint): link for commit in evening.commits for link in commit.alerts}


def live(evening):
    (case,) = evening.book.live()
    return case


def test_an_alert_that_was_made_of_an_incident_is_no_news(evening):
    """An Alertmanager that pages for us and tells us of its alerts would keep an incident alive by itself."""
    evening.play(orders="...", payments="...")
    ours = alert("WatchkeeperIncident", starts=evening.now)
    ours = replace(ours, labels={**ours.labels, "watchkeeper_incident": "01JNQ"})

    taken = tell(evening, ours, alert(starts=evening.now))
    assert taken.counts == {"own": 1, "firing": 1}
    assert list(live(evening).alerts) == ["alertmanager:OrdersFail/orders"]

    taken = tell(evening, replace(ours, firing=False, ends_at=evening.now))
    assert (taken.counts, taken.commit, taken.incidents) == ({"own": 1}, Commit(), ())


# -- it opens, and it is over ------------------------------------------------------------------------------------


def test_an_alert_opens_an_incident_at_once_and_its_end_lets_it_recover(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    taken = tell(evening, alert(starts=began))

    case = live(evening)
    assert [incident.number for incident in taken.incidents] == [1]
    assert (case.incident.state, case.incident.declared_by) == (State.OPEN, "alertmanager")
    assert case.incident.severity is Severity.SEV3
    (opened,) = events(evening, "incident.opened")
    assert opened.text == "alertmanager: an alert fires: OrdersFail: OrdersFail of orders"
    assert opened.attributes["alerts"] == ["OrdersFail"]
    assert opened.attributes["why"] == [
        "SEV3: alertmanager says OrdersFail, severity=critical on a service of high criticality; "
        "our probes may raise it"
    ]
    assert evening.effects == ["folder create 1"]

    assert evening.play(orders="......", payments="......") == "OOOOOO", "our probes never saw it, and it still fires"

    tell(evening, alert(starts=began, ends=evening.now))
    assert [event.text for event in events(evening, "incident.mitigated")] == ["every attached alert is over"]
    assert evening.play(orders=".....", payments=".....") == "rrrrR"


def test_two_alerts_keep_it_open_until_both_are_over(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began), alert("OrdersSlow", starts=began))
    tell(evening, alert(starts=began, ends=began + MINUTE))

    assert evening.play(orders="..", payments="..") == "OO"
    assert events(evening, "incident.mitigated") == []

    tell(evening, alert("OrdersSlow", starts=began, ends=began + MINUTE))
    assert evening.play(orders=".", payments=".") == "r"


def test_as_one_ends_another_begins_in_the_same_notification_and_nothing_is_mitigated(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    tell(evening, alert(starts=began, ends=began + MINUTE), alert("OrdersSlow", starts=began + MINUTE))

    assert live(evening).incident.needs_mitigation
    assert live(evening).firing == ("OrdersSlow: OrdersSlow of orders",)


@pytest.mark.parametrize(("subject", "muted"), [("orders/live", False), ("orders", True)])
def test_a_silence_of_a_check_does_not_hide_an_alert_and_one_of_its_service_does(evening, subject, muted):
    evening.play(orders="...", payments="...")
    until = evening.now + timedelta(hours=1)
    evening.book.muting.add(
        Silence(number=1, subject=subject, author="Ada", comment="at work", since=evening.now, until=until)
    )
    tell(evening, alert(starts=evening.now))
    evening.play(orders="FFFF", payments="....")

    assert bool(live(evening).muted_by) is muted


def test_an_alert_that_fires_while_it_recovers_ends_the_recovery(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    tell(evening, alert(starts=began, ends=began + MINUTE))
    assert evening.play(orders="..", payments="..") == "rr"

    tell(evening, alert("OrdersSlow", starts=evening.now))
    assert evening.play(orders=".", payments=".") == "O"


# -- one incident, never two -------------------------------------------------------------------------------------


def test_probes_alerts_and_people_meet_in_one_incident(evening):
    evening.play(orders="...FF", payments=".....")
    began = evening.now
    assert evening.letter("orders") == "p"
    tell(evening, alert(starts=began))
    evening.play(orders="FFFF", payments="....")
    case, commit = People(evening.book).declare("orders", "Ada", "cannot pay", None, "k", evening.now, evening.now)
    evening.keep(commit)

    assert case is live(evening)
    assert case.incident.number == 1
    assert evening.names.count("incident.opened") == 1
    assert case.incident.first_failure_at is not None

    evening.play(orders="....", payments="....")
    assert evening.letter("orders") == "O", "the probes are well, the alert still fires"
    tell(evening, alert(starts=began, ends=evening.now))
    assert evening.play(orders="......", payments="......").endswith("R")


def test_what_people_and_alerts_told_stays_among_the_symptoms_when_the_probes_make_it_worse(evening):
    evening.play(orders="...", payments="...")
    tell(evening, alert(starts=evening.now, severity="info"))
    People(evening.book).declare("orders", "Ada", "cannot pay", None, "k", evening.now, evening.now)
    evening.play(orders="FFFF", payments="....")

    case = live(evening)
    assert case.incident.severity is Severity.SEV2
    assert case.symptoms == (
        "live: status: answered 503, wanted 200-299",
        "OrdersFail: OrdersFail of orders",
        "reported by Ada: cannot pay",
    )


def test_an_alert_joins_the_incident_that_our_probes_opened(evening):
    evening.play(orders="...FFFFFF", payments=".........")
    assert evening.letter("orders") == "O"
    taken = tell(evening, alert(starts=evening.now, severity="warning"))

    assert [incident.number for incident in taken.incidents] == [1]
    (attached,) = events(evening, "incident.alert_attached")
    assert attached.text == "alertmanager: an alert fires: OrdersFail: OrdersFail of orders"
    assert attached.author == "alertmanager"
    assert evening.names.count("incident.opened") == 1


def test_alerts_of_a_service_that_joined_its_parent_belong_to_the_parents_incident(begin):
    evening = begin(routing=ROUTING)  # orders depends on payments
    evening.play(orders="...FFFFFF", payments="..FFFFFFF")
    assert [case.incident.service for case in evening.book.live()] == ["payments"]

    taken = tell(evening, alert(starts=evening.now))

    assert [incident.service for incident in taken.incidents] == ["payments"]
    assert live(evening).alerts["alertmanager:OrdersFail/orders"].service == "orders"


def test_a_failing_parent_explains_the_alerts_of_a_child_whose_probes_are_well(begin):
    evening = begin(routing=ROUTING)
    evening.play(payments="..FFFFFFF", orders=".........")

    tell(evening, alert(starts=evening.now))

    assert live(evening).incident.service == "payments"


def test_alerts_of_two_services_in_one_notification_are_two_incidents_and_one_commit(evening):
    evening.play(orders="...", payments="...")
    before = len(evening.commits)
    taken = tell(evening, alert(starts=evening.now), alert("Unpaid", starts=evening.now, service="payments"))

    assert [incident.service for incident in taken.incidents] == ["orders", "payments"]
    assert len(evening.commits) == before + 1
    assert len({effect.key for effect in evening.commits[-1].effects}) == 2


# -- repeats, retries, two senders, wrong order --------------------------------------------------------------------


def test_what_is_told_again_changes_nothing(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    case, before = live(evening), len(evening.names)

    again = tell(evening, alert(starts=began))  # the other one of two Alertmanagers
    assert dict(again.counts) == {"repeated": 1}
    assert again.commit.events == again.commit.alerts == again.commit.effects == ()

    evening.now += MINUTE
    repeated = tell(evening, alert(starts=began))
    assert [link.heard_at for link in repeated.commit.alerts] == [evening.now], "a restart counts its silence from here"
    assert len(evening.names) == before
    assert live(evening) is case


def test_an_end_that_overtook_its_beginning_opens_nothing(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    first = tell(evening, alert(starts=began, ends=began + MINUTE))
    second = tell(evening, alert(starts=began))

    assert (dict(first.counts), dict(second.counts)) == ({"unseen": 1}, {"late": 1})
    assert evening.book.live() == []
    assert ("", "alertmanager:OrdersFail/orders") in kept(evening), "a restart in between must not open it either"


def test_a_beginning_that_comes_after_the_end_does_not_fire_again(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    tell(evening, alert(starts=began, ends=began + MINUTE))
    late = tell(evening, alert(starts=began))

    assert dict(late.counts) == {"late": 1}
    assert live(evening).firing == ()


def test_the_end_of_an_earlier_time_does_not_end_this_one(evening):
    evening.play(orders="...", payments="...")
    tell(evening, alert(starts=evening.now))
    late = tell(evening, alert(starts=evening.now - 9 * MINUTE, ends=evening.now - MINUTE))

    assert dict(late.counts) == {"late": 1}
    assert len(live(evening).firing) == 1


def test_a_user_report_whose_key_is_like_a_fingerprint_is_a_report(evening):
    evening.play(orders="...", payments="...")
    tell(evening, alert(starts=evening.now))
    people = People(evening.book)
    people.declare("orders", "Ada", "cannot pay", None, "OrdersFail/orders", evening.now, evening.now)

    assert len(live(evening).alerts) == 2


@given(order=st.permutations(range(8)), gap=st.integers(0, 40), dropped=st.sets(st.integers(0, 7), max_size=3))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_in_whatever_order_two_senders_tell_of_two_alerts_it_is_one_incident_at_most_and_over_in_the_end(
    begin, order, gap, dropped
):
    """Each telling may come late, twice or not at all; of each alert at least its end comes in the end."""
    evening = begin(routing=ROUTING, depends_on={})
    evening.play(orders="...", payments="...")
    began, ends = evening.now, evening.now + MINUTE
    tellings = [alert(name, starts=began, ends=end) for name in ("A", "B") for end in (None, ends) for _ in range(2)]
    for n in order:
        evening.now += timedelta(seconds=gap)
        if n not in dropped:
            tell(evening, tellings[n])
    tell(evening, alert("A", starts=began, ends=ends), alert("B", starts=began, ends=ends))

    assert len(evening.book.cases) <= 1
    assert all(case.firing == () and not case.incident.needs_mitigation for case in evening.book.cases.values())
    assert evening.names.count("incident.opened") == len(evening.book.cases)


# -- severity ----------------------------------------------------------------------------------------------------


def test_a_worse_alert_raises_the_severity_and_a_milder_one_does_not_lower_it(evening):
    evening.play(orders="...", payments="...")
    tell(evening, alert(starts=evening.now, severity="info"))
    assert live(evening).incident.severity is Severity.SEV4

    tell(evening, alert("Pages", starts=evening.now, severity="page"))
    (changed,) = events(evening, "incident.severity_changed")
    assert changed.text == (
        "severity SEV4 => SEV3: alertmanager says Pages, severity=page on a service of high criticality"
    )
    tell(evening, alert("Mild", starts=evening.now, severity="info"))
    assert live(evening).incident.severity is Severity.SEV3


def test_what_a_person_lowered_is_raised_only_by_what_is_worse_than_before(evening):
    evening.play(orders="...", payments="...")
    tell(evening, alert(starts=evening.now, severity="page"))
    subject = evening.book.subjects["orders"]
    subject.incident = replace(subject.incident, severity=Severity.SEV4, lowered_from=Severity.SEV3)
    live(evening).incident = subject.incident

    tell(evening, alert("Pages", starts=evening.now, severity="page"))
    assert live(evening).incident.severity is Severity.SEV4
    tell(evening, alert("Worse", starts=evening.now, severity="SEV1"))
    assert live(evening).incident.severity is Severity.SEV1


def test_without_a_severity_it_is_as_a_report_without_one(evening):
    evening.play(orders="...", payments="...")
    tell(evening, alert(starts=evening.now, severity=""))

    assert live(evening).incident.severity is Severity.SEV3
    assert "without a severity" in live(evening).why[0]


# -- of whom, and how many -----------------------------------------------------------------------------------------


def test_what_belongs_to_no_service_is_told_once_and_opens_nothing(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    taken = tell(evening, alert(starts=began, service="unheard"))
    tell(evening, alert(starts=began, service="unheard"))
    evening.now += 240 * MINUTE
    again = tell(evening, alert(starts=began, service="unheard"))

    assert (dict(taken.counts), dict(again.counts)) == ({"unmatched": 1}, {"unmatched": 1})
    (told,) = events(evening, "alert.unmatched")
    assert told.text == (
        "alertmanager: an alert belongs to no service of ours: OrdersFail: OrdersFail of unheard; "
        "see intake.service_labels and intake.default_service"
    )
    assert evening.book.live() == []


def test_a_repeat_opens_once_its_service_is_one_of_ours(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began, service="unheard"))
    evening.book.rules = replace(evening.book.rules, routing=replace(ROUTING, default="orders"))

    tell(evening, alert(starts=began, service="unheard"))
    assert live(evening).incident.service == "orders"


def test_a_group_of_five_hundred_is_one_line_of_the_timeline_and_twenty_of_the_ticket(evening):
    evening.play(orders="...", payments="...")
    group = [alert(f"A{n:03d}", starts=evening.now) for n in range(500)]
    taken = tell(evening, *group, left_out=12)

    case = live(evening)
    assert len(taken.commit.alerts) == 500
    (opened,) = events(evening, "incident.opened")
    assert opened.text == (
        "alertmanager: each of 500 alerts fires: A000: A000 of orders; A001: A001 of orders; A002: A002 of orders; "
        "A003: A003 of orders; A004: A004 of orders; and 495 more; the sender left out 12 more of the group"
    )
    assert opened.attributes["left_out"] == 12
    assert case.symptoms[-1] == "and 495 more alerts"
    text = ticket(case, (), evening.now)
    assert text.count("- alertmanager, firing since") == 20
    assert "- and 480 more, of which 480 fire" in text


def test_the_ticket_lists_what_fires_first_with_labels_and_where_more_is_found(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert("Ended", starts=began), alert("Lasts <b>|", starts=began))
    tell(evening, alert("Ended", starts=began, ends=began + MINUTE))

    text = ticket(live(evening), (), evening.now)
    assert (
        "## Alerts\n\n"
        "- alertmanager, firing since 12:01:30 UTC: Lasts &lt;b>\\|: Lasts &lt;b>\\| of orders "
        "(service=orders, severity=critical) http://prom/Lasts &lt;b>\\|\n"
        "- alertmanager, over at 12:02:30 UTC: Ended: Ended of orders "
        "(service=orders, severity=critical) http://prom/Ended\n"
    ) in text


# -- silence -----------------------------------------------------------------------------------------------------


def quiet_until(evening, at: datetime) -> None:
    evening.now = at
    evening.keep(*Intake(evening.book).expire(evening.now, evening.now))


def test_an_alert_that_nobody_repeats_counts_as_over_after_expires_after(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))

    quiet_until(evening, began + timedelta(hours=5, seconds=-1))
    assert len(live(evening).firing) == 1
    quiet_until(evening, began + timedelta(hours=5))
    assert live(evening).firing == ()
    (expired,) = events(evening, "incident.alert_expired")
    assert expired.text == (
        "alertmanager: an alert counts as over: nobody repeated it: OrdersFail: OrdersFail of orders"
    )
    assert "not repeated any more, counts as over" in ticket(live(evening), (), evening.now)
    assert not live(evening).incident.needs_mitigation

    tell(evening, alert(starts=began))
    assert len(live(evening).firing) == 1, "it had fired all the time"


def test_silence_is_counted_from_the_last_repeat_and_from_our_own_return(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    evening.now = began + timedelta(hours=4)
    tell(evening, alert(starts=began))
    quiet_until(evening, began + timedelta(hours=8))
    assert len(live(evening).firing) == 1

    links = list(live(evening).alerts.values())
    evening.book.alerts.restore(links, began + timedelta(hours=8, minutes=30))
    quiet_until(evening, began + timedelta(hours=13, minutes=29))
    assert len(live(evening).firing) == 1
    quiet_until(evening, began + timedelta(hours=13, minutes=30))
    assert live(evening).firing == ()


# -- after its incident ------------------------------------------------------------------------------------------


def resolve(evening) -> None:
    people = People(evening.book)
    evening.keep(people.resolve("1", "Ada", "rolled back", evening.now, evening.now)[1])


def test_the_same_alert_reopens_what_was_just_resolved_and_another_one_is_a_new_incident(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    tell(evening, alert(starts=began, ends=began + MINUTE))
    resolve(evening)
    evening.now += 10 * MINUTE
    tell(evening, alert(starts=evening.now))

    (reopened,) = events(evening, "incident.reopened")
    assert reopened.incident == "INCIDENT1"
    assert live(evening).incident.reopened == 1
    assert evening.effects[-1].startswith("folder reopen")

    tell(evening, alert(starts=evening.now, ends=evening.now))
    resolve(evening)
    tell(evening, alert("Another", starts=evening.now))
    assert live(evening).incident.number == 2


@pytest.mark.parametrize(("after", "number"), [(30 * MINUTE, 1), (30 * MINUTE + timedelta(seconds=1), 2)])
def test_it_reopens_within_reopen_within_and_is_new_later(evening, after, number):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    tell(evening, alert(starts=began, ends=began + timedelta(seconds=1)))
    resolve(evening)
    evening.now += after
    tell(evening, alert(starts=evening.now))

    assert live(evening).incident.number == number


def test_what_still_fires_after_a_person_closed_it_opens_nothing_when_it_is_repeated(evening):
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert(starts=began))
    resolve(evening)
    evening.now += 240 * MINUTE
    tell(evening, alert(starts=began))
    assert evening.book.live() == []

    written = len(evening.names)
    tell(evening, alert(starts=began, ends=evening.now))
    assert len(evening.names) == written, "its end is no news of an incident that is over"
    assert not kept(evening)[("INCIDENT1", "alertmanager:OrdersFail/orders")].firing

    evening.now += MINUTE
    tell(evening, alert(starts=evening.now))
    assert live(evening).incident.number == 2, "and when it fires again, that is news"


def test_alerts_go_with_their_incident_into_the_one_that_it_is_merged_into(begin):
    evening = begin(routing=ROUTING, depends_on={"orders": ("payments",)})
    evening.play(orders="...", payments="...")
    began = evening.now
    tell(evening, alert("Unpaid", starts=began, service="payments"))
    tell(evening, alert(starts=began))
    assert len(evening.book.live()) == 2
    evening.play(orders="FFF", payments="FFF")

    case = live(evening)
    assert case.incident.service == "payments"
    assert len(case.firing) == 2
    evening.now += MINUTE
    repeated = tell(evening, alert(starts=began))
    assert [link.incident for link in repeated.commit.alerts] == ["INCIDENT1"], "it belongs to the elder now"
    tell(evening, alert(starts=began, ends=evening.now))
    assert case.firing == ("Unpaid: Unpaid of payments",)
    rows = kept(evening)
    assert not rows[("INCIDENT2", "alertmanager:OrdersFail/orders")].firing
    assert not rows[("INCIDENT1", "alertmanager:OrdersFail/orders")].firing
