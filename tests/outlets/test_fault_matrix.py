"""
Each tracker, each way to fail, a thousand lives of an incident: no ticket and no comment twice, and nothing lost that
the ledger calls delivered. Every life has its own seed, and tells it when it goes wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from fake_github import API, FakeGithub
from fake_jira import FakeJira
from fake_notion import API as NOTION_API
from fake_notion import SOURCE, FakeNotion
from fake_slack import API as SLACK_API
from fake_slack import FakeSlack
from faults import Asked, Clock, Fault, Peer
from lives import CLOSE, KILLS, REACH, STORY, UPDATE, Life
from loguru import logger
from pydantic import SecretStr

from monitor.config import Github, Jira, Notion, Slack
from monitor.ledger.records import Effect, EffectState
from monitor.ledger.store import Ledger
from monitor.outlets import tickets as tickets_module
from monitor.outlets.github.body import Body
from monitor.outlets.github.site import GithubSite
from monitor.outlets.jira.site import JiraSite
from monitor.outlets.markup import adf
from monitor.outlets.notion.site import NotionSite
from monitor.outlets.outlet import Outlet
from monitor.outlets.slack.site import PATIENCE as SLACK_PATIENCE
from monitor.outlets.slack.site import SlackSite
from monitor.outlets.ticket import signature
from monitor.outlets.tickets import PATIENCE, TicketOutlet

WAYS = (*Fault, *KILLS)
LAGS = (0.0, 1.0, 30.0, PATIENCE - 1.0, PATIENCE + 60.0, 1_800.0)
CHUNKS = 10
LIVES = 100
"""In each chunk; together a thousand."""


@dataclass(frozen=True)
class Seen:
    """A ticket as a person finds it."""

    key: str
    is_open: bool
    merged: bool
    comments: tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    peer: Callable[[Clock, Callable[[], float]], Peer]
    outlet: Callable[[Peer], Outlet]
    tickets: Callable[[Peer, str], list[Seen]]


def jira(api: str) -> Kind:
    settings = Jira.model_validate(
        {"url": "https://jira.example", "project": "OPS", "user": "bot", "token": SecretStr("t"), "api": api}
    )

    def peer(clock: Clock, lag: Callable[[], float]) -> FakeJira:
        return FakeJira(now=clock, version=3 if api == "cloud" else 2, lag=lag)

    def outlet(of: FakeJira) -> Outlet:
        return TicketOutlet("jira", JiraSite(settings, connect=of.connect, now=of.now), now=of.now)

    def tickets(of: FakeJira, incident: str) -> list[Seen]:
        found = [i for i in of.issues.values() if i.properties["watchkeeper"]["incident"] == incident]
        return [
            Seen(
                i.key,
                i.is_open,
                bool(i.properties["watchkeeper"]["merged"]),
                tuple(c if isinstance(c, str) else adf.text_of(c) for c in i.comments),
            )
            for i in found
        ]

    return Kind(peer, outlet, tickets)


def github() -> Kind:
    settings = Github(repository="example/ops", token=SecretStr("t"), url=API)

    def outlet(of: FakeGithub) -> Outlet:
        return TicketOutlet("github", GithubSite(settings, connect=of.connect, now=of.now), now=of.now)

    def tickets(of: FakeGithub, incident: str) -> list[Seen]:
        found = [(issue, Body.parse(issue.body).mark) for issue in of.issues]
        return [
            Seen(str(issue.number), issue.is_open, bool(mark.merged), tuple(issue.comments))
            for issue, mark in found
            if mark.incident == incident
        ]

    return Kind(lambda clock, lag: FakeGithub(now=clock, lag=lag), outlet, tickets)


def notion() -> Kind:
    settings = Notion(data_source=SOURCE, token=SecretStr("t"), url=NOTION_API)

    def outlet(of: FakeNotion) -> Outlet:
        return TicketOutlet("notion", NotionSite(settings, of.connect, of.now, of.sleep), now=of.now)

    def tickets(of: FakeNotion, incident: str) -> list[Seen]:
        return [
            Seen(page.id, page.status == "Doing", bool(page.mark["merged"]), of.said(page))
            for page in of.pages
            if page.mark["incident"] == incident
        ]

    return Kind(lambda clock, lag: FakeNotion(now=clock, lag=lag), outlet, tickets)


def slack() -> Kind:
    settings = Slack(channel="#incidents", token=SecretStr("t"), url=SLACK_API)

    def outlet(of: FakeSlack) -> Outlet:
        patience = min(SLACK_PATIENCE, tickets_module.PATIENCE)
        return TicketOutlet("slack", SlackSite(settings, connect=of.connect, now=of.now), of.now, patience)

    def tickets(of: FakeSlack, incident: str) -> list[Seen]:
        found = [(parent, parent.metadata["event_payload"]) for parent in of.parents(incident)]
        return [
            Seen(
                parent.ts,
                not mark["closed"],
                bool(mark["merged"]),
                tuple(one.metadata["event_payload"].get("key", "") for one in of.thread(parent)),
            )
            for parent, mark in found
        ]

    return Kind(lambda clock, lag: FakeSlack(now=clock, lag=lag), outlet, tickets)


TRACKERS = {
    "jira cloud": jira("cloud"),
    "jira data center": jira("data center"),
    "github": github(),
    "notion": notion(),
    "slack": slack(),
}


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
    """One to three requests meet that fault, the first of them early on."""
    left = random.choice((1, 1, 2, 3))
    skip = random.randrange(12)
    # What changes nothing is asked again: rarer, and there too.
    only_changes = random.random() < 0.8

    def plan(asked: Asked) -> Fault | None:
        nonlocal left, skip
        if way in KILLS or left == 0 or (only_changes and not asked.changes):
            return None
        if skip:
            skip -= 1
            return None
        left, skip = left - 1, random.randrange(3)
        return Fault(way)

    return plan


@dataclass(frozen=True)
class Lived:
    made: int
    killed: int
    dead: int
    wrong: dict[str, int]


def live(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, seed: int, tracker: str, way: str, lag: float) -> Lived:
    random = Random(seed)
    kind, clock = TRACKERS[tracker], Clock()
    peer = kind.peer(clock, lambda: lag)
    peer.plan = failing(random, way)
    life = Life(ledger, clock, lambda: kind.outlet(peer), incident=f"01JNQ{seed:021d}")
    life.deaths = {way: random.randrange(5)} if way in KILLS else {}
    monkeypatch.setattr(REACH, life.reach)
    life.tell(STORY, at_once=random.random() < 0.3)
    clock.seconds += 2 * max(LAGS)  # by then any search knows everything
    made = len(kind.tickets(peer, life.incident))
    life.tell((UPDATE, CLOSE), at_once=False)
    effects = life.effects()
    dead = sum(effect.state is EffectState.DEAD for effect in effects)
    return Lived(made, life.killed, dead, judged(kind.tickets(peer, life.incident), effects))


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_is_done_twice_and_nothing_is_lost(
    chunk: int, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    counts: Counter[str] = Counter()
    bad = []
    for seed in range(chunk * LIVES, (chunk + 1) * LIVES):
        tracker = list(TRACKERS)[seed % len(TRACKERS)]
        way = str(WAYS[seed // len(TRACKERS) % len(WAYS)])
        lag = Random(seed).choice(LAGS)
        lived = live(ledger, monkeypatch, seed, tracker, way, lag)
        counts += Counter({"made": lived.made, "killed": lived.killed, "dead": lived.dead, **lived.wrong})
        if any(lived.wrong.values()):
            bad.append(f"seed {seed}: {tracker}, {way}, lag {lag:.0f} s: {lived.wrong}")

    record_property(
        "counted",
        f"{LIVES} lives, {counts['made']} tickets made, {counts['killed']} kills, {counts['dead']} refusals; "
        f"in the end too many: {counts['duplicates']} tickets, {counts['repeated']} comments; lost: {counts['lost']}",
    )
    assert bad == []


@pytest.mark.parametrize("tracker", TRACKERS)
def test_without_the_looking_the_same_lives_make_duplicates(
    tracker: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The matrix above can fail: each care that is left out shows."""
    monkeypatch.setattr(tickets_module, "PATIENCE", 0.0)
    monkeypatch.setattr(tickets_module, "SETTLING", 0.0)
    lives = [live(ledger, monkeypatch, seed, tracker, Fault.DROPPED, 30.0) for seed in range(20)]
    assert sum(lived.made - 1 for lived in lives) > 0
    assert sum(lived.wrong["duplicates"] for lived in lives) == 0, "they are merged all the same"

    monkeypatch.setattr(TicketOutlet, "_merge_duplicates", lambda *_: 0)
    lives = [live(ledger, monkeypatch, seed, tracker, Fault.DROPPED, 30.0) for seed in range(20, 40)]
    assert sum(lived.wrong["duplicates"] for lived in lives) > 0

    monkeypatch.setattr(TicketOutlet, "_say", lambda _, tracker, effect, *told: tracker.comment(*told))
    lives = [live(ledger, monkeypatch, seed, tracker, Fault.AFTER, 0.0) for seed in range(40, 60)]
    assert sum(lived.wrong["repeated"] for lived in lives) > 0


def judged(tickets: list[Seen], effects: list[Effect]) -> dict[str, int]:
    """What is wrong, by its name, after all has settled."""
    alive = [ticket for ticket in tickets if ticket.is_open or not ticket.merged]
    said = [comment for ticket in alive for comment in ticket.comments]
    signed = {effect.key: sum(signature(effect) in comment for comment in said) for effect in effects}
    taken = [effect for effect in effects if effect.state is EffectState.CONFIRMED]
    # What was taken first has made the ticket, and all that it says is in there.
    lost = sum(signed[effect.key] == 0 for effect in taken[1:])
    lost += sum(effect.state in (EffectState.WAITING, EffectState.SENDING) for effect in effects)
    lost += effects[-1] in taken and any(ticket.is_open for ticket in alive)
    return {
        "duplicates": max(len(alive) - 1, 0),
        "repeated": sum(max(count - 1, 0) for count in signed.values()),
        "lost": lost + (not alive),
    }
