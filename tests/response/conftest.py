"""A casebook with one service and its dependant, and an evening that is played result by result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from checks.check import Check, HttpQuestion
from checks.result import Attempt, CheckResult, Outcome, Reason
from monitor.config import Service
from monitor.core.incident import Timing
from monitor.core.severity import POLICIES, Criticality
from monitor.ledger.records import Commit
from monitor.response.alerts import Intake
from monitor.response.casebook import Casebook, Rules
from monitor.response.entries import POSTMORTEMS
from monitor.response.merge import merge_late
from monitor.response.observe import Surroundings, observe
from monitor.response.parting import release
from monitor.response.service_watch import ServiceWatch, watch_of
from monitor.response.triage import Role

T0 = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)


def make_result(service: str, check: str, at: datetime, letter: str) -> CheckResult:
    """`.` ok, `F` failed and confirmed, `f` failed once and ok when asked again, `?` unknown."""
    outcome = {".": Outcome.OK, "F": Outcome.FAILED, "f": Outcome.FAILED, "?": Outcome.UNKNOWN}[letter]
    reason = {Outcome.OK: None, Outcome.FAILED: Reason.STATUS, Outcome.UNKNOWN: Reason.BLIND}[outcome]
    first = Attempt(
        started_at=at,
        outcome=outcome,
        reason=reason,
        detail="" if reason is None else "answered 503, wanted 200-299",
        latency=0.05,
        status=503 if reason else 200,
        address="10.0.0.7",
        span_id="ab" * 8,
    )
    again = {
        "F": (Attempt(started_at=at, outcome=Outcome.FAILED, reason=Reason.STATUS, detail="answered 503 again"),),
        "f": (Attempt(started_at=at, outcome=Outcome.OK, latency=0.05),),
    }.get(letter, ())
    return CheckResult(service=service, check=check, scheduled_at=at, attempts=(first, *again), trace_id="cd" * 16)


@dataclass
class Evening:
    """Plays results into watches and a casebook; one column of a script is 30 seconds."""

    book: Casebook
    watches: dict[str, ServiceWatch]
    now: datetime = T0
    commits: list[Commit] = field(default_factory=list)
    around: Surroundings = field(default_factory=lambda: Surroundings(criticality=Criticality.HIGH))

    def play(self, **scripts: str) -> str:
        """The states of the first service after each column, as letters."""
        first = next(iter(scripts))
        letters = []
        for column in range(len(scripts[first])):
            self.step({name.replace("_", "-"): script[column] for name, script in scripts.items()})
            letters.append(self.letter(first.replace("_", "-")))
        return "".join(letters)

    def step(self, letters: dict[str, str]) -> None:
        self.now += STEP
        for name, letter in letters.items():
            for check in self.watches[name].checks.values():
                if letter != " ":
                    check.observe(make_result(name, check.check.name, self.now, letter))
        for name in letters:
            self.evaluate(name)
        self.keep(*merge_late(self.book, self.now, self.now), *release(self.book, self.now, self.now))
        self.keep(*Intake(self.book).expire(self.now, self.now), *self.book.due(self.now, self.now))

    def hear(self, name: str, letters: str) -> None:
        """Results that come together after a while, not judged yet."""
        for letter in letters:
            self.now += STEP
            for check in self.watches[name].checks.values():
                check.observe(make_result(name, check.check.name, self.now, letter))

    def evaluate(self, name: str) -> None:
        case = self.book.case_of(name)
        mine = case if case is not None and case.incident.service == name else None
        members = [self.watches[n] for n in mine.services()[1:]] if mine else []
        seen = observe(
            self.watches[name],
            self.around,
            self.now,
            incident=mine.incident if mine else None,
            members=[(watch, self.around) for watch in members],
            firing=case.firing if case is not None else (),
        )
        self.keep(self.book.evaluate(name, seen, self.now))

    def keep(self, *commits: Commit | None) -> None:
        self.commits += [commit for commit in commits if commit is not None]

    def letter(self, name: str) -> str:
        state = self.book.watch(name, self.now).incident.state
        return {"clear": "-", "pending": "p", "open": "O", "recovering": "r", "resolved": "R"}[state]

    @property
    def names(self) -> list[str]:
        return [event.name for commit in self.commits for event in commit.events]

    @property
    def effects(self) -> list[str]:
        return [f"{e.outlet} {e.kind} {e.order}" for commit in self.commits for e in commit.effects]


@pytest.fixture
def begin() -> Callable[..., Evening]:
    def make(
        timing: Timing | None = None, services: tuple[str, ...] = ("orders", "payments"), **rules: object
    ) -> Evening:
        numbers, ids = count(1), count(1)
        defaults: dict[str, object] = {
            "timing": timing or Timing(stable_for=timedelta(minutes=2)),
            "policies": POLICIES,
            "roles": (Role("incident_commander", "Ada", "Grace"), Role("scribe", "Lin", "")),
            "outlets": ("folder", POSTMORTEMS),
            "depends_on": {"orders": ("payments",)},
            "telemetry": frozenset({"collector"}),
            "total_services": len(services),
            "postmortem_within": timedelta(hours=48),
            "evidence_wait": timedelta(hours=2),
        }
        book = Casebook(
            Rules(**{**defaults, **rules}),  # type: ignore[arg-type]  # a table of keyword arguments
            new_id=lambda: f"INCIDENT{next(ids)}",
            new_number=lambda: next(numbers),
        )
        return Evening(book, {name: _watch(name) for name in services})

    return make


def _watch(name: str) -> ServiceWatch:
    check = Check(service=name, name="live", question=HttpQuestion(url=f"http://{name}.test/healthz"), timeout=5.0)
    return watch_of(Service(name=name, checks=(check,)), T0)
