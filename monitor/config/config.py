"""What the program is given: every value read, every default filled in, only what this version can do. Frozen."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, PrivateAttr, SecretStr

from checks.check import Check
from monitor.config.blackbox.modules import ProbeModules
from monitor.config.places import Listen
from monitor.config.stamps import Stamps
from monitor.core.counting import Counting, Slices
from monitor.core.indicator import Indicator
from monitor.core.maintenance import MaintenanceWindow
from monitor.core.meeting import WorkingHours
from monitor.core.mitigations import Mitigation
from monitor.core.period import Calendar, CalendarUnit, Period, Rolling
from monitor.core.severity import POLICIES, Criticality, Policy, Severity
from monitor.core.severity_table import TABLE, Table
from monitor.whereabouts import LISTEN, Whereabouts

_Value = TypeVar("_Value")
Frozen = Annotated[Mapping[str, _Value], AfterValidator(MappingProxyType), PlainSerializer(dict)]
"""A mapping that nobody changes."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Retention(Part):
    minutes: timedelta = timedelta(hours=48)
    five_minutes: timedelta = timedelta(days=35)
    hours: timedelta = timedelta(days=400)


class HeartbeatTarget(Part):
    """Who raises the alarm when we fall silent. The path of the address is often all that proves who we are."""

    url: SecretStr
    every: timedelta = timedelta(seconds=60)


class Monitor(Part):
    """
    Attributes:
        state: Absolute.
        token_file: Where the token was read from, absolute; None when one is to be made in the state folder.
        online: Reference targets, none or at least two.
        probe_modules: By which `GET /probe` asks; without them it is off.
    """

    state: Path
    environment: str = "production"
    location: str = "local"
    time_zone: str = "UTC"
    listen: Listen = Listen(*LISTEN)
    token_file: Path | None = None
    token: SecretStr | None = None
    online: tuple[str, ...] = ()
    heartbeat: HeartbeatTarget | None = None
    retention: Retention = Retention()
    probe_modules: ProbeModules | None = None


class Telemetry(Part):
    """otlp: base address; `/v1/traces` and the like are appended to it."""

    otlp: str | None = None


class Source(Part):
    """
    One that evidence is asked of.

    Attributes:
        tenant: Sent as X-Scope-OrgID.
    """

    url: str
    token: SecretStr | None = None
    tenant: str | None = None


class Loki(Source):
    """queries: LogQL, tried in order; those with {trace_id} for the failing probe, the others for the service."""

    queries: tuple[str, ...]


class Grafana(Source):
    """panels: By what they show, as UID/NUMBER."""

    panels: Frozen[str] = Field(default_factory=lambda: MappingProxyType({}))


class Sources(Part):
    prometheus: str | None = None
    loki: Loki | None = None
    tempo: Source | None = None
    grafana: Grafana | None = None


class Slo(Part):
    """
    Attributes:
        name: Unique in its service.
        check: Whose probes are counted; those of every check when None.
        under: With `latency`: what counts as fast.
        slices: With timeslices; None counts occurrences.
        indicator: What Prometheus counts for it; None: probes are counted.
    """

    name: str = "success"
    sli: Literal["success", "latency", "ratio", "sloth"]
    objective: float
    over: timedelta | CalendarUnit = timedelta(days=30)
    check: str | None = None
    under: timedelta | None = None
    slices: Slices | None = None
    indicator: Indicator | None = None

    def period(self, zone: str) -> Period:
        return Calendar(self.over, zone) if isinstance(self.over, str) else Rolling(self.over)

    def counting(self, service: str) -> Counting | Indicator:
        return self.indicator or Counting(service, self.check, self.under, self.slices)


class Composite(Part):
    """
    Attributes:
        members: Names of objectives of the same service, each with its weight. Their `over` is alike.
    """

    name: str
    members: Frozen[float]


class Traffic(Part):
    """PromQL: rates per second, a latency in seconds, and a number of what waits."""

    requests: str | None = None
    errors: str | None = None
    latency: str | None = None
    queue_depth: str | None = None


class Service(Part):
    """
    Attributes:
        data_loss: PromQL by name; above 0 data is lost.
        needs: Check -> the role of the contact that its failure needs.
        alert_labels: What an alert of it has, all of them; empty where its name is looked for.
        logs: The command that shows its logs; None: the playbook's.
        maintenance: Its own windows, and those of the whole that select it.
    """

    name: str
    checks: tuple[Check, ...]
    criticality: Criticality = Criticality.MEDIUM
    tags: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    slos: tuple[Slo, ...] = ()
    composites: tuple[Composite, ...] = ()
    traffic: Traffic | None = None
    data_loss: Frozen[str] = Field(default_factory=lambda: MappingProxyType({}))
    deploys: str | None = None
    needs: Frozen[str] = Field(default_factory=lambda: MappingProxyType({}))
    alert_labels: Frozen[str] = Field(default_factory=lambda: MappingProxyType({}))
    logs: str | None = None
    maintenance: tuple[MaintenanceWindow, ...] = ()
    mitigations: tuple[Mitigation, ...] = ()


class Incidents(Part):
    open: Literal["auto", "suggest"] = "auto"
    open_after: timedelta = timedelta(seconds=60)
    stable_for: timedelta = timedelta(minutes=30)
    reopen_within: timedelta = timedelta(minutes=30)
    evidence_wait: timedelta = timedelta(hours=2)
    update_every: timedelta = timedelta(minutes=15)
    postmortem_within: timedelta = timedelta(hours=48)
    ack_within: timedelta = timedelta(minutes=5)
    auto_send_after: timedelta = timedelta(0)
    meeting: WorkingHours = Field(default_factory=WorkingHours)


class Webhook(Part):
    url: str
    secret: SecretStr


class Jira(Part):
    """
    Attributes:
        user: None where the token says by itself whose it is.
        close, reopen: A transition or a status by its name; None for the best that the workflow offers.
    """

    url: str
    project: str
    token: SecretStr
    api: Literal["cloud", "data center"]
    user: str | None = None
    issue_type: str = "Task"
    labels: tuple[str, ...] = ()
    priority: Annotated[Mapping[Severity, str], AfterValidator(MappingProxyType), PlainSerializer(dict)] = Field(
        default_factory=lambda: MappingProxyType({})
    )
    close: str | None = None
    reopen: str | None = None


class Github(Part):
    """
    Attributes:
        repository: OWNER/NAME.
        url: Of the API.
    """

    repository: str
    token: SecretStr
    url: str = "https://api.github.com"
    labels: tuple[str, ...] = ()


class Notion(Part):
    """
    Attributes:
        data_source, database: Ids with hyphens; one of them is empty.
        mark, status, severity, due: Names of properties; the last two only where they are given.
        open, closed: Options of the status; None for the best that it has.
        url: Of the API.
    """

    data_source: str = ""
    database: str = ""
    token: SecretStr
    mark: str = "Watchkeeper"
    status: str = "Status"
    severity: str | None = None
    due: str | None = None
    open: str | None = None
    closed: str | None = None
    url: str = "https://api.notion.com"


class Tracker(Part):
    """folder: absolute. Without any tracker in the file it is `STATE/tickets`."""

    folder: Path | None = None
    webhook: Webhook | None = None
    jira: Jira | None = None
    github: Github | None = None
    notion: Notion | None = None
    postmortems: tuple[str, ...] = ()


class Pagerduty(Part):
    """
    Attributes:
        url: Without the path of the Events API.
    """

    routing_key: SecretStr
    url: str = "https://events.pagerduty.com"


class Alertmanager(Part):
    """
    Attributes:
        token: Empty where nobody asks for one.
    """

    url: str
    token: SecretStr


class Apprise(Part):
    urls: tuple[SecretStr, ...]


class Pages(Part):
    pagerduty: Pagerduty | None = None
    alertmanager: Alertmanager | None = None
    apprise: Apprise | None = None


class Slack(Part):
    """
    Attributes:
        channel: A name, or an id.
        signing_secret: None where no commands are taken.
        url: Of the API.
    """

    channel: str
    token: SecretStr
    signing_secret: SecretStr | None = None
    url: str = "https://slack.com/api"


class Chat(Part):
    slack: Slack | None = None


class Hook(Part):
    """
    Attributes:
        timestamp_header: What Grafana signs along with the body; None where it signs the body alone.
    """

    secret: SecretStr
    expires_after: timedelta = timedelta(hours=5)
    timestamp_header: str | None = None


class Intake(Part):
    service_labels: tuple[str, ...] = ("service", "service_name", "app", "job")
    default_service: str = ""
    alertmanager: Hook | None = None
    grafana: Hook | None = None


class Rotation(Part):
    """One of the two. file: absolute."""

    file: Path | None = None
    url: SecretStr | None = None


class Contact(Part):
    """
    Attributes:
        rotation, backup_rotation: Who is in the place of the one or the other, and when.
    """

    primary: str
    backup: str | None = None
    rotation: Rotation | None = None
    backup_rotation: Rotation | None = None


class Statuspage(Part):
    """
    Attributes:
        components: Service -> id of its component there.
        url: Without `/v1`.
    """

    page: str
    api_key: SecretStr
    components: Frozen[str] = Field(default_factory=lambda: MappingProxyType({}))
    url: str = "https://api.statuspage.io"


class StatusPage(Part):
    """
    Attributes:
        template: Its text.
        publish: Whether a person's yes is waited for.
        notify: Whether subscribers are sent a message, unless whoever approves says otherwise.
        folder: Absolute; with `url`, where it is served, empty when nobody said so.
    """

    template: str
    publish: Literal["on approval", "at once"] = "on approval"
    notify: bool = False
    folder: Path | None = None
    url: str = ""
    statuspage: Statuspage | None = None


class Playbook(Part):
    reviewed: date | None = None
    review_every: timedelta = timedelta(days=90)


class Evidence(Part):
    """bodies: whether what targets answered is shown in tickets."""

    bodies: bool = True


class Config(Part):
    """
    Attributes:
        severity: The playbook's table, or the file's.
        policy: For every severity, the playbook's or as the file changes it.
        warnings: What works and is probably not meant, one line each.
    """

    monitor: Monitor
    services: Frozen[Service]
    telemetry: Telemetry = Telemetry()
    sources: Sources = Sources()
    incidents: Incidents = Incidents()
    evidence: Evidence = Evidence()
    severity: Table = TABLE
    policy: Annotated[Mapping[Severity, Policy], AfterValidator(MappingProxyType), PlainSerializer(dict)] = POLICIES
    tracker: Tracker
    chat: Chat = Chat()
    pages: Pages = Pages()
    intake: Intake = Intake()
    contacts: Frozen[Contact] = MappingProxyType({})
    status_page: StatusPage | None = None
    playbook: Playbook = Playbook()
    warnings: tuple[str, ...] = ()
    _secrets: frozenset[str] = PrivateAttr(default=frozenset())
    _read_from: Stamps = PrivateAttr(default_factory=dict)

    def all_checks(self) -> tuple[Check, ...]:
        return self._all_checks

    def asked_checks(self) -> tuple[Check, ...]:
        """Those that the prober asks; the others tell by themselves."""
        return tuple(check for check in self._all_checks if check.question.kind != "push")

    def whereabouts(self) -> Whereabouts:
        """What a command has to know to ask the daemon of this config."""
        own = self.monitor
        return Whereabouts(
            own.state, own.listen.host, own.listen.port, own.token.get_secret_value() if own.token else None
        )

    def secrets(self) -> frozenset[str]:
        """Values that no log, ticket or span may show."""
        return self._secrets

    def with_secrets(self, values: frozenset[str]) -> Config:
        copy = self.model_copy()
        copy._secrets = values
        return copy

    def read_from(self) -> Stamps:
        """Every file that it consists of, as it looked when it was read."""
        return self._read_from

    def with_sources(self, stamps: Stamps) -> Config:
        copy = self.model_copy()
        copy._read_from = stamps
        return copy

    @cached_property
    def _all_checks(self) -> tuple[Check, ...]:
        return tuple(check for service in self.services.values() for check in service.checks)

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        # A short one: headers and addresses of checks have no business in a traceback.
        return [("services", len(self.services)), ("checks", len(self.all_checks()))]
