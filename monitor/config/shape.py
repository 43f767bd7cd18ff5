"""
The config as it is written: every key there is or will be. What the program is given is in `config.py`.

The whole shape stands here from the start, so that a key of a later version does not change what an earlier file
means. A key marked `NotYet` is refused until its capability is built. The text under a key is what editors show.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from monitor.config.fields import (
    Address,
    Attempts,
    Cadence,
    Day,
    Duration,
    HeaderName,
    HeaderValue,
    Interval,
    Line,
    Method,
    MinuteToHour,
    Name,
    NotYet,
    NumberComparison,
    Redirects,
    SecondOrMore,
    Secret,
    SecretUrl,
    Share,
    ShareComparison,
    Size,
    SliceTarget,
    SloPeriod,
    Statuses,
    Switch,
    Text,
    TimeZone,
    Url,
    Wait,
    Weight,
    word,
)


class Shape(BaseModel):
    """A group of keys. With `SHORTHAND` set, a single value in its place stands for that key alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    SHORTHAND: ClassVar[str] = ""

    @model_validator(mode="before")
    @classmethod
    def _spelled_out(cls, value: Any) -> Any:
        return {cls.SHORTHAND: value} if cls.SHORTHAND and isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        spelled_out = handler.resolve_ref_schema(handler(schema))
        # The docstrings of these classes speak to those who read this file, not to those who write a config.
        spelled_out.pop("description", None)
        if not cls.SHORTHAND:
            return spelled_out
        return {"anyOf": [{"type": "string"}, spelled_out]}


class Retention(Shape):
    minutes: Duration | None = None
    """How long 1-minute rows are kept. Default 48h."""
    five_minutes: Duration | None = None
    """How long 5-minute rows are kept. Default 35d."""
    hours: Duration | None = None
    """How long hourly rows are kept. Default 400d."""


class Heartbeat(Shape):
    SHORTHAND = "url"
    url: SecretUrl | None = None
    """The address to ask, kept secret."""
    url_file: Line | None = None
    """File that holds the address."""
    every: SecondOrMore | None = None
    """How often. Default 60s."""


class Monitor(Shape):
    environment: Line | None = None
    """`deployment.environment.name` of everything that is told. Default production."""
    location: Line | None = None
    """Where the probes come from. Default local."""
    time_zone: TimeZone | None = None
    """IANA name: the hours of the week that baselines know. Default UTC."""
    state: Line | None = None
    """Folder of ledger, history and lock. Relative to this file. Default ./state."""
    listen: Address | None = None
    """HOST:PORT of dashboard and API. Default 127.0.0.1:8700."""
    token_file: Line | None = None
    """File with the token for everything that writes. Without it one is made in the state folder."""
    online: tuple[Url, ...] | None = None
    """Reference targets, at least two: when none of them answers, we are offline and nobody else is blamed."""
    heartbeat: Heartbeat | None = None
    """An address outside that is asked regularly, and raises the alarm when we fall silent."""
    retention: Retention | None = None
    """How long the history is kept."""
    proxy: Annotated[Url | None, NotYet()] = None


class Telemetry(Shape):
    otlp: Url | None = None
    """OTLP over HTTP: the base address of a collector, for example http://localhost:4318."""


class Loki(Shape):
    SHORTHAND = "url"
    url: Url
    queries: tuple[Text, ...] | None = None


class Grafana(Shape):
    url: Url
    token: Secret | None = None
    token_file: Line | None = None
    panels: dict[Name, Text] | None = None


class Sources(Shape):
    prometheus: Url | None = None
    """Where `traffic` queries are asked, for example http://localhost:9090."""
    loki: Annotated[Loki | None, NotYet()] = None
    tempo: Annotated[Url | None, NotYet()] = None
    grafana: Annotated[Grafana | None, NotYet()] = None


class Retry(Shape):
    times: Attempts | None = None
    """Further attempts after a failed one, 1 to 5. Default 1."""
    within: Duration | None = None
    """The last attempt begins no later than this after the first has ended. Default 2s."""


class Tls(Shape):
    verify: Switch | None = None
    """Whether the certificate must be valid. Default true."""
    ca: Line | None = None
    """PEM file of the authorities to trust instead of the system's. Relative to this file."""


class CheckShape(Shape):
    SHORTHAND = "http"
    http: Url | None = None
    """The URL to ask. It is ok when the status is expected."""
    collector: Url | None = None
    """Health address of an OpenTelemetry Collector, for example http://localhost:13133."""
    metrics: Url | None = None
    """With `collector`: its own metrics, to see whether its pipeline flows."""
    interval: Interval | None = None
    """How often it is asked, 1s to 24h. Default 30s."""
    timeout: Duration | None = None
    """For one whole attempt; shorter than the interval. Default 80% of the interval, 10s at most."""
    retry: Retry | None = None
    """Further attempts that tell a confirmed failure from an unconfirmed one; they never erase the first."""
    method: Method | None = None
    """GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS. Default GET."""
    headers: dict[HeaderName, HeaderValue] | None = None
    """Sent with the request, and dropped when a redirect leads to another host."""
    body: Text | None = None
    """Sent with the request."""
    status: Statuses | None = None
    """Accepted statuses: 200, 2xx, 200-299, or a list of them. Default 2xx."""
    redirects: Redirects | None = None
    """false: a redirect is the answer; a number: how many are followed. Default 10."""
    tls: Tls | None = None
    """What certificate is trusted."""
    max_body: Size | None = None
    """How much of the answer is read. Default 64KB."""
    data_loss: Switch | None = None
    """true: its confirmed failure means that data is lost, which is a SEV1 whatever the criticality. Default false."""
    expect: Annotated[tuple[Text, ...] | None, NotYet()] = None
    warn: Annotated[tuple[Text, ...] | None, NotYet()] = None


class SloShape(Shape):
    # These must be there, and a rule says so: were they required here, one fault would hide the other entries' faults.
    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["sli", "objective"]}, {"required": ["composite"]}]}
    )

    name: Name | None = None
    """What it is called, unique in its service. Default: made of what it counts."""
    sli: Annotated[str | None, *word("success", "latency", "ratio")] = None
    """What is counted as good: success is a probe that was ok, latency one that was ok and fast, ratio what PromQL
    counts."""
    objective: Share | None = None
    """The share that must be good: 99.9% or 0.999."""
    over: SloPeriod | None = None
    """The window of the budget: the last 1d to 90d, or the running day, week or month. Default 30d."""
    under: Duration | None = None
    """With `sli: latency`: what counts as fast."""
    check: Name | None = None
    """Only this check's probes. Default: those of all checks of the service."""
    budgeting: Annotated[str | None, *word("occurrences", "timeslices")] = None
    """What the budget is counted in: probes, or slices of time. Default occurrences."""
    slice: SecondOrMore | None = None
    """With timeslices: how long one is; whole minutes that divide the hour. Default 1m."""
    slice_target: SliceTarget | None = None
    """With timeslices: the share of good probes that makes a slice good. Default 100%."""
    total: Text | None = None
    """With `sli: ratio`: PromQL that counts all requests within `$window`: sum(increase(requests_total[$window]))."""
    good: Text | None = None
    """With `sli: ratio`: PromQL that counts the good ones; or `bad`."""
    bad: Text | None = None
    """With `sli: ratio`: PromQL that counts the bad ones; or `good`."""
    histogram: Text | None = None
    """With `sli: latency`: requests and not probes, by this selector of a histogram: the `_bucket` series of a classic
    one, or a native one."""
    window: MinuteToHour | None = None
    """With `ratio` or `histogram`: what `$window` stands for; at least four scrapes. Default 5m."""
    composite: dict[Name, Weight] | None = None
    """Instead of `sli`: other objectives of this service by name, each with its weight."""


class Traffic(Shape):
    requests: Text | None = None
    """PromQL: requests per second."""
    errors: Text | None = None
    """PromQL: failed requests per second. A rate, not a ratio."""
    latency: Text | None = None
    """PromQL: a quantile of the latency, in seconds."""
    queue_depth: Text | None = None
    """PromQL: how much waits. Above its baseline it is evidence for the severity."""


class Maintenance(Shape):
    weekly: Line
    counts: Switch | None = None


class When(Shape):
    deployed_within: Duration | None = None
    above_baseline: Annotated[str | None, *word("requests", "errors", "latency", "queue_depth")] = None


class Mitigation(Shape):
    when: When | None = None
    run: tuple[Text, ...]


class ServiceShape(Shape):
    criticality: Annotated[str | None, *word("critical", "high", "medium", "low")] = None
    """How much depends on it; decides the severity. Default medium."""
    tags: tuple[Line, ...] | None = None
    """Words of your own, shown and sent along."""
    depends_on: tuple[Name, ...] | None = None
    """Services whose failure explains this one's: one incident, not two."""
    checks: dict[Name, CheckShape] | None = None
    """The questions that are asked of it. A URL alone is an http check that wants a 2xx."""
    slos: tuple[SloShape, ...] | None = None
    """Objectives with an error budget."""
    traffic: Traffic | None = None
    """What real users see, from Prometheus."""
    deploys: Text | None = None
    """PromQL whose answer is another one after each deploy: count by (version) (app_info)."""
    maintenance: Annotated[tuple[Maintenance, ...] | None, NotYet()] = None
    mitigations: Annotated[dict[Name, Mitigation] | None, NotYet()] = None
    logs: Annotated[Line | None, NotYet()] = None


class IncidentsShape(Shape):
    open: Annotated[str | None, *word("auto", "suggest")] = None
    """auto opens by itself; suggest asks a person first. Default auto."""
    open_after: Wait | None = None
    """How long a breach must hold. Default 60s."""
    stable_for: SecondOrMore | None = None
    """How long every recovery condition must hold before it is resolved. Default 30m."""
    reopen_within: Wait | None = None
    """A relapse within this reopens the incident; later it is a new one. Default 30m."""
    evidence_wait: SecondOrMore | None = None
    """How long recovery may stay unproven before a person is asked. Default 2h."""
    update_every: SecondOrMore | None = None
    """The grid of updates while it is open. Default 15m."""
    postmortem_within: SecondOrMore | None = None
    """When the postmortem is due after resolution. Default 48h."""
    ack_within: Annotated[Duration | None, NotYet()] = None
    auto_send_after: Annotated[Duration | None, NotYet()] = None


class EvidenceShape(Shape):
    data_loss: Switch | None = None
    """A check that is marked with data_loss: true fails."""
    all_checks_failing: Switch | None = None
    """Whether every check of the service is confirmed failing."""
    failing_share: ShareComparison | None = None
    """The share of its checks that are confirmed failing."""
    dependents_failing: NumberComparison | None = None
    """How many services that depend on it have confirmed-failing checks."""
    traffic_usable: Switch | None = None
    """Whether Prometheus shows fresh traffic with requests in it."""
    traffic_errors: ShareComparison | None = None
    """The share of requests that fail; holds only where traffic is usable."""
    traffic_within_baseline: Switch | None = None
    """Whether that share is as usual; holds only where traffic is usable and has a baseline."""
    burn_short: NumberComparison | None = None
    """Burn rate of the fastest pair of windows."""
    burn: NumberComparison | None = None
    """The highest burn rate that both windows of a pair agree on."""
    latency_shift: Switch | None = None
    """Whether latency has shifted above its baseline, confirmed."""
    queue_anomaly: Switch | None = None
    """Whether more waits in a queue than usually does."""
    restart: Switch | None = None
    """Whether a check noticed that its target was restarted."""
    blind: Switch | None = None
    """Whether the monitor itself sees nothing; of its own incident only."""


_SEVERITY = word("SEV1", "SEV2", "SEV3", "SEV4")


class SuggestShape(Shape):
    SHORTHAND = "every"
    every: Annotated[str | None, *_SEVERITY] = None
    """For every criticality."""
    critical: Annotated[str | None, *_SEVERITY] = None
    """For a critical service."""
    high: Annotated[str | None, *_SEVERITY] = None
    """For a service of high criticality, not worse than for a critical one."""
    medium: Annotated[str | None, *_SEVERITY] = None
    """For a service of medium criticality, not worse than for a high one."""
    low: Annotated[str | None, *_SEVERITY] = None
    """For a service of low criticality, not worse than for a medium one."""


class SeverityRow(Shape):
    # As in SloShape: rules say what is missing.
    model_config = ConfigDict(json_schema_extra={"required": ["name", "suggest"]})

    name: Line | None = None
    """What it is called in tickets."""
    when: EvidenceShape | None = None
    """What must hold, all of it."""
    any: tuple[EvidenceShape, ...] | None = None
    """Instead of when: a list of such groups, of which one must hold."""
    suggest: SuggestShape | None = None
    """One severity for all, or one for each criticality."""


class PolicyShape(Shape):
    page: Switch | None = None
    """Whether somebody is woken."""
    chat: Switch | None = None
    """Whether a channel is told."""
    update_every: Cadence | None = None
    """A duration, or: on change."""
    external_draft: Switch | None = None
    """Whether a text for customers is drafted."""


class Webhook(Shape):
    url: Url
    """Where incidents are posted as JSON."""
    secret: Secret | None = None
    """Signs what is posted."""
    secret_file: Line | None = None
    """File that holds the secret."""


class Jira(Shape):
    url: Url
    project: Line
    user: Line | None = None
    token: Secret | None = None
    token_file: Line | None = None


class Tracker(Shape):
    folder: Line | None = None
    """Folder of Markdown tickets. Relative to this file. Default STATE/tickets when there is no other tracker."""
    webhook: Webhook | None = None
    """A program of yours that takes incidents."""
    jira: Annotated[Jira | None, NotYet()] = None


class Slack(Shape):
    token: Secret | None = None
    token_file: Line | None = None
    channel: Line


class Chat(Shape):
    slack: Slack | None = None


class Pagerduty(Shape):
    routing_key: Secret | None = None
    routing_key_file: Line | None = None


class Pages(Shape):
    pagerduty: Pagerduty | None = None


class StatusPage(Shape):
    folder: Line
    template: Line | None = None
    publish: Annotated[str | None, *word("on approval", "at once")] = None


class Hook(Shape):
    secret: Secret | None = None
    secret_file: Line | None = None


class Intake(Shape):
    alertmanager: Hook | None = None
    grafana: Hook | None = None


class Contact(Shape):
    primary: Line
    """Who is asked first."""
    backup: Line | None = None
    """Who is asked otherwise."""


class PlaybookShape(Shape):
    reviewed: Day | None = None
    """When your playbook was last reviewed, year-month-day."""
    review_every: Duration | None = None
    """How often it should be. Default 90d."""


class Root(Shape):
    monitor: Monitor | None = None
    """The monitor itself."""
    telemetry: Telemetry | None = None
    """Where its own telemetry goes."""
    sources: Sources | None = None
    """What others have measured."""
    services: dict[Name, ServiceShape] | None = None
    """What is watched."""
    incidents: IncidentsShape | None = None
    """When an incident opens, and when it is over."""
    severity: tuple[SeverityRow, ...] | None = None
    """The table that severities come from, instead of the playbook's. The first row that holds decides."""
    policy: dict[Annotated[str, *word("SEV1", "SEV2", "SEV3", "SEV4")], PolicyShape] | None = None
    """What a severity means for people, where it differs from the playbook."""
    tracker: Tracker | None = None
    """Where tickets are kept."""
    contacts: dict[Name, Contact] | None = None
    """Who takes which role."""
    playbook: PlaybookShape | None = None
    """When the playbook is to be reviewed."""
    chat: Annotated[Chat | None, NotYet()] = None
    pages: Annotated[Pages | None, NotYet()] = None
    status_page: Annotated[StatusPage | None, NotYet()] = None
    intake: Annotated[Intake | None, NotYet()] = None
