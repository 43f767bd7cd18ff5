"""What one more telling of an alert is, whose it is, how bad it is, and when silence ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alerts import Alert, Known, News, Routing, is_silent, news, severity_of
from monitor.core.severity import Criticality

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def alert(*, firing: bool, starts: timedelta = MINUTE * 0, ends: timedelta | None = None) -> Alert:
    ends_at = None if ends is None else T0 + ends
    return Alert(source="alertmanager", fingerprint="f1", firing=firing, starts_at=T0 + starts, ends_at=ends_at)


def known(
    *, firing: bool, ends: timedelta | None = None, heard: timedelta = MINUTE * 0, expired: bool = False
) -> Known:
    ends_at = None if ends is None else T0 + ends
    return Known(firing=firing, starts_at=T0, ends_at=ends_at, heard_at=T0 + heard, expired=expired)


FIRES = known(firing=True)
OVER = known(firing=False, ends=10 * MINUTE, heard=10 * MINUTE)


@pytest.mark.parametrize(
    ("before", "told", "after", "what"),
    [
        pytest.param(None, alert(firing=True), MINUTE, News.FIRING, id="the first word of it"),
        pytest.param(FIRES, alert(firing=True), 240 * MINUTE, News.REPEATED, id="repeat_interval, or the other of two"),
        pytest.param(FIRES, alert(firing=True, starts=5 * SECOND), MINUTE, News.REPEATED, id="seconds apart, firing"),
        pytest.param(FIRES, alert(firing=False, ends=MINUTE), MINUTE, News.RESOLVED, id="its end"),
        pytest.param(
            FIRES, alert(firing=False, starts=-5 * SECOND, ends=MINUTE), MINUTE, News.RESOLVED, id="seconds apart, over"
        ),
        pytest.param(FIRES, alert(firing=False), MINUTE, News.RESOLVED, id="an end of which no instant is told"),
        pytest.param(
            FIRES, alert(firing=False, starts=-9 * MINUTE, ends=-SECOND), MINUTE, News.LATE, id="an earlier time's end"
        ),
        pytest.param(
            FIRES,
            alert(firing=False, starts=-9 * MINUTE, ends=0 * SECOND),
            MINUTE,
            News.RESOLVED,
            id="ends as it began",
        ),
        pytest.param(None, alert(firing=False, ends=MINUTE), MINUTE, News.UNSEEN, id="over before anybody told"),
        pytest.param(OVER, alert(firing=False, ends=10 * MINUTE), 11 * MINUTE, News.REPEATED, id="over, said again"),
        pytest.param(OVER, alert(firing=True), 15 * MINUTE - SECOND, News.LATE, id="firing, overtaken by its end"),
        pytest.param(OVER, alert(firing=True), 15 * MINUTE, News.FIRING, id="lost from sight, and seen again"),
        pytest.param(OVER, alert(firing=True, starts=10 * MINUTE), 11 * MINUTE, News.LATE, id="began before the end"),
        pytest.param(
            OVER, alert(firing=True, starts=10 * MINUTE + SECOND), 11 * MINUTE, News.FIRING, id="it fires again"
        ),
        pytest.param(
            known(firing=False, ends=10 * MINUTE, heard=10 * MINUTE, expired=True),
            alert(firing=True),
            11 * MINUTE,
            News.FIRING,
            id="we had only taken it for over",
        ),
    ],
)
def test_what_one_more_telling_is(before: Known | None, told: Alert, after: timedelta, what: News) -> None:
    assert news(before, told, T0 + after) is what


@given(order=st.permutations(["firing", "firing again", "over", "over again"]), gap=st.integers(0, 59))
def test_in_whatever_order_one_time_is_told_within_minutes_it_begins_once_at_most_and_is_over(
    order: list[str], gap: int
) -> None:
    """Resent by a sender that got no answer, told by both of two Alertmanagers, delayed in a proxy."""
    now, seen, state = T0 + 10 * MINUTE, [], None
    for word in order:
        now += timedelta(seconds=gap)
        told = alert(firing=word.startswith("firing"), ends=None if word.startswith("firing") else 9 * MINUTE)
        what = news(state, told, now)
        seen.append(what)
        if what in (News.FIRING, News.RESOLVED, News.UNSEEN):
            state = Known(firing=told.firing, starts_at=told.starts_at, ends_at=told.ends_at, heard_at=now)

    assert seen.count(News.FIRING) <= 1
    assert state is not None
    assert not state.firing


@pytest.mark.parametrize(
    ("ends", "watching", "after", "silent"),
    [
        pytest.param(None, -MINUTE, 300 * MINUTE - SECOND, False, id="may yet be repeated"),
        pytest.param(None, -MINUTE, 300 * MINUTE, True, id="five hours without a repeat"),
        pytest.param(None, 200 * MINUTE, 300 * MINUTE, False, id="we were away, and nobody could tell us"),
        pytest.param(None, 200 * MINUTE, 500 * MINUTE, True, id="five hours since we are back"),
        pytest.param(9 * MINUTE, -MINUTE, 14 * MINUTE - SECOND, False, id="its end has passed"),
        pytest.param(9 * MINUTE, -MINUTE, 14 * MINUTE, True, id="its end, and resolve_timeout"),
        pytest.param(9 * MINUTE, 60 * MINUTE, 64 * MINUTE, False, id="its end passed while we were away"),
        pytest.param(9 * MINUTE, 60 * MINUTE, 65 * MINUTE, True, id="resolve_timeout since we are back"),
        pytest.param(-9 * MINUTE, -MINUTE, 4 * MINUTE, False, id="an end that had passed when it was told"),
    ],
)
def test_an_alert_that_nobody_repeats_is_over_after_a_while(
    ends: timedelta | None, watching: timedelta, after: timedelta, silent: bool
) -> None:
    fires = known(firing=True, ends=ends)
    ahead = timedelta(minutes=3)  # the wall clock was stepped since we began
    if fires.ends_at is not None:
        fires = Known(firing=True, starts_at=T0, ends_at=fires.ends_at + ahead, heard_at=T0)

    now = T0 + after
    assert is_silent(fires, timedelta(hours=5), T0 + watching, now, now + ahead) is silent


ROUTING = Routing(
    services={"orders": Criticality.HIGH, "payments": Criticality.LOW, "ledger": Criticality.LOW},
    service_labels=("service", "job"),
    alert_labels={"payments": {"namespace": "money"}, "ledger": {"namespace": "money", "app": "ledger"}},
)


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({"service": "orders"}, "orders"),
        ({"job": "orders"}, "orders"),
        ({"service": "kube-state-metrics", "job": "orders"}, "orders"),
        ({"service": "payments", "job": "orders"}, "payments"),
        ({"service": "orders", "namespace": "money"}, "payments"),
        ({"service": "orders", "namespace": "money", "app": "ledger"}, "ledger"),
        ({"service": "Orders"}, ""),
        ({"instance": "orders"}, ""),
        ({}, ""),
    ],
)
def test_whose_an_alert_is(labels: dict[str, str], service: str) -> None:
    assert ROUTING.service_of(labels) == service


def test_what_is_nobodys_is_the_defaults_where_there_is_one() -> None:
    routing = Routing(services={"orders": Criticality.HIGH}, service_labels=("service",), default="orders")

    assert routing.service_of({"service": "unheard"}) == "orders"


@pytest.mark.parametrize(
    ("said", "severities"),
    [
        ("critical", "2334"),
        ("page", "2334"),
        ("Warning", "3344"),
        ("ticket", "3344"),
        ("info", "4444"),
        ("none", "4444"),
        ("SEV1", "1111"),
        ("p2", "2222"),
        ("sev4", "4444"),
        ("sev5", "3333"),
        ("who knows", "3333"),
        ("", "3333"),
    ],
)
def test_how_bad_an_alert_says_that_it_is(said: str, severities: str) -> None:
    found = "".join(str(int(severity_of({"severity": said}, criticality))) for criticality in Criticality)

    assert found == severities


@pytest.mark.parametrize(
    ("annotations", "summary"),
    [
        ({"summary": "p99 is\n  high", "description": "x"}, "Slow: p99 is high"),
        ({"description": "p99 is high"}, "Slow: p99 is high"),
        ({"summary": "  "}, "Slow"),
        ({}, "Slow"),
    ],
)
def test_what_people_are_told_of_it(annotations: dict[str, str], summary: str) -> None:
    told = Alert(
        source="grafana", fingerprint="f1", firing=True, starts_at=T0, labels={"alertname": "Slow"},
        annotations=annotations,
    )  # fmt: skip

    assert told.summary == summary
