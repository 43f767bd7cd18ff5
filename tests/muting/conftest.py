"""A judge and a casebook that are told the time of a night, and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config import Config, load
from monitor.config.changes import changes
from monitor.core.incident import State
from monitor.core.sli import Tally
from monitor.daemon.judge import Judge
from monitor.daemon.wiring import rules_of
from monitor.ledger.records import Commit, Effect, LedgerEvent
from monitor.response.casebook import Casebook
from monitor.response.observe import Surroundings
from monitor.response.people import People
from monitor.response.watch import CheckWatch

STEP = timedelta(seconds=30)
LETTERS = {State.CLEAR: "-", State.PENDING: "p", State.OPEN: "O", State.RECOVERING: "r", State.RESOLVED: "R"}


def made(service: str, at: datetime, letter: str) -> CheckResult:
    """`.` ok, `F` failed and confirmed."""
    failed = letter == "F"
    first = Attempt(
        started_at=at,
        outcome=Outcome.FAILED if failed else Outcome.OK,
        reason=Reason.STATUS if failed else None,
        detail="answered 503" if failed else "",
        latency=0.05,
    )
    attempts = (first, first) if failed else (first,)
    return CheckResult(service=service, check="live", scheduled_at=at, attempts=attempts)


class Night:
    """
    A judge and a casebook that are told the time.

    Attributes:
        ahead: By how much the wall clock is ahead of the steady timeline.
    """

    def __init__(self, config: Config, at: datetime) -> None:
        self.config, self.now, self.ahead = config, at, timedelta(0)
        ids, numbers = count(1), count(1)
        self.book = Casebook(rules_of(config), new_id=lambda: f"I{next(ids)}", new_number=lambda: next(numbers))
        self.commits: list[Commit] = []
        self.judge = Judge(
            config, self.book, at, lambda _: Surroundings(), self.commits.append, lambda _: None, lambda *_: None
        )
        self.people = People(self.book)

    def play(self, shop: str, bank: str = "") -> str:
        """Each result comes a tenth of a second after its slot."""
        letters = ""
        for shop_letter, bank_letter in zip(shop, bank or "." * len(shop), strict=True):
            self.now += STEP
            results = [self.result("shop", shop_letter), self.result("bank", bank_letter)]
            marked = self.judge.maintenance.mark(results, self.ahead)
            at = self.now + timedelta(seconds=0.1)
            self.judge.take(marked, at, at + self.ahead)
            self.judge.tick(at, at + self.ahead)
            letters += LETTERS[self.book.watch("shop", at).incident.state]
        return letters

    def result(self, service: str, letter: str) -> CheckResult:
        return made(service, self.now, letter)

    def reload(self, config: Config) -> None:
        self.judge.replace(config, changes(self.config, config), self.now, self.now + self.ahead)
        self.config = config

    @property
    def live(self) -> CheckWatch:
        return self.judge.watches["shop"].checks["live"]

    @property
    def events(self) -> list[LedgerEvent]:
        return [event for commit in self.commits for event in commit.events]

    @property
    def names(self) -> list[str]:
        """Of what became of incidents."""
        return [e.name for e in self.events if not e.name.startswith(("maintenance.", "postmortem."))]

    @property
    def told(self) -> list[str]:
        """What the webhook was sent: the ticket's folder is told of everything."""
        return [str(e.kind) for e in self.effects if e.outlet == "webhook"]

    @property
    def kept(self) -> list[str]:
        return [str(e.kind) for e in self.effects if e.outlet == "folder"]

    @property
    def effects(self) -> list[Effect]:
        return [effect for commit in self.commits for effect in commit.effects]

    def tally(self, window: timedelta) -> Tally:
        return self.live.tally(self.now, window)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Config]:
    def config(text: str) -> Config:
        (tmp_path / "config.yaml").write_text(text)
        return load([tmp_path / "config.yaml"], {})

    return config


@pytest.fixture
def begin(read: Callable[[str], Config]) -> Callable[[str, datetime], Night]:
    """A night that begins with a configuration, as text, and at an instant."""
    return lambda text, at: Night(read(text), at)


@pytest.fixture
def result_of() -> Callable[[str, datetime, str], CheckResult]:
    return made
