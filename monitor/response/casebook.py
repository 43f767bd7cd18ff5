"""
The life of incidents: what is seen of a service moves its place in the incident machine, and what that makes happen.

Takes what was seen or said, with the instant; gives back `Commit`s: a transition, its events and its effects.
Does no I/O and reads no clock, so a whole incident can be played in a test in microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from monitor.core.flapping import span_of
from monitor.core.incident import (
    Event,
    Incident,
    State,
    Transition,
    step,
)
from monitor.core.recovery import closing_note
from monitor.core.severity import Severity, raise_severity
from monitor.ledger.records import Commit, LedgerEvent, MemberLink
from monitor.response.case import Case, Subject
from monitor.response.cases import Cases
from monitor.response.communicate import status_line
from monitor.response.deploys import RecentDeploys
from monitor.response.detect import Observation, next_event, suggested_opening
from monitor.response.due import told_by_the_clock, weigh_conditions, weigh_proof
from monitor.response.duty import Duties, no_duties, with_duties
from monitor.response.entries import Told, effects_for, entry, moved, name_of
from monitor.response.groups import Grouped, whose
from monitor.response.impact import Spent, as_attribute, nothing_spent
from monitor.response.known_alerts import KnownAlerts
from monitor.response.milestones import milestones
from monitor.response.mitigation import newly_offered, offered, told
from monitor.response.mitigation_runs import MeasuredNow, effects_seen, nothing_measured
from monitor.response.public import drafted
from monitor.response.resolve import SCHEDULED, schedule
from monitor.response.roles import call, call_again, escalate, join
from monitor.response.rules import Rules as Rules
from monitor.response.silences import Muting, expired, remember_trouble
from monitor.response.triage import why
from monitor.response.updates import OVER


class Casebook(Cases):
    """
    Attributes:
        spent: Of the budgets of some services, from an instant on until now.
        measured: What a service shows now.
    """

    def __init__(self, rules: Rules, *, new_id: Callable[[], str], new_number: Callable[[], int]) -> None:
        super().__init__()
        self.rules = rules
        self.deploys = RecentDeploys()
        self.alerts = KnownAlerts()
        self.muting = Muting()
        self.new_id = new_id
        self.new_number = new_number
        self.spent: Spent = nothing_spent
        self.measured: MeasuredNow = nothing_measured
        self.duties: Duties = no_duties

    # -- what was seen ------------------------------------------------------------------------------------------

    def evaluate(self, service: str, seen: Observation, wall: datetime) -> Commit | None:
        """One evaluation of one service; None when nothing changed."""
        subject = self.watch(service, seen.at)
        subject.seen = seen
        if (case := self.case_of(service)) is not None:
            remember_trouble(case, service, seen)
        if subject.joined:
            return None  # its host's evaluation speaks for it
        seen = subject.seen = self._with_flapping(subject, seen)
        subject.streaks = subject.streaks.after(seen)
        since = subject.incident.since
        case = self.cases.get(subject.incident.id)
        if case is not None:
            weigh_conditions(case, seen, wall)
        after, transitions = self._stepped(subject, seen)
        grouped = self._grouped(service, seen) if any(map(_opens, transitions)) else Grouped()
        if grouped.wait:
            return None  # still pending: its parent is about to open, and this one joins it then
        if grouped.host:
            return self._join(subject, grouped, seen, wall)
        subject.incident = after
        changes = self._after_transitions(subject, transitions, seen, wall)
        if (suggestion := self._suggests(subject, seen)) is not None:
            changes.append(self.event(subject, "incident.suggested", suggestion, seen.at, wall))
        if storm := grouped.because:
            opened = self.cases[subject.incident.id]
            opened.symptoms = (storm, *opened.symptoms)
            changes.append(self.event(subject, "incident.storm", storm, seen.at, wall))
        changes += self._severity_change(subject, seen, wall)
        changes += self._flapping_change(subject, seen, wall)
        commit = self.commit(subject, changes, transitions)
        if case is not None and subject.incident.is_live and not seen.maintenance:
            weigh_proof(case, seen)
        if commit is None and subject.incident.since != since:
            # Recovering began anew, which is no transition. A restart that found the old instant would close unproven.
            return Commit(incidents=(subject.incident,))
        return commit

    def _stepped(self, subject: Subject, seen: Observation) -> tuple[Incident, tuple[Transition, ...]]:
        """Where the incident machine goes from here; nothing is changed yet."""
        decided = next_event(subject.incident.state, seen, subject.streaks)
        if decided is None:
            return subject.incident, ()
        event, reason = decided
        return step(
            subject.incident,
            event,
            seen.at,
            self.rules.timing,
            alarm=bool(seen.alarm) and not seen.maintenance,
            reason=reason,
            failed_at=seen.first_failure_at,
        )

    def _suggests(self, subject: Subject, seen: Observation) -> str | None:
        """With `open: suggest`, the one notice before a person decides."""
        suggestion = suggested_opening(subject.incident, seen, self.rules.timing)
        told = subject.told_of_suggestion and subject.incident.state is State.PENDING
        subject.told_of_suggestion = told or suggestion is not None
        return None if told else suggestion

    def _after_transitions(
        self, subject: Subject, transitions: tuple[Transition, ...], seen: Observation, wall: datetime
    ) -> list[LedgerEvent]:
        events = []
        for transition in transitions:
            opening: dict[str, object] = {}
            if transition.new is State.CLEAR and transition.old is State.RESOLVED:
                self.forget(subject.incident.service)
                continue
            if _opens(transition):
                opening = self.begin_case(subject, seen).opening()
            events.append(self._transition_event(subject, transition, seen, wall, opening))
            if transition.new is State.RESOLVED:
                events.append(self.postmortem_event(subject, seen.at, wall))
                self.release_members(subject, seen.at)
        return events

    def begin_case(self, subject: Subject, seen: Observation) -> Case:
        """
        A new case for an incident that just opened. What it opened with goes into the opening's event as well, so that
        a restart finds it.
        """
        severity = seen.suggestion.severity or Severity.SEV4
        subject.incident = replace(
            subject.incident,
            id=self.new_id(),
            number=self.new_number(),
            severity=severity,
            trace_id=seen.trace_id,
            span_id=seen.span_id,
        )
        subject.suggested = severity
        symptoms = seen.evidence.failing_reasons or (subject.incident.reason,)
        case = self.cases[subject.incident.id] = Case.begun(
            subject.incident, symptoms, tuple(why(seen.suggestion)), seen.at
        )
        remember_trouble(case, subject.incident.service, seen)
        return case

    def _severity_change(self, subject: Subject, seen: Observation, wall: datetime) -> list[LedgerEvent]:
        """A rise that held in two consecutive evaluations; falls are a person's."""
        incident = subject.incident
        # Checks get well one after the other. That some still fail is worse, by the table, than that all do while
        # users see nothing; while it recedes it is no evidence of that, or a broken path would page as it ends.
        suggested = None if seen.receding else seen.suggestion.severity
        previous, subject.suggested = subject.suggested, suggested
        case = self.cases.get(incident.id)
        if not incident.is_live or case is None or seen.maintenance:
            return []
        risen = raise_severity(incident.severity, suggested, previous, incident.lowered_from)
        if risen is None or risen == incident.severity:
            return []
        subject.incident = replace(incident, severity=risen, reason=seen.alarm or seen.breach or incident.reason)
        case.why = tuple(why(seen.suggestion))
        case.see(seen.evidence.failing_reasons)
        text = f"severity {incident.severity} => {risen}: {seen.suggestion.reason}"
        shown = {"why": list(case.why)}
        return [self.event(subject, "incident.severity_changed", text, seen.at, wall, attributes=shown)]

    def _with_flapping(self, subject: Subject, seen: Observation) -> Observation:
        """While its trouble comes and goes, recovery has one condition more: else one problem opened five incidents."""
        condition = subject.flaps.condition(seen.at, span_of(self.rules.timing))
        if seen.assessment is None or condition is None:
            return seen
        return replace(seen, assessment=replace(seen.assessment, conditions=(*seen.assessment.conditions, condition)))

    def _flapping_change(self, subject: Subject, seen: Observation, wall: datetime) -> list[LedgerEvent]:
        """Only trouble of incidents counts: what came to nothing is no state that anything changed to."""
        if seen.maintenance:
            return []
        live = subject.incident.is_live
        span = span_of(self.rules.timing)
        before, subject.flaps = subject.flaps, subject.flaps.after(live and bool(seen.breach), seen.at, span)
        case = self.cases.get(subject.incident.id)
        if case is None:
            return []
        case.flapping = live and subject.flaps.flapping
        if not live or before.flapping == subject.flaps.flapping:
            return []
        condition = subject.flaps.condition(seen.at, span)
        if condition is not None:
            return [self.event(subject, "incident.flapping", condition.text, seen.at, wall)]
        return [self.event(subject, "incident.flapping_ended", "it has calmed down", seen.at, wall)]

    # -- grouping -----------------------------------------------------------------------------------------------

    def _grouped(self, service: str, seen: Observation) -> Grouped:
        rules = self.rules
        return whose(service, self.subjects, rules.depends_on, rules.telemetry, rules.total_services, seen.at)

    def _join(self, subject: Subject, grouped: Grouped, seen: Observation, wall: datetime) -> Commit:
        service, host, because = subject.incident.service, grouped.host, grouped.because
        subject.joined = host
        self.forget(service)  # an incident of its own that may not reopen any more
        hosting = self.subjects[host]
        case = self.cases[hosting.incident.id]
        member = MemberLink(incident=case.incident.id, service=service, joined_at=seen.at, why=because)
        case.members[service] = member
        case.symptoms += tuple(f"{service}: {text}" for text in seen.evidence.failing_reasons)
        event = self.event(hosting, "incident.joined", f"{service} joined: {because}", seen.at, wall)
        commit = self.commit(hosting, [event], ())
        return replace(commit or Commit(), members=(member,))

    # -- what a restart finds ----------------------------------------------------------------------------------

    def lost_sight(self, service: str, reason: str, now: datetime, wall: datetime) -> Commit | None:
        """We were away for longer than the gap limit: what was pending is clear, what was recovering begins again."""
        subject = self.watch(service, now)
        before = subject.incident
        subject.incident, transitions = step(before, Event.GAP, now, self.rules.timing, reason=reason)
        if subject.incident == before:
            return None
        name = name_of(transitions[0]) if transitions else "incident.recovery_restarted"
        attributes = moved(transitions[0]) if transitions else None
        return self.commit(subject, [self.event(subject, name, reason, now, wall, attributes=attributes)], transitions)

    # -- deploys ------------------------------------------------------------------------------------------------

    def _deployed_before(self, subject: Subject, opened: LedgerEvent) -> list[LedgerEvent]:
        """Of what just opened: the first thing that people ask."""
        # What the wall clock said at the first failure: it may have been stepped since, and a deploy is by its word.
        failed = opened.wall - (opened.at - (subject.incident.first_failure_at or opened.at))
        told = self.deploys.told(subject.incident.service, self.rules.depends_on, failed, opened.wall)
        return [self.event(subject, "incident.deployed_before", text, opened.at, opened.wall) for text in told]

    def _tell(self, subject: Subject, told: Iterable[Told], at: datetime, wall: datetime) -> list[LedgerEvent]:
        return [self.event(subject, t.name, t.text, at, wall, attributes=t.attributes) for t in told]

    # -- what fell due ------------------------------------------------------------------------------------------

    def due(self, now: datetime, wall: datetime) -> list[Commit]:
        """What is muted from now on, or no longer; updates on their fixed grid; the question after `evidence_wait`."""
        commits = self.run_out(now, wall)
        rules = with_duties(self.rules, self.duties(), wall)
        for case in self.live():
            subject = self.subjects[case.incident.service]
            events = self._muting_change(case, subject, now, wall)
            due = [*join(case, self.subjects, rules), *escalate(case, self.rules, now)]
            due += [*newly_offered(self, case, now, wall), *effects_seen(case, self.measured, now)]
            if not case.muted_by:
                due += told_by_the_clock(case, subject.seen, self.rules, now, wall)
            events += self._tell(subject, due, now, wall)
            commit = self.commit(subject, events, ())
            if commit is not None:
                commits.append(commit)
        return commits

    # -- who is told --------------------------------------------------------------------------------------------

    def run_out(self, now: datetime, wall: datetime) -> list[Commit]:
        """Silences whose time is over, each written down once."""
        over = self.muting.lapsed(wall)
        return [Commit(events=(expired(silence, "watchkeeper", now, wall),)) for silence in over]

    def _muting_change(self, case: Case, subject: Subject, now: datetime, wall: datetime) -> list[LedgerEvent]:
        """With the last of what mutes an incident gone, people are told where it stands by then."""
        before, case.muted_by = case.muted_by, self.muting.of_case(case, wall)
        if case.muted_by == before:
            return []
        if not case.muted_by:
            case.updated_at = now  # this is the update: one of the grid, which was left out meanwhile, would repeat it
            call_again(case, now)
            text = f"people are told again: {status_line(case, now)}"
            return [self.event(subject, "incident.unmuted", text, now, wall, attributes={"muted_by": before})]
        # With what has failed: a restart must not take a silence of that check for none.
        failed = {service: sorted(checks) for service, checks in case.failed.items()}
        shown = {"muted_by": case.muted_by, "checks": failed, "beyond": sorted(case.beyond)}
        return [self.event(subject, "incident.muted", case.muted_by, now, wall, attributes=shown)]

    # -- writing down -------------------------------------------------------------------------------------------

    def _transition_event(
        self,
        subject: Subject,
        transition: Transition,
        seen: Observation,
        wall: datetime,
        opening: Mapping[str, object],
    ) -> LedgerEvent:
        text = transition.reason
        if transition.new is State.RESOLVED and seen.assessment is not None:
            text = closing_note(seen.assessment, transition.reason)
        return self.event(
            subject, name_of(transition), text, seen.at, wall,
            attributes={**moved(transition), **opening}, trace_id=seen.trace_id, span_id=seen.span_id,
        )  # fmt: skip

    def postmortem_event(self, subject: Subject, now: datetime, wall: datetime) -> LedgerEvent:
        """To be added before members are released: the budgets that they spent count too."""
        text, attributes = schedule(wall, self.rules.postmortem_within, self.rules.meetings)
        if (case := self.cases.get(subject.incident.id)) is not None and (began := milestones(case).began) is not None:
            attributes["spent"] = as_attribute(self.spent(case.services(), began, now))
        return self.event(subject, SCHEDULED, text, now, wall, attributes=attributes)

    def event(
        self, subject: Subject, name: str, text: str, at: datetime, wall: datetime, *, author: str = "watchkeeper",
        attributes: Mapping[str, object] | None = None, trace_id: str = "", span_id: str = "",
    ) -> LedgerEvent:  # fmt: skip
        event = entry(
            subject.incident, name, text, author, at, wall, attributes=attributes, trace_id=trace_id, span_id=span_id
        )
        if (case := self.cases.get(subject.incident.id)) is not None:
            case.events.append(event)
            if name in OVER:
                case.draft = None
        return event

    def commit(
        self, subject: Subject, events: Iterable[LedgerEvent], transitions: tuple[Transition, ...]
    ) -> Commit | None:
        events = tuple(events)
        incident = subject.incident
        case = self.cases.get(incident.id)
        if case is not None:
            case.incident = incident
        if not events and not transitions:
            return None
        if case is not None and events:
            if incident.is_live:
                events += tuple(self._muting_change(case, subject, events[-1].at, events[-1].wall))
            else:  # what is said of it afterwards is told when the silence is over
                case.muted_by = self.muting.of_case(case, events[-1].wall)
        if opened := [event for event in events if event.name == "incident.opened"]:
            events += tuple(self._deployed_before(subject, opened[0]))
        begun = [event for event in events if event.name in ("incident.opened", "incident.reopened")]
        if begun and case is not None:
            at, by_the_wall = begun[0].at, begun[0].wall
            rules = with_duties(self.rules, self.duties(), by_the_wall)
            events += tuple(self._tell(subject, call(case, rules, at), at, by_the_wall))
        if case is not None and events:
            there = offered(self, case, events[-1].wall)
            case.mitigations = told(there, there, incident.number)
            at, by_the_wall = events[-1].at, events[-1].wall
            is_update = any(event.name == "incident.update_due" for event in events)
            text = drafted(case, self.rules, at, by_the_wall, is_update=is_update)
            events += tuple(self._tell(subject, text, at, by_the_wall))
        # Order numbers are taken here, so they follow the order of commits.
        effects = effects_for(case, events, self.rules.outlets, self.rules.policies) if case is not None else ()
        members = tuple(case.members.values()) if case and opened else ()
        return Commit(events=events, incidents=(incident,), effects=effects, members=members)


def _opens(transition: Transition) -> bool:
    """A new incident, and not the relapse of one."""
    return transition.new is State.OPEN and transition.old in (State.PENDING, State.CLEAR)
