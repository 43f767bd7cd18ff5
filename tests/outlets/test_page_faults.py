"""
Each pager that has keys, each way to fail, a hundred lives of an incident: nobody is woken twice for one opening, and
nothing stays open, or is lost, that the ledger calls delivered. Every life has its own seed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from fake_alertmanager import FakeAlertmanager
from fake_pagerduty import FakePagerduty
from faults import LATE_BY, Asked, Clock, Fault, Peer
from lives import CLOSE, KILLS, REACH, STORY, T0, Life
from loguru import logger
from pydantic import SecretStr

from monitor.config import Alertmanager, Apprise, Pagerduty
from monitor.ledger.records import Effect, EffectState
from monitor.ledger.store import Ledger
from monitor.outlets.alertmanager.outlet import AlertmanagerOutlet
from monitor.outlets.apprise.outlet import AppriseOutlet
from monitor.outlets.apprise.sender import Result, Sent, read
from monitor.outlets.apprise.text import AGAIN
from monitor.outlets.http import NoAnswer
from monitor.outlets.outlet import Outlet
from monitor.outlets.pagerduty.outlet import PagerdutyOutlet
from monitor.outlets.settling import Settling

WAYS = (*Fault, *KILLS)
LIVES = 100


@dataclass(frozen=True)
class Kind:
    """
    Attributes:
        seen: How often it was opened there, and whether it is open.
    """

    peer: Callable[[Clock], Peer]
    outlet: Callable[[Peer], Outlet]
    seen: Callable[[Peer, str], tuple[int, bool]]


def pagerduty() -> Kind:
    settings = Pagerduty(routing_key=SecretStr("k" * 32), url="https://events.example")

    def outlet(of: FakePagerduty) -> Outlet:
        return PagerdutyOutlet(settings, connect=of.connect, now=of.now)

    def seen(of: FakePagerduty, incident: str) -> tuple[int, bool]:
        alerts = of.alerts.get(f"watchkeeper/{incident}", [])
        return len(alerts), bool(alerts) and alerts[-1].state != "resolved"

    return Kind(lambda clock: FakePagerduty(now=clock), outlet, seen)


def alertmanager() -> Kind:
    settings = Alertmanager(url="http://alerts.example", token=SecretStr(""))

    def outlet(of: FakeAlertmanager) -> Outlet:
        return AlertmanagerOutlet(settings, connect=of.connect, now=of.now, wall=of.wall)

    def seen(of: FakeAlertmanager, incident: str) -> tuple[int, bool]:
        alerts = of.of(incident).values()
        return sum(alert.fired for alert in alerts), any(not alert.over for alert in alerts)

    def peer(clock: Clock) -> FakeAlertmanager:
        return FakeAlertmanager(now=clock, wall=lambda: T0.timestamp() + clock())

    return Kind(peer, outlet, seen)


PAGERS = {"pagerduty": pagerduty(), "alertmanager": alertmanager()}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger.open(tmp_path, slow_after=60.0)
    # The process is killed in words alone, so the disk is not waited for: that has tests of its own.
    opened._writer.connection.execute("PRAGMA synchronous = OFF")
    logger.disable("monitor.outlets")
    yield opened
    logger.enable("monitor.outlets")
    opened.close()


def failing(random: Random, way: str) -> Callable[[Asked], Fault | None]:
    """One to three requests meet that fault, the first of them among the first six."""
    left, skip = random.choice((1, 1, 2, 3)), random.randrange(6)

    def plan(_asked: Asked) -> Fault | None:
        nonlocal left, skip
        if way in KILLS or left == 0:
            return None
        if skip:
            skip -= 1
            return None
        left, skip = left - 1, random.randrange(3)
        return Fault(way)

    return plan


@dataclass(frozen=True)
class Lived:
    opened: int
    killed: int
    dead: int
    wrong: dict[str, int]


def live(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, seed: int, pager: str, way: str) -> Lived:
    random = Random(seed)
    kind, clock = PAGERS[pager], Clock()
    peer = kind.peer(clock)
    peer.plan = failing(random, way)
    life = Life(ledger, clock, lambda: kind.outlet(peer), incident=f"01JNQ{seed:021d}")
    life.deaths = {way: random.randrange(5)} if way in KILLS else {}
    monkeypatch.setattr(REACH, life.reach)
    life.tell(STORY, at_once=random.random() < 0.5)
    clock.seconds += LATE_BY
    peer.catch_up()
    opened, is_open = kind.seen(peer, life.incident)
    effects = life.effects()
    dead = sum(effect.state is EffectState.DEAD for effect in effects)
    return Lived(opened, life.killed, dead, judged(opened, effects, is_open=is_open))


def judged(opened: int, effects: list[Effect], *, is_open: bool) -> dict[str, int]:
    """What is wrong, by its name, after all has settled."""
    taken = [effect for effect in effects if effect.state is EffectState.CONFIRMED]
    end = next(effect for effect in effects if effect.kind is CLOSE)
    # What says that it fires, before its first end and after it; an end that was refused leaves it one alert.
    before = any(effect.kind is not CLOSE and effect.order < end.order for effect in taken)
    after = any(effect.kind is not CLOSE and effect.order > end.order for effect in taken)
    spells = before + after if end in taken else int(before or after)
    lost = sum(effect.state in (EffectState.WAITING, EffectState.SENDING) for effect in effects)
    lost += opened < spells
    return {
        "woken too often": max(opened - 2, 0),
        "lost": lost,
        "open for ever": int(effects[-1] in taken and is_open),
    }


@pytest.mark.parametrize("pager", PAGERS)
def test_nobody_is_woken_twice_and_nothing_is_lost(
    pager: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    bad = []
    for seed in range(LIVES):
        way = str(WAYS[seed % len(WAYS)])
        lived = live(ledger, monkeypatch, seed, pager, way)
        counts += Counter({"opened": lived.opened, "killed": lived.killed, "dead": lived.dead, **lived.wrong})
        if any(lived.wrong.values()):
            bad.append(f"seed {seed}: {way}: {lived.wrong}")

    record_property(
        "counted",
        f"{pager}: {LIVES} lives, opened {counts['opened']} times, {counts['killed']} kills, {counts['dead']} "
        f"refusals; too often {counts['woken too often']}, for ever {counts['open for ever']}; lost: {counts['lost']}",
    )
    assert bad == []


@pytest.mark.parametrize("pager", PAGERS)
def test_without_the_waiting_the_same_lives_go_wrong(
    pager: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrix above can fail: what arrives late turns an incident again that had turned."""
    monkeypatch.setattr(Settling, "wait", lambda *_: None)
    lives = [live(ledger, monkeypatch, seed, pager, Fault.LATE) for seed in range(40)]
    assert sum(sum(lived.wrong.values()) for lived in lives) > 0


# -- what has no keys -------------------------------------------------------------------------------------------


class Inbox(Peer):
    """Takes messages and knows no two as the same."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(now=clock)
        self.bodies: list[str] = []

    def obey(self, asked: Asked) -> tuple[int, object]:
        self.bodies.append(str(asked.body))
        return 200, None

    def send(self, urls: Sequence[str], _title: str, body: str) -> list[Result]:
        """As apprise would tell of it."""
        results = []
        for _ in urls:
            try:
                answer = self.exchange("POST", "http://inbox.example/", {}, json.dumps(body).encode())
            except NoAnswer as broken:
                results.append(Result(Sent.NO if broken.never_left else Sent.PERHAPS))
            else:
                said = (
                    ["sent", ""] if answer.status == 200 and answer.body is not None else ["failed", str(answer.status)]
                )
                results.append(read(json.dumps(said).encode()))
        return results


def test_what_has_no_keys_is_never_lost_and_never_silently_sent_twice(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    bad = []
    for seed in range(LIVES):
        way, random, clock = str(WAYS[seed % len(WAYS)]), Random(seed), Clock()
        inbox = Inbox(clock)
        inbox.plan = failing(random, way)
        settings = Apprise(urls=(SecretStr("json://inbox.example"),))
        life = Life(ledger, clock, lambda: AppriseOutlet(settings, inbox.send), incident=f"01JNR{seed:021d}")  # noqa: B023
        life.deaths = {way: random.randrange(5)} if way in KILLS else {}
        monkeypatch.setattr(REACH, life.reach)
        life.tell(STORY, at_once=False)
        clock.seconds += LATE_BY
        inbox.catch_up()
        wrong: Counter[str] = Counter()
        for effect in life.effects():
            bodies = [body for body in inbox.bodies if body.endswith(f"update {effect.order}")]
            wrong["silently"] += max(sum(AGAIN not in body for body in bodies) - 1, 0)
            wrong["lost"] += effect.state is EffectState.CONFIRMED and not bodies
            wrong["lost"] += effect.state in (EffectState.WAITING, EffectState.SENDING)
            counts["said"] += sum(AGAIN in body for body in bodies)
        counts += wrong + Counter({"sent": len(inbox.bodies), "killed": life.killed})
        if any(wrong.values()):
            bad.append(f"seed {seed}: {way}: {dict(wrong)}")

    record_property(
        "counted",
        f"apprise: {LIVES} lives, {counts['sent']} messages, {counts['killed']} kills; {counts['said']} say that they "
        f"may be a repetition; silently sent twice {counts['silently']}; lost: {counts['lost']}",
    )
    assert bad == []
    assert counts["said"] > 0
