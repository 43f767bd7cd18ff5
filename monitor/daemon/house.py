"""Everything a running daemon is made of, built from the configuration and taken down in the right order."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic

from loguru import logger
from ulid import ULID

from checks.check import Check
from checks.result import CheckResult
from monitor import logs
from monitor.clock import SteadyClock
from monitor.config import Changes, Config
from monitor.core.maintenance import InMaintenance
from monitor.daemon.anomalies import Anomalies
from monitor.daemon.budgets import Budgets
from monitor.daemon.ending import Ending
from monitor.daemon.evidence import Evidence
from monitor.daemon.gathering import gathered
from monitor.daemon.items import item_message
from monitor.daemon.judge import Judge
from monitor.daemon.kept import VERSIONS, case_from, clock_of, instance_id_of
from monitor.daemon.objectives import Objectives
from monitor.daemon.publishing import published
from monitor.daemon.rotations import Rotations
from monitor.daemon.surroundings import Surveyor
from monitor.daemon.telling import fields, tell
from monitor.daemon.wiring import outlets_of, rules_of
from monitor.ledger.history import History
from monitor.ledger.records import Commit, Effect, LedgerEvent
from monitor.ledger.store import Ledger
from monitor.outlets.outlet import Delivery, Message
from monitor.outlets.worker import EffectsWorker
from monitor.probing.hiding import Hiding
from monitor.response import leftout
from monitor.response.audiences import AUDIENCES, Audience
from monitor.response.case import Case
from monitor.response.casebook import Casebook
from monitor.response.communicate import compose
from monitor.response.deploys import Deploy
from monitor.response.entries import keeps_drafts
from monitor.response.objectives import ObjectiveReading
from monitor.response.observe import Surroundings
from monitor.response.people import People
from monitor.response.postmortem import Gathered, postmortem_message
from monitor.response.roles import held
from monitor.sources.indicator_threads import IndicatorThreads
from monitor.telemetry import Sent, Telemetry, names


@dataclass
class House:
    config: Config
    clock: SteadyClock
    ledger: Ledger
    history: History
    telemetry: Telemetry
    casebook: Casebook
    surveyor: Surveyor
    token: str
    judge: Judge = field(init=False)
    objectives: Objectives = field(init=False)
    anomalies: Anomalies = field(init=False)
    budgets: Budgets = field(init=False)
    evidence: Evidence = field(init=False)
    worker: EffectsWorker = field(init=False)
    checks: dict[str, Check] = field(init=False)
    hiding: Hiding = field(init=False)
    # What each outlet has in its hands: by outlet and not by effect, or those that nobody is told of would stay.
    _sent: dict[str, tuple[str, Sent]] = field(init=False, default_factory=dict)
    _running: dict[str, object] = field(init=False, default_factory=dict)  # the versions, as the ledger has them
    to_fit: bool = False  # the baselines: something that they are fitted from was reconfigured

    def __post_init__(self) -> None:
        self.checks = {check.id: check for check in self.config.all_checks()}
        self.hiding = Hiding(self.config.secrets() | {self.token})
        self.judge = Judge(
            self.config,
            self.casebook,
            self.clock.now(),
            self._around,
            self.adopt,
            self._began_to_fail,
            self.surveyor.tracking.add,
        )
        self.surveyor.is_planned = lambda service, at: self._maintenance(service, at) is not None
        self.objectives = Objectives(
            self.config, self.judge.watches, self.clock.now(), self.adopt, self._publish, is_left_out=self._is_left_out
        )
        self.casebook.spent = self.objectives.spent
        self.rotations = Rotations(self.config, self.clock.wall)
        self.casebook.duties = self.rotations.duties
        self.casebook.measured = lambda service: self.surveyor.figures(service, self.judge.watches.get(service))
        self.anomalies = Anomalies(self.config, self.clock, self.history)
        self.budgets = Budgets(self.ledger, self.history, self.clock.now())
        self.evidence = Evidence(self)
        self.worker = EffectsWorker(
            self.ledger, outlets_of(self.config), self.compose, now=self.clock.now, told=self._told
        )

    @classmethod
    def build(cls, config: Config, token: str) -> House:
        logs.hide({token})  # one that we made ourselves is not in the configuration
        state = config.monitor.state
        ledger = Ledger.open(state)
        clock = clock_of(ledger)
        casebook = Casebook(rules_of(config), new_id=lambda: str(ULID()), new_number=ledger.next_number)
        telemetry = _telemetry(config, config.secrets(), ledger, clock)
        surveyor = Surveyor(config, clock)
        return cls(config, clock, ledger, History.open(state / "history.sqlite"), telemetry, casebook, surveyor, token)

    def start(self) -> None:
        self.surveyor.start()
        self.refresh_baselines()
        self._ask_prometheus()
        self.anomalies.start()
        self.rotations.start()
        self.worker.start()

    def _ask_prometheus(self) -> None:
        """For the objectives that it counts. Asked by other threads than before where it has another address."""
        if self.objectives.threads is not None:
            self.objectives.threads.stop()
        for counter in self.objectives.measured():
            counter.asked = None  # what was under way is answered to nobody
        url = self.config.sources.prometheus
        wanted = url is not None and self.objectives.measured()
        self.objectives.threads = IndicatorThreads(url, self._ahead) if url is not None and wanted else None

    def _ahead(self) -> timedelta:
        """Whole seconds: the two clocks were never read at the same instant."""
        return timedelta(seconds=round((self.clock.wall() - self.clock.now()).total_seconds()))

    def replace(self, config: Config, changed: Changes, now: datetime) -> None:
        """Live by *config* from *now* on. What it does not touch goes on as if nothing had happened."""
        before, self.config = self.config, config
        # What came before may still be shown: in results that are on their way, in texts of open incidents.
        secrets = before.secrets() | config.secrets()
        logs.hide(config.secrets())
        self.hiding = self.hiding.with_more(config.secrets())
        self._replace_telemetry(changed, secrets)
        known, new = self.checks, changed.added | changed.changed
        # The same object where nothing changed: telemetry compares it with each result.
        self.checks = {(name := check.id): check if name in new else known[name] for check in config.all_checks()}
        self.casebook.rules = rules_of(config)
        self.surveyor.replace(config, changed)
        self.judge.replace(config, changed, now, self.clock.wall())
        self.objectives.replace(config, self.judge.watches, now)
        self.anomalies.replace(config)
        if changed.touches("sources") or bool(self.objectives.measured()) != (self.objectives.threads is not None):
            self._ask_prometheus()
        if changed.touches("contacts", "monitor.time_zone"):
            self.rotations.replace(config)
        if changed.touches("tracker", "chat", "pages", "status_page"):
            self.worker.replace(outlets_of(config))
        self.to_fit = self.to_fit or bool(
            changed.added or changed.touches("sources", "monitor.time_zone") or changed.touches_services("traffic")
        )

    def _replace_telemetry(self, changed: Changes, secrets: frozenset[str]) -> None:
        if not changed.touches("telemetry", "monitor.environment", "monitor.location"):
            self.telemetry.hide(secrets)
            return
        last, self.telemetry = self.telemetry, _telemetry(self.config, secrets, self.ledger, self.clock)
        self.telemetry.numbers = last.numbers
        # In a thread: the former collector may be away, and what is left for it is waited for.
        threading.Thread(target=last.close, args=(2.0,), name="last-telemetry", daemon=True).start()

    def adopt(self, commit: Commit) -> Future[None]:
        """What was decided becomes durable, visible, and, through its effects, known outside."""
        began = monotonic()
        done = self.ledger.commit(commit)
        done.add_done_callback(lambda _: self.telemetry.histogram(names.LEDGER_COMMIT.name, monotonic() - began))
        if commit.effects:
            done.add_done_callback(lambda _: self.worker.wake())
        for event in commit.events:
            self.telemetry.event(event)
        tell(commit)
        return done

    def refresh_baselines(self) -> bool:
        """
        Fits them anew, incidents and deploys cut out: what was an outage must not become what is normal. False when
        that cannot be begun now.
        """
        self.to_fit = False
        ledger = self.ledger
        try:
            events = ledger.events_named(*leftout.NAMES)
            left_out = leftout.left_out(ledger.incidents(), ledger.all_members(), events, self.clock.now())
        except sqlite3.Error as error:
            logger.warning("baselines are not fitted, the ledger cannot be read: {}", error)
            return False
        # The folder's own id says when it was begun, and the log with it.
        return self.surveyor.refresh(left_out, labelled_since=ULID.from_str(instance_id_of(ledger)).datetime)

    def notice_deploys(self) -> None:
        """Marks those that Prometheus has shown, and keeps what runs, so that the next start knows what is new."""
        for service, version in self.surveyor.take_deploys():
            now, wall = self.clock.now(), self.clock.wall()
            deploy = Deploy(service=service, version=version, at=wall, by="watchkeeper")
            _, commit = People(self.casebook).deployed(deploy, now, wall)
            self.adopt(commit)
        if (running := self.surveyor.versions.to_json()) != self._running:
            self._running = running
            self.ledger.set_meta(VERSIONS, json.dumps(running))

    def notice_anomalies(self) -> None:
        """Tells of each series that became unlike its past, once, and publishes how unlike all of them are."""
        for reading in self.anomalies.tick():
            self.telemetry.score(reading.series.service, reading.series.name, reading.worst)
            if self.anomalies.is_news(reading):
                self.adopt(People(self.casebook).unusual(reading, self.clock.now(), self.clock.wall()))

    def accepted(self, service: str, since: datetime) -> None:
        """A person said so, and it is in the ledger: what is normal is found out anew, as soon as that can be begun."""
        self.surveyor.accept(service, since)
        self.to_fit = not self.refresh_baselines()

    def propose_levels(self, now: datetime) -> None:
        """Asks whether a shift that has stayed where it is, with every probe green, is what is normal now."""
        failing = {name for name, watch in self.judge.watches.items() if watch.failing()}
        wall = self.clock.wall()
        for service, level in self.surveyor.tracking.settled(failing, now).items():
            self.adopt(People(self.casebook).propose(service, level, now, wall))

    def _publish(self, reading: ObjectiveReading) -> None:
        # What sloth recorded has its gauges already, maybe with the very same labels.
        if self.telemetry.enabled and reading.slo.sli != "sloth":
            self.telemetry.objective(*published(reading))

    def _around(self, service: str) -> Surroundings:
        text, burn = self.objectives.alarm(service)
        unusual = self.anomalies.evidence(service)
        return replace(self.surveyor.of(service), budget_alarm=text, burn=burn, unusual=unusual)

    def _maintenance(self, service: str, at: datetime) -> InMaintenance | None:
        """*at*: of the steady timeline."""
        return self.judge.maintenance.of(service, at + (self.clock.wall() - self.clock.now()))

    def _is_left_out(self, service: str, at: datetime) -> bool:
        """In maintenance that does not count."""
        inside = self._maintenance(service, at)
        return inside is not None and not inside.counts

    def _began_to_fail(self, result: CheckResult) -> None:
        """Told once per failing spell, not per failure: a thousand failures a second must not be a thousand records."""
        event = LedgerEvent(
            name="synthetic.check.failed",
            at=result.scheduled_at,
            wall=self.clock.wall(),
            text=f"{result.id}: {result.reason}: {result.detail}",
            service=result.service,
            attributes={"check": result.check, "reason": str(result.reason or "")},
            trace_id=result.trace_id,
            span_id=result.first.span_id,
        )
        self.telemetry.event(event)
        logger.bind(**fields(event, 0)).debug("{}", f"{result.id}: began to fail: {result.reason}: {result.detail}")

    def troubled(self) -> frozenset[str]:
        """The services of incidents that are live, or may reopen."""
        return frozenset(name for case in self.casebook.cases.values() for name in case.services())

    def affected(self) -> frozenset[str]:
        """The services of live incidents: asked more often, for detection and proof."""
        services = {name for case in self.casebook.live() for name in case.services()}
        return frozenset(services & self.config.services.keys())

    def compose(self, effect: Effect) -> Message:
        """The state of now, from memory while the case is live and from the ledger afterwards."""
        if (item := item_message(self, effect)) is not None:
            return item
        live = self.casebook.cases.get(effect.incident)
        case = live.snapshot() if live is not None else case_from(self.ledger, effect.incident)
        rules = self.casebook.rules
        now = self.clock.now()
        sent = Sent(self.clock.wall(), case.incident.trace_id, case.incident.span_id)
        self._sent[effect.outlet] = effect.key, sent
        degraded = "" if self.ledger.healthy else "The ledger is unavailable: this is not recorded yet."
        if keeps_drafts(effect.outlet):
            return postmortem_message(case, held(case, rules), now, self.clock.wall(), self.gathered(case))
        message = compose(case, held(case, rules), now, degraded)
        # Pages and the public take nothing of it, and an alert is composed anew each minute: its files are not read.
        is_record = AUDIENCES.get(effect.outlet, Audience.RECORD) is Audience.RECORD
        return self.evidence.added_to(message, case) if is_record else message

    def gathered(self, case: Case) -> Gathered:
        """What a postmortem asks of others: to be called in a thread that may wait."""
        found = gathered(self.config, self.ledger, case, self.clock.now(), self.clock.wall())
        return replace(found, pictures=self.evidence.pictures_of(case.incident.id))

    def _told(self, effect: Effect, delivery: Delivery) -> None:
        key, sent = self._sent.pop(effect.outlet, ("", None))
        # Of one that was settled by asking nothing was sent: it has no span.
        self.telemetry.effect(effect, delivery, sent if key == effect.key else None)

    def close(self, ending: Ending | None = None, write_last: Callable[[], object] | None = None) -> None:
        """
        Effects in flight are settled or left for the next start; then telemetry, then what must be written last.

        Args:
            write_last: Writes to history and ledger what the next start wants to find.
        """
        ending = ending or Ending()
        if not self.worker.stop(ending.left(1.5, keep=1.5)):
            logger.warning("stopping: an effect is still being sent; the next start asks what became of it")
        self.surveyor.stop(ending.left(0.2))
        self.rotations.stop()
        if self.objectives.threads is not None:
            self.objectives.threads.stop()
        self.anomalies.stop(ending.left(0.2))
        self.telemetry.close(ending.left(2.0, keep=0.8))

        def write() -> None:
            if write_last is not None:
                write_last()
            self.history.close()

        ending.bounded(write, "the history", 1.0, keep=0.4)
        self.ledger.close(ending.left(2.0))


def _telemetry(config: Config, secrets: frozenset[str], ledger: Ledger, clock: SteadyClock) -> Telemetry:
    return Telemetry.start(
        config.telemetry.otlp,
        environment=config.monitor.environment,
        location=config.monitor.location,
        instance_id=instance_id_of(ledger),
        clock=clock,
        secrets=secrets,
    )
