"""
Every telemetry name, spelled here and nowhere else. What each one means stands in docs/telemetry.md. Those that
blackbox_exporter gave its metrics are spelled in `blackbox.py`.

Names that begin with `synthetic.`, `incident.`, `effect.`, `event.` or `watchkeeper.` are ours: there is no convention
for synthetic checks or incidents yet. The others are OpenTelemetry's semantic conventions as of SCHEMA_URL, written out
rather than imported, so that a daemon without an endpoint loads nothing of OpenTelemetry; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

SCOPE: Final = "watchkeeper"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.41.0"

# Resource: who speaks. The same for spans, metrics and events.
SERVICE_NAME: Final = "service.name"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
ENVIRONMENT: Final = "deployment.environment.name"
HOST_NAME: Final = "host.name"
LOCATION: Final = "synthetic.location"

# The span of one attempt: what was asked.
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_REQUEST_METHOD_ORIGINAL: Final = "http.request.method_original"
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
URL_FULL: Final = "url.full"
URL_TEMPLATE: Final = "url.template"
USER_AGENT_SYNTHETIC_TYPE: Final = "user_agent.synthetic.type"
SERVICE_PEER_NAME: Final = "service.peer.name"
CHECK_SERVICE: Final = "synthetic.check.service"
CHECK_NAME: Final = "synthetic.check.name"

# The span of one attempt: what came of it.
CHECK_OUTCOME: Final = "synthetic.check.outcome"
CHECK_ATTEMPT: Final = "synthetic.check.attempt"
CHECK_EXTRA: Final = "synthetic.check.extra"
CHECK_CONFIRMATION: Final = "synthetic.check.confirmation"
CHECK_LATENESS: Final = "synthetic.check.lateness"
CHECK_REDIRECTS: Final = "synthetic.check.redirects"
CHECK_WARNINGS: Final = "synthetic.check.warnings"
CHECK_NOTES: Final = "synthetic.check.notes"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
PROCESS_EXECUTABLE_NAME: Final = "process.executable.name"
NETWORK_TRANSPORT: Final = "network.transport"
NETWORK_PEER_ADDRESS: Final = "network.peer.address"
ERROR_TYPE: Final = "error.type"

# The span of one step of a journey, besides what was asked and what came of it.
STEP_NAME: Final = "synthetic.step.name"
STEP_OUTCOME: Final = "synthetic.step.outcome"

# The span of one attempt: where its time went, in seconds.
PHASE_NAME_LOOKUP: Final = "synthetic.phase.name_lookup"
PHASE_CONNECT: Final = "synthetic.phase.connect"
PHASE_TLS: Final = "synthetic.phase.tls"
PHASE_FIRST_BYTE: Final = "synthetic.phase.first_byte"
PHASE_TRANSFER: Final = "synthetic.phase.transfer"

PHASES: Final = (PHASE_NAME_LOOKUP, PHASE_CONNECT, PHASE_TLS, PHASE_FIRST_BYTE, PHASE_TRANSFER)
"""In the order in which an exchange goes through them."""

PHASE_SPANS: Final = ("name_lookup", "connect", "tls", "first_byte", "transfer")
"""The children of a failed or slow attempt, in the same order."""

SYNTHETIC_TEST: Final = "test"
OTHER: Final = "_OTHER"
"""The conventions' value for a method or an error type outside of the bounded set."""

# Attributes of events.
INCIDENT_ID: Final = "incident.id"
INCIDENT_SEVERITY: Final = "incident.severity"
INCIDENT_STATE: Final = "incident.state"
INCIDENT_STATE_PREVIOUS: Final = "incident.state.previous"
INCIDENT_TRIGGER: Final = "incident.trigger"
EVENT_AUTHOR: Final = "event.author"
EVENT_SEQUENCE: Final = "event.sequence"
EVENT_SCHEMA: Final = "event.schema"

LEDGER_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "severity": INCIDENT_SEVERITY,
        "old": INCIDENT_STATE_PREVIOUS,
        "new": INCIDENT_STATE,
        "event": INCIDENT_TRIGGER,
    }
)
"""The ledger's short keys and what they are called outside. Any other key gets the event's own first word before it."""

# Attributes of Watchkeeper's own metrics.
EFFECT_STATE: Final = "watchkeeper.effect.state"
OUTLET: Final = "watchkeeper.outlet"
DELIVERY_OUTCOME: Final = "watchkeeper.delivery.outcome"
SIGNAL: Final = "watchkeeper.signal"
HEARTBEAT_OUTCOME: Final = "watchkeeper.heartbeat.outcome"
SERIES: Final = "watchkeeper.series"
SOURCE: Final = "watchkeeper.source"
ALERT_NEWS: Final = "watchkeeper.alert.news"
NOTIFICATION_OUTCOME: Final = "watchkeeper.notification.outcome"

# Labels of objectives, as sloth sets them.
SLOTH_ID: Final = "sloth_id"
SLOTH_SERVICE: Final = "sloth_service"
SLOTH_SLO: Final = "sloth_slo"


@dataclass(frozen=True, slots=True)
class EventKind:
    """
    Attributes:
        number: OTLP severity number: 9 info, 13 warning, 17 error. The severity text is left to the reader's tools.
    """

    number: int
    meaning: str


EVENTS: Final[Mapping[str, EventKind]] = MappingProxyType(
    {
        "synthetic.check.failed": EventKind(13, "a check began to fail"),
        "slo.burn_rate.exceeded": EventKind(13, "an error budget is being spent too fast"),
        "slo.budget.exhausting": EventKind(13, "an error budget will be spent within three days, or is spent"),
        "metric.anomaly.detected": EventKind(13, "a series of a service became unlike its past; evidence, no alarm"),
        "baseline.shift.detected": EventKind(13, "latency left its baseline"),
        "incident.pending": EventKind(9, "a breach was seen and must hold before it counts"),
        "incident.cleared": EventKind(9, "the breach did not hold"),
        "incident.suggested": EventKind(13, "it would open; a person is asked (`incidents.open: suggest`)"),
        "incident.opened": EventKind(17, "an incident is open"),
        "incident.severity_changed": EventKind(13, "the severity rose, or a person changed it"),
        "incident.joined": EventKind(9, "another service joined the incident"),
        "incident.alert_attached": EventKind(13, "alerts of another system fire and belong to the incident"),
        "incident.alert_resolved": EventKind(9, "attached alerts are over"),
        "incident.alert_expired": EventKind(13, "attached alerts count as over: nobody repeated them"),
        "alert.unmatched": EventKind(13, "alerts of another system belong to no service that is watched"),
        "incident.storm": EventKind(17, "many services would open at once; one incident lists them"),
        "incident.reported": EventKind(9, "a person or another system reported symptoms"),
        "incident.acknowledged": EventKind(9, "a person took it"),
        "incident.noted": EventKind(9, "a person wrote a note"),
        "incident.role_assigned": EventKind(9, "somebody has a role: a contact who is told, or whom a person named"),
        "incident.escalated": EventKind(13, "the backups of its contacts are told"),
        "incident.mitigation_offered": EventKind(9, "the evidence speaks for a mitigation; with its command"),
        "incident.mitigation_approved": EventKind(9, "a person approved a mitigation"),
        "incident.mitigation_started": EventKind(9, "whoever runs it has our yes"),
        "incident.mitigation_ended": EventKind(
            9, "what came of it: whether it ran, exit code, duration, the last of its output"
        ),
        "incident.mitigation_effect": EventKind(9, "2, 5 and 10 minutes after it: the numbers beside those of before"),
        "incident.mitigated": EventKind(9, "a person said that it is mitigated"),
        "incident.update_drafted": EventKind(9, "the next update is drafted; it is sent by a person, or by itself"),
        "incident.update_edited": EventKind(9, "a person wrote the update that is drafted"),
        "incident.update_due": EventKind(9, "the next update to the people is due, or a person sent one"),
        "incident.public_drafted": EventKind(9, "a text for the public is drafted and waits for a person's yes"),
        "incident.published": EventKind(9, "a person approved a text for the public"),
        "incident.evidence_wait": EventKind(13, "recovery cannot be proven; the Incident Commander is asked"),
        "incident.recovering": EventKind(9, "every recovery condition holds; the stable time runs"),
        "incident.recovery_restarted": EventKind(13, "a gap in the results put the stable time back to zero"),
        "incident.relapsed": EventKind(17, "it failed again while recovering"),
        "incident.flapping": EventKind(17, "its trouble comes and goes: it stays open until that has calmed down"),
        "incident.flapping_ended": EventKind(9, "it flaps no more, and may recover"),
        "incident.resolved": EventKind(9, "proven over, or resolved by a person"),
        "incident.merged": EventKind(9, "the same problem as an elder incident, which goes on; its ticket is closed"),
        "incident.reopened": EventKind(17, "it failed again soon after it was resolved"),
        "incident.closed": EventKind(9, "the time in which it could reopen has passed"),
        "incident.evidence": EventKind(9, "evidence was gathered as it opened; what is missing is said"),
        "incident.deployed_before": EventKind(9, "what was deployed in the two hours before it opened"),
        "baseline.proposed": EventKind(13, "a shift has settled; a person is asked whether it is the new level"),
        "baseline.accepted": EventKind(9, "a person accepted a new level; what came before judges no more"),
        "deploy.marked": EventKind(9, "a deploy was marked; the two hours after it are no word on what is normal"),
        "postmortem.scheduled": EventKind(9, "a postmortem is due, and its meeting is planned"),
        "postmortem.held": EventKind(9, "a person said that the postmortem was held"),
        "postmortem.overdue": EventKind(13, "the postmortem was due and nobody said that it was held; told once"),
        "postmortem.action_added": EventKind(9, "an action item: who does what until when"),
        "postmortem.action_done": EventKind(9, "an action item is done"),
        "postmortem.action_overdue": EventKind(13, "an action item is late; told once"),
        "playbook.review_due": EventKind(13, "the playbook is to be reviewed; an item is opened, once"),
        "playbook.reviewed": EventKind(9, "the playbook was reviewed; the item is closed"),
        "ticket.missing": EventKind(13, "an open incident has no ticket in a tracker: one is made"),
        "ticket.left_open": EventKind(13, "a ticket was not closed with its incident: it is closed"),
        "ticket.closed": EventKind(13, "a person closed the ticket of an open incident; it stays closed"),
        "ticket.opened": EventKind(9, "a person opened a ticket that we had closed; it stays open"),
        "ticket.moved": EventKind(9, "a person moved a ticket; it is followed"),
        "ticket.retitled": EventKind(9, "a person gave a ticket another title, which it keeps"),
        "ticket.gone": EventKind(13, "a ticket was deleted, or may not be seen any more"),
        "incident.unwatched": EventKind(13, "its service left the configuration; only a person can resolve it"),
        "incident.muted": EventKind(9, "nobody is told of the incident now"),
        "incident.unmuted": EventKind(9, "people are told again, of where it stands"),
        "maintenance.began": EventKind(9, "a planned window began"),
        "maintenance.ended": EventKind(9, "a planned window ended, or left the configuration"),
        "silence.added": EventKind(9, "a person silenced a service, a check or a tag"),
        "silence.expired": EventKind(9, "a silence ran out, or a person ended it"),
        "config.reloaded": EventKind(9, "a changed configuration was applied"),
        "config.refused": EventKind(13, "a changed configuration has problems; the one before stays"),
        "clock.stepped": EventKind(13, "the wall clock was set; no timer moved"),
        "effect.overdue": EventKind(13, "the oldest effect of an outlet has waited for more than five minutes"),
        "effect.caught_up": EventKind(9, "nothing of that outlet waits for so long any more"),
        "ledger.restored": EventKind(13, "the state was restored from a backup; the time since is not in it"),
        "effect.delivered": EventKind(9, "an outlet took a ticket, an update or a page"),
        "effect.failed": EventKind(13, "an outlet did not take one; `effect.outcome` says whether it is tried again"),
    }
)

EFFECT_DELIVERED: Final = "effect.delivered"
EFFECT_FAILED: Final = "effect.failed"
DELIVERY_SPAN: Final = "effect.deliver"
EFFECT_KEY: Final = "effect.key"
EFFECT_KIND: Final = "effect.kind"
EFFECT_OUTLET: Final = "effect.outlet"
EFFECT_ATTEMPT: Final = "effect.attempt"
EFFECT_OUTCOME: Final = "effect.outcome"

EVENT_DEFAULT: Final = EventKind(9, "an event that this version does not list")

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """
    Attributes:
        unit: UCUM, as OTLP wants it.
        attributes: The only keys a point may carry: what keeps the number of series bounded.
        bounds: Upper bounds of the histogram's buckets, in `unit`.
    """

    name: str
    kind: Kind
    unit: str
    meaning: str
    attributes: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


# The conventions' advice for request durations.
_REQUEST_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_COMMIT_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)

# Of the targets, counted by ourselves per result.
REQUEST_DURATION: Final = Metric(
    "http.client.request.duration",
    "histogram",
    "s",
    "Duration of HTTP client requests.",
    (
        CHECK_SERVICE,
        CHECK_NAME,
        HTTP_REQUEST_METHOD,
        SERVER_ADDRESS,
        SERVER_PORT,
        HTTP_RESPONSE_STATUS_CODE,
        ERROR_TYPE,
    ),
    _REQUEST_SECONDS,
)
CHECK_DURATION: Final = Metric(
    "synthetic.check.duration",
    "histogram",
    "s",
    "Duration of attempts that are no HTTP requests.",
    (CHECK_SERVICE, CHECK_NAME, PROCESS_EXECUTABLE_NAME, NETWORK_TRANSPORT, SERVER_ADDRESS, SERVER_PORT, ERROR_TYPE),
    _REQUEST_SECONDS,
)
CHECK_UP: Final = Metric(
    "synthetic.check.up",
    "gauge",
    "1",
    "1 when the last probe was ok, 0 when it failed, no point while it is unknown.",
    (CHECK_SERVICE, CHECK_NAME),
)
CHECK_PROBES: Final = Metric(
    "synthetic.check.probes",
    "counter",
    "{probe}",
    "Probes by the outcome of their first attempt.",
    (CHECK_SERVICE, CHECK_NAME, CHECK_OUTCOME),
)

# Of Watchkeeper itself, through the SDK.
TIMETABLE_LAG: Final = Metric("watchkeeper.timetable.lag", "gauge", "s", "How late probes start.")
PROBER_RESTARTS: Final = Metric("watchkeeper.prober.restarts", "counter", "{restart}", "Restarts of the prober.")
RESULTS_MISSING: Final = Metric(
    "watchkeeper.results.missing", "counter", "{result}", "Results the timetable expected and nobody delivered."
)
EFFECTS: Final = Metric(
    "watchkeeper.effects", "gauge", "{effect}", "Effects by state and outlet.", (EFFECT_STATE, OUTLET)
)
EFFECTS_OLDEST_AGE: Final = Metric(
    "watchkeeper.effects.oldest_age", "gauge", "s", "Age of the oldest effect that is not delivered.", (OUTLET,)
)
DELIVERIES: Final = Metric(
    "watchkeeper.effect.deliveries",
    "counter",
    "{delivery}",
    "Attempts to deliver an effect, by what came of them.",
    (OUTLET, DELIVERY_OUTCOME),
)
TICKETS_MERGED: Final = Metric(
    "watchkeeper.tickets.merged",
    "counter",
    "{ticket}",
    "Duplicates of tickets that turned up and were closed.",
    (OUTLET,),
)
LEDGER_COMMIT: Final = Metric(
    "watchkeeper.ledger.commit.duration", "histogram", "s", "Time to make a commit durable.", (), _COMMIT_SECONDS
)
LEDGER_QUEUE: Final = Metric("watchkeeper.ledger.queue", "gauge", "{commit}", "Commits that wait to be made durable.")
HEARTBEATS: Final = Metric(
    "watchkeeper.heartbeats",
    "counter",
    "{heartbeat}",
    "Heartbeats to the dead man's switch, by what came of them.",
    (HEARTBEAT_OUTCOME,),
)
NOTIFICATIONS: Final = Metric(
    "watchkeeper.notifications",
    "counter",
    "{notification}",
    "Webhooks of Alertmanager and Grafana, by what came of them.",
    (SOURCE, NOTIFICATION_OUTCOME),
)
ALERTS: Final = Metric(
    "watchkeeper.alerts",
    "counter",
    "{alert}",
    "Alerts in the webhooks that were taken, by what each telling was.",
    (SOURCE, ALERT_NEWS),
)
TELEMETRY_SENT: Final = Metric(
    "watchkeeper.telemetry.sent", "counter", "{item}", "Spans, events and metric points that were taken.", (SIGNAL,)
)
TELEMETRY_DROPPED: Final = Metric(
    "watchkeeper.telemetry.dropped",
    "counter",
    "{item}",
    "Spans, events and metric points that were given up.",
    (SIGNAL,),
)

# Of what Prometheus knows of a service, encoded by ourselves.
ANOMALY_SCORE: Final = Metric(
    "watchkeeper.anomaly.score",
    "gauge",
    "1",
    "How unlike its past a series is: the highest score of an anomaly while it goes on, else that of the latest row.",
    (SERVICE_PEER_NAME, SERIES),
)

# Of who is told, encoded as the scores are.
SERVICE_MUTED: Final = Metric(
    "watchkeeper.service.muted", "gauge", "{service}", "1 while nobody would be told of it.", (SERVICE_PEER_NAME,)
)
SERVICE_MAINTENANCE: Final = Metric(
    "watchkeeper.service.maintenance",
    "gauge",
    "{service}",
    "1 while the service is in a planned window, and its probes with it.",
    (SERVICE_PEER_NAME,),
)

_SLOTH: Final = (SLOTH_ID, SLOTH_SERVICE, SLOTH_SLO)
SLO_ERROR_RATIOS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        window: Metric(f"slo:sli_error:ratio_rate{window}", "gauge", "1", f"Error ratio over {window}.", _SLOTH)
        for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    }
)
SLO_OBJECTIVE: Final = Metric("slo:objective:ratio", "gauge", "1", "The share that must be good.", _SLOTH)
SLO_ERROR_BUDGET: Final = Metric("slo:error_budget:ratio", "gauge", "1", "The share that may be bad.", _SLOTH)
SLO_TIME_PERIOD: Final = Metric("slo:time_period:days", "gauge", "d", "Length of the budget's window.", _SLOTH)
SLO_CURRENT_BURN: Final = Metric("slo:current_burn_rate:ratio", "gauge", "1", "Burn rate over 5 minutes.", _SLOTH)
SLO_PERIOD_BURN: Final = Metric("slo:period_burn_rate:ratio", "gauge", "1", "Burn rate over the window.", _SLOTH)
SLO_PERIOD_REMAINING: Final = Metric(
    "slo:period_error_budget_remaining:ratio", "gauge", "1", "1 - the burn rate over the window.", _SLOTH
)

OF_OBJECTIVES: Final = (
    *SLO_ERROR_RATIOS.values(),
    SLO_OBJECTIVE,
    SLO_ERROR_BUDGET,
    SLO_TIME_PERIOD,
    SLO_CURRENT_BURN,
    SLO_PERIOD_BURN,
    SLO_PERIOD_REMAINING,
)
OF_SERIES: Final = (ANOMALY_SCORE,)
OF_MUTING: Final = (SERVICE_MUTED, SERVICE_MAINTENANCE)
OF_CHECKS: Final = (REQUEST_DURATION, CHECK_DURATION, CHECK_UP, CHECK_PROBES)
OF_TELEMETRY: Final = (TELEMETRY_SENT, TELEMETRY_DROPPED)
OF_DAEMON: Final = (
    TIMETABLE_LAG,
    PROBER_RESTARTS,
    RESULTS_MISSING,
    EFFECTS,
    EFFECTS_OLDEST_AGE,
    DELIVERIES,
    TICKETS_MERGED,
    LEDGER_COMMIT,
    LEDGER_QUEUE,
    HEARTBEATS,
    NOTIFICATIONS,
    ALERTS,
)
METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {metric.name: metric for metric in (*OF_CHECKS, *OF_OBJECTIVES, *OF_SERIES, *OF_MUTING, *OF_DAEMON, *OF_TELEMETRY)}
)
